//! feed-service: consumes content events once each, and shows every user the posts of those they follow.
//!
//! Record → [`event`] (read, or refused with the reason) → [`handler`] (followers, dead letters) → [`store`] (one transaction: not
//! handled before? then apply, remember, journal) → commit. Served over HTTP: feeds, the cache of posts, and the journal, which is the
//! effect that counts.

mod event;
mod graph_client;
mod handler;
mod http;
mod redis;
mod sqlite;
mod store;

use std::sync::Arc;
use std::time::Duration;

use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::dead_letter::DeadLetters;
use crate::shared::faults::{COMMIT_FIRST, consumer_faults};
use crate::shared::kafka::{Consumer, ConsumerSettings, KafkaPublisher, on_a_thread, readiness};
use crate::shared::settings::{SettingFault, SettingsError, StoreUrl};

pub(super) const NAME: &str = "feed-service";

const SKIP_DEDUP: FaultInfo = FaultInfo {
    name: "skip-dedup",
    summary: "handles an event again however often it comes, and lets a late created bring a removed post back",
};
const STALLED: FaultInfo = FaultInfo {
    name: "stalled",
    summary: "stays in its group but handles nothing from the first post on that somebody follows",
};
const LATE: FaultInfo = FaultInfo { name: "late", summary: "waits 7 s before it handles each batch" };
const CRASH: FaultInfo =
    FaultInfo { name: "crash-on-event", summary: "dies with exit code 101 at the first post that somebody follows" };
const FORGET_DELETE: FaultInfo = FaultInfo {
    name: "forget-delete",
    summary: "takes content.post.deleted as handled but leaves the post in the feeds",
};
const IGNORE_EVENT: FaultInfo =
    FaultInfo { name: "ignore-event", summary: "marks events processed without any effect" };

/// The faults of this service.
pub(super) const FAULTS: &[FaultInfo] = &[SKIP_DEDUP, COMMIT_FIRST, STALLED, LATE, CRASH, FORGET_DELETE, IGNORE_EVENT];

/// How long the fault `late` waits.
const LATE_BY: Duration = Duration::from_secs(7);

/// Opens the store, joins the group, and makes the routes.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let settings = &context.settings;
    let graph_url = settings.graph_url.clone().ok_or_else(|| {
        let expected = "the URL of the graph-service, such as http://127.0.0.1:8082";
        SettingsError(vec![SettingFault { name: "GRAPH_URL", value: None, expected }])
    })?;
    let url = settings.store_for(NAME);
    let store = open_store(&url, settings.processed_ttl)?;
    context.log.info(format_args!(
        "store {url}, topics {}, brokers {}, graph {graph_url}",
        settings.topics.join(","),
        settings.brokers
    ));
    let publisher = KafkaPublisher::new(&settings.brokers, NAME, settings.delivery_timeout, context.log)?;
    handler::declare_metrics(&context.metrics);
    let handler = handler::Handler {
        store: store.clone(),
        followers: Arc::new(graph_client::GraphClient::new(graph_url)?),
        dead_letters: DeadLetters::new(
            Arc::new(publisher),
            context.metrics.clone(),
            context.log,
            handler::DEAD_LETTERED,
        ),
        faults: handler::Faults {
            skip_dedup: context.has(SKIP_DEDUP),
            late: context.has(LATE).then_some(LATE_BY),
            crash_on_fan_out: context.has(CRASH),
            stall_on_fan_out: context.has(STALLED),
            forget_delete: context.has(FORGET_DELETE),
            ignore_events: context.has(IGNORE_EVENT),
        },
        clock: context.clock.clone(),
        metrics: context.metrics.clone(),
        log: context.log,
        stop: context.stop.clone(),
    };
    let consumer_settings = ConsumerSettings::new(settings, NAME, consumer_faults(context));
    let consumer =
        Consumer::new(consumer_settings, handler, context.metrics.clone(), context.log, context.stop.clone())?;
    let ready = readiness(consumer.assignment());
    let work = on_a_thread(move || consumer.run());
    Ok(Parts { router: http::routes(store), ready, work: Some(("consumer", Box::pin(work))) })
}

fn open_store(url: &StoreUrl, ttl: Duration) -> Result<Arc<dyn store::FeedStore>, ServeError> {
    Ok(match url {
        StoreUrl::Redis(address) => Arc::new(redis::RedisFeed::new(address, ttl).map_err(|e| url.error(e))?),
        _ => Arc::new(sqlite::SqliteFeed::open(url, ttl).map_err(|e| url.error(e))?),
    })
}
