//! The index: one row for each post, user or message, with how often it was put in.

use super::super::reading::Refusal;
use super::super::taking::{Take, Taken};
use super::event::{self, Change, Kind};
use crate::shared::kafka::Record;
use crate::shared::sql::{Sql, Val, vals};
use crate::shared::sqlite::DbError;

/// `text` is null until it is put in; `gone` keeps what was deleted out, however late its creation comes.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS documents (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    text TEXT,
    visible INTEGER NOT NULL DEFAULT 1,
    visible_ms INTEGER,
    gone INTEGER NOT NULL DEFAULT 0,
    indexings INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
";

/// Changes the index.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Index {
    /// Fault: knows a document only by the event that brings it.
    pub(super) legacy_twice: bool,
    /// Fault: leaves deleted documents where they are.
    pub(super) forgets_deleted: bool,
    /// Fault: a post is found whatever its status.
    pub(super) ignores_status: bool,
    /// Fault: a user goes by the first name for ever.
    pub(super) keeps_old_name: bool,
}

impl Take for Index {
    type Change = Change;

    fn read(&self, record: &Record) -> Result<Option<Taken<Change>>, Refusal> {
        event::read(record)
    }

    /// Posts are counted by the feed; what this journal is asked for are messages and users.
    fn is_journalled(&self, change: &Change) -> bool {
        change.kind() != Kind::Post
    }

    fn effect(&self, tx: &dyn Sql, taken: &Taken<Change>, _now_ms: i64) -> Result<(), DbError> {
        let id = &taken.subject;
        match &taken.change {
            Change::Put { kind, text } => self.put(tx, id, kind.name(), text),
            Change::Named { text, at_ms } => self.name(tx, id, text, *at_ms),
            Change::Visible { .. } if self.ignores_status => Ok(()),
            Change::Visible { kind, visible, at_ms } => {
                let sql = "INSERT INTO documents (id, kind, visible, visible_ms) VALUES (?1, ?2, ?3, ?4)
                           ON CONFLICT (id) DO UPDATE SET visible = excluded.visible, visible_ms = excluded.visible_ms
                           WHERE documents.visible_ms IS NULL OR documents.visible_ms <= excluded.visible_ms";
                run(tx, sql, vals![id, kind.name(), i64::from(*visible), *at_ms])
            }
            Change::Gone { .. } if self.forgets_deleted => Ok(()),
            Change::Gone { kind } => {
                let sql = "INSERT INTO documents (id, kind, gone) VALUES (?1, ?2, 1)
                           ON CONFLICT (id) DO UPDATE SET gone = 1, text = NULL";
                run(tx, sql, vals![id, kind.name()])
            }
        }
    }
}

impl Index {
    /// The newest name stands, whichever is told last.
    fn name(self, tx: &dyn Sql, id: &str, text: &str, at_ms: i64) -> Result<(), DbError> {
        let sql = "INSERT INTO documents (id, kind, text, visible_ms, indexings) VALUES (?1, ?2, ?3, ?4, 1)
                   ON CONFLICT (id) DO UPDATE SET text = excluded.text, visible_ms = excluded.visible_ms,
                       indexings = documents.indexings + 1
                   WHERE documents.gone = 0 AND NOT ?5 AND documents.visible_ms <= excluded.visible_ms";
        run(tx, sql, vals![id, Kind::User.name(), text, at_ms, self.keeps_old_name])
    }

    /// One statement: posts come by the thousand.
    fn put(self, tx: &dyn Sql, id: &str, kind: &str, text: &str) -> Result<(), DbError> {
        if text.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO documents (id, kind, text, indexings) VALUES (?1, ?2, ?3, 1)
                   ON CONFLICT (id) DO UPDATE SET text = excluded.text, indexings = documents.indexings + 1
                   WHERE documents.gone = 0 AND (documents.text IS NULL OR ?4)";
        run(tx, sql, vals![id, kind, text, self.legacy_twice])
    }
}

fn run(tx: &dyn Sql, sql: &str, values: &[Val<'_>]) -> Result<(), DbError> {
    tx.run(sql, values).map(drop)
}

/// Id and kind of what can be found and has this in its text.
pub(super) fn find(sql: &dyn Sql, words: &str, limit: u32) -> Result<Vec<(String, String)>, DbError> {
    let matching =
        "SELECT id, kind FROM documents WHERE gone = 0 AND visible = 1 AND instr(text, ?1) > 0 ORDER BY id LIMIT ?2";
    sql.rows(matching, vals![words, limit])?.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
}

/// How often a document was put into the index.
pub(super) fn indexings(sql: &dyn Sql, id: &str) -> Result<u32, DbError> {
    let count = sql.row("SELECT indexings FROM documents WHERE id = ?1", vals![id])?;
    Ok(count.map_or(Ok(0), |row| row.int(0))?.try_into().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::settings::StoreUrl;
    use crate::shared::sqlite::Db;

    const KIND: Kind = Kind::Post;

    fn put() -> Change {
        Change::Put { kind: KIND, text: "good morning".into() }
    }

    /// What a search for "morning" finds after the changes, and how often it was put in.
    async fn after(index: Index, changes: Vec<Change>) -> (usize, u32) {
        let db = Db::open(&StoreUrl::SqliteMemory, SCHEMA).unwrap();
        db.transaction(move |tx| {
            for change in changes {
                index.effect(tx, &Taken { event_id: String::new(), subject: "p".into(), change }, 0)?;
            }
            Ok((find(tx, "morning", 10)?.len(), indexings(tx, "p")?))
        })
        .await
        .unwrap()
    }

    #[tokio::test]
    async fn a_document_is_put_in_once_however_many_topics_tell_it() {
        assert_eq!(after(Index::default(), vec![put(), put()]).await, (1, 1));
        let careless = Index { legacy_twice: true, ..Index::default() };
        assert_eq!(after(careless, vec![put(), put()]).await, (1, 2));
        let silent = Change::Put { kind: Kind::Message, text: String::new() };
        assert_eq!(after(Index::default(), vec![silent]).await, (0, 0), "nothing to search for");
    }

    #[tokio::test]
    async fn a_user_is_found_by_the_newest_name_and_no_more_when_deleted() {
        let named = |text: &str, at_ms| Change::Named { text: text.into(), at_ms };
        let index = Index::default();
        assert_eq!(after(index, vec![named("evening", 1), named("morning", 2)]).await.0, 1);
        assert_eq!(after(index, vec![named("morning", 1), named("evening", 2)]).await.0, 0);
        assert_eq!(after(index, vec![named("morning", 2), named("evening", 1)]).await.0, 1, "an older one is late");
        let gone = || Change::Gone { kind: Kind::User };
        assert_eq!(after(index, vec![named("morning", 1), gone()]).await.0, 0);
        assert_eq!(after(index, vec![gone(), named("morning", 1)]).await.0, 0);
        let careless = Index { keeps_old_name: true, ..Index::default() };
        assert_eq!(after(careless, vec![named("evening", 1), named("morning", 2)]).await.0, 0);
    }

    #[tokio::test]
    async fn what_is_hidden_or_gone_is_not_found_whatever_comes_first() {
        let visible = |visible, at_ms| Change::Visible { kind: KIND, visible, at_ms };
        let gone = || Change::Gone { kind: KIND };
        let index = Index::default();
        assert_eq!(after(index, vec![put(), visible(false, 1)]).await.0, 0);
        assert_eq!(after(index, vec![visible(false, 1), put()]).await.0, 0);
        assert_eq!(after(index, vec![put(), visible(false, 1), visible(true, 2)]).await.0, 1);
        assert_eq!(after(index, vec![put(), visible(true, 2), visible(false, 1)]).await.0, 1, "an older one is late");
        assert_eq!(after(index, vec![put(), gone()]).await.0, 0);
        assert_eq!(after(index, vec![gone(), put()]).await, (0, 0));
        let careless = Index { forgets_deleted: true, ..Index::default() };
        assert_eq!(after(careless, vec![put(), gone()]).await.0, 1);
    }
}
