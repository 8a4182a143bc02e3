//! Asking another service for JSON.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use serde_json::Value;

use crate::ServeError;
use crate::shared::settings::{SettingFault, SettingsError};

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoAnswer {
    /// The service is away, or answers nobody now.
    #[error("{0}")]
    Away(String),
    /// It is there, and fails at this question: 500.
    #[error("{0}")]
    Failed(String),
}

/// Asks one service.
#[derive(Clone)]
pub(super) struct JsonClient {
    client: Client,
    base: Url,
}

impl JsonClient {
    /// Makes a client for the URL that `variable` holds; that the service can be reached is not needed for it.
    pub(super) fn new(variable: &'static str, base: String) -> Result<JsonClient, ServeError> {
        let bad = || {
            let expected = "a URL such as http://127.0.0.1:8082";
            SettingsError(vec![SettingFault { name: variable, value: Some(base.clone()), expected }])
        };
        let url = Url::parse(&base).ok().filter(|url| !url.cannot_be_a_base()).ok_or_else(bad)?;
        let client = Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .build()
            .map_err(|e| ServeError::Ended { part: "an HTTP client", reason: e.to_string() })?;
        Ok(JsonClient { client, base: url })
    }

    /// The answer at that path; nothing if there is no such thing.
    pub(super) async fn get(&self, path: &[&str]) -> Result<Option<Value>, NoAnswer> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let away = |e: reqwest::Error| NoAnswer::Away(with_causes(&e));
        let response = self.client.get(url).send().await.map_err(away)?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        match response.error_for_status() {
            Ok(response) => response.json().await.map(Some).map_err(away),
            Err(error) if error.status() == Some(StatusCode::INTERNAL_SERVER_ERROR) => {
                Err(NoAnswer::Failed(with_causes(&error.without_url())))
            }
            Err(error) => Err(away(error)),
        }
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
