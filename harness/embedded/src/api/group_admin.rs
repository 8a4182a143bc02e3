//! Groups as an administrator sees them: listed, described, deleted, their offsets deleted.

use bytes::Bytes;
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic};
use kafka_protocol::messages::*;

use super::{Call, text};
use crate::codes;
use crate::groups::{Group, GroupState, Member};

const TYPE: &str = "classic";

pub(super) fn list(call: &Call<'_>, request: ListGroupsRequest) -> ListGroupsResponse {
    if let Some(code) = call.error() {
        return ListGroupsResponse::default().with_error_code(code);
    }
    let broker = call.broker();
    let wanted = |filter: &[kafka_protocol::protocol::StrBytes], is: &str| {
        filter.is_empty() || filter.iter().any(|f| f.eq_ignore_ascii_case(is))
    };
    let groups = broker
        .listed_groups()
        .filter(|g| broker.nodes.coordinator_of(&g.id) == call.conn.node)
        .filter(|g| wanted(&request.states_filter, g.state.name()))
        .filter(|_| wanted(&request.types_filter, TYPE))
        .map(|g| {
            ListedGroup::default()
                .with_group_id(GroupId(text(&g.id)))
                .with_protocol_type(text(g.protocol_type.as_deref().unwrap_or_default()))
                .with_group_state(text(g.state.name()))
                .with_group_type(text(TYPE))
        });
    ListGroupsResponse::default().with_groups(groups.collect())
}

pub(super) fn describe(call: &Call<'_>, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let broker = call.broker();
    let groups = request.groups.into_iter().map(|id| {
        let described = match (call.error(), broker.group(&id)) {
            (Some(code), _) => DescribedGroup::default().with_error_code(code),
            (None, Some(group)) => describe_group(group),
            (None, None) => unknown(&id, call.version),
        };
        described.with_group_id(id).with_authorized_operations(i32::MIN)
    });
    DescribeGroupsResponse::default().with_groups(groups.collect())
}

fn unknown(id: &str, version: i16) -> DescribedGroup {
    let dead = DescribedGroup::default().with_group_state(text("Dead"));
    match version {
        6.. => dead
            .with_error_code(codes::GROUP_ID_NOT_FOUND)
            .with_error_message(Some(text(&format!("Group {id} not found.")))),
        _ => dead,
    }
}

fn describe_group(group: &Group) -> DescribedGroup {
    let stable = group.state == GroupState::Stable;
    let protocol = group.protocol.as_deref().filter(|_| stable);
    let members = group.members.iter().map(|m| describe_member(m, protocol));
    DescribedGroup::default()
        .with_group_state(text(group.state.name()))
        .with_protocol_type(text(group.protocol_type.as_deref().unwrap_or_default()))
        .with_protocol_data(text(protocol.unwrap_or_default()))
        .with_members(members.collect())
}

/// Metadata and assignment are told of a stable group only.
fn describe_member(member: &Member, protocol: Option<&str>) -> DescribedGroupMember {
    let core = &member.core;
    let (metadata, assignment) = match protocol {
        Some(protocol) => (member.metadata(protocol), core.assignment.clone()),
        None => (Bytes::new(), Bytes::new()),
    };
    DescribedGroupMember::default()
        .with_member_id(text(&core.id))
        .with_group_instance_id(core.instance_id.as_deref().map(text))
        .with_client_id(text(&core.client_id))
        .with_client_host(text(&core.client_host))
        .with_member_metadata(metadata)
        .with_member_assignment(assignment)
}

pub(super) fn delete(call: &Call<'_>, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let mut broker = call.broker();
    let results = request.groups_names.into_iter().map(|id| {
        let code = match (call.error(), broker.group(&id)) {
            (Some(code), _) => code,
            (None, None) => codes::GROUP_ID_NOT_FOUND,
            (None, Some(group)) if group.state != GroupState::Empty => codes::NON_EMPTY_GROUP,
            (None, Some(_)) => {
                broker.groups.remove(id.as_str());
                codes::NONE
            }
        };
        DeletableGroupResult::default().with_group_id(id).with_error_code(code)
    });
    DeleteGroupsResponse::default().with_results(results.collect())
}

pub(super) fn delete_offsets(call: &Call<'_>, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    if let Some(code) = call.error() {
        return OffsetDeleteResponse::default().with_error_code(code);
    }
    let mut guard = call.broker();
    let broker = &mut *guard;
    let Some(group) = broker.groups.get_mut(request.group_id.as_str()) else {
        return OffsetDeleteResponse::default().with_error_code(codes::GROUP_ID_NOT_FOUND);
    };
    // Only consumers say what they are subscribed to; others must be gone.
    let consumers = group.protocol_type.as_deref() == Some("consumer");
    if group.state != GroupState::Empty && !consumers {
        return OffsetDeleteResponse::default().with_error_code(codes::NON_EMPTY_GROUP);
    }
    let topics = request.topics.into_iter().map(|topic| {
        let name = topic.name.to_string();
        let partitions = topic.partitions.iter().map(|p| {
            let index = p.partition_index;
            let code = if broker.topics.partition(&name, index).is_none() {
                codes::UNKNOWN_TOPIC_OR_PARTITION
            } else if group.is_subscribed(&name) {
                codes::GROUP_SUBSCRIBED_TO_TOPIC
            } else {
                group.offsets.remove(&(name.clone(), index));
                codes::NONE
            };
            OffsetDeleteResponsePartition::default().with_partition_index(index).with_error_code(code)
        });
        let partitions = partitions.collect();
        OffsetDeleteResponseTopic::default().with_name(topic.name).with_partitions(partitions)
    });
    OffsetDeleteResponse::default().with_topics(topics.collect())
}
