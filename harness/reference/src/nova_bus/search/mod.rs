//! search-service: an index of posts, users and messages, of both the topics that messages are told on.
//!
//! Record → [`event`] → [`index`] (one transaction: not handled before? then into or out of the index) → HTTP. A message that is told
//! on the legacy topic and on the new one has two event ids, and is known by its message_id.

mod event;
mod http;
mod index;

use std::time::Duration;

use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::faults::SHORT_MEMORY;
use crate::shared::kafka::readiness;

use super::taking;
use super::wiring::{self, DROPS_UNREADABLE, Reading};

pub(super) const NAME: &str = "search-service";

const SKIP_DEDUP: FaultInfo =
    FaultInfo { name: "skip-dedup", summary: "handles an event again however often it comes" };
const LEGACY_TWICE: FaultInfo = FaultInfo {
    name: "legacy-twice",
    summary: "knows a message by its event's id only, so that legacy and new topic index it twice",
};
const FORGETS_DELETED: FaultInfo =
    FaultInfo { name: "forgets-deleted", summary: "leaves deleted posts and messages in the index" };

const IGNORES_STATUS: FaultInfo =
    FaultInfo { name: "ignores-status", summary: "finds a post whatever its status has become" };
const KEEPS_OLD_NAME: FaultInfo =
    FaultInfo { name: "keeps-old-name", summary: "knows a user by the first name that it was told" };

/// The faults of this service.
pub(super) const FAULTS: &[FaultInfo] =
    &[SKIP_DEDUP, SHORT_MEMORY, LEGACY_TWICE, FORGETS_DELETED, IGNORES_STATUS, KEEPS_OLD_NAME, DROPS_UNREADABLE];

/// An index is refreshed now and then, not record by record.
const GATHER: Duration = Duration::from_millis(200);

/// Opens the index, joins the group, and makes the routes.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let db = wiring::open(context, NAME, &format!("{}{}", index::SCHEMA, taking::schema())).await?;
    let index = index::Index {
        legacy_twice: context.has(LEGACY_TWICE),
        forgets_deleted: context.has(FORGETS_DELETED),
        ignores_status: context.has(IGNORES_STATUS),
        keeps_old_name: context.has(KEEPS_OLD_NAME),
    };
    let reading = Reading {
        service: NAME,
        group: context.settings.group_id.clone(),
        topics: context.settings.topics.clone(),
        dead_letter_topic: format!("{NAME}.dlq"),
        gather: GATHER,
        batch: 1_000,
        skip_dedup: context.has(SKIP_DEDUP),
        drops_unreadable: context.has(DROPS_UNREADABLE),
    };
    let (assignment, work) = wiring::take(context, db.clone(), index, reading)?;
    let router = http::routes(db.clone()).merge(taking::routes(db));
    Ok(Parts { router, ready: readiness(assignment), work: Some(("consumer", Box::pin(work))) })
}
