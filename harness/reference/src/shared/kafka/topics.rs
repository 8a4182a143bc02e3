//! What only a fault does to topics.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::Brokers;

const ANSWER: Duration = Duration::from_secs(5);

/// Gives a topic one partition more than it has. Whatever goes wrong leaves it as it is: the fault is not there then, and is missed.
pub(crate) async fn add_partition(brokers: &Brokers, topic: &str) {
    let Ok(consumer) = brokers.client().create::<BaseConsumer>() else { return };
    let Ok(admin) = brokers.client().create::<AdminClient<DefaultClientContext>>() else { return };
    let count = tokio::task::block_in_place(|| consumer.fetch_metadata(Some(topic), ANSWER));
    let Some(count) = count.ok().and_then(|all| all.topics().first().map(|one| one.partitions().len())) else { return };
    let more = NewPartitions::new(topic, count + 1);
    let _ = admin.create_partitions([&more], &AdminOptions::new()).await;
}
