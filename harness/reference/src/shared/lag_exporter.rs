//! lag-exporter: how far each group is behind, one series for each group, as a look from outside shows it.
//!
//! A consumer that is stopped shows nothing, and each of several shows only its own partitions: so a rule over a group needs
//! somebody else to ask. It joins no group: it asks where each partition ends and what each group has committed, round by round.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::kafka::LogContext;
use super::log::Log;
use super::metrics::Metrics;
use super::onlooker::{measuring, onlooker};
use super::stop::Stop;
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};

pub(crate) const NAME: &str = "lag-exporter";

const LAG: &str = "kafka_consumer_lag";
/// What the image of the documents, seglo/kafka-lag-exporter, calls it.
const OTHER_NAME: &str = "kafka_consumergroup_group_lag";

/// The pause between two rounds.
const ROUND: Duration = Duration::from_millis(500);
const ASK: Duration = Duration::from_secs(2);

const OWN_NAMES: FaultInfo = FaultInfo {
    name: "own-names",
    summary: "shows the lag as kafka_consumergroup_group_lag, as the document's image does, which its alert does not read",
};
const BY_PARTITION: FaultInfo = FaultInfo {
    name: "by-partition",
    summary: "shows a series for each partition, none of which is as far behind as its group",
};

/// The faults of this service.
pub(crate) const FAULTS: &[FaultInfo] = &[OWN_NAMES, BY_PARTITION];

/// A group, and what it reads.
pub(crate) struct Watched {
    group: &'static str,
    topics: Vec<String>,
    /// All partitions of the topics; none before they were asked for.
    partitions: TopicPartitionList,
}

impl Watched {
    pub(crate) fn new(group: &'static str, topics: Vec<String>) -> Watched {
        Watched { group, topics, partitions: TopicPartitionList::new() }
    }
}

/// What looks on.
struct Exporter {
    groups: Vec<(Watched, BaseConsumer<LogContext>)>,
    name: &'static str,
    by_partition: bool,
    metrics: Metrics,
    log: Log,
    stop: Stop,
    ready: Arc<AtomicBool>,
}

/// How far a group is behind on a partition.
struct Behind {
    partition: String,
    records: i64,
}

/// Makes the service; Kafka may be away.
pub(crate) fn build(context: &Context, watched: Vec<Watched>) -> Result<Parts, ServeError> {
    let name = if context.has(OWN_NAMES) { OTHER_NAME } else { LAG };
    context.metrics.gauge(name, "Records that a group has not committed yet, on all its partitions.", true);
    let client = |group: &str| onlooker(&context.settings.brokers, NAME, group, &[], context.log);
    let groups: Result<Vec<_>, KafkaError> =
        watched.into_iter().map(|one| client(one.group).map(|client| (one, client))).collect();
    let ready = Arc::new(AtomicBool::new(false));
    let exporter = Exporter {
        groups: groups.map_err(|source| ServeError::Kafka { what: "group watch", source })?,
        name,
        by_partition: context.has(BY_PARTITION),
        metrics: context.metrics.clone(),
        log: context.log,
        stop: context.stop.clone(),
        ready: ready.clone(),
    };
    Ok(measuring(ready, move || exporter.run()))
}

impl Exporter {
    fn run(mut self) -> Result<(), ServeError> {
        while !self.stop.is_set() {
            match self.round() {
                Ok(()) => self.ready.store(true, Ordering::Relaxed),
                Err(error) => {
                    self.log.warn(format_args!("cannot measure: {error}"));
                    self.metrics.clear(self.name);
                }
            }
            std::thread::sleep(ROUND);
        }
        Ok(())
    }

    fn round(&mut self) -> Result<(), KafkaError> {
        for (watched, client) in &mut self.groups {
            if watched.partitions.count() == 0 {
                watched.partitions = partitions(client, &watched.topics)?;
            }
            let behind = behind(client, &watched.partitions)?;
            if self.by_partition {
                for one in behind {
                    let labels = [("group", watched.group), ("partition", &one.partition)];
                    self.metrics.set(self.name, &labels, one.records as f64);
                }
                continue;
            }
            // Counts of records are far below 2^53, where a float is exact.
            let all: i64 = behind.iter().map(|one| one.records).sum();
            self.metrics.set(self.name, &[("group", watched.group)], all as f64);
        }
        Ok(())
    }
}

/// The partitions of the topics.
fn partitions(client: &BaseConsumer<LogContext>, topics: &[String]) -> Result<TopicPartitionList, KafkaError> {
    let mut found = TopicPartitionList::new();
    for topic in topics {
        let metadata = client.fetch_metadata(Some(topic), ASK)?;
        for partition in metadata.topics().iter().flat_map(|one| one.partitions()) {
            found.add_partition(topic, partition.id());
        }
    }
    Ok(found)
}

/// Where a group has committed nothing, nobody can say how far it is behind.
fn behind(client: &BaseConsumer<LogContext>, partitions: &TopicPartitionList) -> Result<Vec<Behind>, KafkaError> {
    let committed = client.committed_offsets(partitions.clone(), ASK)?;
    let mut last = partitions.clone();
    last.set_all_offsets(Offset::End)?;
    let ends = client.offsets_for_times(last, ASK)?;
    let mut found = Vec::new();
    for element in committed.elements() {
        let (topic, partition) = (element.topic(), element.partition());
        let end = ends.find_partition(topic, partition).map(|end| end.offset());
        if let (Offset::Offset(offset), Some(Offset::Offset(end))) = (element.offset(), end) {
            found.push(Behind { partition: format!("{topic}-{partition}"), records: (end - offset).max(0) });
        }
    }
    Ok(found)
}
