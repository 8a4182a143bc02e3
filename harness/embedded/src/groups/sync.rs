//! SyncGroup, Heartbeat and LeaveGroup.

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{Group, GroupState};
use crate::codes;

/// What a member sends to get its assignment; the leader sends everyone's.
#[derive(Debug, Clone)]
pub(crate) struct SyncRequest {
    pub member_id: String,
    pub instance_id: Option<String>,
    pub generation: i32,
    pub protocol_type: Option<String>,
    pub protocol: Option<String>,
    pub assignments: Vec<(String, Bytes)>,
}

/// The answer to a sync.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SyncResult {
    pub error: i16,
    pub protocol_type: Option<String>,
    pub protocol: Option<String>,
    pub assignment: Bytes,
}

impl SyncResult {
    pub(crate) fn error(error: i16) -> SyncResult {
        SyncResult { error, protocol_type: None, protocol: None, assignment: Bytes::new() }
    }
}

type Reply = oneshot::Sender<SyncResult>;

impl Group {
    /// A member asks for its assignment. The answer waits for the leader's request.
    pub(crate) fn sync(&mut self, request: SyncRequest, now_ms: i64, reply: Reply) {
        if let Err(code) = self.check_sync(&request) {
            let _ = reply.send(SyncResult::error(code));
            return;
        }
        let id = request.member_id.clone();
        if let Some(member) = self.member_mut(&id) {
            member.synced = true;
            member.touch(now_ms);
        }
        if self.state == GroupState::Stable {
            let _ = reply.send(self.sync_result(&id));
            return;
        }
        if let Some(member) = self.member_mut(&id) {
            member.answer_sync(SyncResult::error(codes::UNKNOWN_MEMBER_ID));
            member.awaiting_sync = Some(reply);
        }
        if self.is_leader(&id) {
            self.assign(&request.assignments, now_ms);
        }
    }

    fn check_sync(&self, request: &SyncRequest) -> Result<(), i16> {
        self.validate_member(&request.member_id, request.instance_id.as_deref())?;
        if request.generation != self.generation {
            return Err(codes::ILLEGAL_GENERATION);
        }
        let differs = |said: &Option<String>, is: &Option<String>| said.is_some() && said != is;
        if differs(&request.protocol_type, &self.protocol_type) || differs(&request.protocol, &self.protocol) {
            return Err(codes::INCONSISTENT_GROUP_PROTOCOL);
        }
        match self.state {
            GroupState::Empty => Err(codes::UNKNOWN_MEMBER_ID),
            GroupState::PreparingRebalance => Err(codes::REBALANCE_IN_PROGRESS),
            GroupState::CompletingRebalance | GroupState::Stable => Ok(()),
        }
    }

    fn sync_result(&self, member_id: &str) -> SyncResult {
        SyncResult {
            error: 0,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            assignment: self.member(member_id).map(|m| m.core.assignment.clone()).unwrap_or_default(),
        }
    }

    /// The leader's assignments: kept, and told to everyone who waits.
    fn assign(&mut self, assignments: &[(String, Bytes)], now_ms: i64) {
        for member in &mut self.members {
            let given = assignments.iter().find(|(id, _)| *id == member.core.id);
            // A copy: the request's frame would be kept alive by a slice of it.
            member.core.assignment = given.map(|(_, bytes)| Bytes::copy_from_slice(bytes)).unwrap_or_default();
        }
        self.state = GroupState::Stable;
        self.persist();
        let ids: Vec<String> = self.members.iter().map(|m| m.core.id.clone()).collect();
        for id in ids {
            let result = self.sync_result(&id);
            if let Some(member) = self.member_mut(&id)
                && member.awaiting_sync.is_some()
            {
                member.touch(now_ms);
                member.answer_sync(result);
            }
        }
    }

    /// A member says that it lives; the result is a Kafka error code, 0 if all is well.
    pub(crate) fn heartbeat(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        now_ms: i64,
    ) -> i16 {
        if let Err(code) = self.validate_member(member_id, instance_id) {
            return code;
        }
        if generation != self.generation {
            return codes::ILLEGAL_GENERATION;
        }
        if let Some(member) = self.member_mut(member_id) {
            member.touch(now_ms);
        }
        match self.state {
            GroupState::Empty => codes::UNKNOWN_MEMBER_ID,
            GroupState::PreparingRebalance => codes::REBALANCE_IN_PROGRESS,
            GroupState::CompletingRebalance | GroupState::Stable => 0,
        }
    }

    /// A member leaves, or an administrator removes a static one (then without a member id).
    pub(crate) fn leave(&mut self, member_id: &str, instance_id: Option<&str>, now_ms: i64) -> i16 {
        if instance_id.is_none() && self.pending_members.remove(member_id).is_some() {
            self.maybe_complete_join(now_ms);
            return 0;
        }
        let id = match instance_id {
            Some(instance) => match self.static_member(instance) {
                None => return codes::UNKNOWN_MEMBER_ID,
                Some(m) if !member_id.is_empty() && m.core.id != member_id => {
                    return codes::FENCED_INSTANCE_ID;
                }
                Some(m) => m.core.id.clone(),
            },
            None if self.member(member_id).is_none() => return codes::UNKNOWN_MEMBER_ID,
            None => member_id.to_owned(),
        };
        self.remove_member(&id, now_ms);
        0
    }
}
