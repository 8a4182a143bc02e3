//! Handling a batch: read, leave out what was handled, publish what is made of the rest, mark it, dead-letter what cannot be read.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::envelope::{Codec, Event, Unreadable, derived_id};
use super::super::partition;
use super::super::stages::Stage;
use super::store::Journal;
use crate::shared::clock::Clock;
use crate::shared::dead_letter::{DeadLetters, Place, Unreadable as Refused, dead_letter, place};
use crate::shared::faults::crash;
use crate::shared::kafka::{BatchHandler, KafkaPublisher, OutRecord, Publish, Record, TryAgain};
use crate::shared::log::Log;
use crate::shared::metrics::Metrics;
use crate::shared::outside::{NotTold, Outside};
use crate::shared::stop::Stop;

const HANDLED: &str = "events_handled_total";
const DUPLICATE: &str = "events_duplicate_total";
pub(super) const DEAD_LETTERED: &str = "events_dead_lettered_total";

/// Declares what the handler counts.
pub(super) fn declare_metrics(metrics: &Metrics) {
    metrics.counter(HANDLED, "Events that were handled, once each.", false);
    metrics.counter(DUPLICATE, "Events skipped because they were handled before.", false);
    metrics.counter(DEAD_LETTERED, "Records sent to the dead-letter topic.", false);
}

/// Where a stage buries what it cannot handle.
pub(super) fn dead_letter_topic(stage: Stage) -> String {
    format!("{}.dlq", stage.input.name)
}

/// Ways of being wrong that belong to the handler.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    pub(super) no_dead_letter: bool,
    pub(super) empty_dead_letter: bool,
    pub(super) rewrites_dead_letter: bool,
    pub(super) loses_correlation: bool,
    pub(super) wrong_partitioner: bool,
    pub(super) ignores: bool,
    pub(super) crash: bool,
    pub(super) anew: bool,
    pub(super) unacknowledged: bool,
    pub(super) slow: Option<Duration>,
}

/// Handles the events of one stage.
pub(super) struct Handler {
    pub(super) service: &'static str,
    pub(super) stage: Stage,
    pub(super) input: Codec,
    pub(super) output: Option<Codec>,
    pub(super) publisher: Arc<KafkaPublisher>,
    pub(super) dead_letters: DeadLetters,
    /// Where every event is written before it counts as handled, if it is written anywhere.
    pub(super) archive: Option<Arc<Outside>>,
    /// Where records of the batch in hand stand that are given up: their dead letters are written.
    pub(super) given_up: BTreeSet<Place>,
    pub(super) store: Journal,
    pub(super) faults: Faults,
    /// Fault: the first event of each organisation, until there is a second.
    pub(super) held: Option<HashMap<i32, Option<Event>>>,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) log: Log,
    pub(super) stop: Stop,
}

/// The record that each event of a batch came with, by the event's id.
type Records<'r> = HashMap<String, &'r Record>;

/// What a batch holds: events, their records, and what is none.
type Readings<'r> = (Vec<Event>, Records<'r>, Vec<Refused<'r>>);

impl BatchHandler for Handler {
    async fn handle(&mut self, batch: &[Record]) -> Result<(), TryAgain> {
        if let Some(time) = self.faults.slow {
            self.stop.sleep(time.saturating_mul(u32::try_from(batch.len()).unwrap_or(u32::MAX))).await;
        }
        let (events, records, refused) = self.read(batch).await?;
        let events = self.in_turn(events);
        let fresh = self.store.fresh(events.clone()).await.map_err(|e| TryAgain(e.to_string()))?;
        self.crash_at(&fresh);
        self.metrics.add(DUPLICATE, &[], (events.len() - fresh.len()) as u64);
        let fresh = self.archived(fresh, &records).await?;
        if !self.faults.ignores {
            self.publish_derived(&fresh).await?;
        }
        let ignored = self.faults.ignores;
        self.store.mark(fresh.clone(), !ignored, self.clock.now_ms()).await.map_err(|e| TryAgain(e.to_string()))?;
        self.metrics.add(HANDLED, &[], fresh.len() as u64);
        for event in &fresh {
            self.log.info(format_args!("handled org_id={} event_id={}", event.org_id, event.event_id));
        }
        self.refuse(&refused, None).await?;
        self.dead_letters.settled();
        self.given_up.clear();
        Ok(())
    }
}

impl Handler {
    async fn read<'a>(&self, batch: &'a [Record]) -> Result<Readings<'a>, TryAgain> {
        let (mut events, mut records, mut refused) = (Vec::new(), HashMap::new(), Vec::new());
        for record in batch {
            match self.input.read(record.payload.as_deref()).await {
                Ok(event) => {
                    records.entry(event.event_id.clone()).or_insert(record);
                    events.push(event);
                }
                Err(Unreadable::NotNow(reason)) => return Err(TryAgain(reason)),
                Err(Unreadable::Bad(reason)) => refused.push(Refused { record, reason }),
            }
        }
        Ok((events, records, refused))
    }

    /// Those that are in the archive now, where there is one; what cannot be written there is dead-lettered at once, so that it is not
    /// tried anew if the batch has to be given again.
    async fn archived(&mut self, fresh: Vec<Event>, records: &Records<'_>) -> Result<Vec<Event>, TryAgain> {
        let Some(archive) = self.archive.clone() else { return Ok(fresh) };
        let mut written = Vec::with_capacity(fresh.len());
        for event in fresh {
            let record = records.get(&event.event_id).copied();
            if record.is_some_and(|record| self.given_up.contains(&place(record))) {
                continue;
            }
            match (archive.tell(&event.event_id, &entry(&event)).await, record) {
                (Ok(()), _) => written.push(event),
                (Err(NotTold::Stopping), _) => return Err(TryAgain("stopping before it was written".to_owned())),
                (Err(NotTold::GivenUp(reason)), Some(record)) => {
                    self.log.error(format_args!("event_id={}: {reason}", event.event_id));
                    self.refuse(&[Refused { record, reason }], Some(&event.event_id)).await?;
                    self.given_up.insert(place(record));
                }
                // Held back from an earlier batch, by a fault.
                (Err(NotTold::GivenUp(reason)), None) => return Err(TryAgain(reason)),
            }
        }
        Ok(written)
    }

    /// The events as they are handled now: all of them, unless the fault `reorder` has some wait.
    fn in_turn(&mut self, events: Vec<Event>) -> Vec<Event> {
        let Some(held) = &mut self.held else { return events };
        let mut turned = Vec::with_capacity(events.len());
        for event in events {
            match held.get_mut(&event.org_id) {
                None => drop(held.insert(event.org_id, Some(event))),
                Some(first) => turned.extend(std::iter::once(event).chain(first.take())),
            }
        }
        turned
    }

    /// What is made is on its topic before anything is marked: what is cut off in between is made again, with the same id.
    async fn publish_derived(&self, events: &[Event]) -> Result<(), TryAgain> {
        let Some(output) = self.output.as_ref().filter(|_| !events.is_empty()) else { return Ok(()) };
        let partitions = self.publisher.partitions(output.topic.name).await.map_err(TryAgain)?;
        let mut records = Vec::with_capacity(events.len());
        for event in events {
            records.push(self.derive(event, output, partitions).await.map_err(TryAgain)?);
        }
        self.written(records).await
    }

    async fn derive(&self, event: &Event, output: &Codec, partitions: i32) -> Result<OutRecord, String> {
        let fresh = || Uuid::new_v4().to_string();
        let made = Event {
            event_id: if self.faults.anew { fresh() } else { derived_id(&event.event_id, output.topic.name) },
            correlation_id: if self.faults.loses_correlation { fresh() } else { event.correlation_id.clone() },
            org_id: event.org_id,
            payload: (self.stage.transform)(&event.payload),
        };
        let now = self.clock.now_ms();
        let mut record = output.record(&made, self.service, now, partition::of_org, partitions).await?;
        if self.faults.wrong_partitioner {
            record.partition = None;
        }
        Ok(record)
    }

    /// Dead-letters records; `event` is whose they are, if that could be read.
    async fn refuse(&mut self, refused: &[Refused<'_>], event: Option<&str>) -> Result<(), TryAgain> {
        if let (true, Some(first)) = (self.faults.no_dead_letter, refused.first()) {
            return Err(TryAgain(first.reason.clone()));
        }
        let topic = dead_letter_topic(self.stage);
        let (keyless, rewrites) = (self.faults.empty_dead_letter, self.faults.rewrites_dead_letter);
        let letter = |one: &Refused<'_>| {
            let letter = dead_letter(one, &topic, event.map(str::to_owned));
            let key = letter.key.clone().filter(|_| !keyless);
            let as_text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned().into_bytes();
            let payload = if rewrites { letter.payload.map(as_text) } else { letter.payload };
            // On the partition where the record stood.
            OutRecord { partition: Some(one.record.partition), key, payload, ..letter }
        };
        self.dead_letters.write(refused, letter).await
    }

    async fn written(&self, records: Vec<OutRecord>) -> Result<(), TryAgain> {
        for outcome in self.publisher.publish(records).await {
            if self.faults.unacknowledged {
                continue;
            }
            outcome.map_err(|error| TryAgain(error.to_string()))?;
        }
        Ok(())
    }

    fn crash_at(&self, events: &[Event]) {
        if let Some(event) = events.first().filter(|_| self.faults.crash) {
            crash(&format!("cannot handle event_id={}", event.event_id));
        }
    }
}

/// An event as it is written to the archive.
fn entry(event: &Event) -> Value {
    let Event { event_id, correlation_id, org_id, payload } = event;
    json!({"event_id": event_id, "correlation_id": correlation_id, "org_id": org_id, "payload": payload})
}
