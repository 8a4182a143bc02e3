//! Which dead letters were replayed, remembered where handled events are: as ids without an effect, for as long.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::store::{Care, FeedStore, Outcome, Work};
use crate::shared::replay::Marks;

/// The marks of the feed-service, in whatever it keeps its data.
pub(super) struct LetterMarks(pub(super) Arc<dyn FeedStore>);

impl Marks for LetterMarks {
    fn mark(&self, ids: Vec<String>, now_ms: i64) -> BoxFuture<'_, Result<Vec<bool>, String>> {
        let only_remembered = |event_id| Work {
            event_id,
            event_type: "",
            post_id: String::new(),
            user_id: String::new(),
            change: None,
            followers: Vec::new(),
            care: Care::default(),
            journal: false,
        };
        let works = ids.into_iter().map(only_remembered).collect();
        Box::pin(async move {
            let outcomes = self.0.apply(works, now_ms).await.map_err(|e| e.to_string())?;
            Ok(outcomes.into_iter().map(|outcome| outcome == Outcome::Handled).collect())
        })
    }

    fn unmark(&self, ids: Vec<String>) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move { self.0.forget(ids).await.map_err(|e| e.to_string()) })
    }
}
