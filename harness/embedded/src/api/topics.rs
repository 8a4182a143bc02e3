//! Topics created and deleted, partitions added.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::*;

use super::{Call, text};
use crate::broker::Broker;
use crate::codes;
use crate::topic_config::{self, KEYS, TopicConfig};
use crate::topics::Partition;

/// Kafka's limit on partitions created at once.
const MAX_PARTITIONS: i32 = 10_000;

/// A code and what is wrong.
type Fault = (i16, String);

pub(super) fn create(call: &Call<'_>, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let mut broker = call.broker();
    let mut seen = BTreeMap::new();
    for topic in &request.topics {
        *seen.entry(topic.name.to_string()).or_insert(0) += 1;
    }
    let topics = request.topics.iter().map(|topic| {
        let name = topic.name.as_str();
        let result = match call.injected.error_for(name, -1) {
            Some(code) => Err((code, "a fault was injected".to_owned())),
            None if seen.get(name).is_some_and(|times| *times > 1) => {
                Err((codes::INVALID_REQUEST, "Duplicate topic name.".to_owned()))
            }
            None => create_one(&mut broker, topic, request.validate_only),
        };
        result
            .unwrap_or_else(|(code, message)| {
                CreatableTopicResult::default()
                    .with_error_code(code)
                    .with_error_message(Some(text(&message)))
                    .with_num_partitions(-1)
                    .with_replication_factor(-1)
                    .with_configs(None)
            })
            .with_name(topic.name.clone())
    });
    CreateTopicsResponse::default().with_topics(topics.collect())
}

fn create_one(broker: &mut Broker, topic: &CreatableTopic, validate_only: bool) -> Result<CreatableTopicResult, Fault> {
    let name = topic.name.as_str();
    broker.topics.check_new_name(name)?;
    let partitions = partitions_of(broker, topic)?;
    let mut set = BTreeMap::new();
    for config in &topic.configs {
        let key = config.name.as_str();
        let Some(value) = &config.value else {
            let message = format!("Null value not supported for topic configs: {key}");
            return Err((codes::INVALID_CONFIG, message));
        };
        topic_config::check(key, value).map_err(|why| (codes::INVALID_CONFIG, why))?;
        set.insert(key.to_owned(), value.to_string());
    }
    let config = broker.topic_config(set);
    let configs = describe_configs(&config);
    let (count, factor) = (partitions.len(), partitions.first().map_or(1, |partition| partition.replicas.len()));
    let id = match validate_only {
        true => uuid::Uuid::nil(),
        false => broker.topics.create(name, partitions, config).id,
    };
    Ok(CreatableTopicResult::default()
        .with_topic_id(id)
        .with_error_message(None)
        .with_num_partitions(count as i32)
        .with_replication_factor(factor as i16)
        .with_configs(Some(configs)))
}

fn describe_configs(config: &TopicConfig) -> Vec<CreatableTopicConfigs> {
    let describe = |key| {
        let (value, set) = config.value(key);
        CreatableTopicConfigs::default()
            .with_name(text(key.name))
            .with_value(Some(text(&value)))
            .with_config_source(if set { 1 } else { 5 })
    };
    KEYS.iter().map(describe).collect()
}

/// The partitions that a topic is to have, spread over the nodes or placed as asked.
fn partitions_of(broker: &Broker, topic: &CreatableTopic) -> Result<Vec<Partition>, Fault> {
    if !topic.assignments.is_empty() {
        return assigned(broker, topic);
    }
    let factor = replication_factor(broker, topic.replication_factor)?;
    Ok(broker.spread(partition_count(broker, topic)?, factor))
}

fn replication_factor(broker: &Broker, asked: i16) -> Result<usize, Fault> {
    let nodes = broker.nodes.count();
    match asked {
        -1 => Ok(1),
        n if n > 0 && n as usize <= nodes => Ok(n as usize),
        n if n > 0 => {
            let message = format!(
                "Unable to replicate the partition {n} time(s): The target replication factor of {n} cannot be reached because only {nodes} broker(s) are registered."
            );
            Err((codes::INVALID_REPLICATION_FACTOR, message))
        }
        _ => {
            let message = "Replication factor must be larger than 0, or -1 to use the default value.";
            Err((codes::INVALID_REPLICATION_FACTOR, message.to_owned()))
        }
    }
}

fn partition_count(broker: &Broker, topic: &CreatableTopic) -> Result<usize, Fault> {
    match topic.num_partitions {
        -1 => Ok(usize::try_from(broker.config.default_partitions).unwrap_or(1).max(1)),
        n if n > MAX_PARTITIONS => {
            let message = format!("{n} partitions are more than the {MAX_PARTITIONS} allowed");
            Err((codes::INVALID_PARTITIONS, message))
        }
        n if n > 0 => Ok(n as usize),
        _ => {
            let message = "Number of partitions was set to an invalid non-positive value.";
            Err((codes::INVALID_PARTITIONS, message.to_owned()))
        }
    }
}

/// The partitions of a topic whose replicas are given one by one.
fn assigned(broker: &Broker, topic: &CreatableTopic) -> Result<Vec<Partition>, Fault> {
    if topic.num_partitions != -1 || topic.replication_factor != -1 {
        let message = "A manual partition assignment was specified, but the partition count or the replication factor was not set to -1.";
        return Err((codes::INVALID_REQUEST, message.to_owned()));
    }
    let placed: BTreeMap<i32, Vec<i32>> =
        topic.assignments.iter().map(|a| (a.partition_index, replicas_of(&a.broker_ids))).collect();
    let consecutive = placed.keys().copied().eq(0..topic.assignments.len() as i32);
    let first = placed.values().next().map_or(0, Vec::len);
    if !consecutive || !placed.values().all(|replicas| may_hold(broker, replicas, first)) {
        return Err((codes::INVALID_REPLICA_ASSIGNMENT, placement(broker)));
    }
    Ok(placed.into_values().map(Partition::on).collect())
}

fn replicas_of(ids: &[BrokerId]) -> Vec<i32> {
    ids.iter().map(|id| id.0).collect()
}

/// Whether these nodes can be the replicas of a partition: there, each once, and as many as the others have.
fn may_hold(broker: &Broker, replicas: &[i32], factor: usize) -> bool {
    let once: BTreeSet<&i32> = replicas.iter().collect();
    !replicas.is_empty()
        && replicas.len() == factor
        && once.len() == factor
        && replicas.iter().all(|node| broker.nodes.has(*node))
}

fn placement(broker: &Broker) -> String {
    let nodes = broker.nodes.count();
    format!("Partitions must be numbered from 0 on, with as many different replicas each, on brokers 1 to {nodes}.")
}

pub(super) fn delete(call: &Call<'_>, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let mut broker = call.broker();
    let old = request.topic_names.into_iter();
    let old = old.map(|name| (Some(name.to_string()), uuid::Uuid::nil()));
    let new = request.topics.into_iter();
    let new = new.map(|t| (t.name.map(|name| name.to_string()), t.topic_id));
    let responses = old.chain(new).map(|(name, id)| {
        let by_id = name.is_none();
        let name = name.or_else(|| broker.topics.name_of(&id).map(str::to_owned));
        let fault = name.as_deref().and_then(|n| call.injected.error_for(n, -1));
        let known = name.as_deref().and_then(|n| broker.topics.get(n));
        let id = known.map_or(id, |topic| topic.id);
        let code = match (fault, &name) {
            (Some(code), _) => code,
            (None, Some(name)) if broker.delete_topic(name) => codes::NONE,
            _ if by_id => codes::UNKNOWN_TOPIC_ID,
            _ => codes::UNKNOWN_TOPIC_OR_PARTITION,
        };
        DeletableTopicResult::default()
            .with_name(name.as_deref().map(super::topic_name))
            .with_topic_id(id)
            .with_error_code(code)
    });
    DeleteTopicsResponse::default().with_responses(responses.collect())
}

pub(super) fn create_partitions(call: &Call<'_>, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let mut broker = call.broker();
    let results = request.topics.iter().map(|topic| {
        let result = match call.injected.error_for(&topic.name, -1) {
            Some(code) => Err((code, "a fault was injected".to_owned())),
            None => grow(&mut broker, topic, request.validate_only),
        };
        let (code, message) = match result {
            Ok(()) => (codes::NONE, None),
            Err((code, message)) => (code, Some(text(&message))),
        };
        CreatePartitionsTopicResult::default()
            .with_name(topic.name.clone())
            .with_error_code(code)
            .with_error_message(message)
    });
    CreatePartitionsResponse::default().with_results(results.collect())
}

fn grow(broker: &mut Broker, asked: &CreatePartitionsTopic, dry: bool) -> Result<(), Fault> {
    let Some(topic) = broker.topics.get(&asked.name) else {
        let message = "This server does not host this topic-partition.".to_owned();
        return Err((codes::UNKNOWN_TOPIC_OR_PARTITION, message));
    };
    let (now, then) = (topic.partitions.len(), asked.count);
    let wanted = usize::try_from(then).unwrap_or(0);
    if wanted <= now {
        let message = match wanted == now {
            true => format!("Topic already has {now} partition(s)."),
            false => format!(
                "The topic {} currently has {now} partition(s); {then} would not be an increase.",
                asked.name.as_str()
            ),
        };
        return Err((codes::INVALID_PARTITIONS, message));
    }
    if then > MAX_PARTITIONS {
        let message = format!("{then} partitions are more than the {MAX_PARTITIONS} allowed");
        return Err((codes::INVALID_PARTITIONS, message));
    }
    let factor = topic.replication_factor();
    let more = match &asked.assignments {
        None => broker.spread(wanted, factor).split_off(now),
        Some(assignments) => {
            let placed: Vec<Vec<i32>> = assignments.iter().map(|a| replicas_of(&a.broker_ids)).collect();
            let fits = placed.len() == wanted - now && placed.iter().all(|one| may_hold(broker, one, factor));
            if !fits {
                return Err((codes::INVALID_REPLICA_ASSIGNMENT, placement(broker)));
            }
            placed.into_iter().map(Partition::on).collect()
        }
    };
    if let Some(topic) = broker.topics.get_mut(&asked.name).filter(|_| !dry) {
        topic.partitions.extend(more);
    }
    Ok(())
}
