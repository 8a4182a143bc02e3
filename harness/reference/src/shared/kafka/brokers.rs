//! Where Kafka is, and as whom a service comes: what every Kafka client of a service begins with.

use std::fmt;

use rdkafka::ClientConfig;

/// Bootstrap servers, and who is asked for where they want to know.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Brokers {
    pub(crate) addresses: String,
    pub(crate) login: Option<Login>,
}

/// How a service shows who it is, in Kafka's words.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    /// `sasl_plaintext` or `sasl_ssl`.
    pub(crate) protocol: String,
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub(crate) mechanism: String,
    pub(crate) user: String,
    /// Never printed.
    pub(crate) password: String,
}

impl Brokers {
    /// Brokers that ask nobody who they are.
    pub(crate) fn open(addresses: &str) -> Brokers {
        Brokers { addresses: addresses.to_owned(), login: None }
    }

    /// The base of a client's configuration.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.addresses);
        if let Some(login) = &self.login {
            config
                .set("security.protocol", &login.protocol)
                .set("sasl.mechanism", &login.mechanism)
                .set("sasl.username", &login.user)
                .set("sasl.password", &login.password);
        }
        config
    }

    /// The same with a password that is not the right one.
    pub(crate) fn with_wrong_password(&self) -> Brokers {
        let wrong = |login: &Login| Login { password: format!("not {}", login.password), ..login.clone() };
        Brokers { addresses: self.addresses.clone(), login: self.login.as_ref().map(wrong) }
    }
}

/// Who comes is told, never with what.
impl fmt::Display for Brokers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.login {
            None => f.write_str(&self.addresses),
            Some(login) => write!(f, "{} (as {}, {})", self.addresses, login.user, login.mechanism),
        }
    }
}

impl fmt::Debug for Brokers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
