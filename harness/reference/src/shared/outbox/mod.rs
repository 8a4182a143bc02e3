//! The transactional outbox: an event is a row, written in the transaction of what it tells about, and published from there.
//!
//! [`table`] is the row's life in the store; [`relay`] polls, publishes in order, and marks. A row is published at least once, always
//! with the event id that was fixed when it was written.

mod relay;
mod routes;
mod table;

pub(crate) use relay::{Came, OutboxFaults, RecordOf, Relay, declare_metrics, plain_record, record_of};
pub(crate) use routes::outbox_routes;
pub(crate) use table::{DueRow, NewEvent, SCHEMA, insert};
#[cfg(test)]
pub(crate) use table::{Released, due, failed_rows, mark_failed, mark_published, mark_waiting, release};
