//! Creating a task: the task, its event and whatever may still refuse it are one transaction, so that what is rolled back is told by nobody.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::super::event_type;
use super::input::NewTask;
use super::store::{Task, Tasks, find, task};
use crate::shared::sql::{Sql, vals};
use crate::shared::sqlite::DbError;

impl Tasks {
    /// Creates a task and its event. A part of a task that is not there is refused, and all of it rolled back.
    pub(super) async fn create(&self, new: NewTask, correlation: Option<String>) -> Result<Task, DbError> {
        let (own, now) = (self.clone(), self.clock.now());
        let told = self.tell_outside(&new, correlation.clone(), now).await?;
        self.db
            .write(move |tx| {
                let mut task = own.insert(tx, &new, now)?;
                if let Some(id) = told {
                    tx.run("UPDATE tasks SET id = ?1 WHERE id = ?2", vals![id, task.id])?;
                    task.id = id;
                }
                if !own.faults.outside {
                    own.tell(tx, event_type::CREATED, task.id, own.created(&task), correlation, now)?;
                }
                match new.parent_id {
                    Some(parent) if find(tx, parent)?.is_none() => {
                        Err(DbError::Refused(format!("there is no task {parent} to be a part of")))
                    }
                    _ => Ok(task),
                }
            })
            .await
    }

    fn insert(&self, tx: &dyn Sql, new: &NewTask, now: DateTime<Utc>) -> Result<Task, DbError> {
        let NewTask { title, description, user_id, parent_id } = new;
        let sql = "INSERT INTO tasks (title, description, status, user_id, created_at, changed_ms, parent_id)
                   VALUES (?1, ?2, 'incomplete', ?3, ?4, ?5, ?6)
                   RETURNING id, title, description, status, user_id, created_at";
        let (at, ms) = (self.time(now), now.timestamp_millis());
        let values = vals![title, description.as_deref(), user_id.as_deref(), &at, ms, *parent_id];
        task(&tx.one(sql, values)?)
    }

    fn created(&self, task: &Task) -> Value {
        let mut payload = json!({
            "task_id": task.id,
            "title": task.title,
            "description": task.description,
            "status": task.status,
            "created_at": task.created_at,
            "user_id": task.user_id,
        });
        if self.faults.undeclared_field {
            payload["priority"] = json!("normal");
        }
        if self.faults.tells_secrets {
            payload["token"] = json!("of the caller");
        }
        if self.faults.no_correlation
            && let Some(fields) = payload.as_object_mut()
        {
            fields.remove("user_id");
        }
        payload
    }

    /// The fault that writes the event before, and not with, the task: it draws the number that the task will have.
    async fn tell_outside(
        &self,
        new: &NewTask,
        correlation: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Option<i64>, DbError> {
        if !self.faults.outside {
            return Ok(None);
        }
        let (own, new) = (self.clone(), new.clone());
        self.db
            .write(move |tx| {
                // A number that was drawn is not drawn again.
                let drawn = own.insert(tx, &new, now)?;
                tx.run("DELETE FROM tasks WHERE id = ?1", vals![drawn.id])?;
                own.tell(tx, event_type::CREATED, drawn.id, own.created(&drawn), correlation, now)?;
                Ok(Some(drawn.id))
            })
            .await
    }

    /// The fault that tells of a creation that is then refused.
    pub(super) async fn tell_refused_create(&self, body: &[u8]) -> Result<(), DbError> {
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        if !self.faults.tells_refused_create || asked["title"] != "" {
            return Ok(());
        }
        let (own, now, user) = (self.clone(), self.clock.now(), asked["user_id"].clone());
        let payload = json!({
            "task_id": 0, "title": "", "description": null, "status": "incomplete",
            "created_at": own.time(now), "user_id": user,
        });
        self.db.write(move |tx| own.tell(tx, event_type::CREATED, 0, payload, None, now)).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::store::{Faults, schema};
    use super::*;
    use crate::shared::clock::HandClock;
    use crate::shared::settings::StoreUrl;
    use crate::shared::sql::Store;
    use crate::shared::sqlite::Db;

    async fn told_of_a_part_of_nothing(outside: bool) -> i64 {
        let db: Store = Db::open(&StoreUrl::SqliteMemory, &schema()).unwrap().into();
        let faults = Faults { outside, ..Faults::default() };
        let tasks = Tasks { db: db.clone(), clock: HandClock::new().clock(), enabled: true, faults };
        let new = NewTask { title: "milk".into(), description: None, user_id: None, parent_id: Some(7) };
        let refused = tasks.create(new, None).await.unwrap_err();
        assert_eq!(refused.to_string(), "there is no task 7 to be a part of");
        assert!(tasks.get(1).await.unwrap().is_none());
        let count = "SELECT count(*) FROM outbox";
        db.read(move |sql| sql.one(count, &[])?.int(0)).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_rolled_back_is_told_by_nobody() {
        assert_eq!(told_of_a_part_of_nothing(false).await, 0);
        assert_eq!(told_of_a_part_of_nothing(true).await, 1);
    }
}
