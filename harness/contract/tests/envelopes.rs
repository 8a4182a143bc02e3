#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Envelopes as five systems have them: each is said in a contract, none in code. What is generated carries its envelope, is read
//! back with it, and what departs is told.

use eventproof_contract::{Contract, Generator};
use eventproof_source::Source;
use serde_json::{Value, json};

fn contract(text: &str) -> Contract {
    Contract::parse(&Source::inline("asyncapi.yaml", text))
        .unwrap_or_else(|faults| panic!("{}", faults.render(false)))
        .0
}

/// A document with one channel and one message of this text, indented by six.
fn document(topic: &str, message: &str) -> String {
    format!(
        "asyncapi: 3.0.0\ninfo: {{title: t, version: '1'}}\nchannels:\n  c:\n    address: {topic}\n    messages:\n{message}"
    )
}

struct Made {
    contract: Contract,
    key: Option<String>,
    headers: Vec<(String, String)>,
    payload: Value,
}

/// A record of the only message; it conforms, and its facts are read back.
fn made(text: &str) -> (Made, eventproof_contract::Facts) {
    let contract = contract(text);
    let draft = Generator::new(5, "run").record(&contract, &contract.messages[0], &[], None).unwrap();
    let record = &draft.record;
    let headers: Vec<_> = record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    let facts = contract.read_facts(&record.topic, record.key.as_deref(), &headers, record.payload.as_deref());
    let found = contract.check(&record.topic, record.key.as_deref(), &headers, record.payload.as_deref());
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(facts, draft.event);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let made = Made {
        key: record.key.as_deref().map(text),
        headers: record.headers.iter().map(|(name, value)| (name.clone(), text(value.as_deref().unwrap()))).collect(),
        payload: serde_json::from_slice(record.payload.as_deref().unwrap()).unwrap_or_default(),
        contract,
    };
    (made, facts)
}

impl Made {
    /// What is told of the same record with another payload.
    fn told(&self, change: impl Fn(&mut Value)) -> Vec<String> {
        let mut payload = self.payload.clone();
        change(&mut payload);
        let headers: Vec<_> = self.headers.iter().map(|(name, text)| (name.as_str(), Some(text.as_bytes()))).collect();
        let bytes = payload.to_string().into_bytes();
        let topic = &self.contract.messages[0].topic;
        let found = self.contract.check(topic, self.key.as_deref().map(str::as_bytes), &headers, Some(&bytes));
        found.iter().map(ToString::to_string).collect()
    }
}

const TEXTS_OF_JSON: &str = "
      userRegistered:
        name: user.registered
        payload:
          type: object
          required: [id, event_type, aggregate_id, timestamp, data, metadata]
          properties:
            id: {type: string, format: uuid}
            event_type: {const: user.registered}
            aggregate_id: {type: string}
            timestamp: {type: integer}
            data:
              type: string
              contentMediaType: application/json
              contentSchema: {type: object, required: [user_id], properties: {user_id: {type: string}, email: {type: string, format: email}}}
            metadata:
              type: string
              contentMediaType: application/json
              contentSchema: {type: object, required: [correlation_id, causation_id], properties: {correlation_id: {type: string}, causation_id: {type: string}}}
        x-eventproof:
          key: $message.payload#/aggregate_id
          envelope:
            id: $message.payload#/id
            type: $message.payload#/event_type
            time: $message.payload#/timestamp
            correlation: $message.payload#/metadata/correlation_id
            causation: $message.payload#/metadata/causation_id
";

#[test]
fn an_envelope_whose_data_and_metadata_are_texts_of_json() {
    let (made, facts) = made(&document("nova.user.registered", TEXTS_OF_JSON));
    let metadata: Value = serde_json::from_str(made.payload["metadata"].as_str().unwrap()).unwrap();
    assert_eq!(facts.correlation.as_deref(), metadata["correlation_id"].as_str());
    assert!(made.payload["data"].is_string() && made.payload["timestamp"].is_i64());
    assert!(facts.payload["data"]["user_id"].is_string(), "everybody else sees what is in the text");
    assert_eq!(made.told(|payload| payload["data"] = json!({"user_id": "1"})), ["payload: /data is no text of JSON"]);
    assert_eq!(
        made.told(|payload| payload["data"] = json!("{}")),
        ["payload /data: \"user_id\" is a required property"]
    );
}

const NESTED_METADATA: &str = "
      fileUploaded:
        name: file.upload.completed
        payload:
          type: object
          required: [eventId, eventType, aggregateId, metadata, payload]
          properties:
            eventId: {type: string, format: uuid}
            eventType: {const: file.upload.completed}
            aggregateId: {type: string}
            payload: {type: object, required: [projectId], properties: {projectId: {type: string}}}
            metadata:
              type: object
              required: [correlationId, timestamp, version]
              properties: {correlationId: {type: string}, causationId: {type: string}, timestamp: {type: string, format: date-time}, version: {const: '1.0'}}
        x-eventproof:
          key: $message.payload#/aggregateId
          envelope:
            id: $message.payload#/eventId
            type: $message.payload#/eventType
            time: $message.payload#/metadata/timestamp
            correlation: $message.payload#/metadata/correlationId
            causation: $message.payload#/metadata/causationId
            version: $message.payload#/metadata/version
";

#[test]
fn an_envelope_with_metadata_within() {
    let (made, facts) = made(&document("file.upload.completed", NESTED_METADATA));
    assert_eq!(facts.id.as_deref(), made.payload["eventId"].as_str());
    assert_eq!(facts.correlation.as_deref(), made.payload["metadata"]["correlationId"].as_str());
    assert_eq!(made.told(|payload| payload["metadata"]["version"] = json!("2.0")).len(), 1);
}

const WHOLE_IN_AVRO: &str = "
      rawReceived:
        payload:
          schemaFormat: application/vnd.apache.avro+json;version=1.9.0
          schema:
            type: record
            name: RawReceived
            fields:
              - {name: event_id, type: string}
              - {name: event_type, type: string}
              - {name: org_id, type: int}
              - {name: timestamp, type: {type: long, logicalType: timestamp-millis}}
              - {name: correlation_id, type: string}
              - {name: payload, type: {type: record, name: Raw, fields: [{name: bytes, type: long}]}}
        x-eventproof:
          framing: confluent
          schema_id: 7
          key: $message.payload#/org_id
          envelope: {id: $message.payload#/event_id, type: $message.payload#/event_type, time: $message.payload#/timestamp, correlation: $message.payload#/correlation_id}
";

#[test]
fn an_envelope_that_is_avro_with_the_rest() {
    let (made, facts) = made(&document("raw.received", WHOLE_IN_AVRO));
    assert_eq!(made.key, Some(facts.payload["org_id"].to_string()), "a number's key is its digits");
    assert!(facts.payload["timestamp"].is_i64() && facts.id.is_some());
}

const HEADERS: &str = "
      postCreated:
        name: content.post.created
        payload: {type: object, required: [post_id], properties: {post_id: {type: string}}}
        x-eventproof: {key: $message.payload#/post_id, envelope: {id: $message.header#/event_id, type: $message.header#/event_type}}
";

#[test]
fn an_envelope_in_headers_around_a_bare_payload() {
    let (made, facts) = made(&document("nova.content.events", HEADERS));
    let names: Vec<&str> = made.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["event_id", "event_type"]);
    assert_eq!(facts.event_type.as_deref(), Some("content.post.created"));
}

const CLOUD_EVENT: &str = "
      taskCreated:
        name: task.created
        contentType: application/cloudevents+json
        payload:
          type: object
          required: [specversion, id, source, type, datacontenttype, data]
          properties:
            specversion: {const: '1.0'}
            id: {type: string, format: uuid}
            source: {const: todo-api}
            type: {const: com.dapr.event.sent}
            datacontenttype: {const: application/json}
            time: {type: string, format: date-time}
            data:
              type: object
              required: [event_id, event_type, correlation_id, payload]
              properties:
                event_id: {type: string, format: uuid}
                event_type: {const: task.created}
                correlation_id: {type: string}
                payload: {type: object, required: [task_id, user_id], properties: {task_id: {type: string}, user_id: {type: string}}}
        x-eventproof:
          key: $message.payload#/data/payload/task_id
          envelope: {id: $message.payload#/data/event_id, type: $message.payload#/data/event_type, correlation: $message.payload#/data/correlation_id, time: $message.payload#/time}
";

#[test]
fn a_structured_cloud_event_around_an_application_envelope() {
    let (made, facts) = made(&document("task-events", CLOUD_EVENT));
    assert_eq!(
        facts.id.as_deref(),
        made.payload["data"]["event_id"].as_str(),
        "the application's id, not the CloudEvent's"
    );
    assert_ne!(facts.id.as_deref(), made.payload["id"].as_str());
    assert_eq!(made.key.as_deref(), made.payload["data"]["payload"]["task_id"].as_str());
    assert!(!made.told(|payload| payload["specversion"] = json!("0.3")).is_empty());
}

const BINARY_CLOUD_EVENT: &str = "
      taskDone:
        name: task.done
        headers:
          type: object
          required: [ce_specversion, ce_id, ce_source, ce_type]
          properties: {ce_specversion: {const: '1.0'}, ce_id: {type: string}, ce_source: {const: /tasks}, ce_type: {const: task.done}, ce_time: {type: string, format: date-time}, content-type: {const: application/json}}
        payload: {type: object, required: [task_id], properties: {task_id: {type: string}}}
        x-eventproof:
          key: $message.payload#/task_id
          envelope: {id: $message.header#/ce_id, type: $message.header#/ce_type, time: $message.header#/ce_time}
";

#[test]
fn a_binary_cloud_event_has_its_attributes_in_headers() {
    let (made, facts) = made(&document("tasks", BINARY_CLOUD_EVENT));
    let header = |name: &str| made.headers.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str());
    assert_eq!(header("ce_specversion"), Some("1.0"), "what only the headers' schema asks for is there too");
    assert_eq!(header("ce_source"), Some("/tasks"));
    assert_eq!(header("ce_id"), facts.id.as_deref());
    assert_eq!(header("ce_type"), Some("task.done"));
}
