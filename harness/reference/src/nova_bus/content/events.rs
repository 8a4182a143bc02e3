//! The three content events, as the document writes them: the value is the payload alone.

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::event_type;
use super::store::Post;
use crate::shared::outbox::NewEvent;

/// Makes events of posts.
#[derive(Debug, Clone)]
pub(super) struct Events {
    pub(super) topic: String,
    /// Fault: the key is the user's id.
    pub(super) wrong_key: bool,
    /// Fault: the payload of a creation breaks its schema.
    pub(super) wrong_payload: bool,
}

impl Events {
    pub(super) fn created(&self, post: &Post, correlation: Option<String>) -> NewEvent {
        let mut payload = json!({
            "post_id": post.post_id,
            "user_id": post.user_id,
            "caption": post.caption,
            "media_type": post.media_type,
            "status": post.status,
            "created_at": post.created_at,
        });
        if self.wrong_payload
            && let Some(fields) = payload.as_object_mut()
        {
            fields.remove("caption");
            fields.insert("created_at".into(), post.created_at.replace('T', " ").trim_end_matches('Z').into());
        }
        self.event(event_type::CREATED, post, payload, correlation)
    }

    pub(super) fn status_updated(&self, post: &Post, updated_at: &str, correlation: Option<String>) -> NewEvent {
        let payload = json!({
            "post_id": post.post_id,
            "user_id": post.user_id,
            "new_status": post.status,
            "updated_at": updated_at,
        });
        self.event(event_type::STATUS_UPDATED, post, payload, correlation)
    }

    pub(super) fn deleted(&self, post: &Post, deleted_at: &str, correlation: Option<String>) -> NewEvent {
        let payload = json!({"post_id": post.post_id, "user_id": post.user_id, "deleted_at": deleted_at});
        self.event(event_type::DELETED, post, payload, correlation)
    }

    fn event(&self, event_type: &'static str, post: &Post, payload: Value, correlation: Option<String>) -> NewEvent {
        let event_id = Uuid::new_v4().to_string();
        NewEvent {
            correlation_id: correlation.unwrap_or_else(|| event_id.clone()),
            event_id,
            event_type,
            aggregate_id: post.post_id.clone(),
            topic: self.topic.clone(),
            key: if self.wrong_key { post.user_id.clone() } else { post.post_id.clone() },
            payload: payload.to_string(),
        }
    }
}
