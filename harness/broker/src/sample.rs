//! What a running broker has, with some of its last records: for a first contract. Only reads, and joins no group.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use eventproof_contract::{Sample, SampledTopic};
use rdkafka::admin::ConfigSource;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers};
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::own::is_own;
use crate::scan::{ANSWER, consumer, read_topic};
use crate::{Broker, BrokerError, Topics};

/// How long records of one topic are waited for.
const READ: Duration = Duration::from_secs(10);

/// The topics that were asked for (all but Kafka's own if none were), each with about `records` of its last records, spread
/// over its partitions.
///
/// # Errors
/// If the broker does not answer.
pub async fn sample(broker: &Broker, only: &[String], records: usize) -> Result<Vec<SampledTopic>, BrokerError> {
    let consumer = consumer(broker, "eventproof-init")?;
    let metadata =
        consumer.fetch_metadata(None, ANSWER).map_err(|error| BrokerError::asked("listing topics", error))?;
    let names: BTreeSet<&str> = metadata.topics().iter().map(|topic| topic.name()).collect();
    let chosen = |name: &&str| {
        if only.is_empty() { !name.starts_with("__") && !is_own(name) } else { only.iter().any(|one| one == name) }
    };
    let topics = Topics::of(broker)?;
    let mut found = Vec::new();
    for name in names.into_iter().filter(chosen) {
        let Some(facts) = topics.describe(name).await? else { continue };
        found.push(SampledTopic {
            topic: name.to_owned(),
            partitions: Some(facts.partitions),
            replicas: u16::try_from(facts.replicas).ok(),
            config: topics.own_config(name).await?,
            groups: Vec::new(),
            samples: last_records(broker, name, facts.partitions, records)?,
        });
    }
    for (group, of_group) in committed(broker, &consumer, &found)? {
        let read = found.iter_mut().filter(|topic| of_group.contains(&topic.topic));
        read.for_each(|topic| topic.groups.push(group.clone()));
    }
    Ok(found)
}

fn last_records(broker: &Broker, topic: &str, partitions: u32, records: usize) -> Result<Vec<Sample>, BrokerError> {
    let each = (records as i64 / i64::from(partitions.max(1))).max(1);
    let mut found = Vec::new();
    read_topic(broker, topic, partitions, |_, _, high| (high - each, high), READ, |record| found.push(read(record)))?;
    Ok(found)
}

fn read(record: &BorrowedMessage<'_>) -> Sample {
    let headers = record.headers().into_iter().flat_map(|headers| headers.iter());
    Sample {
        key: record.key().map(<[u8]>::to_vec),
        headers: headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect(),
        payload: record.payload().map(<[u8]>::to_vec),
    }
}

/// The topics on which each group committed positions.
fn committed(
    broker: &Broker,
    asking: &BaseConsumer,
    topics: &[SampledTopic],
) -> Result<BTreeMap<String, BTreeSet<String>>, BrokerError> {
    let groups = asking.fetch_group_list(None, ANSWER).map_err(|error| BrokerError::asked("listing groups", error))?;
    let mut all = TopicPartitionList::new();
    for topic in topics {
        for partition in 0..topic.partitions.unwrap_or(0).cast_signed() {
            all.add_partition(&topic.topic, partition);
        }
    }
    let mut found = BTreeMap::new();
    for group in groups.groups().iter().map(|group| group.name().to_owned()) {
        let positions = consumer(broker, &group)?.committed_offsets(all.clone(), ANSWER);
        let positions =
            positions.map_err(|error| BrokerError::asked(format!("asking for positions of {group}"), error))?;
        let read: BTreeSet<String> = positions
            .elements()
            .iter()
            .filter(|one| matches!(one.offset(), Offset::Offset(_)))
            .map(|one| one.topic().to_owned())
            .collect();
        if !read.is_empty() {
            found.insert(group, read);
        }
    }
    Ok(found)
}

impl Topics<'_> {
    /// What was set for a topic itself.
    async fn own_config(&self, topic: &str) -> Result<BTreeMap<String, String>, BrokerError> {
        let entries = self.entries_of(topic).await?;
        let own = entries.into_iter().filter(|entry| entry.source == ConfigSource::DynamicTopic);
        Ok(own.filter_map(|entry| entry.value.map(|value| (entry.name, value))).collect())
    }
}

#[cfg(test)]
mod tests {
    use eventproof_contract::{Contract, contract_of};
    use eventproof_source::Source;

    use super::*;
    use crate::BrokerChoice;

    const SHOP: &str = "\
asyncapi: 3.0.0
info: {title: t, version: '1'}
channels:
  orders:
    address: shop.orders
    bindings: {kafka: {partitions: 3, topicConfiguration: {retention.ms: 1000000}}}
    messages:
      placed:
        name: OrderPlaced
        payload:
          type: object
          required: [id, order_id, type]
          properties: {id: {type: string, format: uuid}, order_id: {type: string}, type: {const: OrderPlaced}, total: {type: integer}}
        x-eventproof: {key: $message.payload#/order_id, envelope: {id: $message.payload#/id, type: $message.payload#/type}}
";

    fn parsed(text: &str) -> Contract {
        Contract::parse(&Source::inline("asyncapi.yaml", text)).map_err(|faults| faults.render(false)).unwrap().0
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_contract_that_is_guessed_from_a_broker_takes_its_records() {
        let broker = Broker::start(&BrokerChoice::default()).await.unwrap();
        let contract = parsed(SHOP);
        Topics::of(&broker).unwrap().create_declared(&contract).await.unwrap();
        let journal = eventproof_evidence::Journal::default();
        let clock: std::sync::Arc<dyn eventproof_evidence::Clock> =
            std::sync::Arc::new(eventproof_evidence::RunClock::start());
        let publisher = crate::Publisher::new(&broker, journal, clock).unwrap();
        let mut generator = eventproof_contract::Generator::new(3, "run");
        for number in 0..20 {
            let draft = generator.record(&contract, contract.message("OrderPlaced").unwrap(), &[], None).unwrap();
            publisher.publish(&draft.record, Some(number % 3), "x").await;
        }
        let found = sample(&broker, &[], 100).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].partitions, found[0].samples.len()), (Some(3), 20));
        assert_eq!(found[0].config["retention.ms"], "1000000");
        let started = contract_of("shop", &found, &|_| None);
        let guessed = parsed(&started.document.to_string());
        let message = guessed.message("OrderPlaced").unwrap();
        assert_eq!(message.envelope.id.as_ref().unwrap().to_string(), "$message.payload#/id");
        assert_eq!(message.envelope.key.as_ref().unwrap().to_string(), "$message.payload#/order_id");
        for one in &found[0].samples {
            let faults = guessed.check("shop.orders", one.key.as_deref(), &[], one.payload.as_deref());
            assert!(faults.is_empty(), "{faults:?}");
        }
        broker.stop().await.unwrap();
    }
}
