#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Pointers and expressions of a contract, held against the schemas of its messages.

use std::path::Path;

use eventproof_contract::Contract;
use eventproof_source::Source;

/// What is told of a pack's contract with one edit; nothing if it is right.
fn told(pack: &str, from: &str, to: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../features").join(pack).join("asyncapi.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{pack} has no {from}");
    let source = Source::inline(path.to_str().unwrap(), &text.replacen(from, to, 1));
    let told = match Contract::parse(&source) {
        Ok((_, warnings)) if warnings.is_empty() => return String::new(),
        Ok((_, warnings)) => warnings.render(false),
        Err(faults) => faults.render(false),
    };
    told.replace(path.to_str().unwrap(), "asyncapi.yaml")
}

#[test]
fn a_pointer_with_a_slip_is_told_where_it_stands_with_the_name_that_was_meant() {
    let edits = [
        ("nova-bus", "sensitive: [/email]", "sensitive: [/emial]"),
        ("nova-bus", "sensitive: [/email]", "sensitive: [email]"),
        ("nova-bus", "id: $message.header#/event_id", "id: $message.header#/evnt_id"),
        ("todo", "id: $message.payload#/data/event_id", "id: $message.payload#/data/eventid"),
        (
            "todo",
            "correlation: $message.payload#/data/correlation_id",
            "correlation: $message.payload#/data/corelation_id",
        ),
        ("todo", "type: $message.payload#/data/event_type", "type: $message.payload#/data/event_typ"),
        ("todo", "time: $message.payload#/data/timestamp", "time: $message.payload#/data/timestamp/at"),
        ("todo", "key: &key $message.payload#/data/payload/task_id", "key: &key $message.payload#/data/payload/taskid"),
        ("todo", "unique: &unique [/data/payload/task_id]", "unique: &unique [/data/payload/taskid]"),
        ("todo", "unique: &unique [/data/payload/task_id]", "unique: &unique [$.data.payload.task_id]"),
        ("todo", "fresh: &fresh [/id]", "fresh: &fresh [/idd]"),
        ("todo", "also: [{at: /data,", "also: [{at: /dta,"),
        ("todo", "also: [{at: /data,", "also: [{at: data,"),
        ("todo", "{by: $message.payload#/data/event_id", "{by: $message.payload#/data/eventid"),
        ("todo", "original: $message.header#/original_event_id", "original: $message.header#/orignal_event_id"),
        ("todo", "original: $message.header#/original_event_id", "attempts: $message.header#/atempts"),
        ("todo", "{id: $message.header#/original_event_id}", "{id: $message.header#/orignal_event_id}"),
        (
            "nova-bus",
            "position: &stood {topic: $message.header#/original_topic",
            "position: &stood {topic: $message.header#/orig_topic",
        ),
        (
            "nova-domain",
            "sentinel_with: {/data/author_id: $message.payload#/data/author_id",
            "sentinel_with: {/data/author_id: $message.payload#/data/athor_id",
        ),
    ];
    let all = edits.map(|(pack, from, to)| format!("== {pack}: {to}\n{}\n", told(pack, from, to)));
    insta::assert_snapshot!(all.concat());
}

const HEAD: &str = "\
asyncapi: 3.0.0
info: {title: shop, version: '1'}
";

/// What is told of a document; nothing if it is right.
fn of(text: &str) -> String {
    match Contract::parse(&Source::inline("asyncapi.yaml", &format!("{HEAD}{text}"))) {
        Ok((_, warnings)) => warnings.render(false),
        Err(faults) => faults.render(false),
    }
}

/// A document with one message of this text.
fn message(text: &str) -> String {
    of(&format!("channels:\n  c: {{address: c, messages: {{m: {{{text}}}}}}}\n"))
}

const NOTHING: &str = "0 errors, 0 warnings\n";

#[test]
fn what_is_open_or_not_declared_is_accused_of_nothing() {
    let users = "payload: {type: object, properties: {users: {type: array, items: {type: object, properties: {email: {type: string}}}}, more: {type: object}}}";
    for right in [
        format!("{users}, x-eventproof: {{sensitive: [/users/*/email, /users/email, /users/0/email, /more/any, '']}}"),
        format!("{users}, x-eventproof: {{envelope: {{id: $message.header#/id, key: $message.key}}}}"),
        "headers: {type: object, required: [error]}, x-eventproof: {envelope: {id: $message.header#/id}}".to_owned(),
        "headers: {properties: {a: {type: string}}, additionalProperties: true}, x-eventproof: {envelope: {id: $message.header#/id}}".to_owned(),
        "headers: {properties: {a: {type: string}}, required: [id]}, x-eventproof: {envelope: {id: $message.header#/id}}".to_owned(),
        "payload: {properties: {a: {type: string}}, required: [id]}, x-eventproof: {envelope: {id: $message.payload#/id}}".to_owned(),
    ] {
        assert_eq!(message(&right), NOTHING, "{right}");
    }
    for wrong in ["/users/*/emial", "/users/emial", "/users/0/emial"] {
        let told = message(&format!("{users}, x-eventproof: {{sensitive: ['{wrong}']}}"));
        assert!(told.contains("of \"m\" has no field `emial`") && told.contains("did you mean `email`?"), "{told}");
    }
}

#[test]
fn what_the_document_says_for_all_is_wrong_only_if_no_message_can_have_it() {
    let document = |id: &str| {
        format!(
            "x-eventproof: {{envelope: {{id: {id}}}}}\nchannels:\n  c:\n    address: c\n    messages:\n      a: {{payload: {{properties: {{event_id: {{type: string}}}}}}}}\n      b: {{payload: {{properties: {{other: {{type: string}}}}}}}}\n      d: {{x-eventproof: {{envelope: {{id: $message.header#/id}}}}}}\n"
        )
    };
    assert_eq!(of(&document("$message.payload#/event_id")), NOTHING);
    insta::assert_snapshot!(of(&document("$message.payload#/eventid")), @r"
    error[contract/unknown-field]: `$message.payload#/eventid` stands in no message of the document
     --> asyncapi.yaml:3:31
      |
    3 | x-eventproof: {envelope: {id: $message.payload#/eventid}}
      |                               ^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `event_id`?

    1 error, 0 warnings
    ");
}

#[test]
fn what_several_messages_say_in_one_place_is_told_once_of_all_of_them() {
    let shared = "components: {messageTraits: {event: {x-eventproof: {envelope: {id: $message.payload#/idd}}}}}\n";
    let one = |name: &str| {
        format!(
            "{name}: {{traits: [{{$ref: '#/components/messageTraits/event'}}], payload: {{properties: {{id: {{type: string}}}}}}}}"
        )
    };
    let all = ["a", "b", "d", "e"].map(one).join(", ");
    insta::assert_snapshot!(of(&format!("channels:\n  c: {{address: c, messages: {{{all}}}}}\n{shared}")));
}

#[test]
fn a_record_elsewhere_may_carry_what_the_event_declares() {
    let document = |link: &str| {
        format!(
            "channels:\n  c: {{address: c, messages: {{m: {{headers: {{properties: {{event_id: {{type: string}}}}}}}}}}}}\n  dead: {{address: dead, messages: {{d: {{headers: {{properties: {{error: {{type: string}}}}}}}}}}}}\noperations:\n  take: {{action: receive, channel: {{$ref: '#/channels/c'}}, bindings: {{kafka: {{groupId: g}}}}, x-eventproof: {{dead_letter: {{channel: dead, original: {link}}}}}}}\n"
        )
    };
    assert_eq!(of(&document("$message.header#/event_id")), NOTHING);
    insta::assert_snapshot!(of(&document("$message.header#/evnt_id")));
}
