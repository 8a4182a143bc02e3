//! What every service of the system is put together from: store, readiness, outbox worker, consumer.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::Context;
use crate::shared::dead_letter::DeadLetters;
use crate::shared::faults::{consumer_faults, remembered_for};
use crate::shared::kafka::{Assignment, BatchHandler, Consumer, ConsumerSettings, KafkaPublisher, on_a_thread};
use crate::shared::outbox::{Came, OutboxFaults, Relay, declare_metrics, plain_record};
use crate::shared::sql::Store;

use super::taking::{self, Take, Taker};

pub(super) use crate::shared::store::{answers as store_answers, open};

/// A producer that places keys as the document's services do.
pub(super) fn publisher(context: &Context, service: &str) -> Result<KafkaPublisher, ServeError> {
    let settings = &context.settings;
    KafkaPublisher::new(&settings.brokers, service, settings.delivery_timeout, context.log)
}

/// The outbox's worker.
pub(super) fn relay(context: &Context, db: Store, publisher: KafkaPublisher, faults: OutboxFaults) -> Relay {
    declare_metrics(&context.metrics);
    Relay {
        db,
        publisher: Arc::new(publisher),
        settings: context.settings.outbox,
        faults,
        record: Arc::new(plain_record),
        clock: context.clock.clone(),
        metrics: context.metrics.clone(),
        log: context.log,
        came: Came::default(),
    }
}

/// What a taker reads, and where it buries.
pub(super) struct Reading {
    pub(super) service: &'static str,
    pub(super) group: String,
    pub(super) topics: Vec<String>,
    pub(super) dead_letter_topic: String,
    /// How long records are gathered before they are handled, and how many at most.
    pub(super) gather: Duration,
    pub(super) batch: usize,
    pub(super) skip_dedup: bool,
    pub(super) drops_unreadable: bool,
}

/// A fault that every taker can have.
pub(super) const DROPS_UNREADABLE: FaultInfo =
    FaultInfo { name: "drops-unreadable", summary: "logs what it cannot read, and goes on without a dead letter" };

/// A taker with its consumer: which partitions it holds, and its work.
pub(super) fn take<T: Take>(
    context: &Context,
    db: Store,
    take: T,
    reading: Reading,
) -> Result<(Assignment, impl Future<Output = Result<(), ServeError>> + use<T>), ServeError> {
    taking::declare_metrics(&context.metrics);
    let publisher = Arc::new(publisher(context, reading.service)?);
    let taker = Taker {
        take,
        db,
        dead_letters: DeadLetters::new(publisher, context.metrics.clone(), context.log, taking::DEAD_LETTERED),
        dead_letter_topic: reading.dead_letter_topic,
        ttl: remembered_for(context),
        gather: reading.gather,
        stop: context.stop.clone(),
        skip_dedup: reading.skip_dedup,
        drops_unreadable: reading.drops_unreadable,
        clock: context.clock.clone(),
        metrics: context.metrics.clone(),
        log: context.log,
    };
    let base = ConsumerSettings::new(&context.settings, reading.service, consumer_faults(context));
    let settings = ConsumerSettings { group: reading.group, topics: reading.topics, batch: reading.batch, ..base };
    consume(context, settings, taker)
}

fn consume<H: BatchHandler + Send + 'static>(
    context: &Context,
    settings: ConsumerSettings,
    handler: H,
) -> Result<(Assignment, impl Future<Output = Result<(), ServeError>> + use<H>), ServeError> {
    let consumer = Consumer::new(settings, handler, context.metrics.clone(), context.log, context.stop.clone())?;
    let assignment = consumer.assignment();
    Ok((assignment, on_a_thread(move || consumer.run())))
}
