//! content-service: posts over HTTP; each change and its event are written in one transaction, and the outbox publishes.

mod events;
mod http;
mod input;
mod store;

use std::sync::Arc;

use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::kafka::KafkaPublisher;
use crate::shared::outbox::{OutboxFaults, Relay, declare_metrics, outbox_routes, plain_record};
use crate::shared::settings::StoreUrl;
use crate::shared::sqlite::Db;

pub(super) const NAME: &str = "content-service";

const WRONG_KEY: FaultInfo = FaultInfo {
    name: "wrong-key",
    summary: "uses user_id as the record key instead of post_id, so a post's events lose their order",
};
const OUTBOX_LOST: FaultInfo =
    FaultInfo { name: "outbox-lost", summary: "marks outbox rows published without publishing them" };
const WRONG_PAYLOAD: FaultInfo = FaultInfo {
    name: "wrong-payload",
    summary: "leaves caption out of content.post.created and writes created_at without T and zone",
};
const OUTBOX_TWICE: FaultInfo = FaultInfo { name: "outbox-twice", summary: "publishes every outbox row twice" };
const REORDER: FaultInfo =
    FaultInfo { name: "reorder", summary: "publishes the rows of an outbox batch in reverse order" };

const WRONG_PARTITIONER: FaultInfo = FaultInfo {
    name: "wrong-partitioner",
    summary: "places keys by murmur2 instead of CRC-32, so that events of one post from two producers part",
};

/// The faults of this service.
pub(super) const FAULTS: &[FaultInfo] =
    &[WRONG_KEY, WRONG_PARTITIONER, OUTBOX_LOST, WRONG_PAYLOAD, OUTBOX_TWICE, REORDER];

fn publisher(context: &Context) -> Result<KafkaPublisher, ServeError> {
    let settings = &context.settings;
    let partitioner = if context.has(WRONG_PARTITIONER) { "murmur2_random" } else { "consistent_random" };
    KafkaPublisher::placing(&settings.brokers, NAME, settings.delivery_timeout, partitioner, context.log)
}

/// Opens the store, makes the routes and the outbox's worker.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let settings = &context.settings;
    let url = settings.store_for(NAME);
    if let StoreUrl::Redis(_) = url {
        return Err(ServeError::StoreKind { service: NAME, url: url.to_string(), known: "sqlite:" });
    }
    let db = Db::open(&url, &store::schema()).map_err(|e| url.error(e))?;
    let events = events::Events {
        topic: format!("{}.content.events", settings.topic_prefix),
        wrong_key: context.has(WRONG_KEY),
        wrong_payload: context.has(WRONG_PAYLOAD),
    };
    context.log.info(format_args!("store {url}, topic {}, brokers {}", events.topic, settings.brokers));
    declare_metrics(&context.metrics);
    let relay = Relay {
        db: db.clone(),
        publisher: Arc::new(publisher(context)?),
        settings: settings.outbox,
        faults: OutboxFaults {
            lost: context.has(OUTBOX_LOST),
            twice: context.has(OUTBOX_TWICE),
            reorder: context.has(REORDER),
            dropped: false,
        },
        record: Arc::new(plain_record),
        clock: context.clock.clone(),
        metrics: context.metrics.clone(),
        log: context.log,
    };
    let posts = store::Posts { db: db.clone(), events, clock: context.clock.clone() };
    let stop = context.stop.clone();
    let work = async move {
        relay.run(stop).await;
        Ok(())
    };
    let router = http::routes(posts, context.log).merge(outbox_routes(db.clone()));
    let ready = Arc::new(move || {
        let db = db.clone();
        // Kafka may be away: the outbox holds what there is to tell.
        Box::pin(async move { db.ping().await.map_err(|e| e.to_string()) }) as _
    });
    Ok(Parts { router, ready, work: Some(("outbox", Box::pin(work))) })
}
