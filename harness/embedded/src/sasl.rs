//! Who a client is: the steps of SASL PLAIN (RFC 4616) and SCRAM (RFC 5802, RFC 7677) on one connection.

mod scram;

use crate::codes;
use crate::config::User;
use scram::{Hash, Scram};

/// What is offered, in the names of the registry of mechanisms.
pub(crate) const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

/// Where a connection stands.
#[derive(Debug)]
pub(crate) enum Login {
    /// Nothing is asked, or everything was shown.
    Done,
    /// A mechanism is to be chosen.
    Unchosen,
    Plain,
    ScramFirst(Hash),
    ScramFinal(Scram),
    /// It failed: the connection is worth nothing any more.
    Failed,
}

/// What goes back to the client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Go(Vec<u8>),
    /// Error code and message.
    Refused(i16, String),
}

impl Login {
    /// A new connection: nothing is asked where there are no users.
    pub fn new(users: &[User]) -> Login {
        if users.is_empty() { Login::Done } else { Login::Unchosen }
    }

    pub fn is_done(&self) -> bool {
        matches!(self, Login::Done)
    }

    /// Who the client says it is with its next message; `None` where a message says nothing of it.
    pub fn name_in(&self, message: &[u8]) -> Option<String> {
        match self {
            Login::Plain => {
                let name = message.split(|byte| *byte == 0).nth(1)?;
                Some(String::from_utf8_lossy(name).into_owned())
            }
            Login::ScramFirst(_) => scram::name_in(message),
            Login::ScramFinal(scram) => Some(scram.user.clone()),
            Login::Done | Login::Unchosen | Login::Failed => None,
        }
    }

    /// The client names a mechanism; the error is Kafka's code.
    pub fn choose(&mut self, mechanism: &str) -> Result<(), i16> {
        if !matches!(self, Login::Unchosen) {
            return Err(codes::ILLEGAL_SASL_STATE);
        }
        *self = match mechanism {
            "PLAIN" => Login::Plain,
            "SCRAM-SHA-256" => Login::ScramFirst(Hash::Sha256),
            "SCRAM-SHA-512" => Login::ScramFirst(Hash::Sha512),
            _ => return Err(codes::UNSUPPORTED_SASL_MECHANISM),
        };
        Ok(())
    }

    /// The client's next message.
    pub fn step(&mut self, message: &[u8], users: &[User]) -> Answer {
        let (next, answer) = match std::mem::replace(self, Login::Failed) {
            Login::Plain => match plain(message, users) {
                true => (Login::Done, Answer::Go(Vec::new())),
                false => refused("Authentication failed: Invalid username or password"),
            },
            Login::ScramFirst(hash) => match Scram::begin(hash, message, users, &nonce(), nonce().as_bytes()) {
                Some((scram, answer)) => (Login::ScramFinal(scram), Answer::Go(answer)),
                None => refused(&failed(hash)),
            },
            Login::ScramFinal(scram) => match scram.finish(message) {
                Some(answer) => (Login::Done, Answer::Go(answer)),
                None => refused(&failed(scram.hash)),
            },
            // Who is in stays in, as with Apache Kafka; whoever skipped the handshake does not come in.
            state @ (Login::Done | Login::Unchosen | Login::Failed) => {
                let message = "SaslAuthenticate request received out of turn".to_owned();
                let next = if state.is_done() { Login::Done } else { Login::Failed };
                (next, Answer::Refused(codes::ILLEGAL_SASL_STATE, message))
            }
        };
        *self = next;
        answer
    }
}

fn refused(message: &str) -> (Login, Answer) {
    (Login::Failed, Answer::Refused(codes::SASL_AUTHENTICATION_FAILED, message.to_owned()))
}

fn failed(hash: Hash) -> String {
    format!(
        "Authentication failed during authentication due to invalid credentials with SASL mechanism {}",
        hash.name()
    )
}

/// `authzid NUL authcid NUL password`; whoever acts for another is refused.
fn plain(message: &[u8], users: &[User]) -> bool {
    let mut parts = message.split(|byte| *byte == 0);
    let (Some(acts_for), Some(name), Some(password), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let known = users.iter().any(|user| user.name.as_bytes() == name && user.password.as_bytes() == password);
    known && (acts_for.is_empty() || acts_for == name)
}

/// Letters that nobody could have known before.
fn nonce() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Vec<User> {
        vec![User { name: "alice".into(), password: "secret".into() }]
    }

    #[test]
    fn plain_takes_the_right_password_only_and_nobody_who_acts_for_another() {
        for (message, held) in [
            (&b"\0alice\0secret"[..], true),
            (b"alice\0alice\0secret", true),
            (b"bob\0alice\0secret", false),
            (b"\0alice\0wrong", false),
            (b"\0mallory\0secret", false),
            (b"\0alice\0secret\0", false),
            (b"", false),
        ] {
            let mut login = Login::new(&users());
            assert!(!login.is_done());
            login.choose("PLAIN").unwrap();
            login.step(message, &users());
            assert_eq!(login.is_done(), held, "{message:?}");
        }
    }

    #[test]
    fn steps_out_of_order_are_refused_and_leave_nothing_open() {
        let mut login = Login::new(&users());
        assert!(matches!(login.step(b"\0alice\0secret", &users()), Answer::Refused(codes::ILLEGAL_SASL_STATE, _)));
        assert_eq!(login.choose("PLAIN"), Err(codes::ILLEGAL_SASL_STATE));
        let mut login = Login::new(&users());
        assert_eq!(login.choose("GSSAPI"), Err(codes::UNSUPPORTED_SASL_MECHANISM));
        assert_eq!(login.choose("PLAIN"), Ok(()));
        let mut open = Login::new(&[]);
        assert!(matches!(open.step(b"", &[]), Answer::Refused(codes::ILLEGAL_SASL_STATE, _)));
        assert!(open.is_done());
    }
}
