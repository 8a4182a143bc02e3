//! The audit trail and the state of each task.

use std::time::Duration;

use serde::Serialize;

use super::super::envelope::Event;
use super::super::event_type;
use crate::shared::processed;
use crate::shared::sql::{Row, Sql, Store, Val, vals};
use crate::shared::sqlite::DbError;

/// Everything that is kept.
pub(super) fn schema() -> String {
    format!("{TRAIL}{}", processed::SCHEMA)
}

/// `state`: a task is what its latest completion or update says, incomplete if there is none, and gone once it was deleted; which
/// of its events comes first says nothing, for each type has a topic of its own.
const TRAIL: &str = "
CREATE TABLE IF NOT EXISTS audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    task_id INTEGER NOT NULL,
    correlation_id TEXT NOT NULL,
    at TEXT NOT NULL,
    title TEXT,
    user_id TEXT,
    by_whom TEXT
);
CREATE INDEX IF NOT EXISTS audit_task ON audit (task_id, seq);
CREATE INDEX IF NOT EXISTS audit_user ON audit (user_id) WHERE user_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS state (
    task_id INTEGER PRIMARY KEY,
    status TEXT NOT NULL,
    status_at TEXT NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0
);
";

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Handled,
    Duplicate,
}

/// Ways of being wrong that belong to the store.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    pub(super) skip_dedup: bool,
    pub(super) by_envelope: bool,
    pub(super) created_wins: bool,
    pub(super) forgets_deleted: bool,
    pub(super) counts_in_order: bool,
}

/// A line of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Entry {
    pub(super) seq: i64,
    pub(super) event_id: String,
    pub(super) event_type: String,
    pub(super) task_id: i64,
    pub(super) correlation_id: String,
    pub(super) at: String,
}

/// Audit trail and states.
#[derive(Clone)]
pub(super) struct Trail {
    pub(super) db: Store,
    pub(super) ttl: Duration,
    pub(super) faults: Faults,
}

impl Trail {
    /// Applies events, each once, all in one transaction.
    pub(super) async fn apply(&self, events: Vec<Event>, now_ms: i64) -> Result<Vec<Outcome>, DbError> {
        let (faults, expires_ms) = (self.faults, processed::expiry_ms(now_ms, self.ttl));
        self.db
            .write(move |tx| {
                processed::sweep(tx, now_ms)?;
                events.iter().map(|event| apply_one(tx, event, faults, now_ms, expires_ms)).collect()
            })
            .await
    }

    /// The trail of a task, oldest first.
    pub(super) async fn of_task(&self, task: i64) -> Result<Vec<Entry>, DbError> {
        self.db.read(move |sql| entries(sql, "task_id = ?1 ORDER BY seq", vals![task])).await
    }

    /// All entries after one, oldest first.
    pub(super) async fn after(&self, seq: i64, limit: u32) -> Result<Vec<Entry>, DbError> {
        self.db.read(move |sql| entries(sql, "seq > ?1 ORDER BY seq LIMIT ?2", vals![seq, limit])).await
    }

    /// What a task is: `complete`, `incomplete` or `deleted`; nothing if nothing is known of it.
    pub(super) async fn state(&self, task: i64) -> Result<Vec<String>, DbError> {
        let state = "SELECT CASE WHEN deleted = 1 THEN 'deleted' ELSE status END FROM state WHERE task_id = ?1";
        self.texts(state, task).await
    }

    /// Who deleted a task, as far as this release reads it.
    pub(super) async fn deleted_by(&self, task: i64) -> Result<Vec<String>, DbError> {
        self.texts("SELECT by_whom FROM audit WHERE task_id = ?1 AND by_whom IS NOT NULL ORDER BY seq", task).await
    }

    async fn texts(&self, which: &'static str, task: i64) -> Result<Vec<String>, DbError> {
        self.db.read(move |sql| sql.rows(which, vals![task])?.iter().map(|row| row.text(0)).collect()).await
    }

    /// How many events of each type there were of a user's tasks, whichever of them was seen first.
    pub(super) async fn counts_of(&self, user: String) -> Result<Vec<(String, i64)>, DbError> {
        let of_user = "SELECT e.event_type, count(*) FROM audit c JOIN audit e ON e.task_id = c.task_id AND (e.seq >= c.seq OR NOT ?2)
                       WHERE c.user_id = ?1 GROUP BY e.event_type ORDER BY e.event_type";
        let in_order = self.faults.counts_in_order;
        self.db.read(move |sql| counts(&sql.rows(of_user, vals![&user, in_order])?)).await
    }

    /// How many events of each type were handled.
    pub(super) async fn counts(&self) -> Result<Vec<(String, i64)>, DbError> {
        let all = "SELECT event_type, count(*) FROM audit GROUP BY event_type ORDER BY event_type";
        self.db.read(move |sql| counts(&sql.rows(all, &[])?)).await
    }
}

fn entries(sql: &dyn Sql, which: &str, values: &[Val<'_>]) -> Result<Vec<Entry>, DbError> {
    let which = format!("SELECT seq, event_id, event_type, task_id, correlation_id, at FROM audit WHERE {which}");
    sql.rows(&which, values)?.iter().map(entry).collect()
}

fn entry(row: &Row) -> Result<Entry, DbError> {
    Ok(Entry {
        seq: row.int(0)?,
        event_id: row.text(1)?,
        event_type: row.text(2)?,
        task_id: row.int(3)?,
        correlation_id: row.text(4)?,
        at: row.text(5)?,
    })
}

fn counts(rows: &[Row]) -> Result<Vec<(String, i64)>, DbError> {
    rows.iter().map(|row| Ok((row.text(0)?, row.int(1)?))).collect()
}

fn apply_one(tx: &dyn Sql, event: &Event, faults: Faults, now_ms: i64, expires_ms: i64) -> Result<Outcome, DbError> {
    let id = if faults.by_envelope { &event.envelope_id } else { &event.event_id };
    let first_time = processed::mark(tx, id, now_ms, expires_ms)?;
    if !first_time && !faults.skip_dedup {
        return Ok(Outcome::Duplicate);
    }
    if !(faults.forgets_deleted && event.event_type == event_type::DELETED) {
        change_state(tx, event, faults)?;
    }
    let sql = "INSERT INTO audit (event_id, event_type, task_id, correlation_id, at, title, user_id, by_whom)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let values = vals![
        &event.event_id,
        event.event_type,
        event.task_id,
        &event.correlation_id,
        &event.timestamp,
        event.payload["title"].as_str(),
        // Only a creation says whose task it is.
        event.payload["user_id"].as_str().filter(|_| event.event_type == event_type::CREATED),
        event.by.as_deref(),
    ];
    tx.run(sql, values)?;
    Ok(Outcome::Handled)
}

fn change_state(tx: &dyn Sql, event: &Event, faults: Faults) -> Result<(), DbError> {
    let text = |name: &str| event.payload[name].as_str().unwrap_or_default();
    let sql = match event.event_type {
        // A creation only says that there is a task: whatever else is known came later.
        event_type::CREATED if !faults.created_wins => {
            "INSERT INTO state (task_id, status, status_at) VALUES (?1, ?2, ?3) ON CONFLICT (task_id) DO NOTHING"
        }
        event_type::DELETED => {
            "INSERT INTO state (task_id, status, status_at, deleted) VALUES (?1, ?2, ?3, 1)
             ON CONFLICT (task_id) DO UPDATE SET deleted = 1"
        }
        event_type::CREATED => {
            "INSERT INTO state (task_id, status, status_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (task_id) DO UPDATE SET status = excluded.status, status_at = excluded.status_at"
        }
        // An empty time is that of a creation: everything is later.
        _ => {
            "INSERT INTO state (task_id, status, status_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (task_id) DO UPDATE SET status = excluded.status, status_at = excluded.status_at
             WHERE excluded.status_at >= state.status_at"
        }
    };
    let (status, at) = match event.event_type {
        event_type::COMPLETED => ("complete", text("completed_at")),
        event_type::UPDATED => (text("status"), text("updated_at")),
        _ => ("incomplete", ""),
    };
    tx.run(sql, vals![event.task_id, status, at]).map(drop)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::shared::settings::StoreUrl;
    use crate::shared::sqlite::Db;

    fn event(id: &str, event_type: &'static str, payload: Value) -> Event {
        Event {
            event_id: id.into(),
            event_type,
            timestamp: "2026-02-07T10:00:00Z".into(),
            correlation_id: "c".into(),
            task_id: 7,
            payload,
            envelope_id: format!("envelope of {id}"),
            by: None,
        }
    }

    fn trail(faults: Faults) -> Trail {
        let db = Db::open(&StoreUrl::SqliteMemory, &schema()).unwrap().into();
        Trail { db, ttl: Duration::from_secs(60), faults }
    }

    fn created() -> Event {
        event("created", event_type::CREATED, json!({"created_at": "2026-02-07T10:00:09Z"}))
    }

    fn completed() -> Event {
        event("completed", event_type::COMPLETED, json!({"completed_at": "2026-02-07T10:00:05Z"}))
    }

    #[tokio::test]
    async fn a_state_does_not_depend_on_which_event_comes_first() {
        let deleted = || event("deleted", event_type::DELETED, json!({}));
        for (events, state) in [
            (vec![created(), completed()], "complete"),
            (vec![completed(), created()], "complete"),
            (vec![deleted(), completed(), created()], "deleted"),
            (vec![created()], "incomplete"),
        ] {
            let trail = trail(Faults::default());
            trail.apply(events.clone(), 0).await.unwrap();
            assert_eq!(trail.state(7).await.unwrap(), [state], "{events:?}");
            assert_eq!(trail.of_task(7).await.unwrap().len(), events.len());
        }
    }

    #[tokio::test]
    async fn what_a_user_did_is_counted_whichever_event_comes_first() {
        let created =
            event("created", event_type::CREATED, json!({"created_at": "2026-02-07T10:00:09Z", "user_id": "ann"}));
        for (in_order, counts) in [
            (false, vec![("task.completed".to_owned(), 1), ("task.created".to_owned(), 1)]),
            (true, vec![("task.created".to_owned(), 1)]),
        ] {
            let trail = trail(Faults { counts_in_order: in_order, ..Faults::default() });
            trail.apply(vec![completed(), created.clone()], 0).await.unwrap();
            assert_eq!(trail.counts_of("ann".into()).await.unwrap(), counts);
            assert_eq!(trail.counts_of("bob".into()).await.unwrap(), []);
        }
    }

    #[tokio::test]
    async fn an_event_is_taken_once_until_its_id_is_forgotten() {
        let trail = trail(Faults::default());
        let again = Event { envelope_id: "another".into(), ..created() };
        assert_eq!(
            trail.apply(vec![created(), again.clone()], 0).await.unwrap(),
            [Outcome::Handled, Outcome::Duplicate]
        );
        assert_eq!(trail.apply(vec![again.clone()], 59_999).await.unwrap(), [Outcome::Duplicate]);
        assert_eq!(trail.apply(vec![again], 200_000).await.unwrap(), [Outcome::Handled]);
    }

    #[tokio::test]
    async fn an_older_update_changes_nothing() {
        let update = |id: &str, status: &str, at: &str| {
            event(id, event_type::UPDATED, json!({"status": status, "updated_at": at}))
        };
        let trail = trail(Faults::default());
        let events =
            vec![update("a", "complete", "2026-02-07T10:00:05Z"), update("b", "incomplete", "2026-02-07T10:00:04Z")];
        trail.apply(events, 0).await.unwrap();
        assert_eq!(trail.state(7).await.unwrap(), ["complete"]);
    }
}
