//! identity-service: users over HTTP; each change and its event are written in one transaction, and the outbox publishes.

mod events;
mod http;
mod store;

use super::{topics, wiring};
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::outbox::{OutboxFaults, outbox_routes};

pub(super) const NAME: &str = "identity-service";

const WRONG_KEY: FaultInfo = FaultInfo {
    name: "wrong-key",
    summary: "uses the username as the record key, so a user's events lose their order",
};
const OUTSIDE: FaultInfo = FaultInfo {
    name: "outbox-outside-transaction",
    summary: "writes the event of a new user before, and not with, the user",
};
const OUTBOX_LOST: FaultInfo =
    FaultInfo { name: "outbox-lost", summary: "marks outbox rows published without publishing them" };
const OUTBOX_TWICE: FaultInfo = FaultInfo { name: "outbox-twice", summary: "publishes every outbox row twice" };
const SOFT_IS_HARD: FaultInfo =
    FaultInfo { name: "soft-is-hard", summary: "tells every deletion as one for good, also a soft one" };
const OLD_PROFILE: FaultInfo =
    FaultInfo { name: "old-profile", summary: "tells of a profile as it was before the change" };

/// The faults of this service.
pub(super) const FAULTS: &[FaultInfo] = &[WRONG_KEY, OUTSIDE, OUTBOX_LOST, OUTBOX_TWICE, SOFT_IS_HARD, OLD_PROFILE];

/// Opens the store, makes the routes and the outbox's worker. Kafka may be away: what there is to tell waits.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let db = wiring::open(context, NAME, &store::schema()).await?;
    let events = events::Events {
        topic: topics::identity(&context.settings),
        wrong_key: context.has(WRONG_KEY),
        soft_is_hard: context.has(SOFT_IS_HARD),
    };
    let users = store::Users {
        db: db.clone(),
        events,
        outside: context.has(OUTSIDE),
        old_profile: context.has(OLD_PROFILE),
        clock: context.clock.clone(),
    };
    let faults =
        OutboxFaults { lost: context.has(OUTBOX_LOST), twice: context.has(OUTBOX_TWICE), ..OutboxFaults::default() };
    let relay = wiring::relay(context, db.clone(), wiring::publisher(context, NAME)?, faults);
    let stop = context.stop.clone();
    let work = async move {
        relay.run(stop).await;
        Ok(())
    };
    let router = http::routes(users, context.log).merge(outbox_routes(db.clone()));
    Ok(Parts { router, ready: wiring::store_answers(db), work: Some(("outbox", Box::pin(work))) })
}
