//! Reading topics once, from wherever is wanted to the end that they have now. Joins no group.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use crate::{Broker, BrokerError, Topics};

pub(crate) const ANSWER: Duration = Duration::from_secs(15);

/// A consumer that only reads.
pub(crate) fn consumer(broker: &Broker, group: &str) -> Result<BaseConsumer, BrokerError> {
    settings(broker, group).create().map_err(|error| BrokerError::Client(error.to_string()))
}

fn settings(broker: &Broker, group: &str) -> ClientConfig {
    let mut settings = broker.settings.base(group);
    settings.set("enable.auto.commit", "false").set("enable.partition.eof", "true").set("group.id", group);
    settings
}

/// Shows `visit` every record of a topic within `within(partition, low, high)` of each partition, the first offset and the one
/// behind the last, for as long as `patience`.
/// Returns whether all of them were read.
pub(crate) fn read_topic(
    broker: &Broker,
    topic: &str,
    partitions: u32,
    within: impl Fn(i32, i64, i64) -> (i64, i64),
    patience: Duration,
    visit: impl FnMut(&BorrowedMessage<'_>),
) -> Result<bool, BrokerError> {
    // A consumer of its own for each topic: nothing that is still under way for another one can be taken for this one's.
    read_by(&consumer(broker, "eventproof-scan")?, topic, partitions, within, patience, visit)
}

/// The same, by a consumer that has read nothing so far.
pub(crate) fn read_by(
    consumer: &BaseConsumer,
    topic: &str,
    partitions: u32,
    within: impl Fn(i32, i64, i64) -> (i64, i64),
    patience: Duration,
    mut visit: impl FnMut(&BorrowedMessage<'_>),
) -> Result<bool, BrokerError> {
    let asked = |error| BrokerError::asked(format!("reading {topic}"), error);
    let mut open: BTreeMap<i32, i64> = BTreeMap::new();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions.cast_signed() {
        let (low, high) = consumer.fetch_watermarks(topic, partition, patience.min(ANSWER)).map_err(asked)?;
        let (first, end) = within(partition, low, high);
        if end > first.max(low) {
            assignment.add_partition_offset(topic, partition, Offset::Offset(first.max(low))).map_err(asked)?;
            open.insert(partition, end);
        }
    }
    consumer.assign(&assignment).map_err(asked)?;
    let began = Instant::now();
    while !open.is_empty() && began.elapsed() < patience {
        match consumer.poll(Duration::from_millis(50)) {
            Some(Ok(record)) => {
                // What is written meanwhile is not asked for.
                if open.get(&record.partition()).is_some_and(|end| record.offset() < *end) {
                    visit(&record);
                }
                open.retain(|partition, end| *partition != record.partition() || record.offset() + 1 < *end);
            }
            // Transaction markers take offsets and are never shown: the end is told apart from them.
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(open.remove(&partition)),
            Some(Err(error)) => return Err(asked(error)),
            None => {}
        }
    }
    Ok(open.is_empty())
}

/// Where a text was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub topic: String,
    /// `key`, `value` or `header NAME`, with partition and offset.
    pub place: String,
}

/// How long each topic may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many topics are read at a time: most of a topic's time is spent waiting for answers.
const AT_A_TIME: usize = 6;

/// Looks for a text in every record of these topics, keys and headers too: as it stands in the bytes. Records that are not committed
/// stand there too, and consumers read them unless they are told not to.
///
/// # Errors
/// If the broker does not answer, or a topic could not be read to its end.
pub async fn search(broker: &Broker, topics: &[String], text: &str) -> Result<Vec<Found>, BrokerError> {
    let about = Topics::of(broker)?;
    let mut known = Vec::new();
    for topic in topics {
        if let Some(facts) = about.describe(topic).await? {
            known.push((topic.as_str(), facts.partitions));
        }
    }
    let share = known.len().div_ceil(AT_A_TIME).max(1);
    let search = |topics: &[(&str, u32)]| -> Result<Vec<Found>, BrokerError> {
        let found = topics.iter().map(|(topic, partitions)| search_one(broker, topic, *partitions, text));
        Ok(found.collect::<Result<Vec<_>, _>>()?.concat())
    };
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let readers: Vec<_> = known.chunks(share).map(|topics| scope.spawn(move || search(topics))).collect();
            let lost = || Err(BrokerError::Client("a reading thread panicked".to_owned()));
            let found = readers.into_iter().map(|reader| reader.join().unwrap_or_else(|_| lost()));
            Ok(found.collect::<Result<Vec<_>, _>>()?.concat())
        })
    })
}

fn search_one(broker: &Broker, topic: &str, partitions: u32, text: &str) -> Result<Vec<Found>, BrokerError> {
    let mut found = Vec::new();
    let note = |record: &BorrowedMessage<'_>| {
        found.extend(places(record, text.as_bytes()).map(|place| Found { topic: topic.to_owned(), place }));
    };
    let reader = settings(broker, "eventproof-scan").set("isolation.level", "read_uncommitted").create();
    let reader: BaseConsumer = reader.map_err(|error| BrokerError::Client(error.to_string()))?;
    match read_by(&reader, topic, partitions, |_, low, high| (low, high), PATIENCE, note)? {
        true => Ok(found),
        false => Err(BrokerError::Unread { topic: topic.to_owned(), waited: PATIENCE }),
    }
}

fn places(record: &BorrowedMessage<'_>, text: &[u8]) -> impl Iterator<Item = String> {
    let has = |bytes: Option<&[u8]>| bytes.is_some_and(|bytes| bytes.windows(text.len()).any(|part| part == text));
    let mut places = Vec::new();
    let at = format!("{}[{}]@{}", record.topic(), record.partition(), record.offset());
    if has(record.key()) {
        places.push(format!("the key of {at}"));
    }
    if has(record.payload()) {
        places.push(format!("the value of {at}"));
    }
    for header in record.headers().into_iter().flat_map(|headers| headers.iter()) {
        if has(header.value) {
            places.push(format!("header {} of {at}", header.key));
        }
        if has(Some(header.key.as_bytes())) {
            places.push(format!("the name of header {} of {at}", header.key));
        }
    }
    places.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BrokerChoice;
    use rdkafka::message::{Header, OwnedHeaders};
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_text_is_found_in_keys_values_and_headers_and_nowhere_else() {
        let broker = Broker::start(&BrokerChoice::default()).await.unwrap();
        let producer: BaseProducer = broker.settings.base("test").create().unwrap();
        let headers = OwnedHeaders::new().insert(Header { key: "error", value: Some("token s3cret refused") });
        producer.send(BaseRecord::to("clean").key("k").payload("nothing")).unwrap();
        producer.send(BaseRecord::to("links").key("k").payload("{\"token\":\"s3cret\"}")).unwrap();
        producer.send(BaseRecord::to("links.dlq").key("s3cret").payload("x").headers(headers)).unwrap();
        producer.flush(Duration::from_secs(10)).unwrap();
        let topics = ["clean", "links", "links.dlq", "absent"].map(str::to_owned);
        let found = search(&broker, &topics, "s3cret").await.unwrap();
        let places: Vec<String> = found.iter().map(|one| one.place.split('[').next().unwrap().to_owned()).collect();
        assert_eq!(places, ["the value of links", "the key of links.dlq", "header error of links.dlq"]);
        assert!(search(&broker, &topics, "s4cret").await.unwrap().is_empty());
        let in_a_name = search(&broker, &topics, "error").await.unwrap();
        assert!(in_a_name[0].place.starts_with("the name of header error of links.dlq"), "{in_a_name:?}");
        drop(producer);
        broker.stop().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_written_in_a_transaction_that_was_aborted_or_is_open_is_found_too() {
        let broker = Broker::start(&BrokerChoice::default()).await.unwrap();
        let mut settings = broker.settings.base("test");
        let producer: BaseProducer = settings.set("transactional.id", "leaks").create().unwrap();
        producer.init_transactions(Duration::from_secs(10)).unwrap();
        let found = async || search(&broker, &["links".to_owned()], "s3cret").await.unwrap().len();
        producer.begin_transaction().unwrap();
        producer.send(BaseRecord::to("links").key("k").payload("s3cret")).unwrap();
        producer.flush(Duration::from_secs(10)).unwrap();
        assert_eq!(found().await, 1, "its transaction is open");
        producer.abort_transaction(Duration::from_secs(10)).unwrap();
        assert_eq!(found().await, 1, "its transaction was aborted");
        drop(producer);
        broker.stop().await.unwrap();
    }
}
