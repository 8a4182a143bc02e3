//! content-service: posts over HTTP; each change and its event are written in one transaction, and the outbox publishes.
//! Uploads are taken from the media topic, and wait for their user's next post.

mod events;
mod http;
mod input;
mod media;
mod store;

use std::sync::Arc;
use std::time::Duration;

use super::reading::Leniency;
use super::wiring::{self, DROPS_UNREADABLE, Reading};
use super::{taking, topics};
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::faults::SHORT_MEMORY;
use crate::shared::kafka::{KafkaPublisher, Publish, add_partition};
use crate::shared::outbox::{OutboxFaults, outbox_routes};

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

const DROPS_UNPUBLISHED: FaultInfo =
    FaultInfo { name: "drops-unpublished", summary: "marks an outbox row published that Kafka did not acknowledge" };
const SECOND_ERASES: FaultInfo = FaultInfo {
    name: "second-upload-erases",
    summary: "has one place for each user's upload, as the sample does, so a second one erases the first",
};
const MEDIA_TWICE: FaultInfo =
    FaultInfo { name: "media-twice", summary: "takes an upload again however often its event comes" };

const UNCOUNTED: FaultInfo =
    FaultInfo { name: "uncounted", summary: "marks rows failed after the last retry and does not count them" };
const SLEEPS: FaultInfo = FaultInfo {
    name: "sleeps-after-batch",
    summary: "sleeps behind each batch of the outbox, and not only when nothing is due",
};
const WITHOUT_OUTBOX: FaultInfo = FaultInfo {
    name: "without-outbox",
    summary: "tells of a new post straight after its transaction, from memory, so a crash loses the event",
};

const OUTSIDE: FaultInfo = FaultInfo {
    name: "outbox-outside-transaction",
    summary: "writes the event of a new post before, and not with, the post",
};

const THIRD_LOST: FaultInfo =
    FaultInfo { name: "third-lost", summary: "marks every third event of a post published without publishing it" };
const PENDING_FOREVER: FaultInfo =
    FaultInfo { name: "pending-forever", summary: "keeps media that wait for their post without a lifetime" };
const UNKNOWN_ID: FaultInfo = FaultInfo {
    name: "unknown-id",
    summary: "reads an upload's missing event_id as unknown, so all later such uploads vanish",
};
const TAKES_UNTYPED: FaultInfo = FaultInfo {
    name: "takes-untyped",
    summary: "takes whatever is on the media topic for an upload, as the sample does, also without event_type",
};
const EMPTY_IDS: FaultInfo = FaultInfo {
    name: "empty-ids",
    summary: "takes a missing or null media_id or user_id for an empty one, and empty ones as they are, as the sample does",
};
const NULL_IS_EMPTY: FaultInfo =
    FaultInfo { name: "null-is-empty", summary: "takes a null value for an empty object, as the sample does" };
const ADDS_PARTITION: FaultInfo =
    FaultInfo { name: "adds-partition", summary: "gives its topic one partition more than is stated when it starts" };
/// A lifetime that is none: a hundred years.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 86_400);

/// The faults of this service.
pub(super) const FAULTS: &[FaultInfo] = &[
    WRONG_KEY,
    WRONG_PARTITIONER,
    OUTBOX_LOST,
    WRONG_PAYLOAD,
    OUTBOX_TWICE,
    REORDER,
    DROPS_UNPUBLISHED,
    SECOND_ERASES,
    MEDIA_TWICE,
    UNCOUNTED,
    SLEEPS,
    WITHOUT_OUTBOX,
    OUTSIDE,
    DROPS_UNREADABLE,
    UNKNOWN_ID,
    TAKES_UNTYPED,
    EMPTY_IDS,
    NULL_IS_EMPTY,
    SHORT_MEMORY,
    THIRD_LOST,
    PENDING_FOREVER,
    ADDS_PARTITION,
];

/// The group in which uploads are read; `KAFKA_GROUP_ID` is the feed's.
pub(super) const GROUP: &str = "content-service-group";

fn publisher(context: &Context) -> Result<KafkaPublisher, ServeError> {
    let settings = &context.settings;
    let partitioner = if context.has(WRONG_PARTITIONER) { "murmur2_random" } else { "consistent_random" };
    KafkaPublisher::placing(&settings.brokers, NAME, settings.delivery_timeout, partitioner, context.log)
}

/// Opens the store, makes the routes, the outbox's worker and the consumer of uploads.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let settings = &context.settings;
    let db = wiring::open(context, NAME, &store::schema()).await?;
    let events = events::Events {
        topic: topics::content(settings),
        wrong_key: context.has(WRONG_KEY),
        wrong_payload: context.has(WRONG_PAYLOAD),
    };
    let faults = OutboxFaults {
        lost: context.has(OUTBOX_LOST),
        twice: context.has(OUTBOX_TWICE),
        reorder: context.has(REORDER),
        dropped: context.has(DROPS_UNPUBLISHED),
        uncounted: context.has(UNCOUNTED),
        sleeps: context.has(SLEEPS),
        third_lost: context.has(THIRD_LOST),
    };
    if context.has(ADDS_PARTITION) {
        add_partition(&settings.brokers, &topics::content(settings)).await;
    }
    let pending_ttl = if context.has(PENDING_FOREVER) { FOREVER } else { settings.pending_ttl };
    let relay = wiring::relay(context, db.clone(), publisher(context)?, faults);
    let keep = media::KeepMedia {
        ttl: pending_ttl,
        second_erases: context.has(SECOND_ERASES),
        takes_untyped: context.has(TAKES_UNTYPED),
        leniency: leniency(context),
    };
    let (_, taking) = wiring::take(context, db.clone(), keep, uploads(context))?;
    let loose: Option<Arc<dyn Publish>> = match context.has(WITHOUT_OUTBOX) {
        true => Some(Arc::new(publisher(context)?)),
        false => None,
    };
    let outside = context.has(OUTSIDE);
    let posts = store::Posts { db: db.clone(), events, loose, outside, clock: context.clock.clone() };
    let stop = context.stop.clone();
    let work = async move { futures::join!(relay.run(stop), taking).1 };
    let router = http::routes(posts, context.log)
        .merge(media::routes(db.clone(), pending_ttl, context.clock.clone()))
        .merge(taking::routes(db.clone()))
        .merge(outbox_routes(db.clone()));
    Ok(Parts { router, ready: wiring::store_answers(db), work: Some(("outbox and uploads", Box::pin(work))) })
}

fn leniency(context: &Context) -> Leniency {
    Leniency {
        unknown_id: context.has(UNKNOWN_ID),
        empty_ids: context.has(EMPTY_IDS),
        null_is_empty: context.has(NULL_IS_EMPTY).then(|| context.clock.now_ms()),
        ..Leniency::default()
    }
}

fn uploads(context: &Context) -> Reading {
    let topic = topics::media(&context.settings);
    Reading {
        service: NAME,
        group: GROUP.into(),
        dead_letter_topic: format!("{topic}.dlq"),
        topics: vec![topic],
        gather: Duration::ZERO,
        batch: 100,
        skip_dedup: context.has(MEDIA_TWICE),
        drops_unreadable: context.has(DROPS_UNREADABLE),
    }
}
