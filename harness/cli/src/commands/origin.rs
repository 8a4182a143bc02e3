//! Where a result comes from: the command that repeats it, when, on what.

use std::time::Instant;

use eventproof_reports::model::{BrokerInfo, Provenance};

use super::rig::RunIdentity;
use crate::args::{BrokerName, RigArguments};

/// The moment a command began.
#[derive(Clone)]
pub struct Origin {
    began: Instant,
    started_at: String,
}

impl Origin {
    /// Now.
    pub fn begin() -> Origin {
        let started_at = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        Origin { began: Instant::now(), started_at }
    }

    /// The provenance of a result that is ready now; its exit code is still to be set.
    pub fn provenance(self, command: String, identity: &RunIdentity, broker: BrokerInfo) -> Provenance {
        Provenance {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command,
            started_at: self.started_at,
            duration_ms: self.began.elapsed().as_secs_f64() * 1e3,
            seed: identity.seed,
            run_id: identity.run_id.clone(),
            broker,
            machine: machine(),
            ..Provenance::default()
        }
    }
}

/// The words of the options that choose broker and faults, for the command that repeats a result. Values of librdkafka
/// options are left out: they may be secrets.
pub fn rig_words(arguments: &RigArguments) -> Vec<String> {
    let mut words = Vec::new();
    match &arguments.brokers {
        Some(brokers) => words.extend(["--brokers".to_owned(), brokers.clone()]),
        None if arguments.broker == BrokerName::Container => {
            words.extend(["--broker".to_owned(), "container".to_owned()])
        }
        None if arguments.nodes > 1 => words.extend(["--nodes".to_owned(), arguments.nodes.to_string()]),
        None => {}
    }
    words.extend(arguments.faults.iter().flat_map(|fault| ["--fault".to_owned(), fault.clone()]));
    words
}

/// A word as a shell takes it: in quotes where it has something that a shell reads otherwise.
pub fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./:,=+@%".contains(letter);
    match word.is_empty() || !word.chars().all(plain) {
        true => format!("'{}'", word.replace('\'', "'\\''")),
        false => word.to_owned(),
    }
}

/// Operating system and processors.
fn machine() -> String {
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{} {}, {processors} processors", std::env::consts::OS, std::env::consts::ARCH)
}
