//! Guaranteed delivery, as three services have it: an event is in the outbox with what it tells about, and its relay publishes it.

use std::sync::Arc;
use std::time::Duration;

use super::consumer;
use crate::ServeError;
use crate::serve::Context;
use crate::shared::kafka::{OutRecord, Publish};
use crate::shared::outbox::{Came, DueRow, OutboxFaults, Relay, declare_metrics};
use crate::shared::settings::OutboxSettings;
use crate::shared::sql::Store;

/// Ways of being wrong that belong to what is published.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    /// Uses the event id as the key.
    pub(super) wrong_key: bool,
    pub(super) twice: bool,
    /// Publishes the rows of a batch in reverse order, and polls so seldom that a batch has several.
    pub(super) reorder: bool,
}

/// How often a relay polls that reorders.
const SELDOM: Duration = Duration::from_millis(500);

/// A service's producer, shared by its relay and its dead letters.
pub(super) fn publisher(service: &str, context: &Context) -> Result<Arc<dyn Publish>, ServeError> {
    Ok(Arc::new(consumer::publisher(service, context.settings.delivery_timeout, context)?))
}

/// The worker that publishes what is in the outbox.
pub(super) fn relay(db: &Store, publisher: Arc<dyn Publish>, faults: Faults, context: &Context) -> Relay {
    declare_metrics(&context.metrics);
    let settings = context.settings.outbox;
    Relay {
        db: db.clone(),
        publisher,
        settings: if faults.reorder { OutboxSettings { poll: SELDOM, ..settings } } else { settings },
        faults: OutboxFaults { twice: faults.twice, reorder: faults.reorder, ..OutboxFaults::default() },
        record: Arc::new(move |row| record(row, faults.wrong_key)),
        clock: context.clock.clone(),
        metrics: context.metrics.clone(),
        log: context.log,
        came: Came::default(),
    }
}

/// The value is the envelope; there are no headers.
fn record(row: &DueRow, wrong_key: bool) -> OutRecord {
    let key = if wrong_key { &row.event_id } else { &row.key };
    OutRecord {
        topic: row.topic.clone(),
        partition: None,
        key: Some(key.clone().into_bytes()),
        payload: Some(row.payload.clone().into_bytes()),
        headers: Vec::new(),
    }
}
