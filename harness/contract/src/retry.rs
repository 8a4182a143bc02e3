//! How often handling is tried, where a record waits between two tries, where it ends if none succeeds, and what links a record
//! there to what it was.

use std::time::Duration;

use crate::{Action, Contract, Expression, Operation};

/// How often handling is tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// In all, the first among them.
    pub attempts: u32,
    pub backoff: Option<Backoff>,
    /// Topics in which a record waits between two attempts; without them its partition waits with it.
    pub topics: Option<RetryTopics>,
}

/// How long one waits between two attempts.
#[derive(Clone, Debug, PartialEq)]
pub struct Backoff {
    /// Before the second attempt.
    pub initial: Duration,
    /// Each later one is so much longer.
    pub factor: f64,
    /// And none is longer than this.
    pub longest: Option<Duration>,
}

/// Retries over topics: what failed is written to another topic and read from there.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryTopics {
    /// The channels' names, in the order in which a record passes through them; the last one as often as is needed.
    pub channels: Vec<String>,
    pub link: Link,
}

/// What links a record elsewhere to the record that it was.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Link {
    /// It carries its id as the event itself does.
    #[default]
    SameId,
    /// Where it carries the id of the event that it was.
    Original(Expression),
    /// Where it says where the record stood that it was.
    Position(Position),
    /// Its payload is the event's, byte for byte.
    Bytes,
}

/// Where what cannot be handled goes.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// The channel's name.
    pub channel: String,
    /// Where a dead record carries the id of the event that it was.
    pub original: Option<Expression>,
    /// Where a dead record says where the record stood that it was. Without either, it carries its id as the event itself does.
    pub position: Option<Position>,
    /// Where a dead record says how often handling was tried, the first time among them.
    pub attempts: Option<Expression>,
    /// What it keeps of what it was: `keeps: [payload, headers]`.
    pub keeps: Kept,
}

/// What a dead record has of the record that it was, beside its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The same bytes.
    pub payload: bool,
    /// All headers, in their order, among others.
    pub headers: bool,
}

/// Where a record says where another one stood.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    pub topic: Expression,
    pub partition: Expression,
    pub offset: Expression,
}

impl Retry {
    /// The pauses before the second attempt, the third, and so on, for so many attempts; the last is the one that a further
    /// attempt would have.
    pub fn pauses(&self, attempts: usize) -> Vec<Duration> {
        let Some(backoff) = &self.backoff else { return vec![Duration::ZERO; attempts] };
        let longest = backoff.longest.unwrap_or(Duration::MAX);
        let pause = |attempt: usize| {
            let factor = backoff.factor.powi(i32::try_from(attempt).unwrap_or(i32::MAX));
            Duration::try_from_secs_f64(backoff.initial.as_secs_f64() * factor).unwrap_or(longest).min(longest)
        };
        (0..attempts).map(pause).collect()
    }
}

impl Position {
    fn parts(&self) -> [&Expression; 3] {
        [&self.topic, &self.partition, &self.offset]
    }
}

impl DeadLetter {
    /// What links a dead record to what it was.
    pub fn link(&self) -> Link {
        match (&self.position, &self.original) {
            (Some(position), _) => Link::Position(position.clone()),
            (None, Some(original)) => Link::Original(original.clone()),
            (None, None) => Link::SameId,
        }
    }

    /// Everything that a dead record says of what it was: what links it, and how often it was tried.
    pub fn links(&self) -> impl Iterator<Item = &Expression> {
        let position = self.position.iter().flat_map(Position::parts);
        self.original.iter().chain(position).chain(&self.attempts)
    }
}

impl Link {
    fn expressions(&self) -> Vec<&Expression> {
        match self {
            Link::SameId | Link::Bytes => Vec::new(),
            Link::Original(original) => vec![original],
            Link::Position(position) => position.parts().to_vec(),
        }
    }
}

impl Contract {
    /// What links the records of a topic to what they were: nothing where neither dead letters nor retries go.
    pub fn links_on(&self, topic: &str) -> Vec<&Expression> {
        let is_here = |name: &String| self.channel(name).is_some_and(|channel| channel.topic == topic);
        let letters = self.operations.iter().filter_map(|operation| operation.dead_letter.as_ref());
        let letters = letters.filter(|letter| is_here(&letter.channel)).flat_map(DeadLetter::links);
        let retries = self.retries().map(|(_, topics)| topics).filter(|topics| topics.channels.iter().any(is_here));
        let mut links: Vec<&Expression> = letters.chain(retries.flat_map(|topics| topics.link.expressions())).collect();
        links.sort_by_key(|link| link.to_string());
        links.dedup();
        links
    }

    /// Whether records of a topic are told by their bytes: those that wait for another try, and those that they were.
    pub fn is_told_by_bytes(&self, topic: &str) -> bool {
        let here = |name: &String| self.channel(name).is_some_and(|channel| channel.topic == topic);
        let mut by_bytes = self.retries().filter(|(_, topics)| topics.link == Link::Bytes);
        by_bytes.any(|(operation, topics)| here(&operation.channel) || topics.channels.iter().any(here))
    }

    /// Whether records wait on this channel for another try.
    pub fn is_retry_channel(&self, channel: &str) -> bool {
        self.retries().any(|(_, topics)| topics.channels.iter().any(|name| name == channel))
    }

    /// The group that reads a retry channel of an operation: of the same service, or the operation's own.
    pub fn retry_group(&self, operation: &Operation, channel: &str) -> Option<&str> {
        let reads = |one: &&Operation| one.action == Action::Receive && one.channel == channel;
        let own = |one: &&Operation| one.group.is_some() && one.group == operation.group;
        let same_service = |one: &&Operation| one.service.is_some() && one.service == operation.service;
        let readers = || self.operations.iter().filter(reads);
        let reader = readers().find(own).or_else(|| readers().find(same_service));
        reader.and_then(|one| one.group.as_deref())
    }

    /// The operations whose retries go over topics.
    pub fn retries(&self) -> impl Iterator<Item = (&Operation, &RetryTopics)> {
        self.operations.iter().filter_map(|operation| Some((operation, operation.retry.as_ref()?.topics.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pause_is_longer_by_the_factor_up_to_the_longest() {
        let ms = Duration::from_millis;
        let backoff = Backoff { initial: ms(100), factor: 2.0, longest: Some(ms(300)) };
        let retry = Retry { attempts: 4, backoff: Some(backoff), topics: None };
        assert_eq!(retry.pauses(4), [ms(100), ms(200), ms(300), ms(300)]);
        assert_eq!(Retry { attempts: 2, backoff: None, topics: None }.pauses(2), [Duration::ZERO; 2]);
    }
}
