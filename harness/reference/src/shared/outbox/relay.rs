//! Publishes what is in the outbox: poll, publish in order, mark after acknowledgement.
//!
//! Batch follows batch until nothing is due; only then it sleeps. Within a batch the rows of different aggregates go out together, the
//! rows of one aggregate one after the other: each waits for the acknowledgement of the one before, so a failure in the middle
//! cannot let a later row overtake.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::table::{self, DueRow, NewEvent};
use crate::shared::clock::Clock;
use crate::shared::kafka::{OutRecord, Publish, PublishError};
use crate::shared::log::Log;
use crate::shared::metrics::Metrics;
use crate::shared::settings::OutboxSettings;
use crate::shared::sql::Store;
use crate::shared::sqlite::DbError;
use crate::shared::stop::Stop;

const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
/// How long the batch in hand may take once the service was asked to stop.
const LAST_BATCH: Duration = Duration::from_secs(5);
const PUBLISHED: &str = "outbox_published_total";
const FAILURES: &str = "outbox_publish_failures_total";
const GIVEN_UP: &str = "outbox_rows_failed_total";

/// Ways of being wrong that belong to the outbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OutboxFaults {
    /// Marks rows published without publishing them.
    pub(crate) lost: bool,
    /// Publishes each row twice.
    pub(crate) twice: bool,
    /// Publishes the rows of a batch in reverse order.
    pub(crate) reorder: bool,
    /// Marks a row published that could not be published.
    pub(crate) dropped: bool,
    /// Does not count rows that it gives up on.
    pub(crate) uncounted: bool,
    /// Sleeps behind each batch, and not only when nothing is due.
    pub(crate) sleeps: bool,
    /// Marks every third row of an aggregate published without publishing it.
    pub(crate) third_lost: bool,
}

/// How a row becomes a record.
pub(crate) type RecordOf = Arc<dyn Fn(&DueRow) -> OutRecord + Send + Sync>;

/// Declares what the relay counts.
pub(crate) fn declare_metrics(metrics: &Metrics) {
    metrics.counter(PUBLISHED, "Outbox rows acknowledged by Kafka.", false);
    metrics.counter(FAILURES, "Attempts to publish an outbox row that were not acknowledged.", false);
    metrics.counter(GIVEN_UP, "Outbox rows marked failed after the last retry.", false);
}

/// The outbox's worker.
pub(crate) struct Relay {
    pub(crate) db: Store,
    pub(crate) publisher: Arc<dyn Publish>,
    pub(crate) settings: OutboxSettings,
    pub(crate) faults: OutboxFaults,
    pub(crate) record: RecordOf,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) log: Log,
    /// How many rows of each aggregate came, for the fault that loses every third.
    pub(crate) came: Came,
}

/// Rows by aggregate.
pub(crate) type Came = Mutex<HashMap<String, u32>>;

impl Relay {
    /// Works until asked to stop. A batch in hand is finished, unless Kafka keeps it waiting: then its rows stay pending, and go out
    /// at the next start.
    pub(crate) async fn run(self, stop: Stop) {
        while !stop.is_set() {
            tokio::select! {
                result = self.drain(&stop) => {
                    if let Err(error) = result {
                        self.log.error(format_args!("outbox: {error}"));
                    }
                }
                () = stop.wait_and(LAST_BATCH) => {
                    self.log.warn("stopping with outbox rows that Kafka has not acknowledged");
                    return;
                }
            }
            stop.sleep(self.settings.poll).await;
        }
    }

    /// Batch after batch, until nothing is due.
    pub(crate) async fn drain(&self, stop: &Stop) -> Result<(), DbError> {
        while !stop.is_set() {
            let rows = self.due().await?;
            if rows.is_empty() {
                break;
            }
            self.publish_batch(rows).await?;
            // What comes one row at a time cannot be turned round: whoever does that waits for several.
            if self.faults.sleeps || self.faults.reorder {
                break;
            }
        }
        Ok(())
    }

    async fn due(&self) -> Result<Vec<DueRow>, DbError> {
        let (limit, now) = (self.settings.batch, self.clock.now_ms());
        self.db.read(move |sql| table::due(sql, limit, now)).await
    }

    async fn publish_batch(&self, mut rows: Vec<DueRow>) -> Result<(), DbError> {
        if self.faults.lost {
            let outcomes = rows.iter().map(|_| Ok(())).collect();
            return self.settle(rows, outcomes).await;
        }
        if self.faults.third_lost {
            let (lost, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| self.is_third(row));
            let outcomes = lost.iter().map(|_| Ok(())).collect();
            self.settle(lost, outcomes).await?;
            rows = others;
        }
        if self.faults.reorder {
            rows.reverse();
            let outcomes = self.publish(&rows).await;
            return self.settle(rows, outcomes).await;
        }
        let mut held_back = HashSet::new();
        while !rows.is_empty() {
            let (wave, later) = first_of_each_aggregate(rows);
            let outcomes = self.publish(&wave).await;
            let failed = wave.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_err());
            held_back.extend(failed.map(|(row, _)| row.aggregate_id.clone()));
            self.settle(wave, outcomes).await?;
            rows = later.into_iter().filter(|row| !held_back.contains(&row.aggregate_id)).collect();
        }
        Ok(())
    }

    fn is_third(&self, row: &DueRow) -> bool {
        let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        let count = came.entry(row.aggregate_id.clone()).or_default();
        *count += 1;
        count.is_multiple_of(3)
    }

    async fn publish(&self, rows: &[DueRow]) -> Vec<Result<(), PublishError>> {
        let copies = if self.faults.twice { 2 } else { 1 };
        let records = rows.iter().flat_map(|row| (0..copies).map(|_| (self.record)(row))).collect();
        let outcomes = self.publisher.publish(records).await;
        // A row counts as published only if each of its copies is.
        outcomes.chunks(copies).map(|of_row| of_row.iter().cloned().collect()).collect()
    }

    /// Writes down what became of the rows, in one transaction.
    async fn settle(&self, rows: Vec<DueRow>, outcomes: Vec<Result<(), PublishError>>) -> Result<(), DbError> {
        for (row, outcome) in rows.iter().zip(&outcomes) {
            self.report(row, outcome);
        }
        let (now, settings, dropped) = (self.clock.now_ms(), self.settings, self.faults.dropped);
        self.db
            .write(move |tx| {
                for (row, outcome) in rows.iter().zip(outcomes) {
                    match outcome {
                        Ok(()) => table::mark_published(tx, row.id, now)?,
                        Err(_) if dropped => table::mark_published(tx, row.id, now)?,
                        Err(error) if row.retries >= settings.max_retries => {
                            table::mark_failed(tx, row.id, &error.to_string())?
                        }
                        Err(error) => {
                            let retries = row.retries + 1;
                            let next = now + backoff_ms(settings.backoff, retries);
                            table::mark_waiting(tx, row.id, retries, next, &error.to_string())?;
                        }
                    }
                }
                Ok(())
            })
            .await
    }

    fn report(&self, row: &DueRow, outcome: &Result<(), PublishError>) {
        let DueRow { id, event_type, event_id, key, retries, .. } = row;
        match outcome {
            Ok(()) => {
                self.metrics.add(PUBLISHED, &[], 1);
                self.log.info(format_args!("published {event_type} key={key} event_id={event_id} outbox_row={id}"));
            }
            Err(error) => {
                self.metrics.add(FAILURES, &[], 1);
                if *retries >= self.settings.max_retries {
                    self.metrics.add(GIVEN_UP, &[], u64::from(!self.faults.uncounted));
                    self.log.error(format_args!(
                        "gave up on outbox row {id} after {retries} retries event_id={event_id}: {error}"
                    ));
                } else {
                    self.log.warn(format_args!(
                        "outbox row {id} not published, {retries} retries so far event_id={event_id}: {error}"
                    ));
                }
            }
        }
    }
}

/// The first row of every aggregate, and all the others, both in their order.
fn first_of_each_aggregate(rows: Vec<DueRow>) -> (Vec<DueRow>, Vec<DueRow>) {
    let mut seen = HashSet::new();
    rows.into_iter().partition(|row| seen.insert(row.aggregate_id.clone()))
}

/// The value is the payload alone; what else there is to say is in headers.
pub(crate) fn plain_record(row: &DueRow) -> OutRecord {
    let header = |name: &str, value: &str| (name.to_owned(), Some(value.as_bytes().to_vec()));
    OutRecord {
        topic: row.topic.clone(),
        partition: None,
        key: Some(row.key.clone().into_bytes()),
        payload: Some(row.payload.clone().into_bytes()),
        headers: vec![
            header("event_type", &row.event_type),
            header("event_id", &row.event_id),
            header("correlation_id", &row.correlation_id),
        ],
    }
}

/// The same of an event that is in no outbox.
pub(crate) fn record_of(event: &NewEvent) -> OutRecord {
    let NewEvent { event_id, event_type, aggregate_id, topic, key, payload, correlation_id } = event.clone();
    let event_type = event_type.to_owned();
    plain_record(&DueRow { id: 0, event_id, event_type, aggregate_id, topic, key, payload, correlation_id, retries: 0 })
}

/// The pause before the n-th retry: doubled each time, bounded.
fn backoff_ms(first: Duration, retry: u32) -> i64 {
    let pause = first.saturating_mul(1 << retry.saturating_sub(1).min(16)).min(LONGEST_BACKOFF.max(first));
    i64::try_from(pause.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
