//! feed-service: what those whom a user follows have posted, shared, published and begun to stream, newest first. The feed is put together
//! when it is asked for: following, blocking and deleting count at once.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::super::envelope::Event;
use super::super::faults::{RESURRECTS, SHOWS_HIDDEN};
use super::docs::{self, Doc};
use super::{Delivery, Role, relations};
use crate::serve::Context;
use crate::shared::http::ApiError;
use crate::shared::sql::{Sql, Store};
use crate::shared::sqlite::DbError;

/// Most items of a feed.
const LONGEST: u32 = 1_000;

pub(super) struct Feed {
    resurrects: bool,
    hidden: bool,
}

impl Feed {
    pub(super) fn new(context: &Context) -> Feed {
        Feed { resurrects: context.has(RESURRECTS), hidden: context.has(SHOWS_HIDDEN) }
    }

    fn created(&self, tx: &dyn Sql, event: &Event, doc: Doc<'_>, author: &str, at: &str) -> Result<(), DbError> {
        doc.created(tx, event.text(author), event.text(at), &event.data, self.resurrects)
    }
}

impl Role for Feed {
    fn apply(&self, tx: &dyn Sql, event: &Event) -> Result<Vec<Delivery>, DbError> {
        let doc = |kind, id| Doc { kind, id: event.text(id) };
        match event.kind.event {
            "post.created" => self.created(tx, event, doc("post", "post_id"), "author_id", "created_at")?,
            "post.shared" => self.created(tx, event, doc("share", "share_id"), "shared_by_id", "shared_at")?,
            "video.published" => self.created(tx, event, doc("video", "video_id"), "owner_id", "published_at")?,
            "stream.started" => self.created(tx, event, doc("stream", "stream_id"), "creator_id", "started_at")?,
            "post.updated" => {
                doc("post", "post_id").changed(tx, &event.data["new_values"], event.text("updated_at"))?;
            }
            "post.deleted" => doc("post", "post_id").deleted(tx)?,
            // Likes, profiles and transcoding change nothing that is kept here: there is no cache to invalidate.
            _ => drop(relations::take(tx, event)?),
        }
        Ok(Vec::new())
    }

    fn routes(&self, db: Store) -> Router {
        Router::new().route("/feeds/{user}", get(feed)).with_state((db, query(self.hidden)))
    }
}

/// What is shared is as visible as the post itself, as far as that is known.
fn query(hidden: bool) -> String {
    format!(
        "SELECT doc.kind, doc.id FROM docs AS doc
         JOIN relations AS follow ON follow.kind = 'follows' AND follow.to_whom = doc.author AND follow.holds = 1
         WHERE follow.of = ?1 AND {}
           AND NOT EXISTS (
               SELECT 1 FROM relations AS block WHERE block.kind = 'blocks' AND block.holds = 1
               AND ((block.of = ?1 AND block.to_whom = doc.author) OR (block.of = doc.author AND block.to_whom = ?1)))
           AND NOT EXISTS (
               SELECT 1 FROM docs AS post WHERE doc.kind = 'share' AND post.kind = 'post'
               AND post.id = doc.refers AND NOT {})
         ORDER BY doc.at DESC, doc.id LIMIT {LONGEST}",
        docs::visible("doc", true, hidden),
        docs::visible("post", true, hidden),
    )
}

async fn feed(State((db, sql)): State<(Store, String)>, Path(user): Path<String>) -> Result<Json<Value>, ApiError> {
    let items = db.read(move |tx| docs::list(tx, &sql, &user));
    Ok(Json(json!({"items": items.await.map_err(ApiError::store)?})))
}
