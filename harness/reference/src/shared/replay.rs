//! Dead letters once more: what waits on a service's dead-letter topic goes back to where it came from, each letter at most once.
//!
//! `POST /dead-letters/replay` → the letters that are there (read beside every group) → those that nobody has replayed are marked in the
//! service's store → the record of each, with its key, bytes and headers and one more that says what it is, to the partition where it
//! stood. Whoever had handled it knows its id, and leaves it. What fails again becomes another letter, which says that it was replayed
//! before and so stays: nothing goes round in circles.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::form::Form;
use super::http::ApiError;
use super::kafka::{Brokers, Header, OutRecord, Publish, Record, reread};
use super::processed;
use super::sql::{Store, vals};
use crate::catalogue::FaultInfo;
use crate::serve::Context;

/// The header of a record that is replayed: where its letter stands.
pub(crate) const REPLAYED_FROM: &str = "replayed_from";
/// How long it is remembered that a letter was replayed: longer than any topic here keeps it.
const REMEMBERED: Duration = Duration::from_secs(366 * 24 * 3_600);
/// Longest event id, in characters.
const LONGEST_ID: usize = 200;

pub(crate) const REPLAY_TWICE: FaultInfo =
    FaultInfo { name: "replay-twice", summary: "replays a letter as often as it is asked to" };
pub(crate) const REPLAY_LOOPS: FaultInfo =
    FaultInfo { name: "replay-loops", summary: "replays what has failed again after a replay, again and again" };
pub(crate) const REPLAY_REWRITES: FaultInfo = FaultInfo {
    name: "replay-rewrites",
    summary: "replays a record's value as text, so that bytes which are none are lost",
};
pub(crate) const REPLAY_LOSES_HEADERS: FaultInfo =
    FaultInfo { name: "replay-loses-headers", summary: "replays records without their headers" };

/// Ways of being wrong that belong to replaying.
#[derive(Debug, Clone, Copy, Default)]
struct Faults {
    twice: bool,
    loops: bool,
    rewrites: bool,
    loses_headers: bool,
}

/// Remembers which letters were replayed.
pub(crate) trait Marks: Send + Sync {
    /// Marks ids, all or none; false for each that was marked before.
    fn mark(&self, ids: Vec<String>, now_ms: i64) -> BoxFuture<'_, Result<Vec<bool>, String>>;

    /// Takes marks back.
    fn unmark(&self, ids: Vec<String>) -> BoxFuture<'_, Result<(), String>>;
}

/// A store that has the table of [`processed`].
impl Marks for Store {
    fn mark(&self, ids: Vec<String>, now_ms: i64) -> BoxFuture<'_, Result<Vec<bool>, String>> {
        let expires_ms = processed::expiry_ms(now_ms, REMEMBERED);
        Box::pin(async move {
            let marked =
                self.write(move |tx| ids.iter().map(|id| processed::mark(tx, id, now_ms, expires_ms)).collect());
            marked.await.map_err(|e| e.to_string())
        })
    }

    fn unmark(&self, ids: Vec<String>) -> BoxFuture<'_, Result<(), String>> {
        let forget = "DELETE FROM processed WHERE event_id = ?1";
        Box::pin(async move {
            let forgotten = self.write(move |tx| ids.iter().try_for_each(|id| tx.run(forget, vals![id]).map(drop)));
            forgotten.await.map_err(|e| e.to_string())
        })
    }
}

/// Replays the dead letters of one service.
pub(crate) struct Replays {
    brokers: Brokers,
    /// Who reads the letters.
    client: String,
    topic: String,
    publisher: Arc<dyn Publish>,
    marks: Arc<dyn Marks>,
    faults: Faults,
    now_ms: Box<dyn Fn() -> i64 + Send + Sync>,
    log: super::log::Log,
}

impl Replays {
    /// Of the letters on `topic`.
    pub(crate) fn new(context: &Context, topic: String, publisher: Arc<dyn Publish>, marks: Arc<dyn Marks>) -> Replays {
        let clock = context.clock.clone();
        Replays {
            brokers: context.settings.brokers.clone(),
            client: format!("replay of {topic}"),
            topic,
            publisher,
            marks,
            faults: Faults {
                twice: context.has(REPLAY_TWICE),
                loops: context.has(REPLAY_LOOPS),
                rewrites: context.has(REPLAY_REWRITES),
                loses_headers: context.has(REPLAY_LOSES_HEADERS),
            },
            now_ms: Box::new(move || clock.now_ms()),
            log: context.log,
        }
    }

    /// `POST /dead-letters/replay`, with `{"event_id": "…"}` for the letters of one event, and without a body for all of them. 404 if
    /// there is no letter of the event, 409 if each of them was replayed before.
    pub(crate) fn routes(self) -> Router {
        Router::new().route("/dead-letters/replay", post(replay)).with_state(Arc::new(self))
    }

    /// The letters that are there now, of one event if one is named.
    async fn letters(self: &Arc<Self>, event: Option<String>) -> Result<Vec<Record>, ApiError> {
        let own = self.clone();
        let read = move || {
            let mut letters = Vec::new();
            let keep = |batch: &[Record]| {
                let is_wanted = |letter: &&Record| event.is_none() || event_of(letter) == event;
                letters.extend(batch.iter().filter(is_wanted).cloned());
                Ok(())
            };
            reread(&own.brokers, &own.client, |topic| topic == own.topic, 0, keep)?;
            Ok(letters)
        };
        let read = tokio::task::spawn_blocking(read).await;
        read.map_err(|e| e.to_string()).flatten().map_err(ApiError::Unavailable)
    }

    /// Marks letters as replayed; gives those that were not marked before.
    async fn take(&self, letters: Vec<Waiting>) -> Result<Vec<Waiting>, ApiError> {
        if self.faults.twice {
            return Ok(letters);
        }
        let marked = self.marks.mark(letters.iter().map(Waiting::mark).collect(), (self.now_ms)()).await;
        let fresh = letters.into_iter().zip(marked.map_err(ApiError::Unavailable)?);
        Ok(fresh.filter_map(|(letter, fresh)| fresh.then_some(letter)).collect())
    }

    /// Publishes the records of letters that were taken; a letter whose record was not acknowledged waits again. If the record is on its
    /// topic all the same, its id tells the second from the first.
    async fn publish(&self, taken: &[Waiting]) -> Result<(), ApiError> {
        let outcomes = self.publisher.publish(taken.iter().map(|letter| letter.record.clone()).collect()).await;
        let failed = taken.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_err());
        let marks: Vec<String> = failed.map(|(letter, _)| letter.mark()).collect();
        let Some(reason) = outcomes.into_iter().find_map(Result::err) else { return Ok(()) };
        self.marks.unmark(marks).await.map_err(ApiError::Unavailable)?;
        Err(ApiError::Unavailable(reason.to_string()))
    }
}

async fn replay(State(replays): State<Arc<Replays>>, body: Bytes) -> Result<Json<Value>, ApiError> {
    let event = wanted(&body)?;
    let letters = replays.letters(event.clone()).await?;
    if let (Some(event), true) = (&event, letters.is_empty()) {
        return Err(ApiError::NotFound(format!("there is no dead letter of event {event}")));
    }
    let waiting = letters.iter().filter_map(|letter| Waiting::of(letter, replays.faults)).collect();
    let taken = replays.take(waiting).await?;
    if let (Some(event), true) = (&event, taken.is_empty()) {
        return Err(ApiError::Conflict(format!("each dead letter of event {event} was replayed before")));
    }
    replays.publish(&taken).await?;
    taken.iter().for_each(|letter| replays.log.info(format_args!("replayed {}", letter.place)));
    Ok(Json(json!({"replayed": taken.len(), "left": letters.len() - taken.len()})))
}

/// The event that a request's body names.
fn wanted(body: &[u8]) -> Result<Option<String>, ApiError> {
    if body.is_empty() {
        return Ok(None);
    }
    let mut form = Form::read(body)?;
    let event = form.optional_text("event_id", LONGEST_ID);
    form.finish(event)
}

/// The event of a letter, by the letter's own header or, where it has none, by the record's.
fn event_of(letter: &Record) -> Option<String> {
    let id = letter.header("original_event_id").or_else(|| letter.header("event_id"))?;
    String::from_utf8(id.to_vec()).ok()
}

/// Where the letter's own headers begin: behind those of the record.
fn own_headers(letter: &Record) -> Option<usize> {
    letter.headers.windows(2).rposition(|pair| pair[0].0 == "error" && pair[1].0 == "original_topic")
}

/// A letter that may be replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Waiting {
    /// Where it stands.
    place: String,
    /// The record that it holds, as it was, for the partition where it stood, with a header that says what it is.
    record: OutRecord,
}

impl Waiting {
    /// Nothing of a letter that does not say where it came from, or that came of a replay.
    fn of(letter: &Record, faults: Faults) -> Option<Waiting> {
        let text = |name: &str| String::from_utf8(letter.header(name)?.to_vec()).ok();
        let place = format!("{}[{}]@{}", letter.topic, letter.partition, letter.offset);
        let mut headers: Vec<Header> = letter.headers[..own_headers(letter)?].to_vec();
        if headers.iter().any(|(name, _)| name == REPLAYED_FROM) && !faults.loops {
            return None;
        }
        if faults.loses_headers {
            headers.clear();
        }
        headers.push((REPLAYED_FROM.to_owned(), Some(place.clone().into_bytes())));
        let record = OutRecord {
            topic: text("original_topic")?,
            partition: Some(text("original_partition")?.parse().ok()?),
            key: letter.key.clone(),
            payload: letter.payload.clone().map(|bytes| if faults.rewrites { as_text(&bytes) } else { bytes }),
            headers,
        };
        Some(Waiting { place, record })
    }

    /// By what the store remembers that it was replayed.
    fn mark(&self) -> String {
        format!("replayed {}", self.place)
    }
}

/// Fault: what is no text is lost.
fn as_text(bytes: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(bytes).into_owned().into_bytes()
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
