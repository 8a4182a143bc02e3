//! search-service: public posts, comments, videos, people, and messages that are not encrypted, by the words in them.

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::envelope::Event;
use super::super::faults::{INDEXES_SECRETS, RESURRECTS, SHOWS_HIDDEN};
use super::docs::{self, Doc};
use super::{Delivery, Role};
use crate::serve::Context;
use crate::shared::http::ApiError;
use crate::shared::sql::{Sql, Store};
use crate::shared::sqlite::DbError;

pub(super) struct Search {
    resurrects: bool,
    hidden: bool,
    indexes_secrets: bool,
}

impl Search {
    pub(super) fn new(context: &Context) -> Search {
        Search {
            resurrects: context.has(RESURRECTS),
            hidden: context.has(SHOWS_HIDDEN),
            indexes_secrets: context.has(INDEXES_SECRETS),
        }
    }

    fn message_sent(&self, tx: &dyn Sql, event: &Event, doc: Doc<'_>) -> Result<(), DbError> {
        let is_readable = event.data["encrypted"] == json!(false) || self.indexes_secrets;
        let fields = if is_readable { json!({"content": event.text("content")}) } else { json!({}) };
        doc.created(tx, event.text("sender_id"), event.text("created_at"), &fields, self.resurrects)
    }
}

impl Role for Search {
    fn apply(&self, tx: &dyn Sql, event: &Event) -> Result<Vec<Delivery>, DbError> {
        let doc = |kind, id| Doc { kind, id: event.text(id) };
        let created = |doc: Doc<'_>, author: &str, at: &str| {
            doc.created(tx, event.text(author), event.text(at), &event.data, self.resurrects)
        };
        match event.kind.event {
            "post.created" => created(doc("post", "post_id"), "author_id", "created_at")?,
            "comment.created" => created(doc("comment", "comment_id"), "author_id", "created_at")?,
            "video.published" => created(doc("video", "video_id"), "owner_id", "published_at")?,
            "message.sent" => self.message_sent(tx, event, doc("message", "message_id"))?,
            "post.updated" => {
                doc("post", "post_id").changed(tx, &event.data["new_values"], event.text("updated_at"))?;
            }
            "message.edited" => {
                // Whether the message is encrypted is not said again: what was found before is replaced, and nothing else is found.
                let fields = json!({"edited": event.text("new_content")});
                doc("message", "message_id").changed(tx, &fields, event.text("edited_at"))?;
            }
            "post.deleted" => doc("post", "post_id").deleted(tx)?,
            "message.deleted" => doc("message", "message_id").deleted(tx)?,
            "comment.deleted" => doc("comment", "comment_id").deleted(tx)?,
            "user.updated" => {
                let user = doc("user", "user_id");
                let username = json!({"username": event.data["new_values"]["username"]});
                user.created(tx, user.id, "", &json!({}), false)?;
                user.changed(tx, &username, event.text("updated_at"))?;
            }
            // Likes, shares and reading change nothing that can be found.
            _ => {}
        }
        Ok(Vec::new())
    }

    fn routes(&self, db: Store) -> Router {
        Router::new().route("/search", get(search)).with_state((db, query(self.hidden)))
    }
}

fn query(hidden: bool) -> String {
    let visible = docs::visible("docs", false, hidden);
    format!("SELECT kind, id FROM docs WHERE {visible} AND instr(words, ?1) > 0 ORDER BY at DESC LIMIT 100")
}

#[derive(Deserialize)]
struct Asked {
    q: String,
}

async fn search(State((db, sql)): State<(Store, String)>, Query(asked): Query<Asked>) -> Result<Json<Value>, ApiError> {
    let items = db.read(move |tx| docs::list(tx, &sql, &asked.q));
    Ok(Json(json!({"items": items.await.map_err(ApiError::store)?})))
}
