//! The cluster and its log: described, records deleted, ends of epochs.

use kafka_protocol::messages::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kafka_protocol::messages::describe_producers_response::{PartitionResponse, ProducerState, TopicResponse};
use kafka_protocol::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use kafka_protocol::messages::*;

use super::{Call, text, topic_name};
use crate::broker::Broker;
use crate::codes;

/// "Up to the high watermark" in DeleteRecords.
const HIGH_WATERMARK: i64 = -1;

pub(super) fn describe_cluster(call: &Call<'_>, _: DescribeClusterRequest) -> DescribeClusterResponse {
    let broker = call.broker();
    let node = |id| {
        let (host, port) = broker.nodes.address(id, call.conn.listener);
        DescribeClusterBroker::default().with_broker_id(BrokerId(id)).with_host(text(&host)).with_port(i32::from(port))
    };
    let nodes = broker.nodes.alive().map(node).collect();
    DescribeClusterResponse::default()
        .with_error_code(call.error().unwrap_or(codes::NONE))
        .with_error_message(None)
        .with_endpoint_type(1)
        .with_cluster_id(text(&broker.cluster_id))
        .with_controller_id(BrokerId(broker.nodes.controller()))
        .with_brokers(nodes)
        .with_cluster_authorized_operations(i32::MIN)
}

pub(super) fn delete_records(call: &Call<'_>, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let mut broker = call.broker();
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let index = asked.partition_index;
            let result = match call.injected.error_for(&topic.name, index) {
                Some(code) => Err(code),
                None => delete_before(&mut broker, call.conn.node, (&topic.name, index), asked.offset),
            };
            DeleteRecordsPartitionResult::default()
                .with_partition_index(index)
                .with_low_watermark(result.unwrap_or(-1))
                .with_error_code(result.err().unwrap_or(codes::NONE))
        });
        let partitions = partitions.collect();
        DeleteRecordsTopicResult::default().with_name(topic.name).with_partitions(partitions)
    });
    DeleteRecordsResponse::default().with_topics(topics.collect())
}

fn delete_before(broker: &mut Broker, node: i32, (topic, index): (&str, i32), offset: i64) -> Result<i64, i16> {
    let known = broker.topics.get_mut(topic);
    let topic = known.ok_or(codes::UNKNOWN_TOPIC_OR_PARTITION)?;
    // Where records are only ever compacted, none are deleted.
    if topic.config.compact && topic.config.overrides().get("cleanup.policy").is_some_and(|p| !p.contains("delete")) {
        return Err(codes::POLICY_VIOLATION);
    }
    let partition = topic.partition_mut(index);
    let partition = partition.ok_or(codes::UNKNOWN_TOPIC_OR_PARTITION)?;
    partition.check_leader(node)?;
    let offset = match offset {
        HIGH_WATERMARK => partition.log.end(),
        offset => offset,
    };
    if !(0..=partition.log.end()).contains(&offset) {
        return Err(codes::OFFSET_OUT_OF_RANGE);
    }
    let freed = partition.log.delete_before(offset);
    let start = partition.log.start();
    broker.bytes -= freed;
    Ok(start)
}

pub(super) fn offset_for_leader_epoch(
    call: &Call<'_>,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let broker = call.broker();
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let index = asked.partition;
            let partition = broker.topics.partition(&topic.topic, index);
            let end = match (call.injected.error_for(&topic.topic, index), partition) {
                (Some(code), _) => Err(code),
                (None, None) => Err(codes::UNKNOWN_TOPIC_OR_PARTITION),
                (None, Some(partition)) => partition
                    .check_leader(call.conn.node)
                    .and_then(|()| partition.check_epoch(asked.current_leader_epoch))
                    .map(|()| partition.log.end_of_epoch(asked.leader_epoch)),
            };
            let (epoch, offset) = end.unwrap_or((-1, -1));
            EpochEndOffset::default()
                .with_error_code(end.err().unwrap_or(codes::NONE))
                .with_partition(index)
                .with_leader_epoch(epoch)
                .with_end_offset(offset)
        });
        let partitions = partitions.collect();
        OffsetForLeaderTopicResult::default().with_topic(topic.topic).with_partitions(partitions)
    });
    OffsetForLeaderEpochResponse::default().with_topics(topics.collect())
}

pub(super) fn describe_log_dirs(call: &Call<'_>, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse {
    let broker = call.broker();
    let wanted = |topic: &str, index: i32| match &request.topics {
        None => true,
        Some(topics) => topics.iter().any(|t| t.topic.as_str() == topic && t.partitions.contains(&index)),
    };
    let topics = broker.topics.iter().map(|(name, topic)| {
        let partitions = topic.partitions.iter().enumerate();
        let partitions = partitions
            .map(|(index, partition)| (index as i32, partition))
            .filter(|(index, partition)| wanted(name, *index) && partition.replicas.contains(&call.conn.node))
            .map(|(index, partition)| {
                DescribeLogDirsPartition::default()
                    .with_partition_index(index)
                    .with_partition_size(partition.log.bytes() as i64)
                    .with_offset_lag(0)
            });
        DescribeLogDirsTopic::default().with_name(topic_name(name)).with_partitions(partitions.collect())
    });
    let limit = broker.config.memory_limit;
    let result = DescribeLogDirsResult::default()
        .with_log_dir(text("memory"))
        .with_topics(topics.filter(|t| !t.partitions.is_empty()).collect())
        .with_total_bytes(limit as i64)
        .with_usable_bytes(limit.saturating_sub(broker.bytes) as i64);
    DescribeLogDirsResponse::default().with_error_code(call.error().unwrap_or(codes::NONE)).with_results(vec![result])
}

pub(super) fn describe_producers(call: &Call<'_>, request: DescribeProducersRequest) -> DescribeProducersResponse {
    let broker = call.broker();
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partition_indexes.iter().map(|index| {
            let response = PartitionResponse::default().with_partition_index(*index);
            match broker.topics.partition(&topic.name, *index) {
                None => response.with_error_code(codes::UNKNOWN_TOPIC_OR_PARTITION),
                Some(partition) => {
                    let active = partition.producers.active().into_iter();
                    let active = active.map(|p| {
                        let first = partition.log.open_transaction(p.id);
                        ProducerState::default()
                            .with_producer_id(ProducerId(p.id))
                            .with_producer_epoch(i32::from(p.epoch))
                            .with_last_sequence(p.last_sequence)
                            .with_last_timestamp(p.last_timestamp)
                            .with_coordinator_epoch(if first.is_some() { 0 } else { -1 })
                            .with_current_txn_start_offset(first.unwrap_or(-1))
                    });
                    response.with_active_producers(active.collect())
                }
            }
        });
        let partitions = partitions.collect();
        TopicResponse::default().with_name(topic.name).with_partitions(partitions)
    });
    DescribeProducersResponse::default().with_topics(topics.collect())
}
