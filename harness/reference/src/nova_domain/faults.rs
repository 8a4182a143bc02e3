//! The ways in which these services can be told to be wrong.

use crate::catalogue::FaultInfo;

const fn fault(name: &'static str, summary: &'static str) -> FaultInfo {
    FaultInfo { name, summary }
}

// Writing.
pub(super) const OUTSIDE: FaultInfo =
    fault("outbox-outside-transaction", "writes the event before, and not with, the change that it tells");
pub(super) const WRONG_KEY: FaultInfo =
    fault("wrong-key", "keys records by what the event is about: messages by message_id, comments by comment_id");
pub(super) const IGNORES_BLOCKS: FaultInfo =
    fault("ignores-blocks", "takes user.blocked without shutting the blocked one out of the conversation");
pub(super) const IGNORES_DELETION: FaultInfo =
    fault("ignores-deletion", "takes user.deleted without cleaning up what that user leaves");
pub(super) const LEAVES_FOLLOWERS: FaultInfo =
    fault("leaves-followers", "ends whom a deleted user followed, and leaves who followed that user");
pub(super) const NO_CAUSATION: FaultInfo =
    fault("no-causation", "leaves causation_id empty in events that another event caused");
pub(super) const NEW_CORRELATION: FaultInfo =
    fault("new-correlation", "gives events that another event caused a correlation id of their own");

// Publishing.
pub(super) const TWICE: FaultInfo = fault("published-twice", "publishes every event twice");
pub(super) const LOST: FaultInfo = fault("outbox-lost", "marks rows published without publishing them");
pub(super) const DATA_AS_OBJECT: FaultInfo =
    fault("data-as-object", "writes `data` as a JSON object, where the envelope has a text");
pub(super) const NO_SCHEMA_ID: FaultInfo =
    fault("no-schema-id", "writes the Protobuf form bare, without the id of its schema in the registry");
pub(super) const FRESH_ID: FaultInfo = fault("fresh-id", "gives an event a new id with every publish");

pub(super) const REORDER: FaultInfo =
    fault("reorder", "polls twice a second, and publishes the rows of an outbox batch in reverse order");

// Subscribing.
pub(super) const SKIP_DEDUP: FaultInfo = fault("skip-dedup", "handles an event again however often it comes");
pub(super) const BACKWARDS: FaultInfo = fault("backwards", "handles the records of a batch last first");
pub(super) const IGNORES_EVENT: FaultInfo =
    fault("ignores-event", "takes failed log-ins, processed media and ended streams without noting them");
pub(super) const NO_DEAD_LETTER: FaultInfo =
    fault("no-dead-letter", "tries a record that it cannot read again for ever, and its partition waits behind it");
pub(super) const LATE: FaultInfo = fault("late", "handles no record before it is 6 s old");
pub(super) const RESURRECTS: FaultInfo =
    fault("resurrects-deleted", "brings a post back when its creation is consumed after its deletion");
pub(super) const SHOWS_HIDDEN: FaultInfo = fault("shows-hidden", "takes drafts and private posts as public ones");
pub(super) const INDEXES_SECRETS: FaultInfo =
    fault("indexes-encrypted", "makes the content of encrypted messages searchable");
pub(super) const ONE_MORE: FaultInfo = fault("one-attempt-more", "tries four times in all: three retries");
pub(super) const ONE_LESS: FaultInfo = fault("one-attempt-less", "tries two times in all");
pub(super) const NO_BACKOFF: FaultInfo = fault("no-backoff", "tries again at once");
pub(super) const DROPS_FAILED: FaultInfo =
    fault("drops-failed", "forgets what failed for the last time, without a dead letter");
pub(super) const GIVEN_UP_IS_HANDLED: FaultInfo = fault(
    "given-up-is-handled",
    "marks what failed for the last time as handled, so that it is skipped when it is replayed",
);
pub(super) const NOTIFIES_UNMAPPED: FaultInfo =
    fault("notifies-unmapped", "sends an e-mail for video.uploaded too, which has no mapping");
pub(super) const BOTH_WAYS: FaultInfo = fault("both-ways", "sends by push and e-mail what goes one way only");
pub(super) const NEEDS_SOURCE: FaultInfo =
    fault("needs-deprecated", "refuses user.created without `source`, which version 3 removed");
pub(super) const SOURCE_OPTIONAL: FaultInfo =
    fault("source-optional", "takes user.created of version 1 without `source`, as if it were version 3");
pub(super) const NO_SOURCE: FaultInfo =
    fault("no-source", "leaves `source` out of user.created before version 3 has removed it");
pub(super) const REFUSES_NEW: FaultInfo = fault(
    "refuses-new-version",
    "refuses every version of an event that is newer than its own (of most services the first)",
);
pub(super) const REFUSES_OLD: FaultInfo =
    fault("refuses-old-version", "refuses every version of an event that is older than its own");
pub(super) const NEEDS_LOCALE: FaultInfo =
    fault("needs-new-field", "refuses user.created without `locale`, which version 2 added");
pub(super) const LOGS_ADDRESS: FaultInfo = fault("logs-address", "writes e-mail addresses into its log");
pub(super) const NO_METRICS: FaultInfo = fault("no-metrics", "does not count what it handles and what fails");
