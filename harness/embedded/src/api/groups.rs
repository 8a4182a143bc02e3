//! The group requests of members: find the coordinator, join, sync, heartbeat, leave.

use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;
use tokio::sync::oneshot;

use super::{Call, text};
use crate::codes;
use crate::groups::{JoinRequest, JoinResult, SyncRequest, SyncResult};

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

/// A string of a request as our own.
pub(super) fn own(s: &Option<StrBytes>) -> Option<String> {
    s.as_ref().map(|s| s.to_string())
}

pub(super) fn find_coordinator(call: &Call<'_>, request: FindCoordinatorRequest) -> FindCoordinatorResponse {
    let broker = call.broker();
    let known = matches!(request.key_type, GROUP | TRANSACTION);
    let code = match call.error() {
        Some(code) => code,
        None if !known => codes::INVALID_REQUEST,
        None => codes::NONE,
    };
    let place = |key: &str| match code {
        codes::NONE => {
            let node = broker.nodes.coordinator_of(key);
            let (host, port) = broker.nodes.address(node, call.conn.listener);
            (node, text(&host), i32::from(port))
        }
        _ => (-1, StrBytes::new(), -1),
    };
    if call.version < 4 {
        let (node, host, port) = place(&request.key);
        return FindCoordinatorResponse::default()
            .with_error_code(code)
            .with_error_message(None)
            .with_node_id(BrokerId(node))
            .with_host(host)
            .with_port(port);
    }
    let coordinators = request.coordinator_keys.into_iter().map(|key| {
        let (node, host, port) = place(&key);
        Coordinator::default()
            .with_key(key)
            .with_error_code(code)
            .with_error_message(None)
            .with_node_id(BrokerId(node))
            .with_host(host)
            .with_port(port)
    });
    FindCoordinatorResponse::default().with_coordinators(coordinators.collect())
}

pub(super) async fn join(call: &Call<'_>, request: JoinGroupRequest) -> JoinGroupResponse {
    let version = call.version;
    let member_id = request.member_id.to_string();
    if let Some(code) = call.error() {
        return join_response(JoinResult::error(code, &member_id), version);
    }
    let group_id = request.group_id.to_string();
    if group_id.is_empty() {
        let result = JoinResult::error(codes::INVALID_GROUP_ID, &member_id);
        return join_response(result, version);
    }
    let (reply, answer) = oneshot::channel();
    {
        let mut broker = call.broker();
        let now = broker.timer_ms();
        if !member_id.is_empty() && broker.group(&group_id).is_none() {
            let result = JoinResult::error(codes::UNKNOWN_MEMBER_ID, &member_id);
            return join_response(result, version);
        }
        let request = join_request(call, request, &member_id);
        broker.group_or_new(&group_id).join(request, now, reply);
    }
    let result = answer.await.unwrap_or_else(|_| JoinResult::error(codes::COORDINATOR_NOT_AVAILABLE, &member_id));
    join_response(result, version)
}

fn join_request(call: &Call<'_>, request: JoinGroupRequest, member_id: &str) -> JoinRequest {
    let rebalance = match call.version {
        0 => request.session_timeout_ms,
        _ => request.rebalance_timeout_ms,
    };
    JoinRequest {
        member_id: member_id.to_owned(),
        instance_id: own(&request.group_instance_id),
        client_id: call.client_id.clone(),
        client_host: call.conn.host.clone(),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: rebalance,
        protocol_type: request.protocol_type.to_string(),
        protocols: request
            .protocols
            .iter()
            .map(|p| (p.name.to_string(), bytes::Bytes::copy_from_slice(&p.metadata)))
            .collect(),
        requires_known_member_id: call.version >= 4,
        may_skip_assignment: call.version >= 9,
    }
}

fn join_response(result: JoinResult, version: i16) -> JoinGroupResponse {
    let members = result.members.into_iter().map(|(id, instance, metadata)| {
        JoinGroupResponseMember::default()
            .with_member_id(StrBytes::from_string(id))
            .with_group_instance_id(instance.map(StrBytes::from_string))
            .with_metadata(metadata)
    });
    let protocol = result.protocol.map(StrBytes::from_string);
    // Before version 7 the name may not be null.
    let protocol = match version {
        7.. => protocol,
        _ => Some(protocol.unwrap_or_default()),
    };
    JoinGroupResponse::default()
        .with_error_code(result.error)
        .with_generation_id(result.generation)
        .with_protocol_type(result.protocol_type.map(StrBytes::from_string))
        .with_protocol_name(protocol)
        .with_leader(StrBytes::from_string(result.leader))
        .with_member_id(StrBytes::from_string(result.member_id))
        .with_members(members.collect())
        .with_skip_assignment(result.skip_assignment && version >= 9)
}

pub(super) async fn sync(call: &Call<'_>, request: SyncGroupRequest) -> SyncGroupResponse {
    if let Some(code) = call.error() {
        return sync_response(SyncResult::error(code));
    }
    let (reply, answer) = oneshot::channel();
    {
        let mut broker = call.broker();
        let now = broker.timer_ms();
        let Some(group) = broker.groups.get_mut(request.group_id.as_str()) else {
            return sync_response(SyncResult::error(codes::UNKNOWN_MEMBER_ID));
        };
        let assignments = request.assignments.into_iter();
        let request = SyncRequest {
            member_id: request.member_id.to_string(),
            instance_id: own(&request.group_instance_id),
            generation: request.generation_id,
            protocol_type: own(&request.protocol_type),
            protocol: own(&request.protocol_name),
            assignments: assignments.map(|a| (a.member_id.to_string(), a.assignment)).collect(),
        };
        group.sync(request, now, reply);
    }
    let result = answer.await;
    sync_response(result.unwrap_or_else(|_| SyncResult::error(codes::COORDINATOR_NOT_AVAILABLE)))
}

fn sync_response(result: SyncResult) -> SyncGroupResponse {
    SyncGroupResponse::default()
        .with_error_code(result.error)
        .with_protocol_type(result.protocol_type.map(StrBytes::from_string))
        .with_protocol_name(result.protocol.map(StrBytes::from_string))
        .with_assignment(result.assignment)
}

pub(super) fn heartbeat(call: &Call<'_>, request: HeartbeatRequest) -> HeartbeatResponse {
    let mut broker = call.broker();
    let now = broker.timer_ms();
    let group = broker.groups.get_mut(request.group_id.as_str());
    let instance = own(&request.group_instance_id);
    let code = match (call.error(), group) {
        (Some(code), _) => code,
        (None, None) => codes::UNKNOWN_MEMBER_ID,
        (None, Some(group)) => {
            let id = &request.member_id;
            group.heartbeat(id, instance.as_deref(), request.generation_id, now)
        }
    };
    HeartbeatResponse::default().with_error_code(code)
}

pub(super) fn leave(call: &Call<'_>, request: LeaveGroupRequest) -> LeaveGroupResponse {
    if let Some(code) = call.error() {
        return LeaveGroupResponse::default().with_error_code(code);
    }
    let mut broker = call.broker();
    let now = broker.timer_ms();
    let mut group = broker.groups.get_mut(request.group_id.as_str());
    let mut one = |member_id: &str, instance: Option<&str>| match &mut group {
        Some(group) => group.leave(member_id, instance, now),
        None => codes::UNKNOWN_MEMBER_ID,
    };
    if call.version < 3 {
        let code = one(&request.member_id, None);
        return LeaveGroupResponse::default().with_error_code(code);
    }
    let members = request.members.into_iter().map(|member| {
        let instance = own(&member.group_instance_id);
        let code = one(&member.member_id, instance.as_deref());
        MemberResponse::default()
            .with_member_id(member.member_id)
            .with_group_instance_id(member.group_instance_id)
            .with_error_code(code)
    });
    LeaveGroupResponse::default().with_members(members.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::encode;

    #[test]
    fn a_join_that_succeeded_can_be_told_in_every_version() {
        let result = JoinResult {
            error: 0,
            generation: 3,
            protocol_type: Some("consumer".to_owned()),
            protocol: Some("range".to_owned()),
            leader: "a".to_owned(),
            member_id: "a".to_owned(),
            members: vec![("a".to_owned(), Some("i".to_owned()), bytes::Bytes::new())],
            skip_assignment: true,
        };
        for version in 0..=9 {
            let response = join_response(result.clone(), version);
            assert!(encode(0, version, &response).is_some(), "version {version}");
        }
    }

    #[test]
    fn an_assignment_can_be_told_in_every_version() {
        let result = SyncResult {
            error: 0,
            protocol_type: Some("consumer".to_owned()),
            protocol: Some("range".to_owned()),
            assignment: bytes::Bytes::from_static(b"all"),
        };
        for version in 0..=5 {
            let response = sync_response(result.clone());
            assert!(encode(0, version, &response).is_some(), "version {version}");
        }
    }
}
