//! notification-service: which events tell whom, and how. Eight types of events are mapped; every other one tells nobody.
//!
//! Who is to be told follows from other events: followers, authors, members. They are on other topics, so what cannot be addressed yet is
//! parked until the post or the conversation is known.

use serde_json::{Value, json};

use super::super::envelope::Event;
use super::super::faults::{BOTH_WAYS, NOTIFIES_UNMAPPED, SHOWS_HIDDEN};
use super::{Role, relations};
use crate::serve::Context;
use crate::shared::sql::{Sql, vals};
use crate::shared::sqlite::DbError;

/// `known`: who a thing belongs to (author of a post, members of a conversation); `addresses`: where e-mails go.
const KNOWN: &str = "
CREATE TABLE IF NOT EXISTS known (kind TEXT NOT NULL, id TEXT NOT NULL, who TEXT NOT NULL, PRIMARY KEY (kind, id, who)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS addresses (user_id TEXT PRIMARY KEY, address TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parked (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (kind, id, event_id)
) WITHOUT ROWID;
";

/// Everything that is kept.
pub(super) fn schema() -> String {
    format!("{KNOWN}{}", relations::SCHEMA)
}

/// How somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Way {
    Push,
    Mail,
}

/// One message to one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Delivery {
    pub(in super::super) way: Way,
    pub(in super::super) event_id: String,
    pub(in super::super) event_type: String,
    /// The user; the address too, if it is known here.
    pub(in super::super) to: String,
    pub(in super::super) address: Option<String>,
}

pub(super) struct Notification {
    hidden: bool,
    unmapped: bool,
    both_ways: bool,
}

/// The ways of a mapping.
const PUSH: &[Way] = &[Way::Push];
const MAIL: &[Way] = &[Way::Mail];
const BOTH: &[Way] = &[Way::Push, Way::Mail];

impl Notification {
    pub(super) fn new(context: &Context) -> Notification {
        Notification {
            hidden: context.has(SHOWS_HIDDEN),
            unmapped: context.has(NOTIFIES_UNMAPPED),
            both_ways: context.has(BOTH_WAYS),
        }
    }

    /// Tells somebody of what goes one way only; with the fault, it goes both.
    fn tell_by(
        &self,
        ways: &'static [Way],
        tx: &dyn Sql,
        event: &Event,
        users: &[String],
    ) -> Result<Vec<Delivery>, DbError> {
        tell(tx, event, users, if self.both_ways { BOTH } else { ways })
    }

    fn post_created(&self, tx: &dyn Sql, event: &Event) -> Result<Vec<Delivery>, DbError> {
        let (post, author) = (event.text("post_id"), event.text("author_id"));
        know(tx, "post", post, author)?;
        let is_seen = event.data["status"] == json!("published") && event.data["privacy"] != json!("private");
        let told = if is_seen || self.hidden { relations::followers(tx, author)? } else { Vec::new() };
        let mut deliveries = tell(tx, event, &told, BOTH)?;
        deliveries.extend(parked(tx, "post", post)?);
        Ok(deliveries)
    }

    fn conversation_created(&self, tx: &dyn Sql, event: &Event) -> Result<Vec<Delivery>, DbError> {
        let conversation = event.text("conversation_id");
        for member in event.data["member_ids"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            know(tx, "conversation", conversation, member)?;
        }
        parked(tx, "conversation", conversation)
    }

    fn new_address(&self, tx: &dyn Sql, event: &Event, email: &Value) -> Result<(), DbError> {
        let Some(email) = email.as_str() else { return Ok(()) };
        let sql = "INSERT INTO addresses (user_id, address) VALUES (?1, ?2)
                   ON CONFLICT (user_id) DO UPDATE SET address = excluded.address";
        tx.run(sql, vals![event.text("user_id"), email]).map(drop)
    }
}

impl Role for Notification {
    fn apply(&self, tx: &dyn Sql, event: &Event) -> Result<Vec<Delivery>, DbError> {
        relations::take(tx, event)?;
        let to = |name: &str| vec![event.text(name).to_owned()];
        match event.kind.event {
            "user.created" => {
                self.new_address(tx, event, &event.data["email"])?;
                self.tell_by(MAIL, tx, event, &to("user_id"))
            }
            "post.created" => self.post_created(tx, event),
            "post.liked" => of_owner(tx, event, "post", event.text("post_id"), event.text("user_id")),
            "comment.created" => of_owner(tx, event, "post", event.text("post_id"), event.text("author_id")),
            "message.sent" => {
                of_owner(tx, event, "conversation", event.text("conversation_id"), event.text("sender_id"))
            }
            "user.followed" => self.tell_by(PUSH, tx, event, &to("followee_id")),
            "stream.started" => self.tell_by(PUSH, tx, event, &relations::followers(tx, event.text("creator_id"))?),
            "video.processing_complete" => self.tell_by(MAIL, tx, event, &to("owner_id")),
            "conversation.created" => self.conversation_created(tx, event),
            // What follows tells nobody, and only says something for the others.
            "conversation.member_added" => {
                know(tx, "conversation", event.text("conversation_id"), event.text("user_id"))?;
                Ok(Vec::new())
            }
            "user.updated" => {
                self.new_address(tx, event, &event.data["new_values"]["email"])?;
                Ok(Vec::new())
            }
            "video.uploaded" if self.unmapped => tell(tx, event, &to("owner_id"), MAIL),
            _ => Ok(Vec::new()),
        }
    }

    fn settle(&self, tx: &dyn Sql, event: &Event) -> Result<(), DbError> {
        let (kind, id) = match event.kind.event {
            "post.created" => ("post", event.text("post_id")),
            "conversation.created" => ("conversation", event.text("conversation_id")),
            _ => return Ok(()),
        };
        tx.run("DELETE FROM parked WHERE kind = ?1 AND id = ?2", vals![kind, id]).map(drop)
    }
}

fn know(tx: &dyn Sql, kind: &str, id: &str, who: &str) -> Result<(), DbError> {
    let sql = "INSERT INTO known (kind, id, who) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    tx.run(sql, vals![kind, id, who]).map(drop)
}

fn owners(tx: &dyn Sql, kind: &str, id: &str) -> Result<Vec<String>, DbError> {
    let rows = tx.rows("SELECT who FROM known WHERE kind = ?1 AND id = ?2 ORDER BY who", vals![kind, id])?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// Tells those whom a thing belongs to, but not who did it; or parks the event until they are known.
fn of_owner(tx: &dyn Sql, event: &Event, kind: &str, id: &str, actor: &str) -> Result<Vec<Delivery>, DbError> {
    let owners = owners(tx, kind, id)?;
    if owners.is_empty() {
        let sql = "INSERT INTO parked (kind, id, event_id, event_type, actor) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT DO NOTHING";
        tx.run(sql, vals![kind, id, &event.id, event.kind.event, actor])?;
        return Ok(Vec::new());
    }
    let told: Vec<String> = owners.into_iter().filter(|owner| owner != actor).collect();
    tell(tx, event, &told, BOTH)
}

/// What was parked for a thing that is known now.
fn parked(tx: &dyn Sql, kind: &str, id: &str) -> Result<Vec<Delivery>, DbError> {
    let owners = owners(tx, kind, id)?;
    let waiting = "SELECT event_id, event_type, actor FROM parked WHERE kind = ?1 AND id = ?2 ORDER BY event_id";
    let mut deliveries = Vec::new();
    for row in tx.rows(waiting, vals![kind, id])? {
        let (event_id, event_type, actor) = (row.text(0)?, row.text(1)?, row.text(2)?);
        for owner in owners.iter().filter(|owner| **owner != actor) {
            deliveries.extend(by_ways(tx, &event_id, &event_type, owner, BOTH)?);
        }
    }
    Ok(deliveries)
}

fn tell(tx: &dyn Sql, event: &Event, users: &[String], ways: &[Way]) -> Result<Vec<Delivery>, DbError> {
    let mut deliveries = Vec::new();
    for user in users {
        deliveries.extend(by_ways(tx, &event.id, event.kind.event, user, ways)?);
    }
    Ok(deliveries)
}

fn by_ways(tx: &dyn Sql, event_id: &str, event_type: &str, to: &str, ways: &[Way]) -> Result<Vec<Delivery>, DbError> {
    let known = tx.row("SELECT address FROM addresses WHERE user_id = ?1", vals![to])?;
    let address = known.map(|row| row.text(0)).transpose()?;
    let delivery = |way: &Way| Delivery {
        way: *way,
        event_id: event_id.to_owned(),
        event_type: event_type.to_owned(),
        to: to.to_owned(),
        address: address.clone().filter(|_| *way == Way::Mail),
    };
    Ok(ways.iter().map(delivery).collect())
}

#[cfg(test)]
mod tests {
    use super::super::super::kinds;
    use super::*;

    const ROLE: Notification = Notification { hidden: false, unmapped: false, both_ways: false };

    fn event(id: &str, event_type: &str, data: Value) -> Event {
        let kind = kinds::of_event(event_type).unwrap();
        let created_at = "2025-01-15T10:30:00Z".to_owned();
        Event {
            id: id.into(),
            kind,
            version: 1,
            data,
            correlation_id: "c".into(),
            causation_id: String::new(),
            created_at,
        }
    }

    fn told(events: &[Event]) -> Vec<(String, String, Way)> {
        let db = rusqlite::Connection::open_in_memory().unwrap();
        db.execute_batch(&schema()).unwrap();
        let mut all = Vec::new();
        for event in events {
            // Cut off in between and applied again, it comes to the same.
            ROLE.apply(&db, event).unwrap();
            all.extend(ROLE.apply(&db, event).unwrap());
            ROLE.settle(&db, event).unwrap();
        }
        all.into_iter().map(|one| (one.event_id, one.to, one.way)).collect()
    }

    fn post(status: &str, privacy: &str) -> Event {
        event("post", "post.created", json!({"post_id": "p", "author_id": "ann", "status": status, "privacy": privacy}))
    }

    fn follow() -> Event {
        let data = json!({"follower_id": "bob", "followee_id": "ann", "followed_at": "2025-01-15T10:30:00Z"});
        event("follow", "user.followed", data)
    }

    fn message(way: Way, event: &str, to: &str) -> (String, String, Way) {
        (event.into(), to.into(), way)
    }

    #[test]
    fn followers_hear_of_posts_that_they_may_see() {
        let push = message(Way::Push, "follow", "ann");
        let both = [message(Way::Push, "post", "bob"), message(Way::Mail, "post", "bob")];
        assert_eq!(told(&[follow(), post("published", "public")])[1..], both);
        assert_eq!(told(&[follow(), post("draft", "public")]), std::slice::from_ref(&push));
        assert_eq!(told(&[follow(), post("published", "private")]), [push]);
    }

    #[test]
    fn a_like_that_is_seen_before_its_post_waits_for_it() {
        let like = || event("like", "post.liked", json!({"post_id": "p", "user_id": "bob"}));
        let both = [message(Way::Push, "like", "ann"), message(Way::Mail, "like", "ann")];
        assert_eq!(told(&[like(), post("draft", "public")]), both);
        assert_eq!(told(&[post("draft", "public"), like()]), both);
    }
}
