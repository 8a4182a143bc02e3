//! The shared vocabulary: everything that can be observed of a system under test.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::At;
use crate::{Blind, Subject};

/// A name that many observations share: a topic, a group, an event id.
pub type Name = Arc<str>;

/// One thing that happened, with the moment at which eventproof came to know of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Observation {
    /// An event was planned for this instant (which may lie before the send: the difference is the generator's own).
    Planned { event: Name, at: At },
    /// A record was handed to the producer.
    Sent { event: Name, topic: Name, key: Option<Name>, at: At },
    /// The broker acknowledged the record.
    Acknowledged { event: Name, topic: Name, partition: i32, offset: i64, at: At },
    /// The broker or the client refused the record: it is not on the topic.
    Refused { event: Name, error: String, at: At },
    /// Nobody can say whether the record was written: a time-out, a lost answer.
    Unknown { event: Name, error: String, at: At },
    /// The recorder read a record from a topic.
    Seen(Seen),
    /// A group's committed position: the next offset that it would read.
    Committed { group: Name, topic: Name, partition: i32, offset: i64, at: At },
    /// A group's state, the ids of its members, and how many partitions they own together.
    Group { group: Name, state: GroupState, members: Vec<Name>, owned: usize, at: At },
    /// An effect that counts: a row, a call, a derived event that names the event it came from.
    Effect { view: Name, event: Name, subject: Option<Name>, at: At },
    /// A service called a stub; `event` is the one that the call says it is for.
    Called { stub: Name, event: Option<Name>, status: u16, at: At },
    /// A service printed that it tries to handle an event; `said_ms` is the line's own time, milliseconds since the epoch.
    Attempted { service: Name, event: Name, said_ms: Option<i64>, at: At },
    /// A view was asked whether it shows something.
    Sampled(Sample),
    /// A service was started; it is not ready yet. `like` is the service of which it is another instance.
    Started {
        service: Name,
        #[serde(default)]
        like: Option<Name>,
        at: At,
    },
    /// A service said that it is ready.
    Ready { service: Name, at: At },
    /// We ask a service to end, or are about to kill it. It may leave its groups long before its process is gone.
    Ending { service: Name, at: At },
    /// A service ended.
    Died { service: Name, status: String, by_us: bool, last_lines: Vec<String>, at: At },
    /// We stopped a service in its tracks: it is there and does nothing.
    Paused { service: Name, at: At },
    /// We let a paused service go on.
    WentOn { service: Name, at: At },
    /// A group whose members nobody sees was found to handle what is new, after something was done to its service.
    Recovered { group: Name, at: At },
    /// A service showed the broker who it is; `refused` is what the broker answered, if it did not let it in.
    Login { service: Name, refused: Option<String>, at: At },
    /// The observer could not see: whatever is absent in this span proves nothing.
    Blind(Blind),
    /// The observer of `what` has since read everything that it had missed: its earlier blindness hides nothing.
    CaughtUp { what: Subject, at: At },
    /// Something worth a line on the time line of a scenario.
    Note { text: String, at: At },
}

/// A record as the recorder saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    pub topic: Name,
    pub partition: i32,
    pub offset: i64,
    /// Arrival in the recorder.
    pub at: At,
    /// The record's own timestamp, milliseconds since the epoch, where it has one.
    pub timestamp_ms: Option<i64>,
    /// The key as text; bytes that are no text as `0x…`.
    pub key: Option<Name>,
    /// What the contract's envelope says of the record.
    pub id: Option<Name>,
    pub event_type: Option<Name>,
    pub correlation: Option<Name>,
    /// Fields by which a record can be recognised, as JSON pointer and text; sensitive ones are left out.
    pub fields: Vec<(Name, Name)>,
    /// How the record departs from the contract; empty where it conforms.
    pub violations: Vec<String>,
}

impl Seen {
    /// The text of a field that the recorder kept.
    pub fn field(&self, pointer: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| &**name == pointer).map(|(_, text)| &**text)
    }
}

/// One look at a view. What it shows was true at some moment between `asked` and `answered`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub view: Name,
    /// What was looked for, as the scenario names it.
    pub subject: Name,
    /// `None`: the view did not answer, or not with something that could be understood.
    pub shown: Option<bool>,
    /// Which version of it, where the view says versions.
    #[serde(default)]
    pub version: Option<i64>,
    /// What the view answered instead, or the error, in a line.
    pub detail: String,
    pub asked: At,
    pub answered: At,
}

/// What state a consumer group is in, in Kafka's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupState {
    /// No group of that name, or nothing left of it.
    Dead,
    /// The group has committed positions, but no members.
    Empty,
    /// Members are joining, or wait for their assignment.
    Rebalancing,
    /// Every member has its assignment.
    Stable,
}

impl Observation {
    /// When eventproof came to know of it.
    pub fn at(&self) -> At {
        match self {
            Observation::Planned { at, .. }
            | Observation::Sent { at, .. }
            | Observation::Acknowledged { at, .. }
            | Observation::Refused { at, .. }
            | Observation::Unknown { at, .. }
            | Observation::Committed { at, .. }
            | Observation::Group { at, .. }
            | Observation::Effect { at, .. }
            | Observation::Called { at, .. }
            | Observation::Attempted { at, .. }
            | Observation::Started { at, .. }
            | Observation::Ready { at, .. }
            | Observation::Ending { at, .. }
            | Observation::Died { at, .. }
            | Observation::Paused { at, .. }
            | Observation::WentOn { at, .. }
            | Observation::Recovered { at, .. }
            | Observation::Login { at, .. }
            | Observation::CaughtUp { at, .. }
            | Observation::Note { at, .. } => *at,
            Observation::Seen(seen) => seen.at,
            Observation::Sampled(sample) => sample.answered,
            Observation::Blind(blind) => blind.to.unwrap_or(blind.from),
        }
    }
}
