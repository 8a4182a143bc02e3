//! One member of a group.

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{JoinResult, SyncResult};

/// What is known of a member, apart from the answers it waits for. This is what a restart keeps.
#[derive(Debug, Clone)]
pub(crate) struct MemberCore {
    pub id: String,
    pub instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    /// The assignors the member supports, in its order of preference, each with its metadata.
    pub protocols: Vec<(String, Bytes)>,
    pub assignment: Bytes,
}

/// A member with its timers and the answers it waits for.
#[derive(Debug)]
pub(crate) struct Member {
    pub core: MemberCore,
    pub awaiting_join: Option<oneshot::Sender<JoinResult>>,
    pub awaiting_sync: Option<oneshot::Sender<SyncResult>>,
    /// When the member is taken for dead, unless it is heard of before.
    pub session_deadline_ms: i64,
    /// Joined for the first time and not part of a generation yet.
    pub is_new: bool,
    /// Has asked for its assignment in this generation.
    pub synced: bool,
}

impl Member {
    pub(crate) fn new(core: MemberCore) -> Member {
        Member {
            core,
            awaiting_join: None,
            awaiting_sync: None,
            session_deadline_ms: i64::MAX,
            is_new: false,
            synced: true,
        }
    }

    /// The member was heard of: its session starts again.
    pub(crate) fn touch(&mut self, now_ms: i64) {
        self.session_deadline_ms = now_ms + i64::from(self.core.session_timeout_ms);
    }

    /// Members that wait for the coordinator are not expected to send heartbeats.
    pub(crate) fn is_expired(&self, now_ms: i64) -> bool {
        let waits = self.awaiting_join.is_some() || self.awaiting_sync.is_some();
        now_ms >= self.session_deadline_ms && (self.is_new || !waits)
    }

    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        self.core
            .protocols
            .iter()
            .find(|(name, _)| name == protocol)
            .map(|(_, metadata)| metadata.clone())
            .unwrap_or_default()
    }

    /// Whether a repeated join says the same as the one before.
    pub(crate) fn matches(&self, protocols: &[(String, Bytes)]) -> bool {
        self.core.protocols == protocols
    }

    pub(crate) fn answer_join(&mut self, result: JoinResult) {
        if let Some(reply) = self.awaiting_join.take() {
            let _ = reply.send(result);
        }
    }

    pub(crate) fn answer_sync(&mut self, result: SyncResult) {
        if let Some(reply) = self.awaiting_sync.take() {
            let _ = reply.send(result);
        }
    }
}
