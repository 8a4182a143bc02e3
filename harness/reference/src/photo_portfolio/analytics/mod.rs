//! analytics-service: takes every event of the business, whatever kinds there will be, and keeps it: projects' histories and facts.
//!
//! Wildcard subscriptions → [`store`] (event store and facts, in one transaction) → HTTP. The store outlives the topics.

mod http;
mod store;

use std::sync::Arc;

use super::{consumer, replay, telling, topics};
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::kafka::{ConsumerSettings, on_a_thread, readiness};
use crate::shared::settings::StoreUrl;
use crate::shared::store::open_at;

pub(super) const NAME: &str = "analytics-service";

const WIDE: FaultInfo = FaultInfo {
    name: "wildcard-unanchored",
    summary: "takes `file.*` for a regular expression as it stands, which matches anywhere and needs no dot",
};
const DEAD_TOO: FaultInfo = FaultInfo {
    name: "wildcard-takes-dead-letters",
    summary: "subscribes to everything under a domain, dead letters too, and counts them a second time",
};
const FIXED: FaultInfo = FaultInfo { name: "wildcard-fixed", summary: "resolves its wildcards once, when it starts" };
const MEMORY: FaultInfo = FaultInfo {
    name: "history-in-memory",
    summary: "keeps the event store in memory, though the group's position is kept",
};
const COUNTS_AGAIN: FaultInfo =
    FaultInfo { name: "replay-counts-again", summary: "adds replayed events to facts that have them already" };

const IGNORES_TIME: FaultInfo =
    FaultInfo { name: "replay-ignores-time", summary: "replays everything, whatever time the request says" };

/// The faults of this service; those of every consumer are behind them.
pub(super) const FAULTS: &[FaultInfo] =
    &consumer::with_own::<6, 16>([WIDE, DEAD_TOO, FIXED, MEMORY, COUNTS_AGAIN, IGNORES_TIME]);

/// Opens the store, joins the group, and makes the routes.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let url = context.settings.store_for(NAME);
    let url = if context.has(MEMORY) { StoreUrl::SqliteMemory } else { url };
    let db = open_at(&url, NAME, &store::schema()).await?;
    let publisher = telling::publisher(NAME, context)?;
    let counts_again = context.has(COUNTS_AGAIN);
    let work = Arc::new(store::Work);
    let replayer = replay::Replayer {
        brokers: context.settings.brokers.clone(),
        service: NAME,
        takes: Arc::new(topics::is_of_business),
        ignores_time: context.has(IGNORES_TIME),
        handler: Arc::new(tokio::sync::Mutex::new(consumer::reacting(NAME, &db, &publisher, work.clone(), context))),
        log: context.log,
    };
    let handler = consumer::reacting(NAME, &db, &publisher, work, context);
    let reader = consumer::consumer(subscription(context)?, handler, context)?;
    let api = http::Api { db: db.clone(), replayer, counts_again };
    let router = http::routes(api).merge(consumer::routes(&db, &publisher));
    let ready = readiness(reader.assignment());
    let work = on_a_thread(move || reader.run());
    Ok(Parts { router, ready, work: Some(("consumer", Box::pin(work))) })
}

/// All four domains as wildcards; what ends like a dead letter or a replay is as if it were not there.
fn subscription(context: &Context) -> Result<ConsumerSettings, ServeError> {
    let wide = context.has(WIDE);
    let pattern = |domain: &str| if wide { format!("^.*{domain}.*") } else { topics::wildcard(domain) };
    let topics = if context.has(FIXED) {
        replay::topics_now(&context.settings.brokers, topics::is_of_business)?
    } else {
        topics::DOMAINS.iter().map(|domain| pattern(domain)).chain(topics::old_names_elsewhere()).collect()
    };
    let ignored = if context.has(DEAD_TOO) { Vec::new() } else { topics::never_by_wildcard() };
    Ok(ConsumerSettings { ignored, ..consumer::settings(NAME, topics, context) })
}
