//! OffsetCommit and OffsetFetch.

use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopics;
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use kafka_protocol::messages::*;

use super::groups::own;
use super::{Call, text, topic_name};
use crate::broker::Broker;
use crate::codes;
use crate::groups::{CommittedOffset, Group};

/// Kafka's `offset.metadata.max.bytes`.
const MAX_METADATA: usize = 4096;

pub(super) fn commit(call: &Call<'_>, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let mut broker = call.broker();
    let allowed = admit(&mut broker, &request);
    let group_id = request.group_id.to_string();
    let topics = request.topics.into_iter().map(|topic| {
        let name = topic.name.to_string();
        let exists = broker.topics.get(&name).is_some();
        let partitions = topic.partitions.into_iter().map(|p| {
            let committed = CommittedOffset {
                offset: p.committed_offset,
                leader_epoch: p.committed_leader_epoch,
                metadata: own(&p.committed_metadata).unwrap_or_default(),
            };
            let fault = call.injected.error_for(&name, p.partition_index);
            let code = match (fault, allowed) {
                (Some(code), _) | (None, Err(code)) => code,
                _ if !exists => codes::UNKNOWN_TOPIC_OR_PARTITION,
                _ if committed.metadata.len() > MAX_METADATA => codes::OFFSET_METADATA_TOO_LARGE,
                _ => {
                    let key = (name.clone(), p.partition_index);
                    broker.group_or_new(&group_id).offsets.insert(key, committed);
                    codes::NONE
                }
            };
            OffsetCommitResponsePartition::default().with_partition_index(p.partition_index).with_error_code(code)
        });
        let partitions = partitions.collect();
        OffsetCommitResponseTopic::default().with_name(topic.name).with_partitions(partitions)
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}

fn admit(broker: &mut Broker, request: &OffsetCommitRequest) -> Result<(), i16> {
    let now = broker.timer_ms();
    let generation = request.generation_id_or_member_epoch;
    if request.group_id.is_empty() {
        return Err(codes::INVALID_GROUP_ID);
    }
    match broker.groups.get_mut(request.group_id.as_str()) {
        None if generation < 0 => Ok(()),
        None => Err(codes::ILLEGAL_GENERATION),
        Some(group) => {
            let instance = own(&request.group_instance_id);
            let member = request.member_id.as_str();
            group.validate_commit(member, instance.as_deref(), generation, false)?;
            group.touch_member(member, now);
            Ok(())
        }
    }
}

/// One partition's committed offset as told.
struct Told {
    topic: String,
    partition: i32,
    committed: Option<CommittedOffset>,
    code: i16,
}

pub(super) fn fetch(call: &Call<'_>, request: OffsetFetchRequest) -> OffsetFetchResponse {
    // What concerns the whole group has a place of its own in the answer since version 2.
    if let Some(code) = call.injected.error_of_all().filter(|_| call.version >= 2) {
        return refuse_all(call.version, &request, code);
    }
    let broker = call.broker();
    let stable = request.require_stable;
    if call.version >= 8 {
        let groups = request.groups.iter().map(|asked| {
            let group = broker.group(&asked.group_id);
            let named = asked.topics.as_ref().map(|topics| named_new(topics));
            let told = tell(call, group, named, stable);
            OffsetFetchResponseGroup::default().with_group_id(asked.group_id.clone()).with_topics(new_topics(told))
        });
        return OffsetFetchResponse::default().with_groups(groups.collect());
    }
    let named = request.topics.as_ref().map(|topics| {
        let topics = topics.iter();
        let topics = topics.map(|t| (t.name.to_string(), t.partition_indexes.clone()));
        topics.collect()
    });
    let told = tell(call, broker.group(&request.group_id), named, stable);
    OffsetFetchResponse::default().with_topics(old_topics(told))
}

fn refuse_all(version: i16, request: &OffsetFetchRequest, code: i16) -> OffsetFetchResponse {
    if version < 8 {
        return OffsetFetchResponse::default().with_error_code(code);
    }
    let groups = request
        .groups
        .iter()
        .map(|asked| OffsetFetchResponseGroup::default().with_group_id(asked.group_id.clone()).with_error_code(code));
    OffsetFetchResponse::default().with_groups(groups.collect())
}

fn named_new(topics: &[OffsetFetchRequestTopics]) -> Vec<(String, Vec<i32>)> {
    topics.iter().map(|t| (t.name.to_string(), t.partition_indexes.clone())).collect()
}

/// The offsets of the partitions named, topic by topic, or of all that have one.
fn tell(
    call: &Call<'_>,
    group: Option<&Group>,
    named: Option<Vec<(String, Vec<i32>)>>,
    require_stable: bool,
) -> Vec<Vec<Told>> {
    let Some(named) = named else {
        return tell_all(group);
    };
    let one = |topic: &str, partition: i32| {
        let key = (topic.to_owned(), partition);
        let unstable = require_stable && group.is_some_and(|g| g.has_pending_offset(&key));
        let fault = call.injected.error_for(topic, partition);
        let code = fault.unwrap_or(match unstable {
            true => codes::UNSTABLE_OFFSET_COMMIT,
            false => codes::NONE,
        });
        let committed = group.and_then(|g| g.offsets.get(&key).cloned());
        Told { topic: topic.to_owned(), partition, committed: committed.filter(|_| code == codes::NONE), code }
    };
    named.iter().map(|(topic, partitions)| partitions.iter().map(|p| one(topic, *p)).collect()).collect()
}

fn tell_all(group: Option<&Group>) -> Vec<Vec<Told>> {
    let mut topics: Vec<Vec<Told>> = Vec::new();
    for ((topic, partition), committed) in group.iter().flat_map(|g| &g.offsets) {
        let told =
            Told { topic: topic.clone(), partition: *partition, committed: Some(committed.clone()), code: codes::NONE };
        match topics.last_mut() {
            Some(last) if last.first().is_some_and(|t| t.topic == *topic) => last.push(told),
            _ => topics.push(vec![told]),
        }
    }
    topics
}

fn new_topics(told: Vec<Vec<Told>>) -> Vec<OffsetFetchResponseTopics> {
    let named = told.into_iter().filter(|partitions| !partitions.is_empty());
    named
        .map(|partitions| {
            let name = topic_name(&partitions[0].topic);
            let partitions = partitions.into_iter().map(|t| {
                let (offset, epoch, metadata) = parts(t.committed);
                OffsetFetchResponsePartitions::default()
                    .with_partition_index(t.partition)
                    .with_committed_offset(offset)
                    .with_committed_leader_epoch(epoch)
                    .with_metadata(Some(text(&metadata)))
                    .with_error_code(t.code)
            });
            OffsetFetchResponseTopics::default().with_name(name).with_partitions(partitions.collect())
        })
        .collect()
}

fn old_topics(told: Vec<Vec<Told>>) -> Vec<OffsetFetchResponseTopic> {
    let named = told.into_iter().filter(|partitions| !partitions.is_empty());
    named
        .map(|partitions| {
            let name = topic_name(&partitions[0].topic);
            let partitions = partitions.into_iter().map(|t| {
                let (offset, epoch, metadata) = parts(t.committed);
                OffsetFetchResponsePartition::default()
                    .with_partition_index(t.partition)
                    .with_committed_offset(offset)
                    .with_committed_leader_epoch(epoch)
                    .with_metadata(Some(text(&metadata)))
                    .with_error_code(t.code)
            });
            OffsetFetchResponseTopic::default().with_name(name).with_partitions(partitions.collect())
        })
        .collect()
}

fn parts(committed: Option<CommittedOffset>) -> (i64, i32, String) {
    match committed {
        Some(c) => (c.offset, c.leader_epoch, c.metadata),
        None => (-1, -1, String::new()),
    }
}
