//! feed-service: consumes content events once each, and shows every user the posts of those they follow.
//!
//! Record → [`event`] (read, or refused with the reason) → [`handler`] (followers, dead letters) → [`store`] (one transaction: not
//! handled before? then apply, remember, journal) → commit. Served over HTTP: feeds, the cache of posts, and the journal, which is the
//! effect that counts.

mod client;
mod event;
mod graph_client;
mod handler;
mod http;
mod letters;
mod redis;
mod sqlite;
mod store;

use std::sync::Arc;
use std::time::Duration;

use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::dead_letter::DeadLetters;
use crate::shared::faults::{COMMIT_FIRST, SHORT_MEMORY, STOP_LOSES, consumer_faults, remembered_for};
use crate::shared::kafka::{
    Consumer, ConsumerFaults, ConsumerSettings, KafkaPublisher, Publish, on_a_thread, readiness,
};
use crate::shared::replay::{REPLAY_LOSES_HEADERS, REPLAY_TWICE, Replays};
use crate::shared::settings::{SettingFault, Settings, SettingsError, StoreUrl};

use super::reading::Leniency;
use super::topics;
use client::JsonClient;

pub(super) const NAME: &str = "feed-service";

const SKIP_DEDUP: FaultInfo = FaultInfo {
    name: "skip-dedup",
    summary: "handles an event again however often it comes, and lets a late created bring a removed post back",
};
const STALLED: FaultInfo = FaultInfo {
    name: "stalled",
    summary: "stays in its group but handles nothing from the first post on that somebody follows",
};
const LATE: FaultInfo = FaultInfo { name: "late", summary: "handles no record before it is 7 s old" };
const CRASH: FaultInfo =
    FaultInfo { name: "crash-on-event", summary: "dies with exit code 101 at the first post that somebody follows" };
const FORGET_DELETE: FaultInfo = FaultInfo {
    name: "forget-delete",
    summary: "takes content.post.deleted as handled but leaves the post in the feeds",
};
const IGNORE_EVENT: FaultInfo =
    FaultInfo { name: "ignore-event", summary: "marks events processed without any effect" };

const UNKNOWN_ID: FaultInfo = FaultInfo {
    name: "unknown-id",
    summary: "reads a missing event_id as unknown, as the sample does, so all later such events vanish",
};
const DROPS_UNTYPED: FaultInfo =
    FaultInfo { name: "drops-untyped", summary: "takes a record without event_type for none of its business" };
const DROPS_UNREADABLE: FaultInfo =
    FaultInfo { name: "drops-unreadable", summary: "logs what it cannot read, and goes on without a dead letter" };
const EMPTY_IDS: FaultInfo =
    FaultInfo { name: "empty-ids", summary: "takes a missing post_id or user_id for an empty one, as the sample does" };
const TIME_IS_NOW: FaultInfo =
    FaultInfo { name: "time-is-now", summary: "takes an unreadable created_at for now, as the sample does" };
const NULL_IS_EMPTY: FaultInfo =
    FaultInfo { name: "null-is-empty", summary: "takes a null value for an empty object, and handles it" };
const MARK_LATE: FaultInfo = FaultInfo {
    name: "mark-late",
    summary: "checks, handles and marks in three steps, as the sample does, with 3 s before the mark",
};
const FOLLOWERS_OF_NOW: FaultInfo = FaultInfo {
    name: "followers-of-now",
    summary: "takes a post only out of the feeds of those who follow now, as the sample does",
};
const LATE_CREATED_RETURNS: FaultInfo = FaultInfo {
    name: "late-created-returns",
    summary: "brings an archived or deleted post back when an older creation of it comes",
};
const FORGETS_REPUBLISH: FaultInfo = FaultInfo {
    name: "forgets-republish",
    summary: "leaves an archived post out of the feeds when it is published again",
};
const KEEPS_CACHE: FaultInfo =
    FaultInfo { name: "keeps-cache", summary: "takes a deleted post out of the feeds, and leaves it in the cache" };
const KEEPS_STATUS_DELETED: FaultInfo = FaultInfo {
    name: "keeps-status-deleted",
    summary: "leaves a post in the feeds whose status becomes deleted: it waits for content.post.deleted",
};
const IGNORES_PROFILES: FaultInfo = FaultInfo {
    name: "ignores-profiles",
    summary: "takes identity.user.profile_updated as handled and leaves the author's name as it was",
};
const SCORES_BY_ARRIVAL: FaultInfo = FaultInfo {
    name: "scores-by-arrival",
    summary: "places a post in feeds by when it was told, and not by when it was published",
};
const TAKES_KEYLESS: FaultInfo =
    FaultInfo { name: "takes-keyless", summary: "handles a record without a key like any other" };
const BLOCKED: FaultInfo = FaultInfo {
    name: "blocked-by-unreadable",
    summary: "dead-letters what it cannot read, and tries it again for ever: nobody behind it is handled",
};
const FLAG_BY_PRESENCE: FaultInfo = FaultInfo {
    name: "flag-by-presence",
    summary: "takes ENABLE_DIRECT_CALL for on whenever it is set, as the sample does, also to false",
};
const ASKS_ON_READ: FaultInfo = FaultInfo {
    name: "asks-on-read",
    summary: "asks the graph-service before it shows a feed, and shows nothing while that is down",
};

/// The faults of this service.
pub(super) const FAULTS: &[FaultInfo] = &[
    SKIP_DEDUP,
    SHORT_MEMORY,
    COMMIT_FIRST,
    STOP_LOSES,
    STALLED,
    LATE,
    CRASH,
    FORGET_DELETE,
    IGNORE_EVENT,
    UNKNOWN_ID,
    DROPS_UNTYPED,
    DROPS_UNREADABLE,
    EMPTY_IDS,
    TIME_IS_NOW,
    NULL_IS_EMPTY,
    MARK_LATE,
    FOLLOWERS_OF_NOW,
    LATE_CREATED_RETURNS,
    FORGETS_REPUBLISH,
    KEEPS_CACHE,
    KEEPS_STATUS_DELETED,
    IGNORES_PROFILES,
    SCORES_BY_ARRIVAL,
    TAKES_KEYLESS,
    BLOCKED,
    FLAG_BY_PRESENCE,
    ASKS_ON_READ,
    REPLAY_TWICE,
    REPLAY_LOSES_HEADERS,
];

/// How old a record is with the fault `late`.
const LATE_BY: Duration = Duration::from_secs(7);
/// How long the fault `mark-late` has between effect and mark.
const MARK_AFTER: Duration = Duration::from_secs(3);

/// Opens the store, joins the group, and makes the routes.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let settings = &context.settings;
    let graph_url = settings.graph_url.clone().ok_or_else(|| {
        let expected = "the URL of the graph-service, such as http://127.0.0.1:8082";
        SettingsError(vec![SettingFault { name: "GRAPH_URL", value: None, expected }])
    })?;
    let url = settings.store_for(NAME);
    let store = open_store(&url, remembered_for(context))?;
    context.log.info(format_args!(
        "store {url}, topics {}, brokers {}, graph {graph_url}",
        settings.topics.join(","),
        settings.brokers
    ));
    let publisher: Arc<dyn Publish> =
        Arc::new(KafkaPublisher::new(&settings.brokers, NAME, settings.delivery_timeout, context.log)?);
    // Of the posts only: other services bury what they cannot read of users on the same topic as this one.
    let letters = handler::dead_letter_topic(&topics::content(settings));
    let letters = Replays::new(context, letters, publisher.clone(), Arc::new(letters::LetterMarks(store.clone())));
    handler::declare_metrics(&context.metrics);
    let followers: Arc<dyn graph_client::Followers> = Arc::new(graph_client::GraphClient::new(graph_url)?);
    let handler = handler::Handler {
        store: store.clone(),
        followers: followers.clone(),
        dead_letters: DeadLetters::new(publisher, context.metrics.clone(), context.log, handler::DEAD_LETTERED),
        faults: faults(context),
        clock: context.clock.clone(),
        metrics: context.metrics.clone(),
        log: context.log,
        stop: context.stop.clone(),
    };
    let faulty = ConsumerFaults { late: context.has(LATE).then_some(LATE_BY), ..consumer_faults(context) };
    let consumer_settings = ConsumerSettings::new(settings, NAME, faulty);
    let consumer =
        Consumer::new(consumer_settings, handler, context.metrics.clone(), context.log, context.stop.clone())?;
    let ready = readiness(consumer.assignment());
    let work = on_a_thread(move || consumer.run());
    let feeds = http::Feeds {
        store,
        content: direct_call(context)?,
        asked_first: context.has(ASKS_ON_READ).then_some(followers),
    };
    let router = http::routes(feeds).merge(letters.routes());
    Ok(Parts { router, ready, work: Some(("consumer", Box::pin(work))) })
}

fn faults(context: &Context) -> handler::Faults {
    handler::Faults {
        skip_dedup: context.has(SKIP_DEDUP),
        crash_on_fan_out: context.has(CRASH),
        stall_on_fan_out: context.has(STALLED),
        forget_delete: context.has(FORGET_DELETE),
        ignore_events: context.has(IGNORE_EVENT),
        leniency: Leniency {
            unknown_id: context.has(UNKNOWN_ID),
            empty_ids: context.has(EMPTY_IDS),
            keyless: context.has(TAKES_KEYLESS),
            ..Leniency::default()
        },
        time_is_now: context.has(TIME_IS_NOW),
        null_is_empty: context.has(NULL_IS_EMPTY),
        drops_untyped: context.has(DROPS_UNTYPED),
        drops_unreadable: context.has(DROPS_UNREADABLE),
        mark_late: context.has(MARK_LATE).then_some(MARK_AFTER),
        followers_of_now: context.has(FOLLOWERS_OF_NOW),
        late_created_returns: context.has(LATE_CREATED_RETURNS),
        forgets_republish: context.has(FORGETS_REPUBLISH),
        keeps_cache: context.has(KEEPS_CACHE),
        keeps_status_deleted: context.has(KEEPS_STATUS_DELETED),
        ignores_profiles: context.has(IGNORES_PROFILES),
        scores_by_arrival: context.has(SCORES_BY_ARRIVAL),
        blocked: context.has(BLOCKED),
    }
}

/// The rollback flag: the content-service is asked for posts only if the variable says so.
fn direct_call(context: &Context) -> Result<Option<JsonClient>, ServeError> {
    let Settings { direct_call, content_url, .. } = &context.settings;
    let on = if context.has(FLAG_BY_PRESENCE) { direct_call.is_some() } else { *direct_call == Some(true) };
    if !on {
        return Ok(None);
    }
    let missing = || {
        let expected = "the URL of the content-service, which ENABLE_DIRECT_CALL has asked";
        SettingsError(vec![SettingFault { name: "CONTENT_URL", value: None, expected }])
    };
    JsonClient::new("CONTENT_URL", content_url.clone().ok_or_else(missing)?).map(Some)
}

fn open_store(url: &StoreUrl, ttl: Duration) -> Result<Arc<dyn store::FeedStore>, ServeError> {
    Ok(match url {
        StoreUrl::Redis(address) => Arc::new(redis::RedisFeed::new(address, ttl).map_err(|e| url.error(e))?),
        _ => Arc::new(sqlite::SqliteFeed::open(url, ttl).map_err(|e| url.error(e))?),
    })
}
