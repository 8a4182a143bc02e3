//! Consuming as every service of this system does it: records are read by [`intake`], handled once each by [`handler`] or by a
//! handler of the service's own, written down in [`journal`]; what cannot be handled waits in [`letters`].

mod handler;
mod intake;
mod journal;
mod letters;

pub(super) use handler::{Handler, Reaction, declare_metrics};
pub(super) use intake::{Faults as IntakeFaults, Intake};
pub(super) use journal::{Dedup, note, routes as journal_routes, schema};
pub(super) use letters::routes as letter_routes;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::Context;
use crate::shared::faults::{COMMIT_FIRST, SHORT_MEMORY, consumer_faults, remembered_for};
use crate::shared::kafka::{BatchHandler, Consumer, ConsumerFaults, ConsumerSettings, KafkaPublisher, Publish};
use crate::shared::processed;
use crate::shared::settings::OffsetReset;
use crate::shared::sql::Store;

pub(super) const SKIP_DEDUP: FaultInfo =
    FaultInfo { name: "skip-dedup", summary: "handles an event again however often it comes" };
pub(super) const ALIAS_TWICE: FaultInfo =
    FaultInfo { name: "alias-twice", summary: "takes an event under its old name for another event" };
pub(super) const NO_DEAD_LETTER: FaultInfo =
    FaultInfo { name: "no-dead-letter", summary: "tries a record that it cannot handle again for ever" };
pub(super) const DROPS: FaultInfo = FaultInfo {
    name: "drops-unreadable",
    summary: "forgets a record that it cannot read: no dead letter, nothing to review",
};
pub(super) const KEYLESS: FaultInfo =
    FaultInfo { name: "keyless-dead-letter", summary: "writes dead letters without the record's key" };
pub(super) const SHARES_LETTERS: FaultInfo = FaultInfo {
    name: "shares-dead-letters",
    summary: "writes dead letters to one topic for each domain, whoever could not handle the record",
};
pub(super) const QUOTES: FaultInfo =
    FaultInfo { name: "token-in-dead-letter", summary: "quotes the record in the dead letter's error header" };
pub(super) const LATE: FaultInfo = FaultInfo { name: "late", summary: "handles no record before it is 8 s old" };

/// The faults of every consumer.
const FAULTS: [FaultInfo; 10] =
    [SKIP_DEDUP, ALIAS_TWICE, SHORT_MEMORY, NO_DEAD_LETTER, DROPS, KEYLESS, SHARES_LETTERS, QUOTES, LATE, COMMIT_FIRST];

/// The faults of a service, and behind them those of every consumer.
pub(super) const fn with_own<const OWN: usize, const ALL: usize>(own: [FaultInfo; OWN]) -> [FaultInfo; ALL] {
    assert!(OWN + FAULTS.len() == ALL);
    let mut all = [SKIP_DEDUP; ALL];
    let mut at = 0;
    while at < ALL {
        all[at] = if at < OWN { own[at] } else { FAULTS[at - OWN] };
        at += 1;
    }
    all
}

/// How old a record is with the fault `late`.
const LATE_BY: Duration = Duration::from_secs(8);

/// How a service knows its events again.
pub(super) fn dedup(context: &Context) -> Dedup {
    Dedup { ttl: remembered_for(context), skip: context.has(SKIP_DEDUP), by_name: context.has(ALIAS_TWICE) }
}

/// The intake of a service.
pub(super) fn intake(service: &'static str, db: &Store, publisher: &Arc<dyn Publish>, context: &Context) -> Intake {
    let faults = IntakeFaults {
        stuck: context.has(NO_DEAD_LETTER),
        drops: context.has(DROPS),
        keyless: context.has(KEYLESS),
        shares: context.has(SHARES_LETTERS),
        quotes: context.has(QUOTES),
    };
    Intake::new(service, db.clone(), publisher.clone(), context, faults)
}

/// A handler of events by a reaction.
pub(super) fn reacting(
    service: &'static str,
    db: &Store,
    publisher: &Arc<dyn Publish>,
    reaction: Arc<dyn Reaction>,
    context: &Context,
) -> Handler {
    declare_metrics(&context.metrics);
    Handler {
        db: db.clone(),
        reaction,
        intake: intake(service, db, publisher, context),
        dedup: dedup(context),
        clock: context.clock.clone(),
        metrics: context.metrics.clone(),
        log: context.log,
    }
}

/// A producer as the system's services have it: keys are placed as the TypeScript client of the document places them.
pub(super) fn publisher(client: &str, patience: Duration, context: &Context) -> Result<KafkaPublisher, ServeError> {
    KafkaPublisher::placing(&context.settings.brokers, client, patience, "murmur2_random", context.log)
}

/// How a service reads: in the group of its own name, from the beginning of topics that are new to the group.
pub(super) fn settings(service: &'static str, topics: Vec<String>, context: &Context) -> ConsumerSettings {
    let faults = ConsumerFaults { late: context.has(LATE).then_some(LATE_BY), ..consumer_faults(context) };
    ConsumerSettings {
        group: service.to_owned(),
        topics,
        // A topic that is created later has records before the group knows of it.
        reset: OffsetReset::Earliest,
        ..ConsumerSettings::new(&context.settings, service, faults)
    }
}

/// The consumer of a service.
pub(super) fn consumer<H: BatchHandler>(
    settings: ConsumerSettings,
    handler: H,
    context: &Context,
) -> Result<Consumer<H>, ServeError> {
    Consumer::new(settings, handler, context.metrics.clone(), context.log, context.stop.clone())
}

/// What every consumer shows over HTTP.
pub(super) fn routes(db: &Store, publisher: &Arc<dyn Publish>) -> Router {
    let remembered = processed::routes(db.clone(), String::new());
    journal_routes(db.clone()).merge(letter_routes(db.clone(), publisher.clone())).merge(remembered)
}
