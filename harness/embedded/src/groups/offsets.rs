//! Committed offsets of a group, and who may commit.

use std::collections::BTreeMap;

use super::{Group, GroupState};
use crate::codes;

/// Topic name and partition.
pub(crate) type PartitionKey = (String, i32);

/// Offsets of one open transaction.
pub(crate) type PendingOffsets = BTreeMap<PartitionKey, CommittedOffset>;

/// A committed offset as it is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommittedOffset {
    pub offset: i64,
    pub leader_epoch: i32,
    pub metadata: String,
}

impl Group {
    /// Whether a commit with this identity is allowed; the error is a Kafka error code.
    pub(crate) fn validate_commit(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        transactional: bool,
    ) -> Result<(), i16> {
        if generation < 0 && self.state == GroupState::Empty {
            return Ok(());
        }
        if generation >= 0 || !member_id.is_empty() || instance_id.is_some() {
            self.validate_member(member_id, instance_id)?;
            if generation != self.generation {
                return Err(codes::ILLEGAL_GENERATION);
            }
        } else if !transactional && self.state != GroupState::Empty {
            return Err(codes::UNKNOWN_MEMBER_ID);
        }
        if !transactional && self.state == GroupState::CompletingRebalance {
            return Err(codes::REBALANCE_IN_PROGRESS);
        }
        Ok(())
    }

    /// A commit also shows that the member lives.
    pub(crate) fn touch_member(&mut self, member_id: &str, now_ms: i64) {
        if let Some(member) = self.member_mut(member_id) {
            member.touch(now_ms);
        }
    }

    /// Whether an open transaction has written an offset for the partition.
    pub(crate) fn has_pending_offset(&self, key: &PartitionKey) -> bool {
        self.pending_offsets.values().any(|p| p.contains_key(key))
    }

    /// Ends a transaction's hold on offsets: they become the group's, or are forgotten.
    pub(crate) fn end_transaction(&mut self, producer_id: i64, commit: bool) {
        if let Some(pending) = self.pending_offsets.remove(&producer_id)
            && commit
        {
            self.offsets.extend(pending);
        }
    }

    /// Whether any live member is subscribed to the topic. Unreadable metadata counts as subscribed
    /// to everything, as in Kafka.
    pub(crate) fn is_subscribed(&self, topic: &str) -> bool {
        if self.members.is_empty() {
            return false;
        }
        if self.protocol_type.as_deref() != Some("consumer") {
            return true;
        }
        let protocol = self.protocol.as_deref().unwrap_or_default();
        self.members.iter().any(|member| {
            subscribed_topics(&member.metadata(protocol)).is_none_or(|topics| topics.iter().any(|t| t == topic))
        })
    }
}

/// The topics in a consumer's subscription (ConsumerProtocolSubscription: version, then names).
fn subscribed_topics(metadata: &[u8]) -> Option<Vec<String>> {
    let count = i32::from_be_bytes(metadata.get(2..6)?.try_into().ok()?);
    let mut at = 6;
    let mut topics = Vec::new();
    for _ in 0..count.max(0) {
        let length = i16::from_be_bytes(metadata.get(at..at + 2)?.try_into().ok()?);
        let length = usize::try_from(length).ok()?;
        let name = metadata.get(at + 2..at + 2 + length)?;
        topics.push(String::from_utf8(name.to_vec()).ok()?);
        at += 2 + length;
    }
    Some(topics)
}
