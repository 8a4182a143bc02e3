//! A consumer whose effects are all in its own store: every event of a batch in one transaction, marked with what it does.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::intake::Intake;
use super::journal::{self, Dedup};
use crate::photo_portfolio::event::Event;
use crate::shared::clock::Clock;
use crate::shared::kafka::{BatchHandler, Record, TryAgain};
use crate::shared::log::Log;
use crate::shared::metrics::Metrics;
use crate::shared::processed;
use crate::shared::sql::{Sql, Store};
use crate::shared::sqlite::DbError;

const HANDLED: &str = "events_handled_total";
const DUPLICATE: &str = "events_duplicate_total";

/// What a service makes of an event.
pub(crate) trait Reaction: Send + Sync {
    /// Within the transaction that marks the event; false if it has no effect here.
    fn react(&self, tx: &dyn Sql, event: &Event, now: DateTime<Utc>) -> Result<bool, DbError>;

    /// Records were taken from these topics, whatever they hold.
    fn took(&self, _tx: &dyn Sql, _topics: &[String]) -> Result<(), DbError> {
        Ok(())
    }
}

/// Declares what the handler counts.
pub(crate) fn declare_metrics(metrics: &Metrics) {
    metrics.counter(HANDLED, "Events that were handled, once each, by type.", true);
    metrics.counter(DUPLICATE, "Events skipped because they were handled before.", false);
}

/// Handles events by a [`Reaction`].
pub(crate) struct Handler {
    pub(crate) db: Store,
    pub(crate) reaction: Arc<dyn Reaction>,
    pub(crate) intake: Intake,
    pub(crate) dedup: Dedup,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) log: Log,
}

impl BatchHandler for Handler {
    async fn handle(&mut self, batch: &[Record]) -> Result<(), TryAgain> {
        let (events, refused) = self.intake.read(batch);
        let topics = batch.iter().map(|record| record.topic.clone()).collect();
        let events: Vec<Event> = events.into_iter().map(|(_, event)| event).collect();
        let handled = self.apply(events.clone(), topics).await.map_err(|e| TryAgain(e.to_string()))?;
        for (event, handled) in events.iter().zip(handled) {
            self.report(event, handled);
        }
        self.intake.refuse(refused).await
    }
}

impl Handler {
    async fn apply(&self, events: Vec<Event>, topics: Vec<String>) -> Result<Vec<bool>, DbError> {
        let (reaction, dedup, now) = (self.reaction.clone(), self.dedup, self.clock.now());
        self.db
            .write(move |tx| {
                processed::sweep(tx, now.timestamp_millis())?;
                reaction.took(tx, &topics)?;
                events.iter().map(|event| apply_one(tx, &*reaction, dedup, event, now)).collect()
            })
            .await
    }

    fn report(&self, event: &Event, handled: bool) {
        let Event { kind, id, aggregate_id, .. } = event;
        if handled {
            self.metrics.add(HANDLED, &[("event_type", kind)], 1);
            self.log.info(format_args!("handled {kind} aggregate={aggregate_id} event_id={id}"));
        } else {
            self.metrics.add(DUPLICATE, &[], 1);
            self.log.info(format_args!("skipped {kind}: handled before event_id={id}"));
        }
    }
}

fn apply_one(
    tx: &dyn Sql,
    reaction: &dyn Reaction,
    dedup: Dedup,
    event: &Event,
    now: DateTime<Utc>,
) -> Result<bool, DbError> {
    if !dedup.is_new(tx, event, now.timestamp_millis())? {
        return Ok(false);
    }
    if reaction.react(tx, event, now)? {
        journal::note(tx, event)?;
    }
    Ok(true)
}
