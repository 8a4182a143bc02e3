//! nova-bus: posts are written, an outbox tells about them, and followers' feeds fill.
//!
//! content-service (HTTP, posts, outbox) → `nova.content.events` → feed-service (idempotent consumer, feeds, journal) → HTTP;
//! feed-service asks graph-service who follows whom.

mod content;
mod feed;
mod graph;

use crate::ServeError;
use crate::catalogue::{ServiceInfo, SystemInfo};
use crate::serve::{Context, Parts};

/// The event types on `nova.content.events`.
mod event_type {
    pub(super) const CREATED: &str = "content.post.created";
    pub(super) const STATUS_UPDATED: &str = "content.post.status_updated";
    pub(super) const DELETED: &str = "content.post.deleted";
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
    ],
};

/// Makes the parts of one of the services named above.
pub(crate) async fn build(service: &str, context: &Context) -> Result<Parts, ServeError> {
    match service {
        content::NAME => content::build(context).await,
        graph::NAME => graph::build(context).await,
        _ => feed::build(context).await,
    }
}
