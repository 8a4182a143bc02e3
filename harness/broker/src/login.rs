//! Who comes to a broker, and with what: mechanisms of SASL, and passwords that nobody prints.

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;

/// Something that is in no output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret that is known from elsewhere.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// One that nobody could have known before.
    pub fn made_up() -> Secret {
        Secret(uuid::Uuid::new_v4().simple().to_string())
    }

    /// The text itself, for whoever must be told.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A name and its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub user: String,
    pub password: Secret,
}

/// What a broker of ours asks of everybody who connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sasl {
    /// `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`.
    pub mechanism: String,
    /// As whom eventproof itself comes.
    pub own: Credentials,
    /// As whom each service comes.
    pub services: BTreeMap<String, Credentials>,
}

impl Sasl {
    /// The first of these mechanisms that the Kafka client of this build speaks: without OpenSSL it has no SCRAM.
    pub fn spoken(mechanisms: &[String]) -> Option<&String> {
        let features = ClientConfig::new().create_native_config().and_then(|config| config.get("builtin.features"));
        let scram = features.is_ok_and(|features| features.split(',').any(|one| one.trim() == "sasl_scram"));
        mechanisms.iter().find(|mechanism| scram || !mechanism.starts_with("SCRAM"))
    }

    /// The options of eventproof's own clients.
    pub(crate) fn options(&self) -> BTreeMap<String, String> {
        let options = [
            ("security.protocol", "sasl_plaintext"),
            ("sasl.mechanism", &self.mechanism),
            ("sasl.username", &self.own.user),
            ("sasl.password", self.own.password.expose()),
        ];
        options.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// The service that comes under this name.
    pub(crate) fn service_of(&self, user: &str) -> Option<&str> {
        self.services.iter().find(|(_, one)| one.user == user).map(|(service, _)| service.as_str())
    }

    pub(crate) fn everybody(&self) -> impl Iterator<Item = &Credentials> {
        std::iter::once(&self.own).chain(self.services.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_printed_has_a_password_in_it() {
        let own = Credentials { user: "eventproof".into(), password: Secret::new("hunter2") };
        let sasl = Sasl { mechanism: "PLAIN".into(), own, services: BTreeMap::new() };
        assert!(!format!("{sasl:?}").contains("hunter2"));
        assert_eq!(sasl.options()["sasl.password"], "hunter2");
        assert_ne!(Secret::made_up(), Secret::made_up());
    }

    #[test]
    fn a_mechanism_that_the_client_has_not_is_passed_over() {
        let plain = "PLAIN".to_owned();
        assert_eq!(Sasl::spoken(std::slice::from_ref(&plain)), Some(&plain));
        assert!(Sasl::spoken(&["SCRAM-SHA-512".to_owned(), plain]).is_some());
    }
}
