#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Records from any schema: the valid ones, their invalid neighbours, and keys that bad partitioners fail on.

use std::collections::BTreeSet;

use eventproof_contract::{Came, Contract, Generator, Invalid, Mark};
use eventproof_source::Source;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A contract with one message of this payload.
fn contract(payload: &Value) -> Contract {
    contract_with(payload, &[])
}

/// The same, with fields that are fresh in every event.
fn contract_with(payload: &Value, unique: &[&str]) -> Contract {
    let document = json!({
        "asyncapi": "3.0.0", "info": {"title": "t", "version": "1"},
        "channels": {"things": {"address": "things", "messages": {"thing": {
            "headers": {"type": "object", "required": ["event_type"], "properties": {"event_type": {"type": "string"}}, "additionalProperties": true},
            "payload": payload,
            "x-eventproof": {"envelope": {"id": "$message.header#/event_id", "type": "$message.header#/event_type"}, "unique": unique},
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

/// A form and what it fills, under an identity field, a time, free texts and a given key.
fn filled(payload: &Value, seed: u64, count: usize) -> Option<(Contract, Vec<eventproof_contract::Filled>)> {
    let contract = contract(payload);
    let message = contract.message("thing").unwrap();
    let mut generator = Generator::new(seed, "run");
    let form = generator.form(&contract, message, None, None).unwrap()?;
    let records = (0..count).map(|_| generator.fill(&form, "").unwrap()).collect();
    Some((contract, records))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_a_form_fills_is_as_valid_as_what_is_made(payload in schema(), seed in 0u64..1000) {
        let Some((contract, records)) = filled(&payload, seed, 4) else { return Ok(()) };
        for (number, filled) in records.iter().enumerate() {
            let record = &filled.record;
            let headers: Vec<_> = record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
            let found = contract.check(&record.topic, record.key.as_deref(), &headers, record.payload.as_deref());
            prop_assert!(found.is_empty(), "{payload}: {found:?}");
            let facts = contract.read_facts(&record.topic, record.key.as_deref(), &headers, record.payload.as_deref());
            prop_assert_eq!(facts.id.as_deref(), Some(filled.id.as_str()));
            prop_assert_eq!(eventproof_contract::event_number(&filled.id, "run"), Some(number as u64));
        }
    }
}

/// A record as it comes from a broker.
fn came<'a>(record: &'a eventproof_contract::Record, headers: &'a [(&'a str, Option<&'a [u8]>)]) -> Came<'a> {
    Came { topic: &record.topic, key: record.key.as_deref(), headers, payload: record.payload.as_deref() }
}

fn texts_in(value: &Value) -> usize {
    match value {
        Value::String(_) => 1,
        Value::Array(items) => items.iter().map(texts_in).sum(),
        Value::Object(fields) => fields.values().map(texts_in).sum(),
        _ => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// What a form made is recognised; of what was altered only what keeps to the contract all the same.
    #[test]
    fn whatever_a_form_recognises_keeps_to_the_contract(payload in schema(), seed in 0u64..1000, at in 0usize..5000, byte: u8) {
        let contract = contract(&payload);
        let message = contract.message("thing").unwrap();
        let mut generator = Generator::new(seed, "run");
        let Some(form) = generator.form(&contract, message, None, None).unwrap() else { return Ok(()) };
        let mark = Mark::of_run("run");
        for number in 0..3 {
            let mut record = generator.fill(&form, "").unwrap().record;
            // Each of them may be an identity, and of more than eight none is followed: then all of a record is checked.
            if record.payload.as_ref().is_some_and(|payload| texts_in(&serde_json::from_slice(payload).unwrap()) > 8) {
                return Ok(());
            }
            let mut headers: Vec<_> = record.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            let borrowed: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
            let same = came(&record, &borrowed);
            prop_assert_eq!(mark.number(&same), Some(number));
            prop_assert!(form.made(&same, &mark, number, ""), "{}", payload);
            prop_assert!(!form.made(&same, &mark, number + 1, ""), "of another event");
            prop_assert!(!form.made(&same, &Mark::of_run("other"), number, ""), "of another run");
            // One byte of the payload or of a header is another.
            let parts = 1 + headers.len();
            let value = match at % parts {
                0 => record.payload.as_mut(),
                header => headers[header - 1].1.as_mut(),
            };
            let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
            let mut bytes = value.to_vec();
            let place = at / parts % bytes.len();
            prop_assume!(bytes[place] != byte);
            bytes[place] = byte;
            *value = bytes.into();
            let borrowed: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
            let altered = came(&record, &borrowed);
            if form.made(&altered, &mark, number, "") {
                let found = contract.check(altered.topic, altered.key, &borrowed, altered.payload);
                prop_assert!(found.is_empty(), "{payload}: {found:?}");
            }
        }
    }
}

#[test]
fn a_record_of_another_topic_key_or_length_is_not_the_forms() {
    let payload = json!({"type": "object", "required": ["post", "text"], "properties": {
        "post": {"type": "string", "format": "uuid"}, "text": {"type": "string"}}});
    let contract = contract(&payload);
    let message = contract.message("thing").unwrap();
    let mut generator = Generator::new(3, "run");
    let keys = [json!(generator.identity()), json!(generator.identity())];
    let form = generator.form(&contract, message, Some(("post", [&keys[0], &keys[1]])), None).unwrap().unwrap();
    let key = keys[1].as_str().unwrap();
    let record = generator.fill(&form, key).unwrap().record;
    let headers: Vec<_> = record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    let (mark, same) = (Mark::of_run("run"), came(&record, &headers));
    assert!(form.made(&same, &mark, 0, key));
    assert!(!form.made(&same, &mark, 0, keys[0].as_str().unwrap()), "another key in its place");
    assert!(!form.made(&Came { topic: "elsewhere", ..same }, &mark, 0, key));
    assert!(!form.made(&Came { payload: None, ..same }, &mark, 0, key));
    let longer = [record.payload.as_deref().unwrap(), b" "].concat();
    assert!(!form.made(&Came { payload: Some(&longer), ..same }, &mark, 0, key));
    let more: Vec<_> = headers.iter().copied().chain([("more", None)]).collect();
    assert!(!form.made(&Came { headers: &more, ..same }, &mark, 0, key));
}

#[test]
fn a_form_has_identities_time_and_key_of_every_event() {
    let payload = json!({"type": "object", "required": ["post", "other", "at", "link", "text"], "properties": {
        "post": {"type": "string", "format": "uuid"}, "other": {"type": "string", "format": "uuid"},
        "at": {"type": "string", "format": "date-time"}, "link": {"type": "string", "format": "uri"},
        "text": {"type": "string"}}});
    let contract = contract(&payload);
    let message = contract.message("thing").unwrap();
    let mut generator = Generator::new(3, "run").with_clock(|| chrono::DateTime::from_timestamp_millis(5).unwrap());
    let keys = [json!(generator.identity()), json!(generator.identity())];
    let form = generator.form(&contract, message, Some(("post", [&keys[0], &keys[1]])), Some(400)).unwrap().unwrap();
    let mut read = || -> Value {
        let filled = generator.fill(&form, keys[1].as_str().unwrap()).unwrap();
        serde_json::from_slice(&filled.record.payload.unwrap()).unwrap()
    };
    let (one, two) = (read(), read());
    for field in ["other", "link"] {
        assert_ne!(one[field], two[field]);
    }
    assert_eq!((&one["post"], &two["post"], &one["text"]), (&keys[1], &keys[1], &two["text"]));
    assert_eq!(one["at"], "1970-01-01T00:00:00.005Z");
    assert_eq!(one.to_string().len(), 400);
    assert!(generator.fill(&form, "a key of another length").is_none());
}

#[test]
fn there_is_no_form_where_something_follows_from_identity_or_time_otherwise() {
    for field in [
        json!({"type": "string", "format": "date"}),
        json!({"type": "string", "format": "uri", "maxLength": 40}),
        json!({"type": "string", "x-logical": "base64"}),
    ] {
        let payload = json!({"type": "object", "required": ["a"], "properties": {"a": field}});
        assert!(filled(&payload, 1, 1).is_none(), "{payload}");
    }
}

#[test]
fn there_is_no_form_where_what_must_be_fresh_is_drawn() {
    let payload = json!({"type": "object", "required": ["code"], "properties": {"code": {"type": "string", "pattern": "^[A-Z]{8}$"}}});
    let of = |unique: &[&str]| {
        let contract = contract_with(&payload, unique);
        let message = contract.message("thing").unwrap();
        Generator::new(1, "run").form(&contract, message, None, None).unwrap()
    };
    assert!(of(&[]).is_some());
    assert!(of(&["/code"]).is_none());
}

/// A contract with one message on topic `t`, of which this is said.
fn one_message(said: &Value) -> Contract {
    let document = json!({
        "asyncapi": "3.0.0", "info": {"title": "t", "version": "1"},
        "channels": {"c": {"address": "t", "messages": {"m": said}}},
    });
    let source = Source::inline("asyncapi.json", &document.to_string());
    Contract::parse(&source).unwrap_or_else(|faults| panic!("{}", faults.render(false))).0
}

/// A record of its only message, and how that departs.
fn made_and_checked(contract: &Contract, generator: &mut Generator) -> (eventproof_contract::Record, Vec<String>) {
    let record = generator.record(contract, &contract.messages[0], &[], None).unwrap().record;
    let headers: Vec<_> = record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    let found = contract.check(&record.topic, record.key.as_deref(), &headers, record.payload.as_deref());
    let found = found.iter().map(ToString::to_string).collect();
    (record, found)
}

#[test]
fn a_key_of_which_only_the_schema_is_said_is_made_by_it() {
    for schema in [
        json!({"type": "string", "format": "uuid"}),
        json!({"type": "string", "pattern": "^[a-z]{3}$"}),
        json!({"type": "integer", "minimum": 5, "maximum": 9}),
        json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}),
        json!({"schemaFormat": "application/vnd.apache.avro+json;version=1.9.0", "schema": {"type": "string"}}),
    ] {
        let contract =
            one_message(&json!({"payload": {"type": "object"}, "bindings": {"kafka": {"key": schema.clone()}}}));
        let (record, found) = made_and_checked(&contract, &mut Generator::new(3, "run"));
        assert!(record.key.is_some() && found.is_empty(), "{schema}: {:?} {found:?}", record.key);
    }
    let text = one_message(&json!({"payload": {"type": "object"}, "bindings": {"kafka": {"key": {"type": "string"}}}}));
    let mut generator = Generator::new(3, "run");
    let mut key = || made_and_checked(&text, &mut generator).0.key;
    assert_ne!(key(), key(), "what may be any text is another one in every record");
}

#[test]
fn headers_that_are_numbers_are_made_so_that_they_keep_to_their_schema() {
    let contract = one_message(&json!({
        "payload": {"type": "object"},
        "headers": {"type": "object", "required": ["count", "last"], "properties": {
            "event_id": {"type": "string"}, "sent": {"type": "integer"},
            "count": {"type": "integer", "minimum": 1, "maximum": 9}, "last": {"type": "boolean"}}},
        "x-eventproof": {"envelope": {"id": "$message.header#/event_id", "time": "$message.header#/sent"}},
    }));
    let (record, found) = made_and_checked(&contract, &mut Generator::new(3, "run"));
    assert_eq!((record.headers.len(), found), (4, Vec::new()));
}
