//! metrics-exporter: the document's four metrics, of the broker and of the registry, as a look from outside shows them.
//!
//! It reads every topic from its end on, in no group, and so knows what flows and where each partition ends; it asks for what each
//! group has committed, and the registry for its versions. What cannot be found out is not shown.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Message, Offset, TopicPartitionList};
use tokio::runtime::Handle;

use super::registry::Registry;
use super::stages::{GROUPS, TOPICS, stage};
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::kafka::{Brokers, LogContext};
use crate::shared::log::Log;
use crate::shared::metrics::Metrics;
use crate::shared::onlooker::{measuring, onlooker};
use crate::shared::stop::Stop;

pub(super) const NAME: &str = "metrics-exporter";

const LAG: &str = "kafka_consumer_lag";
const MESSAGES: &str = "kafka_messages_in_per_sec";
const BYTES: &str = "kafka_bytes_in_per_sec";
const SCHEMAS: &str = "schema_registry_schemas_total";

/// How often everything is shown anew, and over what a rate is measured.
const ROUND: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(100);
const ASK: Duration = Duration::from_secs(5);

const NO_LAG: FaultInfo = FaultInfo { name: "no-lag", summary: "does not show how far groups are behind" };
const ZERO_LAG: FaultInfo = FaultInfo { name: "zero-lag", summary: "shows every group as if it were never behind" };
const NO_RATES: FaultInfo = FaultInfo { name: "no-rates", summary: "shows rates that stand at 0" };
const NO_SCHEMAS: FaultInfo = FaultInfo { name: "no-schemas", summary: "does not show how many schemas there are" };

pub(super) const FAULTS: &[FaultInfo] = &[NO_LAG, ZERO_LAG, NO_RATES, NO_SCHEMAS];

#[derive(Debug, Clone, Copy)]
struct Faults {
    no_lag: bool,
    zero_lag: bool,
    no_rates: bool,
    no_schemas: bool,
}

/// Records and bytes.
#[derive(Default, Clone, Copy)]
struct Flow {
    messages: u64,
    bytes: u64,
}

/// What looks on.
struct Exporter {
    brokers: Brokers,
    registry: Registry,
    groups: Vec<(&'static str, &'static str, BaseConsumer<LogContext>)>,
    metrics: Metrics,
    log: Log,
    stop: Stop,
    runtime: Handle,
    faults: Faults,
    ready: Arc<AtomicBool>,
}

/// A reader of every partition, and where each of them ends.
struct Tail {
    consumer: BaseConsumer<LogContext>,
    ends: HashMap<(String, i32), i64>,
    /// Up to when what came is counted.
    counted_to: Instant,
}

pub(super) fn build(context: &Context) -> Result<Parts, ServeError> {
    let settings = &context.settings;
    context.metrics.gauge(LAG, "Records that a group has not committed yet.", true);
    context.metrics.gauge(MESSAGES, "Records per second, since the look before.", true);
    context.metrics.gauge(BYTES, "Bytes of keys and values per second, since the look before.", true);
    context.metrics.gauge(SCHEMAS, "Versions of all subjects.", true);
    let ready = Arc::new(AtomicBool::new(false));
    let client = |group: &str| client(&settings.brokers, group, context.log);
    let groups: Result<Vec<_>, KafkaError> =
        GROUPS.into_iter().map(|group| Ok((group, stage(group).input.name, client(group)?))).collect();
    let exporter = Exporter {
        brokers: settings.brokers.clone(),
        registry: Registry::new(&settings.registry()?),
        groups: groups.map_err(|source| ServeError::Kafka { what: "group watch", source })?,
        metrics: context.metrics.clone(),
        log: context.log,
        stop: context.stop.clone(),
        runtime: Handle::current(),
        faults: Faults {
            no_lag: context.has(NO_LAG),
            zero_lag: context.has(ZERO_LAG),
            no_rates: context.has(NO_RATES),
            no_schemas: context.has(NO_SCHEMAS),
        },
        ready: ready.clone(),
    };
    Ok(measuring(ready, move || exporter.run()))
}

fn client(brokers: &Brokers, group: &str, log: Log) -> Result<BaseConsumer<LogContext>, KafkaError> {
    onlooker(brokers, NAME, group, &[("fetch.wait.max.ms", "100")], log)
}

impl Exporter {
    fn run(self) -> Result<(), ServeError> {
        let mut tail = None;
        while !self.stop.is_set() {
            match self.round(tail.take()) {
                Ok(used) => tail = Some(used),
                Err(error) => {
                    self.log.warn(format_args!("cannot measure: {error}"));
                    [LAG, MESSAGES, BYTES].into_iter().for_each(|name| self.metrics.clear(name));
                    std::thread::sleep(ROUND);
                }
            }
        }
        Ok(())
    }

    fn round(&self, tail: Option<Tail>) -> Result<Tail, KafkaError> {
        let mut tail = tail.map_or_else(|| Tail::start(&self.brokers, self.log), Ok)?;
        let flows = tail.read(Instant::now() + ROUND)?;
        self.show_rates(&flows, tail.looked());
        if !self.faults.no_lag {
            self.show_lag(&tail)?;
        }
        if !self.faults.no_schemas {
            self.show_schemas();
        }
        self.ready.store(true, Ordering::Relaxed);
        Ok(tail)
    }

    fn show_rates(&self, flows: &BTreeMap<String, Flow>, over: Duration) {
        for topic in TOPICS {
            let flow = flows.get(topic.name).copied().filter(|_| !self.faults.no_rates).unwrap_or_default();
            let labels = [("topic", topic.name)];
            // Counts of a second are far below 2^53, where a float is exact.
            self.metrics.set(MESSAGES, &labels, flow.messages as f64 / over.as_secs_f64());
            self.metrics.set(BYTES, &labels, flow.bytes as f64 / over.as_secs_f64());
        }
    }

    fn show_lag(&self, tail: &Tail) -> Result<(), KafkaError> {
        for (group, topic, client) in &self.groups {
            let mut asked = TopicPartitionList::new();
            let ends: Vec<_> = tail.ends.iter().filter(|((name, _), _)| name == topic).collect();
            for ((name, partition), _) in &ends {
                asked.add_partition(name, *partition);
            }
            let committed = client.committed_offsets(asked, ASK)?;
            let mut behind = 0;
            for ((name, partition), end) in ends {
                let found = committed.find_partition(name, *partition).map(|element| element.offset());
                // Where a group has committed nothing, nobody can say how far it is behind.
                if let Some(Offset::Offset(offset)) = found {
                    behind += (end - offset).max(0);
                }
            }
            let shown = if self.faults.zero_lag { 0.0 } else { behind as f64 };
            self.metrics.set(LAG, &[("group", group), ("topic", topic)], shown);
        }
        Ok(())
    }

    fn show_schemas(&self) {
        match self.runtime.block_on(self.registry.count()) {
            Ok(count) => self.metrics.set(SCHEMAS, &[], count as f64),
            Err(error) => {
                self.log.warn(format_args!("cannot count schemas: {error}"));
                self.metrics.clear(SCHEMAS);
            }
        }
    }
}

impl Tail {
    fn start(brokers: &Brokers, log: Log) -> Result<Tail, KafkaError> {
        let consumer = client(brokers, NAME, log)?;
        let metadata = consumer.fetch_metadata(None, ASK)?;
        let mut from = TopicPartitionList::new();
        let mut ends = HashMap::new();
        for topic in metadata.topics().iter().filter(|topic| TOPICS.iter().any(|known| known.name == topic.name())) {
            for partition in topic.partitions() {
                let (_, end) = consumer.fetch_watermarks(topic.name(), partition.id(), ASK)?;
                from.add_partition_offset(topic.name(), partition.id(), Offset::Offset(end))?;
                ends.insert((topic.name().to_owned(), partition.id()), end);
            }
        }
        consumer.assign(&from)?;
        Ok(Tail { consumer, ends, counted_to: Instant::now() })
    }

    /// How long it is since this was asked before: what came meanwhile waited in the client.
    fn looked(&mut self) -> Duration {
        let now = Instant::now();
        now.duration_since(std::mem::replace(&mut self.counted_to, now))
    }

    /// What comes until then, by topic.
    fn read(&mut self, until: Instant) -> Result<BTreeMap<String, Flow>, KafkaError> {
        let mut flows: BTreeMap<String, Flow> = BTreeMap::new();
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            let Some(polled) = self.consumer.poll(left.min(POLL)) else { continue };
            let message = polled?;
            let flow = flows.entry(message.topic().to_owned()).or_default();
            flow.messages += 1;
            flow.bytes += (message.key_len() + message.payload_len()) as u64;
            self.ends.insert((message.topic().to_owned(), message.partition()), message.offset() + 1);
        }
        Ok(flows)
    }
}
