//! Handling a batch: read and check every record, apply all in one transaction, send what is to be sent, dead-letter what cannot be read or
//! failed for the last time.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::envelope::{self, Event};
use super::super::roles::{Delivery, Role};
use super::deliver::{NotSent, Sender};
use super::journal;
use super::versions::Versions;
use crate::shared::clock::Clock;
use crate::shared::dead_letter::{DeadLetters, Place, Unreadable, dead_letter, place};
use crate::shared::kafka::{BatchHandler, Record, TryAgain};
use crate::shared::log::Log;
use crate::shared::metrics::Metrics;
use crate::shared::processed;
use crate::shared::sql::Store;
use crate::shared::sqlite::DbError;
use crate::shared::stop::Stop;

const HANDLED: &str = "events_handled_total";
const TAKEN: &str = "events_taken_total";
const FAILED: &str = "events_failed_total";
const DUPLICATE: &str = "events_duplicate_total";
const DURATION: &str = "event_processing_duration_seconds";
pub(super) const DEAD_LETTERED: &str = "events_dead_lettered_total";

/// Declares what the handler counts.
pub(super) fn declare_metrics(metrics: &Metrics) {
    metrics.counter(HANDLED, "Events that were handled, once each, by type.", true);
    metrics.counter(TAKEN, "Records that were taken from Kafka.", false);
    metrics.counter(FAILED, "Records that could not be read, or failed for the last time.", false);
    metrics.counter(DUPLICATE, "Events skipped because they were handled before.", false);
    metrics.counter(DEAD_LETTERED, "Records sent to the dead-letter topic.", false);
    metrics.histogram(DURATION, "From having a batch to having handled it.");
}

/// Ways of being wrong that belong to the handler.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    pub(super) skip_dedup: bool,
    pub(super) no_dead_letter: bool,
    pub(super) drops_failed: bool,
    pub(super) given_up_is_handled: bool,
    pub(super) gathers: Option<Duration>,
    pub(super) backwards: bool,
    pub(super) ignores_event: bool,
}

/// What the fault `ignores-event` takes without noting it.
const IGNORED: [&str; 3] = ["user.failed_login", "media.processing_complete", "stream.ended"];

/// Handles the events of one service.
pub(super) struct Handler {
    pub(super) service: &'static str,
    pub(super) dead_letter_topic: String,
    /// First part of every topic.
    pub(super) prefix: String,
    pub(super) role: Arc<dyn Role>,
    pub(super) versions: Versions,
    pub(super) db: Store,
    pub(super) sender: Sender,
    pub(super) dead_letters: DeadLetters,
    /// Where records of the batch in hand stand that failed for the last time: they are not tried again with it.
    pub(super) given_up: BTreeSet<Place>,
    pub(super) ttl: Duration,
    pub(super) faults: Faults,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) log: Log,
    pub(super) stop: Stop,
}

/// An event, and the record that it came with.
type Taken<'r> = (&'r Record, Event);

/// What became of an event in the first transaction.
enum Fate {
    Duplicate,
    Done,
    ToSend(Vec<Delivery>),
}

impl BatchHandler for Handler {
    async fn handle(&mut self, batch: &[Record]) -> Result<(), TryAgain> {
        let began = Instant::now();
        if let Some(time) = self.faults.gathers {
            self.stop.sleep(time).await;
        }
        let (mut taken, unreadable) = self.read(batch);
        if self.faults.backwards {
            taken.reverse();
        }
        let fates = self.apply(&taken).await.map_err(again)?;
        for ((record, event), fate) in taken.iter().zip(fates) {
            match fate {
                Fate::Duplicate => self.skipped(event),
                Fate::Done => self.handled(event),
                Fate::ToSend(_) if self.given_up.contains(&place(record)) => {}
                Fate::ToSend(deliveries) => self.send(record, event, &deliveries).await?,
            }
        }
        if let (true, Some(first)) = (self.faults.no_dead_letter, unreadable.first()) {
            return Err(TryAgain(first.reason.clone()));
        }
        self.bury(&unreadable).await?;
        self.dead_letters.settled();
        self.given_up.clear();
        self.metrics.add(TAKEN, &[], batch.len() as u64);
        batch.iter().for_each(|_| self.metrics.observe(DURATION, began.elapsed()));
        Ok(())
    }
}

impl Handler {
    fn read<'r>(&self, batch: &'r [Record]) -> (Vec<Taken<'r>>, Vec<Unreadable<'r>>) {
        let (mut taken, mut unreadable) = (Vec::new(), Vec::new());
        for record in batch {
            match self.read_one(record) {
                Ok(event) => taken.push((record, event)),
                Err(reason) => unreadable.push(Unreadable { record, reason }),
            }
        }
        (taken, unreadable)
    }

    fn read_one(&self, record: &Record) -> Result<Event, String> {
        let expected = record.topic.strip_prefix(&self.prefix).and_then(|rest| rest.strip_prefix('.'));
        let event = envelope::read(record.payload.as_deref(), expected.unwrap_or(&record.topic))?;
        self.versions.check(&event)?;
        Ok(event)
    }

    /// Applies the events that were not handled before. What has nobody to be sent to is done at once.
    async fn apply(&self, taken: &[Taken<'_>]) -> Result<Vec<Fate>, DbError> {
        if taken.is_empty() {
            return Ok(Vec::new());
        }
        let events: Vec<Event> = taken.iter().map(|(_, event)| event.clone()).collect();
        let (service, role, skip_dedup) = (self.service, self.role.clone(), self.faults.skip_dedup);
        let ignores_event = self.faults.ignores_event;
        let (now, expires) = self.times();
        let all = self.db.write(move |tx| {
            processed::sweep(tx, now)?;
            let mut to_send = HashSet::new();
            let mut fates = Vec::with_capacity(events.len());
            for event in &events {
                if !skip_dedup && (to_send.contains(&event.id) || journal::is_known(tx, service, &event.id)?) {
                    fates.push(Fate::Duplicate);
                    continue;
                }
                let deliveries = role.apply(tx, event)?;
                fates.push(if deliveries.is_empty() {
                    role.settle(tx, event)?;
                    let noted = !(ignores_event && IGNORED.contains(&event.kind.event));
                    journal::mark(tx, service, event, noted, now, expires)?;
                    Fate::Done
                } else {
                    to_send.insert(event.id.clone());
                    Fate::ToSend(deliveries)
                });
            }
            Ok(fates)
        });
        all.await
    }

    /// What fails for the last time is dead-lettered and not marked, so that it can be replayed.
    async fn send(&mut self, record: &Record, event: &Event, deliveries: &[Delivery]) -> Result<(), TryAgain> {
        match self.sender.deliver(deliveries).await {
            Ok(()) => {
                self.mark(event, true).await?;
                self.handled(event);
            }
            Err(NotSent::Stopping) => return Err(TryAgain("stopping before it was sent".to_owned())),
            Err(NotSent::Failed(reason)) => {
                self.log.error(format_args!("{} event_id={}: {reason}", event.kind.event, event.id));
                match self.faults.drops_failed {
                    true => self.metrics.add(FAILED, &[], 1),
                    false => self.bury(&[Unreadable { record, reason }]).await?,
                }
                self.given_up.insert(place(record));
                if self.faults.given_up_is_handled {
                    self.mark(event, false).await?;
                }
            }
        }
        Ok(())
    }

    async fn mark(&self, event: &Event, with_effect: bool) -> Result<(), TryAgain> {
        let (service, role, event) = (self.service, self.role.clone(), event.clone());
        let (now, expires) = self.times();
        let marked = self.db.write(move |tx| {
            role.settle(tx, &event)?;
            journal::mark(tx, service, &event, with_effect, now, expires)
        });
        marked.await.map_err(again)
    }

    async fn bury(&mut self, failed: &[Unreadable<'_>]) -> Result<(), TryAgain> {
        let letter = |one: &Unreadable<'_>| dead_letter(one, &self.dead_letter_topic, original_id(one.record));
        self.dead_letters.write(failed, letter).await?;
        self.metrics.add(FAILED, &[], failed.len() as u64);
        Ok(())
    }

    fn handled(&self, event: &Event) {
        self.metrics.add(HANDLED, &[("event_type", event.kind.event)], 1);
        self.log.info(format_args!("handled {} event_id={}", event.kind.event, event.id));
    }

    fn skipped(&self, event: &Event) {
        self.metrics.add(DUPLICATE, &[], 1);
        self.log.info(format_args!("skipped {}: handled before event_id={}", event.kind.event, event.id));
    }

    /// Now, and when a mark that is made now is forgotten.
    fn times(&self) -> (i64, i64) {
        let now = self.clock.now_ms();
        (now, processed::expiry_ms(now, self.ttl))
    }
}

fn again(error: DbError) -> TryAgain {
    TryAgain(error.to_string())
}

/// The event id of a record that cannot be handled, as far as it can be read.
fn original_id(record: &Record) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(record.payload.as_deref()?).ok()?;
    value["id"].as_str().map(str::to_owned)
}
