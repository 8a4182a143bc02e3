//! State and events of the writing services, in one store: a change and its event are written in one transaction, or neither is.

use serde_json::{Value, json};

use super::super::envelope::{Telling, compose};
use super::super::kinds::{Change, How, Kind};
use crate::shared::clock::Clock;
use crate::shared::http::ApiError;
use crate::shared::outbox::{self, NewEvent};
use crate::shared::sql::{Row, Sql, Store, vals};
use crate::shared::sqlite::DbError;

/// Entities by kind and id, with the data that they came with.
pub(crate) const ENTITIES: &str = "
CREATE TABLE IF NOT EXISTS entities (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    owner TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entities_owner ON entities (owner, kind);
";
/// The kind under which messaging-service keeps who may not write to whom: `blocker/blocked`.
pub(crate) const DENIED: &str = "denied";

/// Ways of being wrong that belong to writing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    /// The event is written in a transaction of its own.
    pub(crate) outside: bool,
    /// Records are keyed by what the event is about, whatever the table says.
    pub(crate) wrong_key: bool,
    /// E-mail addresses are written into the log.
    pub(crate) no_source: bool,
    pub(crate) logs_address: bool,
}

/// Writes events.
#[derive(Clone)]
pub(crate) struct Teller {
    pub(crate) service: &'static str,
    /// First part of every topic.
    pub(crate) prefix: String,
    /// The version in which `user.created` is written; every other event has one version only.
    pub(crate) version: u32,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
}

/// Who and what a command came with.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) correlation_id: String,
    pub(crate) causation_id: String,
    pub(crate) user: Option<String>,
}

impl Teller {
    /// Writes an event into the outbox, within the transaction of what it tells; gives its id.
    pub(crate) fn tell(
        &self,
        tx: &dyn Sql,
        kind: &'static Kind,
        data: &Value,
        origin: &Origin,
    ) -> Result<String, DbError> {
        let actor = kind.actor.and_then(|field| data[field].as_str()).or(origin.user.as_deref()).unwrap_or("system");
        let telling = Telling {
            kind,
            data,
            version: if kind.event == "user.created" { self.version } else { 1 },
            correlation_id: &origin.correlation_id,
            causation_id: &origin.causation_id,
            created_by: actor,
            service: self.service,
        };
        let (event_id, payload) = compose(&telling, &self.clock);
        let field = if self.faults.wrong_key { kind.aggregate } else { kind.key };
        // What has no key, as a log-in that failed for an unknown user, is in nobody's order.
        let key = data[field].as_str().unwrap_or_default().to_owned();
        let event = NewEvent {
            event_type: kind.event,
            aggregate_id: if key.is_empty() { event_id.clone() } else { key.clone() },
            topic: format!("{}.{}", self.prefix, kind.event),
            key,
            payload,
            correlation_id: origin.correlation_id.clone(),
            event_id: event_id.clone(),
        };
        outbox::insert(tx, &event, self.clock.now_ms())?;
        Ok(event_id)
    }
}

/// Why a command was not carried out.
#[derive(Debug)]
pub(super) enum Refused {
    Missing(&'static str),
    Blocked,
}

/// Carries a command out: what it needs is there, its event and its changes are written.
pub(super) async fn carry_out(
    db: &Store,
    teller: &Teller,
    kind: &'static Kind,
    data: Value,
    origin: Origin,
) -> Result<String, ApiError> {
    let mut told = None;
    if teller.faults.outside {
        let (teller, data, origin) = (teller.clone(), data.clone(), origin.clone());
        let told_alone = db.write(move |tx| teller.tell(tx, kind, &data, &origin)).await;
        told = Some(told_alone.map_err(ApiError::store)?);
    }
    let teller = teller.clone();
    let done = db.write(move |tx| {
        if let Some(refused) = refusal(tx, kind, &data)? {
            return Ok(Err(refused));
        }
        // The event first: a change that fails behind it takes it back.
        let event_id = match told {
            Some(event_id) => event_id,
            None => teller.tell(tx, kind, &data, &origin)?,
        };
        for change in &kind.changes {
            apply(tx, kind, change, &data)?;
        }
        Ok(Ok(event_id))
    });
    match done.await {
        Ok(Ok(event_id)) => Ok(event_id),
        Ok(Err(Refused::Missing(what))) => Err(ApiError::NotFound(format!("there is no such {what}"))),
        Ok(Err(Refused::Blocked)) => Err(ApiError::Conflict("the sender is blocked by a member".into())),
        Err(error) if error.is_conflict() => Err(ApiError::Conflict("it is there already".into())),
        Err(error) => Err(ApiError::store(error)),
    }
}

fn refusal(tx: &dyn Sql, kind: &Kind, data: &Value) -> Result<Option<Refused>, DbError> {
    for change in kind.changes.iter().filter(|change| change.how != How::Adds) {
        if entity(tx, change.kind, &id_of(change, data))?.is_none() {
            return Ok(Some(Refused::Missing(change.kind)));
        }
    }
    let blocked = kind.event == "message.sent" && is_denied(tx, data)?;
    Ok(blocked.then_some(Refused::Blocked))
}

/// Whether a member of the conversation has blocked the sender. In a group nobody shuts another out.
fn is_denied(tx: &dyn Sql, message: &Value) -> Result<bool, DbError> {
    let text = |name: &str| message[name].as_str().unwrap_or_default();
    let conversation = entity(tx, "conversation", text("conversation_id"))?.unwrap_or_default();
    if conversation["type"] != json!("direct") {
        return Ok(false);
    }
    let members = conversation["member_ids"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for member in members {
        if entity(tx, DENIED, &format!("{member}/{}", text("sender_id")))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn apply(tx: &dyn Sql, kind: &Kind, change: &Change, data: &Value) -> Result<(), DbError> {
    let id = id_of(change, data);
    match change.how {
        How::Needs => Ok(()),
        How::Removes => remove(tx, change.kind, &id),
        How::Adds => {
            let owner = kind.actor.and_then(|field| data[field].as_str()).unwrap_or_default();
            add(tx, change.kind, &id, owner, data)
        }
    }
}

fn id_of(change: &Change, data: &Value) -> String {
    change.id.iter().map(|field| data[field].as_str().unwrap_or_default()).collect::<Vec<_>>().join("/")
}

/// The data of an entity.
fn entity(tx: &dyn Sql, kind: &str, id: &str) -> Result<Option<Value>, DbError> {
    let sql = "SELECT data FROM entities WHERE kind = ?1 AND id = ?2";
    let data = tx.row(sql, vals![kind, id])?.map(|row| row.text(0)).transpose()?;
    // It was written as JSON by ourselves.
    Ok(data.map(|data| serde_json::from_str(&data).unwrap_or_default()))
}

/// Adds an entity that is not there yet.
pub(crate) fn add(tx: &dyn Sql, kind: &str, id: &str, owner: &str, data: &Value) -> Result<(), DbError> {
    let sql = "INSERT INTO entities (kind, id, owner, data) VALUES (?1, ?2, ?3, ?4)";
    tx.run(sql, vals![kind, id, owner, &data.to_string()]).map(drop)
}

/// Removes an entity, if it is there.
pub(crate) fn remove(tx: &dyn Sql, kind: &str, id: &str) -> Result<(), DbError> {
    tx.run("DELETE FROM entities WHERE kind = ?1 AND id = ?2", vals![kind, id]).map(drop)
}

/// The entities of a kind that belong to a user, or that name the user in their id: (id, data).
pub(crate) fn owned(tx: &dyn Sql, kind: &str, user: &str) -> Result<Vec<(String, Value)>, DbError> {
    let sql = "SELECT id, data FROM entities WHERE kind = ?1 AND (owner = ?2 OR id LIKE '%/' || ?2) ORDER BY id";
    let read = |row: &Row| Ok((row.text(0)?, serde_json::from_str(&row.text(1)?).unwrap_or_default()));
    tx.rows(sql, vals![kind, user])?.iter().map(read).collect()
}
