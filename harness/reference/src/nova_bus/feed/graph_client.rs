//! Asking the graph-service for followers.

use futures::future::BoxFuture;
use serde::Deserialize;

use super::client::{JsonClient, NoAnswer};
use crate::ServeError;

/// Who follows a user, now.
pub(super) trait Followers: Send + Sync {
    /// The followers' ids, or why they cannot be had: at the moment, or of this user.
    fn of<'a>(&'a self, user: &'a str) -> BoxFuture<'a, Result<Vec<String>, NoAnswer>>;
}

/// Asks over HTTP.
pub(super) struct GraphClient(JsonClient);

#[derive(Deserialize)]
struct Answer {
    followers: Vec<String>,
}

impl GraphClient {
    /// Makes a client; that the service can be reached is not needed for it.
    pub(super) fn new(base: String) -> Result<GraphClient, ServeError> {
        JsonClient::new("GRAPH_URL", base).map(GraphClient)
    }

    async fn ask(&self, user: &str) -> Result<Vec<String>, NoAnswer> {
        let said = |e: String| format!("the graph-service does not say who follows {user}: {e}");
        let away = |e: String| NoAnswer::Away(said(e));
        let answer = match self.0.get(&["followers", user]).await {
            Err(NoAnswer::Failed(why)) => return Err(NoAnswer::Failed(said(why))),
            answer => answer.map_err(|e| away(e.to_string()))?,
        };
        let answer = answer.ok_or_else(|| away("it has no such path".into()))?;
        let answer: Answer = serde_json::from_value(answer).map_err(|e| away(e.to_string()))?;
        Ok(answer.followers)
    }
}

impl Followers for GraphClient {
    fn of<'a>(&'a self, user: &'a str) -> BoxFuture<'a, Result<Vec<String>, NoAnswer>> {
        Box::pin(self.ask(user))
    }
}
