//! What the collector is told, and what it must know of the plan.

use std::time::Duration;

use eventproof_evidence::ledger::Leg;
use eventproof_evidence::{At, Blind, Name, Observation, Subject};

use super::asides::AsideSight;
use crate::draw::Draw;
use crate::plan::Aside;
use crate::shards::Split;
use crate::sink::size_of;
use crate::stages;

/// Intervals of a run: a longer run has longer ones, whole seconds each.
const INTERVALS: u64 = 600;

/// What the collector is told. Instants are stamped where the thing happened. Each message comes from another thread, and what
/// it costs to take one is how many lines of the cache it fills: what is long and rare is behind a pointer.
#[derive(Debug)]
pub(crate) enum Message {
    Sent {
        number: u64,
        planned: At,
        sent: At,
        /// Of the payload; of a request there is none.
        hash: Option<u64>,
    },
    /// A full queue let it wait, and it has no plan: only now it counts as sent.
    SentAgain {
        number: u64,
        sent: At,
    },
    /// A request is made now; before, it waited for its turn among the generator's own tasks.
    Began {
        number: u64,
        at: At,
    },
    Acknowledged {
        number: u64,
        at: At,
    },
    /// A request was answered as it should be; `link` is what its event is known by, if one follows.
    Answered {
        number: u64,
        link: Option<String>,
        at: At,
    },
    Refused {
        number: u64,
        why: String,
    },
    Unknown {
        number: u64,
        why: String,
    },
    /// A record of ours on one of the topics that keeps to the contract, as nearly all do.
    Ours(Ours),
    /// Any other record on one of the topics.
    Seen(Box<Sight>),
    /// A record in a retry or dead-letter topic.
    Aside(Box<AsideSight>),
    /// An effect, on the leg of its view.
    Effect {
        leg: Leg,
        event: Event,
        at: At,
    },
    /// A record of what follows from an event departs from the contract so.
    Faulty {
        number: u64,
        fault: String,
    },
    Group(Box<Observation>),
    /// A group is asked for its positions: of what stands on its topics now they are to tell.
    Asking {
        group: Name,
        at: At,
    },
    /// It has answered, and what is new was told.
    Positioned(Name),
    Blind(Box<Blind>),
    /// What could not be seen of a topic or view has been read by then.
    CaughtUp(Subject, At),
}

/// What there is to know of a record of ours that is as it should be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ours {
    pub number: u64,
    /// Of the payload, with its length.
    pub hash: u64,
    pub topic: u32,
    pub partition: i32,
    pub offset: i64,
    pub at: At,
}

/// A record on one of the topics.
#[derive(Debug)]
pub(crate) struct Sight {
    pub event: Event,
    /// What the request is known by that it may follow from.
    pub link: Option<String>,
    pub hash: u64,
    /// Bytes of its payload.
    pub size: usize,
    pub fault: Option<String>,
    /// The place of its topic in the frame.
    pub topic: usize,
    pub partition: i32,
    pub offset: i64,
    pub at: At,
}

impl From<Ours> for Sight {
    fn from(Ours { number, hash, topic, partition, offset, at }: Ours) -> Sight {
        let (event, size) = (Event::Ours(Some(number)), size_of(hash));
        Sight { event, link: None, hash, size, fault: None, topic: topic as usize, partition, offset, at }
    }
}

/// Which event something is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// One of ours, by the number in its id; none if the id is nobody's.
    Ours(Option<u64>),
    /// One that a service made, by its id.
    Theirs(Option<Name>),
}

/// What the fold needs to know of the plan.
pub(crate) struct Frame {
    pub start: At,
    /// Events planned from here on are measured.
    pub measured_from: At,
    /// The number of the first event.
    pub first: u64,
    pub draw: Draw,
    /// Whether events have planned instants; without them there is nothing that a send could slip behind.
    pub planned: bool,
    pub lanes: Vec<Lane>,
    /// Names of the arms; one without a name where there is nothing to tell apart.
    pub arms: Vec<String>,
    /// What the first stage is called.
    pub first_stage: &'static str,
    pub topics: Vec<String>,
    /// Whose effects are seen; behind them, messages that follow.
    pub groups: Vec<Group>,
    /// The views that show them, in the order of the groups.
    pub views: Vec<String>,
    pub follows: Vec<String>,
    /// Those of which nothing but their positions is seen.
    pub committing: Vec<Group>,
    /// How often positions are asked for.
    pub asked_every: Duration,
    /// How late an effect may be seen in a view.
    pub effect_error: Duration,
    /// Those whose lag is watched: all of them.
    pub lagging: Vec<Group>,
    /// Whether events follow from requests instead of being sent here.
    pub linked: bool,
    /// How long an interval is.
    pub interval: Duration,
    /// Where several processes send this load: which events are this one's.
    pub split: Option<Split>,
    /// Where events may be besides done or on their way.
    pub asides: Vec<Aside>,
    /// Memory of this process now, in megabytes.
    pub resident: fn() -> f64,
}

/// What is the same for all events of one message, or for all requests of one arm.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub arm: usize,
    /// Events of equal key and equal order must not overtake each other.
    pub order: u64,
    /// Whether its records have a key. Without one they go to any partition, and have no order.
    pub keyed: bool,
    /// Which legs its events are owed on: the topic, then each group.
    pub legs: Vec<bool>,
    /// Which of the groups of which only positions are seen consume its events.
    pub committing: Vec<bool>,
    /// By leg: how long after its planned instant an event may come there, where something says so.
    pub deadlines: Vec<Option<Duration>>,
}

/// A group whose effects or lag are watched.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub name: String,
    /// The topics that it reads, by their places in the frame.
    pub topics: Vec<usize>,
}

impl Frame {
    /// The length of the intervals of a run that is planned to last so long.
    pub fn interval_of(planned: Duration) -> Duration {
        Duration::from_secs((planned.as_secs() / INTERVALS).max(1))
    }

    /// Whether a leg is no group's but a message's that follows.
    pub fn is_message(&self, name: &str) -> bool {
        self.follows.iter().any(|follows| follows == name)
    }

    /// Whose effects a view shows; none if it is not known.
    pub fn group_of_view(&self, view: &str) -> Option<&str> {
        let group = self.views.iter().position(|known| known == view)?;
        self.groups.get(group).map(|group| group.name.as_str())
    }

    /// How many stages an arm has.
    pub fn stages(&self) -> usize {
        2 + self.groups.len() + self.committing.len()
    }

    /// The groups of the stages, in their order.
    pub fn group_names(&self) -> Vec<&str> {
        self.groups.iter().chain(&self.committing).map(|group| group.name.as_str()).collect()
    }

    /// The lane of an event.
    pub fn lane(&self, number: u64) -> &Lane {
        &self.lanes[self.lane_index(number)]
    }

    /// The places of the stages behind the first that an event has to come to.
    pub fn places(&self, number: u64) -> impl Iterator<Item = usize> {
        let (lane, stages) = (self.lane(number), self.stages());
        let owed = lane.legs.iter().chain(&lane.committing).enumerate().filter(|(_, owed)| **owed);
        owed.map(move |(leg, _)| stages::place(lane.arm, leg + 1, stages))
    }

    /// Its place among the lanes.
    pub fn lane_index(&self, number: u64) -> usize {
        match self.linked {
            // Arms take turns, so that whatever happens meanwhile happens to all of them.
            true => (number - self.first) as usize % self.lanes.len(),
            false => self.draw.lane(number),
        }
    }

    /// Whether an event is sent and judged by this process.
    pub fn owns(&self, number: u64) -> bool {
        self.split.as_ref().is_none_or(|split| split.owns(self.draw.lane(number), self.draw.key(number)))
    }

    /// What an event is kept by, and its order judged, if it has one. Requests have no order: many are under way at once.
    pub fn key(&self, number: u64) -> u64 {
        if self.linked { number } else { (self.lane(number).order << 40) | self.draw.key(number) }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::size_of;

    use super::Message;

    #[test]
    fn a_message_fits_into_a_line_of_the_cache() {
        assert!(size_of::<Message>() <= 48, "{} bytes", size_of::<Message>());
    }
}
