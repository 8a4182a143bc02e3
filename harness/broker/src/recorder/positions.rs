//! Where the recorder reads: at the end of what was there, from the start of what comes later.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::Scope;
use crate::BrokerError;
use crate::own::is_own;

const ANSWER: Duration = Duration::from_secs(10);
/// The pause before a question is asked again.
const AGAIN: Duration = Duration::from_millis(50);
const LATER_ANSWER: Duration = Duration::from_secs(3);

/// The partitions that are read, with the offset at which reading began.
pub(super) struct Positions {
    scope: Scope,
    known: HashMap<(String, i32), i64>,
}

impl Positions {
    /// Asks for the end of every partition and begins there. Ends are fixed numbers, so that nothing written
    /// between the question and the first fetch is missed.
    pub fn at_the_ends(consumer: &BaseConsumer, scope: Scope) -> Result<Positions, BrokerError> {
        let mut positions = Positions { scope, known: HashMap::new() };
        let mut assignment = TopicPartitionList::new();
        for (topic, partition) in positions.unknown(consumer, ANSWER)? {
            let end = end_of(consumer, &topic, partition)?;
            add(&mut assignment, &topic, partition, Offset::Offset(end))?;
            positions.known.insert((topic, partition), end);
        }
        consumer.assign(&assignment).map_err(|error| BrokerError::asked("assigning partitions", error))?;
        Ok(positions)
    }

    /// The partitions and where reading began.
    pub fn known(&self) -> &HashMap<(String, i32), i64> {
        &self.known
    }

    /// Topics that are asked for by name; some may not be there yet.
    pub fn named(&self) -> &[String] {
        match &self.scope {
            Scope::Everything => &[],
            Scope::Topics { topics, .. } => topics,
        }
    }

    /// Takes up partitions that were not there before, from their start. `asking` is who finds out, for its questions do not
    /// wait behind the consumer's fetches.
    pub fn take_up_new(&mut self, asking: &BaseConsumer, consumer: &BaseConsumer) -> Result<(), BrokerError> {
        let fresh = self.unknown(asking, LATER_ANSWER)?;
        if fresh.is_empty() {
            return Ok(());
        }
        let mut assignment = TopicPartitionList::new();
        for (topic, partition) in &fresh {
            add(&mut assignment, topic, *partition, Offset::Beginning)?;
        }
        consumer
            .incremental_assign(&assignment)
            .map_err(|error| BrokerError::asked("assigning new partitions", error))?;
        self.known.extend(fresh.into_iter().map(|place| (place, 0)));
        Ok(())
    }

    fn unknown(&self, consumer: &BaseConsumer, answer: Duration) -> Result<Vec<(String, i32)>, BrokerError> {
        let metadata =
            consumer.fetch_metadata(None, answer).map_err(|error| BrokerError::asked("asking for topics", error))?;
        let wanted = |name: &str| match &self.scope {
            Scope::Everything => !name.starts_with("__") && !is_own(name),
            Scope::Topics { topics, .. } => topics.iter().any(|topic| topic == name),
        };
        let topics = metadata.topics().iter().filter(|topic| wanted(topic.name()));
        let places = topics
            .flat_map(|topic| topic.partitions().iter().map(|partition| (topic.name().to_owned(), partition.id())));
        let ours = |partition: i32| match &self.scope {
            Scope::Topics { share: Some(share), .. } => share.has(partition),
            _ => true,
        };
        Ok(places.filter(|place| ours(place.1) && !self.known.contains_key(place)).collect())
    }
}

/// The end of a partition. A topic that was only just created may have no leader yet on a cluster, so the question is
/// asked again until the time for an answer is over.
fn end_of(consumer: &BaseConsumer, topic: &str, partition: i32) -> Result<i64, BrokerError> {
    let asked = Instant::now();
    loop {
        match consumer.fetch_watermarks(topic, partition, ANSWER) {
            Ok((_, end)) => return Ok(end),
            Err(_) if asked.elapsed() < ANSWER => std::thread::sleep(AGAIN),
            Err(error) => return Err(BrokerError::asked(format!("asking for the end of {topic}[{partition}]"), error)),
        }
    }
}

fn add(list: &mut TopicPartitionList, topic: &str, partition: i32, offset: Offset) -> Result<(), BrokerError> {
    list.add_partition_offset(topic, partition, offset)
        .map_err(|error| BrokerError::asked(format!("reading {topic}[{partition}]"), error))
}
