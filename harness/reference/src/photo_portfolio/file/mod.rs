//! file-service: owns what happens to photos.
//!
//! HTTP → store and outbox in one transaction → `file.media.*`; and back: what was uploaded is processed, what is to be deleted is
//! deleted, each told again with the correlation id that it came with.

mod http;
mod kinds;
mod sample;
mod store;

use std::sync::Arc;

use super::{consumer, telling, topics};
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::kafka::{on_a_thread, readiness};
use crate::shared::outbox::outbox_routes;
use crate::shared::store::open;

pub(super) const NAME: &str = "file-service";

const WRONG_KEY: FaultInfo = FaultInfo { name: "wrong-key", summary: "uses the event id as the record's key" };
const NO_OUTBOX: FaultInfo = FaultInfo {
    name: "no-outbox",
    summary: "publishes an upload from memory after its commit, so a crash in between loses the event",
};
const ROLLS_BACK: FaultInfo = FaultInfo {
    name: "rolls-back",
    summary: "awaits the publish within the request and rolls the upload back without an acknowledgement, as the sample does",
};
const AT_ONCE: FaultInfo =
    FaultInfo { name: "published-at-once", summary: "says `published` before Kafka has acknowledged the event" };
const NEW_CORRELATION: FaultInfo =
    FaultInfo { name: "new-correlation", summary: "gives what it makes of an event a correlation id of its own" };

const REORDER: FaultInfo = FaultInfo {
    name: "reorder",
    summary: "polls twice a second, and publishes the rows of an outbox batch in reverse order",
};
const FORGETS: FaultInfo = FaultInfo {
    name: "forgets-at-start",
    summary: "empties its outbox when it starts: what a crash left is neither published again nor marked",
};
const NO_CAUSATION: FaultInfo =
    FaultInfo { name: "no-causation", summary: "does not say which event caused what it makes of it" };

/// The faults of this service; those of every consumer are behind them.
pub(super) const FAULTS: &[FaultInfo] = &consumer::with_own::<8, 18>([
    WRONG_KEY,
    NO_OUTBOX,
    ROLLS_BACK,
    AT_ONCE,
    NEW_CORRELATION,
    REORDER,
    FORGETS,
    NO_CAUSATION,
]);

/// What goes wrong with uploads.
#[derive(Debug, Clone, Copy)]
struct Faults {
    no_outbox: bool,
    published_at_once: bool,
}

/// Opens the store, joins the group, and makes the routes.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let db = open(context, NAME, &store::schema()).await?;
    if context.has(FORGETS) {
        let emptied = db.write(|tx| tx.run("DELETE FROM outbox", &[])).await;
        emptied.map_err(|e| context.settings.store_for(NAME).error(e))?;
    }
    let publisher = telling::publisher(NAME, context)?;
    let faults = telling::Faults {
        wrong_key: context.has(WRONG_KEY),
        reorder: context.has(REORDER),
        ..telling::Faults::default()
    };
    let relay = telling::relay(&db, publisher.clone(), faults, context);
    let work = Arc::new(store::Work {
        new_correlation: context.has(NEW_CORRELATION),
        no_causation: context.has(NO_CAUSATION),
    });
    let handler = consumer::reacting(NAME, &db, &publisher, work, context);
    let topics = topics::with_aliases(&[topics::UPLOADED, topics::DELETION_REQUESTED]);
    let reader = consumer::consumer(consumer::settings(NAME, topics, context), handler, context)?;
    let by_sample = context.has(NO_OUTBOX) || context.has(ROLLS_BACK);
    let api = http::Api {
        db: db.clone(),
        clock: context.clock.clone(),
        kinds: Arc::new(kinds::Kinds::new(context)?),
        sample: by_sample.then(|| sample::Sample::new(context)).transpose()?,
        faults: Faults { no_outbox: context.has(NO_OUTBOX), published_at_once: context.has(AT_ONCE) },
        log: context.log,
    };
    let router = http::routes(api).merge(consumer::routes(&db, &publisher)).merge(outbox_routes(db));
    let ready = readiness(reader.assignment());
    let work = super::relay_and_reader(relay, context.stop.clone(), on_a_thread(move || reader.run()));
    Ok(Parts { router, ready, work: Some(("relay and consumer", work)) })
}
