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
