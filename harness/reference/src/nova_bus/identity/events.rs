//! The three identity events, as the document writes them: the value is the payload alone.

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::event_type;
use super::store::User;
use crate::shared::outbox::NewEvent;

/// Makes events of users.
#[derive(Debug, Clone)]
pub(super) struct Events {
    pub(super) topic: String,
    /// Fault: the key is the username.
    pub(super) wrong_key: bool,
    /// Fault: a soft deletion is told as one for good.
    pub(super) soft_is_hard: bool,
}

impl Events {
    pub(super) fn created(&self, user: &User, correlation: Option<String>) -> NewEvent {
        let User { user_id, username, email, created_at, .. } = user;
        let payload = json!({"user_id": user_id, "username": username, "email": email, "created_at": created_at});
        self.event(event_type::USER_CREATED, user, payload, correlation)
    }

    /// Of a user without an avatar the event says nothing of one.
    pub(super) fn profile_updated(&self, user: &User, updated_at: &str, correlation: Option<String>) -> NewEvent {
        let mut payload = json!({
            "user_id": user.user_id,
            "username": user.username,
            "display_name": user.display_name,
            "is_verified": user.is_verified,
            "follower_count": user.follower_count,
            "updated_at": updated_at,
        });
        if let Some(url) = &user.avatar_url {
            payload["avatar_url"] = json!(url);
        }
        self.event(event_type::PROFILE_UPDATED, user, payload, correlation)
    }

    pub(super) fn deleted(&self, user: &User, soft: bool, deleted_at: &str, correlation: Option<String>) -> NewEvent {
        let soft = soft && !self.soft_is_hard;
        let payload = json!({"user_id": user.user_id, "deleted_at": deleted_at, "soft_delete": soft});
        self.event(event_type::USER_DELETED, user, payload, correlation)
    }

    fn event(&self, event_type: &'static str, user: &User, payload: Value, correlation: Option<String>) -> NewEvent {
        let event_id = Uuid::new_v4().to_string();
        NewEvent {
            correlation_id: correlation.unwrap_or_else(|| event_id.clone()),
            event_id,
            event_type,
            aggregate_id: user.user_id.clone(),
            topic: self.topic.clone(),
            key: if self.wrong_key { user.username.clone() } else { user.user_id.clone() },
            payload: payload.to_string(),
        }
    }
}
