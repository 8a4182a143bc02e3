//! Calls of a service outside, each on behalf of an event: three attempts in all, the pause before each retry twice the one before.

use std::time::Duration;

use serde_json::Value;

use super::log::Log;
use super::stop::Stop;
use crate::ServeError;
use crate::serve::Context;

const ATTEMPTS: u32 = 3;
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// How long the outside may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

/// A service outside; it is told of an event as often as it takes, and knows by the event's id what it was told before.
pub(crate) struct Outside {
    /// As it is called in reasons and logs: "the archive".
    name: &'static str,
    url: String,
    client: reqwest::Client,
    log: Log,
    stop: Stop,
}

/// Why it was not told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotTold {
    /// Every attempt failed; the last one for this reason.
    GivenUp(String),
    /// The service is to end.
    Stopping,
}

impl Outside {
    /// The service that takes a POST at `url`.
    pub(crate) fn new(name: &'static str, url: String, context: &Context) -> Result<Outside, ServeError> {
        let client = reqwest::Client::builder().timeout(ANSWER).build();
        let client =
            client.map_err(|error| ServeError::Ended { part: "the HTTP client", reason: error.to_string() })?;
        Ok(Outside { name, url, client, log: context.log, stop: context.stop.clone() })
    }

    /// Tells it what there is to say of an event.
    pub(crate) async fn tell(&self, event_id: &str, body: &Value) -> Result<(), NotTold> {
        let mut attempt = 1;
        loop {
            let Err(reason) = self.attempt(body).await else { return Ok(()) };
            self.log.warn(format_args!("attempt {attempt} for event_id={event_id}: {reason}"));
            if attempt >= ATTEMPTS {
                return Err(NotTold::GivenUp(format!("not told after {attempt} attempts: {reason}")));
            }
            self.stop.sleep(FIRST_BACKOFF * (1 << (attempt - 1))).await;
            if self.stop.is_set() {
                return Err(NotTold::Stopping);
            }
            attempt += 1;
        }
    }

    /// Of an error only its kind is said: its text may hold what was sent.
    async fn attempt(&self, body: &Value) -> Result<(), String> {
        let answer = self.client.post(&self.url).json(body).send().await;
        match answer.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => Ok(()),
            Ok(status) => Err(format!("{} answered {}", self.name, status.as_u16())),
            Err(error) if error.is_timeout() => Err(format!("{} did not answer in time", self.name)),
            Err(_) => Err(format!("{} cannot be reached", self.name)),
        }
    }
}
