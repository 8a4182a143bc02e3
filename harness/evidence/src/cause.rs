//! How a promise was broken, in words that say what was expected and what was found.

use std::fmt;
use std::time::Duration;

use crate::Waited;

/// A place on a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]@{}", self.topic, self.partition, self.offset)
    }
}

/// How a service ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    pub service: String,
    pub status: String,
    /// Whether we ended it ourselves: then nothing that follows from it is its fault.
    pub by_us: bool,
    pub last_lines: Vec<String>,
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "service \"{}\" is dead ({})", self.service, self.status)?;
        if !self.last_lines.is_empty() {
            write!(f, "; its last lines:")?;
        }
        self.last_lines.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

/// A broker did not let a service in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub service: String,
    /// The broker's own words.
    pub why: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the broker does not let service \"{}\" in: {}", self.service, self.why)
    }
}

/// Which of the ways of not arriving it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The service that should have done it is dead.
    ServiceDead(Death),
    /// The broker does not let the service in that should have done it.
    Refused(Refusal),
    /// The group has not read that far.
    GroupBehind { group: String, behind: i64, committed: i64, record: Place },
    /// No member of the group owns the partition.
    GroupNotStable { group: String, state: String },
    /// The group has read past the record, and still there is no effect.
    HandledWithoutEffect { group: String, committed: i64, record: Place },
    /// It waits in a retry topic for another attempt.
    InRetryTopic { attempt: usize, group: String, record: Place },
    /// It was given up: its dead letter is there.
    DeadLettered { record: Place, letter: Place },
    /// Nothing more is known: the group's positions were never seen, or are too old to explain anything.
    Unexplained { group: String, record: Place },
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::ServiceDead(death) => death.fmt(f),
            Missing::Refused(refusal) => refusal.fmt(f),
            Missing::GroupBehind { group, behind, committed, record } => write!(
                f,
                "the record is at {record}, but group \"{group}\" is behind by {behind} {} (committed offset {committed})",
                records(*behind)
            ),
            Missing::GroupNotStable { group, state } => {
                write!(f, "group \"{group}\" is {state}: no member owns the partition")
            }
            Missing::HandledWithoutEffect { group, committed, record } => write!(
                f,
                "the record is at {record} and group \"{group}\" has committed offset {committed}, past it: it was read, without effect"
            ),
            Missing::InRetryTopic { attempt, group, record } => write!(
                f,
                "it waits in retry topic \"{}\" for attempt {attempt}: its record is at {record}, and group \"{group}\" has not committed past it",
                record.topic
            ),
            Missing::DeadLettered { record, letter } => {
                write!(f, "the record is at {record}, and it was given up: its dead letter is at {letter}")
            }
            Missing::Unexplained { group, record } => {
                write!(f, "the record is at {record}; how far group \"{group}\" has read is not known")
            }
        }
    }
}

/// A record that is like the one that was waited for, field by field.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    pub place: Place,
    /// When it came, counted from when the other was waited for.
    pub after: Duration,
    pub key: Option<String>,
    /// The key that was waited for, where one is known.
    pub expected_key: Option<String>,
    /// Fields and headers that are as they should be.
    pub agrees: Vec<(String, String)>,
    /// Field or header, expected, found (nothing where the record has no such field).
    pub differs: Vec<(String, String, Option<String>)>,
}

impl fmt::Display for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the nearest came at {} after {}:", self.place, duration(self.after))?;
        let found = |text: &Option<String>| text.as_ref().map_or("none".to_owned(), |text| format!("\"{text}\""));
        match &self.expected_key {
            Some(key) if self.key.as_ref() != Some(key) => {
                write!(f, "\n    - key: expected \"{key}\", found {}", found(&self.key))?;
            }
            _ => write!(f, "\n      key: {}", found(&self.key))?,
        }
        for (field, expected, actual) in &self.differs {
            write!(f, "\n    - {field}: expected \"{expected}\", found {}", found(actual))?;
        }
        self.agrees.iter().try_for_each(|(field, text)| write!(f, "\n      {field}: \"{text}\""))
    }
}

/// How a promise was broken.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// The event never reached its topic; it may have been put on another one instead.
    NotOnTopic {
        what: String,
        topic: String,
        waited: Waited,
        instead: Option<Place>,
        near: Option<Box<Near>>,
        death: Option<Death>,
        refusal: Option<Box<Refusal>>,
    },
    /// The event is on its topic, and whoever reads committed records only does not see it: its transaction was aborted; or it, or one
    /// before it on the partition, is open.
    Uncommitted { what: String, waited: Waited, place: Place, aborted: bool },
    /// The event is there, under another key.
    WrongKey { what: String, place: Place, expected: String, actual: Option<String> },
    /// The event is on its topic more than once.
    Doubled { what: String, places: Vec<String> },
    /// The event is there with its key, on a partition where its partitioner would not put it.
    WrongPartition { what: String, place: Place, key: String, expected: i32 },
    /// It came, too late.
    Late { what: String, limit: Duration, by: Duration },
    /// The event is on its topic, and what should follow did not.
    NoEffect { what: String, waited: Waited, missing: Missing },
    /// What should have gone is still there.
    StillShown { what: String, waited: Waited, missing: Missing },
    /// It happened more often than it should.
    Repeated { what: String, view: String, expected: u64, actual: u64 },
    /// What should not be there is.
    Unwanted { what: String, view: String, after: Duration },
    /// A view showed an older version than before.
    WentBack { what: String, view: String, version: i64, newest: i64, after: Duration },
    /// Two events of one key came the other way round.
    Reordered { key: String, leg: String, first: String, second: String },
    /// One key is on two partitions of a topic.
    KeySplit { key: String, topic: String, partitions: Vec<i32> },
    /// Events that were acknowledged or seen did not arrive at the end of a leg.
    Lost { leg: String, lost: u64, of: u64, examples: Vec<String>, missing: Option<Missing> },
    /// The group has not committed past the record.
    NotProcessed { group: String, waited: Waited, missing: Missing },
    /// Records depart from the contract.
    Nonconforming { place: Place, what: String, violations: Vec<String> },
    /// A topic is not as the contract declares it.
    TopicDiffers { topic: String, property: String, expected: String, actual: String },
    /// A schema is not registered as the contract declares it.
    SchemaDiffers { code: &'static str, text: String },
    /// A service does not show a metric.
    MetricMissing { metric: String, service: String, waited: Waited },
    /// Handling was tried more or less often than it should be.
    Attempts { what: String, counted: Counted, expected: usize, actual: usize },
    /// Handling was tried more or less often over retry topics than it should be; the places are those of its records there.
    Retried { what: String, expected: usize, actual: usize, places: Vec<String> },
    /// Two attempts were closer together, or further apart, than the contract says.
    Spacing { what: String, attempt: usize, expected: Duration, actual: Duration },
    /// A service did not log something.
    LogMissing { text: String, service: String, waited: Waited },
    /// Something that should stay hidden is in a log or on a topic.
    Leaked { text: String, places: Vec<String> },
    /// An alert should fire and does not; `value` is what its rule came to last, if anything.
    AlertSilent { alert: String, waited: Waited, value: Option<f64>, above: f64 },
    /// An alert fires and should not.
    AlertFired { alert: String, value: f64, above: f64 },
    /// An alert fired and does not stop.
    AlertLasts { alert: String, waited: Duration, value: f64, above: f64 },
    /// A record that should be too large for its topic was taken.
    NotRefused { what: String, size: u64, place: Place },
    /// A group did not catch up; `lag` is how many records it was behind last, if it ever had a position.
    LagTooHigh { group: String, lag: Option<u64>, most: u64, waited: Waited },
    /// A counter grew by another amount.
    MetricGrew { metric: String, service: String, expected: u64, actual: f64, waited: Waited },
    /// A figure missed its objective.
    ObjectiveMissed { objective: String, actual: String },
    /// An action (an HTTP request) was not answered as it should.
    ActionFailed { action: String, expected: String, actual: String },
    /// A service died though nobody asked it to.
    ServiceDied(Death),
}

/// Where it shows how often handling was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counted {
    /// By the calls that came to it.
    AtStub(String),
    /// By the lines that this service printed.
    InLog(String),
    /// By what its dead letter says in this place.
    OnDeadLetter { says: String, place: Place },
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Counted::AtStub(stub) => write!(f, "so many calls came to stub \"{stub}\""),
            Counted::InLog(service) => write!(f, "the log of service \"{service}\" tells of so many"),
            Counted::OnDeadLetter { says, place } => write!(f, "its dead letter at {place} says so ({says})"),
        }
    }
}

impl Cause {
    /// A stable code for reports and filters.
    pub fn code(&self) -> &'static str {
        match self {
            Cause::NotOnTopic { refusal: Some(_), .. } => "login-refused",
            Cause::NotOnTopic { .. } => "not-on-topic",
            Cause::Uncommitted { aborted: true, .. } => "transaction-aborted",
            Cause::Uncommitted { aborted: false, .. } => "transaction-open",
            Cause::WrongKey { .. } => "wrong-key",
            Cause::WrongPartition { .. } => "wrong-partition",
            Cause::Doubled { .. } => "doubled",
            Cause::Late { .. } => "late",
            Cause::NoEffect { missing, .. }
            | Cause::StillShown { missing, .. }
            | Cause::NotProcessed { missing, .. } => missing.code(),
            Cause::Repeated { .. } => "repeated",
            Cause::Unwanted { .. } => "unwanted",
            Cause::WentBack { .. } => "stale-version",
            Cause::Reordered { .. } => "reordered",
            Cause::KeySplit { .. } => "key-split",
            Cause::Lost { .. } => "lost",
            Cause::Nonconforming { .. } => "nonconforming",
            Cause::TopicDiffers { .. } => "topic-differs",
            Cause::SchemaDiffers { code, .. } => code,
            Cause::MetricMissing { .. } => "metric-missing",
            Cause::LagTooHigh { .. } => "lag-too-high",
            Cause::MetricGrew { .. } => "metric-differs",
            Cause::Attempts { .. } => "attempts",
            Cause::Retried { .. } => "retries",
            Cause::Spacing { .. } => "backoff",
            Cause::LogMissing { .. } => "log-missing",
            Cause::Leaked { .. } => "leaked",
            Cause::AlertSilent { .. } => "alert-silent",
            Cause::AlertFired { .. } => "alert-fired",
            Cause::AlertLasts { .. } => "alert-lasts",
            Cause::NotRefused { .. } => "not-refused",
            Cause::ObjectiveMissed { .. } => "objective-missed",
            Cause::ActionFailed { .. } => "action-failed",
            Cause::ServiceDied(_) => "service-dead",
        }
    }
}

impl Missing {
    /// A stable code for reports and filters.
    pub fn code(&self) -> &'static str {
        match self {
            Missing::ServiceDead(_) => "service-dead",
            Missing::Refused(_) => "login-refused",
            Missing::GroupBehind { .. } => "group-behind",
            Missing::GroupNotStable { .. } => "group-not-stable",
            Missing::HandledWithoutEffect { .. } => "handled-without-effect",
            Missing::InRetryTopic { .. } => "in-retry-topic",
            Missing::DeadLettered { .. } => "dead-lettered",
            Missing::Unexplained { .. } => "no-effect",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::NotOnTopic { what, topic, waited, instead, near, death, refusal } => {
                write!(f, "{what} was not seen on topic \"{topic}\" within {waited}")?;
                instead.iter().try_for_each(|place| write!(f, "; it was seen at {place} instead"))?;
                refusal.iter().try_for_each(|refusal| write!(f, "; {refusal}"))?;
                death.iter().try_for_each(|death| write!(f, "; {death}"))?;
                near.iter().try_for_each(|near| write!(f, "\n    {near}"))
            }
            Cause::Uncommitted { what, waited, place, aborted } => {
                let topic = &place.topic;
                write!(f, "{what} was not seen on topic \"{topic}\" within {waited}: it is at {place}, ")?;
                match aborted {
                    true => write!(f, "and its transaction was aborted"),
                    false => write!(f, "and its transaction, or one before it on the partition, is open"),
                }
            }
            Cause::WrongKey { what, place, expected, actual } => write!(
                f,
                "{what} was seen at {place} with another key: expected \"{expected}\", found {}",
                actual.as_ref().map_or("none".to_owned(), |key| format!("\"{key}\""))
            ),
            Cause::WrongPartition { what, place, key, expected } => write!(
                f,
                "{what} was seen at {place}, on another partition: its producer's partitioner puts key \"{key}\" on partition {expected}"
            ),
            Cause::Doubled { what, places } => {
                write!(f, "{what} is on its topic {} times: at {}", places.len(), places.join(", "))
            }
            Cause::Late { what, limit, by } => {
                write!(f, "{what} came late by {}: the limit is {}", duration(*by), duration(*limit))
            }
            Cause::NoEffect { what, waited, missing } => {
                write!(f, "{what} did not come within {waited}: {missing}")
            }
            Cause::StillShown { what, waited, missing } => {
                write!(f, "{what} is still there after {waited}: {missing}")
            }
            Cause::Repeated { what, view, expected, actual } => {
                write!(f, "{what} had its effect {actual} times, expected {expected} (counted in view \"{view}\")")
            }
            Cause::Unwanted { what, view, after } => {
                write!(f, "{what} appeared in view \"{view}\" after {}, and should not", duration(*after))
            }
            Cause::WentBack { what, view, version, newest, after } => write!(
                f,
                "{what} in view \"{view}\" went back to version {version}, {} after version {newest} was shown",
                duration(*after)
            ),
            Cause::Reordered { key, leg, first, second } => {
                write!(f, "events of key \"{key}\" changed their order {leg}: {second} came before {first}")
            }
            Cause::KeySplit { key, topic, partitions } => {
                write!(f, "key \"{key}\" is on partitions {partitions:?} of topic \"{topic}\", so its order is lost")
            }
            Cause::Lost { leg, lost, of, examples, missing } => {
                write!(f, "lost({leg}): {lost} of {of} events, among them {}", examples.join(", "))?;
                missing.iter().try_for_each(|missing| write!(f, "; {missing}"))
            }
            Cause::NotProcessed { group, waited, missing } => {
                write!(f, "group \"{group}\" has not processed it after {waited}: {missing}")
            }
            Cause::Nonconforming { place, what, violations } => {
                write!(f, "{what} at {place} departs from the contract: {}", violations.join("; "))
            }
            Cause::TopicDiffers { topic, property, expected, actual } => {
                write!(f, "topic \"{topic}\": {property} is {actual}, the contract declares {expected}")
            }
            Cause::SchemaDiffers { text, .. } => f.write_str(text),
            Cause::MetricMissing { metric, service, waited } => {
                write!(f, "service \"{service}\" does not show metric \"{metric}\" after {waited}")
            }
            Cause::Attempts { what, counted: Counted::AtStub(stub), expected, actual } => {
                write!(f, "{what} was called for {actual} times at stub \"{stub}\", expected {expected}")
            }
            Cause::Attempts { what, counted, expected, actual } => {
                write!(f, "{what} was given {actual} attempts, expected {expected}: {counted}")
            }
            Cause::Retried { what, expected, actual, places } => {
                let over = if places.is_empty() { "no retry topic".to_owned() } else { places.join(", ") };
                write!(f, "{what} was given {actual} attempts, expected {expected}: the first, and over {over}")
            }
            Cause::Spacing { what, attempt, expected, actual } => write!(
                f,
                "attempt {attempt} at {what} came {} after the one before it; the contract's backoff is {}",
                duration(*actual),
                duration(*expected)
            ),
            Cause::LogMissing { text, service, waited } => {
                write!(f, "service \"{service}\" did not log \"{text}\" within {waited}")
            }
            Cause::Leaked { text, places } => write!(f, "\"{}\" was found in {}", masked(text), places.join(", ")),
            Cause::AlertSilent { alert, waited, value, above } => {
                let value = value.map_or("nothing".to_owned(), |value| trimmed(value, 3));
                write!(f, "alert \"{alert}\" did not fire within {waited}: ")?;
                write!(f, "its rule came to {value} last, and fires above {}", trimmed(*above, 3))
            }
            Cause::AlertFired { alert, value, above } => {
                let (value, above) = (trimmed(*value, 3), trimmed(*above, 3));
                write!(f, "alert \"{alert}\" fired: its rule came to {value}, above {above}")
            }
            Cause::AlertLasts { alert, waited, value, above } => {
                let (value, above) = (trimmed(*value, 3), trimmed(*above, 3));
                write!(f, "alert \"{alert}\" still fires after {}: ", duration(*waited))?;
                write!(f, "its rule came to {value} last, above {above}")
            }
            Cause::NotRefused { what, size, place } => {
                write!(f, "{what} with {size} bytes was taken at {place}: it is not too large for the topic")
            }
            Cause::LagTooHigh { group, lag, most, waited } => {
                let behind = lag.map_or("is behind by an unknown number of records".to_owned(), |lag| {
                    format!("is {lag} record(s) behind")
                });
                write!(f, "group \"{group}\" {behind} after {waited}, expected fewer than {most}")
            }
            Cause::MetricGrew { metric, service, expected, actual, waited } => write!(
                f,
                "metric \"{metric}\" of service \"{service}\" grew by {} within {waited}, expected {expected}",
                trimmed(*actual, 3)
            ),
            Cause::ObjectiveMissed { objective, actual } => write!(f, "{objective} was missed: {actual}"),
            Cause::ActionFailed { action, expected, actual } => {
                write!(f, "action \"{action}\": expected {expected}, got {actual}")
            }
            Cause::ServiceDied(death) => death.fmt(f),
        }
    }
}

fn records(count: i64) -> &'static str {
    if count == 1 { "record" } else { "records" }
}

/// What must not be shown, as its beginning and its length.
fn masked(text: &str) -> String {
    format!("{}… ({} characters)", text.chars().take(3).collect::<String>(), text.chars().count())
}

/// A duration for people: `200 ms`, `1.25 s`, `5 s`.
pub(crate) fn duration(of: Duration) -> String {
    let millis = of.as_secs_f64() * 1e3;
    if millis < 1000.0 { format!("{} ms", trimmed(millis, 1)) } else { format!("{} s", trimmed(millis / 1e3, 2)) }
}

pub(crate) fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
