//! Tasks in SQLite: every change and its event in one transaction, so that neither is without the other.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::{envelope, event_type};
use super::input::{Change, NewTask};
use crate::shared::clock::{Clock, rfc3339};
use crate::shared::outbox::{self, NewEvent};
use crate::shared::sqlite::{Db, DbError};

/// Tasks and what is to be published of them.
pub(super) fn schema() -> String {
    format!("{TASKS}{}", outbox::SCHEMA)
}

const TASKS: &str = "
CREATE TABLE IF NOT EXISTS tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    description TEXT,
    status TEXT NOT NULL,
    user_id TEXT,
    created_at TEXT NOT NULL
);
";

/// A task, as it is stored and answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Task {
    pub(super) id: i64,
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) status: String,
    pub(super) user_id: Option<String>,
    pub(super) created_at: String,
}

/// Ways of being wrong that belong to what is told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    pub(super) naive_time: bool,
    pub(super) no_correlation: bool,
    pub(super) event_on_refusal: bool,
    pub(super) lying_changes: bool,
    pub(super) also_updated: bool,
    pub(super) wrong_topic: bool,
}

/// All tasks.
#[derive(Clone)]
pub(super) struct Tasks {
    pub(super) db: Db,
    pub(super) clock: Clock,
    /// The feature flag: without it nothing is told, and everything else is as before.
    pub(super) enabled: bool,
    pub(super) faults: Faults,
}

impl Tasks {
    /// Creates a task and its event.
    pub(super) async fn create(&self, new: NewTask, correlation: Option<String>) -> Result<Task, DbError> {
        let (own, now) = (self.clone(), self.clock.now());
        self.db
            .transaction(move |tx| {
                let created_at = own.time(now);
                tx.execute(
                    "INSERT INTO tasks (title, description, status, user_id, created_at) VALUES (?1, ?2, 'incomplete', ?3, ?4)",
                    params![new.title, new.description, new.user_id, created_at],
                )?;
                let task = found(tx, tx.last_insert_rowid())?;
                let mut payload = json!({
                    "task_id": task.id,
                    "title": task.title,
                    "description": task.description,
                    "status": task.status,
                    "created_at": task.created_at,
                    "user_id": task.user_id,
                });
                if own.faults.no_correlation && let Some(fields) = payload.as_object_mut() {
                    fields.remove("user_id");
                }
                own.tell(tx, event_type::CREATED, task.id, payload, correlation, now)?;
                Ok(task)
            })
            .await
    }

    /// Changes a task and tells what was changed. Nothing if there is no such task.
    pub(super) async fn update(
        &self,
        id: i64,
        change: Change,
        correlation: Option<String>,
    ) -> Result<Option<Task>, DbError> {
        let (own, now) = (self.clone(), self.clock.now());
        self.db
            .transaction(move |tx| {
                let Some(old) = find(tx, id)? else {
                    own.tell_refused(tx, id, now)?;
                    return Ok(None);
                };
                let new = Task {
                    title: change.title.unwrap_or_else(|| old.title.clone()),
                    description: change.description.or_else(|| old.description.clone()),
                    status: change.status.unwrap_or_else(|| old.status.clone()),
                    ..old.clone()
                };
                tx.execute(
                    "UPDATE tasks SET title = ?2, description = ?3, status = ?4 WHERE id = ?1",
                    params![id, new.title, new.description, new.status],
                )?;
                let payload = own.updated(&old, &new, now);
                own.tell(tx, event_type::UPDATED, id, payload, correlation, now)?;
                Ok(Some(new))
            })
            .await
    }

    /// Completes a task; one that is complete already stays so, and nothing is told again. Nothing if there is no such task.
    pub(super) async fn complete(&self, id: i64, correlation: Option<String>) -> Result<Option<Task>, DbError> {
        let (own, now) = (self.clone(), self.clock.now());
        self.db
            .transaction(move |tx| {
                let Some(old) = find(tx, id)? else { return Ok(None) };
                let new = Task { status: "complete".into(), ..old.clone() };
                if old.status == new.status {
                    return Ok(Some(old));
                }
                tx.execute("UPDATE tasks SET status = 'complete' WHERE id = ?1", [id])?;
                let payload = json!({"task_id": id, "completed_at": own.time(now)});
                own.tell(tx, event_type::COMPLETED, id, payload, correlation.clone(), now)?;
                if own.faults.also_updated {
                    own.tell(tx, event_type::UPDATED, id, own.updated(&old, &new, now), correlation, now)?;
                }
                Ok(Some(new))
            })
            .await
    }

    /// Deletes a task. False if there is none.
    pub(super) async fn delete(&self, id: i64, correlation: Option<String>) -> Result<bool, DbError> {
        let (own, now) = (self.clone(), self.clock.now());
        self.db
            .transaction(move |tx| {
                if tx.execute("DELETE FROM tasks WHERE id = ?1", [id])? == 0 {
                    return Ok(false);
                }
                let payload = json!({"task_id": id, "deleted_at": own.time(now)});
                own.tell(tx, event_type::DELETED, id, payload, correlation, now)?;
                Ok(true)
            })
            .await
    }

    /// The task, if there is one.
    pub(super) async fn get(&self, id: i64) -> Result<Option<Task>, DbError> {
        self.db.call(move |connection| find(connection, id)).await
    }

    /// Whether everything of a task was published; for the fault that waits for it.
    pub(super) async fn is_told(&self, id: i64) -> Result<bool, DbError> {
        let sql = "SELECT count(*) FROM outbox WHERE aggregate_id = ?1 AND state <> 'published'";
        self.db.call(move |c| Ok(c.query_row(sql, [id.to_string()], |row| row.get::<_, i64>(0))? == 0)).await
    }

    fn updated(&self, old: &Task, new: &Task, now: DateTime<Utc>) -> Value {
        let changed = |changed: bool| changed || self.faults.lying_changes;
        json!({
            "task_id": new.id,
            "title": new.title,
            "description": new.description,
            "status": new.status,
            "updated_at": self.time(now),
            "changes": {
                "title": changed(old.title != new.title),
                "description": changed(old.description != new.description),
                "status": changed(old.status != new.status),
            },
        })
    }

    /// The fault that tells of an update of nothing.
    fn tell_refused(&self, tx: &Connection, id: i64, now: DateTime<Utc>) -> Result<(), DbError> {
        if !self.faults.event_on_refusal {
            return Ok(());
        }
        let none = Task {
            id,
            title: String::new(),
            description: None,
            status: "incomplete".into(),
            user_id: None,
            created_at: self.time(now),
        };
        self.tell(tx, event_type::UPDATED, id, self.updated(&none, &none, now), None, now)
    }

    fn tell(
        &self,
        tx: &Connection,
        event_type: &'static str,
        task: i64,
        payload: Value,
        correlation: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<(), DbError> {
        if !self.enabled {
            return Ok(());
        }
        let event_id = Uuid::new_v4().to_string();
        let correlation = correlation.filter(|_| !self.faults.no_correlation);
        let correlation_id = correlation.unwrap_or_else(|| Uuid::new_v4().to_string());
        let envelope = envelope::application(&event_id, event_type, &self.time(now), &correlation_id, &payload);
        let elsewhere = self.faults.wrong_topic && event_type == event_type::COMPLETED;
        let of = if elsewhere { event_type::UPDATED } else { event_type };
        let event = NewEvent {
            event_id,
            event_type,
            aggregate_id: task.to_string(),
            topic: format!("todo.tasks.{}", of.trim_start_matches("task.")),
            key: task.to_string(),
            payload: envelope.to_string(),
            correlation_id,
        };
        outbox::insert(tx, &event, now.timestamp_millis())
    }

    fn time(&self, now: DateTime<Utc>) -> String {
        let text = rfc3339(now);
        if self.faults.naive_time { text.trim_end_matches('Z').to_owned() } else { text }
    }
}

fn found(connection: &Connection, id: i64) -> Result<Task, DbError> {
    find(connection, id)?.ok_or(DbError::Sqlite(rusqlite::Error::QueryReturnedNoRows))
}

fn find(connection: &Connection, id: i64) -> Result<Option<Task>, DbError> {
    let sql = "SELECT id, title, description, status, user_id, created_at FROM tasks WHERE id = ?1";
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Task {
            id: row.get(0)?,
            title: row.get(1)?,
            description: row.get(2)?,
            status: row.get(3)?,
            user_id: row.get(4)?,
            created_at: row.get(5)?,
        })
    };
    Ok(connection.prepare_cached(sql)?.query_row([id], read).optional()?)
}
