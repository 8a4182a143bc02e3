//! A consumer of one topic: every event once, what is made of it published before it is marked, what cannot be read dead-lettered.

mod handler;
mod http;
mod store;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::envelope::Codec;
use super::registry::Registry;
use super::stages;
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::dead_letter::DeadLetters;
use crate::shared::faults::{COMMIT_FIRST, SHORT_MEMORY, consumer_faults, remembered_for};
use crate::shared::kafka::{Consumer, ConsumerFaults, ConsumerSettings, KafkaPublisher, on_a_thread, readiness};
use crate::shared::outside::Outside;
use crate::shared::processed;
use crate::shared::replay::{REPLAY_LOOPS, REPLAY_REWRITES, REPLAY_TWICE, Replays};
use crate::shared::store::open;

const SKIP_DEDUP: FaultInfo =
    FaultInfo { name: "skip-dedup", summary: "handles an event again however often it comes" };
const NO_DEAD_LETTER: FaultInfo = FaultInfo {
    name: "no-dead-letter",
    summary: "tries a record that it cannot read again for ever, and its partition waits behind it",
};
const EMPTY_DEAD_LETTER: FaultInfo =
    FaultInfo { name: "empty-dead-letter", summary: "writes dead letters without the original key" };
const REWRITES_DEAD_LETTER: FaultInfo = FaultInfo {
    name: "rewrites-dead-letter",
    summary: "writes a dead letter's value as text, so that bytes which are none are lost",
};
const LOSES_CORRELATION: FaultInfo =
    FaultInfo { name: "loses-correlation", summary: "gives what it makes a correlation id of its own" };
const WRONG_PARTITIONER: FaultInfo =
    FaultInfo { name: "wrong-partitioner", summary: "places keys by murmur2 instead of Java's hashCode" };
const LATE: FaultInfo = FaultInfo { name: "late", summary: "handles no record before it is 6 s old" };
const IGNORES: FaultInfo =
    FaultInfo { name: "ignore-event", summary: "marks events handled and makes nothing of them" };
const CRASH: FaultInfo = FaultInfo { name: "crash-on-event", summary: "dies with exit code 101 at the first event" };

const BLIND: FaultInfo = FaultInfo {
    name: "ignores-writer-schema",
    summary: "reads every record by the schema that it knows, whatever schema id the record says",
};
const TRUSTING: FaultInfo = FaultInfo {
    name: "takes-unknown-schema",
    summary: "reads a record by the schema that it knows where nobody knows the record's own",
};
const UNCOMMITTED: FaultInfo =
    FaultInfo { name: "reads-uncommitted", summary: "handles records of transactions that were aborted" };

const REORDER: FaultInfo =
    FaultInfo { name: "reorder", summary: "handles the first event of an organisation behind the second" };
const ANEW: FaultInfo = FaultInfo {
    name: "makes-anew",
    summary: "handles an event again however often it comes, and gives what it makes of it a new id each time",
};
const UNACKNOWLEDGED: FaultInfo = FaultInfo {
    name: "goes-on-unacknowledged",
    summary: "marks events handled although what it made of them was not acknowledged",
};
const SLOW: FaultInfo = FaultInfo { name: "slow", summary: "takes 20 ms for each record" };

/// The faults of every processor.
pub(super) const FAULTS: &[FaultInfo] = &[
    SKIP_DEDUP,
    COMMIT_FIRST,
    NO_DEAD_LETTER,
    EMPTY_DEAD_LETTER,
    REWRITES_DEAD_LETTER,
    LOSES_CORRELATION,
    WRONG_PARTITIONER,
    LATE,
    IGNORES,
    CRASH,
    BLIND,
    TRUSTING,
    UNCOMMITTED,
    REORDER,
    ANEW,
    UNACKNOWLEDGED,
    SLOW,
    SHORT_MEMORY,
    REPLAY_TWICE,
    REPLAY_LOOPS,
    REPLAY_REWRITES,
];

/// How old a record is with the fault `late`.
const LATE_BY: Duration = Duration::from_secs(6);
/// How long the fault `slow` takes for a record.
const SLOW_BY: Duration = Duration::from_millis(20);

/// Opens the store, joins the stage's group, and makes the routes.
pub(super) async fn build(service: &'static str, context: &Context) -> Result<Parts, ServeError> {
    let settings = &context.settings;
    let stage = stages::stage(service);
    let db = open(context, service, &store::schema()).await?;
    let registry = Arc::new(Registry::new(&settings.registry()?));
    let codec = |topic| {
        let made = Codec::new(topic, registry.clone(), settings.event_version);
        made.map_err(|reason| ServeError::Ended { part: "a schema", reason })
    };
    let publisher =
        KafkaPublisher::placing(&settings.brokers, service, settings.delivery_timeout, "murmur2_random", context.log)?;
    let publisher = Arc::new(publisher);
    let dead_letters =
        DeadLetters::new(publisher.clone(), context.metrics.clone(), context.log, handler::DEAD_LETTERED);
    handler::declare_metrics(&context.metrics);
    let letters = Replays::new(context, handler::dead_letter_topic(stage), publisher.clone(), Arc::new(db.clone()));
    let store =
        store::Journal { db, ttl: remembered_for(context), skip_dedup: context.has(SKIP_DEDUP) || context.has(ANEW) };
    let handler = handler::Handler {
        service,
        stage,
        input: codec(stage.input)?.blind(context.has(BLIND)).trusting(context.has(TRUSTING)),
        output: stage.output.map(codec).transpose()?,
        publisher,
        dead_letters,
        archive: archive(service, context)?,
        given_up: BTreeSet::new(),
        store: store.clone(),
        faults: handler::Faults {
            no_dead_letter: context.has(NO_DEAD_LETTER),
            empty_dead_letter: context.has(EMPTY_DEAD_LETTER),
            rewrites_dead_letter: context.has(REWRITES_DEAD_LETTER),
            loses_correlation: context.has(LOSES_CORRELATION),
            wrong_partitioner: context.has(WRONG_PARTITIONER),
            ignores: context.has(IGNORES),
            crash: context.has(CRASH),
            anew: context.has(ANEW),
            unacknowledged: context.has(UNACKNOWLEDGED),
            slow: context.has(SLOW).then_some(SLOW_BY),
        },
        held: context.has(REORDER).then(HashMap::new),
        clock: context.clock.clone(),
        metrics: context.metrics.clone(),
        log: context.log,
        stop: context.stop.clone(),
    };
    let consumer_settings = ConsumerSettings {
        group: stage.group.to_owned(),
        topics: vec![stage.input.name.to_owned()],
        ..ConsumerSettings::new(
            settings,
            service,
            ConsumerFaults {
                uncommitted: context.has(UNCOMMITTED),
                late: context.has(LATE).then_some(LATE_BY),
                ..consumer_faults(context)
            },
        )
    };
    let consumer =
        Consumer::new(consumer_settings, handler, context.metrics.clone(), context.log, context.stop.clone())?;
    let ready = readiness(consumer.assignment());
    let work = on_a_thread(move || consumer.run());
    let remembered = processed::routes(store.db.clone(), String::new());
    let router = remembered.merge(http::routes(store)).merge(letters.routes());
    Ok(Parts { router, ready, work: Some(("consumer", Box::pin(work))) })
}

/// The audit store, which is outside, and audit-writer's: where `ARCHIVE_URL` says.
fn archive(service: &str, context: &Context) -> Result<Option<Arc<Outside>>, ServeError> {
    let url = context.settings.archive_url.as_ref().filter(|_| service == "audit-writer");
    let outside = |url| Outside::new("the archive", format!("{url}/entries"), context).map(Arc::new);
    url.map(outside).transpose()
}
