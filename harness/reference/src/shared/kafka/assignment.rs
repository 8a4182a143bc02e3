//! Which partitions are ours, from which offset, and how far behind: the consumer's context.
//!
//! On an assignment, every partition for which the group has no commit is given a position at once and that position is
//! committed. So "ready" is exact (a record written after it is read, also with `auto.offset.reset=latest`), and a service
//! killed before its first commit does not skip on its return what it had in hand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::statistics::{Partition, Statistics};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use super::log_client;
use crate::shared::log::Log;
use crate::shared::metrics::Metrics;
use crate::shared::settings::OffsetReset;

/// How long one question to the brokers may take while partitions are being assigned.
const ASK: Duration = Duration::from_secs(5);

/// What the gauge of the lag is called where a document says nothing else.
pub(super) const LAG: &str = "kafka_consumer_lag";

/// Topic and partition.
type Place = (String, i32);

/// The partitions this member holds, each with the offset that the group has committed; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Assignment(Arc<Mutex<BTreeMap<Place, Option<i64>>>>);

impl Assignment {
    /// How many partitions are held.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    pub(super) fn holds(&self, topic: &str, partition: i32) -> bool {
        self.lock().contains_key(&(topic.to_owned(), partition))
    }

    /// The group's offset of a partition that is held, if it is known.
    fn committed(&self, topic: &str, partition: i32) -> Option<i64> {
        self.lock().get(&(topic.to_owned(), partition)).copied().flatten()
    }

    /// Whether the group is known to have committed this far on a partition that is held, or it is held no more.
    pub(super) fn is_settled(&self, topic: &str, partition: i32, next: i64) -> bool {
        let held = self.lock();
        let committed = held.get(&(topic.to_owned(), partition));
        committed.is_none_or(|committed| committed.is_some_and(|committed| committed >= next))
    }

    /// A commit was acknowledged.
    pub(super) fn note_committed(&self, offsets: &TopicPartitionList) {
        let mut held = self.lock();
        for element in offsets.elements() {
            if let (Some(committed), Offset::Offset(offset)) =
                (held.get_mut(&(element.topic().to_owned(), element.partition())), element.offset())
            {
                *committed = Some(offset);
            }
        }
    }

    fn set(&self, partitions: &TopicPartitionList) {
        *self.lock() = partitions
            .elements()
            .iter()
            .map(|e| ((e.topic().to_owned(), e.partition()), e.offset().to_raw().filter(|o| *o >= 0)))
            .collect();
    }

    fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, Option<i64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the Kafka client calls back.
pub(super) struct GroupContext {
    pub(super) group: String,
    pub(super) reset: OffsetReset,
    pub(super) lag: &'static str,
    pub(super) assignment: Assignment,
    pub(super) metrics: Metrics,
    pub(super) log: Log,
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_client(&self.log, level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.warn(format_args!("kafka client: {error}: {reason}"));
    }

    fn stats(&self, statistics: Statistics) {
        for topic in statistics.topics.values() {
            for partition in topic.partitions.values() {
                self.show_lag(&topic.topic, partition);
            }
        }
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let result = if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.assign(consumer, partitions)
        } else {
            self.assignment.clear();
            self.metrics.clear(self.lag);
            self.log.info(format_args!("group {} took back {}", self.group, names(partitions)));
            consumer.unassign()
        };
        if let Err(error) = result {
            self.log.error(format_args!("rebalance of group {}: {error}", self.group));
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        match result {
            Ok(()) => self.assignment.note_committed(offsets),
            Err(error) => self.log.warn(format_args!("commit of {} in group {}: {error}", names(offsets), self.group)),
        }
    }
}

impl GroupContext {
    /// Records that the group can see and has not committed: up to the last stable offset, as `read_committed` reads.
    fn show_lag(&self, topic: &str, partition: &Partition) {
        let end = if partition.ls_offset >= 0 { partition.ls_offset } else { partition.hi_offset };
        // Of commits that are not waited for the client calls nobody back, but it counts them.
        let counted = Some(partition.committed_offset).filter(|offset| *offset >= 0);
        let committed = self.assignment.committed(topic, partition.partition).max(counted);
        if let (Some(committed), true) = (committed, end >= 0) {
            let number = partition.partition.to_string();
            let labels = [("group", self.group.as_str()), ("topic", topic), ("partition", number.as_str())];
            self.metrics.set(self.lag, &labels, (end - committed).max(0) as f64);
        }
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, partitions: &mut TopicPartitionList) -> KafkaResult<()> {
        if let Err(error) = self.fix_positions(consumer, partitions) {
            // Kafka's own way of finding a position still works, only later.
            self.log.warn(format_args!("positions of group {} not fixed yet: {error}", self.group));
        }
        consumer.assign(partitions)?;
        self.assignment.set(partitions);
        self.log.info(format_args!("group {} assigned {}", self.group, names(partitions)));
        Ok(())
    }

    fn fix_positions(&self, consumer: &BaseConsumer<Self>, partitions: &mut TopicPartitionList) -> KafkaResult<()> {
        if partitions.count() == 0 {
            return Ok(());
        }
        let committed = consumer.committed_offsets(partitions.clone(), ASK)?;
        let mut first = TopicPartitionList::new();
        for element in committed.elements() {
            let (topic, partition) = (element.topic(), element.partition());
            let offset = match element.offset() {
                Offset::Offset(offset) => offset,
                _ => {
                    let start = self.start_of(consumer, topic, partition)?;
                    first.add_partition_offset(topic, partition, Offset::Offset(start))?;
                    start
                }
            };
            partitions.set_partition_offset(topic, partition, Offset::Offset(offset))?;
        }
        if first.count() > 0 {
            consumer.commit(&first, CommitMode::Sync)?;
        }
        Ok(())
    }

    fn start_of(&self, consumer: &BaseConsumer<Self>, topic: &str, partition: i32) -> KafkaResult<i64> {
        let (low, high) = consumer.fetch_watermarks(topic, partition, ASK)?;
        Ok(match self.reset {
            OffsetReset::Earliest => low,
            OffsetReset::Latest => high,
        })
    }
}

/// `nova.content.events[0] nova.content.events[1]`, or `no partitions`.
fn names(partitions: &TopicPartitionList) -> String {
    let names: Vec<String> =
        partitions.elements().iter().map(|e| format!("{}[{}]", e.topic(), e.partition())).collect();
    if names.is_empty() { "no partitions".into() } else { names.join(" ") }
}
