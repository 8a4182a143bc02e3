//! Posts in SQLite: every change and its event in one transaction.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::Serialize;
use uuid::Uuid;

use super::events::Events;
use super::input::NewPost;
use crate::shared::clock::{Clock, rfc3339};
use crate::shared::outbox::{self, NewEvent};
use crate::shared::sqlite::{Db, DbError};

/// Posts and outbox.
pub(super) fn schema() -> String {
    format!("{POSTS}{}", outbox::SCHEMA)
}

const POSTS: &str = "
CREATE TABLE IF NOT EXISTS posts (
    post_id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    caption TEXT NOT NULL,
    media_type TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at TEXT NOT NULL
) WITHOUT ROWID;
";

/// A post, as it is stored and answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Post {
    pub(super) post_id: String,
    pub(super) user_id: String,
    pub(super) caption: String,
    pub(super) media_type: String,
    pub(super) status: String,
    pub(super) created_at: String,
}

/// All posts.
#[derive(Clone)]
pub(super) struct Posts {
    pub(super) db: Db,
    pub(super) events: Events,
    pub(super) clock: Clock,
}

impl Posts {
    /// Creates a post and its event.
    pub(super) async fn create(&self, new: NewPost, correlation: Option<String>) -> Result<Post, DbError> {
        let now = self.clock.now();
        let post = Post {
            post_id: Uuid::new_v4().to_string(),
            user_id: new.user_id,
            caption: new.caption,
            media_type: new.media_type,
            status: "published".into(),
            created_at: rfc3339(now),
        };
        let event = self.events.created(&post, correlation);
        self.db
            .transaction(move |tx| {
                insert(tx, &post)?;
                outbox::insert(tx, &event, now.timestamp_millis())?;
                Ok(post)
            })
            .await
    }

    /// Gives the post another status, and tells about it. Nothing if there is no such post.
    pub(super) async fn set_status(
        &self,
        id: String,
        status: String,
        correlation: Option<String>,
    ) -> Result<Option<Post>, DbError> {
        let events = self.events.clone();
        self.change(id, move |tx, mut post, now| {
            tx.execute("UPDATE posts SET status = ?2 WHERE post_id = ?1", [&post.post_id, &status])?;
            post.status = status;
            let event = events.status_updated(&post, &rfc3339(now), correlation);
            Ok((post, event))
        })
        .await
    }

    /// Deletes the post, and tells about it. Nothing if there is no such post.
    pub(super) async fn delete(&self, id: String, correlation: Option<String>) -> Result<Option<Post>, DbError> {
        let events = self.events.clone();
        self.change(id, move |tx, post, now| {
            tx.execute("DELETE FROM posts WHERE post_id = ?1", [&post.post_id])?;
            let event = events.deleted(&post, &rfc3339(now), correlation);
            Ok((post, event))
        })
        .await
    }

    /// The post, if there is one.
    pub(super) async fn get(&self, id: String) -> Result<Option<Post>, DbError> {
        self.db.call(move |connection| find(connection, &id)).await
    }

    /// The time is taken inside the transaction: changes of one post get times in the order in which they happen.
    async fn change<F>(&self, id: String, change: F) -> Result<Option<Post>, DbError>
    where
        F: FnOnce(&Transaction<'_>, Post, DateTime<Utc>) -> Result<(Post, NewEvent), DbError> + Send + 'static,
    {
        let clock = self.clock.clone();
        self.db
            .transaction(move |tx| {
                let Some(post) = find(tx, &id)? else {
                    return Ok(None);
                };
                let now = clock.now();
                let (post, event) = change(tx, post, now)?;
                outbox::insert(tx, &event, now.timestamp_millis())?;
                Ok(Some(post))
            })
            .await
    }
}

fn insert(tx: &Connection, post: &Post) -> Result<(), DbError> {
    tx.prepare_cached(
        "INSERT INTO posts (post_id, user_id, caption, media_type, status, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![post.post_id, post.user_id, post.caption, post.media_type, post.status, post.created_at])?;
    Ok(())
}

fn find(connection: &Connection, id: &str) -> Result<Option<Post>, DbError> {
    let mut statement = connection.prepare_cached(
        "SELECT post_id, user_id, caption, media_type, status, created_at FROM posts WHERE post_id = ?1",
    )?;
    let post = statement.query_row([id], |row| {
        Ok(Post {
            post_id: row.get(0)?,
            user_id: row.get(1)?,
            caption: row.get(2)?,
            media_type: row.get(3)?,
            status: row.get(4)?,
            created_at: row.get(5)?,
        })
    });
    Ok(post.optional()?)
}
