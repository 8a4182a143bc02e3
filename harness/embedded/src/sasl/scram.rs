//! The server's side of SCRAM (RFC 5802), with SHA-256 (RFC 7677) and SHA-512. Names and passwords are taken as they are:
//! SASLprep would change only letters beyond ASCII.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256, Sha512};

use crate::config::User;

/// Kafka's least number of iterations.
const ITERATIONS: u32 = 4096;

/// Which hash a mechanism uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    /// The mechanism's name.
    pub fn name(self) -> &'static str {
        match self {
            Hash::Sha256 => "SCRAM-SHA-256",
            Hash::Sha512 => "SCRAM-SHA-512",
        }
    }

    fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha256 => Sha256::digest(data).to_vec(),
            Hash::Sha512 => Sha512::digest(data).to_vec(),
        }
    }

    /// A keyed hash. Every length of key is taken, so there is always one.
    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha256 => {
                Hmac::<Sha256>::new_from_slice(key).map(|mac| mac.chain_update(data).finalize().into_bytes().to_vec())
            }
            Hash::Sha512 => {
                Hmac::<Sha512>::new_from_slice(key).map(|mac| mac.chain_update(data).finalize().into_bytes().to_vec())
            }
        }
        .unwrap_or_default()
    }

    fn salted(self, password: &[u8], salt: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha256 => {
                let mut out = vec![0; 32];
                pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, ITERATIONS, &mut out);
                out
            }
            Hash::Sha512 => {
                let mut out = vec![0; 64];
                pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, ITERATIONS, &mut out);
                out
            }
        }
    }
}

/// Who the client's first message names.
pub(crate) fn name_in(message: &[u8]) -> Option<String> {
    named_by(std::str::from_utf8(message).ok()?.split(',').nth(2)?)
}

fn named_by(part: &str) -> Option<String> {
    Some(part.strip_prefix("n=")?.replace("=2C", ",").replace("=3D", "="))
}

/// A conversation that waits for the client's last message.
#[derive(Debug)]
pub(crate) struct Scram {
    pub hash: Hash,
    pub user: String,
    salted: Vec<u8>,
    client_first_bare: String,
    server_first: String,
    nonce: String,
    /// What the client's channel binding must repeat.
    gs2_header: String,
}

impl Scram {
    /// The client's first message; gives the server's, or nothing if it is none or the user is unknown.
    pub fn begin(hash: Hash, message: &[u8], users: &[User], nonce: &str, salt: &[u8]) -> Option<(Scram, Vec<u8>)> {
        let message = std::str::from_utf8(message).ok()?;
        let (binding, rest) = message.split_once(',')?;
        let (acts_for, bare) = rest.split_once(',')?;
        // "p=…" would bind to a channel of TLS, and there is none.
        if !matches!(binding, "n" | "y") {
            return None;
        }
        let mut parts = bare.split(',');
        let name = named_by(parts.next()?)?;
        let client_nonce = parts.next()?.strip_prefix("r=")?;
        let named = acts_for.is_empty() || acts_for.strip_prefix("a=").is_some_and(|other| other == name);
        let user = users.iter().find(|user| user.name == name).filter(|_| named)?;
        let nonce = format!("{client_nonce}{nonce}");
        let server_first = format!("r={nonce},s={},i={ITERATIONS}", STANDARD.encode(salt));
        let scram = Scram {
            hash,
            user: name,
            salted: hash.salted(user.password.as_bytes(), salt),
            client_first_bare: bare.to_owned(),
            server_first: server_first.clone(),
            nonce,
            gs2_header: format!("{binding},{acts_for},"),
        };
        Some((scram, server_first.into_bytes()))
    }

    /// The client's last message; gives the server's own signature, or nothing if the proof is wrong.
    pub fn finish(&self, message: &[u8]) -> Option<Vec<u8>> {
        let message = std::str::from_utf8(message).ok()?;
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        let mut parts = without_proof.split(',');
        let binding = STANDARD.decode(parts.next()?.strip_prefix("c=")?).ok()?;
        if binding != self.gs2_header.as_bytes() || parts.next()?.strip_prefix("r=")? != self.nonce {
            return None;
        }
        let signed = format!("{},{},{without_proof}", self.client_first_bare, self.server_first);
        let client_key = self.hash.hmac(&self.salted, b"Client Key");
        let signature = self.hash.hmac(&self.hash.digest(&client_key), signed.as_bytes());
        let expected: Vec<u8> = client_key.iter().zip(&signature).map(|(key, bit)| key ^ bit).collect();
        if STANDARD.decode(proof).ok()? != expected {
            return None;
        }
        let server_key = self.hash.hmac(&self.salted, b"Server Key");
        Some(format!("v={}", STANDARD.encode(self.hash.hmac(&server_key, signed.as_bytes()))).into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Vec<User> {
        vec![User { name: "user".into(), password: "pencil".into() }]
    }

    /// The example of RFC 7677, section 3.
    #[test]
    fn the_conversation_of_the_rfc_comes_out_letter_by_letter() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let first = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
        let (scram, answer) = Scram::begin(Hash::Sha256, first, &users(), nonce, &salt).unwrap();
        let expected = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        assert_eq!(String::from_utf8(answer).unwrap(), expected);
        let last = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let signature = scram.finish(last.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(signature).unwrap(), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        assert_eq!(scram.finish(last.replace("dHzb", "dHzc").as_bytes()), None);
        assert_eq!(scram.finish(last.replace("biws", "eSws").as_bytes()), None);
    }

    #[test]
    fn what_is_no_first_message_or_names_nobody_is_refused() {
        for message in ["n,,n=mallory,r=x", "p=tls-unique,,n=user,r=x", "n,a=other,n=user,r=x", "n,,r=x", "", "n"] {
            assert!(Scram::begin(Hash::Sha512, message.as_bytes(), &users(), "s", b"salt").is_none(), "{message}");
        }
    }
}
