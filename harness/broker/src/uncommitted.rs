//! Records that whoever reads committed ones only does not see: looked for once something is missing, never watched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use eventproof_contract::Contract;
use eventproof_evidence::{At, Journal, Seen};
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::recorder::borrowed;
use crate::scan::{ANSWER, read_by};
use crate::{Broker, BrokerError, ContractSink, PartitionCounts, Topics};

/// How far back from the end of a partition it looks.
const BACK: i64 = 5_000;
/// How long it may take, for each of its two readings.
const PATIENCE: Duration = Duration::from_secs(10);

/// A record in a transaction that is not committed, or behind one that is open.
#[derive(Clone, Debug, PartialEq)]
pub struct Uncommitted {
    pub record: Seen,
    /// Whether its transaction was aborted; otherwise it, or one before it on the partition, is open.
    pub aborted: bool,
}

/// The last records of a topic that are not committed, as the contract reads them; `at` is when they count as seen.
///
/// # Errors
/// If the broker does not answer, or not everything could be read.
pub async fn uncommitted(
    broker: &Broker,
    contract: &Arc<Contract>,
    topic: &str,
    at: At,
) -> Result<Vec<Uncommitted>, BrokerError> {
    let facts = Topics::of(broker)?.describe(topic).await?;
    let Some(partitions) = facts.map(|facts| facts.partitions) else { return Ok(Vec::new()) };
    tokio::task::block_in_place(|| {
        let consumer = |isolation: &str| -> Result<BaseConsumer, BrokerError> {
            let mut settings = broker.settings.observer("eventproof-uncommitted", "eventproof-uncommitted");
            settings.set("isolation.level", isolation).set("enable.partition.eof", "true");
            settings.create().map_err(|error| BrokerError::Client(error.to_string()))
        };
        let all = consumer("read_uncommitted")?;
        // What is committed while this reads is seen by the second reading.
        let mut sink = ContractSink::new(contract.clone(), Journal::default(), PartitionCounts::default());
        let mut found = Vec::new();
        let back = |_: i32, low: i64, high: i64| (low.max(high - BACK), high);
        let whole = read_by(&all, topic, partitions, back, PATIENCE, |message| {
            borrowed(message, |record| found.push(sink.seen(record, at)));
        })?;
        let ends = stable_ends(&consumer("read_committed")?, topic, partitions)?;
        let mut committed = BTreeSet::new();
        let within =
            |partition: i32, low: i64, high: i64| (low.max(high - BACK), ends.get(&partition).copied().unwrap_or(high));
        let read = read_by(&consumer("read_committed")?, topic, partitions, within, PATIENCE, |message| {
            committed.insert((message.partition(), message.offset()));
        })?;
        if !(whole && read) {
            return Err(BrokerError::Unread { topic: topic.to_owned(), waited: PATIENCE });
        }
        let hidden = found.into_iter().filter(|record| !committed.contains(&(record.partition, record.offset)));
        let aborted = |record: &Seen| ends.get(&record.partition).is_some_and(|end| record.offset < *end);
        Ok(hidden.map(|record| Uncommitted { aborted: aborted(&record), record }).collect())
    })
}

/// Up to where everything is decided: the last stable offset of each partition.
fn stable_ends(consumer: &BaseConsumer, topic: &str, partitions: u32) -> Result<BTreeMap<i32, i64>, BrokerError> {
    let asked = |error| BrokerError::asked(format!("asking for the last stable offsets of {topic}"), error);
    let end = |partition: i32| Ok((partition, consumer.fetch_watermarks(topic, partition, ANSWER).map_err(asked)?.1));
    (0..partitions.cast_signed()).map(end).collect()
}

#[cfg(test)]
mod tests {
    use eventproof_source::Source;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

    use super::*;
    use crate::BrokerChoice;

    const CONTRACT: &str = "\
asyncapi: 3.0.0
info: {title: shop, version: '1'}
x-eventproof: {envelope: {id: $message.payload#/id}}
channels:
  orders: {address: orders, messages: {placed: {name: placed, payload: {type: object, properties: {id: {type: string}}}}}}
";

    /// Says whose transaction it was, and how it stands.
    async fn found(broker: &Broker) -> Vec<(String, bool)> {
        let (contract, _) = Contract::parse(&Source::inline("asyncapi.yaml", CONTRACT)).unwrap();
        let found = uncommitted(broker, &Arc::new(contract), "orders", At::default()).await.unwrap();
        found.into_iter().map(|one| (one.record.id.unwrap().to_string(), one.aborted)).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_open_and_what_was_aborted_is_told_apart() {
        let broker = Broker::start(&BrokerChoice::default()).await.unwrap();
        let producer = |id: &str| -> BaseProducer {
            let mut settings = broker.settings.base("test");
            let producer: BaseProducer = settings.set("transactional.id", id).create().unwrap();
            producer.init_transactions(ANSWER).unwrap();
            producer
        };
        let send = |producer: &BaseProducer, id: &str| {
            let payload = format!("{{\"id\":\"{id}\"}}");
            producer.send(BaseRecord::<str, str>::to("orders").key("k").payload(&payload)).unwrap();
            producer.flush(ANSWER).unwrap();
        };
        let (first, second) = (producer("first"), producer("second"));
        first.begin_transaction().unwrap();
        send(&first, "kept");
        first.commit_transaction(ANSWER).unwrap();
        assert_eq!(found(&broker).await, []);
        first.begin_transaction().unwrap();
        send(&first, "given up");
        first.abort_transaction(ANSWER).unwrap();
        assert_eq!(found(&broker).await, [("given up".to_owned(), true)]);
        second.begin_transaction().unwrap();
        send(&second, "waits");
        assert_eq!(found(&broker).await, [("given up".to_owned(), true), ("waits".to_owned(), false)]);
        second.commit_transaction(ANSWER).unwrap();
        assert_eq!(found(&broker).await, [("given up".to_owned(), true)]);
        drop((first, second));
        broker.stop().await.unwrap();
    }
}
