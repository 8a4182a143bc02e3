//! Sending e-mails: a POST to the mail service, tried again with a growing pause, behind the circuit breaker.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::breaker::Breaker;
use crate::serve::Context;
use crate::shared::kafka::TryAgain;
use crate::shared::log::Log;
use crate::shared::metrics::Metrics;

const SENT: &str = "mails_sent_total";
const FAILED: &str = "mails_failed_total";
const OPENED: &str = "circuit_breaker_opened_total";
const LEVEL: &str = "circuit_breaker_state";
/// Attempts in a row before the breaker decides.
const ATTEMPTS: u32 = 3;
/// The pause before the second attempt, doubled before each later one.
const BACKOFF: Duration = Duration::from_millis(200);
/// How long the breaker rests.
const REST: Duration = Duration::from_millis(500);
/// How long the mail service may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// An e-mail. The mail service knows by its event that it has sent it already.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Mail {
    pub(super) event_id: String,
    pub(super) template: &'static str,
    pub(super) to: String,
    pub(super) project_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<String>,
}

/// Why a mail was not sent.
#[derive(Debug)]
pub(super) enum NotSent {
    /// The mail service refuses this very mail; another attempt would change nothing.
    Refused,
    /// The mail service does not work; nothing is wrong with the mail.
    Away(TryAgain),
}

/// Sends mails; clones share the breaker, and take turns.
#[derive(Clone)]
pub(super) struct Mailer {
    /// Without it nothing is sent, and everything else is as before.
    url: Option<String>,
    client: reqwest::Client,
    breaker: Arc<Mutex<Breaker>>,
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Fault: no pause between attempts.
    hasty: bool,
    metrics: Metrics,
    log: Log,
}

impl Mailer {
    pub(super) fn new(context: &Context, hasty: bool, unguarded: bool) -> Mailer {
        let metrics = context.metrics.clone();
        metrics.counter(SENT, "E-mails that the mail service took, by template.", true);
        metrics.counter(FAILED, "Attempts to send an e-mail that failed.", false);
        metrics.counter(OPENED, "How often the circuit breaker has opened.", false);
        metrics.gauge(LEVEL, "The circuit breaker: 0 closed, 1 half-open, 2 open.", false);
        Mailer {
            url: context.settings.mail_url.clone(),
            client: reqwest::Client::new(),
            breaker: Arc::new(Mutex::new(if unguarded { Breaker::that_never_opens() } else { Breaker::new(REST) })),
            turn: Arc::default(),
            hasty,
            metrics,
            log: context.log,
        }
    }

    /// Leave to look whether an event is known, send its mail and mark it. A replay reads beside the group: what one of them has in
    /// hand is not known to the other yet, and would be sent twice.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// How long the breaker still rests.
    pub(super) fn rest(&self) -> Option<Duration> {
        self.breaker().pass(Instant::now()).err()
    }

    /// Sends a mail, or says why not.
    pub(super) async fn send(&self, mail: &Mail) -> Result<(), NotSent> {
        let Some(url) = &self.url else { return Ok(()) };
        let mut attempt = 0;
        loop {
            if let Err(rest) = self.breaker().pass(Instant::now()) {
                return Err(away(format!("the circuit breaker is open for {} ms", rest.as_millis())));
            }
            attempt += 1;
            let reason = match self.post(url, mail).await {
                Ok(status) if status < 300 => {
                    self.metrics.add(SENT, &[("template", mail.template)], 1);
                    self.note(Breaker::succeeded);
                    return Ok(());
                }
                // It works: it only does not want this one.
                Ok(status) if (400..500).contains(&status) => {
                    self.note(Breaker::succeeded);
                    self.log
                        .warn(format_args!("event_id={}: the mail service refuses it with {status}", mail.event_id));
                    return Err(NotSent::Refused);
                }
                Ok(status) => format!("the mail service answers {status}"),
                Err(error) => format!("the mail service does not answer: {}", error.without_url()),
            };
            self.metrics.add(FAILED, &[], 1);
            let open = self.note(|breaker| breaker.failed(Instant::now()));
            self.log.warn(format_args!("attempt {attempt} of event_id={}: {reason}", mail.event_id));
            if open || attempt == ATTEMPTS {
                return Err(away(reason));
            }
            if !self.hasty {
                tokio::time::sleep(BACKOFF * (1 << (attempt - 1))).await;
            }
        }
    }

    async fn post(&self, url: &str, mail: &Mail) -> Result<u16, reqwest::Error> {
        let answer = self.client.post(format!("{url}/send")).timeout(PATIENCE).json(mail).send().await?;
        Ok(answer.status().as_u16())
    }

    /// Tells the breaker something, and shows what it came to.
    fn note<T>(&self, tell: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breaker = self.breaker();
        let before = breaker.opened();
        let said = tell(&mut breaker);
        self.metrics.add(OPENED, &[], breaker.opened() - before);
        self.metrics.set(LEVEL, &[], breaker.level());
        said
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn away(reason: String) -> NotSent {
    NotSent::Away(TryAgain(reason))
}
