//! Taking events idempotently, whatever is made of them: record → read or refused → one transaction for the batch (not handled
//! before? then the effect, the id and a row of the journal) → dead letters of what was refused → commit.

use std::time::Duration;

use axum::Router;

use super::journal;
use super::reading::Refusal;
use crate::shared::clock::Clock;
use crate::shared::dead_letter::{DeadLetters, Unreadable, dead_letter};
use crate::shared::kafka::{BatchHandler, Record, TryAgain};
use crate::shared::log::Log;
use crate::shared::metrics::Metrics;
use crate::shared::processed;
use crate::shared::sql::{Sql, Store};
use crate::shared::sqlite::DbError;
use crate::shared::stop::Stop;

const HANDLED: &str = "events_handled_total";
const DUPLICATE: &str = "events_duplicate_total";
/// Counts what was refused.
pub(super) const DEAD_LETTERED: &str = "events_dead_lettered_total";

/// Declares what is counted.
pub(super) fn declare_metrics(metrics: &Metrics) {
    metrics.counter(HANDLED, "Events that were handled, once each.", false);
    metrics.counter(DUPLICATE, "Events skipped because their event_id was handled before.", false);
    metrics.counter(DEAD_LETTERED, "Records sent to the dead-letter topic.", false);
}

/// What is needed in the store.
pub(super) fn schema() -> String {
    format!("{}{}", journal::SCHEMA, processed::SCHEMA)
}

/// What can be asked of a taker: the journal, and how long an id is remembered.
pub(super) fn routes(db: Store) -> Router {
    journal::routes(db.clone()).merge(processed::routes(db, String::new()))
}

/// A readable event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken<C> {
    pub(super) event_id: String,
    /// What it is about, for the journal.
    pub(super) subject: String,
    pub(super) change: C,
}

/// What a service makes of events.
pub(super) trait Take: Clone + Send + Sync + 'static {
    /// What an event changes.
    type Change: Clone + Send + 'static;

    /// Reads a record; nothing if its type is not one of this service's.
    fn read(&self, record: &Record) -> Result<Option<Taken<Self::Change>>, Refusal>;

    /// Whether it has a row in the journal.
    fn is_journalled(&self, _change: &Self::Change) -> bool {
        true
    }

    /// The effect, inside the transaction.
    fn effect(&self, tx: &dyn Sql, taken: &Taken<Self::Change>, now_ms: i64) -> Result<(), DbError>;
}

/// Takes batches of records.
pub(super) struct Taker<T> {
    pub(super) take: T,
    pub(super) db: Store,
    pub(super) dead_letters: DeadLetters,
    pub(super) dead_letter_topic: String,
    /// How long a handled id is remembered.
    pub(super) ttl: Duration,
    /// How long records are gathered for one transaction, where nobody waits for the effect.
    pub(super) gather: Duration,
    pub(super) stop: Stop,
    /// Fault: handles an event again however often it comes.
    pub(super) skip_dedup: bool,
    /// Fault: goes on behind what it cannot read, without a dead letter.
    pub(super) drops_unreadable: bool,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) log: Log,
}

impl<T: Take> BatchHandler for Taker<T> {
    async fn handle(&mut self, batch: &[Record]) -> Result<(), TryAgain> {
        self.stop.sleep(self.gather).await;
        let (mut events, mut refused) = (Vec::new(), Vec::new());
        for record in batch {
            match self.take.read(record) {
                Ok(event) => events.extend(event),
                Err(reason) if self.drops_unreadable => self.log.error(format_args!("dropped: {reason}")),
                Err(reason) => refused.push(Unreadable { record, reason: reason.to_string() }),
            }
        }
        self.apply(events).await.map_err(|e| TryAgain(e.to_string()))?;
        let letter = |one: &Unreadable<'_>| dead_letter(one, &self.dead_letter_topic, None);
        self.dead_letters.write(&refused, letter).await?;
        self.dead_letters.settled();
        Ok(())
    }
}

impl<T: Take> Taker<T> {
    async fn apply(&self, events: Vec<Taken<T::Change>>) -> Result<(), DbError> {
        if events.is_empty() {
            return Ok(());
        }
        let (take, skip_dedup, now_ms) = (self.take.clone(), self.skip_dedup, self.clock.now_ms());
        let expires_ms = processed::expiry_ms(now_ms, self.ttl);
        let all = events.len() as u64;
        let handled = self
            .db
            .write(move |tx| {
                processed::sweep(tx, now_ms)?;
                let mut handled = 0;
                for event in &events {
                    let first_time = processed::mark(tx, &event.event_id, now_ms, expires_ms)?;
                    if first_time || skip_dedup {
                        take.effect(tx, event, now_ms)?;
                        if take.is_journalled(&event.change) {
                            journal::insert(tx, &event.event_id, &event.subject, now_ms)?;
                        }
                        handled += 1;
                    }
                }
                Ok(handled)
            })
            .await?;
        self.metrics.add(HANDLED, &[], handled);
        self.metrics.add(DUPLICATE, &[], all - handled);
        self.log.info(format_args!("handled {handled} events, skipped {}", all - handled));
        Ok(())
    }
}
