//! What the subscribing services make of events, and which of them each takes.

mod cleanup;
mod docs;
mod feed;
mod notification;
mod reader;
mod relations;
mod search;

use axum::Router;

use super::envelope::Event;
use super::kinds;
use super::writer;
use crate::serve::Context;
use crate::shared::settings::Settings;
use crate::shared::sql::{Sql, Store};
use crate::shared::sqlite::DbError;

pub(super) use notification::{Delivery, Way};

/// Reads as releases of three versions would, each in a group of its own.
pub(super) const READER: &str = "versioned-reader";

/// What a service makes of an event.
pub(super) trait Role: Send + Sync {
    /// Applies an event, in a transaction; gives what is to be sent to people, once that transaction is through. An event that is to be
    /// sent is applied again if it is cut off in between, so this must come to the same.
    fn apply(&self, tx: &dyn Sql, event: &Event) -> Result<Vec<Delivery>, DbError>;

    /// Everything of the event was sent; in the transaction that marks it handled.
    fn settle(&self, _tx: &dyn Sql, _event: &Event) -> Result<(), DbError> {
        Ok(())
    }

    /// What can be asked.
    fn routes(&self, _db: Store) -> Router {
        Router::new()
    }
}

/// A service that takes events and does no more than note them: analytics, security, rate limiting, the CDN.
struct Observer;

impl Role for Observer {
    fn apply(&self, _tx: &dyn Sql, _event: &Event) -> Result<Vec<Delivery>, DbError> {
        Ok(Vec::new())
    }
}

/// The role of a service, and the tables that it needs.
pub(super) fn role(service: &'static str, context: &Context) -> (Box<dyn Role>, String) {
    match service {
        "feed-service" => (Box::new(feed::Feed::new(context)), format!("{}{}", docs::SCHEMA, relations::SCHEMA)),
        "search-service" => (Box::new(search::Search::new(context)), docs::SCHEMA.to_owned()),
        "notification-service" => (Box::new(notification::Notification::new(context)), notification::schema()),
        "user-service" | "messaging-service" | "content-service" | "video-service" => {
            (Box::new(cleanup::Cleanup::new(service, context)), writer::schema())
        }
        READER => (Box::new(reader::Reader::of(context.settings.event_version)), reader::SCHEMA.to_owned()),
        _ => (Box::new(Observer), String::new()),
    }
}

/// The group that a service reads in: its own name, but for the one of which several releases run side by side.
pub(super) fn group(service: &'static str, settings: &Settings) -> String {
    if service == READER { settings.group_id.clone() } else { service.to_owned() }
}

/// The types of events that a service takes; none if it takes nothing.
pub(super) fn subscriptions(service: &str) -> Vec<&'static str> {
    let all = || kinds::all().iter().map(|kind| kind.event);
    let of = |prefixes: &[&str], more: &[&'static str]| {
        let is_taken = |event: &&str| prefixes.iter().any(|prefix| event.starts_with(prefix)) || more.contains(event);
        all().filter(is_taken).collect()
    };
    match service {
        "notification-service" => all().collect(),
        "feed-service" => of(
            &["post."],
            &[
                "user.followed",
                "user.unfollowed",
                "user.blocked",
                "user.unblocked",
                "user.updated",
                "video.processing_complete",
                "video.published",
                "stream.started",
            ],
        ),
        "search-service" => of(&["post.", "message.", "comment."], &["user.updated", "video.published"]),
        "user-service" => of(&[], &["user.created", "user.deleted"]),
        "messaging-service" => of(&[], &["user.updated", "user.deleted", "user.blocked", "user.unblocked"]),
        "content-service" => of(&[], &["user.deleted", "media.uploaded", "media.processing_complete"]),
        "video-service" => of(&[], &["video.viewed"]),
        "analytics-service" => {
            of(&[], &["user.created", "user.login", "video.viewed", "stream.ended", "service.call", "cache.hit"])
        }
        "security-service" => of(&[], &["user.login", "user.failed_login", "user.password_changed"]),
        "rate-limiter" => of(&[], &["user.failed_login"]),
        "cdn-service" => of(&["media."], &[]),
        READER => of(&[], &["user.created"]),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_subscription_is_an_event() {
        let count = |service| subscriptions(service).len();
        let services = [
            ("notification-service", 39),
            ("feed-service", 14),
            ("search-service", 14),
            ("user-service", 2),
            ("messaging-service", 4),
            ("content-service", 3),
            ("video-service", 1),
            ("analytics-service", 6),
            ("security-service", 3),
            ("rate-limiter", 1),
            ("cdn-service", 3),
            (READER, 1),
            ("auth-service", 0),
        ];
        services.iter().for_each(|(service, events)| assert_eq!(count(service), *events, "{service}"));
    }
}
