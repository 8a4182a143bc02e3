//! What the writing services make of others' events: cleaning up after a deleted user, and shutting blocked ones out.
//!
//! Cleaning up tells events of its own, in the transaction of the mark, with the correlation id of their cause and its id as causation_id.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::envelope::Event;
use super::super::faults::{IGNORES_BLOCKS, IGNORES_DELETION, LEAVES_FOLLOWERS, NEW_CORRELATION, NO_CAUSATION};
use super::super::kinds::{self, Kind, Shape};
use super::super::writer::{DENIED, Origin, Teller, add, owned, remove, teller};
use super::{Delivery, Role};
use crate::serve::Context;
use crate::shared::clock::rfc3339;
use crate::shared::http::ApiError;
use crate::shared::sql::{Sql, Store};
use crate::shared::sqlite::DbError;

pub(super) struct Cleanup {
    service: &'static str,
    teller: Teller,
    ignores_blocks: bool,
    ignores_deletion: bool,
    leaves_followers: bool,
    no_causation: bool,
    new_correlation: bool,
}

impl Cleanup {
    pub(super) fn new(service: &'static str, context: &Context) -> Cleanup {
        Cleanup {
            service,
            teller: teller(service, context),
            ignores_blocks: context.has(IGNORES_BLOCKS),
            ignores_deletion: context.has(IGNORES_DELETION),
            leaves_followers: context.has(LEAVES_FOLLOWERS),
            no_causation: context.has(NO_CAUSATION),
            new_correlation: context.has(NEW_CORRELATION),
        }
    }

    /// Removes what a deleted user leaves here, and tells so.
    fn clean_up(&self, tx: &dyn Sql, cause: &Event) -> Result<(), DbError> {
        let (entity, tells) = match self.service {
            "content-service" => ("post", "post.deleted"),
            "messaging-service" => ("message", "message.deleted"),
            "user-service" => ("follow", "user.unfollowed"),
            _ => return Ok(()),
        };
        let Some(kind) = kinds::of_event(tells).filter(|_| !self.ignores_deletion) else { return Ok(()) };
        let user = cause.text("user_id");
        let is_left = |known: &Value| self.leaves_followers && known["followee_id"] == user;
        for (id, known) in owned(tx, entity, user)?.into_iter().filter(|(_, known)| !is_left(known)) {
            remove(tx, entity, &id)?;
            let data = self.data_of(kind, &known, user);
            self.teller.tell(tx, kind, &data, &self.origin(cause))?;
        }
        Ok(())
    }

    /// The data of an event about an entity, from what is known of that.
    fn data_of(&self, kind: &Kind, known: &Value, user: &str) -> Value {
        let now = rfc3339(self.teller.clock.now());
        let value = |name: &str, shape: &Shape| match shape {
            Shape::Now => json!(now),
            Shape::Choice(choices) => json!(choices.first()),
            _ if name == "deleted_by_id" => json!(user),
            _ => known[name].clone(),
        };
        let fields = kind.fields.iter().map(|field| (field.name.to_owned(), value(field.name, &field.shape)));
        Value::Object(fields.collect::<Map<_, _>>())
    }

    fn origin(&self, cause: &Event) -> Origin {
        let correlation_id = match self.new_correlation {
            true => Uuid::new_v4().to_string(),
            false => cause.correlation_id.clone(),
        };
        let causation_id = if self.no_causation { String::new() } else { cause.id.clone() };
        Origin { correlation_id, causation_id, user: None }
    }

    /// Who may not write to whom; the last word counts by its time.
    fn block(&self, tx: &dyn Sql, event: &Event, denied: bool) -> Result<(), DbError> {
        if self.ignores_blocks {
            return Ok(());
        }
        let (blocker, blocked) = (event.text("blocker_id"), event.text("blocked_id"));
        let id = format!("{blocker}/{blocked}");
        let at = event.text(if denied { "blocked_at" } else { "unblocked_at" });
        let known = owned(tx, "block word", &id)?.pop();
        if known.is_some_and(|(_, word)| word["at"].as_str().is_some_and(|last| last > at)) {
            return Ok(());
        }
        remove(tx, "block word", &id)?;
        add(tx, "block word", &id, &id, &json!({"at": at}))?;
        remove(tx, DENIED, &id)?;
        if denied { add(tx, DENIED, &id, blocked, &json!({"by": blocker})) } else { Ok(()) }
    }
}

impl Role for Cleanup {
    fn apply(&self, tx: &dyn Sql, event: &Event) -> Result<Vec<Delivery>, DbError> {
        match event.kind.event {
            "user.deleted" => self.clean_up(tx, event)?,
            "user.blocked" => self.block(tx, event, true)?,
            "user.unblocked" => self.block(tx, event, false)?,
            // Names, media and views are noted in the journal, which is all that is kept of them.
            _ => {}
        }
        Ok(Vec::new())
    }

    fn routes(&self, db: Store) -> Router {
        Router::new().route("/denied/{user}", get(denied)).with_state(db)
    }
}

/// Who does not take messages from a user.
async fn denied(State(db): State<Store>, Path(user): Path<String>) -> Result<Json<Value>, ApiError> {
    let found = db.read(move |sql| owned(sql, DENIED, &user)).await.map_err(ApiError::store)?;
    let items: Vec<Value> = found.into_iter().map(|(_, by)| by).collect();
    Ok(Json(json!({"items": items})))
}
