//! Handling a batch: read and check every record, apply all in one transaction, then dead-letter what was refused.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::envelope::{self, Event, Knows};
use super::super::event_type;
use super::store::{Outcome, Trail};
use super::telling::{Taken, Teller};
use crate::shared::clock::Clock;
use crate::shared::dead_letter::{DeadLetters, Unreadable, dead_letter};
use crate::shared::faults::crash;
use crate::shared::kafka::{BatchHandler, OutRecord, Record, TryAgain};
use crate::shared::log::Log;
use crate::shared::metrics::Metrics;
use crate::shared::stop::Stop;

const CONSUMED: &str = "events_consumed_total";
const DURATION: &str = "event_processing_duration_seconds";
const DUPLICATE: &str = "events_duplicate_total";
pub(super) const DEAD_LETTERED: &str = "events_dead_lettered_total";
/// Where dead letters go.
pub(super) const DEAD_LETTERS: &str = "todo.tasks.dlq";

/// Declares what the handler counts; the first two by the document's own names.
pub(super) fn declare_metrics(metrics: &Metrics) {
    metrics.counter(CONSUMED, "Events that were handled, once each, by type.", true);
    metrics.histogram(DURATION, "From having a batch to having handled it.");
    metrics.counter(DUPLICATE, "Events skipped because they were handled before.", false);
    metrics.counter(DEAD_LETTERED, "Records sent to the dead-letter topic.", false);
}

/// Ways of being wrong that belong to the handler.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    pub(super) payload_path: bool,
    pub(super) no_dead_letter: bool,
    pub(super) drops_invalid: bool,
    pub(super) keyless_dead_letter: bool,
    pub(super) gathers: Option<Duration>,
    pub(super) reorder: bool,
    pub(super) crash: bool,
    pub(super) gives_up: bool,
}

/// Handles task events.
pub(super) struct Handler {
    pub(super) trail: Trail,
    /// Who tells owners of completions, if anybody does.
    pub(super) teller: Option<Teller>,
    pub(super) dead_letters: DeadLetters,
    pub(super) knows: Knows,
    pub(super) faults: Faults,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) log: Log,
    pub(super) stop: Stop,
}

impl BatchHandler for Handler {
    async fn handle(&mut self, batch: &[Record]) -> Result<(), TryAgain> {
        let began = Instant::now();
        if let Some(time) = self.faults.gathers {
            self.stop.sleep(time).await;
        }
        let (mut taken, mut unreadable) = self.read(batch);
        if self.faults.reorder {
            taken.reverse();
        }
        let (events, failed) = match &self.teller {
            Some(teller) => teller.tell(taken, self.clock.now_ms()).await?,
            None => (taken.into_iter().map(|(_, event)| event).collect(), Vec::new()),
        };
        unreadable.extend(failed);
        self.apply(events).await?;
        self.refuse(unreadable).await?;
        self.dead_letters.settled();
        batch.iter().for_each(|_| self.metrics.observe(DURATION, began.elapsed()));
        Ok(())
    }
}

impl Handler {
    fn read<'a>(&self, batch: &'a [Record]) -> (Vec<Taken<'a>>, Vec<Unreadable<'a>>) {
        let (mut taken, mut unreadable) = (Vec::new(), Vec::new());
        for record in batch {
            match self.read_one(record.payload.as_deref()) {
                Ok(event) => taken.push((record, event)),
                // As the document's own handler: what it does not find is nothing to it.
                Err(reason) if self.faults.payload_path => {
                    self.log.error(format_args!("KeyError: 'payload': {reason}"))
                }
                Err(reason) => unreadable.push(Unreadable { record, reason }),
            }
        }
        (taken, unreadable)
    }

    fn read_one(&self, value: Option<&[u8]>) -> Result<Event, String> {
        if !self.faults.payload_path {
            return envelope::read(value, self.knows);
        }
        let outer: Value = serde_json::from_slice(value.unwrap_or_default()).map_err(|e| e.to_string())?;
        envelope::read_data(&outer, &outer, self.knows)
    }

    async fn apply(&self, events: Vec<Event>) -> Result<(), TryAgain> {
        if events.is_empty() {
            return Ok(());
        }
        if let Some(event) = events.iter().find(|event| self.faults.crash && event.event_type == event_type::COMPLETED)
        {
            crash(&format!("cannot handle {} event_id={}", event.event_type, event.event_id));
        }
        let outcomes = self.trail.apply(events.clone(), self.clock.now_ms()).await;
        for (event, outcome) in events.iter().zip(outcomes.map_err(|e| TryAgain(e.to_string()))?) {
            let Event { event_type, task_id, event_id, .. } = event;
            match outcome {
                Outcome::Handled => {
                    self.metrics.add(CONSUMED, &[("event_type", event_type)], 1);
                    self.log.info(format_args!("handled {event_type} task_id={task_id} event_id={event_id}"));
                }
                Outcome::Duplicate => {
                    self.metrics.add(DUPLICATE, &[], 1);
                    self.log.info(format_args!("skipped {event_type}: handled before event_id={event_id}"));
                }
            }
        }
        Ok(())
    }

    async fn refuse(&mut self, unreadable: Vec<Unreadable<'_>>) -> Result<(), TryAgain> {
        if let (true, Some(first)) = (self.faults.no_dead_letter, unreadable.first()) {
            return Err(TryAgain(first.reason.clone()));
        }
        if self.faults.drops_invalid {
            unreadable.iter().for_each(|one| self.log.warn(format_args!("dropped: {}", one.reason)));
            return Ok(());
        }
        for event_id in unreadable.iter().filter_map(|one| original_id(one.record)) {
            self.log.info(format_args!("attempt to dead-letter event_id={event_id}"));
        }
        let keyless = self.faults.keyless_dead_letter;
        let letter = |one: &Unreadable<'_>| {
            let letter = dead_letter(one, DEAD_LETTERS, original_id(one.record));
            OutRecord { key: letter.key.clone().filter(|_| !keyless), ..letter }
        };
        match self.dead_letters.write(&unreadable, letter).await {
            Err(TryAgain(reason)) if self.faults.gives_up => {
                self.log.error(format_args!("gave up: {reason}"));
                Ok(())
            }
            written => written,
        }
    }
}

/// The event id of a record that cannot be handled, as far as it can be read.
fn original_id(record: &Record) -> Option<String> {
    let value: Value = serde_json::from_slice(record.payload.as_deref()?).ok()?;
    value.pointer("/data/event_id")?.as_str().map(str::to_owned)
}
