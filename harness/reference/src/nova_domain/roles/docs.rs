//! What can be shown or found: posts, videos, streams, shares, messages, comments, people.
//!
//! Every type of event has a topic of its own, so a change or a deletion may be consumed before the creation. A deletion is final; a change
//! that came first is laid over the creation; nothing is shown of which only a change is known.

use rusqlite::{Connection, params};
use serde_json::Value;

use crate::shared::sqlite::DbError;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS docs (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    author TEXT,
    at TEXT NOT NULL DEFAULT '',
    fields TEXT NOT NULL DEFAULT '{}',
    changed_at TEXT NOT NULL DEFAULT '',
    deleted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS docs_author ON docs (author, at);
";

/// Which document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doc<'a> {
    pub(super) kind: &'a str,
    pub(super) id: &'a str,
}

impl Doc<'_> {
    /// It was created. `resurrects` is a fault: whatever was said of it before is forgotten, its deletion too.
    pub(super) fn created(
        &self,
        tx: &Connection,
        author: &str,
        at: &str,
        fields: &Value,
        resurrects: bool,
    ) -> Result<(), DbError> {
        let sql = "INSERT INTO docs (kind, id, author, at, fields) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (kind, id) DO UPDATE SET author = excluded.author, at = excluded.at,
                       fields = json_patch(excluded.fields, docs.fields),
                       deleted = CASE WHEN ?6 THEN 0 ELSE docs.deleted END";
        let values = params![self.kind, self.id, author, at, fields.to_string(), resurrects];
        tx.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Some of its fields have other values; an older change than the last one is none.
    pub(super) fn changed(&self, tx: &Connection, fields: &Value, at: &str) -> Result<(), DbError> {
        let sql = "INSERT INTO docs (kind, id, fields, changed_at) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (kind, id) DO UPDATE SET
                       fields = json_patch(docs.fields, excluded.fields), changed_at = excluded.changed_at
                   WHERE excluded.changed_at >= docs.changed_at";
        tx.prepare_cached(sql)?.execute(params![self.kind, self.id, fields.to_string(), at])?;
        Ok(())
    }

    /// It is gone for good.
    pub(super) fn deleted(&self, tx: &Connection) -> Result<(), DbError> {
        let sql = "INSERT INTO docs (kind, id, deleted) VALUES (?1, ?2, 1)
                   ON CONFLICT (kind, id) DO UPDATE SET deleted = 1";
        tx.prepare_cached(sql)?.execute([self.kind, self.id])?;
        Ok(())
    }
}

/// SQL: whether a row of `docs` under this name may be seen at all; by followers too, if `friends`. `hidden` is a fault: also what is not
/// published, or private.
pub(super) fn visible(row: &str, friends: bool, hidden: bool) -> String {
    let known = format!("({row}.author IS NOT NULL AND {row}.deleted = 0");
    if hidden {
        return format!("{known})");
    }
    let privacy = if friends { "('public', 'friends')" } else { "('public')" };
    format!(
        "{known} AND coalesce(json_extract({row}.fields, '$.status'), 'published') = 'published'
         AND coalesce(json_extract({row}.fields, '$.privacy'), 'public') IN {privacy})"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const POST: Doc<'_> = Doc { kind: "post", id: "p" };

    fn shown(steps: &[fn(&Connection)]) -> bool {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(SCHEMA).unwrap();
        steps.iter().for_each(|step| step(&db));
        let sql = format!("SELECT count(*) FROM docs WHERE {}", visible("docs", true, false));
        db.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap() == 1
    }

    fn created(db: &Connection) {
        POST.created(db, "ann", "2025-01-15T10:30:00Z", &json!({"status": "draft"}), false).unwrap();
    }

    fn published(db: &Connection) {
        POST.changed(db, &json!({"status": "published"}), "2025-01-15T10:31:00Z").unwrap();
    }

    fn older_change(db: &Connection) {
        POST.changed(db, &json!({"status": "draft"}), "2025-01-15T10:30:30Z").unwrap();
    }

    fn deleted(db: &Connection) {
        POST.deleted(db).unwrap();
    }

    #[test]
    fn what_is_shown_does_not_depend_on_which_event_comes_first() {
        assert!(!shown(&[created]) && !shown(&[published]), "a draft, and a change of what is not known");
        assert!(shown(&[created, published]) && shown(&[published, created]));
        assert!(shown(&[created, published, older_change]));
        assert!(!shown(&[deleted, created, published]) && !shown(&[created, published, deleted]));
    }
}
