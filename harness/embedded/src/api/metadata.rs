//! Metadata: topics, their partitions, and the nodes that lead them.

use std::collections::BTreeMap;

use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{BrokerId, MetadataRequest, MetadataResponse};
use uuid::Uuid;

use super::{Call, text, topic_name};
use crate::broker::Broker;
use crate::codes;
use crate::nodes::Nodes;
use crate::topics::{Topic, check_name};

/// "Not asked for" in place of a set of authorised operations.
const NO_OPERATIONS: i32 = i32::MIN;

pub(super) fn handle(call: &Call<'_>, request: MetadataRequest) -> MetadataResponse {
    let mut broker = call.broker();
    let node = |id| {
        let (host, port) = broker.nodes.address(id, call.conn.listener);
        MetadataResponseBroker::default().with_node_id(BrokerId(id)).with_host(text(&host)).with_port(i32::from(port))
    };
    let nodes = broker.nodes.alive().map(node).collect();
    // Version 0 has no null: an empty list asks for all topics.
    let asked = request.topics.filter(|t| call.version > 0 || !t.is_empty());
    let create = call.version < 4 || request.allow_auto_topic_creation;
    let topics = match asked {
        None => broker.topics.iter().map(|(name, t)| describe(name, t, &broker.nodes)).collect(),
        Some(asked) => asked
            .iter()
            .map(|topic| match &topic.name {
                Some(name) => by_name(call, &mut broker, name.as_str(), create),
                None => by_id(&broker, topic.topic_id),
            })
            .collect(),
    };
    MetadataResponse::default()
        .with_brokers(nodes)
        .with_cluster_id(Some(text(&broker.cluster_id)))
        .with_controller_id(BrokerId(broker.nodes.controller()))
        .with_cluster_authorized_operations(NO_OPERATIONS)
        .with_topics(topics)
}

fn by_name(call: &Call<'_>, broker: &mut Broker, name: &str, create: bool) -> MetadataResponseTopic {
    let refuse = |code: i16| {
        MetadataResponseTopic::default()
            .with_error_code(code)
            .with_name(Some(topic_name(name)))
            .with_topic_authorized_operations(NO_OPERATIONS)
    };
    let fault = call.injected.errors.iter();
    let mut fault = fault.filter(|(m, _)| m.topic.as_deref().is_none_or(|t| t == name));
    if let Some((_, code)) = fault.next() {
        return refuse(*code);
    }
    if let Some(topic) = broker.topics.get(name) {
        return describe(name, topic, &broker.nodes);
    }
    if check_name(name).is_err() {
        return refuse(codes::INVALID_TOPIC_EXCEPTION);
    }
    if !create || !broker.config.auto_create_topics {
        return refuse(codes::UNKNOWN_TOPIC_OR_PARTITION);
    }
    if let Err((code, _)) = broker.topics.check_new_name(name) {
        return refuse(code);
    }
    let partitions = usize::try_from(broker.config.default_partitions).unwrap_or(1);
    let config = broker.topic_config(BTreeMap::new());
    let partitions = broker.spread(partitions.max(1), 1);
    describe(name, broker.topics.create(name, partitions, config), &broker.nodes)
}

fn by_id(broker: &Broker, id: Uuid) -> MetadataResponseTopic {
    let found = broker.topics.name_of(&id);
    let found = found.and_then(|name| Some((name, broker.topics.get(name)?)));
    match found {
        Some((name, topic)) => describe(name, topic, &broker.nodes),
        None => MetadataResponseTopic::default()
            .with_error_code(codes::UNKNOWN_TOPIC_ID)
            .with_name(None)
            .with_topic_id(id)
            .with_topic_authorized_operations(NO_OPERATIONS),
    }
}

fn describe(name: &str, topic: &Topic, nodes: &Nodes) -> MetadataResponseTopic {
    let ids = |nodes: Vec<i32>| nodes.into_iter().map(BrokerId).collect::<Vec<_>>();
    let partitions = (0..).zip(&topic.partitions).map(|(index, partition)| {
        let code = if partition.leader.is_some() { codes::NONE } else { codes::LEADER_NOT_AVAILABLE };
        let down = partition.replicas.iter().copied().filter(|node| !nodes.is_up(*node)).collect();
        MetadataResponsePartition::default()
            .with_error_code(code)
            .with_partition_index(index)
            .with_leader_id(BrokerId(partition.leader.unwrap_or(-1)))
            .with_leader_epoch(partition.log.epoch())
            .with_replica_nodes(ids(partition.replicas.clone()))
            .with_isr_nodes(ids(partition.in_sync(nodes)))
            .with_offline_replicas(ids(down))
    });
    MetadataResponseTopic::default()
        .with_name(Some(topic_name(name)))
        .with_topic_id(topic.id)
        .with_topic_authorized_operations(NO_OPERATIONS)
        .with_partitions(partitions.collect())
}
