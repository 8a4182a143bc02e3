//! Magic links and what clients did with them. A link's token is kept as a digest only.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::NAME;
use crate::photo_portfolio::consumer::{self, Reaction};
use crate::photo_portfolio::event::{self, About, Event};
use crate::photo_portfolio::topics;
use crate::shared::clock::rfc3339;
use crate::shared::log::Log;
use crate::shared::outbox;
use crate::shared::sql::{Sql, vals};
use crate::shared::sqlite::DbError;

/// How long a link can be used.
const VALID: TimeDelta = TimeDelta::days(30);

/// Every table of the service.
pub(super) fn schema() -> String {
    format!("{LINKS}{}{}", outbox::SCHEMA, consumer::schema())
}

const LINKS: &str = "
CREATE TABLE IF NOT EXISTS links (
    digest TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    client_email TEXT NOT NULL,
    created_by TEXT NOT NULL,
    expires_ms INTEGER NOT NULL,
    opened INTEGER NOT NULL DEFAULT 0
);
";

/// A link to be made.
#[derive(Debug, Clone)]
pub(super) struct NewLink {
    pub(super) project: String,
    pub(super) email: String,
    pub(super) by: String,
}

/// A link as it is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Link {
    pub(super) project: String,
    pub(super) email: String,
    pub(super) created_by: String,
    /// Whether it is opened for the first time.
    pub(super) first: bool,
}

/// Makes a link and tells of it; gives its token, which nobody can read again.
pub(super) fn make(tx: &dyn Sql, link: &NewLink, about: About, now: DateTime<Utc>) -> Result<String, DbError> {
    let token = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let expires = now + VALID;
    let sql =
        "INSERT INTO links (digest, project_id, client_email, created_by, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5)";
    tx.run(sql, vals![&digest(&token), &link.project, &link.email, &link.by, expires.timestamp_millis()])?;
    let data = json!({
        "projectId": link.project,
        "clientEmail": link.email,
        "token": token,
        "expiresAt": rfc3339(expires),
        "createdBy": link.by,
    });
    outbox::insert(tx, &event::make(topics::LINK_CREATED, about, &data, now), now.timestamp_millis())?;
    Ok(token)
}

/// Opens a link. Nothing if there is none of that token, or its time is over.
pub(super) fn open(tx: &dyn Sql, token: &str, now: DateTime<Utc>) -> Result<Option<Link>, DbError> {
    let sql = "SELECT project_id, client_email, created_by, opened FROM links WHERE digest = ?1 AND expires_ms > ?2";
    let digest = digest(token);
    let Some(row) = tx.row(sql, vals![&digest, now.timestamp_millis()])? else { return Ok(None) };
    tx.run("UPDATE links SET opened = 1 WHERE digest = ?1", vals![&digest])?;
    Ok(Some(Link { project: row.text(0)?, email: row.text(1)?, created_by: row.text(2)?, first: !row.flag(3)? }))
}

/// SHA-1 by way of a UUID of version 5: enough for tokens of 244 random bits.
fn digest(token: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, token.as_bytes()).to_string()
}

/// What the service does with invitations: each gets a link.
pub(super) struct Work {
    /// Fault: tells the log the token.
    pub(super) leaks: Option<Log>,
    /// Fault: does not say which invitation it was.
    pub(super) no_causation: bool,
}

impl Reaction for Work {
    fn react(&self, tx: &dyn Sql, event: &Event, now: DateTime<Utc>) -> Result<bool, DbError> {
        let text = |name: &str| event.data[name].as_str().unwrap_or_default().to_owned();
        let link = NewLink { project: event.aggregate_id.clone(), email: text("clientEmail"), by: text("invitedBy") };
        let mut about = About::following(NAME, event);
        about.causation = about.causation.filter(|_| !self.no_causation);
        let token = make(tx, &link, about, now)?;
        if let Some(log) = self.leaks {
            log.info(format_args!("link for project={} token={token}", link.project));
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::settings::StoreUrl;
    use crate::shared::sqlite::Db;

    #[tokio::test]
    async fn a_link_is_opened_by_its_token_only_and_is_granted_once() {
        let db = Db::open(&StoreUrl::SqliteMemory, &schema()).unwrap();
        let now = DateTime::from_timestamp_millis(1_736_937_000_000).unwrap();
        let link = NewLink { project: "p".into(), email: "a@b.c".into(), by: "u".into() };
        let about = About::project(NAME, "p", "u", None);
        let (first, second, late, wrong) = db
            .transaction(move |tx| {
                let token = make(tx, &link, about, now)?;
                Ok((
                    open(tx, &token, now)?,
                    open(tx, &token, now)?,
                    open(tx, &token, now + VALID)?,
                    open(tx, "x", now)?,
                ))
            })
            .await
            .unwrap();
        assert_eq!((first.unwrap().first, second.unwrap().first), (true, false));
        assert_eq!((late, wrong), (None, None));
    }
}
