//! The feed in Redis, with the document's keys: `feed:{user}` (sorted set, scored by creation time in seconds), `processed:{event_id}`
//! (with a lifetime); and ours: `post:{id}`, `holders:{post}` (who has it), `author:{user}`, `handled` and `handled:{post}` (the journal).

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, RedisError, cmd};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::event::Change;
use super::store::{CachedPost, Call, Care, FeedItem, FeedStore, Handling, Outcome, StoreError, Work};
use crate::shared::clock::rfc3339_ms;

const APPLY: &str = include_str!("apply.lua");
/// From being marked to being forgotten, in milliseconds, both by Redis' own clock.
const LIFETIME: &str = "
local marked = redis.call('GET', KEYS[1])
if not marked then return false end
local now = redis.call('TIME')
return redis.call('PTTL', KEYS[1]) + now[1] * 1000 + math.floor(now[2] / 1000) - tonumber(marked)
";
/// How long Redis may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Feeds in a Redis database.
pub(super) struct RedisFeed {
    client: Client,
    connection: Mutex<Option<MultiplexedConnection>>,
    ttl_seconds: u64,
}

impl RedisFeed {
    /// Checks the URL; that Redis can be reached is not needed for it. Handled ids are remembered for `ttl`.
    pub(super) fn new(url: &str, ttl: Duration) -> Result<RedisFeed, RedisError> {
        Ok(RedisFeed { client: Client::open(url)?, connection: Mutex::new(None), ttl_seconds: ttl.as_secs().max(1) })
    }

    async fn connection(&self) -> Result<MultiplexedConnection, StoreError> {
        let mut current = self.connection.lock().await;
        if let Some(connection) = current.as_ref() {
            return Ok(connection.clone());
        }
        let config =
            AsyncConnectionConfig::new().set_response_timeout(Some(TIMEOUT)).set_connection_timeout(Some(TIMEOUT));
        let fresh = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        *current = Some(fresh.clone());
        Ok(fresh)
    }

    /// A connection that failed is not used again.
    async fn checked<T>(&self, result: Result<T, RedisError>) -> Result<T, StoreError> {
        if let Err(error) = &result
            && (error.is_io_error() || error.is_unrecoverable_error())
        {
            *self.connection.lock().await = None;
        }
        Ok(result?)
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let mut connection = self.connection().await?;
        self.checked(command.query_async(&mut connection).await).await
    }

    async fn ask_all<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, StoreError> {
        let mut connection = self.connection().await?;
        self.checked(pipeline.query_async(&mut connection).await).await
    }

    async fn journal(&self, key: &str, first: i64, last: i64) -> Result<Vec<Handling>, StoreError> {
        let rows: Vec<String> = self.ask(cmd("LRANGE").arg(key).arg(first).arg(last)).await?;
        rows.iter().map(|row| handling(row)).collect()
    }
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> StoreError {
        StoreError(format!("Redis: {error}"))
    }
}

impl FeedStore for RedisFeed {
    fn apply(&self, batch: Vec<Work>, now_ms: i64) -> Call<'_, Vec<Outcome>> {
        Box::pin(async move {
            let batch: Vec<WorkJson<'_>> = batch.iter().map(WorkJson::from).collect();
            let text = serde_json::to_string(&batch).map_err(|e| StoreError(e.to_string()))?;
            let mut script = cmd("EVAL");
            script.arg(APPLY).arg(0).arg(text).arg(now_ms).arg(self.ttl_seconds);
            let outcomes: Vec<i64> = self.ask(&script).await?;
            Ok(outcomes
                .into_iter()
                .map(|first| if first == 1 { Outcome::Handled } else { Outcome::Duplicate })
                .collect())
        })
    }

    fn feed(&self, user: String, limit: u32) -> Call<'_, Vec<FeedItem>> {
        Box::pin(async move {
            let last = i64::from(limit) - 1;
            let ids: Vec<String> = self.ask(cmd("ZREVRANGE").arg(format!("feed:{user}")).arg(0).arg(last)).await?;
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            let mut posts = Pipeline::new();
            for id in &ids {
                posts.cmd("HMGET").arg(format!("post:{id}")).arg("user_id").arg("caption").arg("created_at");
            }
            let posts: Vec<(String, String, String)> = self.ask_all(&posts).await?;
            let mut authors = Pipeline::new();
            for (user_id, _, _) in &posts {
                authors.cmd("HGET").arg(format!("author:{user_id}")).arg("name");
            }
            let authors: Vec<Option<String>> = self.ask_all(&authors).await?;
            let item = |((post_id, (user_id, caption, created_at)), author): (_, Option<String>)| {
                let author = author.unwrap_or_default();
                FeedItem { post_id, user_id, caption, created_at, author }
            };
            Ok(ids.into_iter().zip(posts).zip(authors).map(item).collect())
        })
    }

    fn post(&self, post_id: String) -> Call<'_, Option<CachedPost>> {
        Box::pin(async move {
            type Fields =
                (Option<String>, Option<String>, Option<String>, Option<String>, Option<String>, Option<String>);
            let mut fields = cmd("HMGET");
            fields.arg(format!("post:{post_id}"));
            fields.arg(&["user_id", "caption", "media_type", "status", "created_at", "deleted"]);
            Ok(match self.ask::<Fields>(&fields).await? {
                (Some(user_id), Some(caption), Some(media_type), Some(status), Some(created_at), None) => {
                    Some(CachedPost { post_id, user_id, caption, media_type, status, created_at })
                }
                _ => None,
            })
        })
    }

    fn handled_of(&self, post_id: String) -> Call<'_, Vec<Handling>> {
        Box::pin(async move { self.journal(&format!("handled:{post_id}"), 0, -1).await })
    }

    fn lifetime(&self, event_id: String) -> Call<'_, Option<i64>> {
        Box::pin(async move {
            let mut script = cmd("EVAL");
            script.arg(LIFETIME).arg(1).arg(format!("processed:{event_id}"));
            // Both times are cut to milliseconds.
            Ok(self.ask::<Option<i64>>(&script).await?.map(|ms| (ms + 500) / 1000))
        })
    }

    fn forget(&self, event_ids: Vec<String>) -> Call<'_, ()> {
        Box::pin(async move {
            let keys: Vec<String> = event_ids.iter().map(|id| format!("processed:{id}")).collect();
            self.ask(cmd("DEL").arg(keys)).await
        })
    }

    fn handled_after(&self, seq: i64, limit: u32) -> Call<'_, Vec<Handling>> {
        Box::pin(async move {
            // The n-th row of the list has sequence number n, so what follows it begins at index n.
            let first = seq.max(0);
            self.journal("handled", first, first + i64::from(limit) - 1).await
        })
    }
}

/// An event as the script reads it.
#[derive(Serialize)]
struct WorkJson<'a> {
    event_id: &'a str,
    event_type: &'a str,
    post_id: &'a str,
    user_id: &'a str,
    followers: &'a [String],
    #[serde(flatten)]
    care: Care,
    journal: bool,
    #[serde(flatten)]
    change: Option<ChangeJson<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
enum ChangeJson<'a> {
    Created { caption: &'a str, media_type: &'a str, status: &'static str, created_at: &'a str, score: String },
    StatusUpdated { status: &'static str, updated_ms: String },
    Deleted,
    Named { name: &'a str, updated_ms: String },
}

impl<'a> From<&'a Work> for WorkJson<'a> {
    fn from(work: &'a Work) -> WorkJson<'a> {
        let change = work.change.as_ref().map(|change| match change {
            Change::Created { caption, media_type, status, created_at, created_ms } => ChangeJson::Created {
                caption,
                media_type,
                status: status.name(),
                created_at,
                score: seconds(*created_ms),
            },
            Change::StatusUpdated { status, updated_ms } => {
                ChangeJson::StatusUpdated { status: status.name(), updated_ms: updated_ms.to_string() }
            }
            Change::Deleted => ChangeJson::Deleted,
            Change::Named { name, updated_ms } => ChangeJson::Named { name, updated_ms: updated_ms.to_string() },
        });
        let Work { event_id, event_type, post_id, user_id, followers, care, journal, .. } = work;
        WorkJson { event_id, event_type, post_id, user_id, followers, care: *care, journal: *journal, change }
    }
}

/// Seconds since 1970, with milliseconds where there are any: the document's score, without losing the order within a second.
fn seconds(ms: i64) -> String {
    match ms.rem_euclid(1000) {
        0 => ms.div_euclid(1000).to_string(),
        _ => format!("{:.3}", ms as f64 / 1000.0),
    }
}

#[derive(Deserialize)]
struct Row {
    seq: String,
    event_id: String,
    event_type: String,
    post_id: String,
    handled_ms: String,
}

fn handling(text: &str) -> Result<Handling, StoreError> {
    let unreadable = |reason: &dyn std::fmt::Display| StoreError(format!("unreadable journal row {text}: {reason}"));
    let row: Row = serde_json::from_str(text).map_err(|e| unreadable(&e))?;
    let seq = row.seq.parse().map_err(|e| unreadable(&e))?;
    let handled_ms = row.handled_ms.parse().map_err(|e| unreadable(&e))?;
    let handled_at = rfc3339_ms(handled_ms);
    Ok(Handling { seq, event_id: row.event_id, event_type: row.event_type, post_id: row.post_id, handled_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_the_documents_seconds_and_keeps_the_order_within_a_second() {
        assert_eq!(seconds(1_736_937_000_000), "1736937000");
        assert_eq!(seconds(1_736_937_000_123), "1736937000.123");
        assert_eq!(seconds(-1), "-0.001");
    }

    #[test]
    fn the_script_is_given_what_it_reads() {
        let work = Work {
            event_id: "e".into(),
            event_type: "content.post.status_updated",
            post_id: "p".into(),
            user_id: "u".into(),
            change: Some(Change::StatusUpdated {
                status: super::super::event::Status::Archived,
                updated_ms: 253_402_300_799_999,
            }),
            followers: vec!["f".into()],
            care: Care::default(),
            journal: true,
        };
        assert_eq!(
            serde_json::to_string(&WorkJson::from(&work)).unwrap(),
            r#"{"event_id":"e","event_type":"content.post.status_updated","post_id":"p","user_id":"u","followers":["f"],"dedup":true,"remember":true,"keep_removed":true,"all_holders":true,"journal":true,"change":"status_updated","status":"archived","updated_ms":"253402300799999"}"#
        );
        let silent = Work { change: None, ..work };
        assert!(!serde_json::to_string(&WorkJson::from(&silent)).unwrap().contains("change\":"));
    }
}
