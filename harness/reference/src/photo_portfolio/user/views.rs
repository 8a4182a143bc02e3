//! Page views: fire and forget. A view is handed to the producer and nobody waits; what is lost is counted.

use std::sync::Arc;
use std::time::Duration;

use crate::ServeError;
use crate::photo_portfolio::consumer;
use crate::serve::Context;
use crate::shared::kafka::{KafkaPublisher, OutRecord, Publish, PublishError};
use crate::shared::log::Log;
use crate::shared::metrics::Metrics;
use crate::shared::outbox::NewEvent;

const LOST: &str = "page_views_lost_total";
/// How long the producer keeps a view that Kafka does not take.
const PATIENCE: Duration = Duration::from_secs(1);
/// The producer's own name: what is critical has another producer, and never stands behind views.
const CLIENT: &str = "user-service-views";

/// Publishes page views.
#[derive(Clone)]
pub(super) struct Views {
    publisher: Arc<KafkaPublisher>,
    metrics: Metrics,
    log: Log,
    /// Fault: waits for the acknowledgement.
    waits: bool,
    /// Fault: loses without a word.
    silent: bool,
}

impl Views {
    pub(super) fn new(context: &Context, waits: bool, silent: bool) -> Result<Views, ServeError> {
        context.metrics.counter(LOST, "Page views that Kafka did not take in time, by reason.", true);
        let publisher = Arc::new(consumer::publisher(CLIENT, PATIENCE, context)?);
        Ok(Views { publisher, metrics: context.metrics.clone(), log: context.log, waits, silent })
    }

    /// Hands a view over. Fails never; with the fault that waits, when Kafka does.
    pub(super) async fn tell(&self, event: NewEvent) -> Result<(), String> {
        let record = OutRecord {
            topic: event.topic,
            partition: None,
            key: Some(event.key.into_bytes()),
            payload: Some(event.payload.into_bytes()),
            headers: Vec::new(),
        };
        let own = self.clone();
        let sent = async move { own.settle(own.publisher.publish(vec![record]).await) };
        if self.waits {
            return sent.await;
        }
        tokio::spawn(sent);
        Ok(())
    }

    fn settle(&self, outcomes: Vec<Result<(), PublishError>>) -> Result<(), String> {
        let Some(error) = outcomes.into_iter().find_map(Result::err) else { return Ok(()) };
        if !self.silent {
            self.metrics.add(LOST, &[("reason", "not_acknowledged")], 1);
            self.log.warn(format_args!("lost a page view: {error}"));
        }
        Err(error.to_string())
    }
}
