//! The group: its state, its members and the questions asked of them.

use std::collections::{BTreeMap, HashMap};

use super::{CommittedOffset, GroupLimits, Member, MemberCore, PartitionKey, PendingOffsets};
use crate::codes;

/// State of a classic group, named as Kafka names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupState {
    Empty,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
}

impl GroupState {
    /// The name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            GroupState::Empty => "Empty",
            GroupState::PreparingRebalance => "PreparingRebalance",
            GroupState::CompletingRebalance => "CompletingRebalance",
            GroupState::Stable => "Stable",
        }
    }
}

/// The last generation that was complete: what a restarted coordinator knows.
#[derive(Debug, Clone)]
struct Persisted {
    generation: i32,
    protocol_type: Option<String>,
    protocol: Option<String>,
    leader: Option<String>,
    members: Vec<MemberCore>,
}

/// A classic consumer group with its committed offsets.
#[derive(Debug)]
pub(crate) struct Group {
    pub id: String,
    pub state: GroupState,
    pub generation: i32,
    pub protocol_type: Option<String>,
    pub protocol: Option<String>,
    pub leader: Option<String>,
    /// In the order in which they joined.
    pub members: Vec<Member>,
    /// Member ids that were given out and not used yet, with the time at which they lapse.
    pub pending_members: HashMap<String, i64>,
    /// When a rebalance stops waiting for members to join again.
    pub join_deadline_ms: Option<i64>,
    /// The first rebalance of an empty group waits for its delay, whoever has joined.
    pub(super) initial_wait: bool,
    /// When members that joined but never asked for their assignment are removed.
    pub sync_deadline_ms: Option<i64>,
    pub offsets: BTreeMap<PartitionKey, CommittedOffset>,
    /// Offsets of open transactions, by producer id.
    pub pending_offsets: HashMap<i64, PendingOffsets>,
    pub(super) limits: GroupLimits,
    persisted: Option<Persisted>,
}

impl Group {
    pub(crate) fn new(id: &str, limits: GroupLimits) -> Group {
        Group {
            id: id.to_owned(),
            state: GroupState::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: Vec::new(),
            pending_members: HashMap::new(),
            join_deadline_ms: None,
            initial_wait: false,
            sync_deadline_ms: None,
            offsets: BTreeMap::new(),
            pending_offsets: HashMap::new(),
            limits,
            persisted: None,
        }
    }

    pub(crate) fn member(&self, id: &str) -> Option<&Member> {
        self.members.iter().find(|m| m.core.id == id)
    }

    pub(crate) fn member_mut(&mut self, id: &str) -> Option<&mut Member> {
        self.members.iter_mut().find(|m| m.core.id == id)
    }

    /// The member that holds a static instance id.
    pub(crate) fn static_member(&self, instance_id: &str) -> Option<&Member> {
        self.members.iter().find(|m| m.core.instance_id.as_deref() == Some(instance_id))
    }

    pub(crate) fn is_leader(&self, member_id: &str) -> bool {
        self.leader.as_deref() == Some(member_id)
    }

    /// Nobody has joined, is about to, or has committed: the group need not be remembered.
    pub(crate) fn is_disposable(&self) -> bool {
        self.state == GroupState::Empty
            && self.generation == 0
            && self.pending_members.is_empty()
            && self.offsets.is_empty()
            && self.pending_offsets.is_empty()
    }

    /// Checks that a member is who it says it is; the error is a Kafka error code.
    pub(crate) fn validate_member(&self, member_id: &str, instance_id: Option<&str>) -> Result<(), i16> {
        if let Some(instance_id) = instance_id {
            let holder = self.static_member(instance_id).ok_or(codes::UNKNOWN_MEMBER_ID)?;
            if holder.core.id != member_id {
                return Err(codes::FENCED_INSTANCE_ID);
            }
        }
        match self.member(member_id) {
            Some(_) => Ok(()),
            None => Err(codes::UNKNOWN_MEMBER_ID),
        }
    }

    /// Whether a member with these protocols can be in the group.
    pub(super) fn supports(&self, protocol_type: &str, protocols: &[(String, bytes::Bytes)]) -> bool {
        if self.members.is_empty() {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && self.candidates().iter().any(|candidate| protocols.iter().any(|(name, _)| name == candidate))
    }

    /// Protocols that every member supports.
    fn candidates(&self) -> Vec<&str> {
        let Some(first) = self.members.first() else {
            return Vec::new();
        };
        first
            .core
            .protocols
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| self.members.iter().all(|m| m.core.protocols.iter().any(|(other, _)| other == name)))
            .collect()
    }

    /// Every member votes for the first of its protocols that all support; the most votes win.
    pub(super) fn select_protocol(&self) -> Option<String> {
        let candidates = self.candidates();
        let mut votes: Vec<(&str, usize)> = candidates.iter().map(|name| (*name, 0)).collect();
        for member in &self.members {
            let choice = member.core.protocols.iter().find(|(name, _)| candidates.contains(&name.as_str()));
            if let Some((name, _)) = choice
                && let Some(vote) = votes.iter_mut().find(|(candidate, _)| candidate == name)
            {
                vote.1 += 1;
            }
        }
        let most = votes.iter().map(|(_, count)| *count).max()?;
        votes.iter().find(|(_, count)| *count == most).map(|(name, _)| (*name).to_owned())
    }

    /// The longest time that any member needs to join again.
    pub(super) fn rebalance_timeout_ms(&self) -> i64 {
        self.members.iter().map(|m| i64::from(m.core.rebalance_timeout_ms)).max().unwrap_or(0)
    }

    /// Remembers the present generation as the one that a restart finds.
    pub(super) fn persist(&mut self) {
        self.persisted = Some(Persisted {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            members: self.members.iter().map(|m| m.core.clone()).collect(),
        });
    }

    /// What a restarted coordinator makes of the group: the last complete generation, every session
    /// started anew; who was joining must join again.
    pub(crate) fn reload(&mut self, now_ms: i64) {
        let offsets = std::mem::take(&mut self.offsets);
        let pending_offsets = std::mem::take(&mut self.pending_offsets);
        let persisted = self.persisted.take();
        *self = Group::new(&self.id, self.limits);
        self.offsets = offsets;
        self.pending_offsets = pending_offsets;
        if let Some(kept) = persisted {
            self.generation = kept.generation;
            self.protocol_type = kept.protocol_type;
            self.protocol = kept.protocol;
            self.leader = kept.leader;
            self.members = kept.members.into_iter().map(Member::new).collect();
            self.members.iter_mut().for_each(|m| m.touch(now_ms));
            if !self.members.is_empty() {
                self.state = GroupState::Stable;
            }
            self.persist();
        }
    }
}
