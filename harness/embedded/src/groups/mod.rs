//! The classic consumer group protocol, as a state machine without sockets.
//!
//! Requests go in with the present time and a place for the answer; answers come out at once or when
//! the rebalance that they wait for completes. The states and checks are those of Kafka's group
//! coordinator. The broker relays assignments, it never makes them.

mod group;
mod join;
mod member;
mod offsets;
mod rebalance;
mod sync;
#[cfg(test)]
mod tests;

pub(crate) use group::{Group, GroupState};
pub(crate) use join::{JoinRequest, JoinResult};
pub(crate) use member::{Member, MemberCore};
pub(crate) use offsets::{CommittedOffset, PartitionKey, PendingOffsets};
pub(crate) use sync::{SyncRequest, SyncResult};

/// Limits of the coordinator, in milliseconds where they are times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GroupLimits {
    /// Shortest session time-out that a member may ask for.
    pub min_session_timeout_ms: i32,
    /// Longest session time-out that a member may ask for.
    pub max_session_timeout_ms: i32,
    /// How long the first rebalance of an empty group waits for further members.
    pub initial_rebalance_delay_ms: i64,
}

/// How long a member that is new, and waits for its first join to complete, is kept (Kafka's constant).
pub(crate) const NEW_MEMBER_JOIN_TIMEOUT_MS: i64 = 5 * 60 * 1000;
