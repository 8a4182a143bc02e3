#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
//! What the evolution of Avro schemas breaks, beside what a registry in a container says of the same pairs.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use eventproof_contract::{Breaks, Framing, Schema};
use serde_json::{Value, json};

const IMAGE: &str = "apicurio/apicurio-registry:3.0.9";
/// How long the registry may take to answer after it was started.
const START: Duration = Duration::from_secs(120);

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

struct Registry {
    container: String,
    url: String,
    client: reqwest::Client,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = docker(&["rm", "--force", "--volumes", &self.container]);
    }
}

fn docker(arguments: &[&str]) -> Option<String> {
    let output = Command::new("docker").args(arguments).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

impl Registry {
    /// `None`, with the reason printed, without Docker.
    async fn start() -> Option<Registry> {
        if docker(&["version", "--format", "{{.Server.Version}}"]).is_none() {
            let required = std::env::var("EVENTPROOF_REQUIRE_DOCKER").is_ok_and(|value| value == "1");
            assert!(!required, "there is no Docker daemon");
            println!("skipped: there is no Docker daemon to run a schema registry in");
            return None;
        }
        let container = docker(&["run", "--detach", "--publish", "127.0.0.1::8080", IMAGE]).expect("no container");
        let address = docker(&["port", &container, "8080/tcp"]).expect("no port");
        let url = format!("http://{}/apis/ccompat/v7", address.lines().next().unwrap());
        let registry = Registry { container, url, client: reqwest::Client::new() };
        let began = Instant::now();
        while registry.client.get(format!("{}/subjects", registry.url)).send().await.is_err() {
            assert!(began.elapsed() < START, "the registry does not answer");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Some(registry)
    }

    async fn send(&self, method: reqwest::Method, path: &str, body: Value) -> Value {
        let request = self.client.request(method, format!("{}{path}", self.url)).json(&body);
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path} {body}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn accepts(&self, subject: &str, mode: &str, new: &str) -> bool {
        self.send(reqwest::Method::PUT, &format!("/config/{subject}"), json!({"compatibility": mode})).await;
        let path = format!("/compatibility/subjects/{subject}/versions/latest");
        self.send(reqwest::Method::POST, &path, json!({"schema": new})).await["is_compatible"].as_bool().unwrap()
    }
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

/// Pairs of which we say something else, on purpose: what they are about, and why.
const ON_PURPOSE: &[(&str, &str)] = &[];

#[tokio::test]
async fn the_registry_says_the_same_of_every_case() {
    let Some(registry) = Registry::start().await else { return };
    let mut differences = String::new();
    let all = cases();
    assert!(all.len() >= 40, "{} cases", all.len());
    for (index, (name, old, new)) in all.iter().enumerate() {
        let subject = format!("case-{index}-value");
        registry.send(reqwest::Method::POST, &format!("/subjects/{subject}/versions"), json!({"schema": old})).await;
        let theirs =
            (registry.accepts(&subject, "BACKWARD", new).await, registry.accepts(&subject, "FORWARD", new).await);
        let ours = ours(old, new);
        let known = ON_PURPOSE.iter().any(|(case, _)| case == name);
        if (ours != theirs) != known {
            differences.push_str(&format!("{name}: ours {ours:?}, the registry's {theirs:?}\n"));
        }
    }
    assert!(differences.is_empty(), "(backward, forward):\n{differences}");
}
