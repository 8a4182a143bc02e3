#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Records from any schema: the valid ones, their invalid neighbours, and keys that bad partitioners fail on.

use std::collections::BTreeSet;

use eventproof_contract::{Contract, Generator, Invalid};
use eventproof_source::Source;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A contract with one message of this payload.
fn contract(payload: &Value) -> Contract {
    let document = json!({
        "asyncapi": "3.0.0", "info": {"title": "t", "version": "1"},
        "channels": {"things": {"address": "things", "messages": {"thing": {
            "headers": {"type": "object", "required": ["event_type"], "properties": {"event_type": {"type": "string"}}},
            "payload": payload,
            "x-eventproof": {"envelope": {"id": "$message.header#/event_id", "type": "$message.header#/event_type"}},
        }}}},
        "operations": {"make": {"action": "send", "channel": {"$ref": "#/channels/things"},
            "x-eventproof": {"service": "maker", "partitioner": "java_hash_string"}}},
    });
    let source = Source::inline("asyncapi.json", &document.to_string());
    Contract::parse(&source).unwrap_or_else(|faults| panic!("{}", faults.render(false))).0
}

fn text() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"type": "string"})),
        (0u64..6, 6u64..40).prop_map(|(least, most)| json!({"type": "string", "minLength": least, "maxLength": most})),
        proptest::sample::select(vec!["uuid", "date-time", "date", "email", "uri"])
            .prop_map(|format| json!({"type": "string", "format": format})),
        proptest::sample::select(vec![
            "^[a-z]{3,8}$",
            "^#[0-9a-f]{6}$",
            r"^\d{4}-\d{2}$",
            "^(photo|video)/[A-Z]+$",
            r"^[^@\s]+@[^@\s]+$",
            r"^\+?[1-9]\d{1,14}$",
            "[0-9]",
        ])
        .prop_map(|pattern| json!({"type": "string", "pattern": pattern})),
        Just(json!({"enum": ["red", "green", "blue"]})),
        Just(json!({"type": ["string", "null"]})),
    ]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-50i64..50, 0i64..50)
            .prop_map(|(least, span)| json!({"type": "integer", "minimum": least, "maximum": least + span})),
        (-50i64..50, 2i64..50).prop_map(
            |(least, span)| json!({"type": "integer", "exclusiveMinimum": least, "exclusiveMaximum": least + span})
        ),
        (1i64..7).prop_map(|step| json!({"type": "integer", "multipleOf": step, "minimum": 0, "maximum": 1000})),
        (-9.0f64..9.0).prop_map(|least| json!({"type": "number", "minimum": least})),
        Just(json!({"type": "number"})),
        Just(json!({"type": "boolean"})),
        Just(json!({"const": 42})),
    ]
}

fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![text(), number()];
    let nested = leaf.prop_recursive(3, 24, 4, |inner| {
        let fields = proptest::collection::btree_map("[a-e]", inner.clone(), 0..4);
        prop_oneof![
            (fields, any::<bool>(), any::<u8>()).prop_map(|(fields, open, mask)| {
                let required: Vec<_> = fields
                    .keys()
                    .enumerate()
                    .filter(|(at, _)| mask >> at & 1 == 1)
                    .map(|(_, name)| name.clone())
                    .collect();
                json!({"type": "object", "properties": fields, "required": required, "additionalProperties": open})
            }),
            (inner.clone(), 0u64..3, 3u64..6).prop_map(
                |(items, least, most)| json!({"type": "array", "items": items, "minItems": least, "maxItems": most})
            ),
            (inner.clone(), inner).prop_map(|(one, other)| json!({"anyOf": [one, other]})),
        ]
    });
    proptest::collection::btree_map("[a-e]", nested, 1..4).prop_map(|fields| {
        let required: Vec<_> = fields.keys().cloned().collect();
        json!({"type": "object", "properties": fields, "required": required})
    })
}

fn invalid_of(contract: &Contract, seed: u64) -> Vec<Invalid> {
    let message = contract.message("thing").unwrap();
    Generator::new(seed, "run").invalid_records(contract, message, &[]).unwrap()
}

fn departures(contract: &Contract, invalid: &Invalid) -> Vec<String> {
    let record = &invalid.draft.record;
    let headers: Vec<_> = record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    let found = contract.check(&record.topic, record.key.as_deref(), &headers, record.payload.as_deref());
    found.into_iter().map(|one| format!("{} {}", one.code, one.place)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn everything_generated_is_valid_and_every_invalid_neighbour_is_not(payload in schema(), seed in 0u64..1000) {
        let contract = contract(&payload);
        let message = contract.message("thing").unwrap();
        let valid = Generator::new(seed, "run").record(&contract, message, &[], None);
        prop_assert!(valid.is_ok(), "{payload}: {valid:?}");
        let invalid = invalid_of(&contract, seed);
        prop_assert!(invalid.len() >= 4, "{payload}: {invalid:?}");
        let ids: BTreeSet<_> = invalid.iter().filter_map(|one| one.draft.event.id.clone()).collect();
        let with_id = invalid.iter().filter(|one| one.draft.event.id.is_some()).count();
        prop_assert_eq!(ids.len(), with_id, "every one has an id of its own");
        for one in invalid {
            let found = departures(&contract, &one);
            prop_assert!(!found.is_empty(), "{payload}: {one:?}");
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_choices(payload in schema(), seed in 0u64..1000) {
        let contract = contract(&payload);
        let rules = |of: &[Invalid]| of.iter().map(|one| format!("{} {}", one.rule, one.place)).collect::<Vec<_>>();
        prop_assert_eq!(rules(&invalid_of(&contract, seed)), rules(&invalid_of(&contract, seed)));
    }
}

#[test]
fn each_neighbour_breaks_one_rule_at_one_place() {
    let contract = contract(&json!({
        "type": "object", "additionalProperties": false, "required": ["id", "state", "lines"],
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "state": {"enum": ["new", "paid"]},
            "code": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{2}$", "maxLength": 4},
            "lines": {"type": "array", "minItems": 1, "maxItems": 2, "items": {
                "type": "object", "required": ["count"], "properties": {"count": {"type": "integer", "minimum": 1, "maximum": 9}}}},
        },
    }));
    let message = contract.message("thing").unwrap();
    let code = [("code".to_owned(), json!("AB12"))];
    let invalid = Generator::new(7, "run").invalid_records(&contract, message, &code).unwrap();
    let told: Vec<String> = invalid
        .iter()
        .map(|one| format!("{} of {}: {}", one.rule, one.place, departures(&contract, one).join(", ")))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_pattern_that_cannot_be_met_is_told() {
    let contract = contract(&json!({"type": "object", "required": ["a"], "properties": {
        "a": {"type": "string", "pattern": "^[a-z]{9}$", "maxLength": 3}}}));
    let error = Generator::new(1, "run").record(&contract, contract.message("thing").unwrap(), &[], None).unwrap_err();
    insta::assert_snapshot!(error, @r#""thing": no value can be made for /a: of 200 texts none keeps to its pattern `^[a-z]{9}$` and its length: give `examples`"#);
}

#[test]
fn a_key_without_absolute_hash_is_made_for_those_who_take_one() {
    let contract = contract(&json!({"type": "object"}));
    let generator = Generator::new(1, "run");
    let message = contract.message("thing").unwrap();
    let keys: BTreeSet<String> = (0..5).map(|_| generator.hostile_key(&contract, message).unwrap()).collect();
    assert_eq!(keys.len(), 5, "no two are the same");
    let hash = |key: &String| key.bytes().fold(0i32, |hash, byte| hash.wrapping_mul(31).wrapping_add(i32::from(byte)));
    assert!(keys.iter().all(|key| hash(key) == i32::MIN), "{keys:?}");
}
