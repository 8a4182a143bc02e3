//! What the feed-service keeps, whatever it keeps it in.
//!
//! One batch of events is one transaction: for each, "handled before?", the change, "handled now" and a row of the journal
//! go in together or not at all. Two instances on one store therefore never both handle an event.

use futures::future::BoxFuture;
use serde::Serialize;

use super::event::Change;

/// The store failed; the batch can be tried again.
#[derive(Debug, thiserror::Error)]
#[error("store: {0}")]
pub(super) struct StoreError(pub(super) String);

/// One event to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) event_id: String,
    pub(super) event_type: &'static str,
    pub(super) post_id: String,
    pub(super) user_id: String,
    /// Nothing: the event is remembered as handled, and has no effect.
    pub(super) change: Option<Change>,
    /// Who follows the author now; needed where the post may come into feeds.
    pub(super) followers: Vec<String>,
    pub(super) care: Care,
    /// Write a row of the journal.
    pub(super) journal: bool,
}

/// What the store takes care of. All of it, unless a fault says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Care {
    /// Skip an event whose id was handled.
    pub(super) dedup: bool,
    /// Remember its id, in the transaction of its effect.
    pub(super) remember: bool,
    /// Keep what was archived or deleted out of the feeds, however late its creation comes.
    pub(super) keep_removed: bool,
    /// Take a post out of every feed that holds it, and not only of those of the followers given.
    pub(super) all_holders: bool,
}

impl Default for Care {
    fn default() -> Care {
        Care { dedup: true, remember: true, keep_removed: true, all_holders: true }
    }
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Handled,
    Duplicate,
}

/// A line of a feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct FeedItem {
    pub(super) post_id: String,
    pub(super) user_id: String,
    pub(super) caption: String,
    pub(super) created_at: String,
    /// The author's name; empty while nobody has told it.
    pub(super) author: String,
}

/// A post as the feed-service knows it from events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct CachedPost {
    pub(super) post_id: String,
    pub(super) user_id: String,
    pub(super) caption: String,
    pub(super) media_type: String,
    pub(super) status: String,
    pub(super) created_at: String,
}

/// A row of the journal: one real handling of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Handling {
    pub(super) seq: i64,
    pub(super) event_id: String,
    pub(super) event_type: String,
    pub(super) post_id: String,
    pub(super) handled_at: String,
}

/// A store call in flight.
pub(super) type Call<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Feeds, posts, handled ids and the journal.
///
/// - `created`: the post is cached and comes into the feed of each follower, at its creation time; unless it is known as deleted or as
///   not published.
/// - `status_updated`: archived and deleted take it out of every feed that holds it, published puts it (back) into the followers'. An
///   update older than the last one known has no effect. It may come before `created`, and then decides.
/// - `named`: the author's posts show the newest name, whichever comes last.
/// - `deleted`: out of every feed that holds it, also of those who follow no more; what comes later about it has no effect.
pub(super) trait FeedStore: Send + Sync {
    /// Applies the events in order, all or none; one outcome each.
    fn apply(&self, batch: Vec<Work>, now_ms: i64) -> Call<'_, Vec<Outcome>>;
    /// A user's feed, newest first.
    fn feed(&self, user: String, limit: u32) -> Call<'_, Vec<FeedItem>>;
    /// A post, if it was created and not deleted.
    fn post(&self, post_id: String) -> Call<'_, Option<CachedPost>>;
    /// All handlings of a post's events, oldest first.
    fn handled_of(&self, post_id: String) -> Call<'_, Vec<Handling>>;
    /// For how many seconds in all the id of an event is remembered; nothing if it is not.
    fn lifetime(&self, event_id: String) -> Call<'_, Option<i64>>;
    /// Forgets ids that are remembered.
    fn forget(&self, event_ids: Vec<String>) -> Call<'_, ()>;
    /// Handlings after that sequence number, oldest first.
    fn handled_after(&self, seq: i64, limit: u32) -> Call<'_, Vec<Handling>>;
}

#[cfg(test)]
#[path = "store_tests.rs"]
pub(super) mod tests;
