//! The feed in SQLite.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::event::{Change, Status};
use super::store::{CachedPost, Call, FeedItem, FeedStore, Handling, Outcome, StoreError, Work};
use crate::shared::clock::rfc3339_ms;
use crate::shared::processed;
use crate::shared::settings::StoreUrl;
use crate::shared::sqlite::{Db, DbError};

/// `posts` holds what is known of a post: `created_ms` is null until its creation was seen, `status_ms` until a status update was;
/// a deleted post stays as a mark, without its content.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS posts (
    post_id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    caption TEXT NOT NULL DEFAULT '',
    media_type TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL DEFAULT '',
    created_ms INTEGER,
    status TEXT NOT NULL DEFAULT 'published',
    status_ms INTEGER,
    deleted INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS feeds (
    user_id TEXT NOT NULL,
    post_id TEXT NOT NULL,
    score INTEGER NOT NULL,
    PRIMARY KEY (user_id, post_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS authors (
    user_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    updated_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS feeds_newest ON feeds (user_id, score DESC);
CREATE INDEX IF NOT EXISTS feeds_holders ON feeds (post_id);
CREATE TABLE IF NOT EXISTS handled (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    post_id TEXT NOT NULL,
    handled_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS handled_post ON handled (post_id, seq);
";

/// Feeds in a SQLite database.
pub(super) struct SqliteFeed {
    db: Db,
    ttl_ms: i64,
}

impl SqliteFeed {
    /// Opens the store; handled ids are remembered for `ttl`.
    pub(super) fn open(url: &StoreUrl, ttl: Duration) -> Result<SqliteFeed, DbError> {
        let ttl_ms = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX / 2);
        Ok(SqliteFeed { db: Db::open(url, &format!("{SCHEMA}{}", processed::SCHEMA))?, ttl_ms })
    }
}

impl From<DbError> for StoreError {
    fn from(error: DbError) -> StoreError {
        StoreError(error.to_string())
    }
}

impl FeedStore for SqliteFeed {
    fn apply(&self, batch: Vec<Work>, now_ms: i64) -> Call<'_, Vec<Outcome>> {
        let expires_ms = now_ms.saturating_add(self.ttl_ms);
        Box::pin(async move {
            let apply = move |tx: &rusqlite::Transaction<'_>| {
                processed::sweep(tx, now_ms)?;
                batch.iter().map(|work| apply_one(tx, work, now_ms, expires_ms)).collect()
            };
            Ok(self.db.transaction(apply).await?)
        })
    }

    fn feed(&self, user: String, limit: u32) -> Call<'_, Vec<FeedItem>> {
        Box::pin(async move {
            let sql = "SELECT f.post_id, p.user_id, p.caption, p.created_at, coalesce(a.name, '')
                       FROM feeds f JOIN posts p ON p.post_id = f.post_id LEFT JOIN authors a ON a.user_id = p.user_id
                       WHERE f.user_id = ?1 ORDER BY f.score DESC, f.post_id LIMIT ?2";
            Ok(self.db.call(move |c| rows(c, sql, params![user, limit], feed_item)).await?)
        })
    }

    fn post(&self, post_id: String) -> Call<'_, Option<CachedPost>> {
        Box::pin(async move {
            let sql = "SELECT post_id, user_id, caption, media_type, status, created_at FROM posts
                       WHERE post_id = ?1 AND deleted = 0 AND created_ms IS NOT NULL";
            Ok(self.db.call(move |c| Ok(c.prepare_cached(sql)?.query_row([post_id], cached_post).optional()?)).await?)
        })
    }

    fn handled_of(&self, post_id: String) -> Call<'_, Vec<Handling>> {
        Box::pin(async move {
            let sql =
                "SELECT seq, event_id, event_type, post_id, handled_ms FROM handled WHERE post_id = ?1 ORDER BY seq";
            Ok(self.db.call(move |c| rows(c, sql, params![post_id], handling)).await?)
        })
    }

    fn lifetime(&self, event_id: String) -> Call<'_, Option<i64>> {
        Box::pin(async move { Ok(self.db.call(move |c| processed::lifetime_seconds(&*c, &event_id)).await?) })
    }

    fn forget(&self, event_ids: Vec<String>) -> Call<'_, ()> {
        Box::pin(async move {
            let forget = move |tx: &rusqlite::Transaction<'_>| {
                let sql = "DELETE FROM processed WHERE event_id = ?1";
                event_ids.iter().try_for_each(|id| run(tx, sql, params![id]).map(drop))
            };
            Ok(self.db.transaction(forget).await?)
        })
    }

    fn handled_after(&self, seq: i64, limit: u32) -> Call<'_, Vec<Handling>> {
        Box::pin(async move {
            let sql = "SELECT seq, event_id, event_type, post_id, handled_ms FROM handled WHERE seq > ?1 ORDER BY seq LIMIT ?2";
            Ok(self.db.call(move |c| rows(c, sql, params![seq, limit], handling)).await?)
        })
    }
}

fn apply_one(tx: &Connection, work: &Work, now_ms: i64, expires_ms: i64) -> Result<Outcome, DbError> {
    let first_time = if work.care.remember {
        processed::mark(tx, &work.event_id, now_ms, expires_ms)?
    } else {
        !processed::is_marked(tx, &work.event_id, now_ms)?
    };
    if work.care.dedup && !first_time {
        return Ok(Outcome::Duplicate);
    }
    if let Some(change) = &work.change {
        apply_change(tx, work, change)?;
    }
    if work.journal {
        run(
            tx,
            "INSERT INTO handled (event_id, event_type, post_id, handled_ms) VALUES (?1, ?2, ?3, ?4)",
            params![work.event_id, work.event_type, work.post_id, now_ms],
        )?;
    }
    Ok(Outcome::Handled)
}

/// What is known of a post that matters for a change.
struct Known {
    created_ms: Option<i64>,
    status: Option<Status>,
    status_ms: Option<i64>,
    deleted: bool,
}

fn known(tx: &Connection, post_id: &str) -> Result<Option<Known>, DbError> {
    let mut statement =
        tx.prepare_cached("SELECT created_ms, status, status_ms, deleted FROM posts WHERE post_id = ?1")?;
    let read = |row: &Row<'_>| {
        let status: String = row.get(1)?;
        Ok(Known {
            created_ms: row.get(0)?,
            status: Status::parse(&status),
            status_ms: row.get(2)?,
            deleted: row.get(3)?,
        })
    };
    Ok(statement.query_row([post_id], read).optional()?)
}

fn apply_change(tx: &Connection, work: &Work, change: &Change) -> Result<(), DbError> {
    let known = known(tx, &work.post_id)?;
    let deleted = known.as_ref().is_some_and(|k| k.deleted);
    match change {
        Change::Created { .. } if deleted && work.care.keep_removed => Ok(()),
        Change::Created { status, created_ms, .. } => {
            // A status that was set stands, however late the creation comes.
            let set = known
                .filter(|k| work.care.keep_removed && (k.status_ms.is_some() || k.created_ms.is_some()))
                .and_then(|k| k.status);
            let status = set.unwrap_or(*status);
            remember_created(tx, work, change, status)?;
            if status == Status::Published { fan_out(tx, work, *created_ms) } else { Ok(()) }
        }
        Change::StatusUpdated { .. } if deleted => Ok(()),
        Change::StatusUpdated { updated_ms, .. }
            if known.as_ref().and_then(|k| k.status_ms).is_some_and(|last| *updated_ms < last) =>
        {
            Ok(())
        }
        Change::StatusUpdated { status, updated_ms } => {
            let sql = "INSERT INTO posts (post_id, user_id, status, status_ms) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (post_id) DO UPDATE SET status = excluded.status, status_ms = excluded.status_ms";
            run(tx, sql, params![work.post_id, work.user_id, status.name(), updated_ms])?;
            match (status, known.and_then(|k| k.created_ms)) {
                (Status::Published, Some(created_ms)) => fan_out(tx, work, created_ms),
                (Status::Published, None) => Ok(()),
                (Status::Archived | Status::Deleted, _) => take_out(tx, work),
            }
        }
        Change::Named { name, updated_ms } => {
            let sql = "INSERT INTO authors (user_id, name, updated_ms) VALUES (?1, ?2, ?3)
                       ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, updated_ms = excluded.updated_ms
                       WHERE updated_ms <= excluded.updated_ms";
            run(tx, sql, params![work.user_id, name, updated_ms]).map(drop)
        }
        Change::Deleted => {
            let sql = "INSERT INTO posts (post_id, user_id, status, deleted) VALUES (?1, ?2, 'deleted', 1)
                       ON CONFLICT (post_id) DO UPDATE SET status = 'deleted', deleted = 1, caption = '', media_type = ''";
            run(tx, sql, params![work.post_id, work.user_id])?;
            take_out(tx, work)
        }
    }
}

fn remember_created(tx: &Connection, work: &Work, change: &Change, status: Status) -> Result<(), DbError> {
    let Change::Created { caption, media_type, created_at, created_ms, .. } = change else {
        return Ok(());
    };
    let sql = "INSERT INTO posts (post_id, user_id, caption, media_type, created_at, created_ms, status) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
               ON CONFLICT (post_id) DO UPDATE SET user_id = excluded.user_id, caption = excluded.caption,
                   media_type = excluded.media_type, created_at = excluded.created_at, created_ms = excluded.created_ms,
                   status = excluded.status, deleted = 0";
    run(tx, sql, params![work.post_id, work.user_id, caption, media_type, created_at, created_ms, status.name()])?;
    Ok(())
}

fn fan_out(tx: &Connection, work: &Work, created_ms: i64) -> Result<(), DbError> {
    for follower in &work.followers {
        let sql = "INSERT INTO feeds (user_id, post_id, score) VALUES (?1, ?2, ?3)
                   ON CONFLICT (user_id, post_id) DO UPDATE SET score = excluded.score";
        run(tx, sql, params![follower, work.post_id, created_ms])?;
    }
    Ok(())
}

/// Out of the feeds of all who have it, whether they still follow or not.
fn take_out(tx: &Connection, work: &Work) -> Result<(), DbError> {
    if work.care.all_holders {
        return run(tx, "DELETE FROM feeds WHERE post_id = ?1", [&work.post_id]).map(|_| ());
    }
    for follower in &work.followers {
        run(tx, "DELETE FROM feeds WHERE post_id = ?1 AND user_id = ?2", [&work.post_id, follower])?;
    }
    Ok(())
}

fn run(tx: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<usize, DbError> {
    Ok(tx.prepare_cached(sql)?.execute(params)?)
}

fn rows<T>(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, DbError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params, read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn feed_item(row: &Row<'_>) -> rusqlite::Result<FeedItem> {
    Ok(FeedItem {
        post_id: row.get(0)?,
        user_id: row.get(1)?,
        caption: row.get(2)?,
        created_at: row.get(3)?,
        author: row.get(4)?,
    })
}

fn cached_post(row: &Row<'_>) -> rusqlite::Result<CachedPost> {
    Ok(CachedPost {
        post_id: row.get(0)?,
        user_id: row.get(1)?,
        caption: row.get(2)?,
        media_type: row.get(3)?,
        status: row.get(4)?,
        created_at: row.get(5)?,
    })
}

fn handling(row: &Row<'_>) -> rusqlite::Result<Handling> {
    Ok(Handling {
        seq: row.get(0)?,
        event_id: row.get(1)?,
        event_type: row.get(2)?,
        post_id: row.get(3)?,
        handled_at: rfc3339_ms(row.get(4)?),
    })
}
