#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Whether a place that somebody names can be there, by what the schema says.

use std::path::Path;

use eventproof_contract::{Contract, Generator, PlaceInPayload};
use eventproof_source::Source;
use serde_json::{Value, json};

fn contract(payload: &Value) -> Contract {
    let document = json!({
        "asyncapi": "3.0.0", "info": {"title": "t", "version": "1"},
        "channels": {"things": {"address": "things", "messages": {"thing": {"payload": payload}}}},
        "components": {"schemas": {"node": {"type": "object", "properties": {
            "name": {"type": "string"}, "next": {"$ref": "#/components/schemas/node"},
        }}}},
    });
    let source = Source::inline("asyncapi.json", &document.to_string());
    Contract::parse(&source).unwrap_or_else(|faults| panic!("{}", faults.render(false))).0
}

fn told(payload: &Value, pointer: &str) -> String {
    match contract(payload).message("thing").unwrap().place_in_payload(pointer) {
        PlaceInPayload::Declared => "declared".to_owned(),
        PlaceInPayload::Open => "open".to_owned(),
        PlaceInPayload::WithinList(list) => format!("in list {list}"),
        PlaceInPayload::WithinValue(value) => format!("in value {value}"),
        PlaceInPayload::Unknown { parent, name, known } => format!("no {name} in `{parent}` of {}", known.join(" ")),
    }
}

#[test]
fn a_name_behind_what_is_declared_is_one_of_its_fields() {
    let payload = json!({"type": "object", "properties": {
        "id": {"type": "string"},
        "data": {"type": "object", "properties": {
            "title": {"type": "string"},
            "changes": {"type": "object"},
            "a/b": {"type": "string"},
        }},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "items": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
    }});
    for (pointer, expected) in [
        ("/id", "declared"),
        ("/data", "declared"),
        ("/data/title", "declared"),
        ("/data/a~1b", "declared"),
        ("/dta/title", "no dta in `` of data id items labels"),
        ("/data/titel", "no titel in `/data` of a/b changes title"),
        ("/data/title/text", "in value /data/title"),
        ("/data/changes/anything", "open"),
        ("/labels/colour", "open"),
        ("/items/0/sku", "in list /items"),
        ("/items/0/skew", "no skew in `/items/0` of sku"),
    ] {
        assert_eq!(told(&payload, pointer), expected, "{pointer}");
    }
}

#[test]
fn references_and_alternatives_are_looked_through() {
    let payload = json!({
        "type": "object",
        "properties": {"head": {"$ref": "#/components/schemas/node"}},
        "allOf": [{"properties": {"more": {"oneOf": [
            {"type": "string"},
            {"type": "object", "properties": {"deep": {"type": "integer"}}},
        ]}}}],
    });
    for (pointer, expected) in [
        ("/head/next/next/name", "declared"),
        ("/head/next/nmae", "no nmae in `/head/next` of name next"),
        ("/more/deep", "declared"),
        ("/more/depth", "no depth in `/more` of deep"),
    ] {
        assert_eq!(told(&payload, pointer), expected, "{pointer}");
    }
    assert_eq!(told(&json!(true), "/anything/at/all"), "open");
}

fn pointers(value: &Value, place: &str, found: &mut Vec<String>) {
    found.push(place.to_owned());
    let name = |name: &str| name.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, inner)| pointers(inner, &format!("{place}/{}", name(key)), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, inner)| pointers(inner, &format!("{place}/{at}"), found));
        }
        _ => {}
    }
}

#[test]
fn every_place_in_a_valid_event_of_every_pack_can_be_there() {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../features");
    let mut looked = 0;
    for pack in std::fs::read_dir(packs).unwrap() {
        let path = pack.unwrap().path().join("asyncapi.yaml");
        let (contract, _) = Contract::read(&path).unwrap_or_else(|faults| panic!("{}", faults.render(false)));
        let mut generator = Generator::new(7, "places");
        for message in &contract.messages {
            for _ in 0..20 {
                let Ok(draft) = generator.record(&contract, message, &[], None) else { continue };
                let mut found = Vec::new();
                pointers(&draft.event.payload, "", &mut found);
                for pointer in found {
                    let place = message.place_in_payload(&pointer);
                    let is_refused = matches!(place, PlaceInPayload::Unknown { .. } | PlaceInPayload::WithinValue(_));
                    assert!(!is_refused, "{} {pointer}: {place:?}", message.name);
                    looked += 1;
                }
            }
        }
    }
    assert!(looked > 1_000, "{looked} places only");
}
