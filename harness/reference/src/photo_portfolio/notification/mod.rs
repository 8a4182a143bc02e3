//! notification-service: tells clients by e-mail that photos are ready, where they are, and that they are welcome.
//!
//! Record → [`handler`] → [`mail`], behind the [`breaker`] → marked as handled. It owns no events.

mod breaker;
mod handler;
mod mail;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{consumer, replay, telling, topics};
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::kafka::{Publish, on_a_thread, readiness};
use crate::shared::sql::Store;
use crate::shared::store::open;

pub(super) const NAME: &str = "notification-service";

const BURIES: FaultInfo = FaultInfo {
    name: "breaker-dead-letters",
    summary: "sends events to the dead letters while the mail service is down, instead of waiting",
};
const HASTY: FaultInfo = FaultInfo { name: "no-backoff", summary: "tries again at once, without a pause" };
const UNGUARDED: FaultInfo = FaultInfo {
    name: "no-breaker",
    summary: "has no circuit breaker: asks the mail service again and again while it is down",
};
const RESENDS: FaultInfo = FaultInfo { name: "replay-resends", summary: "sends the e-mails of replayed events again" };

/// The faults of this service; those of every consumer are behind them.
pub(super) const FAULTS: &[FaultInfo] = &consumer::with_own::<4, 14>([BURIES, HASTY, UNGUARDED, RESENDS]);

/// Opens the store, joins the group, and makes the routes.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let db = open(context, NAME, &consumer::schema()).await?;
    let publisher = telling::publisher(NAME, context)?;
    handler::declare_metrics(&context.metrics);
    let mailer = mail::Mailer::new(context, context.has(HASTY), context.has(UNGUARDED));
    let topics = topics::with_aliases(&[topics::PROCESSED, topics::LINK_CREATED, topics::GRANTED]);
    let read = topics.clone();
    let replayer = replay::Replayer {
        brokers: context.settings.brokers.clone(),
        service: NAME,
        takes: Arc::new(move |topic| read.iter().any(|name| name == topic)),
        ignores_time: false,
        // What was sent before is known; with the fault it is not.
        handler: Arc::new(tokio::sync::Mutex::new(handling(context, &db, &publisher, &mailer, context.has(RESENDS)))),
        log: context.log,
    };
    let handler = handling(context, &db, &publisher, &mailer, false);
    let reader = consumer::consumer(consumer::settings(NAME, topics, context), handler, context)?;
    let router = consumer::routes(&db, &publisher).merge(replay::routes(replayer));
    let ready = readiness(reader.assignment());
    let work = on_a_thread(move || reader.run());
    Ok(Parts { router, ready, work: Some(("consumer", Box::pin(work))) })
}

fn handling(
    context: &Context,
    db: &Store,
    publisher: &Arc<dyn Publish>,
    mailer: &mail::Mailer,
    forgets: bool,
) -> handler::Handler {
    let dedup = consumer::dedup(context);
    handler::Handler {
        db: db.clone(),
        mailer: mailer.clone(),
        intake: consumer::intake(NAME, db, publisher, context),
        dedup: consumer::Dedup { skip: dedup.skip || forgets, ..dedup },
        buries: context.has(BURIES),
        given_up: BTreeSet::new(),
        clock: context.clock.clone(),
        metrics: context.metrics.clone(),
        log: context.log,
    }
}
