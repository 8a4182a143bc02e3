//! The audit store, which is outside: an entry is written once it was answered so. Three attempts in all, the pause before each retry
//! twice the one before; then the entry is given up.

use std::time::Duration;

use serde_json::json;

use super::super::envelope::Event;
use crate::ServeError;
use crate::serve::Context;
use crate::shared::log::Log;
use crate::shared::stop::Stop;

/// Who has an archive.
const OWNER: &str = "audit-writer";
const ATTEMPTS: u32 = 3;
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// How long the archive may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

/// Writes entries to the archive, which tells an entry that comes twice by its event id.
pub(super) struct Archive {
    url: String,
    client: reqwest::Client,
    log: Log,
    stop: Stop,
}

/// Why an entry was not written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotWritten {
    /// Every attempt failed; the last one for this reason.
    GivenUp(String),
    /// The service is to end.
    Stopping,
}

impl Archive {
    /// The archive of a service that has one: where `ARCHIVE_URL` says.
    pub(super) fn of(service: &str, context: &Context) -> Result<Option<Archive>, ServeError> {
        let Some(url) = context.settings.archive_url.clone().filter(|_| service == OWNER) else { return Ok(None) };
        let client = reqwest::Client::builder().timeout(ANSWER).build();
        let client =
            client.map_err(|error| ServeError::Ended { part: "the HTTP client", reason: error.to_string() })?;
        Ok(Some(Archive { url, client, log: context.log, stop: context.stop.clone() }))
    }

    /// Writes an entry, however many of the attempts it takes.
    pub(super) async fn write(&self, event: &Event) -> Result<(), NotWritten> {
        let mut attempt = 1;
        loop {
            let Err(reason) = self.attempt(event).await else { return Ok(()) };
            self.log.warn(format_args!("attempt {attempt} for event_id={}: {reason}", event.event_id));
            if attempt >= ATTEMPTS {
                return Err(NotWritten::GivenUp(format!("not written after {attempt} attempts: {reason}")));
            }
            self.stop.sleep(FIRST_BACKOFF * (1 << (attempt - 1))).await;
            if self.stop.is_set() {
                return Err(NotWritten::Stopping);
            }
            attempt += 1;
        }
    }

    async fn attempt(&self, event: &Event) -> Result<(), String> {
        let Event { event_id, correlation_id, org_id, payload } = event;
        let entry =
            json!({"event_id": event_id, "correlation_id": correlation_id, "org_id": org_id, "payload": payload});
        let answer = self.client.post(format!("{}/entries", self.url)).json(&entry).send().await;
        match answer.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => Ok(()),
            Ok(status) => Err(format!("the archive answered {}", status.as_u16())),
            Err(error) if error.is_timeout() => Err("the archive did not answer in time".to_owned()),
            Err(_) => Err("the archive cannot be reached".to_owned()),
        }
    }
}
