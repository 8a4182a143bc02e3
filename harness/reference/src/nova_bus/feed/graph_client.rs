//! Asking the graph-service for followers.

use std::time::Duration;

use futures::future::BoxFuture;
use reqwest::{Client, Url};
use serde::Deserialize;

use crate::ServeError;
use crate::shared::settings::{SettingFault, SettingsError};

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Who follows a user, now.
pub(super) trait Followers: Send + Sync {
    /// The followers' ids, or why they cannot be had at the moment.
    fn of<'a>(&'a self, user: &'a str) -> BoxFuture<'a, Result<Vec<String>, String>>;
}

/// Asks over HTTP.
pub(super) struct GraphClient {
    client: Client,
    base: Url,
}

#[derive(Deserialize)]
struct Answer {
    followers: Vec<String>,
}

impl GraphClient {
    /// Makes a client; that the service can be reached is not needed for it.
    pub(super) fn new(base: String) -> Result<GraphClient, ServeError> {
        let bad = || {
            let expected = "a URL such as http://127.0.0.1:8082";
            SettingsError(vec![SettingFault { name: "GRAPH_URL", value: Some(base.clone()), expected }])
        };
        let url = Url::parse(&base).ok().filter(|url| !url.cannot_be_a_base()).ok_or_else(bad)?;
        let client = Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .build()
            .map_err(|e| ServeError::Ended { part: "the graph client", reason: e.to_string() })?;
        Ok(GraphClient { client, base: url })
    }

    async fn ask(&self, user: &str) -> Result<Vec<String>, String> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["followers", user]);
        }
        let failed =
            |e: reqwest::Error| format!("the graph-service does not say who follows {user}: {}", with_causes(&e));
        let response = self.client.get(url).send().await.map_err(failed)?.error_for_status().map_err(failed)?;
        let answer: Answer = response.json().await.map_err(failed)?;
        Ok(answer.followers)
    }
}

impl Followers for GraphClient {
    fn of<'a>(&'a self, user: &'a str) -> BoxFuture<'a, Result<Vec<String>, String>> {
        Box::pin(self.ask(user))
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
