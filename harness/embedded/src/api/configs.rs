//! Configuration described and altered: of topics, and described of the broker.

use std::collections::BTreeMap;

use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse as IncrementalResponse;
use kafka_protocol::messages::*;

use super::{Call, text};
use crate::broker::Broker;
use crate::codes;
use crate::topic_config::{self, ConfigType, KEYS};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

const SOURCE_TOPIC: i8 = 1;
/// Where a cluster of 4.1 and later keeps `min.insync.replicas`.
const SOURCE_CLUSTER: i8 = 3;
const SOURCE_STATIC_BROKER: i8 = 4;
const SOURCE_DEFAULT: i8 = 5;

/// A code and what is wrong.
type Fault = (i16, String);

pub(super) fn describe(call: &Call<'_>, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let broker = call.broker();
    let results = request.resources.iter().map(|resource| {
        let described = match (call.error(), resource.resource_type) {
            (Some(code), _) => Err((code, "a fault was injected".to_owned())),
            (None, TOPIC) => describe_topic(&broker, resource, request.include_synonyms),
            (None, BROKER) => describe_broker(&broker, call.conn.node, resource),
            (None, other) => Err(unsupported(other)),
        };
        let (code, message, configs) = match described {
            Ok(configs) => (codes::NONE, None, configs),
            Err((code, message)) => (code, Some(text(&message)), Vec::new()),
        };
        DescribeConfigsResult::default()
            .with_error_code(code)
            .with_error_message(message)
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone())
            .with_configs(configs)
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

fn unsupported(kind: i8) -> Fault {
    let message = format!("configuration of resource type {kind} is not kept here");
    (codes::INVALID_REQUEST, message)
}

fn unknown_topic() -> Fault {
    let message = "This server does not host this topic-partition.".to_owned();
    (codes::UNKNOWN_TOPIC_OR_PARTITION, message)
}

fn wanted(resource: &DescribeConfigsResource, name: &str) -> bool {
    let keys = resource.configuration_keys.as_ref();
    keys.is_none_or(|keys| keys.is_empty() || keys.iter().any(|key| key.as_str() == name))
}

fn describe_topic(
    broker: &Broker,
    resource: &DescribeConfigsResource,
    synonyms: bool,
) -> Result<Vec<DescribeConfigsResourceResult>, Fault> {
    let topic = broker.topics.get(&resource.resource_name);
    let config = &topic.ok_or_else(unknown_topic)?.config;
    let keys = KEYS.iter().filter(|key| wanted(resource, key.name));
    let described = keys.map(|key| {
        let (value, set) = config.value(key);
        let source = match (set, key.name) {
            (true, _) => SOURCE_TOPIC,
            (false, "min.insync.replicas") => SOURCE_CLUSTER,
            (false, _) => SOURCE_DEFAULT,
        };
        let described = one(key.name, &value, key.kind, source);
        match synonyms && set {
            true => described.with_synonyms(vec![
                DescribeConfigsSynonym::default()
                    .with_name(text(key.name))
                    .with_value(Some(text(&value)))
                    .with_source(SOURCE_TOPIC),
            ]),
            false => described,
        }
    });
    Ok(described.collect())
}

fn one(name: &str, value: &str, kind: ConfigType, source: i8) -> DescribeConfigsResourceResult {
    DescribeConfigsResourceResult::default()
        .with_name(text(name))
        .with_value(Some(text(value)))
        .with_config_source(source)
        .with_config_type(kind as i8)
        .with_documentation(None)
}

fn describe_broker(
    broker: &Broker,
    node: i32,
    resource: &DescribeConfigsResource,
) -> Result<Vec<DescribeConfigsResourceResult>, Fault> {
    let id = resource.resource_name.as_str();
    if !id.is_empty() && id != node.to_string() {
        let message = format!("Unexpected broker id, expected {node} or empty string, but received {id}");
        return Err((codes::INVALID_REQUEST, message));
    }
    let config = &broker.config;
    let values = [
        ("auto.create.topics.enable", config.auto_create_topics.to_string(), ConfigType::Boolean),
        ("broker.id", node.to_string(), ConfigType::Int),
        ("default.replication.factor", "1".to_owned(), ConfigType::Int),
        ("group.initial.rebalance.delay.ms", config.initial_rebalance_delay.as_millis().to_string(), ConfigType::Int),
        ("group.max.session.timeout.ms", config.max_session_timeout.as_millis().to_string(), ConfigType::Int),
        ("group.min.session.timeout.ms", config.min_session_timeout.as_millis().to_string(), ConfigType::Int),
        ("log.retention.ms", "604800000".to_owned(), ConfigType::Long),
        ("message.max.bytes", config.max_message_bytes.to_string(), ConfigType::Int),
        ("min.insync.replicas", "1".to_owned(), ConfigType::Int),
        ("num.partitions", config.default_partitions.to_string(), ConfigType::Int),
        ("transaction.max.timeout.ms", config.max_transaction_timeout.as_millis().to_string(), ConfigType::Int),
    ];
    let values = values.iter().filter(|(name, _, _)| wanted(resource, name));
    let read_only = |(name, value, kind): &(&str, String, ConfigType)| {
        one(name, value, *kind, SOURCE_STATIC_BROKER).with_read_only(true)
    };
    Ok(values.map(read_only).collect())
}

/// What an alteration does to one value.
enum Change {
    Set(String),
    Reset,
    /// Adds to, or takes from, a list.
    Append(String),
    Subtract(String),
}

pub(super) fn alter(call: &Call<'_>, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let mut broker = call.broker();
    let responses = request.resources.into_iter().map(|resource| {
        let changes = resource.configs.iter().map(|config| {
            let name = config.name.to_string();
            match &config.value {
                Some(value) => (name, Change::Set(value.to_string())),
                None => (name, Change::Reset),
            }
        });
        let changes = changes.collect();
        let kind = resource.resource_type;
        // What is not named goes back to its default.
        let start = BTreeMap::new();
        let result = match call.error() {
            Some(code) => Err((code, "a fault was injected".to_owned())),
            None => apply(&mut broker, (kind, &resource.resource_name), Some(start), changes, request.validate_only),
        };
        let (code, message) = outcome(result);
        AlterConfigsResourceResponse::default()
            .with_error_code(code)
            .with_error_message(message)
            .with_resource_type(kind)
            .with_resource_name(resource.resource_name)
    });
    AlterConfigsResponse::default().with_responses(responses.collect())
}

pub(super) fn alter_incrementally(
    call: &Call<'_>,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let mut broker = call.broker();
    let responses = request.resources.into_iter().map(|resource| {
        let changes = resource.configs.iter().map(|config| {
            let value = config.value.as_ref().map(|v| v.to_string()).unwrap_or_default();
            let change = match config.config_operation {
                0 => Change::Set(value),
                1 => Change::Reset,
                2 => Change::Append(value),
                _ => Change::Subtract(value),
            };
            (config.name.to_string(), change)
        });
        let changes = changes.collect();
        let kind = resource.resource_type;
        let result = match call.error() {
            Some(code) => Err((code, "a fault was injected".to_owned())),
            None => apply(&mut broker, (kind, &resource.resource_name), None, changes, request.validate_only),
        };
        let (code, message) = outcome(result);
        IncrementalResponse::default()
            .with_error_code(code)
            .with_error_message(message)
            .with_resource_type(kind)
            .with_resource_name(resource.resource_name)
    });
    IncrementalAlterConfigsResponse::default().with_responses(responses.collect())
}

fn outcome(result: Result<(), Fault>) -> (i16, Option<kafka_protocol::protocol::StrBytes>) {
    match result {
        Ok(()) => (codes::NONE, None),
        Err((code, message)) => (code, Some(text(&message))),
    }
}

/// Applies changes to a topic's configuration: to `start`, or to what is set of it. All or nothing.
fn apply(
    broker: &mut Broker,
    (kind, name): (i8, &str),
    start: Option<BTreeMap<String, String>>,
    changes: Vec<(String, Change)>,
    validate_only: bool,
) -> Result<(), Fault> {
    if kind != TOPIC {
        return Err(unsupported(kind));
    }
    let topic = broker.topics.get(name).ok_or_else(unknown_topic)?;
    let mut set = start.unwrap_or_else(|| topic.config.overrides().clone());
    for (key, change) in changes {
        let known = topic_config::find(&key).ok_or_else(|| {
            let message = format!("Unknown topic config name: {key}");
            (codes::INVALID_CONFIG, message)
        })?;
        let list = matches!(change, Change::Append(_) | Change::Subtract(_));
        if list && known.kind != ConfigType::List {
            let message = format!("Can't append to or subtract from {key}: it is no list");
            return Err((codes::INVALID_CONFIG, message));
        }
        let present = set.get(&key).map_or(known.default, String::as_str);
        let mut items: Vec<String> = present.split(',').map(|i| i.trim().to_owned()).collect();
        items.retain(|item| !item.is_empty());
        let value = match change {
            Change::Reset => {
                set.remove(&key);
                continue;
            }
            Change::Set(value) => value,
            Change::Append(more) => {
                let more = more.split(',').map(|i| i.trim().to_owned());
                let more: Vec<String> = more.filter(|item| !items.contains(item)).collect();
                items.extend(more);
                items.join(",")
            }
            Change::Subtract(less) => {
                items.retain(|item| !less.split(',').any(|i| i.trim() == item));
                items.join(",")
            }
        };
        topic_config::check(&key, &value).map_err(|why| (codes::INVALID_CONFIG, why))?;
        set.insert(key, value);
    }
    let config = broker.topic_config(set);
    if !validate_only && let Some(topic) = broker.topics.get_mut(name) {
        topic.config = config;
    }
    Ok(())
}
