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
