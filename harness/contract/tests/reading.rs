#![allow(clippy::unwrap_used, clippy::expect_used)]
//! AsyncAPI documents as others write them: several files, traits, JSON, recursion, parameters, bindings.

use std::path::Path;

use eventproof_contract::{Contract, Generator};
use serde_json::json;

/// Writes files into a folder and reads the first as a contract.
fn read(files: &[(&str, &str)]) -> Result<(Contract, String), String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let plain = |text: String| text.replace(&format!("{}/", folder.path().display()), "");
    match Contract::read(&folder.path().join(files[0].0)) {
        Ok((contract, warnings)) => Ok((contract, plain(warnings.render(false)))),
        Err(faults) => Err(plain(faults.render(false))),
    }
}

const MAIN: &str = "\
asyncapi: 3.1.0
info: {title: Orders, version: 2.0.0}
defaultContentType: application/json
servers:
  production:
    host: kafka.example.org:9092
    protocol: kafka-secure
    bindings: {kafka: {schemaRegistryUrl: 'https://registry.example.org', schemaRegistryVendor: apicurio}}
channels:
  orders: {$ref: './parts/channels.yaml#/orders'}
operations:
  place:
    action: send
    channel: {$ref: '#/channels/orders'}
    traits: [{$ref: '#/components/operationTraits/shop'}]
  bill:
    action: receive
    channel: {$ref: '#/channels/orders'}
    bindings: {kafka: {groupId: {type: string, enum: [billing]}, clientId: {const: billing-1}}}
    x-eventproof: {service: billing}
components:
  operationTraits:
    shop:
      bindings: {kafka: {clientId: {const: shop-1}}}
      x-eventproof: {service: shop, partitioner: fnv1a}
";

const CHANNELS: &str = "\
orders:
  address: 'shop.{region}.orders'
  parameters:
    region: {enum: [eu]}
  bindings: {kafka: {partitions: 12, replicas: 3, topicConfiguration: {cleanup.policy: [compact, delete]}}}
  messages:
    placed: {$ref: 'messages.yaml#/placed'}
";

const MESSAGES: &str = "\
placed:
  name: OrderPlaced
  traits:
    - headers: {type: object, required: [trace], properties: {trace: {type: string}}}
      correlationId: {location: $message.header#/trace}
      contentType: text/plain
    - {$ref: '#/common'}
  contentType: application/json
  headers: {properties: {tenant: {type: string}}}
  payload: {$ref: '../schemas/order.json#/order'}
common:
  headers: {required: [tenant]}
  x-eventproof: {key: $message.payload#/id}
";

const SCHEMA: &str = r##"{"order": {"type": "object", "required": ["id", "parts"], "properties": {
    "id": {"type": "string"}, "parts": {"type": "array", "maxItems": 2, "items": {"$ref": "#/part"}}}},
  "part": {"type": "object", "required": ["name"], "additionalProperties": false, "properties": {
    "name": {"type": "string"}, "within": {"$ref": "#/part"}}}}"##;

fn shop() -> [(&'static str, &'static str); 4] {
    [
        ("asyncapi.yaml", MAIN),
        ("parts/channels.yaml", CHANNELS),
        ("parts/messages.yaml", MESSAGES),
        ("schemas/order.json", SCHEMA),
    ]
}

#[test]
fn a_document_in_four_files_with_traits_is_one_contract() {
    let (contract, warnings) = read(&shop()).unwrap();
    assert_eq!(warnings, "0 errors, 0 warnings\n");
    insta::assert_snapshot!(contract.outline());
    let operation = |name: &str| contract.operations.iter().find(|operation| operation.name == name).unwrap();
    assert_eq!(operation("place").client.as_deref(), Some("shop-1"));
    assert_eq!(
        (operation("bill").group.as_deref(), operation("bill").client.as_deref()),
        (Some("billing"), Some("billing-1"))
    );
    let placed = contract.message("OrderPlaced").unwrap();
    assert_eq!(placed.content_type.as_deref(), Some("application/json"), "the message stands above its traits");
    let headers = &placed.headers.as_ref().unwrap().document;
    // Merge Patch replaces lists: the later trait's stands.
    assert_eq!(headers["required"], json!(["tenant"]));
    assert_eq!(headers["properties"], json!({"tenant": {"type": "string"}, "trace": {"type": "string"}}));
    assert_eq!(contract.channels[0].config["cleanup.policy"], "compact,delete");
}

#[test]
fn a_schema_that_refers_to_itself_is_checked_and_generated_from() {
    let (contract, _) = read(&shop()).unwrap();
    let placed = contract.message("OrderPlaced").unwrap();
    let order = |part: serde_json::Value| json!({"id": "1", "parts": [part]});
    assert!(placed.payload.accepts(&order(json!({"name": "a", "within": {"name": "b", "within": {"name": "c"}}}))));
    assert!(!placed.payload.accepts(&order(json!({"name": "a", "within": {"name": "b", "within": {"nam": "c"}}}))));
    for seed in 0..50 {
        Generator::new(seed, "run").record(&contract, placed, &[], None).unwrap();
    }
}

#[test]
fn a_document_in_json_is_read_like_one_in_yaml() {
    let json = r##"{"asyncapi": "3.0.0", "info": {"title": "J", "version": "1"}, "channels": {"a": {"address": "a",
      "messages": {"m": {"payload": {"type": "string"}}}}}}"##;
    let (contract, _) = read(&[("asyncapi.json", json)]).unwrap();
    assert_eq!(contract.messages[0].name, "m");
    assert_eq!(Contract::file_in(Path::new("nowhere")), Path::new("nowhere/asyncapi.yaml"));
}

#[test]
fn faults_of_other_files_are_told_where_they_stand() {
    let mut files = shop();
    files[1].1 = "orders:\n  address: orders\n  bindings: {kafka: {partions: 3}}\n  messages:\n    placed: {$ref: 'message.yaml#/placed'}\n    paid: {$ref: 'messages.yaml#/paid'}\n    sent: {$ref: 'https://example.org/x.yaml'}\n";
    insta::assert_snapshot!(read(&files).unwrap_err());
}

#[test]
fn channels_whose_topics_nobody_can_name_are_read_and_told() {
    let document = "asyncapi: 3.0.0\ninfo: {title: t, version: '1'}\nchannels:\n  one:\n    address: 'a.{id}'\n    parameters: {id: {description: any}}\n  two:\n    address: null\n";
    let (contract, warnings) = read(&[("asyncapi.yaml", document)]).unwrap();
    assert_eq!((contract.channels.len(), contract.topics().count()), (2, 0));
    insta::assert_snapshot!(warnings);
}

#[test]
fn a_message_on_two_channels_is_called_by_its_key_on_the_second() {
    let document = "asyncapi: 3.0.0\ninfo: {title: t, version: '1'}\nchannels:\n  on: {address: on, messages: {switchOn: {$ref: '#/components/messages/switch'}}}\n  off: {address: off, messages: {switchOff: {$ref: '#/components/messages/switch'}}}\noperations:\n  turnOff: {action: send, channel: {$ref: '#/channels/off'}, messages: [{$ref: '#/channels/off/messages/switchOff'}]}\ncomponents:\n  messages:\n    switch: {name: switched, payload: {type: object}}\n";
    let (contract, _) = read(&[("asyncapi.yaml", document)]).unwrap();
    let names: Vec<_> =
        contract.messages.iter().map(|message| (message.name.as_str(), message.type_name.as_str())).collect();
    assert_eq!(names, [("switched", "switched"), ("switchOff", "switched")]);
    assert_eq!(contract.operations[0].messages, ["switchOff"]);
}

#[test]
fn bindings_may_stand_elsewhere() {
    let orders = "address: orders\n    bindings: {$ref: 'topics.yaml#/topics/orders.v1'}\n";
    let document = format!(
        "asyncapi: 3.0.0\ninfo: {{title: t, version: '1'}}\nchannels:\n  orders:\n    {orders}    messages: {{placed: {{payload: {{type: object}}}}}}\n"
    );
    let topics = "topics:\n  orders.v1: {kafka: {partitions: 7, replicas: 3}}\n";
    let (contract, _) = read(&[("asyncapi.yaml", &document), ("topics.yaml", topics)]).unwrap();
    assert_eq!((contract.channels[0].partitions, contract.channels[0].replicas), (Some(7), Some(3)));
    let wrong = "topics:\n  orders.v1: {kafka: {partions: 7}}\n";
    let told = read(&[("asyncapi.yaml", &document), ("topics.yaml", wrong)]).unwrap_err();
    assert!(told.contains("topics.yaml:2") && told.contains("partions"), "{told}");
}
