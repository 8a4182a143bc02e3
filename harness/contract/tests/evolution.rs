#![allow(clippy::unwrap_used, clippy::expect_used)]
//! What a new version of a contract breaks, and for whom.

use eventproof_contract::{Breaks, Change, Contract, Mode, Schema};
use eventproof_source::Source;
use proptest::prelude::*;
use serde_json::{Value, json};

const OLD: &str = "\
asyncapi: 3.0.0
info: {title: Shop, version: '1'}
channels:
  orders:
    address: shop.orders
    bindings: {kafka: {partitions: 6, topicConfiguration: {retention.ms: 604800000}}}
    messages:
      placed: {$ref: '#/components/messages/placed'}
      paid: {name: OrderPaid, payload: {type: object}}
  legacy: {address: shop.legacy, messages: {}}
  moved: {address: shop.moved, messages: {}}
operations:
  place: {action: send, channel: {$ref: '#/channels/orders'}, x-eventproof: {service: shop, partitioner: murmur2_random}}
components:
  messages:
    placed:
      name: OrderPlaced
      headers: {type: object, required: [trace], properties: {trace: {type: string}}}
      payload:
        type: object
        required: [id, total, state]
        properties:
          id: {type: string, maxLength: 36}
          total: {type: integer, minimum: 0}
          state: {enum: [new, open]}
          note: {type: string}
          lines: {type: array, maxItems: 10, items: {type: object, properties: {sku: {type: string}}}}
      x-eventproof: {key: $message.payload#/id, envelope: {id: $message.header#/trace}}
";

fn read(text: &str) -> Contract {
    Contract::parse(&Source::inline("asyncapi.yaml", text))
        .unwrap_or_else(|faults| panic!("{}", faults.render(false)))
        .0
}

fn told(changes: &[Change]) -> String {
    changes.iter().map(|change| format!("breaks {}: {change}\n", change.breaks)).collect()
}

#[test]
fn every_kind_of_change_is_told_with_whom_it_breaks() {
    let edits = [
        ("partitions: 6", "partitions: 3"),
        ("604800000", "86400000"),
        ("address: shop.moved", "address: shop.moved.v2"),
        ("  legacy: {address: shop.legacy, messages: {}}\n", "  extra: {address: shop.extra, messages: {}}\n"),
        ("paid: {name: OrderPaid, payload: {type: object}}", "sent: {name: OrderSent, payload: {type: object}}"),
        ("murmur2_random", "fnv1a"),
        ("required: [trace]", "required: []"),
        ("required: [id, total, state]", "required: [id, state, currency]"),
        ("maxLength: 36", "maxLength: 64"),
        ("{type: integer, minimum: 0}", "{type: number, minimum: 1}"),
        ("enum: [new, open]", "enum: [open, closed]"),
        ("          note: {type: string}\n", "          currency: {type: string}\n          hint: {type: string}\n"),
        ("sku: {type: string}", "sku: {type: integer}"),
        ("key: $message.payload#/id", "key: $message.payload#/total"),
        ("envelope: {id: $message.header#/trace}", "envelope: {time: $message.payload#/hint}"),
    ];
    let new = edits.iter().fold(OLD.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    let changes = read(&new).changes_since(&read(OLD));
    insta::assert_snapshot!(told(&changes));
    let forbidden = |mode: Mode| changes.iter().filter(|change| mode.forbids(change)).count();
    let counts: Vec<_> = Mode::NAMES.iter().map(|(name, mode)| format!("{name} {}", forbidden(*mode))).collect();
    insta::assert_snapshot!(counts.join(", "), @"none 0, backward 10, forward 14, full 18, additive 19");
}

#[test]
fn the_same_contract_has_no_changes_and_an_optional_field_breaks_nobody() {
    let old = read(OLD);
    assert_eq!(read(OLD).changes_since(&old), []);
    let new = OLD.replace(
        "          note: {type: string}\n",
        "          note: {type: string}\n          hint: {type: string}\n",
    );
    let changes = read(&new).changes_since(&old);
    insta::assert_snapshot!(told(&changes), @"breaks nobody: OrderPlaced /hint: it is new [field-added]");
    assert!(Mode::NAMES.iter().all(|(_, mode)| !changes.iter().any(|change| mode.forbids(change))));
}

#[test]
fn a_change_in_a_schema_that_refers_to_itself_is_found_and_the_comparison_ends() {
    let tree = |kind: &str| {
        let node =
            json!({"type": "object", "properties": {"v": {"type": kind}, "left": {"$ref": "#/definitions/node"}}});
        let mut root = node.clone();
        root["definitions"] = json!({"node": node});
        Schema::compile(root).unwrap()
    };
    let changes = tree("string").changes_since(&tree("integer"), "tree");
    insta::assert_snapshot!(told(&changes), @r"
    breaks producers and consumers: tree /left/v: it is string, integer before [type-changed]
    breaks producers and consumers: tree /v: it is string, integer before [type-changed]
    ");
}

/// The two of them, by name, and whom a change from one to the other breaks.
type Pair = (&'static str, Value, Value, Breaks);

/// Whom it breaks if one schema becomes the other, over all changes.
fn breaks(old: &Value, new: &Value) -> Breaks {
    let schema = |document: &Value| Schema::compile(document.clone()).unwrap();
    let changes = schema(new).changes_since(&schema(old), "m");
    Breaks {
        producers: changes.iter().any(|change| change.breaks.producers),
        consumers: changes.iter().any(|change| change.breaks.consumers),
    }
}

/// What one direction breaks for producers, the other breaks for consumers.
fn check(pairs: Vec<Pair>) {
    for (name, old, new, expected) in pairs {
        let back = Breaks { producers: expected.consumers, consumers: expected.producers };
        assert_eq!((breaks(&old, &new), breaks(&new, &old)), (expected, back), "{name}");
    }
}

#[test]
fn rules_for_fields_that_are_not_named_are_compared() {
    let others = |rule: Value| json!({"type": "object", "additionalProperties": rule});
    let text = json!({"type": "string"});
    let with = |rule: Value| json!({"type": "object", "additionalProperties": text, "properties": {"n": rule}});
    let by_name = |rule: Value| json!({"type": "object", "patternProperties": {"^x-": rule}});
    let open = json!({"type": "object"});
    let closed = json!({"properties": {"a": {}}, "additionalProperties": false});
    let closed_but = json!({"properties": {"a": {}}, "additionalProperties": false, "patternProperties": {"^x-": {}}});
    check(vec![
        ("others are numbers", others(text.clone()), others(json!({"type": "integer"})), Breaks::BOTH),
        ("others get a rule", open.clone(), others(text.clone()), Breaks::PRODUCERS),
        (
            "others are shorter",
            others(text.clone()),
            others(json!({"type": "string", "maxLength": 3})),
            Breaks::PRODUCERS,
        ),
        ("others are refused", others(text.clone()), others(json!(false)), Breaks::PRODUCERS),
        ("others are described", open.clone(), others(json!({"description": "any"})), Breaks::NOBODY),
        ("one of the others is a number", others(text.clone()), with(json!({"type": "integer"})), Breaks::BOTH),
        ("one of the others has a name", with(text.clone()), others(text.clone()), Breaks::NOBODY),
        ("a pattern's are numbers", by_name(text.clone()), by_name(json!({"type": "integer"})), Breaks::BOTH),
        ("a pattern is new", open, by_name(text.clone()), Breaks::PRODUCERS),
        ("a pattern is new in a closed object", closed, closed_but, Breaks::BOTH),
    ]);
}

#[test]
fn fields_must_be_there_also_where_nothing_else_is_said_of_them() {
    let names = |names: &[&str]| json!({"type": "object", "required": names});
    let known = json!({"type": "object", "properties": {"id": {}}});
    let more = |properties: Value| json!({"properties": properties, "unevaluatedProperties": false});
    check(vec![
        ("one is required", json!({"type": "object"}), names(&["id"]), Breaks::PRODUCERS),
        ("another is required", names(&["id"]), names(&["no"]), Breaks::BOTH),
        ("the order is another", names(&["id", "no"]), names(&["no", "id"]), Breaks::NOBODY),
        ("all that is said is that it is required", known, names(&["id"]), Breaks::PRODUCERS),
        ("one more is evaluated", more(json!({})), more(json!({"id": {}})), Breaks::CONSUMERS),
    ]);
}

#[test]
fn items_with_a_rule_for_their_position_are_compared() {
    let list = |items: Value| json!({"type": "array", "items": items});
    let (text, number) = (json!({"type": "string"}), json!({"type": "integer"}));
    let closed = json!({"type": "array", "items": [{"type": "string"}], "additionalItems": false});
    let later = "https://json-schema.org/draft/2020-12/schema";
    let prefix = |kind: &str| json!({"$schema": later, "prefixItems": [{"type": kind}]});
    check(vec![
        ("the first is a number", list(json!([text])), list(json!([number])), Breaks::BOTH),
        ("the second has a rule", list(json!([text])), list(json!([text, number])), Breaks::PRODUCERS),
        ("only the first has a rule", list(text.clone()), list(json!([text])), Breaks::CONSUMERS),
        ("there is no second", list(json!([text])), closed, Breaks::PRODUCERS),
        ("the first of a prefix is a number", prefix("string"), prefix("integer"), Breaks::BOTH),
    ]);
}

#[test]
fn keywords_of_every_draft_are_compared() {
    let one = |more: Value| {
        let mut schema = json!({"contains": {"type": "string"}});
        schema.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        schema
    };
    let plain = || one(json!({}));
    let needs = |name: &str| one(json!({"dependentRequired": {"a": [name]}}));
    let then = |name: &str| one(json!({"dependentSchemas": {"a": {"required": [name]}}}));
    check(vec![
        ("one needs another", plain(), needs("b"), Breaks::PRODUCERS),
        ("one needs a third", needs("b"), needs("c"), Breaks::BOTH),
        ("one brings a schema", plain(), then("b"), Breaks::PRODUCERS),
        ("one brings another schema", then("b"), then("c"), Breaks::BOTH),
        ("none need be contained", plain(), one(json!({"minContains": 0})), Breaks::CONSUMERS),
        ("two must be contained", plain(), one(json!({"minContains": 2})), Breaks::PRODUCERS),
        ("two may be contained", plain(), one(json!({"maxContains": 2})), Breaks::PRODUCERS),
        ("no other fields", plain(), one(json!({"unevaluatedProperties": false})), Breaks::PRODUCERS),
        ("no other items", plain(), one(json!({"unevaluatedItems": false})), Breaks::PRODUCERS),
        ("it is encoded", plain(), one(json!({"contentEncoding": "base64"})), Breaks::PRODUCERS),
    ]);
}

#[test]
fn what_is_referred_to_is_compared_wherever_it_stands() {
    let kind = |kind: &str| json!({"type": kind});
    let field = |rule: Value| json!({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": rule}});
    let twice = |rule: Value| json!({"items": {"$ref": "#/$defs/b"}, "$defs": {"b": {"$ref": "#/$defs/a"}, "a": rule}});
    let all = |rule: Value| json!({"allOf": [{"$ref": "#/definitions/a"}], "definitions": {"a": rule}});
    let not = |rule: Value| json!({"not": {"$ref": "#/definitions/a"}, "definitions": {"a": rule}});
    let unused = |rule: Value| json!({"type": "object", "definitions": {"a": rule}});
    let beside = |draft: &str, most: u32| {
        let field = json!({"$ref": "#/definitions/a", "maxLength": most});
        json!({"$schema": draft, "properties": {"a": field}, "definitions": {"a": {"type": "string"}}})
    };
    let (seven, later) = ("http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2020-12/schema");
    let optional = json!({"type": "object", "properties": {"n": {}}});
    let required = json!({"type": "object", "properties": {"n": {}}, "required": ["n"]});
    check(vec![
        ("under $defs", field(kind("string")), field(kind("integer")), Breaks::BOTH),
        ("by way of another", twice(kind("string")), twice(kind("integer")), Breaks::BOTH),
        ("a base gets a field", all(kind("object")), all(optional.clone()), Breaks::NOBODY),
        ("a base requires a field", all(optional), all(required), Breaks::PRODUCERS),
        ("what may not be", not(kind("string")), not(kind("integer")), Breaks::BOTH),
        ("nobody refers to it", unused(kind("string")), unused(kind("integer")), Breaks::NOBODY),
        ("beside a reference, which counts", beside(later, 3), beside(later, 5), Breaks::CONSUMERS),
        ("beside a reference, which does not", beside(seven, 3), beside(seven, 5), Breaks::NOBODY),
    ]);
}

#[test]
fn the_place_of_a_rule_for_what_is_not_named_is_told() {
    let schema = |kind: &str| {
        let rule = json!({"type": kind});
        let document = json!({
            "required": [kind],
            "additionalProperties": rule,
            "patternProperties": {"^x-": rule},
            "properties": {"list": {"items": [{}, rule]}},
        });
        Schema::compile(document).unwrap()
    };
    let changes = schema("string").changes_since(&schema("integer"), "m");
    insta::assert_snapshot!(told(&changes), @r"
    breaks producers and consumers: m /list/1: it is string, integer before [type-changed]
    breaks consumers: m /integer: it may be missing now [field-optional]
    breaks producers: m /string: it must be there now [field-required]
    breaks producers and consumers: m /^x-: it is string, integer before [type-changed]
    breaks producers and consumers: m /*: it is string, integer before [type-changed]
    ");
}

/// A rule for one field.
fn rule() -> impl Strategy<Value = Value> {
    let bound = || proptest::option::of(0i64..4);
    prop_oneof![
        (bound(), bound()).prop_map(|(least, most)| {
            let mut rule = json!({"type": "integer"});
            if let Some(least) = least {
                rule["minimum"] = least.into();
            }
            if let Some(most) = most {
                rule["maximum"] = most.into();
            }
            rule
        }),
        (bound(), bound()).prop_map(|(least, most)| {
            let mut rule = json!({"type": "string"});
            if let Some(least) = least {
                rule["minLength"] = least.into();
            }
            if let Some(most) = most {
                rule["maxLength"] = most.into();
            }
            rule
        }),
        proptest::sample::subsequence(vec![json!(0), json!(1), json!("a"), json!("bb")], 1..4)
            .prop_map(|values| json!({"enum": values})),
        proptest::sample::subsequence(vec!["integer", "string", "null", "number"], 1..4)
            .prop_map(|types| json!({"type": types})),
    ]
}

fn schema() -> impl Strategy<Value = Value> {
    let fields = proptest::collection::btree_map(proptest::sample::select(vec!["a", "b"]), rule(), 0..=2);
    (fields, proptest::sample::subsequence(vec!["a", "b"], 0..=2), any::<bool>()).prop_map(
        |(fields, required, open)| {
            let required: Vec<_> = required.into_iter().filter(|name| fields.contains_key(name)).collect();
            json!({"type": "object", "properties": fields, "required": required, "additionalProperties": open})
        },
    )
}

fn instance() -> impl Strategy<Value = Value> {
    let value = proptest::sample::select(vec![
        json!(0),
        json!(1),
        json!(2),
        json!(3),
        json!(0.5),
        json!(""),
        json!("a"),
        json!("bb"),
        json!("ccc"),
        json!(null),
    ]);
    proptest::collection::btree_map(proptest::sample::select(vec!["a", "b", "c"]), value, 0..=3)
        .prop_map(|fields| json!(fields))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn what_is_said_to_break_nobody_breaks_no_instance(
        old in schema(), new in schema(), instances in proptest::collection::vec(instance(), 40),
    ) {
        let (before, now) = (Schema::compile(old.clone()).unwrap(), Schema::compile(new.clone()).unwrap());
        let changes = now.changes_since(&before, "m");
        let spared = |pick: fn(&Breaks) -> bool| !changes.iter().any(|change| pick(&change.breaks));
        // In an open object a name that the one side does not know may hold anything; nobody who keeps to that side uses it.
        let unknown_to = |schema: &Value, instance: &Value| {
            instance.as_object().unwrap().keys().any(|name| schema["properties"].get(name).is_none())
        };
        for instance in &instances {
            if spared(|breaks| breaks.producers) && before.accepts(instance) && !unknown_to(&old, instance) {
                prop_assert!(now.accepts(instance), "{} -> {}: {}", old, new, instance);
            }
            if spared(|breaks| breaks.consumers) && now.accepts(instance) && !unknown_to(&new, instance) {
                prop_assert!(before.accepts(instance), "{} -> {}: {}", old, new, instance);
            }
        }
    }
}
