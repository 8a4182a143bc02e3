//! Which consumer reads what, in which group, and what it makes of it.

use serde_json::{Value, json};

/// A schema of the pack, with what it names.
macro_rules! schema {
    ($path:literal) => {
        include_str!(concat!("../../../../features/data-platform/schemas/", $path))
    };
}

/// The schemas that others name, in an order in which each names only those before it.
pub(super) const COMMON: [(&str, &str); 2] = [
    ("platform.common.Source", schema!("common/metadata.avsc")),
    ("platform.common.EntityRef", schema!("common/entity.avsc")),
];

/// A topic: its name and the schema of its records, in every version.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Topic {
    pub(super) name: &'static str,
    /// The newest.
    schema: &'static str,
    /// What it was in version 1, if that was another.
    first: Option<&'static str>,
}

impl Topic {
    const fn new(name: &'static str, schema: &'static str) -> Topic {
        Topic { name, schema, first: None }
    }

    /// The schema that a service of some release knows, and its version.
    pub(super) fn schema(self, release: u32) -> (&'static str, u32) {
        match self.first {
            Some(first) if release < 2 => (first, 1),
            Some(_) => (self.schema, 2),
            None => (self.schema, 1),
        }
    }
}

pub(super) const RAW: Topic = Topic {
    first: Some(schema!("connector/data-raw.v1.avsc")),
    ..Topic::new("connector.data.raw", schema!("connector/data-raw.avsc"))
};
pub(super) const CLEANED: Topic = Topic {
    first: Some(schema!("bronze/data-cleaned.v1.avsc")),
    ..Topic::new("bronze.data.cleaned", schema!("bronze/data-cleaned.avsc"))
};
pub(super) const PROCESSED: Topic = Topic::new("silver.data.processed", schema!("silver/data-processed.avsc"));
pub(super) const READY: Topic = Topic::new("gold.data.ready", schema!("gold/data-ready.avsc"));
pub(super) const ALERTS: Topic = Topic::new("rules.alerts.triggered", schema!("rules/alerts.avsc"));
pub(super) const CONFIG: Topic = Topic::new("config.changes", schema!("config/changes.avsc"));
pub(super) const ETL: Topic = Topic::new("etl.execution", schema!("etl/execution.avsc"));
pub(super) const AUDIT: Topic = Topic::new("audit.events", schema!("audit/events.avsc"));

/// Every topic.
pub(super) const TOPICS: [Topic; 8] = [RAW, CLEANED, PROCESSED, READY, ALERTS, CONFIG, ETL, AUDIT];

/// The services that read in a group, each in the group of its name.
pub(super) const GROUPS: [&str; 6] =
    ["bronze-processor", "silver-processor", "gold-processor", "rule-evaluator", "notification-sender", "audit-writer"];

/// A consumer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage {
    pub(super) group: &'static str,
    pub(super) input: Topic,
    /// Where what is made goes; a stage without an output is an end.
    pub(super) output: Option<Topic>,
    pub(super) transform: fn(&Value) -> Value,
}

/// The stage of a service.
pub(super) fn stage(service: &str) -> Stage {
    let of = |group, input, output, transform| Stage { group, input, output, transform };
    match service {
        "bronze-processor" => of("bronze-processor", RAW, Some(CLEANED), clean),
        "silver-processor" => of("silver-processor", CLEANED, Some(PROCESSED), process),
        "gold-processor" => of("gold-processor", PROCESSED, Some(READY), aggregate),
        "rule-evaluator" => of("rule-evaluator", READY, Some(ALERTS), evaluate),
        "notification-sender" => of("notification-sender", ALERTS, None, Value::clone),
        _ => of("audit-writer", AUDIT, None, Value::clone),
    }
}

fn clean(raw: &Value) -> Value {
    let body = raw["body"].as_str().unwrap_or_default();
    let cleaned: String = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let dropped = body.chars().count().saturating_sub(cleaned.chars().count());
    json!({"entity": raw["entity"], "body": cleaned, "dropped": dropped, "format": raw["format"]})
}

fn process(cleaned: &Value) -> Value {
    let dropped = cleaned["dropped"].as_f64().unwrap_or_default();
    json!({"entity": cleaned["entity"], "body": cleaned["body"], "quality": 1.0 / (1.0 + dropped)})
}

fn aggregate(processed: &Value) -> Value {
    let length = processed["body"].as_str().unwrap_or_default().chars().count();
    json!({"entity": processed["entity"], "metric": "length", "value": length as f64})
}

/// Every value is an alert; a great one is a serious one.
fn evaluate(ready: &Value) -> Value {
    let value = ready["value"].as_f64().unwrap_or_default();
    let severity = if value > 100.0 { "HIGH" } else { "LOW" };
    json!({"entity": ready["entity"], "rule": "length-observed", "severity": severity, "value": value})
}
