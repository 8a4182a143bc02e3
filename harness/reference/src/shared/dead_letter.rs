//! Dead letters: a record as it came, with the reason and where it came from in headers of its own.

use super::kafka::{Header, OutRecord, Record};

/// A record that cannot be handled, and why.
pub(crate) struct Unreadable<'r> {
    pub(crate) record: &'r Record,
    pub(crate) reason: String,
}

/// Topic, partition and offset.
pub(crate) fn place(record: &Record) -> (String, i32, i64) {
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
