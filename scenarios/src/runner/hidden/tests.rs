//! Made-up contracts, payloads and results: nothing sensitive is in anything that is rendered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use eventproof_broker::{ContractSink, PartitionCounts, RawRecord, Sink};
use eventproof_contract::Contract;
use eventproof_evidence::{At, Journal, Observation, Seen};
use eventproof_reports::model::{
    Attachments, Exchange, Outcome, RunResult, ScenarioResult, ServiceLog, StepResult, TimelineEntry,
};
use eventproof_reports::{Style, html_run, json_run, junit, terminal_run};
use eventproof_source::Source;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::everywhere::Secrets;
use super::names::Hidden;
use crate::runner::attachments::kept;

/// Names of fields: some that everybody has, some that pointers have to escape.
const NAMES: [&str; 6] = ["data", "email", "note", "state", "a/b", "x.y~z"];
/// What stands around a value's telling middle.
const AROUND: [&str; 5] = ["", "é ", "\"q\" ", "\\", "a=b&c "];

/// A payload, and what of it is sensitive.
#[derive(Clone, Debug)]
struct Made {
    payload: Value,
    /// JSON pointers.
    sensitive: Vec<String>,
    /// The middles of all values, and whether they are sensitive.
    values: BTreeMap<String, bool>,
    /// Which field's schema no value meets.
    broken: Option<String>,
    /// Which field is the key, and the id.
    key: String,
}

/// The shape of a payload: fields by name, or a value.
#[derive(Clone, Debug)]
enum Shape {
    Value(usize),
    List(Box<Shape>),
    Object(Vec<(usize, Shape)>),
}

fn shape() -> impl Strategy<Value = Shape> {
    let leaf = (0..AROUND.len()).prop_map(Shape::Value);
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            3 => proptest::collection::vec((0..NAMES.len(), inner.clone()), 1..4).prop_map(Shape::Object),
            1 => inner.prop_map(|inner| Shape::List(Box::new(inner))),
        ]
    })
}

/// A payload of this shape; every place of it is noted, with the middles of the values within.
fn build(
    shape: &Shape,
    at: &str,
    tag: &str,
    places: &mut Vec<(String, BTreeSet<String>)>,
) -> (Value, BTreeSet<String>) {
    let (value, middles) = match shape {
        Shape::Value(around) => {
            let middle = format!("canary{tag}{}q", places.len());
            (Value::from(format!("{}{middle}{}", AROUND[*around], AROUND[*around])), BTreeSet::from([middle]))
        }
        Shape::List(inner) => {
            let (inner, middles) = build(inner, &format!("{at}/*"), tag, places);
            (json!([inner]), middles)
        }
        Shape::Object(fields) => {
            let (mut object, mut middles) = (Map::new(), BTreeSet::new());
            for (name, inner) in fields {
                if !object.contains_key(NAMES[*name]) {
                    let escaped = NAMES[*name].replace('~', "~0").replace('/', "~1");
                    let (inner, within) = build(inner, &format!("{at}/{escaped}"), tag, places);
                    object.insert(NAMES[*name].to_owned(), inner);
                    middles.extend(within);
                }
            }
            (Value::Object(object), middles)
        }
    };
    places.push((at.to_owned(), middles.clone()));
    (value, middles)
}

fn made(tag: &'static str) -> impl Strategy<Value = Made> {
    let top = proptest::collection::vec((0..NAMES.len(), shape()), 1..5).prop_map(Shape::Object);
    let chosen = proptest::collection::vec(any::<prop::sample::Index>(), 0..3);
    (top, chosen, any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(
        move |(top, chosen, broken, key)| {
            let mut places = Vec::new();
            let (payload, all) = build(&top, "", tag, &mut places);
            // The payload as a whole is the last place.
            let places: Vec<_> = places.into_iter().rev().skip(1).collect();
            let chosen: Vec<_> = chosen.iter().map(|index| index.get(&places)).collect();
            let hidden: BTreeSet<&String> = chosen.iter().flat_map(|(_, middles)| middles).collect();
            let values = all.iter().map(|middle| (middle.clone(), hidden.contains(middle))).collect();
            let of = |index: &prop::sample::Index| index.get(&places).0.clone();
            let sensitive = chosen.iter().map(|(pointer, _)| pointer.clone()).collect();
            let (broken, key) = (of(&broken), of(&key));
            Made { payload, sensitive, values, broken: (!broken.contains('*')).then_some(broken), key }
        },
    )
}

impl Made {
    /// A schema that says of one field that it is a certain number, and leaves open what else there is.
    fn schema(&self) -> Value {
        let wrong = json!({"enum": [-1]});
        let names: Vec<String> = self.broken.iter().flat_map(|one| one.split('/').skip(1)).map(unescaped).collect();
        let within = |inner: Value, name: &String| json!({"type": "object", "properties": {name: inner}, "additionalProperties": {}});
        names.iter().rev().fold(wrong, within)
    }

    fn message(&self, name: &str) -> Value {
        let place = format!("$message.payload#{}", self.key.replace('*', "0"));
        let extension = json!({"sensitive": self.sensitive, "key": place, "envelope": {"id": place}});
        json!({"address": format!("topic.{name}"), "messages": {name: {"name": name, "payload": self.schema(), "x-eventproof": extension}}})
    }

    fn key(&self) -> String {
        let text = self.payload.pointer(&self.key.replace('*', "0")).and_then(Value::as_str);
        text.map_or_else(|| "none".to_owned(), str::to_owned)
    }
}

fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// The contract of these messages, and of a topic whose records may be anything.
fn contract(all: &[(&str, &Made)]) -> Contract {
    let mut channels: Map<String, Value> =
        all.iter().map(|(name, made)| ((*name).to_owned(), made.message(name))).collect();
    channels.insert("dead".to_owned(), json!({"address": "dead", "messages": {"dead": {"name": "dead"}}}));
    let document = json!({"asyncapi": "3.0.0", "info": {"title": "t", "version": "1"}, "channels": channels});
    let source = Source::inline("asyncapi.yaml", &document.to_string());
    Contract::parse(&source).map_err(|faults| faults.render(false)).unwrap().0
}

/// What the recorder makes of the payloads, each on its topic, with another key than it must have, and on that of dead letters.
fn recorded(contract: &Arc<Contract>, all: &[(&str, &Made)]) -> Vec<Seen> {
    let journal = Journal::default();
    let mut sink = ContractSink::new(contract.clone(), journal.clone(), PartitionCounts::default());
    for (name, made) in all {
        let (payload, key) = (made.payload.to_string(), made.key());
        for (topic, key) in
            [(format!("topic.{name}"), key.clone()), (format!("topic.{name}"), "other".into()), ("dead".into(), key)]
        {
            let payload = Some(payload.as_bytes());
            let record = RawRecord {
                topic: &topic,
                partition: 0,
                offset: 0,
                timestamp_ms: None,
                key: Some(key.as_bytes()),
                payload,
                headers: &[],
            };
            sink.record(&record, At::default());
        }
    }
    let seen = |observation: &Arc<Observation>| match &**observation {
        Observation::Seen(seen) => Some(seen.clone()),
        _ => None,
    };
    journal.since(0).iter().filter_map(seen).collect()
}

/// Everything that is written or shown of a result.
fn rendered(result: ScenarioResult) -> String {
    let run = RunResult { scenarios: vec![result], ..RunResult::default() };
    [html_run(&run), json_run(&run), junit(&run).unwrap(), terminal_run(&run, Style { color: false, width: 80 })]
        .concat()
}

fn leaked<'m>(all: &[(&str, &'m Made)], text: &str) -> Option<&'m String> {
    let mut values = all.iter().flat_map(|(_, made)| &made.values);
    values.find(|(middle, sensitive)| **sensitive && text.contains(middle.as_str())).map(|(middle, _)| middle)
}

fn result() -> ScenarioResult {
    let step = StepResult {
        keyword: "Given ".into(),
        text: "it is published".into(),
        line: 1,
        table: Vec::new(),
        outcome: Outcome::Broken,
        duration_ms: 0.0,
        finding: None,
        under: Vec::new(),
    };
    ScenarioResult { outcome: Outcome::Broken, steps: vec![step], ..serde_json::from_value(empty()).unwrap() }
}

fn empty() -> Value {
    json!({"feature": "f", "file": "f.feature", "line": 1, "name": "s", "language": "en", "tags": [], "outcome": "broken",
        "duration_ms": 0.0, "waited_ms": 0.0, "steps": []})
}

/// A value and its name wherever a text may have them.
fn lines(payload: &Value) -> Vec<String> {
    let text = payload.to_string();
    let within = Value::from(text.clone()).to_string();
    let mut lines = vec![format!("handled {text}"), format!("INFO payload={within}"), format!("took {within:?}")];
    values(payload, &mut |value| {
        lines.push(format!("told {value}"));
        let address: Vec<String> = value
            .bytes()
            .map(
                |byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") },
            )
            .collect();
        lines.push(format!("GET /x?q={}", address.concat()));
    });
    lines
}

fn values(payload: &Value, told: &mut impl FnMut(&str)) {
    match payload {
        Value::Object(fields) => fields.values().for_each(|inner| values(inner, told)),
        Value::Array(items) => items.iter().for_each(|inner| values(inner, told)),
        Value::String(text) => told(text),
        _ => {}
    }
}

fn exchange(hidden: &Hidden, payload: &Value) -> Exchange {
    Exchange {
        at_ms: 0.0,
        action: "a".into(),
        request: "GET /".into(),
        sent: hidden.body(payload),
        status: Some(200),
        answer: hidden.body(&json!({"items": [payload]})),
        took_ms: 0.0,
    }
}

proptest! {
    #[test]
    fn nothing_sensitive_of_what_was_published_is_rendered(one in made("a"), two in made("b")) {
        let all = [("one", &one), ("two", &two)];
        let contract = Arc::new(contract(&all));
        let hidden = Hidden::of(&contract);
        let mut found = BTreeSet::new();
        all.iter().for_each(|(name, made)| hidden.values_of(name, &made.payload, &mut found));
        let seen = recorded(&contract, &all);
        let records = seen.iter().map(|seen| kept(seen, &contract, &hidden, At::default())).collect();
        let exchanges = all.iter().map(|(_, made)| exchange(&hidden, &made.payload)).collect();
        let lines: Vec<String> = all.iter().flat_map(|(_, made)| lines(&made.payload)).collect();
        let timeline = lines.iter().map(|line| TimelineEntry { at_ms: 0.0, kind: "note".into(), text: line.clone() }).collect();
        let mut result = ScenarioResult {
            timeline,
            logs: vec![ServiceLog { service: "s".into(), lines: lines.clone() }],
            attachments: Attachments { records, exchanges, looks: Vec::new() },
            ..result()
        };
        for (_, made) in &all {
            let fields = made.payload.as_object().unwrap().iter();
            result.steps[0].table.extend(fields.map(|(name, inner)| vec![name.clone(), inner.to_string()]));
        }
        Secrets::new(&hidden, found).everywhere(&mut result);
        let shown = rendered(result);
        prop_assert_eq!(leaked(&all, &shown), None, "{}", shown);
        prop_assert!(shown.contains("it is published"));
        if one.sensitive.is_empty() && two.sensitive.is_empty() {
            prop_assert!(one.values.keys().all(|middle| shown.contains(middle.as_str())));
        }
    }

    #[test]
    fn nothing_sensitive_of_a_record_that_a_service_published_is_rendered(one in made("a"), two in made("b")) {
        let all = [("one", &one), ("two", &two)];
        let contract = Arc::new(contract(&all));
        let hidden = Hidden::of(&contract);
        let seen = recorded(&contract, &all);
        let marks = seen.iter().flat_map(|seen| hidden.marks(seen, &contract)).map(str::to_owned).collect();
        let records: Vec<_> = seen.iter().map(|seen| kept(seen, &contract, &hidden, At::default())).collect();
        let mut result = ScenarioResult { attachments: Attachments { records, ..Attachments::default() }, ..result() };
        Secrets::new(&hidden, marks).everywhere(&mut result);
        let shown = rendered(result);
        prop_assert_eq!(leaked(&all, &shown), None, "{}", shown);
    }
}

/// What one message hides as a whole, and another one in part.
#[test]
fn a_container_of_one_message_hides_nothing_of_others() {
    let place =
        |message: &str, pointers: &[&str]| (message.to_owned(), pointers.iter().map(|one| (*one).to_owned()).collect());
    let hidden = Hidden::new(BTreeMap::from([place("outbox", &["/data"]), place("user", &["/data/email"])]));
    assert_eq!(
        hidden.body(&json!({"data": {"email": "a@b.c", "state": "published"}})),
        r#"{"data":{"email":"(hidden)","state":"published"}}"#
    );
    assert!(!hidden.is_pointer("/data/state") && !hidden.is_named("data/state") && !hidden.is_named("it.data.state"));
    assert!(hidden.is_pointer("/data/email") && hidden.is_named("data") && hidden.is_named("it.data"));
    let values = |message: &str| {
        let mut found = BTreeSet::new();
        hidden.values_of(message, &json!({"data": {"email": "a@b.c", "state": "published"}}), &mut found);
        found.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(
        (values("user"), values("outbox")),
        (vec!["a@b.c".to_owned()], vec!["a@b.c".to_owned(), "published".to_owned()])
    );
}

#[test]
fn nothing_of_a_sensitive_field_is_kept_wherever_it_stands() {
    let hidden = Hidden::new(BTreeMap::from([("user".to_owned(), vec!["/email".to_owned()])]));
    let body = json!({"user": {"email": "a@b.c", "name": "ann"}, "list": [{"email": ["d@e.f"]}]});
    assert_eq!(hidden.body(&body), r#"{"list":[{"email":"(hidden)"}],"user":{"email":"(hidden)","name":"ann"}}"#);
    assert_eq!(hidden.body(&json!("mail a@b.c")), "(10 characters that are no JSON)");
    let params = eventproof_system::Params::from([
        ("email".to_owned(), "a@b.c".to_owned()),
        ("name".to_owned(), "ann".to_owned()),
    ]);
    assert_eq!(hidden.without("GET /users/a@b.c?name=ann", &params), "GET /users/(hidden)?name=ann");
    assert!(hidden.is_pointer("/data/email/0") && hidden.is_pointer("it.email") && !hidden.is_pointer("/data/emails"));
    let mut found = BTreeSet::new();
    hidden.values_in(&body, &mut found);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a@b.c", "d@e.f"]);
}
