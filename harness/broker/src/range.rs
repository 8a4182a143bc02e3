//! A stretch of a topic, by the timestamps of its records: what a load replays. Joins no group.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use eventproof_contract::Record;
use rdkafka::consumer::Consumer;
use rdkafka::message::{BorrowedMessage, Headers};
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::scan::{ANSWER, consumer, read_topic};
use crate::{Broker, BrokerError};

/// How long the reading of a stretch may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A record as it stood on its topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    pub record: Record,
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since 1970, as the topic keeps them: the producer's, or the broker's.
    pub timestamp_ms: i64,
}

/// Reads the records of a topic from the first one at or after `from` up to the first one at or after `to`, in each partition; to
/// the present end if nothing is said. Partition by partition, in the order in which they stand there.
///
/// # Errors
/// If the broker does not answer, or there are more than `most`.
pub fn read_range(
    broker: &Broker,
    topic: &str,
    partitions: u32,
    (from_ms, to_ms): (Option<i64>, Option<i64>),
    most: usize,
) -> Result<Vec<Recorded>, BrokerError> {
    let first = offsets_at(broker, topic, partitions, from_ms)?;
    let end = offsets_at(broker, topic, partitions, to_ms)?;
    let within = |partition: i32, low: i64, high: i64| {
        // Without a time: from the beginning. With one that no record has reached: nothing.
        let first = if from_ms.is_some() { first.get(&partition).copied().unwrap_or(high) } else { low };
        (first, end.get(&partition).copied().unwrap_or(high).min(high))
    };
    let mut found: Vec<Recorded> = Vec::new();
    let mut beyond = 0usize;
    let whole = read_topic(broker, topic, partitions, within, PATIENCE, |record| match found.len() < most {
        true => found.push(recorded(record)),
        false => beyond += 1,
    })?;
    if !whole {
        return Err(BrokerError::Unread { topic: topic.to_owned(), waited: PATIENCE });
    }
    if beyond > 0 {
        let detail = format!("there are {} records, and at most {most} are kept in memory", most + beyond);
        return Err(BrokerError::Asked { question: format!("reading a stretch of {topic}"), detail });
    }
    found.sort_by_key(|record| (record.partition, record.offset));
    Ok(found)
}

/// The record that stands at a place, if it is still there.
///
/// # Errors
/// If the broker does not answer, or not in time to say whether it is there.
pub fn read_at(broker: &Broker, topic: &str, partition: i32, offset: i64) -> Result<Option<Recorded>, BrokerError> {
    let within = |of: i32, _: i64, high: i64| match of == partition {
        true => (offset, high.min(offset + 1)),
        false => (0, 0),
    };
    let (mut found, partitions) = (None, u32::try_from(partition + 1).unwrap_or_default());
    let whole = read_topic(broker, topic, partitions, within, ANSWER, |record| found = Some(recorded(record)))?;
    // What could not be read in time may be there all the same.
    if whole || found.is_some() {
        Ok(found)
    } else {
        Err(BrokerError::Unread { topic: topic.to_owned(), waited: ANSWER })
    }
}

/// For each partition the first offset whose record is at or after an instant; none where there is no such record.
fn offsets_at(
    broker: &Broker,
    topic: &str,
    partitions: u32,
    instant_ms: Option<i64>,
) -> Result<BTreeMap<i32, i64>, BrokerError> {
    let Some(instant) = instant_ms else { return Ok(BTreeMap::new()) };
    let asked = |error| BrokerError::asked(format!("asking for the offsets of {topic} at an instant"), error);
    let mut question = TopicPartitionList::new();
    for partition in 0..partitions.cast_signed() {
        question.add_partition_offset(topic, partition, Offset::Offset(instant)).map_err(asked)?;
    }
    let answer = consumer(broker, "eventproof-range")?.offsets_for_times(question, ANSWER).map_err(asked)?;
    let found = answer.elements().into_iter().filter_map(|element| match element.offset() {
        Offset::Offset(offset) => Some((element.partition(), offset)),
        _ => None,
    });
    Ok(found.collect())
}

fn recorded(message: &BorrowedMessage<'_>) -> Recorded {
    let bytes = |bytes: &[u8]| Bytes::copy_from_slice(bytes);
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    Recorded {
        record: Record {
            topic: message.topic().to_owned(),
            key: message.key().map(bytes),
            headers: headers.map(|header| (header.key.to_owned(), header.value.map(bytes))).collect(),
            payload: message.payload().map(bytes),
        },
        partition: message.partition(),
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

    use super::*;
    use crate::BrokerChoice;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stretch_is_what_lies_between_two_instants() {
        let broker = Broker::start(&BrokerChoice::default()).await.unwrap();
        let producer: BaseProducer = broker.settings.base("test").create().unwrap();
        for at in 0..10i64 {
            let key = format!("k{at}");
            let record = BaseRecord::to("past").key(&key).payload("x").timestamp(1_700_000_000_000 + at * 1000);
            producer.send(record).unwrap();
            // One batch each: a time is looked up in batches too.
            producer.flush(Duration::from_secs(10)).unwrap();
        }
        let read = |from: Option<i64>, to: Option<i64>| {
            let bounds = (from.map(|at| 1_700_000_000_000 + at), to.map(|at| 1_700_000_000_000 + at));
            let found = read_range(&broker, "past", 1, bounds, 100).unwrap();
            found.into_iter().map(|one| (one.timestamp_ms - 1_700_000_000_000) / 1000).collect::<Vec<_>>()
        };
        tokio::task::block_in_place(|| {
            assert_eq!(read(None, None), (0..10).collect::<Vec<_>>());
            assert_eq!(read(Some(2500), Some(6000)), [3, 4, 5]);
            assert_eq!(read(Some(9001), None), Vec::<i64>::new(), "nothing is so late");
            let error = read_range(&broker, "past", 1, (None, None), 4).unwrap_err().to_string();
            assert!(error.contains("there are 10 records, and at most 4"), "{error}");
        });
        broker.stop().await.unwrap();
    }
}
