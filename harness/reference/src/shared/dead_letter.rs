//! Dead letters: a record as it came, with the reason and where it came from in headers of its own; and writing them, each once.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::kafka::{Header, OutRecord, Publish, Record, TryAgain};
use super::log::Log;
use super::metrics::Metrics;

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
        let letters = left.iter().map(|one| letter(one)).collect();
        let mut result = Ok(());
        for (one, outcome) in left.iter().zip(self.publisher.publish(letters).await) {
            let Record { topic, partition, offset, .. } = one.record;
            match outcome {
                Ok(()) => {
                    self.written.insert(place(one.record));
                    self.metrics.add(self.counter, &[], 1);
                    self.log.warn(format_args!("dead-lettered {topic}[{partition}]@{offset}: {}", one.reason));
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
