//! event-service: consumes every task event once, and keeps the audit trail and the state of each task.
//!
//! Record → [`super::envelope`] (checked against the schema, or refused with the reason) → [`telling`] (the owner of a task that is
//! complete) → [`store`] (one transaction: not handled before? then audit trail, state, journal) → dead letters of what was refused →
//! commit. What is dead-lettered can be asked for once more ([`Replays`]).

mod handler;
mod http;
mod store;
mod telling;

use std::sync::Arc;
use std::time::Duration;

use super::envelope::Knows;
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::dead_letter::DeadLetters;
use crate::shared::faults::{COMMIT_FIRST, SHORT_MEMORY, consumer_faults, remembered_for};
use crate::shared::kafka::{
    Consumer, ConsumerFaults, ConsumerSettings, KafkaPublisher, Publish, on_a_thread, readiness,
};
use crate::shared::outside::Outside;
use crate::shared::processed;
use crate::shared::replay::{REPLAY_LOOPS, REPLAY_TWICE, Replays};
use crate::shared::store::open;

pub(super) const NAME: &str = "event-service";

const SKIP_DEDUP: FaultInfo =
    FaultInfo { name: "skip-dedup", summary: "handles an event again however often it comes" };
const DEDUP_BY_ENVELOPE: FaultInfo = FaultInfo {
    name: "dedup-by-envelope",
    summary: "tells duplicates by the CloudEvents id, which is new with every publish",
};
const PAYLOAD_PATH: FaultInfo = FaultInfo {
    name: "payload-path",
    summary: "reads event[\"payload\"] where Dapr delivers event[\"data\"][\"payload\"], and takes nothing",
};
const NO_DEAD_LETTER: FaultInfo = FaultInfo {
    name: "no-dead-letter",
    summary: "tries a record that it cannot read again for ever, and its partition waits behind it",
};
const DROPS_INVALID: FaultInfo = FaultInfo {
    name: "drops-invalid",
    summary: "logs a record that it cannot read, and goes on without a dead letter",
};
const KEYLESS_DEAD_LETTER: FaultInfo =
    FaultInfo { name: "keyless-dead-letter", summary: "writes dead letters without the record's key" };
const LATE: FaultInfo = FaultInfo { name: "late", summary: "handles no record before it is 3 s old" };
const REORDER: FaultInfo =
    FaultInfo { name: "reorder", summary: "lets records gather for half a second, and handles them newest first" };
const CREATED_WINS: FaultInfo = FaultInfo {
    name: "created-overwrites",
    summary: "takes a task for incomplete whenever its creation comes, also after its completion",
};
const FORGETS_DELETED: FaultInfo =
    FaultInfo { name: "forgets-deleted", summary: "marks task.deleted handled without any effect" };
const NO_METRICS: FaultInfo = FaultInfo { name: "no-metrics", summary: "does not count what it consumes" };
const REFUSES_NEW: FaultInfo =
    FaultInfo { name: "refuses-new-version", summary: "dead-letters events of a newer version than its own" };
const REFUSES_UNKNOWN: FaultInfo =
    FaultInfo { name: "refuses-unknown-field", summary: "dead-letters events with a field that it does not know" };
const NEEDS_NEW: FaultInfo =
    FaultInfo { name: "needs-new-field", summary: "dead-letters events without the field that version 2 added" };
const COUNTS_IN_ORDER: FaultInfo = FaultInfo {
    name: "counts-in-order",
    summary: "counts for a user only what comes behind the creation of the user's task",
};
const GIVES_UP: FaultInfo =
    FaultInfo { name: "gives-up", summary: "goes on where Kafka refuses a dead letter, and tries no second time" };
const NO_BACKOFF: FaultInfo = FaultInfo { name: "no-backoff", summary: "tries what failed again at once" };
const CRASH: FaultInfo =
    FaultInfo { name: "crash-on-completed", summary: "dies with exit code 101 at the first completion" };

/// The faults of this service.
pub(super) const FAULTS: &[FaultInfo] = &[
    SKIP_DEDUP,
    DEDUP_BY_ENVELOPE,
    PAYLOAD_PATH,
    COMMIT_FIRST,
    NO_DEAD_LETTER,
    DROPS_INVALID,
    KEYLESS_DEAD_LETTER,
    LATE,
    REORDER,
    CREATED_WINS,
    FORGETS_DELETED,
    NO_METRICS,
    SHORT_MEMORY,
    REFUSES_NEW,
    REFUSES_UNKNOWN,
    NEEDS_NEW,
    COUNTS_IN_ORDER,
    GIVES_UP,
    NO_BACKOFF,
    CRASH,
    REPLAY_TWICE,
    REPLAY_LOOPS,
];

/// The document's own name.
const CONSUMER_LAG: &str = "consumer_lag";
/// How old a record is with the fault `late`.
const LATE_BY: Duration = Duration::from_secs(3);
/// How long the fault `reorder` waits.
const GATHERS: Duration = Duration::from_millis(500);

/// Opens the store, joins the group, and makes the routes.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let settings = &context.settings;
    let db = open(context, NAME, &store::schema()).await?;
    context.log.info(format_args!("topics {}", settings.topics.join(",")));
    let publisher = KafkaPublisher::placing(&settings.brokers, NAME, settings.delivery_timeout, "fnv1a", context.log)?;
    let publisher: Arc<dyn Publish> = Arc::new(publisher);
    let letters = Arc::new(db.clone());
    let letters = Replays::new(context, handler::DEAD_LETTERS.to_owned(), publisher.clone(), letters);
    let counted = !context.has(NO_METRICS);
    if counted {
        handler::declare_metrics(&context.metrics);
    }
    let trail = store::Trail {
        db: db.clone(),
        ttl: remembered_for(context),
        faults: store::Faults {
            skip_dedup: context.has(SKIP_DEDUP),
            by_envelope: context.has(DEDUP_BY_ENVELOPE),
            created_wins: context.has(CREATED_WINS),
            forgets_deleted: context.has(FORGETS_DELETED),
            counts_in_order: context.has(COUNTS_IN_ORDER),
        },
    };
    let handler = handler::Handler {
        trail: trail.clone(),
        teller: teller(context, &trail)?,
        dead_letters: DeadLetters::new(publisher, context.metrics.clone(), context.log, handler::DEAD_LETTERED),
        knows: Knows {
            version: settings.event_version,
            refuses_new: context.has(REFUSES_NEW),
            refuses_unknown: context.has(REFUSES_UNKNOWN),
            needs_new: context.has(NEEDS_NEW),
        },
        faults: handler::Faults {
            payload_path: context.has(PAYLOAD_PATH),
            no_dead_letter: context.has(NO_DEAD_LETTER),
            drops_invalid: context.has(DROPS_INVALID),
            keyless_dead_letter: context.has(KEYLESS_DEAD_LETTER),
            gathers: context.has(REORDER).then_some(GATHERS),
            reorder: context.has(REORDER),
            crash: context.has(CRASH),
            gives_up: context.has(GIVES_UP),
        },
        clock: context.clock.clone(),
        metrics: context.metrics.clone(),
        log: context.log,
        stop: context.stop.clone(),
    };
    let faults = ConsumerFaults {
        late: context.has(LATE).then_some(LATE_BY),
        no_backoff: context.has(NO_BACKOFF),
        ..consumer_faults(context)
    };
    let consumer = Consumer::new(
        ConsumerSettings { lag: CONSUMER_LAG, ..ConsumerSettings::new(settings, NAME, faults) },
        handler,
        context.metrics.clone(),
        context.log,
        context.stop.clone(),
    )?;
    let ready = readiness(consumer.assignment());
    let work = on_a_thread(move || consumer.run());
    let remembered = processed::routes(db, String::new());
    let router = http::routes(trail).merge(remembered).merge(letters.routes());
    Ok(Parts { router, ready, work: Some(("consumer", Box::pin(work))) })
}

/// Who tells owners of completions: where `PUSH_URL` says how.
fn teller(context: &Context, trail: &store::Trail) -> Result<Option<telling::Teller>, ServeError> {
    let outside = |url| Outside::new("the push service", format!("{url}/send"), context);
    let push = context.settings.push_url.as_ref().map(outside).transpose()?;
    Ok(push.map(|push| telling::Teller { push, trail: trail.clone() }))
}
