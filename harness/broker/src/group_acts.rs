//! What eventproof does to an application's own group when a scenario asks for it: set it back, make it rebalance. Everything
//! else here never joins a group and never commits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::{Offset, TopicPartitionList};

use crate::{Broker, BrokerError};

/// How long between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Strategies of assignment, of which a member must speak one that its group has.
const STRATEGIES: [&str; 2] = ["range,roundrobin", "cooperative-sticky"];

/// Sets the committed offset of a group on one partition. Kafka lets nobody do that while the group has members; a member that was
/// killed is one until its session is over, so it is tried for as long as `patience`. Blocks.
///
/// # Errors
/// If the group still has members then, or the broker refuses.
pub fn rewind(
    broker: &Broker,
    group: &str,
    (topic, partition): (&str, i32),
    offset: i64,
    patience: Duration,
) -> Result<(), BrokerError> {
    let failed = |error: rdkafka::error::KafkaError| BrokerError::Client(format!("group \"{group}\": {error}"));
    let consumer: BaseConsumer = broker.settings.observer("eventproof-rewind", group).create().map_err(failed)?;
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(topic, partition, Offset::Offset(offset)).map_err(failed)?;
    let began = Instant::now();
    loop {
        match consumer.commit(&place, CommitMode::Sync) {
            Ok(()) => return Ok(()),
            Err(error) if began.elapsed() > patience => return Err(failed(error)),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// Joins a group for a moment and leaves it, without reading or committing anything: its partitions are taken from their owners and
/// given back. Blocks, and returns once the member was given its part.
///
/// # Errors
/// If it is given none within `patience`, whichever strategy of assignment it speaks.
pub fn rebalance(broker: &Broker, group: &str, topics: &[String], patience: Duration) -> Result<(), BrokerError> {
    let mut last = None;
    for strategy in STRATEGIES {
        match join(broker, group, topics, strategy, patience) {
            Ok(()) => return Ok(()),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| BrokerError::Client("no strategy of assignment".to_owned())))
}

fn join(
    broker: &Broker,
    group: &str,
    topics: &[String],
    strategy: &str,
    patience: Duration,
) -> Result<(), BrokerError> {
    let failed = |what: String| BrokerError::Client(format!("group \"{group}\": {what}"));
    let mut config = broker.settings.observer("eventproof-rebalance", group);
    config.set("partition.assignment.strategy", strategy).set("session.timeout.ms", "6000");
    // What is read ahead is thrown away.
    config.set("queued.min.messages", "1").set("fetch.message.max.bytes", "1024");
    let guest: BaseConsumer<Guest> =
        config.create_with_context(Guest::default()).map_err(|error| failed(error.to_string()))?;
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    guest.subscribe(&topics).map_err(|error| failed(error.to_string()))?;
    let began = Instant::now();
    while began.elapsed() < patience {
        match guest.poll(PAUSE) {
            Some(Err(error)) if error.rdkafka_error_code() == Some(INCONSISTENT) => {
                return Err(failed(error.to_string()));
            }
            // Records are not ours to handle, and other errors pass.
            _ if guest.context().assigned.load(Ordering::SeqCst) => return Ok(()),
            _ => {}
        }
    }
    Err(failed(format!("it gave a member that speaks {strategy} no part within {} s", patience.as_secs_f64())))
}

const INCONSISTENT: rdkafka::types::RDKafkaErrorCode = rdkafka::types::RDKafkaErrorCode::InconsistentGroupProtocol;

/// A member of a group for a moment.
#[derive(Default)]
struct Guest {
    /// Whether it was given its part, which may be none.
    assigned: AtomicBool,
}

impl ClientContext for Guest {}

impl ConsumerContext for Guest {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if matches!(rebalance, Rebalance::Assign(_)) {
            self.assigned.store(true, Ordering::SeqCst);
        }
    }
}
