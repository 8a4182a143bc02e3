//! Dead letters: a record as it came, with the reason and where it came from in headers of its own; and writing them, each once.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::kafka::{Header, OutRecord, Publish, Record, TryAgain};
use super::log::Log;
use super::metrics::Metrics;
use super::replay::REPLAYED_FROM;

/// A record that cannot be handled, and why.
pub(crate) struct Unreadable<'r> {
    pub(crate) record: &'r Record,
    pub(crate) reason: String,
}

/// Topic, partition and offset.
pub(crate) type Place = (String, i32, i64);

/// Where a record stands.
pub(crate) fn place(record: &Record) -> Place {
    (record.topic.clone(), record.partition, record.offset)
}

/// The letter for `topic`; key, value and headers stay what they were.
pub(crate) fn dead_letter(unreadable: &Unreadable<'_>, topic: &str, event_id: Option<String>) -> OutRecord {
    let Unreadable { record, reason } = unreadable;
    let header = |name: &str, value: String| -> Header { (name.to_owned(), Some(value.into_bytes())) };
    let mut headers = record.headers.clone();
    headers.extend([
        header("error", reason.clone()),
        header("original_topic", record.topic.clone()),
        header("original_partition", record.partition.to_string()),
        header("original_offset", record.offset.to_string()),
    ]);
    headers.extend(event_id.map(|id| header("original_event_id", id)));
    OutRecord {
        topic: topic.to_owned(),
        partition: None,
        key: record.key.clone(),
        payload: record.payload.clone(),
        headers,
    }
}

/// Whose letter it is, if that could be read.
fn event_of(letter: &OutRecord) -> Option<String> {
    let (_, id) = letter.headers.iter().rev().find(|(name, _)| name == "original_event_id")?;
    String::from_utf8(id.clone()?).ok()
}

/// Writes the dead letters of the batch in hand. A batch that is given again writes only those that are not on the topic yet.
pub(crate) struct DeadLetters {
    publisher: Arc<dyn Publish>,
    metrics: Metrics,
    log: Log,
    counter: &'static str,
    written: BTreeSet<Place>,
}

impl DeadLetters {
    /// `counter` is what counts them: declared by the service.
    pub(crate) fn new(publisher: Arc<dyn Publish>, metrics: Metrics, log: Log, counter: &'static str) -> DeadLetters {
        DeadLetters { publisher, metrics, log, counter, written: BTreeSet::new() }
    }

    /// Writes a letter, as `letter` makes it, for each record whose letter is not written yet.
    pub(crate) async fn write(
        &mut self,
        refused: &[Unreadable<'_>],
        letter: impl Fn(&Unreadable<'_>) -> OutRecord,
    ) -> Result<(), TryAgain> {
        let left: Vec<_> = refused.iter().filter(|one| !self.written.contains(&place(one.record))).collect();
        if left.is_empty() {
            return Ok(());
        }
        let letters: Vec<OutRecord> = left.iter().map(|one| letter(one)).collect();
        let events: Vec<Option<String>> = letters.iter().map(event_of).collect();
        let mut result = Ok(());
        for ((one, event), outcome) in left.iter().zip(events).zip(self.publisher.publish(letters).await) {
            let Record { topic, partition, offset, .. } = one.record;
            match outcome {
                Ok(()) => {
                    self.written.insert(place(one.record));
                    self.metrics.add(self.counter, &[], 1);
                    self.log.warn(format_args!("dead-lettered {topic}[{partition}]@{offset}: {}", one.reason));
                    if let (true, Some(event)) = (one.record.header(REPLAYED_FROM).is_some(), event) {
                        self.log.warn(format_args!("failed again after a replay event_id={event}"));
                    }
                }
                Err(error) => result = Err(TryAgain(format!("dead letter for {topic}[{partition}]@{offset}: {error}"))),
            }
        }
        result
    }

    /// The batch is through.
    pub(crate) fn settled(&mut self) {
        self.written.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_keeps_key_bytes_and_headers_and_says_where_it_stood() {
        let record = Record {
            topic: "t".into(),
            partition: 3,
            offset: 7,
            key: Some(b"k".to_vec()),
            payload: Some(vec![0, 0xff]),
            headers: vec![("trace".into(), Some(b"x".to_vec())), ("trace".into(), None)],
            timestamp: None,
        };
        let letter = dead_letter(&Unreadable { record: &record, reason: "why".into() }, "t.dlq", Some("e".into()));
        assert_eq!((&letter.key, &letter.payload), (&record.key, &record.payload));
        assert_eq!(letter.headers[..2], record.headers, "also two of one name, and one that is null");
        let own: Vec<(&str, &[u8])> =
            letter.headers[2..].iter().map(|(name, value)| (name.as_str(), value.as_deref().unwrap())).collect();
        let expected: [(&str, &[u8]); 5] = [
            ("error", b"why"),
            ("original_topic", b"t"),
            ("original_partition", b"3"),
            ("original_offset", b"7"),
            ("original_event_id", b"e"),
        ];
        assert_eq!(own, expected);
    }
}
