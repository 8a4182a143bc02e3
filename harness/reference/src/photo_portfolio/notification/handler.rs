//! Handling a batch: event by event, an e-mail each; sent first, then marked. What is cut off in between is sent again: at least
//! once, as far as a mail service that does not know its mails again can be used.

use std::collections::BTreeSet;
use std::time::Duration;

use super::mail::{Mail, Mailer, NotSent};
use crate::photo_portfolio::consumer::{self, Dedup, Intake};
use crate::photo_portfolio::event::Event;
use crate::photo_portfolio::topics;
use crate::shared::clock::Clock;
use crate::shared::dead_letter::Unreadable;
use crate::shared::kafka::{BatchHandler, Record, TryAgain};
use crate::shared::log::Log;
use crate::shared::metrics::Metrics;
use crate::shared::processed;
use crate::shared::sql::Store;

const DELAY: &str = "upload_to_notification_seconds";
/// Where a magic link leads.
const GALLERY: &str = "https://gallery.example.org/open#";

/// Declares what the handler measures.
pub(super) fn declare_metrics(metrics: &Metrics) {
    metrics.histogram(DELAY, "From the upload of a photo to the e-mail that says it is ready.");
}

/// Sends e-mails about events.
pub(super) struct Handler {
    pub(super) db: Store,
    pub(super) mailer: Mailer,
    pub(super) intake: Intake,
    pub(super) dedup: Dedup,
    /// Fault: an open breaker sends to the dead letters.
    pub(super) buries: bool,
    /// Where records of the batch at hand stand whose dead letters are written.
    pub(super) given_up: BTreeSet<(String, i32, i64)>,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) log: Log,
}

impl BatchHandler for Handler {
    async fn handle(&mut self, batch: &[Record]) -> Result<(), TryAgain> {
        let (events, unreadable) = self.intake.read(batch);
        for (record, event) in &events {
            let place = (record.topic.clone(), record.partition, record.offset);
            if self.given_up.contains(&place) {
                continue;
            }
            let reason = match self.notify(event).await {
                Ok(()) => continue,
                Err(NotSent::Refused) => "refused: status /mail".to_owned(),
                Err(NotSent::Away(_)) if self.buries => "refused: away /mail".to_owned(),
                Err(NotSent::Away(again)) => return Err(again),
            };
            // At once: where one further on has to be tried again the batch begins anew, and nobody is asked again who refused.
            self.intake.refuse(vec![Unreadable { record, reason }]).await?;
            self.given_up.insert(place);
        }
        self.intake.refuse(unreadable).await?;
        self.given_up.clear();
        Ok(())
    }

    fn rest(&self) -> Option<Duration> {
        self.mailer.rest()
    }
}

impl Handler {
    async fn notify(&self, event: &Event) -> Result<(), NotSent> {
        let Event { kind, id, .. } = event;
        let Some(mail) = mail(event) else { return Ok(()) };
        let _turn = self.mailer.turn().await;
        if self.is_known(event).await.map_err(not_now)? {
            self.log.info(format_args!("skipped {kind}: handled before event_id={id}"));
            return Ok(());
        }
        self.mailer.send(&mail).await?;
        self.mark(event).await.map_err(not_now)?;
        self.measure(event);
        self.log.info(format_args!("sent {} for {kind} event_id={id}", mail.template));
        Ok(())
    }

    async fn is_known(&self, event: &Event) -> Result<bool, String> {
        if self.dedup.skip {
            return Ok(false);
        }
        let (id, now) = (self.dedup.id(event), self.clock.now_ms());
        self.db.read(move |sql| processed::is_marked(sql, &id, now)).await.map_err(|e| e.to_string())
    }

    async fn mark(&self, event: &Event) -> Result<(), String> {
        let (event, dedup, now) = (event.clone(), self.dedup, self.clock.now_ms());
        let written = self.db.write(move |tx| {
            dedup.is_new(tx, &event, now)?;
            consumer::note(tx, &event)
        });
        written.await.map_err(|e| e.to_string())
    }

    /// A processed photo says when it was ready and how long that took: before that it was uploaded.
    fn measure(&self, event: &Event) {
        if event.kind != topics::PROCESSED {
            return;
        }
        let took = event.data["processingTimeMs"].as_i64().unwrap_or_default();
        let since = (self.clock.now() - event.at).num_milliseconds().max(0).saturating_add(took);
        self.metrics.observe(DELAY, Duration::from_millis(u64::try_from(since).unwrap_or_default()));
    }
}

fn not_now(reason: String) -> NotSent {
    NotSent::Away(TryAgain(reason))
}

/// The e-mail of an event. Whom a project's photos are announced to is the mail service's to know.
fn mail(event: &Event) -> Option<Mail> {
    let text = |name: &str| event.data[name].as_str().unwrap_or_default();
    let (template, to, link) = match event.kind.as_str() {
        topics::PROCESSED => ("photos-ready", format!("project:{}", event.aggregate_id), None),
        topics::LINK_CREATED => {
            ("magic-link", text("clientEmail").to_owned(), Some(format!("{GALLERY}{}", text("token"))))
        }
        topics::GRANTED => ("welcome", text("clientEmail").to_owned(), None),
        _ => return None,
    };
    Some(Mail { event_id: event.id.clone(), template, to, project_id: event.aggregate_id.clone(), link })
}
