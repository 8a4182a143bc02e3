//! Records of a trace, and where they come from.

use std::path::PathBuf;
use std::time::Duration;

use eventproof_contract::Record;

/// A trace is kept in memory while it is sent: so many records at most.
pub(crate) const MOST: usize = 1_000_000;

/// Where a trace comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Replayed {
    /// JSON lines.
    File(PathBuf),
    /// A topic, between two instants in milliseconds since 1970.
    Topic { topic: String, from_ms: Option<i64>, to_ms: Option<i64> },
}

/// Records in the order in which they are sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    pub records: Vec<Traced>,
}

/// A record of a trace.
#[derive(Clone, Debug)]
pub(crate) struct Traced {
    /// Since the first one.
    pub at: Duration,
    pub message: String,
    pub record: Record,
    /// For people: `line 12`, `orders[0]@41`.
    pub place: String,
}

impl std::fmt::Display for Replayed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Replayed::File(path) => write!(f, "the trace {}", path.display()),
            Replayed::Topic { topic, .. } => write!(f, "topic {topic}"),
        }
    }
}
