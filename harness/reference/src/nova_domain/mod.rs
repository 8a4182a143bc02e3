//! nova-domain: the 39 domain events of a social platform, one topic for each type, through one outbox that a service of its own publishes.
//!
//! Commands → a [`writer`] (state and outbox in one transaction) → [`events_service`] (polls, publishes) → `nova.*` → [`subscriber`]s, each
//! with its [`roles`]: feed, search, notifications, cleaning up in the writing services, and observers. What the services differ in stands in
//! tables: [`kinds`] (who tells what) and `roles::subscriptions` (who takes what).

mod envelope;
mod events_service;
mod faults;
mod kinds;
mod protobuf;
mod registered;
mod roles;
mod subscriber;
mod writer;

use axum::Router;

use crate::ServeError;
use crate::catalogue::{FaultInfo, ServiceInfo, SystemInfo};
use crate::serve::{Context, Parts};
use crate::shared::faults::{COMMIT_FIRST, SHORT_MEMORY};
use crate::shared::replay::{REPLAY_LOOPS, REPLAY_TWICE};
use crate::shared::store::{answers, open};

const fn service(name: &'static str, summary: &'static str, faults: &'static [FaultInfo]) -> ServiceInfo {
    ServiceInfo { name, summary, faults }
}

/// What can be wrong with those who only note what they take.
const OBSERVER: &[FaultInfo] = &[faults::SKIP_DEDUP, SHORT_MEMORY, faults::NO_DEAD_LETTER, faults::IGNORES_EVENT];

/// What the catalogue says about this system.
pub(crate) const SYSTEM: SystemInfo = SystemInfo {
    name: "nova-domain",
    summary: "a social platform's 39 domain events, from seven writing services through one outbox to feed, search and notifications",
    services: &[
        service(
            "auth-service",
            "takes registrations, log-ins and changes of profiles",
            &[faults::OUTSIDE, faults::LOGS_ADDRESS, faults::NO_SOURCE],
        ),
        service(
            "user-service",
            "takes who follows and blocks whom; ends what a deleted user followed",
            &[SHORT_MEMORY, faults::IGNORES_DELETION, faults::LEAVES_FOLLOWERS],
        ),
        service(
            "messaging-service",
            "takes conversations and messages; shuts blocked ones out",
            &[faults::WRONG_KEY, SHORT_MEMORY, faults::IGNORES_BLOCKS, faults::IGNORES_DELETION],
        ),
        service(
            "content-service",
            "takes posts, likes, comments and shares; deletes a deleted user's posts",
            &[faults::WRONG_KEY, SHORT_MEMORY, faults::IGNORES_DELETION, faults::NO_CAUSATION, faults::NEW_CORRELATION],
        ),
        service("video-service", "takes videos and their processing; counts views", &[SHORT_MEMORY]),
        service("streaming-service", "takes live streams and their viewers", &[]),
        service("media-service", "takes media files and their processing", &[]),
        service(events_service::NAME, "publishes what is in the outbox, for all of them", events_service::FAULTS),
        service(
            "feed-service",
            "what those whom a user follows have posted",
            &[
                faults::SKIP_DEDUP,
                SHORT_MEMORY,
                faults::RESURRECTS,
                faults::SHOWS_HIDDEN,
                faults::LATE,
                faults::BACKWARDS,
                faults::NO_DEAD_LETTER,
                COMMIT_FIRST,
            ],
        ),
        service(
            "search-service",
            "finds public posts, comments, videos, people and readable messages",
            &[faults::SKIP_DEDUP, SHORT_MEMORY, faults::RESURRECTS, faults::SHOWS_HIDDEN, faults::INDEXES_SECRETS],
        ),
        service(
            "notification-service",
            "sends e-mails and push messages, eight mappings in all",
            &[
                faults::SKIP_DEDUP,
                SHORT_MEMORY,
                faults::SHOWS_HIDDEN,
                faults::ONE_MORE,
                faults::ONE_LESS,
                faults::NO_BACKOFF,
                faults::DROPS_FAILED,
                faults::GIVEN_UP_IS_HANDLED,
                REPLAY_TWICE,
                REPLAY_LOOPS,
                faults::NO_DEAD_LETTER,
                faults::NOTIFIES_UNMAPPED,
                faults::IGNORES_EVENT,
                faults::BOTH_WAYS,
                faults::NEEDS_SOURCE,
                faults::SOURCE_OPTIONAL,
                faults::REFUSES_NEW,
                faults::LOGS_ADDRESS,
                faults::NO_METRICS,
            ],
        ),
        service("analytics-service", "notes what is there for analytics", OBSERVER),
        service("security-service", "notes log-ins, failed ones, and changed passwords", OBSERVER),
        service("rate-limiter", "notes failed log-ins", OBSERVER),
        service("cdn-service", "notes media files that come, change and go", OBSERVER),
        service(
            roles::READER,
            "reads user.created as a release that knows version 1, 2 or 3 of it (EVENT_VERSION), in the group KAFKA_GROUP_ID",
            &[
                faults::SKIP_DEDUP,
                faults::NO_DEAD_LETTER,
                faults::NEEDS_SOURCE,
                faults::NEEDS_LOCALE,
                faults::REFUSES_NEW,
                faults::REFUSES_OLD,
            ],
        ),
    ],
};

/// Makes the parts of one of the services named above.
pub(crate) async fn build(service: &'static str, context: &Context) -> Result<Parts, ServeError> {
    match service {
        events_service::NAME => events_service::build(context).await,
        _ => of_tables(service, context).await,
    }
}

/// A service that writes, subscribes, or both: what it does follows from the tables.
async fn of_tables(service: &'static str, context: &Context) -> Result<Parts, ServeError> {
    let writes = kinds::all().iter().any(|kind| kind.service == service);
    let subscribes = !roles::subscriptions(service).is_empty();
    let (role, own) = roles::role(service, context);
    let schema = format!("{}{own}{}", if writes { writer::schema() } else { String::new() }, subscriber::schema());
    let db = open(context, if writes { writer::STORE } else { service }, &schema).await?;
    let mut router = Router::new();
    if writes {
        router = router.merge(writer::routes(db.clone(), writer::teller(service, context), context.log));
    }
    if !subscribes {
        return Ok(Parts { router, ready: answers(db), work: None });
    }
    let (routes, ready, work) = subscriber::build(service, role, db, context)?;
    Ok(Parts { router: router.merge(routes), ready, work: Some(work) })
}
