#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
//! What the evolution of Avro schemas breaks, beside what a registry in a container says of the same pairs.

mod common;

use common::Container;
use eventproof_contract::{Breaks, Framing, Schema, SchemaText};
use eventproof_registry::{EmbeddedRegistry, RegistryClient};

/// A record with these fields.
fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"r","namespace":"n","fields":[{fields}]}}"#)
}

/// A record with one field of this type.
fn of(kind: &str) -> String {
    record(&format!(r#"{{"name":"a","type":{kind}}}"#))
}

/// Pairs of schemas: what it is about, the old one, the new one.
fn cases() -> Vec<(String, String, String)> {
    let mut cases = Vec::new();
    let mut case = |name: &str, old: String, new: String| cases.push((name.to_owned(), old, new));
    let primitives =
        [r#""int""#, r#""long""#, r#""float""#, r#""double""#, r#""string""#, r#""bytes""#, r#""boolean""#];
    for old in primitives {
        for new in primitives.iter().filter(|new| **new != old) {
            if matches!((old, *new), (r#""boolean""#, _) | (_, r#""boolean""#)) && old != r#""int""# {
                continue;
            }
            case(&format!("{old} becomes {new}"), of(old), of(new));
        }
    }
    let a = r#"{"name":"a","type":"int"}"#;
    let with = |more: &str| record(&format!("{a},{more}"));
    case("nothing changes", record(a), record(a));
    case("a field without default is new", record(a), with(r#"{"name":"b","type":"int"}"#));
    case("a field with default is new", record(a), with(r#"{"name":"b","type":"int","default":0}"#));
    case("a field without default goes", with(r#"{"name":"b","type":"int"}"#), record(a));
    case("a field with default goes", with(r#"{"name":"b","type":"int","default":0}"#), record(a));
    case("a field is renamed", record(a), record(r#"{"name":"z","type":"int"}"#));
    case("a field is renamed with an alias", record(a), record(r#"{"name":"z","type":"int","aliases":["a"]}"#));
    case("a field becomes nullable", of(r#""int""#), of(r#"["null","int"]"#));
    case("a nullable field becomes plain", of(r#"["null","int"]"#), of(r#""int""#));
    case("a branch is added", of(r#"["null","int"]"#), of(r#"["null","int","string"]"#));
    case("a branch goes", of(r#"["null","int","string"]"#), of(r#"["null","int"]"#));
    case("a branch is promoted", of(r#"["null","int"]"#), of(r#"["null","long"]"#));
    case("branches change their order", of(r#"["null","int"]"#), of(r#"["int","null"]"#));
    let symbols =
        |list: &str, default: &str| of(&format!(r#"{{"type":"enum","name":"e","symbols":[{list}]{default}}}"#));
    case("a symbol is added", symbols(r#""A""#, ""), symbols(r#""A","B""#, ""));
    case("a symbol goes", symbols(r#""A","B""#, ""), symbols(r#""A""#, ""));
    case(
        "a symbol goes, with a default",
        symbols(r#""A","B""#, r#","default":"A""#),
        symbols(r#""A""#, r#","default":"A""#),
    );
    case("symbols change their order", symbols(r#""A","B""#, ""), symbols(r#""B","A""#, ""));
    case("an enum is renamed", symbols(r#""A""#, ""), of(r#"{"type":"enum","name":"f","symbols":["A"]}"#));
    case("an enum becomes a string", symbols(r#""A""#, ""), of(r#""string""#));
    let fixed = |size: u32| of(&format!(r#"{{"type":"fixed","name":"x","size":{size}}}"#));
    case("fixed grows", fixed(4), fixed(8));
    case("fixed becomes bytes", fixed(4), of(r#""bytes""#));
    case("items are promoted", of(r#"{"type":"array","items":"int"}"#), of(r#"{"type":"array","items":"long"}"#));
    case("items become texts", of(r#"{"type":"array","items":"int"}"#), of(r#"{"type":"array","items":"string"}"#));
    case("an array becomes a map", of(r#"{"type":"array","items":"int"}"#), of(r#"{"type":"map","values":"int"}"#));
    case("values are promoted", of(r#"{"type":"map","values":"int"}"#), of(r#"{"type":"map","values":"double"}"#));
    let inner = |fields: &str| of(&format!(r#"{{"type":"record","name":"i","fields":[{fields}]}}"#));
    case("an inner field is new", inner(a), inner(&format!(r#"{a},{{"name":"b","type":"int"}}"#)));
    case(
        "an inner field is new with a default",
        inner(a),
        inner(&format!(r#"{a},{{"name":"b","type":"int","default":1}}"#)),
    );
    case("an inner record is renamed", inner(a), of(&format!(r#"{{"type":"record","name":"j","fields":[{a}]}}"#)));
    case(
        "an inner record is renamed with an alias",
        inner(a),
        of(&format!(r#"{{"type":"record","name":"j","aliases":["i"],"fields":[{a}]}}"#)),
    );
    let list = |kind: &str| {
        record(&format!(r#"{{"name":"v","type":{kind}}},{{"name":"next","type":["null","r"],"default":null}}"#))
    };
    case("a list is promoted", list(r#""int""#), list(r#""long""#));
    case("a list becomes texts", list(r#""int""#), list(r#""string""#));
    case("a doc is written", record(a), record(r#"{"name":"a","type":"int","doc":"a number"}"#));
    case("a default is written", record(a), record(r#"{"name":"a","type":"int","default":3}"#));
    case("a logical type is written", of(r#""long""#), of(r#"{"type":"long","logicalType":"timestamp-millis"}"#));
    cases
}

/// Ours: (backward, forward) compatible.
fn ours(old: &str, new: &str) -> (bool, bool) {
    let schema = |text: &str| Schema::avro(&serde_json::from_str(text).unwrap(), Framing::None).unwrap();
    let changes = schema(new).changes_since(&schema(old), "r");
    let breaks = |pick: fn(&Breaks) -> bool| changes.iter().any(|change| pick(&change.breaks));
    (!breaks(|breaks| breaks.producers), !breaks(|breaks| breaks.consumers))
}

async fn accepts(registry: &RegistryClient, subject: &str, level: &str, new: &SchemaText) -> bool {
    registry.set_level(subject, level).await.unwrap();
    registry.is_compatible(subject, new).await.unwrap()
}

#[test]
fn what_a_new_version_breaks_is_known_case_by_case() {
    let mut table = String::new();
    for (name, old, new) in cases() {
        let (backward, forward) = ours(&old, &new);
        let word = |compatible: bool| if compatible { "ok" } else { "NO" };
        table.push_str(&format!("{name}: backward {}, forward {}\n", word(backward), word(forward)));
    }
    insta::assert_snapshot!(table);
}

/// Every pair that a registry judges otherwise than we do; subjects are made on the way.
async fn differences(registry: &RegistryClient) -> String {
    let mut differences = String::new();
    let all = cases();
    assert!(all.len() >= 40, "{} cases", all.len());
    for (index, (name, old, new)) in all.iter().enumerate() {
        let subject = format!("case-{index}-value");
        let text = |text: &String| SchemaText { text: text.clone(), ..SchemaText::default() };
        registry.register(&subject, &text(old)).await.unwrap();
        let new_text = text(new);
        let backward = accepts(registry, &subject, "BACKWARD", &new_text).await;
        let theirs = (backward, accepts(registry, &subject, "FORWARD", &new_text).await);
        let ours = ours(old, new);
        if ours != theirs {
            differences.push_str(&format!("{name}: ours {ours:?}, the registry's {theirs:?}\n"));
        }
    }
    differences
}

#[tokio::test]
async fn the_registry_in_a_container_says_the_same_of_every_case() {
    let Some(registry) = Container::start().await else { return };
    let differences = differences(&registry.client).await;
    assert!(differences.is_empty(), "(backward, forward):\n{differences}");
}

#[tokio::test]
async fn the_embedded_registry_says_the_same_of_every_case() {
    let registry = EmbeddedRegistry::start().unwrap();
    let differences = differences(&RegistryClient::new(&registry.url()).unwrap()).await;
    assert!(differences.is_empty(), "(backward, forward):\n{differences}");
}
