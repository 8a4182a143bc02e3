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

/// A topic: its name, its partitions, and the schema of its records.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Topic {
    pub(super) name: &'static str,
    pub(super) schema: &'static str,
}

pub(super) const RAW: Topic = Topic { name: "connector.data.raw", schema: schema!("connector/data-raw.avsc") };
pub(super) const CLEANED: Topic = Topic { name: "bronze.data.cleaned", schema: schema!("bronze/data-cleaned.avsc") };
pub(super) const PROCESSED: Topic =
    Topic { name: "silver.data.processed", schema: schema!("silver/data-processed.avsc") };
pub(super) const READY: Topic = Topic { name: "gold.data.ready", schema: schema!("gold/data-ready.avsc") };
pub(super) const ALERTS: Topic = Topic { name: "rules.alerts.triggered", schema: schema!("rules/alerts.avsc") };
pub(super) const CONFIG: Topic = Topic { name: "config.changes", schema: schema!("config/changes.avsc") };
pub(super) const ETL: Topic = Topic { name: "etl.execution", schema: schema!("etl/execution.avsc") };
pub(super) const AUDIT: Topic = Topic { name: "audit.events", schema: schema!("audit/events.avsc") };

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
    json!({"entity": raw["entity"], "body": cleaned, "dropped": dropped})
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
