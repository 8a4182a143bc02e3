//! What services are made of that only look on from outside: they join no group, and are ready once something is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;

use super::kafka::{Brokers, LogContext, on_a_thread};
use super::log::Log;
use crate::ServeError;
use crate::serve::Parts;

/// A service that only measures: it is ready once something is measured.
pub(crate) fn measuring(
    ready: Arc<AtomicBool>,
    run: impl FnOnce() -> Result<(), ServeError> + Send + 'static,
) -> Parts {
    let is_ready = move || {
        let shown = ready.load(Ordering::Relaxed);
        Box::pin(async move { if shown { Ok(()) } else { Err("nothing is measured yet".to_owned()) } }) as _
    };
    let work = on_a_thread(run);
    Parts { router: Router::new(), ready: Arc::new(is_ready), work: Some(("exporter", Box::pin(work))) }
}

/// A client that may ask for a group's positions and joins none, with some settings more. A broker that is back is found again within a
/// second: who looks on must not be the last to see.
pub(crate) fn onlooker(
    brokers: &Brokers,
    name: &str,
    group: &str,
    more: &[(&str, &str)],
    log: Log,
) -> Result<BaseConsumer<LogContext>, KafkaError> {
    let mut config = brokers.client();
    config.set("client.id", name).set("group.id", group).set("enable.auto.commit", "false");
    config.set("reconnect.backoff.max.ms", "1000");
    more.iter().for_each(|(setting, value)| _ = config.set(*setting, *value));
    config.create_with_context(LogContext(log))
}
