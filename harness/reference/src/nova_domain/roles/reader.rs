//! versioned-reader: a release that knows version 1, 2 or 3 of `user.created`, and keeps of each event what that release reads of it.
//!
//! Version 2 added `locale`, version 3 removed `source`, which was deprecated before. A release leaves what it does not know, and has a
//! default for what is missing: in the time of grace every reader learned to do without `source`.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::super::envelope::Event;
use super::{Delivery, Role};
use crate::shared::http::ApiError;
use crate::shared::sql::{Row, Sql, Store, vals};
use crate::shared::sqlite::DbError;

/// What was read of every event.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS reads (
    event_id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    what TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS reads_user ON reads (user_id);
";

/// A field, and what stands for it where it is missing.
type Known = (&'static str, &'static str);

const SOURCE: Known = ("source", "unknown");
const LOCALE: Known = ("locale", "en");

/// The fields whose coming and going makes the versions, as far as a release knows them.
fn known(version: u32) -> &'static [Known] {
    match version {
        ..=1 => &[SOURCE],
        2 => &[SOURCE, LOCALE],
        3.. => &[LOCALE],
    }
}

/// Reads as one release does.
pub(super) struct Reader {
    version: u32,
}

impl Reader {
    pub(super) fn of(version: u32) -> Reader {
        Reader { version }
    }

    /// `source=web locale=de`, as far as this release knows of it.
    fn read(&self, data: &Value) -> String {
        let field = |(name, missing): &Known| format!("{name}={}", data[*name].as_str().unwrap_or(missing));
        known(self.version).iter().map(field).collect::<Vec<_>>().join(" ")
    }
}

impl Role for Reader {
    fn apply(&self, tx: &dyn Sql, event: &Event) -> Result<Vec<Delivery>, DbError> {
        let sql = "INSERT INTO reads (event_id, user_id, what) VALUES (?1, ?2, ?3) ON CONFLICT (event_id) DO NOTHING";
        tx.run(sql, vals![&event.id, event.text("user_id"), &self.read(&event.data)])?;
        Ok(Vec::new())
    }

    fn routes(&self, db: Store) -> Router {
        Router::new().route("/reads/{user}", get(reads)).with_state(db)
    }
}

/// `GET /reads/{user}`: what was read of the events about a user.
async fn reads(State(db): State<Store>, Path(user): Path<String>) -> Result<Json<Value>, ApiError> {
    let sql = "SELECT event_id, what FROM reads WHERE user_id = ?1 ORDER BY event_id";
    let rows = db.read(move |connection| connection.rows(sql, vals![&user])).await.map_err(ApiError::store)?;
    let item = |row: &Row| Ok(json!({"event_id": row.text(0)?, "what": row.text(1)?}));
    let items: Result<Vec<Value>, DbError> = rows.iter().map(item).collect();
    Ok(Json(json!({"items": items.map_err(ApiError::store)?})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_release_reads_each_version_by_what_it_knows() {
        let written = [json!({"source": "web"}), json!({"source": "web", "locale": "de"}), json!({"locale": "de"})];
        let read = |version| written.each_ref().map(|data| Reader::of(version).read(data));
        assert_eq!(read(1), ["source=web", "source=web", "source=unknown"]);
        assert_eq!(read(2), ["source=web locale=en", "source=web locale=de", "source=unknown locale=de"]);
        assert_eq!(read(3), ["locale=en", "locale=de", "locale=de"]);
    }
}
