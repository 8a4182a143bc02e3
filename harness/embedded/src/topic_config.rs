//! Topic configuration: the names, types, defaults and limits of Apache Kafka 4.2.
//!
//! All are accepted, kept and described. These act: `max.message.bytes`, `message.timestamp.type`,
//! `message.timestamp.after.max.ms`, `message.timestamp.before.max.ms`,
//! `retention.ms`, `retention.bytes` and `cleanup.policy` (time and size retention only with `delete`;
//! `compact` demands keys), and with `compact`: `segment.bytes`, `segment.ms`, `min.cleanable.dirty.ratio`,
//! `min.compaction.lag.ms`, `max.compaction.lag.ms`, `delete.retention.ms`. A topic's `compression.type` does not recompress.
//! `min.insync.replicas` never asks for more replicas than a topic has, as in Kafka since 4.1: with
//! one replica it refuses nothing.

use std::collections::BTreeMap;

use crate::log::Rolling;

/// Type of a configuration value, as DescribeConfigs numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfigType {
    Boolean = 1,
    String = 2,
    Int = 3,
    Long = 5,
    Double = 6,
    List = 7,
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
enum Allowed {
    Any,
    AtLeast(i64),
    OneOf(&'static [&'static str]),
    Ratio,
}

/// One known configuration.
#[derive(Debug)]
pub(crate) struct ConfigKey {
    pub name: &'static str,
    pub default: &'static str,
    pub kind: ConfigType,
    allowed: Allowed,
}

const fn key(name: &'static str, default: &'static str, kind: ConfigType, allowed: Allowed) -> ConfigKey {
    ConfigKey { name, default, kind, allowed }
}

const MAX: &str = "9223372036854775807";
const BOOLEAN: Allowed = Allowed::OneOf(&["true", "false"]);

/// Every topic configuration, in the order of their names.
pub(crate) const KEYS: &[ConfigKey] = &[
    key("cleanup.policy", "delete", ConfigType::List, Allowed::OneOf(&["delete", "compact"])),
    key("compression.gzip.level", "-1", ConfigType::Int, Allowed::AtLeast(-1)),
    key("compression.lz4.level", "9", ConfigType::Int, Allowed::AtLeast(1)),
    key(
        "compression.type",
        "producer",
        ConfigType::String,
        Allowed::OneOf(&["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"]),
    ),
    key("compression.zstd.level", "3", ConfigType::Int, Allowed::AtLeast(-131_072)),
    key("delete.retention.ms", "86400000", ConfigType::Long, Allowed::AtLeast(0)),
    key("file.delete.delay.ms", "60000", ConfigType::Long, Allowed::AtLeast(0)),
    key("flush.messages", MAX, ConfigType::Long, Allowed::AtLeast(1)),
    key("flush.ms", MAX, ConfigType::Long, Allowed::AtLeast(0)),
    key("follower.replication.throttled.replicas", "", ConfigType::List, Allowed::Any),
    key("index.interval.bytes", "4096", ConfigType::Int, Allowed::AtLeast(0)),
    key("leader.replication.throttled.replicas", "", ConfigType::List, Allowed::Any),
    key("local.retention.bytes", "-2", ConfigType::Long, Allowed::AtLeast(-2)),
    key("local.retention.ms", "-2", ConfigType::Long, Allowed::AtLeast(-2)),
    key("max.compaction.lag.ms", MAX, ConfigType::Long, Allowed::AtLeast(1)),
    key("max.message.bytes", "1048588", ConfigType::Int, Allowed::AtLeast(0)),
    key("message.timestamp.after.max.ms", "3600000", ConfigType::Long, Allowed::AtLeast(0)),
    key("message.timestamp.before.max.ms", MAX, ConfigType::Long, Allowed::AtLeast(0)),
    key("message.timestamp.type", "CreateTime", ConfigType::String, Allowed::OneOf(&["CreateTime", "LogAppendTime"])),
    key("min.cleanable.dirty.ratio", "0.5", ConfigType::Double, Allowed::Ratio),
    key("min.compaction.lag.ms", "0", ConfigType::Long, Allowed::AtLeast(0)),
    key("min.insync.replicas", "1", ConfigType::Int, Allowed::AtLeast(1)),
    key("preallocate", "false", ConfigType::Boolean, BOOLEAN),
    key("remote.log.copy.disable", "false", ConfigType::Boolean, BOOLEAN),
    key("remote.log.delete.on.disable", "false", ConfigType::Boolean, BOOLEAN),
    key("remote.storage.enable", "false", ConfigType::Boolean, BOOLEAN),
    key("retention.bytes", "-1", ConfigType::Long, Allowed::AtLeast(-1)),
    key("retention.ms", "604800000", ConfigType::Long, Allowed::AtLeast(-1)),
    key("segment.bytes", "1073741824", ConfigType::Int, Allowed::AtLeast(1_048_576)),
    key("segment.index.bytes", "10485760", ConfigType::Int, Allowed::AtLeast(4)),
    key("segment.jitter.ms", "0", ConfigType::Long, Allowed::AtLeast(0)),
    key("segment.ms", "604800000", ConfigType::Long, Allowed::AtLeast(1)),
    key("unclean.leader.election.enable", "false", ConfigType::Boolean, BOOLEAN),
];

/// The configuration of that name.
pub(crate) fn find(name: &str) -> Option<&'static ConfigKey> {
    KEYS.iter().find(|key| key.name == name)
}

/// Checks a value; the error says what is wrong with it.
pub(crate) fn check(name: &str, value: &str) -> Result<(), String> {
    let key = find(name).ok_or_else(|| format!("Unknown topic config name: {name}"))?;
    let invalid = |why: String| format!("Invalid value {value} for configuration {name}: {why}");
    let number = || -> Result<i64, String> {
        match key.kind {
            ConfigType::Int => value.trim().parse::<i32>().map(i64::from),
            _ => value.trim().parse::<i64>(),
        }
        .map_err(|_| invalid(format!("Not a number of type {:?}", key.kind)))
    };
    match key.allowed {
        Allowed::Any => Ok(()),
        Allowed::AtLeast(least) => match number()? {
            n if n < least => Err(invalid(format!("Value must be at least {least}"))),
            _ => Ok(()),
        },
        Allowed::Ratio => match value.trim().parse::<f64>() {
            Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(()),
            _ => Err(invalid("Value must be between 0 and 1".to_owned())),
        },
        Allowed::OneOf(names) => {
            let is_list = key.kind == ConfigType::List;
            let parts: Vec<&str> = match is_list {
                true => value.split(',').map(str::trim).collect(),
                false => vec![value],
            };
            match parts.iter().all(|part| names.contains(part)) {
                true => Ok(()),
                false => Err(invalid(format!("must be one of {}", names.join(", ")))),
            }
        }
    }
}

/// The configuration of one topic: what was set of it, and the values that act.
#[derive(Debug, Clone)]
pub(crate) struct TopicConfig {
    set: BTreeMap<String, String>,
    pub max_message_bytes: usize,
    pub log_append_time: bool,
    pub timestamp_after_max_ms: i64,
    pub timestamp_before_max_ms: i64,
    /// `None`: records are not removed by age.
    pub retention_ms: Option<i64>,
    /// `None`: records are not removed by size.
    pub retention_bytes: Option<usize>,
    pub compact: bool,
    pub min_insync_replicas: usize,
    /// When a segment is closed, so that it can be compacted.
    pub rolling: Rolling,
    pub min_dirty_ratio: f64,
    pub min_compaction_lag_ms: i64,
    pub max_compaction_lag_ms: i64,
    pub delete_retention_ms: i64,
}

impl TopicConfig {
    /// A configuration with these values set, which were checked before. `max_message_bytes` is the
    /// broker's, for topics that set none.
    pub(crate) fn new(set: BTreeMap<String, String>, max_message_bytes: usize) -> TopicConfig {
        let text = |name: &str| -> &str {
            let default = find(name).map_or("", |key| key.default);
            set.get(name).map_or(default, String::as_str)
        };
        let number = |name: &str| text(name).trim().parse::<i64>().unwrap_or(0);
        let deletes = text("cleanup.policy").contains("delete");
        let limit = |name: &str| Some(number(name)).filter(|n| deletes && *n >= 0);
        let max_message_bytes = match set.contains_key("max.message.bytes") {
            true => usize::try_from(number("max.message.bytes")).unwrap_or(0),
            false => max_message_bytes,
        };
        TopicConfig {
            max_message_bytes,
            log_append_time: text("message.timestamp.type") == "LogAppendTime",
            timestamp_after_max_ms: number("message.timestamp.after.max.ms"),
            timestamp_before_max_ms: number("message.timestamp.before.max.ms"),
            retention_ms: limit("retention.ms"),
            retention_bytes: limit("retention.bytes").and_then(|n| usize::try_from(n).ok()),
            min_insync_replicas: usize::try_from(number("min.insync.replicas")).unwrap_or(1),
            compact: text("cleanup.policy").contains("compact"),
            rolling: Rolling {
                bytes: usize::try_from(number("segment.bytes")).unwrap_or(usize::MAX),
                ms: number("segment.ms").min(number("max.compaction.lag.ms")),
            },
            min_dirty_ratio: text("min.cleanable.dirty.ratio").trim().parse().unwrap_or(0.5),
            min_compaction_lag_ms: number("min.compaction.lag.ms"),
            max_compaction_lag_ms: number("max.compaction.lag.ms"),
            delete_retention_ms: number("delete.retention.ms"),
            set,
        }
    }

    /// What was set of the topic itself.
    pub(crate) fn overrides(&self) -> &BTreeMap<String, String> {
        &self.set
    }

    /// The value in force, and whether it was set of the topic.
    pub(crate) fn value(&self, key: &ConfigKey) -> (String, bool) {
        match self.set.get(key.name) {
            Some(value) => (value.clone(), true),
            None if key.name == "max.message.bytes" => (self.max_message_bytes.to_string(), false),
            None => (key.default.to_owned(), false),
        }
    }
}
