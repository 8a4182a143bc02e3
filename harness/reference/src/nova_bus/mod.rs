//! nova-bus: posts are written, an outbox tells about them, followers' feeds fill, and what may be searched is indexed.
//!
//! content-service (HTTP, posts, outbox) → `nova.content.events` → feed-service (idempotent consumer, feeds, journal) → HTTP;
//! feed-service asks graph-service who follows whom. media-service → `nova.media.events` → content-service, where uploads wait
//! for a post. message-service → `nova.message.events` → search-service, which also reads the posts, the users and the legacy topics.
//! identity-service (HTTP, users, outbox) → `nova.identity.events`; graph-service forgets users whose deletion that tells. lag-exporter looks on.

mod content;
mod feed;
mod graph;
mod identity;
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
use crate::shared::lag_exporter::{self, Watched};

/// The types of events.
mod event_type {
    pub(super) const CREATED: &str = "content.post.created";
    pub(super) const STATUS_UPDATED: &str = "content.post.status_updated";
    pub(super) const DELETED: &str = "content.post.deleted";
    pub(super) const UPLOADED: &str = "media.upload.completed";
    pub(super) const PERSISTED: &str = "message.persisted";
    pub(super) const UNSENT: &str = "message.deleted";
    pub(super) const USER_CREATED: &str = "identity.user.created";
    pub(super) const PROFILE_UPDATED: &str = "identity.user.profile_updated";
    pub(super) const USER_DELETED: &str = "identity.user.deleted";
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
        ServiceInfo {
            name: graph::NAME,
            summary: "who follows whom, over HTTP, a fixture for the feed; forgets users that were deleted",
            faults: graph::FAULTS,
        },
        ServiceInfo {
            name: feed::NAME,
            summary: "consumes posts and their authors' names once per event and serves feeds, a cache of posts and a journal over HTTP",
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
            summary: "indexes posts, users and messages, from new and legacy topics, and is searched over HTTP",
            faults: search::FAULTS,
        },
        ServiceInfo {
            name: identity::NAME,
            summary: "users over HTTP; every change is told through a transactional outbox on nova.identity.events",
            faults: identity::FAULTS,
        },
        ServiceInfo {
            name: lag_exporter::NAME,
            summary: "shows how far every group is behind, as a look from outside",
            faults: lag_exporter::FAULTS,
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
        identity::NAME => identity::build(context).await,
        lag_exporter::NAME => lag_exporter::build(context, watched(context)),
        _ => feed::build(context).await,
    }
}

/// The groups of this system, each with what it reads.
fn watched(context: &Context) -> Vec<Watched> {
    let settings = &context.settings;
    let (content, identity) = (topics::content(settings), topics::identity(settings));
    // The legacy topics have the names of their only type.
    let (persisted, unsent) = (event_type::LEGACY_PERSISTED.to_owned(), event_type::LEGACY_UNSENT.to_owned());
    let searched = vec![content.clone(), topics::messages(settings), identity.clone(), persisted, unsent];
    vec![
        Watched::new("feed-service-group", vec![content, identity.clone()]),
        Watched::new(content::GROUP, vec![topics::media(settings)]),
        Watched::new("search-service-group", searched),
        Watched::new(graph::GROUP, vec![identity]),
    ]
}
