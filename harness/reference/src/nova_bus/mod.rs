//! nova-bus: posts are written, an outbox tells about them, followers' feeds fill, and what may be searched is indexed.
//!
//! content-service (HTTP, posts, outbox) → `nova.content.events` → feed-service (idempotent consumer, feeds, journal) → HTTP;
//! feed-service asks graph-service who follows whom. media-service → `nova.media.events` → content-service, where uploads wait
//! for a post. message-service → `nova.message.events` → search-service, which also reads the posts and the legacy topics.

mod content;
mod feed;
mod graph;
mod journal;
mod media;
mod messages;
mod reading;
mod search;
mod taking;
mod topics;
mod wiring;

use crate::ServeError;
use crate::catalogue::{ServiceInfo, SystemInfo};
use crate::serve::{Context, Parts};

/// The types of events.
mod event_type {
    pub(super) const CREATED: &str = "content.post.created";
    pub(super) const STATUS_UPDATED: &str = "content.post.status_updated";
    pub(super) const DELETED: &str = "content.post.deleted";
    pub(super) const UPLOADED: &str = "media.upload.completed";
    pub(super) const PERSISTED: &str = "message.persisted";
    pub(super) const UNSENT: &str = "message.deleted";
    pub(super) const LEGACY_PERSISTED: &str = "message_persisted";
    pub(super) const LEGACY_UNSENT: &str = "message_deleted";
}

/// What the catalogue says about this system.
pub(crate) const SYSTEM: SystemInfo = SystemInfo {
    name: "nova-bus",
    summary: "posts reach their followers' feeds through a transactional outbox and Kafka",
    services: &[
        ServiceInfo {
            name: content::NAME,
            summary: "posts over HTTP; every change is told through a transactional outbox on nova.content.events",
            faults: content::FAULTS,
        },
        ServiceInfo { name: graph::NAME, summary: "who follows whom, over HTTP; a fixture for the feed", faults: &[] },
        ServiceInfo {
            name: feed::NAME,
            summary: "consumes nova.content.events once per event and serves feeds, a cache of posts and a journal over HTTP",
            faults: feed::FAULTS,
        },
        ServiceInfo {
            name: media::NAME,
            summary: "takes uploads over HTTP and tells them on nova.media.events, without an outbox",
            faults: media::FAULTS,
        },
        ServiceInfo {
            name: messages::NAME,
            summary: "takes messages over HTTP and tells them on nova.message.events, with their text only where it may be searched",
            faults: messages::FAULTS,
        },
        ServiceInfo {
            name: search::NAME,
            summary: "indexes posts and messages, from new and legacy topics, and is searched over HTTP",
            faults: search::FAULTS,
        },
    ],
};

/// Makes the parts of one of the services named above.
pub(crate) async fn build(service: &str, context: &Context) -> Result<Parts, ServeError> {
    match service {
        content::NAME => content::build(context).await,
        graph::NAME => graph::build(context).await,
        media::NAME => media::build(context).await,
        messages::NAME => messages::build(context).await,
        search::NAME => search::build(context).await,
        _ => feed::build(context).await,
    }
}
