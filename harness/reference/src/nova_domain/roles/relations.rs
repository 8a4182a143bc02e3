//! Who follows whom, who has blocked whom. The beginning and the end of such a relation are on two topics: the later one counts, whichever is
//! consumed first.

use super::super::envelope::Event;
use crate::shared::sql::{Sql, vals};
use crate::shared::sqlite::DbError;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS relations (
    kind TEXT NOT NULL,
    of TEXT NOT NULL,
    to_whom TEXT NOT NULL,
    holds INTEGER NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (kind, of, to_whom)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS relations_to ON relations (kind, to_whom);
";

/// Takes what the event says of a relation, if it does; true if so.
pub(super) fn take(tx: &dyn Sql, event: &Event) -> Result<bool, DbError> {
    let (kind, of, to, at, holds) = match event.kind.event {
        "user.followed" => ("follows", "follower_id", "followee_id", "followed_at", true),
        "user.unfollowed" => ("follows", "follower_id", "followee_id", "unfollowed_at", false),
        "user.blocked" => ("blocks", "blocker_id", "blocked_id", "blocked_at", true),
        "user.unblocked" => ("blocks", "blocker_id", "blocked_id", "unblocked_at", false),
        _ => return Ok(false),
    };
    let sql = "INSERT INTO relations (kind, of, to_whom, holds, at) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (kind, of, to_whom) DO UPDATE SET holds = excluded.holds, at = excluded.at
               WHERE excluded.at >= relations.at";
    tx.run(sql, vals![kind, event.text(of), event.text(to), i64::from(holds), event.text(at)])?;
    Ok(true)
}

/// Who follows somebody.
pub(super) fn followers(tx: &dyn Sql, user: &str) -> Result<Vec<String>, DbError> {
    let sql = "SELECT of FROM relations WHERE kind = 'follows' AND to_whom = ?1 AND holds = 1 ORDER BY of";
    tx.rows(sql, vals![user])?.iter().map(|row| row.text(0)).collect()
}
