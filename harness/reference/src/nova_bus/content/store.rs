//! Posts: every change and its event in one transaction.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::events::Events;
use super::input::NewPost;
use super::media;
use crate::nova_bus::taking;
use crate::shared::clock::{Clock, rfc3339};
use crate::shared::kafka::Publish;
use crate::shared::outbox::{self, NewEvent};
use crate::shared::sql::{Sql, Store, vals};
use crate::shared::sqlite::DbError;

/// Posts, outbox, and uploads that wait for a post.
pub(super) fn schema() -> String {
    format!("{POSTS}{}{}{}", outbox::SCHEMA, media::SCHEMA, taking::schema())
}

const POSTS: &str = "
CREATE TABLE IF NOT EXISTS posts (
    post_id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    caption TEXT NOT NULL,
    media_type TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at TEXT NOT NULL,
    media_ids TEXT NOT NULL DEFAULT '[]'
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
    /// The uploads that it took.
    pub(super) media_ids: Vec<String>,
}

/// All posts.
#[derive(Clone)]
pub(super) struct Posts {
    pub(super) db: Store,
    pub(super) events: Events,
    /// Fault: what is created is told by it, and not by the outbox.
    pub(super) loose: Option<Arc<dyn Publish>>,
    /// Fault: the event of a creation is written before its transaction, and not with it.
    pub(super) outside: bool,
    pub(super) clock: Clock,
}

impl Posts {
    /// Creates a post and its event.
    pub(super) async fn create(&self, new: NewPost, correlation: Option<String>) -> Result<Post, DbError> {
        let (now, wanted) = (self.clock.now(), new.media_id);
        let mut post = Post {
            post_id: Uuid::new_v4().to_string(),
            user_id: new.user_id,
            caption: new.caption,
            media_type: new.media_type,
            status: "published".into(),
            created_at: rfc3339(now),
            media_ids: Vec::new(),
        };
        let event = self.events.created(&post, correlation);
        if self.outside {
            let (early, at) = (event.clone(), now.timestamp_millis());
            self.db.write(move |tx| outbox::insert(tx, &early, at)).await?;
        }
        let told_later = self.loose.as_ref().map(|publisher| (publisher.clone(), outbox::record_of(&event)));
        let by_outbox = told_later.is_none() && !self.outside;
        let post = self
            .db
            .write(move |tx| {
                post.media_ids = media::take_pending(tx, &post.user_id, now.timestamp_millis())?;
                insert(tx, &post)?;
                if by_outbox {
                    outbox::insert(tx, &event, now.timestamp_millis())?;
                }
                // Only now is it known what waits; without it the post is none, and nothing of it is told.
                match wanted.filter(|wanted| !post.media_ids.contains(wanted)) {
                    Some(missing) => Err(DbError::Refused(format!("media {missing} does not wait for a post"))),
                    None => Ok(post),
                }
            })
            .await?;
        if let Some((publisher, record)) = told_later {
            tokio::spawn(async move { publisher.publish(vec![record]).await });
        }
        Ok(post)
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
            tx.run("UPDATE posts SET status = ?2 WHERE post_id = ?1", vals![&post.post_id, &status])?;
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
            tx.run("DELETE FROM posts WHERE post_id = ?1", vals![&post.post_id])?;
            let event = events.deleted(&post, &rfc3339(now), correlation);
            Ok((post, event))
        })
        .await
    }

    /// The post, if there is one.
    pub(super) async fn get(&self, id: String) -> Result<Option<Post>, DbError> {
        self.db.read(move |sql| find(sql, &id)).await
    }

    /// The time is taken inside the transaction: changes of one post get times in the order in which they happen.
    async fn change<F>(&self, id: String, change: F) -> Result<Option<Post>, DbError>
    where
        F: FnOnce(&dyn Sql, Post, DateTime<Utc>) -> Result<(Post, NewEvent), DbError> + Send + 'static,
    {
        let clock = self.clock.clone();
        self.db
            .write(move |tx| {
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

fn insert(tx: &dyn Sql, post: &Post) -> Result<(), DbError> {
    let Post { post_id, user_id, caption, media_type, status, created_at, media_ids } = post;
    let sql = "INSERT INTO posts (post_id, user_id, caption, media_type, status, created_at, media_ids)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let media_ids = json!(media_ids).to_string();
    tx.run(sql, vals![post_id, user_id, caption, media_type, status, created_at, &media_ids]).map(drop)
}

fn find(sql: &dyn Sql, id: &str) -> Result<Option<Post>, DbError> {
    let of_id =
        "SELECT post_id, user_id, caption, media_type, status, created_at, media_ids FROM posts WHERE post_id = ?1";
    let Some(row) = sql.row(of_id, vals![id])? else { return Ok(None) };
    Ok(Some(Post {
        post_id: row.text(0)?,
        user_id: row.text(1)?,
        caption: row.text(2)?,
        media_type: row.text(3)?,
        status: row.text(4)?,
        created_at: row.text(5)?,
        media_ids: serde_json::from_str(&row.text(6)?).unwrap_or_default(),
    }))
}
