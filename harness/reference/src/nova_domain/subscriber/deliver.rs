//! Sending what is to be sent: up to three attempts in all, the pause before each retry twice the one before.

use std::time::Duration;

use serde_json::json;

use super::super::faults::{LOGS_ADDRESS, NO_BACKOFF, ONE_LESS, ONE_MORE};
use super::super::roles::{Delivery, Way};
use crate::ServeError;
use crate::serve::Context;
use crate::shared::log::Log;
use crate::shared::stop::Stop;

/// The document's number of attempts; the pauses are ours.
const ATTEMPTS: u32 = 3;
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
/// How long the outside may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

/// Sends messages to people.
pub(super) struct Sender {
    http: reqwest::Client,
    mail: Option<String>,
    push: Option<String>,
    attempts: u32,
    backoff: Duration,
    logs_address: bool,
    log: Log,
    stop: Stop,
}

/// Why a message was not sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotSent {
    /// Every attempt failed; the last one for this reason.
    Failed(String),
    /// The service is to end.
    Stopping,
}

impl Sender {
    pub(super) fn new(context: &Context) -> Result<Sender, ServeError> {
        let http = reqwest::Client::builder().timeout(ANSWER).build();
        let http = http.map_err(|error| ServeError::Ended { part: "the HTTP client", reason: error.to_string() })?;
        let (more, less) = (context.has(ONE_MORE), context.has(ONE_LESS));
        Ok(Sender {
            http,
            mail: context.settings.mail_url.clone(),
            push: context.settings.push_url.clone(),
            attempts: ATTEMPTS + u32::from(more) - u32::from(less),
            backoff: if context.has(NO_BACKOFF) { Duration::ZERO } else { FIRST_BACKOFF },
            logs_address: context.has(LOGS_ADDRESS),
            log: context.log,
            stop: context.stop.clone(),
        })
    }

    /// Sends all of an event's messages, one after the other; the first that fails for good ends it.
    pub(super) async fn deliver(&self, deliveries: &[Delivery]) -> Result<(), NotSent> {
        for delivery in deliveries {
            self.with_retries(delivery).await?;
        }
        Ok(())
    }

    async fn with_retries(&self, delivery: &Delivery) -> Result<(), NotSent> {
        let mut attempt = 1;
        loop {
            let Err(reason) = self.attempt(delivery).await else { return Ok(()) };
            let Delivery { event_id, event_type, .. } = delivery;
            self.log.warn(format_args!("attempt {attempt} for {event_type} event_id={event_id}: {reason}"));
            if attempt >= self.attempts {
                return Err(NotSent::Failed(format!("not sent after {attempt} attempts: {reason}")));
            }
            self.stop.sleep(self.backoff.saturating_mul(1 << (attempt - 1).min(10))).await;
            if self.stop.is_set() {
                return Err(NotSent::Stopping);
            }
            attempt += 1;
        }
    }

    async fn attempt(&self, delivery: &Delivery) -> Result<(), String> {
        let (url, what) = match delivery.way {
            Way::Mail => (&self.mail, "the mail service"),
            Way::Push => (&self.push, "the push service"),
        };
        if self.logs_address {
            self.log.info(format_args!("to {}", delivery.address.as_deref().unwrap_or_default()));
        }
        let url = url.as_ref().ok_or_else(|| format!("nobody says where {what} is"))?;
        let body = json!({
            "event_id": delivery.event_id,
            "template": delivery.event_type,
            "to": delivery.to,
            "address": delivery.address,
        });
        // Of an error only its kind is said: its text may hold what was sent.
        let answer = self.http.post(format!("{url}/send")).json(&body).send().await;
        match answer.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => Ok(()),
            Ok(status) => Err(format!("{what} answered {}", status.as_u16())),
            Err(error) if error.is_timeout() => Err(format!("{what} did not answer in time")),
            Err(_) => Err(format!("{what} cannot be reached")),
        }
    }
}
