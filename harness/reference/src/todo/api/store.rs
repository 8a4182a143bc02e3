//! Tasks: every change and its event in one transaction, so that neither is without the other.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::{envelope, event_type};
use super::input::Change;
use crate::shared::clock::{Clock, rfc3339};
use crate::shared::outbox::{self, NewEvent};
use crate::shared::sql::{Row, Sql, Store, vals};
use crate::shared::sqlite::DbError;

/// Tasks and what is to be published of them.
pub(super) fn schema() -> String {
    format!("{TASKS}{}", outbox::SCHEMA)
}

/// `changed_ms`: when the task was changed last. No two changes of a task have one time: each is told on a topic of its own, and
/// what reads them knows by their times alone which came first.
const TASKS: &str = "
CREATE TABLE IF NOT EXISTS tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    description TEXT,
    status TEXT NOT NULL,
    user_id TEXT,
    created_at TEXT NOT NULL,
    changed_ms INTEGER NOT NULL,
    parent_id INTEGER
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
    pub(super) silent_changes: bool,
    pub(super) tells_refused_create: bool,
    pub(super) also_updated: bool,
    pub(super) also_completed: bool,
    pub(super) wrong_topic: bool,
    pub(super) undeclared_field: bool,
    pub(super) tells_secrets: bool,
    pub(super) outside: bool,
}

/// All tasks.
#[derive(Clone)]
pub(super) struct Tasks {
    pub(super) db: Store,
    pub(super) clock: Clock,
    /// The feature flag: without it nothing is told, and everything else is as before.
    pub(super) enabled: bool,
    pub(super) faults: Faults,
}

impl Tasks {
    /// Changes a task and tells what was changed. Nothing if there is no such task.
    pub(super) async fn update(
        &self,
        id: i64,
        change: Change,
        correlation: Option<String>,
    ) -> Result<Option<Task>, DbError> {
        let (own, now) = (self.clone(), self.clock.now());
        self.db
            .write(move |tx| {
                let Some(old) = find(tx, id)? else {
                    own.tell_refused(tx, id, now)?;
                    return Ok(None);
                };
                let now = changed_at(tx, id, now)?;
                let new = Task {
                    title: change.title.unwrap_or_else(|| old.title.clone()),
                    description: change.description.or_else(|| old.description.clone()),
                    status: change.status.unwrap_or_else(|| old.status.clone()),
                    ..old.clone()
                };
                let sql = "UPDATE tasks SET title = ?2, description = ?3, status = ?4 WHERE id = ?1";
                tx.run(sql, vals![id, &new.title, new.description.as_deref(), &new.status])?;
                let payload = own.updated(&old, &new, now);
                own.tell(tx, event_type::UPDATED, id, payload, correlation.clone(), now)?;
                if own.faults.also_completed && new.status == "complete" && old.status != new.status {
                    let payload = json!({"task_id": id, "completed_at": own.time(now)});
                    own.tell(tx, event_type::COMPLETED, id, payload, correlation, now)?;
                }
                Ok(Some(new))
            })
            .await
    }

    /// Completes a task; one that is complete already stays so, and nothing is told again. Nothing if there is no such task.
    pub(super) async fn complete(&self, id: i64, correlation: Option<String>) -> Result<Option<Task>, DbError> {
        let (own, now) = (self.clone(), self.clock.now());
        self.db
            .write(move |tx| {
                let Some(old) = find(tx, id)? else { return Ok(None) };
                let new = Task { status: "complete".into(), ..old.clone() };
                if old.status == new.status {
                    return Ok(Some(old));
                }
                let now = changed_at(tx, id, now)?;
                tx.run("UPDATE tasks SET status = 'complete' WHERE id = ?1", vals![id])?;
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
            .write(move |tx| {
                if tx.run("DELETE FROM tasks WHERE id = ?1", vals![id])? == 0 {
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
        self.db.read(move |sql| find(sql, id)).await
    }

    /// Whether everything of a task was published; for the fault that waits for it.
    pub(super) async fn is_told(&self, id: i64) -> Result<bool, DbError> {
        let open = "SELECT 1 FROM outbox WHERE aggregate_id = ?1 AND state <> 'published' LIMIT 1";
        self.db.read(move |sql| Ok(sql.row(open, vals![&id.to_string()])?.is_none())).await
    }

    fn updated(&self, old: &Task, new: &Task, now: DateTime<Utc>) -> Value {
        let changed = |changed: bool| (changed || self.faults.lying_changes) && !self.faults.silent_changes;
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
    fn tell_refused(&self, tx: &dyn Sql, id: i64, now: DateTime<Utc>) -> Result<(), DbError> {
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

    pub(super) fn tell(
        &self,
        tx: &dyn Sql,
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

    pub(super) fn time(&self, now: DateTime<Utc>) -> String {
        let text = rfc3339(now);
        if self.faults.naive_time { text.trim_end_matches('Z').to_owned() } else { text }
    }
}

/// When a change of a task is: now, and later than the one before, also within a millisecond and where the clock was set back.
fn changed_at(tx: &dyn Sql, id: i64, now: DateTime<Utc>) -> Result<DateTime<Utc>, DbError> {
    let sql = "UPDATE tasks SET changed_ms = CASE WHEN changed_ms < ?2 THEN ?2 ELSE changed_ms + 1 END
               WHERE id = ?1 RETURNING changed_ms";
    let ms = tx.row(sql, vals![id, now.timestamp_millis()])?.map(|row| row.int(0)).transpose()?;
    Ok(ms.and_then(DateTime::from_timestamp_millis).unwrap_or(now))
}

pub(super) fn find(sql: &dyn Sql, id: i64) -> Result<Option<Task>, DbError> {
    let of_id = "SELECT id, title, description, status, user_id, created_at FROM tasks WHERE id = ?1";
    sql.row(of_id, vals![id])?.as_ref().map(task).transpose()
}

/// A task of a row that has its fields in their order.
pub(super) fn task(row: &Row) -> Result<Task, DbError> {
    Ok(Task {
        id: row.int(0)?,
        title: row.text(1)?,
        description: row.maybe_text(2)?,
        status: row.text(3)?,
        user_id: row.maybe_text(4)?,
        created_at: row.text(5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::input::NewTask;
    use super::*;
    use crate::shared::settings::StoreUrl;
    use crate::shared::sqlite::Db;

    #[tokio::test]
    async fn no_two_changes_of_a_task_have_one_time() {
        let db: Store = Db::open(&StoreUrl::SqliteMemory, &schema()).unwrap().into();
        let clock = crate::shared::clock::HandClock::new().clock();
        let tasks = Tasks { db: db.clone(), clock, enabled: true, faults: Faults::default() };
        let new = NewTask { title: "milk".into(), description: None, user_id: None, parent_id: None };
        let id = tasks.create(new, None).await.unwrap().id;
        let renamed = |title: &str| Change { title: Some(title.into()), description: None, status: None };
        tasks.update(id, renamed("oat milk"), None).await.unwrap();
        tasks.complete(id, None).await.unwrap();
        tasks.update(id, renamed("soy milk"), None).await.unwrap();
        let all = "SELECT payload FROM outbox ORDER BY id";
        let told = db.read(move |sql| sql.rows(all, &[])?.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>());
        let told = told.await.unwrap();
        let times: Vec<String> = told
            .iter()
            .map(|envelope| serde_json::from_str::<Value>(envelope).unwrap()["timestamp"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(times.len(), 4);
        assert!(times.is_sorted_by(|one, next| one < next), "{times:?}");
    }
}
