//! Where an event waits for another try: its records in the retry topics of whoever handles it.
//!
//! A record there is linked to its event as the contract says. It may be seen before the event itself, or before what links
//! them is known, so what nobody has claimed yet is kept.

use std::time::Duration;

use crate::cause::Place;
use crate::{At, Name, Observation, Seen, Surroundings};

/// Under this name a seen record says which bytes its payload is.
pub const BYTES: &str = "$message.payload (bytes)";
/// What attempts may take beside their pauses, before a record in a retry topic waits too long.
const SLACK: Duration = Duration::from_secs(2);

/// Where one receiver lets an event wait for another try.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RetryPath {
    /// Empty: it tries in place, and nothing waits anywhere.
    pub stops: Vec<RetryStop>,
    pub link: RecordLink,
    /// All pauses together.
    pub pauses: Duration,
    /// Where it puts what it gives up: the topic, and what links a dead letter to its event.
    pub dead: Option<(Name, RecordLink)>,
}

/// A retry topic, and the group that reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryStop {
    pub topic: Name,
    pub group: String,
}

/// What links a record elsewhere to the event that it was; names are those of a seen record's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum RecordLink {
    /// It has the event's id.
    #[default]
    SameId,
    /// It says the event's id there.
    Original(Name),
    /// It says where a record of the event stood.
    Position { topic: Name, partition: Name, offset: Name },
    /// Its payload is the event's.
    Bytes,
}

/// A record of the event that waits, or has waited, in a retry topic.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wait {
    pub place: Place,
    pub at: At,
    pub timestamp_ms: Option<i64>,
    /// Who reads it there.
    pub group: String,
}

/// What links are made of: all that is known of an event.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub id: Option<&'a Name>,
    pub places: &'a [Place],
    pub bytes: Option<&'a Name>,
    /// Its records on another path: what was given up may have waited in a retry topic last.
    pub waits: &'a [Wait],
}

/// How much is known of an event: it only grows.
type Extent = (usize, usize, bool, bool);

impl Known<'_> {
    fn extent(&self) -> Extent {
        (self.places.len(), self.waits.len(), self.id.is_some(), self.bytes.is_some())
    }
}

/// The records of one event on a path.
#[derive(Default)]
pub(super) struct Waiting {
    path: RetryPath,
    waits: Vec<Wait>,
    unclaimed: Vec<Seen>,
    /// How much was known when what is unclaimed was last looked at: of many events each is asked at every record.
    looked_with: Extent,
}

impl Waiting {
    pub fn on(path: RetryPath) -> Waiting {
        Waiting { path, ..Waiting::default() }
    }

    /// The event's dead letters instead: they wait for nothing.
    pub fn letters(dead: Option<(Name, RecordLink)>) -> Waiting {
        let path = dead.map(|(topic, link)| RetryPath {
            stops: vec![RetryStop { topic, group: String::new() }],
            link,
            ..RetryPath::default()
        });
        Waiting::on(path.unwrap_or_default())
    }

    /// Every record so far, in the order in which they were seen.
    pub fn waits(&self) -> &[Wait] {
        &self.waits
    }

    pub fn topics(&self) -> impl Iterator<Item = &Name> {
        self.path.stops.iter().map(|stop| &stop.topic)
    }

    /// Takes in one observation, after `known` has learned from it.
    pub fn observe(&mut self, observation: &Observation, known: &Known<'_>) {
        let mut is_news = std::mem::replace(&mut self.looked_with, known.extent()) != known.extent();
        if let Observation::Seen(seen) = observation
            && self.topics().any(|topic| *topic == seen.topic)
        {
            self.unclaimed.push(seen.clone());
            is_news = true;
        }
        if is_news && !self.unclaimed.is_empty() {
            self.claim(known);
        }
    }

    /// One claimed record may be what another one says it was, so it goes on until nothing is claimed.
    fn claim(&mut self, known: &Known<'_>) {
        loop {
            let found = self.unclaimed.iter().position(|seen| self.is_of(seen, known));
            let Some(found) = found else { break };
            let seen = self.unclaimed.remove(found);
            self.note(&seen);
        }
        let is_settled = match self.path.link {
            RecordLink::SameId | RecordLink::Original(_) => known.id.is_some(),
            RecordLink::Bytes => known.bytes.is_some(),
            // A further copy may stand where one of them says.
            RecordLink::Position { .. } => false,
        };
        if is_settled {
            self.unclaimed.clear();
        }
    }

    fn note(&mut self, seen: &Seen) {
        let Some(stop) = self.path.stops.iter().find(|stop| stop.topic == seen.topic) else { return };
        let place = seen.place();
        if !self.waits.iter().any(|wait| wait.place == place) {
            let (at, timestamp_ms, group) = (seen.at, seen.timestamp_ms, stop.group.clone());
            self.waits.push(Wait { place, at, timestamp_ms, group });
        }
    }

    fn is_of(&self, seen: &Seen, known: &Known<'_>) -> bool {
        match &self.path.link {
            RecordLink::SameId => known.id.is_some() && seen.id.as_ref() == known.id,
            RecordLink::Original(place) => known.id.is_some_and(|id| seen.field(place) == Some(id)),
            RecordLink::Bytes => known.bytes.is_some_and(|bytes| seen.field(BYTES) == Some(bytes)),
            RecordLink::Position { topic, partition, offset } => {
                let stood = |place: &Place| {
                    seen.field(topic) == Some(&place.topic)
                        && seen.field(partition) == Some(&place.partition.to_string())
                        && seen.field(offset) == Some(&place.offset.to_string())
                };
                let waits = known.waits.iter().chain(&self.waits).map(|wait| &wait.place);
                known.places.iter().chain(waits).any(stood)
            }
        }
    }

    /// The first record that its group has not committed past, with its number among all.
    pub fn open(&self, around: &Surroundings) -> Option<(usize, &Wait)> {
        self.waits.iter().enumerate().find(|(_, wait)| !around.is_past(&wait.group, &wait.place))
    }

    /// How much longer than usual everything may take, since the event is tried again.
    pub fn allowance(&self) -> Duration {
        if self.waits.is_empty() { Duration::ZERO } else { self.path.pauses * 2 + SLACK }
    }
}
