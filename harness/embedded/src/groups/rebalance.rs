//! The rebalance itself: gathering the members, starting a generation, removing who does not answer.

use super::{Group, GroupState, JoinResult, SyncResult};
use crate::codes;

impl Group {
    /// Starts a rebalance, or sees whether the one under way is complete now.
    pub(super) fn prepare_or_complete(&mut self, now_ms: i64) {
        if self.state == GroupState::PreparingRebalance {
            self.maybe_complete_join(now_ms);
        } else {
            self.prepare_rebalance(now_ms);
        }
    }

    pub(super) fn prepare_rebalance(&mut self, now_ms: i64) {
        for member in &mut self.members {
            if member.awaiting_sync.is_some() {
                member.touch(now_ms);
            }
            member.answer_sync(SyncResult::error(codes::REBALANCE_IN_PROGRESS));
            if self.state == GroupState::CompletingRebalance {
                member.core.assignment.clear();
            }
        }
        self.sync_deadline_ms = None;
        let initial = self.state == GroupState::Empty;
        self.state = GroupState::PreparingRebalance;
        let wait = if initial { self.limits.initial_rebalance_delay_ms } else { self.rebalance_timeout_ms() };
        self.initial_wait = initial && wait > 0;
        self.join_deadline_ms = Some(now_ms + wait);
        self.maybe_complete_join(now_ms);
    }

    /// Completes the join phase once every member is there and nobody is about to join.
    pub(super) fn maybe_complete_join(&mut self, now_ms: i64) {
        let all = self.members.iter().all(|m| m.awaiting_join.is_some());

        if self.state == GroupState::PreparingRebalance && all && self.pending_members.is_empty() && !self.initial_wait
        {
            self.complete_join(now_ms);
        }
    }

    /// Ends the join phase with whoever has joined.
    fn complete_join(&mut self, now_ms: i64) {
        self.members.retain(|m| m.awaiting_join.is_some() || m.core.instance_id.is_some());
        if !self.members.is_empty() && !self.elect_joined_leader() {
            // Only static members are left and none has joined: wait for them once more.
            self.join_deadline_ms = Some(now_ms + self.rebalance_timeout_ms());
            return;
        }
        self.join_deadline_ms = None;
        self.initial_wait = false;
        self.generation = self.generation.wrapping_add(1).max(1);
        if self.members.is_empty() {
            self.become_empty();
        } else {
            self.start_generation(now_ms);
        }
    }

    fn elect_joined_leader(&mut self) -> bool {
        let joined = |id: &str| {
            let member = self.members.iter().find(|m| m.core.id == id);
            member.is_some_and(|m| m.awaiting_join.is_some())
        };
        if self.leader.as_deref().is_some_and(joined) {
            return true;
        }
        let next = self.members.iter().find(|m| m.awaiting_join.is_some());
        let next = next.map(|m| m.core.id.clone());
        if next.is_some() {
            self.leader = next;
            return true;
        }
        false
    }

    fn start_generation(&mut self, now_ms: i64) {
        self.protocol = self.select_protocol();
        self.state = GroupState::CompletingRebalance;
        self.sync_deadline_ms = Some(now_ms + self.rebalance_timeout_ms());
        let ids: Vec<String> = self.members.iter().map(|m| m.core.id.clone()).collect();
        for id in ids {
            let result = self.join_result(&id);
            if let Some(member) = self.member_mut(&id) {
                member.is_new = false;
                member.synced = false;
                member.touch(now_ms);
                member.answer_join(result);
            }
        }
    }

    fn become_empty(&mut self) {
        self.state = GroupState::Empty;
        self.protocol = None;
        self.leader = None;
        self.sync_deadline_ms = None;
        self.persist();
    }

    /// Removes a member that left or died, and rebalances the rest.
    pub(super) fn remove_member(&mut self, id: &str, now_ms: i64) {
        let Some(at) = self.members.iter().position(|m| m.core.id == id) else {
            return;
        };
        let mut member = self.members.remove(at);
        member.answer_join(JoinResult::error(codes::UNKNOWN_MEMBER_ID, id));
        member.answer_sync(SyncResult::error(codes::UNKNOWN_MEMBER_ID));
        if self.is_leader(id) {
            self.leader = self.members.first().map(|m| m.core.id.clone());
        }
        match self.state {
            GroupState::Stable | GroupState::CompletingRebalance => self.prepare_rebalance(now_ms),
            GroupState::PreparingRebalance => self.maybe_complete_join(now_ms),
            GroupState::Empty => {}
        }
    }

    /// Lets time pass: sessions, rebalances and unused member ids that have run out.
    pub(crate) fn tick(&mut self, now_ms: i64) {
        let pending = self.pending_members.len();
        self.pending_members.retain(|_, lapses| *lapses > now_ms);
        if self.pending_members.len() != pending {
            self.maybe_complete_join(now_ms);
        }
        let expired = |m: &super::Member| m.is_expired(now_ms);
        while let Some(dead) = self.members.iter().find(|m| expired(m)) {
            let id = dead.core.id.clone();
            tracing::info!(group = %self.id, member = %id, "session timed out");
            self.remove_member(&id, now_ms);
        }
        if self.join_deadline_ms.is_some_and(|deadline| now_ms >= deadline) {
            self.complete_join(now_ms);
        }
        if self.sync_deadline_ms.is_some_and(|deadline| now_ms >= deadline) {
            self.expire_sync(now_ms);
        }
    }

    /// Members that never asked for their assignment are removed.
    fn expire_sync(&mut self, now_ms: i64) {
        self.sync_deadline_ms = None;
        let silent: Vec<String> = self.members.iter().filter(|m| !m.synced).map(|m| m.core.id.clone()).collect();
        for id in silent {
            self.remove_member(&id, now_ms);
        }
    }
}
