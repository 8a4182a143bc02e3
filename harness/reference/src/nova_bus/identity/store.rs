//! Users: every change and its event in one transaction.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::events::Events;
use crate::shared::clock::{Clock, rfc3339};
use crate::shared::outbox::{self, NewEvent};
use crate::shared::sql::{Row, Sql, Store, vals};
use crate::shared::sqlite::DbError;

/// Users and outbox.
pub(super) fn schema() -> String {
    format!("{USERS}{}", outbox::SCHEMA)
}

const USERS: &str = "
CREATE TABLE IF NOT EXISTS users (
    user_id TEXT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    avatar_url TEXT,
    is_verified INTEGER NOT NULL DEFAULT 0,
    follower_count INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    deleted_at TEXT
);
";

/// A user, as stored and answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct User {
    pub(super) user_id: String,
    pub(super) username: String,
    pub(super) email: String,
    pub(super) display_name: String,
    pub(super) avatar_url: Option<String>,
    pub(super) is_verified: bool,
    pub(super) follower_count: i64,
    pub(super) created_at: String,
    /// Set by a soft deletion; nothing can be changed of the user then, but that the deletion becomes one for good.
    pub(super) deleted_at: Option<String>,
}

/// What a profile may be changed to; what is not given stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) username: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) avatar_url: Option<String>,
}

/// All users.
#[derive(Clone)]
pub(super) struct Users {
    pub(super) db: Store,
    pub(super) events: Events,
    /// Fault: the event of a new user is written before its transaction, and not with it.
    pub(super) outside: bool,
    /// Fault: a profile is told as it was.
    pub(super) old_profile: bool,
    pub(super) clock: Clock,
}

impl Users {
    /// Creates a user and its event; refused if somebody has the name or the address.
    pub(super) async fn create(
        &self,
        username: String,
        email: String,
        correlation: Option<String>,
    ) -> Result<User, DbError> {
        let now = self.clock.now();
        let user = User {
            user_id: Uuid::new_v4().to_string(),
            display_name: username.clone(),
            username,
            email,
            avatar_url: None,
            is_verified: false,
            follower_count: 0,
            created_at: rfc3339(now),
            deleted_at: None,
        };
        let (event, at, outside) = (self.events.created(&user, correlation), now.timestamp_millis(), self.outside);
        if outside {
            let early = event.clone();
            self.db.write(move |tx| outbox::insert(tx, &early, at)).await?;
        }
        self.db
            .write(move |tx| {
                // The event first: a user that is refused behind it takes it back.
                if !outside {
                    outbox::insert(tx, &event, at)?;
                }
                must_be_free(tx, &user)?;
                insert(tx, &user)?;
                Ok(user)
            })
            .await
    }

    /// Changes a profile, and tells about it. Nothing if there is no such user; refused if somebody else has the name.
    pub(super) async fn update(
        &self,
        id: String,
        profile: Profile,
        correlation: Option<String>,
    ) -> Result<Option<User>, DbError> {
        let (events, old_profile) = (self.events.clone(), self.old_profile);
        self.change(id, move |tx, before, now| {
            if before.deleted_at.is_some() {
                return Ok(None);
            }
            let user = User {
                username: profile.username.unwrap_or_else(|| before.username.clone()),
                display_name: profile.display_name.unwrap_or_else(|| before.display_name.clone()),
                avatar_url: profile.avatar_url.or_else(|| before.avatar_url.clone()),
                ..before.clone()
            };
            must_be_free(tx, &user)?;
            let sql = "UPDATE users SET username = ?2, display_name = ?3 WHERE user_id = ?1";
            tx.run(sql, vals![&user.user_id, &user.username, &user.display_name])?;
            if let Some(url) = &user.avatar_url {
                tx.run("UPDATE users SET avatar_url = ?2 WHERE user_id = ?1", vals![&user.user_id, url])?;
            }
            let told = if old_profile { &before } else { &user };
            let event = events.profile_updated(told, &rfc3339(now), correlation);
            Ok(Some((user, event)))
        })
        .await
    }

    /// Deletes a user, softly or for good, and tells about it. Nothing if there is no such user, or it is deleted softly already.
    pub(super) async fn delete(
        &self,
        id: String,
        soft: bool,
        correlation: Option<String>,
    ) -> Result<Option<User>, DbError> {
        let events = self.events.clone();
        self.change(id, move |tx, user, now| {
            if soft && user.deleted_at.is_some() {
                return Ok(None);
            }
            let at = rfc3339(now);
            match soft {
                true => tx.run("UPDATE users SET deleted_at = ?2 WHERE user_id = ?1", vals![&user.user_id, &at])?,
                false => tx.run("DELETE FROM users WHERE user_id = ?1", vals![&user.user_id])?,
            };
            let event = events.deleted(&user, soft, &at, correlation);
            Ok(Some((user, event)))
        })
        .await
    }

    /// The user, if there is one; also one that is deleted softly.
    pub(super) async fn get(&self, id: String) -> Result<Option<User>, DbError> {
        self.db.read(move |sql| find(sql, &id)).await
    }

    /// The time is taken inside the transaction: changes of one user get times in the order in which they happen.
    async fn change<F>(&self, id: String, change: F) -> Result<Option<User>, DbError>
    where
        F: FnOnce(&dyn Sql, User, DateTime<Utc>) -> Result<Option<(User, NewEvent)>, DbError> + Send + 'static,
    {
        let clock = self.clock.clone();
        self.db
            .write(move |tx| {
                let Some(user) = find(tx, &id)? else { return Ok(None) };
                let now = clock.now();
                let Some((user, event)) = change(tx, user, now)? else { return Ok(None) };
                outbox::insert(tx, &event, now.timestamp_millis())?;
                Ok(Some(user))
            })
            .await
    }
}

fn must_be_free(tx: &dyn Sql, user: &User) -> Result<(), DbError> {
    let sql = "SELECT 1 FROM users WHERE (username = ?1 OR email = ?2) AND user_id <> ?3";
    match tx.row(sql, vals![&user.username, &user.email, &user.user_id])? {
        Some(_) => Err(DbError::Refused("somebody has this username or address".into())),
        None => Ok(()),
    }
}

fn insert(tx: &dyn Sql, user: &User) -> Result<(), DbError> {
    let User { user_id, username, email, display_name, created_at, .. } = user;
    let sql = "INSERT INTO users (user_id, username, email, display_name, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    tx.run(sql, vals![user_id, username, email, display_name, created_at]).map(drop)
}

fn find(sql: &dyn Sql, id: &str) -> Result<Option<User>, DbError> {
    let of_id =
        "SELECT user_id, username, email, display_name, avatar_url, is_verified, follower_count, created_at, deleted_at
                 FROM users WHERE user_id = ?1";
    sql.row(of_id, vals![id])?.map(|row| read(&row)).transpose()
}

fn read(row: &Row) -> Result<User, DbError> {
    Ok(User {
        user_id: row.text(0)?,
        username: row.text(1)?,
        email: row.text(2)?,
        display_name: row.text(3)?,
        avatar_url: row.maybe_text(4)?,
        is_verified: row.int(5)? != 0,
        follower_count: row.int(6)?,
        created_at: row.text(7)?,
        deleted_at: row.maybe_text(8)?,
    })
}
