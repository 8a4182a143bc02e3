//! JoinGroup: new, returning and static members.

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{Group, GroupState, Member, MemberCore, NEW_MEMBER_JOIN_TIMEOUT_MS};
use crate::codes;

/// What a member sends to join.
#[derive(Debug, Clone)]
pub(crate) struct JoinRequest {
    pub member_id: String,
    pub instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub protocol_type: String,
    pub protocols: Vec<(String, Bytes)>,
    /// Version 4 and later: a new member first gets its id, then joins with it.
    pub requires_known_member_id: bool,
    /// Version 9 and later: a static leader that returns may be told to keep the assignment.
    pub may_skip_assignment: bool,
}

/// The answer to a join.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JoinResult {
    pub error: i16,
    pub generation: i32,
    pub protocol_type: Option<String>,
    pub protocol: Option<String>,
    pub leader: String,
    pub member_id: String,
    /// Member id, instance id and metadata of every member; only the leader gets them.
    pub members: Vec<(String, Option<String>, Bytes)>,
    pub skip_assignment: bool,
}

impl JoinResult {
    pub(crate) fn error(error: i16, member_id: &str) -> JoinResult {
        JoinResult {
            error,
            generation: -1,
            protocol_type: None,
            protocol: None,
            leader: String::new(),
            member_id: member_id.to_owned(),
            members: Vec::new(),
            skip_assignment: false,
        }
    }
}

type Reply = oneshot::Sender<JoinResult>;

fn refuse(reply: Reply, error: i16, member_id: &str) {
    let _ = reply.send(JoinResult::error(error, member_id));
}

impl Group {
    /// A member joins. The answer comes through `reply`, at once or when the rebalance completes.
    pub(crate) fn join(&mut self, request: JoinRequest, now_ms: i64, reply: Reply) {
        let timeout = request.session_timeout_ms;
        if timeout < self.limits.min_session_timeout_ms || timeout > self.limits.max_session_timeout_ms {
            return refuse(reply, codes::INVALID_SESSION_TIMEOUT, &request.member_id);
        }
        if !self.supports(&request.protocol_type, &request.protocols) {
            return refuse(reply, codes::INCONSISTENT_GROUP_PROTOCOL, &request.member_id);
        }
        if request.member_id.is_empty() {
            match request.instance_id.clone() {
                Some(instance) => self.join_static(&instance, request, now_ms, reply),
                None => self.join_unknown(request, now_ms, reply),
            }
        } else {
            self.join_known(request, now_ms, reply);
        }
    }

    fn join_unknown(&mut self, mut request: JoinRequest, now_ms: i64, reply: Reply) {
        let id = format!("{}-{}", request.client_id, uuid::Uuid::new_v4());
        if request.requires_known_member_id {
            let lapses = now_ms + i64::from(request.session_timeout_ms);
            self.pending_members.insert(id.clone(), lapses);
            return refuse(reply, codes::MEMBER_ID_REQUIRED, &id);
        }
        request.member_id = id;
        self.add_and_rebalance(request, now_ms, reply);
    }

    fn join_static(&mut self, instance: &str, mut request: JoinRequest, now_ms: i64, reply: Reply) {
        request.member_id = format!("{instance}-{}", uuid::Uuid::new_v4());
        match self.static_member(instance).map(|m| m.core.id.clone()) {
            Some(old) => self.replace_static(&old, request, now_ms, reply),
            None => self.add_and_rebalance(request, now_ms, reply),
        }
    }

    fn join_known(&mut self, request: JoinRequest, now_ms: i64, reply: Reply) {
        let id = request.member_id.clone();
        if self.pending_members.contains_key(&id) && request.instance_id.is_none() {
            return self.add_and_rebalance(request, now_ms, reply);
        }
        if let Err(code) = self.validate_member(&id, request.instance_id.as_deref()) {
            return refuse(reply, code, &id);
        }
        let same = self.member(&id).is_some_and(|m| m.matches(&request.protocols));
        let keep = match self.state {
            GroupState::PreparingRebalance => false,
            GroupState::CompletingRebalance => same,
            // A leader that joins again asks for a new assignment.
            GroupState::Stable => same && !self.is_leader(&id),
            GroupState::Empty => return refuse(reply, codes::UNKNOWN_MEMBER_ID, &id),
        };
        if keep {
            let _ = reply.send(self.join_result(&id));
        } else {
            self.update_and_rebalance(request, now_ms, reply);
        }
    }

    /// What the present generation is, told to one member.
    pub(super) fn join_result(&self, member_id: &str) -> JoinResult {
        let members = if self.is_leader(member_id) { self.member_metadata() } else { Vec::new() };
        JoinResult {
            error: 0,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            member_id: member_id.to_owned(),
            members,
            skip_assignment: false,
        }
    }

    fn member_metadata(&self) -> Vec<(String, Option<String>, Bytes)> {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        self.members
            .iter()
            .map(|m| {
                let core = &m.core;
                (core.id.clone(), core.instance_id.clone(), m.metadata(protocol))
            })
            .collect()
    }

    fn add_and_rebalance(&mut self, request: JoinRequest, now_ms: i64, reply: Reply) {
        self.pending_members.remove(&request.member_id);
        if self.members.is_empty() {
            self.protocol_type = Some(request.protocol_type.clone());
        }
        if self.leader.is_none() {
            self.leader = Some(request.member_id.clone());
        }
        let mut member = Member::new(MemberCore {
            id: request.member_id,
            instance_id: request.instance_id,
            client_id: request.client_id,
            client_host: request.client_host,
            session_timeout_ms: request.session_timeout_ms,
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            protocols: request.protocols,
            assignment: Bytes::new(),
        });
        member.awaiting_join = Some(reply);
        member.is_new = true;
        member.session_deadline_ms = now_ms + NEW_MEMBER_JOIN_TIMEOUT_MS;
        self.members.push(member);
        self.prepare_or_complete(now_ms);
    }

    fn update_member(&mut self, request: JoinRequest, now_ms: i64, reply: Reply) {
        if let Some(member) = self.member_mut(&request.member_id) {
            member.core.protocols = request.protocols;
            member.core.session_timeout_ms = request.session_timeout_ms;
            member.core.rebalance_timeout_ms = request.rebalance_timeout_ms;
            member.core.client_id = request.client_id;
            member.core.client_host = request.client_host;
            member.touch(now_ms);
            // Two joins of one member: the earlier one will never be answered otherwise.
            let id = request.member_id;
            member.answer_join(JoinResult::error(codes::UNKNOWN_MEMBER_ID, &id));
            member.awaiting_join = Some(reply);
        }
    }

    fn update_and_rebalance(&mut self, request: JoinRequest, now_ms: i64, reply: Reply) {
        self.update_member(request, now_ms, reply);
        self.prepare_or_complete(now_ms);
    }

    /// A static member came back without its member id: it takes the place of its former self,
    /// which is fenced. A stable group is not rebalanced unless its protocol changes.
    fn replace_static(&mut self, old: &str, request: JoinRequest, now_ms: i64, reply: Reply) {
        let (new, skip) = (request.member_id.clone(), request.may_skip_assignment);
        let former_leader = self.leader.clone().unwrap_or_default();
        if let Some(member) = self.member_mut(old) {
            member.answer_join(JoinResult::error(codes::FENCED_INSTANCE_ID, old));
            member.answer_sync(super::SyncResult::error(codes::FENCED_INSTANCE_ID));
            member.core.id = new.clone();
        }
        if self.is_leader(old) {
            self.leader = Some(new.clone());
        }
        self.update_member(request, now_ms, reply);
        match self.state {
            GroupState::Stable if self.select_protocol() == self.protocol => {
                self.persist();
                let mut result = self.join_result(&new);
                result.skip_assignment = skip && self.is_leader(&new);
                if !skip {
                    // Old clients would assign anew if told that they lead: name the former id.
                    result.leader = former_leader;
                    result.members = Vec::new();
                }
                if let Some(member) = self.member_mut(&new) {
                    member.answer_join(result);
                }
            }
            GroupState::Stable | GroupState::CompletingRebalance => self.prepare_rebalance(now_ms),
            GroupState::PreparingRebalance => self.maybe_complete_join(now_ms),
            GroupState::Empty => {}
        }
    }
}
