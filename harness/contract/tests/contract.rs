#![allow(clippy::unwrap_used, clippy::expect_used)]
//! The nova-bus contract as it is shipped, and documents that are wrong.

use std::path::Path;

use eventproof_contract::{Contract, Draft, Generator, Message, SentinelField, event_number};
use eventproof_source::Source;
use proptest::prelude::*;
use serde_json::{Value, json};

fn nova_bus() -> Contract {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../features/nova-bus/asyncapi.yaml");
    let (contract, warnings) = Contract::read(&path).unwrap_or_else(|faults| panic!("{}", faults.render(false)));
    assert!(warnings.is_empty(), "{}", warnings.render(false));
    contract
}

/// The messages that are events: a dead letter has no id of its own.
fn events(contract: &Contract) -> impl Iterator<Item = &Message> {
    contract.messages.iter().filter(|message| message.envelope.key.is_some())
}

fn headers(draft: &Draft) -> Vec<(&str, Option<&[u8]>)> {
    draft.record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect()
}

fn check(contract: &Contract, draft: &Draft) -> Vec<String> {
    let record = &draft.record;
    let found = contract.check(&record.topic, record.key.as_deref(), &headers(draft), record.payload.as_deref());
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn the_contract_has_the_documents_topics_groups_and_keys() {
    let contract = nova_bus();
    let topics: Vec<_> = contract.channels.iter().map(|channel| (channel.topic.as_str(), channel.partitions)).collect();
    for stated in [("nova.content.events", Some(6)), ("nova.media.events", Some(3))] {
        assert!(topics.contains(&stated), "{topics:?}");
    }
    for legacy in ["message_persisted", "message_deleted"] {
        assert!(topics.iter().any(|(topic, _)| *topic == legacy), "{topics:?}");
    }
    assert_eq!((contract.messages.len(), events(&contract).count()), (17, 12));
    let groups = contract.groups();
    assert_eq!(groups["feed-service-group"], ["nova.content.events", "nova.identity.events"]);
    let feed = contract.receivers("content.post.created").find(|operation| operation.present).unwrap();
    assert_eq!(feed.deadline.unwrap().as_secs(), 5);
}

proptest! {
    #[test]
    fn every_generated_record_keeps_to_the_contract(seed in any::<u64>()) {
        let contract = nova_bus();
        let mut generator = Generator::new(seed, "run");
        for (number, message) in events(&contract).enumerate() {
            let draft = generator.record(&contract, message, &[], None).unwrap();
            prop_assert_eq!(check(&contract, &draft), Vec::<String>::new());
            prop_assert_eq!(event_number(draft.event.id.as_deref().unwrap(), "run"), Some(number as u64));
            prop_assert_eq!(draft.event.message.as_ref(), Some(&message.name));
        }
    }

    #[test]
    fn a_payload_has_exactly_the_size_asked_for(seed in any::<u64>(), size in 300usize..3000) {
        let contract = nova_bus();
        let message = contract.message("content.post.created").unwrap();
        let draft = Generator::new(seed, "run").record(&contract, message, &[], Some(size)).unwrap();
        prop_assert_eq!(draft.record.payload.as_ref().unwrap().len(), size);
        prop_assert_eq!(check(&contract, &draft), Vec::<String>::new());
    }

    #[test]
    fn a_payload_that_cannot_be_so_short_is_as_short_as_it_can_be(seed in any::<u64>(), size in 0usize..1000) {
        let contract = nova_bus();
        let message = contract.message("content.post.created").unwrap();
        let mut generator = Generator::new(seed, "run");
        let draft = generator.record_of_about(&contract, message, &[], size).unwrap();
        let length = draft.record.payload.as_ref().unwrap().len();
        prop_assert!(length == size || length > size && length < 400, "{length} instead of {size}");
        prop_assert_eq!(check(&contract, &draft), Vec::<String>::new());
    }
}

#[test]
fn the_seed_fixes_choices_and_the_run_makes_identities_fresh() {
    let contract = nova_bus();
    let message = contract.message("identity.user.created").unwrap();
    let payload = |run: &str| Generator::new(7, run).record(&contract, message, &[], None).unwrap().event.payload;
    let (one, two) = (payload("run-1"), payload("run-2"));
    assert_eq!(one["username"], two["username"]);
    assert_ne!(one["user_id"], two["user_id"]);
}

#[test]
fn given_fields_are_taken_and_the_key_follows_them() {
    let contract = nova_bus();
    let message = contract.message("content.post.created").unwrap();
    let post = "0b2d3c1e-0000-4000-8000-000000000001";
    let given = [("post_id".to_owned(), json!(post)), ("/caption".to_owned(), json!("早安"))];
    let draft = Generator::new(1, "run").record(&contract, message, &given, None).unwrap();
    assert_eq!(draft.record.key.as_deref(), Some(post.as_bytes()));
    assert_eq!(draft.event.payload["caption"], "早安");
}

#[test]
fn a_sentinels_fields_are_texts_or_copied_from_the_event() {
    let contract = nova_bus();
    let feed = contract.receivers("content.post.created").find(|operation| operation.present).unwrap();
    let created = contract.message("content.post.created").unwrap();
    let draft = Generator::new(1, "run").record(&contract, created, &[], None).unwrap();
    let set: Vec<(&str, Value)> = feed
        .sentinel_with
        .iter()
        .map(|(name, field)| match field {
            SentinelField::Text(text) => (name.as_str(), json!(text)),
            SentinelField::Copied(place) => (name.as_str(), draft.value_at(place).unwrap()),
        })
        .collect();
    assert_eq!(set, [("new_status", json!("published")), ("user_id", draft.event.payload["user_id"].clone())]);
}

#[test]
fn a_given_field_that_is_none_or_breaks_the_schema_is_refused() {
    let contract = nova_bus();
    let message = contract.message("content.post.deleted").unwrap();
    let mut generator = Generator::new(1, "run");
    let mut refused = |field: &str, value: Value| {
        generator.record(&contract, message, &[(field.to_owned(), value)], None).unwrap_err().to_string()
    };
    insta::assert_snapshot!(refused("post", json!(1)), @r#""content.post.deleted" has no field `post`; it has: deleted_at, post_id, user_id"#);
    insta::assert_snapshot!(refused("post_id", json!("p1")), @r#"a record of "content.post.deleted" would depart from its schema: /post_id: "p1" is not a "uuid""#);
}

#[test]
fn departures_are_named_with_their_place() {
    let contract = nova_bus();
    let topic = "nova.content.events";
    let id = "0b2d3c1e-0000-4000-8000-000000000001";
    let texts = |key: Option<&str>, headers: &[(&str, &str)], payload: &str| {
        let headers: Vec<(&str, Option<&[u8]>)> =
            headers.iter().map(|(name, value)| (*name, Some(value.as_bytes()))).collect();
        let found = contract.check(topic, key.map(str::as_bytes), &headers, Some(payload.as_bytes()));
        found.iter().map(|violation| format!("[{}] {violation}", violation.code)).collect::<Vec<_>>().join("\n")
    };
    let deleted = format!(r#"{{"post_id":"{id}","user_id":"{id}","deleted_at":"2025-01-15T10:30:00Z"}}"#);
    let envelope = [("event_type", "content.post.deleted"), ("event_id", id)];
    assert_eq!(texts(Some(id), &envelope, &deleted), "");
    insta::assert_snapshot!(texts(Some("u1"), &envelope, &deleted), @r#"[wrong-key] key: it is "u1", the contract says $message.payload#/post_id, which is "0b2d3c1e-0000-4000-8000-000000000001""#);
    insta::assert_snapshot!(texts(Some(id), &[], &deleted), @r#"[unknown-type] event type: the record says no event type; topic "nova.content.events" carries: content.post.created, content.post.status_updated, content.post.deleted"#);
    insta::assert_snapshot!(texts(Some(id), &envelope[..1], &deleted), @r#"
    [header] headers : "event_id" is a required property
    [missing-id] $message.header#/event_id: the event has no id
    "#);
    insta::assert_snapshot!(texts(Some(id), &envelope, "{"), @r#"
    [not-json] payload: the bytes are no JSON
    [wrong-key] key: it is "0b2d3c1e-0000-4000-8000-000000000001", the contract says $message.payload#/post_id, which is none
    "#);
}

#[test]
fn a_key_belongs_where_the_stated_partitioner_puts_it() {
    let contract = nova_bus();
    let message = contract.message("content.post.created").unwrap();
    let post = "0b2d3c1e-0000-4000-8000-000000000001";
    let right = contract.partitioner_of(message).partition(Some(post.as_bytes()), 6).unwrap() as i32;
    let told = |partition| {
        contract
            .check_place(&message.topic, &message.name, post.as_bytes(), partition, 6)
            .map(|found| found.to_string())
    };
    assert_eq!(told(right), None);
    insta::assert_snapshot!(told((right + 1) % 6).unwrap(), @r#"partition: key "0b2d3c1e-0000-4000-8000-000000000001" is on 4 of topic "nova.content.events", by consistent_random of content-service it belongs on 3 of 6"#);
    let silent = contract.message("identity.user.created").unwrap();
    let draft = Generator::new(1, "run").record(&contract, silent, &[], None).unwrap();
    let key = draft.record.key.unwrap();
    let elsewhere =
        (0..3).filter(|at| contract.check_place(&silent.topic, &silent.name, &key, *at, 3).is_some()).count();
    assert_eq!(elsewhere, 2);
}

#[test]
fn who_receives_what_is_known_where_the_contract_says_so() {
    let contract = nova_bus();
    assert_eq!(contract.group_reads("feed-service-group", "content.post.created"), Some(true));
    assert_eq!(contract.group_reads("graph-service-group", "content.post.created"), Some(false));
    assert_eq!(contract.group_reads("somebody", "content.post.created"), None);
}

#[test]
fn a_sensitive_value_is_in_no_message() {
    let contract = nova_bus();
    let id = "0b2d3c1e-0000-4000-8000-000000000001";
    let payload =
        json!({"user_id": id, "username": "a", "email": "secret-not-an-address", "created_at": "2025-01-15T10:30:00Z"});
    let headers: Vec<(&str, Option<&[u8]>)> =
        vec![("event_type", Some(b"identity.user.created")), ("event_id", Some(id.as_bytes()))];
    let found =
        contract.check("nova.identity.events", Some(id.as_bytes()), &headers, Some(payload.to_string().as_bytes()));
    assert_eq!(found.len(), 1);
    assert!(!found[0].to_string().contains("secret"), "{}", found[0]);
}

#[test]
fn a_document_with_ten_mistakes_gets_ten_diagnostics() {
    let source = Source::inline("asyncapi.yaml", include_str!("ten_mistakes.yaml"));
    let faults = Contract::parse(&source).unwrap_err();
    insta::assert_snapshot!(faults.render(false));
    assert_eq!(faults.errors(), 10);
}

#[test]
fn asyncapi_2_is_refused_with_a_way_out() {
    let source = Source::inline("asyncapi.yaml", "asyncapi: 2.6.0\ninfo: {title: t, version: '1'}\nchannels: {}\n");
    insta::assert_snapshot!(Contract::parse(&source).unwrap_err().render(false), @r"
    error[contract/version]: AsyncAPI 2.6.0 is not read here
     --> asyncapi.yaml:1:11
      |
    1 | asyncapi: 2.6.0
      |           ^^^^^
      |
      = help: AsyncAPI 2 puts operations into channels; convert the document to 3.0 with AsyncAPI's own converter

    1 error, 0 warnings
    ");
}

#[test]
fn a_key_is_never_lengthened_to_bring_a_payload_to_its_size() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/side-by-side/pack/asyncapi.yaml");
    let (contract, _) = Contract::read(&path).unwrap_or_else(|faults| panic!("{}", faults.render(false)));
    let message = contract.message("event.told").unwrap();
    let mut generator = Generator::new(7, "run");
    for given in [vec![("/key".to_owned(), json!("k 1"))], Vec::new()] {
        let draft = generator.record(&contract, message, &given, Some(1000)).unwrap();
        assert_eq!(draft.record.payload.as_ref().unwrap().len(), 1000);
        let key = draft.record.key.unwrap();
        assert!(key.len() < 100 && (given.is_empty() || &*key == b"k 1"), "{key:?}");
    }
}

#[test]
fn a_payload_is_lengthened_within_an_object_where_nothing_outside_is_free() {
    let document = "\
asyncapi: 3.0.0
info: {title: t, version: '1'}
channels:
  c:
    address: notes
    messages:
      told:
        name: told
        payload:
          type: object
          required: [id]
          properties:
            id: {type: string, format: uuid}
            author: {$ref: '#/components/schemas/Author'}
            note:
              type: object
              required: [kind]
              properties: {kind: {enum: [a, b]}, words: {type: string}}
        x-eventproof: {key: $message.payload#/author/name}
components:
  schemas:
    Author: {type: object, required: [name], properties: {name: {type: string}, role: {type: string, maxLength: 9}}}
";
    let (contract, _) = Contract::parse(&Source::inline("asyncapi.yaml", document)).unwrap();
    let message = contract.message("told").unwrap();
    assert!(message.can_be_padded(&[]) && !message.can_be_padded(&["/note/words".to_owned()]));
    assert!(!message.can_be_padded(&["note".to_owned()]), "what is given as a whole stays as it is");
    // Whether an optional object is there is drawn: it must be, wherever the text lies in it.
    for seed in 0..50 {
        let draft = Generator::new(seed, "run").record(&contract, message, &[], Some(5000)).unwrap();
        assert_eq!(draft.record.payload.as_ref().unwrap().len(), 5000);
        assert!(draft.event.payload["note"]["words"].as_str().unwrap().len() > 4000, "seed {seed}");
    }
}

#[test]
fn a_part_of_a_payload_keeps_to_a_further_schema_as_well() {
    let document = "\
asyncapi: 3.0.0
info: {title: t, version: '1'}
channels:
  c:
    address: tasks
    messages:
      done:
        name: done
        payload: {type: object, properties: {data: {type: object, properties: {n: {type: integer}, token: {type: string}}}}}
        x-eventproof:
          sensitive: [/data/token]
          also:
            - at: /data
              schema:
                schemaFormat: application/vnd.apache.avro+json;version=1.9.0
                schema: {type: record, name: Done, fields: [{name: n, type: int}, {name: token, type: 'null'}]}
";
    let (contract, _) = Contract::parse(&Source::inline("asyncapi.yaml", document)).unwrap();
    let told = |payload: &str| -> Vec<String> {
        contract.check("tasks", None, &[], Some(payload.as_bytes())).iter().map(ToString::to_string).collect()
    };
    assert_eq!(told(r#"{"data": {"n": 1, "token": null}}"#).len(), 1, "only JSON Schema wants a text");
    assert_eq!(
        told(r#"{"data": {"n": 3000000000, "token": "s3cret", "x": 1}}"#),
        [
            "payload /data/n: 3000000000 is greater than the maximum of 2147483647 (a schema of `also`)",
            "payload /data/token: (hidden) is not of type \"null\" (a schema of `also`)",
            "payload /data: Additional properties are not allowed ('x' was unexpected) (a schema of `also`)",
        ]
    );
    assert_eq!(told("{}"), ["payload /data: it is missing (a schema of `also`)"]);
    let (next, _) =
        Contract::parse(&Source::inline("asyncapi.yaml", &document.replace("type: int}", "type: string}"))).unwrap();
    let changes: Vec<String> = next.changes_since(&contract).iter().map(ToString::to_string).collect();
    assert_eq!(changes.last().unwrap(), "done /data /n: its type is \"string\", \"int\" before [type-changed]");
}

/// A contract with one message on topic `t`, of which this is said, as JSON.
fn one_message(said: &Value) -> Contract {
    let document = json!({
        "asyncapi": "3.0.0", "info": {"title": "t", "version": "1"},
        "channels": {"c": {"address": "t", "messages": {"m": said}}},
        "components": {"schemas": {"count": {"type": "integer", "minimum": 0, "maximum": 100}}},
    });
    let source = Source::inline("asyncapi.json", &document.to_string());
    Contract::parse(&source).unwrap_or_else(|faults| panic!("{}", faults.render(false))).0
}

/// The same, with this schema of the key.
fn with_key(key: &Value) -> Contract {
    one_message(&json!({"payload": {"type": "object"}, "bindings": {"kafka": {"key": key}}}))
}

/// How a record with this key departs.
fn told_of_key(contract: &Contract, key: Option<&[u8]>) -> Vec<String> {
    let found = contract.check("t", key, &[], Some(b"{}"));
    found.iter().map(|violation| format!("[{}] {violation}", violation.code)).collect()
}

#[test]
fn a_key_keeps_to_the_schema_of_the_binding() {
    let contract = with_key(&json!({"type": "string", "format": "uuid"}));
    let told = |key: Option<&[u8]>| told_of_key(&contract, key);
    for right in ["0b2d3c1e-0000-4000-8000-000000000001", "\"0b2d3c1e-0000-4000-8000-000000000001\""] {
        assert_eq!(told(Some(right.as_bytes())), [""; 0], "{right}");
    }
    assert_eq!(told(Some(b"not-a-uuid")), [r#"[key] key: "not-a-uuid" is not a "uuid""#]);
    assert_eq!(told(Some(&[0xff, 0xfe])), ["[key] key: the bytes are no text"]);
    assert_eq!(told(None), [r#"[key] key: null is not of type "string""#]);
    let gone = contract.check("t", Some(b"not-a-uuid"), &[], None);
    assert_eq!(gone.iter().map(|violation| violation.code).collect::<Vec<_>>(), ["null-payload", "key"]);
}

#[test]
fn a_key_is_a_text_or_what_its_text_is_as_json_or_a_number_as_java_writes_it() {
    let contract = with_key(&json!({"type": "integer", "minimum": 0, "maximum": 100}));
    let told = |key: &[u8]| told_of_key(&contract, Some(key));
    for right in [b"50".as_slice(), &50_i32.to_be_bytes(), &50_i64.to_be_bytes()] {
        assert_eq!(told(right), [""; 0], "{right:?}");
    }
    assert_eq!(told(b"500"), ["[key] key: 500 is greater than the maximum of 100"]);
    assert_eq!(told(b"fifty"), [r#"[key] key: "fifty" is not of type "integer""#]);
    let compound = with_key(&json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}));
    assert_eq!(told_of_key(&compound, Some(br#"{"id": 1}"#)), [""; 0]);
    assert_eq!(told_of_key(&compound, Some(br#"{"id": "1"}"#)), [r#"[key] key /id: "1" is not of type "integer""#]);
}

#[test]
fn a_key_is_missed_and_its_bytes_are_judged_only_as_far_as_its_schema_says() {
    for open in [json!({}), json!({"description": "anything"}), json!({"type": ["string", "null"], "format": "binary"})]
    {
        let contract = with_key(&open);
        for key in [None, Some([0xff, 0xfe].as_slice()), Some(b"k".as_slice())] {
            assert_eq!(told_of_key(&contract, key), [""; 0], "{open} {key:?}");
        }
    }
    let nothing_said = one_message(&json!({"payload": {"type": "object"}}));
    assert_eq!(told_of_key(&nothing_said, Some(&[0xff])), [""; 0]);
    assert_eq!(told_of_key(&with_key(&json!({"type": ["string", "null"]})), None), [""; 0]);
}

#[test]
fn a_key_in_avro_is_read_by_its_schema_with_the_frame_that_payloads_have_or_without() {
    let avro = "application/vnd.apache.avro+json;version=1.9.0";
    let contract = one_message(&json!({
        "payload": {"type": "object"},
        "bindings": {"kafka": {"key": {"schemaFormat": avro, "schema": {"type": "string"}}}},
        "x-eventproof": {"framing": "confluent", "schema_id": 7},
    }));
    let told = |key: &[u8]| {
        let found = contract.check("t", Some(key), &[], Some(b"\0\0\0\0\x07{}"));
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    // Avro writes the length of a text first, twice.
    assert_eq!((told(b"\x04k1"), told(b"\0\0\0\0\x09\x04k1")), (Vec::new(), Vec::new()));
    let wrong = told(b"\x20k1");
    assert!(wrong.len() == 1 && wrong[0].starts_with("key: the bytes are no Avro of this schema"), "{wrong:?}");
}

#[test]
fn a_sensitive_key_is_not_shown_where_its_schema_refuses_it() {
    let contract = one_message(&json!({
        "payload": {"type": "object", "properties": {"email": {"type": "string"}}},
        "bindings": {"kafka": {"key": {"type": "string", "format": "email"}}},
        "x-eventproof": {"key": "$message.payload#/email", "sensitive": ["/email"]},
    }));
    let found = contract.check("t", Some(b"s3cret"), &[], Some(br#"{"email": "s3cret"}"#));
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [r#"key: (hidden) is not a "email""#]);
}

#[test]
fn another_schema_of_the_key_is_a_change() {
    let text = with_key(&json!({"type": "string"}));
    let none = one_message(&json!({"payload": {"type": "object"}}));
    let told = |new: &Contract, old: &Contract| {
        let changes = new.changes_since(old);
        changes.iter().map(|change| format!("breaks {}: {change}", change.breaks)).collect::<Vec<_>>()
    };
    assert_eq!(told(&text, &text), [""; 0]);
    let other = told(&with_key(&json!({"type": "integer"})), &text);
    assert!(other.iter().any(|change| change.starts_with("breaks producers and consumers: m key")), "{other:?}");
    assert_eq!(told(&text, &none), ["breaks producers: m: its key has a schema now [key-schema-added]"]);
    assert_eq!(told(&none, &text), ["breaks consumers: m: nothing is said of its key now [key-schema-removed]"]);
}

/// A contract whose records have these headers.
fn with_headers(headers: &Value) -> Contract {
    one_message(&json!({"payload": {"type": "object"}, "headers": headers}))
}

/// How a record with these headers departs.
fn told_of_headers(contract: &Contract, headers: &[(&str, Option<&[u8]>)]) -> Vec<String> {
    contract.check("t", None, headers, Some(b"{}")).iter().map(ToString::to_string).collect()
}

#[test]
fn a_header_that_is_declared_as_a_number_or_flag_is_read_as_one() {
    let contract = with_headers(&json!({
        "type": "object",
        "properties": {
            "count": {"$ref": "#/components/schemas/count"},
            "ratio": {"anyOf": [{"type": "number"}, {"type": "null"}]},
            "last": {"type": "boolean"},
            "wait": {"anyOf": [{"type": "integer"}, {"const": "auto"}]},
            "code": {"type": "string", "pattern": "^[0-9]+$"},
        },
    }));
    let told = |name: &str, value: &[u8]| told_of_headers(&contract, &[(name, Some(value))]);
    let java = 50_i32.to_be_bytes();
    let right: [(&str, &[u8]); 8] = [
        ("count", b"50"),
        ("count", &java),
        ("ratio", b"0.5"),
        ("ratio", b"null"),
        ("last", b"true"),
        ("wait", b"5"),
        ("wait", b"auto"),
        ("code", b"0123"),
    ];
    for (name, value) in right {
        assert_eq!(told(name, value), [""; 0], "{name} {value:?}");
    }
    assert_eq!(told("count", b"abc"), [r#"headers /count: "abc" is not of type "integer""#]);
    assert_eq!(told("count", b"500"), ["headers /count: 500 is greater than the maximum of 100"]);
    assert_eq!(told("last", b"yes"), [r#"headers /last: "yes" is not of type "boolean""#]);
    assert_eq!(told("code", b"x"), [r#"headers /code: "x" does not match "^[0-9]+$""#]);
    assert_eq!(told("wait", b"later").len(), 1);
}

#[test]
fn a_header_that_is_declared_by_no_name_is_read_as_all_others_are() {
    let contract = with_headers(&json!({"type": "object", "additionalProperties": {"type": "integer"}}));
    assert_eq!(told_of_headers(&contract, &[("n", Some(b"1"))]), [""; 0]);
    assert_eq!(told_of_headers(&contract, &[("n", Some(b"one"))]), [r#"headers /n: "one" is not of type "integer""#]);
}

#[test]
fn a_declared_header_whose_bytes_are_no_text_departs_and_another_one_does_not() {
    let contract = with_headers(&json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "raw": {"type": "string", "format": "binary"}, "any": {}},
    }));
    let told = |name: &str| told_of_headers(&contract, &[(name, Some(&[0xff, 0xfe]))]);
    assert_eq!(told("name"), ["headers /name: the bytes are no text"]);
    for free in ["raw", "any", "else"] {
        assert_eq!(told(free), [""; 0], "{free}");
    }
}

#[test]
fn of_headers_with_one_name_the_first_is_checked() {
    let contract = with_headers(&json!({"type": "object", "required": ["n"], "properties": {"n": {"enum": ["one"]}}}));
    let told = |first, second| told_of_headers(&contract, &[("n", first), ("n", second)]).len();
    let (one, two) = (Some(b"one".as_slice()), Some(b"two".as_slice()));
    assert_eq!((told(one, two), told(two, one)), (0, 1));
    assert_eq!((told(one, None), told(None, one)), (0, 1), "the first has no value");
}
