//! Telling a task's owner by push that it is complete: told first, then handled. What is cut off in between is told again, with the same
//! event id; what cannot be told is dead-lettered, and not handled before it is replayed.

use std::collections::{HashMap, HashSet};

use serde_json::json;

use super::super::envelope::Event;
use super::super::event_type;
use super::store::Trail;
use crate::shared::dead_letter::Unreadable;
use crate::shared::kafka::{Record, TryAgain};
use crate::shared::outside::{NotTold, Outside};
use crate::shared::processed;

/// An event, and the record that it came with.
pub(super) type Taken<'r> = (&'r Record, Event);

/// Tells of completions.
pub(super) struct Teller {
    pub(super) push: Outside,
    pub(super) trail: Trail,
}

impl Teller {
    /// The events of a batch whose owners know of them, or need not, and those that nobody could be told of.
    pub(super) async fn tell<'r>(
        &self,
        taken: Vec<Taken<'r>>,
        now_ms: i64,
    ) -> Result<(Vec<Event>, Vec<Unreadable<'r>>), TryAgain> {
        let (mut told, mut given_up) = (HashSet::new(), HashMap::new());
        let (mut events, mut failed) = (Vec::with_capacity(taken.len()), Vec::new());
        for (record, event) in taken {
            let id = &event.event_id;
            if !given_up.contains_key(id) && !told.contains(id) && self.is_new(&event, now_ms).await? {
                match self.push.tell(id, &message(&event)).await {
                    Ok(()) => drop(told.insert(id.clone())),
                    Err(NotTold::GivenUp(reason)) => drop(given_up.insert(id.clone(), reason)),
                    Err(NotTold::Stopping) => return Err(TryAgain("stopping before it was told".to_owned())),
                }
            }
            match given_up.get(id) {
                Some(reason) => failed.push(Unreadable { record, reason: reason.clone() }),
                None => events.push(event),
            }
        }
        Ok((events, failed))
    }

    /// Whether it is a completion that was not handled before.
    async fn is_new(&self, event: &Event, now_ms: i64) -> Result<bool, TryAgain> {
        if event.event_type != event_type::COMPLETED {
            return Ok(false);
        }
        let id = event.event_id.clone();
        let known = self.trail.db.read(move |connection| processed::is_marked(connection, &id, now_ms)).await;
        Ok(!known.map_err(|e| TryAgain(e.to_string()))? || self.trail.faults.skip_dedup)
    }
}

fn message(event: &Event) -> serde_json::Value {
    json!({"event_id": event.event_id, "task_id": event.task_id, "completed_at": event.payload["completed_at"]})
}
