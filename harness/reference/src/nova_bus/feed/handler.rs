//! Handling a batch of records: read them, ask for followers, apply all in one store transaction, dead-letter the unreadable.
//!
//! The store goes first and the dead letters after it: if the store fails, nothing was dead-lettered yet, and the batch is simply
//! given again. Dead letters already acknowledged are remembered until the batch is through, so a second try does not write them twice.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::super::event_type;
use super::super::reading::{Leniency, Refusal};
use super::client::NoAnswer;
use super::event::{self, Change, Event, Read, Status};
use super::graph_client::Followers;
use super::store::{Care, FeedStore, Outcome, Work};
use crate::shared::clock::Clock;
use crate::shared::dead_letter::{DeadLetters, Unreadable, dead_letter};
use crate::shared::faults::crash;
use crate::shared::kafka::{BatchHandler, Record, TryAgain};
use crate::shared::log::Log;
use crate::shared::metrics::Metrics;
use crate::shared::stop::Stop;

const HANDLED: &str = "feed_events_handled_total";
const DUPLICATE: &str = "feed_events_duplicate_total";
pub(super) const DEAD_LETTERED: &str = "feed_events_dead_lettered_total";
const UNKNOWN: &str = "feed_events_unknown_type_total";

/// Questions to the graph-service at a time.
const CONCURRENT_QUESTIONS: usize = 16;
/// How often it is asked in all who follows a user, if it fails at that very question; the pause before each time twice the one before.
const QUESTIONS: u32 = 3;
const FIRST_BACKOFF: Duration = Duration::from_millis(100);

/// Followers by author, or why they cannot be had.
type Asked = HashMap<String, Result<Vec<String>, String>>;

/// Declares what the handler counts.
pub(super) fn declare_metrics(metrics: &Metrics) {
    metrics.counter(HANDLED, "Events that were handled, once each.", true);
    metrics.counter(DUPLICATE, "Events skipped because their event_id was handled before.", false);
    metrics.counter(DEAD_LETTERED, "Records sent to the dead-letter topic.", false);
    metrics.counter(UNKNOWN, "Events skipped because their type is not one of this service's.", false);
}

/// Where what cannot be handled of a topic goes.
pub(super) fn dead_letter_topic(topic: &str) -> String {
    format!("{topic}.dlq")
}

/// Ways of being wrong that belong to the handler.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Faults {
    pub(super) skip_dedup: bool,
    pub(super) crash_on_fan_out: bool,
    pub(super) stall_on_fan_out: bool,
    pub(super) forget_delete: bool,
    pub(super) ignore_events: bool,
    /// What the sample code fills in: its times are set when they are needed.
    pub(super) leniency: Leniency,
    pub(super) time_is_now: bool,
    pub(super) null_is_empty: bool,
    pub(super) drops_untyped: bool,
    pub(super) drops_unreadable: bool,
    /// Marks events processed in a transaction of its own, so long after their effect.
    pub(super) mark_late: Option<Duration>,
    pub(super) followers_of_now: bool,
    pub(super) late_created_returns: bool,
    pub(super) forgets_republish: bool,
    pub(super) keeps_cache: bool,
    pub(super) keeps_status_deleted: bool,
    pub(super) ignores_profiles: bool,
    /// Places a post in feeds by when it is handled.
    pub(super) scores_by_arrival: bool,
    /// Tries a batch with unreadable records again for ever, although they are dead-lettered.
    pub(super) blocked: bool,
}

/// Handles content events.
pub(super) struct Handler {
    pub(super) store: Arc<dyn FeedStore>,
    pub(super) followers: Arc<dyn Followers>,
    pub(super) dead_letters: DeadLetters,
    pub(super) faults: Faults,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) log: Log,
    pub(super) stop: Stop,
}

impl BatchHandler for Handler {
    async fn handle(&mut self, batch: &[Record]) -> Result<(), TryAgain> {
        let (taken, mut unreadable) = self.read(batch);
        unreadable.extend(self.apply(taken).await?);
        let letter = |one: &Unreadable<'_>| dead_letter(one, &dead_letter_topic(&one.record.topic), None);
        self.dead_letters.write(&unreadable, letter).await?;
        if let Some(first) = unreadable.first().filter(|_| self.faults.blocked) {
            return Err(TryAgain(first.reason.clone()));
        }
        self.dead_letters.settled();
        Ok(())
    }
}

impl Handler {
    fn read<'a>(&self, batch: &'a [Record]) -> (Vec<(&'a Record, Event)>, Vec<Unreadable<'a>>) {
        let (mut events, mut unreadable) = (Vec::new(), Vec::new());
        let leniency = self.leniency();
        for record in batch {
            match event::read(record, leniency) {
                Ok(Read::Event(event)) => events.push((record, event)),
                Ok(Read::UnknownType { event_type, event_id }) => {
                    self.metrics.add(UNKNOWN, &[], 1);
                    self.log.info(format_args!("skipped {event_type}: not a type of this service event_id={event_id}"));
                }
                // As the document's handler: what is not of the type that it looks for is fine.
                Err(Refusal::NoHeader("event_type")) if self.faults.drops_untyped => {}
                Err(reason) if self.faults.drops_unreadable => self.log.error(format_args!("dropped: {reason}")),
                Err(reason) => unreadable.push(Unreadable { record, reason: reason.to_string() }),
            }
        }
        (events, unreadable)
    }

    fn leniency(&self) -> Leniency {
        let now = self.clock.now_ms();
        Leniency {
            time_is: self.faults.time_is_now.then_some(now),
            null_is_empty: self.faults.null_is_empty.then_some(now),
            ..self.faults.leniency
        }
    }

    /// Applies what can be; gives what cannot, because nobody can say who follows its author.
    async fn apply<'a>(&self, taken: Vec<(&'a Record, Event)>) -> Result<Vec<Unreadable<'a>>, TryAgain> {
        if taken.is_empty() {
            return Ok(Vec::new());
        }
        let needing = taken.iter().map(|(_, event)| event).filter(|event| self.needs_followers(event));
        let asked = self.followers_of(needing.map(|event| event.user_id.as_str()).collect()).await?;
        let (mut events, mut failed) = (Vec::with_capacity(taken.len()), Vec::new());
        for (record, event) in taken {
            match asked.get(&event.user_id).filter(|_| self.needs_followers(&event)) {
                Some(Err(reason)) => failed.push(Unreadable { record, reason: reason.clone() }),
                _ => events.push(event),
            }
        }
        let followers = asked.into_iter().filter_map(|(author, answer)| Some((author, answer.ok()?))).collect();
        self.apply_all(&events, &followers).await?;
        Ok(failed)
    }

    async fn apply_all(&self, events: &[Event], followers: &HashMap<String, Vec<String>>) -> Result<(), TryAgain> {
        self.stop_at_fan_out(events, followers).await?;
        let works: Vec<Work> = events.iter().map(|event| self.work(event, followers)).collect();
        let marks: Vec<Work> = works.iter().map(only_marked).collect();
        let outcomes = self.store.apply(works, self.clock.now_ms()).await.map_err(|e| TryAgain(e.to_string()))?;
        for (event, outcome) in events.iter().zip(outcomes) {
            self.report(event, outcome);
        }
        if let Some(pause) = self.faults.mark_late {
            self.stop.sleep(pause).await;
            self.store.apply(marks, self.clock.now_ms()).await.map_err(|e| TryAgain(e.to_string()))?;
        }
        Ok(())
    }

    /// Whose followers matter: a post may come into their feeds.
    fn needs_followers(&self, event: &Event) -> bool {
        may_show(event) || self.faults.followers_of_now
    }

    async fn followers_of(&self, authors: HashSet<&str>) -> Result<Asked, TryAgain> {
        let questions =
            authors.into_iter().map(|author| async move { Ok((author.to_owned(), self.ask(author).await?)) });
        stream::iter(questions).buffer_unordered(CONCURRENT_QUESTIONS).try_collect().await
    }

    /// While the graph-service is away everything waits for it. If it is there and fails at this user, nobody else waits for that.
    async fn ask(&self, author: &str) -> Result<Result<Vec<String>, String>, TryAgain> {
        for attempt in 0..QUESTIONS {
            if attempt > 0 {
                self.stop.sleep(FIRST_BACKOFF * (1 << (attempt - 1))).await;
            }
            match self.followers.of(author).await {
                Ok(followers) => return Ok(Ok(followers)),
                Err(NoAnswer::Away(reason)) => return Err(TryAgain(reason)),
                Err(NoAnswer::Failed(reason)) if attempt + 1 == QUESTIONS => {
                    return Ok(Err(format!("asked {QUESTIONS} times: {reason}")));
                }
                Err(NoAnswer::Failed(reason)) => self.log.warn(format_args!("attempt {}: {reason}", attempt + 1)),
            }
        }
        Err(TryAgain("nobody was asked".to_owned()))
    }

    fn work(&self, event: &Event, followers: &HashMap<String, Vec<String>>) -> Work {
        let forgotten = self.faults.forget_delete && event.change == Change::Deleted;
        let silent = self.faults.ignore_events;
        let republished = matches!(&event.change, Change::StatusUpdated { status: Status::Published, .. });
        let set_deleted = matches!(&event.change, Change::StatusUpdated { status: Status::Deleted, .. });
        let ignored = forgotten
            || silent
            || (republished && self.faults.forgets_republish)
            || (set_deleted && self.faults.keeps_status_deleted)
            || (matches!(&event.change, Change::Named { .. }) && self.faults.ignores_profiles);
        Work {
            event_id: event.event_id.clone(),
            event_type: event.event_type,
            post_id: event.post_id.clone(),
            user_id: event.user_id.clone(),
            change: (!ignored).then(|| self.change(event)),
            followers: if self.needs_followers(event) {
                followers.get(&event.user_id).cloned().unwrap_or_default()
            } else {
                Vec::new()
            },
            care: self.care(),
            journal: !silent,
        }
    }

    fn change(&self, event: &Event) -> Change {
        match &event.change {
            // Out of the feeds, and no more.
            Change::Deleted if self.faults.keeps_cache => {
                Change::StatusUpdated { status: Status::Deleted, updated_ms: self.clock.now_ms() }
            }
            change => {
                let mut change = change.clone();
                if let (true, Change::Created { created_ms, .. }) = (self.faults.scores_by_arrival, &mut change) {
                    *created_ms = self.clock.now_ms();
                }
                change
            }
        }
    }

    fn care(&self) -> Care {
        let Faults { skip_dedup, late_created_returns, followers_of_now, mark_late, .. } = self.faults;
        Care {
            dedup: !skip_dedup,
            remember: mark_late.is_none(),
            keep_removed: !skip_dedup && !late_created_returns,
            all_holders: !followers_of_now,
        }
    }

    fn report(&self, event: &Event, outcome: Outcome) {
        let Event { event_type, post_id, event_id, .. } = event;
        match outcome {
            Outcome::Handled => {
                self.metrics.add(HANDLED, &[("event_type", event_type)], 1);
                self.log.info(format_args!("handled {event_type} post_id={post_id} event_id={event_id}"));
            }
            Outcome::Duplicate => {
                self.metrics.add(DUPLICATE, &[], 1);
                self.log
                    .info(format_args!("skipped {event_type}: already handled post_id={post_id} event_id={event_id}"));
            }
        }
    }

    /// The faults `crash-on-event` (what a panic would look like from outside) and `stalled`: both at the first post
    /// that has somebody to be shown to.
    async fn stop_at_fan_out(
        &self,
        events: &[Event],
        followers: &HashMap<String, Vec<String>>,
    ) -> Result<(), TryAgain> {
        let fans_out = |event: &&Event| {
            event.event_type == event_type::CREATED && followers.get(&event.user_id).is_some_and(|all| !all.is_empty())
        };
        let Some(event) = events.iter().find(fans_out) else { return Ok(()) };
        let Event { event_type, post_id, event_id, .. } = event;
        if self.faults.crash_on_fan_out {
            crash(&format!("cannot handle {event_type} post_id={post_id} event_id={event_id}"));
        }
        if self.faults.stall_on_fan_out {
            self.log.warn(format_args!("stalled at {event_type} post_id={post_id} event_id={event_id}"));
            self.stop.wait().await;
            return Err(TryAgain("stalled until the service was stopped".to_owned()));
        }
        Ok(())
    }
}

/// The same event without any effect: its id is remembered, and that is all.
fn only_marked(work: &Work) -> Work {
    let care = Care { dedup: false, ..Care::default() };
    Work { change: None, journal: false, care, ..work.clone() }
}

/// Whether the event can bring its post into feeds.
fn may_show(event: &Event) -> bool {
    match &event.change {
        // A creation shows the post unless a status known by then says otherwise.
        Change::Created { .. } => true,
        Change::StatusUpdated { status, .. } => *status == Status::Published,
        Change::Deleted | Change::Named { .. } => false,
    }
}

#[cfg(test)]
#[path = "handler_tests.rs"]
mod tests;
