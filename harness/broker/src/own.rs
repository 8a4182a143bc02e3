//! The topics that eventproof makes for itself, where several processes send one load: they are nobody's system.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A topic of eventproof's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnTopic {
    pub name: &'static str,
    /// How long its records are kept.
    pub retention: Duration,
}

/// Where shards announce themselves, and where the whole's end is told.
pub const CONTROL: OwnTopic = OwnTopic { name: "eventproof.control", retention: DAY };

/// Where shards publish what they measured.
pub const RESULTS: OwnTopic = OwnTopic { name: "eventproof.results", retention: Duration::from_secs(7 * 24 * 3600) };

/// Whether a topic is of eventproof's own making, and so never an undeclared one of the system.
pub(crate) fn is_own(topic: &str) -> bool {
    [CONTROL, RESULTS].iter().any(|own| own.name == topic)
}
