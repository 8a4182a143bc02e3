//! Reading topics once more, beside every group: from a time on, up to where they end now. Nothing is joined or committed.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use super::{Brokers, Record};

/// How long the brokers may take for an answer.
const ASK: Duration = Duration::from_secs(5);
/// How long nothing may come although there is more.
const SILENCE: Duration = Duration::from_secs(10);
const BATCH: usize = 100;

/// Where a partition ended when the reading began.
struct End {
    topic: String,
    partition: i32,
    offset: i64,
}

/// Reads the topics that `takes` names, from the first record of `from_ms` (milliseconds since 1970) on, and gives them to `each` in
/// batches. Blocks its thread. Gives how many records there were.
///
/// # Errors
/// What the brokers, or `each`, say.
pub(crate) fn reread(
    brokers: &Brokers,
    client: &str,
    takes: impl Fn(&str) -> bool,
    from_ms: i64,
    mut each: impl FnMut(&[Record]) -> Result<(), String>,
) -> Result<usize, String> {
    let consumer = consumer(brokers, client).map_err(|e| e.to_string())?;
    let mut open = place(&consumer, takes, from_ms).map_err(|e| e.to_string())?;
    let (mut batch, mut count, mut last) = (Vec::new(), 0, Instant::now());
    while !open.is_empty() {
        match consumer.poll(Duration::from_millis(50)) {
            Some(message) => {
                let record = Record::from(&message.map_err(|e| e.to_string())?);
                last = Instant::now();
                let is_behind = |end: &End| end.topic == record.topic && end.partition == record.partition;
                open.retain(|end| !(is_behind(end) && record.offset + 1 >= end.offset));
                batch.push(record);
            }
            None if last.elapsed() > SILENCE => return Err("the brokers gave no more records".into()),
            None => {}
        }
        if batch.len() >= BATCH || open.is_empty() {
            count += batch.len();
            each(&batch)?;
            batch.clear();
        }
    }
    Ok(count)
}

fn consumer(brokers: &Brokers, client: &str) -> KafkaResult<BaseConsumer> {
    brokers
        .client()
        .set("client.id", client)
        // The client wants a name; partitions are taken by hand.
        .set("group.id", client)
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "50")
        .create()
}

/// Takes every partition from the first record of that time on; gives where each ends now, if there is anything before.
fn place(consumer: &BaseConsumer, takes: impl Fn(&str) -> bool, from_ms: i64) -> KafkaResult<Vec<End>> {
    let metadata = consumer.fetch_metadata(None, ASK)?;
    let mut asked = TopicPartitionList::new();
    for topic in metadata.topics().iter().filter(|topic| takes(topic.name())) {
        for partition in topic.partitions() {
            asked.add_partition_offset(topic.name(), partition.id(), Offset::Offset(from_ms))?;
        }
    }
    let (mut taken, mut ends) = (TopicPartitionList::new(), Vec::new());
    for element in consumer.offsets_for_times(asked, ASK)?.elements() {
        let Offset::Offset(first) = element.offset() else { continue };
        let (_, offset) = consumer.fetch_watermarks(element.topic(), element.partition(), ASK)?;
        if first < offset {
            taken.add_partition_offset(element.topic(), element.partition(), Offset::Offset(first))?;
            ends.push(End { topic: element.topic().to_owned(), partition: element.partition(), offset });
        }
    }
    consumer.assign(&taken)?;
    Ok(ends)
}
