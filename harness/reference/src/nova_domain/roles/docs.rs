//! What can be shown or found: posts, videos, streams, shares, messages, comments, people.
//!
//! Every type of event has a topic of its own, so a change or a deletion may be consumed before the creation. A deletion is final; a change
//! that came first is laid over the creation; nothing is shown of which only a change is known.

use serde_json::{Value, json};

use crate::shared::sql::{Row, Sql, vals};
use crate::shared::sqlite::DbError;

/// `fields` is all that is known; `audience`, `refers` and `words` follow from it: who may see the document, the post that it is about, and
/// what it is found by.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS docs (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    author TEXT,
    at TEXT NOT NULL DEFAULT '',
    fields TEXT NOT NULL DEFAULT '{}',
    changed_at TEXT NOT NULL DEFAULT '',
    deleted INTEGER NOT NULL DEFAULT 0,
    audience INTEGER NOT NULL,
    refers TEXT,
    words TEXT NOT NULL,
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

/// Who may see a document: nobody, followers, everybody.
const NOBODY: i64 = 0;
const FOLLOWERS: i64 = 1;
const EVERYBODY: i64 = 2;

/// What is known of a document.
struct Known {
    author: Option<String>,
    at: String,
    fields: Value,
    changed_at: String,
    deleted: bool,
}

impl Doc<'_> {
    /// It was created. `resurrects` is a fault: whatever was said of it before is forgotten, its deletion too.
    pub(super) fn created(
        &self,
        tx: &dyn Sql,
        author: &str,
        at: &str,
        fields: &Value,
        resurrects: bool,
    ) -> Result<(), DbError> {
        let known = self.known(tx)?;
        let (author, at) = (Some(author.to_owned()), at.to_owned());
        let fields = laid_over(fields.clone(), &known.fields);
        self.keep(tx, &Known { author, at, fields, deleted: known.deleted && !resurrects, ..known })
    }

    /// Some of its fields have other values; an older change than the last one is none.
    pub(super) fn changed(&self, tx: &dyn Sql, fields: &Value, at: &str) -> Result<(), DbError> {
        let known = self.known(tx)?;
        if at < known.changed_at.as_str() {
            return Ok(());
        }
        self.keep(tx, &Known { fields: laid_over(known.fields, fields), changed_at: at.to_owned(), ..known })
    }

    /// It is gone for good.
    pub(super) fn deleted(&self, tx: &dyn Sql) -> Result<(), DbError> {
        let known = self.known(tx)?;
        self.keep(tx, &Known { deleted: true, ..known })
    }

    /// Read and kept again within a transaction that is the only one which writes.
    fn known(&self, tx: &dyn Sql) -> Result<Known, DbError> {
        let sql = "SELECT author, at, fields, changed_at, deleted FROM docs WHERE kind = ?1 AND id = ?2";
        let Some(row) = tx.row(sql, vals![self.kind, self.id])? else {
            let (at, changed_at) = (String::new(), String::new());
            return Ok(Known { author: None, at, fields: json!({}), changed_at, deleted: false });
        };
        Ok(Known {
            author: row.maybe_text(0)?,
            at: row.text(1)?,
            // It was written as JSON by ourselves.
            fields: serde_json::from_str(&row.text(2)?).unwrap_or_default(),
            changed_at: row.text(3)?,
            deleted: row.flag(4)?,
        })
    }

    fn keep(&self, tx: &dyn Sql, known: &Known) -> Result<(), DbError> {
        let sql = "INSERT INTO docs (kind, id, author, at, fields, changed_at, deleted, audience, refers, words)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                   ON CONFLICT (kind, id) DO UPDATE SET author = excluded.author, at = excluded.at,
                       fields = excluded.fields, changed_at = excluded.changed_at, deleted = excluded.deleted,
                       audience = excluded.audience, refers = excluded.refers, words = excluded.words";
        let Known { author, at, fields, changed_at, deleted } = known;
        let (text, deleted, audience) = (fields.to_string(), i64::from(*deleted), audience(fields));
        let (author, refers, words) = (author.as_deref(), fields["post_id"].as_str(), words(fields));
        let doc = vals![self.kind, self.id, author, at, &text, changed_at, deleted, audience, refers, &words];
        tx.run(sql, doc).map(drop)
    }
}

/// Fields with others laid over them.
fn laid_over(mut fields: Value, others: &Value) -> Value {
    if let (Some(fields), Some(others)) = (fields.as_object_mut(), others.as_object()) {
        fields.extend(others.clone());
    }
    fields
}

/// What says nothing of it is published, and for everybody.
fn audience(fields: &Value) -> i64 {
    let text = |name: &str| match &fields[name] {
        Value::Null => None,
        said => Some(said.as_str().unwrap_or_default()),
    };
    match (text("status").unwrap_or("published"), text("privacy").unwrap_or("public")) {
        ("published", "public") => EVERYBODY,
        ("published", "friends") => FOLLOWERS,
        _ => NOBODY,
    }
}

/// A message that was edited is found by its new words, if its words may be known at all.
fn words(fields: &Value) -> String {
    let text = |name: &str| fields[name].as_str();
    let content = text("content").map(|content| text("edited").unwrap_or(content));
    [text("title"), text("username"), content].into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// SQL: whether a row of `docs` under this name may be seen at all; by followers too, if `friends`. `hidden` is a fault: also what is not
/// published, or private.
pub(super) fn visible(row: &str, friends: bool, hidden: bool) -> String {
    let least = match (hidden, friends) {
        (true, _) => NOBODY,
        (_, true) => FOLLOWERS,
        _ => EVERYBODY,
    };
    format!("({row}.author IS NOT NULL AND {row}.deleted = 0 AND {row}.audience >= {least})")
}

/// Documents as they are answered: `query` gives their kinds and ids.
pub(super) fn list(sql: &dyn Sql, query: &str, asked: &str) -> Result<Vec<Value>, DbError> {
    let item = |row: &Row| Ok(json!({"kind": row.text(0)?, "id": row.text(1)?}));
    sql.rows(query, vals![asked])?.iter().map(item).collect()
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

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
