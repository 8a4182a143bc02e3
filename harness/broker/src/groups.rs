//! The application's own groups, followed from outside: committed positions, state, members, partitions owned.
//! The watch never joins a group, never subscribes, never commits.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use eventproof_evidence::{At, Blind, Clock, GroupState, Name, Observation, Subject};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::groups::GroupInfo;
use rdkafka::{Offset, TopicPartitionList};

use crate::{Broker, BrokerError};

const ANSWER: Duration = Duration::from_secs(2);
/// How much later than it should a look may come before that is told: what is new in it may be so much older.
const LATE: Duration = Duration::from_millis(200);

/// What the watch reports.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupEvent {
    /// Something is another than it was, or can no longer be seen, or can be again.
    Changed(Observation),
    /// A group is asked for its positions now.
    Asking { group: Name, at: At },
    /// It has answered: all of its positions that are others than before were told since it was asked.
    Answered { group: Name },
}

/// A running watch; ends when it is stopped or dropped.
pub struct GroupWatch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl GroupWatch {
    /// Follows `groups` on `partitions`, asking every `every`. `report` is called with each change and each look.
    pub fn start(
        broker: &Broker,
        groups: &[String],
        partitions: &[(String, i32)],
        every: Duration,
        clock: Arc<dyn Clock>,
        report: impl Fn(GroupEvent) + Send + 'static,
    ) -> Result<GroupWatch, BrokerError> {
        let watched =
            groups.iter().map(|group| Watched::new(broker, group, partitions)).collect::<Result<Vec<_>, _>>()?;
        let stop = Arc::new(AtomicBool::new(false));
        let ended = stop.clone();
        let thread = std::thread::Builder::new()
            .name("eventproof-groups".to_owned())
            .spawn(move || watch(watched, every, clock.as_ref(), &ended, &report))
            .map_err(|error| BrokerError::Client(format!("no thread for the group watch: {error}")))?;
        Ok(GroupWatch { stop, thread: Some(thread) })
    }
}

impl Drop for GroupWatch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // A panic was printed where it happened.
            let _ = thread.join();
        }
    }
}

fn watch(
    mut groups: Vec<Watched>,
    every: Duration,
    clock: &dyn Clock,
    stop: &AtomicBool,
    report: &impl Fn(GroupEvent),
) {
    while !stop.load(Ordering::SeqCst) {
        let round = Instant::now();
        for group in &mut groups {
            group.note_pause(every, clock.now(), report);
            let answered = group.ask_state(clock, report) & group.ask_positions(clock, report);
            group.note_sight(answered, clock.now(), report);
        }
        std::thread::sleep(every.saturating_sub(round.elapsed()));
    }
}

/// One group and what was last known of it.
struct Watched {
    name: Name,
    consumer: BaseConsumer,
    question: TopicPartitionList,
    committed: HashMap<(String, i32), i64>,
    state: Option<(GroupState, Vec<Name>, usize)>,
    /// Since when questions go unanswered.
    blind_since: Option<At>,
    /// When the last look began.
    looked: Option<At>,
}

impl Watched {
    fn new(broker: &Broker, group: &str, partitions: &[(String, i32)]) -> Result<Watched, BrokerError> {
        let consumer = broker
            .settings
            .observer("eventproof-observer-groups", group)
            .create()
            .map_err(|error| BrokerError::Client(error.to_string()))?;
        let mut question = TopicPartitionList::new();
        for (topic, partition) in partitions {
            question.add_partition(topic, *partition);
        }
        Ok(Watched {
            name: group.into(),
            consumer,
            question,
            committed: HashMap::new(),
            state: None,
            blind_since: None,
            looked: None,
        })
    }

    /// A look begins now. If the one before it was too long ago, since others kept the watch waiting or the machine stalled it, what it
    /// will show may have been so for as long.
    fn note_pause(&mut self, every: Duration, now: At, report: &impl Fn(GroupEvent)) {
        let last = self.looked.replace(now).filter(|_| self.blind_since.is_none());
        if let Some(from) = last.filter(|last| now.since(*last) > every + LATE) {
            self.tell_late(from, now, report);
        }
    }

    /// What will be told now may have been so since `from`.
    fn tell_late(&self, from: At, now: At, report: &impl Fn(GroupEvent)) {
        let why = format!("group \"{}\" was not seen for {} ms", self.name, now.since(from).as_millis());
        let what = Subject::Group(self.name.clone());
        let blind = Blind { what: what.clone(), from, to: Some(now), why };
        report(GroupEvent::Changed(Observation::Blind(blind)));
        report(GroupEvent::Changed(Observation::CaughtUp { what, at: now }));
    }

    /// What is known of a group that does not answer is old, and must explain nothing; the next answer makes it new.
    fn note_sight(&mut self, answered: bool, now: At, report: &impl Fn(GroupEvent)) {
        match (answered, self.blind_since) {
            (false, None) => {
                let from = now;
                self.blind_since = Some(from);
                let why = format!("the broker did not answer for group \"{}\"", self.name);
                let blind = Blind { what: Subject::Group(self.name.clone()), from, to: None, why };
                report(GroupEvent::Changed(Observation::Blind(blind)));
            }
            (true, Some(_)) => {
                self.blind_since = None;
                let what = Subject::Group(self.name.clone());
                report(GroupEvent::Changed(Observation::CaughtUp { what, at: now }));
            }
            (false, Some(_)) | (true, None) => {}
        }
    }

    /// Returns whether there was an answer. Without one the last known position stays; the next round asks again.
    fn ask_positions(&mut self, clock: &dyn Clock, report: &impl Fn(GroupEvent)) -> bool {
        let asked = clock.now();
        report(GroupEvent::Asking { group: self.name.clone(), at: asked });
        let Ok(answer) = self.consumer.committed_offsets(self.question.clone(), ANSWER) else { return false };
        let at = clock.now();
        if at.since(asked) > LATE && self.blind_since.is_none() {
            self.tell_late(asked, at, report);
        }
        for element in answer.elements() {
            let Offset::Offset(offset) = element.offset() else { continue };
            let place = (element.topic().to_owned(), element.partition());
            if self.committed.insert(place, offset) != Some(offset) {
                report(GroupEvent::Changed(Observation::Committed {
                    group: self.name.clone(),
                    topic: element.topic().into(),
                    partition: element.partition(),
                    offset,
                    at,
                }));
            }
        }
        report(GroupEvent::Answered { group: self.name.clone() });
        true
    }

    fn ask_state(&mut self, clock: &dyn Clock, report: &impl Fn(GroupEvent)) -> bool {
        let Ok(list) = self.consumer.fetch_group_list(Some(&self.name), ANSWER) else { return false };
        let found = list.groups().iter().find(|group| group.name() == &*self.name);
        let now = found.map_or((GroupState::Dead, Vec::new(), 0), facts_of);
        if self.state.as_ref() != Some(&now) {
            let (state, members, owned) = now.clone();
            let (group, at) = (self.name.clone(), clock.now());
            report(GroupEvent::Changed(Observation::Group { group, state, members, owned, at }));
            self.state = Some(now);
        }
        true
    }
}

fn facts_of(group: &GroupInfo) -> (GroupState, Vec<Name>, usize) {
    let state = match group.state() {
        "Stable" => GroupState::Stable,
        "PreparingRebalance" | "CompletingRebalance" | "AwaitingSync" => GroupState::Rebalancing,
        "Empty" => GroupState::Empty,
        _ => GroupState::Dead,
    };
    let mut members: Vec<Name> = group.members().iter().map(|member| member.id().into()).collect();
    members.sort();
    let owned = group.members().iter().filter_map(|member| member.assignment()).map(owned_partitions).sum();
    (state, members, owned)
}

/// The number of partitions in a member's assignment, in the layout of the consumer protocol: version (int16), then
/// an array of (topic, array of partition). Anything else counts as none.
fn owned_partitions(assignment: &[u8]) -> usize {
    count_partitions(assignment).unwrap_or(0)
}

fn count_partitions(mut bytes: &[u8]) -> Option<usize> {
    take(&mut bytes, 2)?;
    let topics = length(&mut bytes)?;
    let mut partitions = 0;
    for _ in 0..topics {
        let name = i16::from_be_bytes(take(&mut bytes, 2)?.try_into().ok()?);
        take(&mut bytes, usize::try_from(name).ok()?)?;
        let count = length(&mut bytes)?;
        take(&mut bytes, count.checked_mul(4)?)?;
        partitions += count;
    }
    Some(partitions)
}

fn length(bytes: &mut &[u8]) -> Option<usize> {
    usize::try_from(i32::from_be_bytes(take(bytes, 4)?.try_into().ok()?)).ok()
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(count)?;
    *bytes = tail;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(topics: &[(&str, &[i32])]) -> Vec<u8> {
        let mut bytes = vec![0, 0];
        bytes.extend((topics.len() as i32).to_be_bytes());
        for (name, partitions) in topics {
            bytes.extend((name.len() as i16).to_be_bytes());
            bytes.extend(name.as_bytes());
            bytes.extend((partitions.len() as i32).to_be_bytes());
            partitions.iter().for_each(|partition| bytes.extend(partition.to_be_bytes()));
        }
        bytes.extend([0xff; 4]);
        bytes
    }

    #[test]
    fn partitions_are_counted_over_topics() {
        assert_eq!(owned_partitions(&assignment(&[("posts", &[0, 1, 2]), ("users", &[4])])), 4);
        assert_eq!(owned_partitions(&assignment(&[])), 0);
    }

    proptest::proptest! {
        #[test]
        fn bytes_of_another_protocol_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
            owned_partitions(&bytes);
        }
    }
}
