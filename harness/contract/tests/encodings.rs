#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Payloads that are not JSON: known bytes, what is wrong with others, and everything generated comes back.

use eventproof_contract::{Contract, Framing, Generator, Schema};
use eventproof_source::Source;
use proptest::prelude::*;
use serde_json::{Value, json};

const DOCUMENT: &str = r#"
asyncapi: 3.0.0
info: {title: Avro, version: '1'}
channels:
  orders:
    address: orders
    messages:
      OrderPlaced:
        payload:
          schemaFormat: application/vnd.apache.avro;version=1.9.0
          schema:
            type: record
            name: OrderPlaced
            namespace: shop
            fields:
              - {name: event_id, type: {type: string, logicalType: uuid}}
              - {name: event_type, type: {type: enum, name: PlacedType, symbols: [OrderPlaced]}}
              - {name: at, type: {type: long, logicalType: timestamp-millis}}
              - {name: count, type: int}
              - {name: price, type: double}
              - {name: paid, type: boolean}
              - {name: note, type: ['null', string], default: null}
              - {name: tags, type: {type: map, values: string}}
              - {name: digest, type: {type: fixed, name: Digest, size: 4}}
              - {name: raw, type: bytes}
              - name: lines
                type:
                  type: array
                  items: {type: record, name: Line, fields: [{name: sku, type: string}, {name: next, type: ['null', Line], default: null}]}
        x-eventproof:
          framing: confluent
          schema_id: 7
          envelope: {id: $message.payload#/event_id, type: $message.payload#/event_type}
          key: $message.payload#/event_id
      OrderPaid:
        payload:
          schemaFormat: application/vnd.apache.avro+json;version=1.9.0
          schema:
            type: record
            name: OrderPaid
            fields:
              - {name: event_id, type: string}
              - {name: event_type, type: {type: enum, name: PaidType, symbols: [OrderPaid]}}
              - {name: text, type: string}
        x-eventproof:
          envelope: {id: $message.payload#/event_id, type: $message.payload#/event_type}
"#;

fn contract() -> Contract {
    let source = Source::inline("asyncapi.yaml", DOCUMENT);
    Contract::parse(&source).unwrap_or_else(|faults| panic!("{}", faults.render(false))).0
}

/// The example of Avro's specification: a long 27 and a string "foo".
fn example() -> Value {
    json!({"type": "record", "name": "test", "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": "string"}]})
}

#[test]
fn avro_stands_in_the_bytes_of_its_specification() {
    let value = json!({"a": 27, "b": "foo"});
    let plain = Schema::avro(&example(), Framing::None).unwrap();
    assert_eq!(plain.encode(&value).unwrap(), [0x36, 0x06, 0x66, 0x6f, 0x6f]);
    let framed = Schema::avro(&example(), Framing::Confluent { id: Some(258) }).unwrap();
    let bytes = framed.encode(&value).unwrap();
    assert_eq!(bytes, [0, 0, 0, 1, 2, 0x36, 0x06, 0x66, 0x6f, 0x6f]);
    assert_eq!(framed.decode(&bytes).unwrap(), value);
}

#[test]
fn bytes_that_are_no_payload_are_told_with_how_they_begin() {
    let framed = Schema::avro(&example(), Framing::Confluent { id: Some(7) }).unwrap();
    let error = |bytes: &[u8]| framed.decode(bytes).unwrap_err().to_string();
    insta::assert_snapshot!(error(b"{\"a\":1}"), @"the bytes have no Confluent header (a zero byte and a schema id of four): they begin 7b 22 61 22 3a 31 7d");
    insta::assert_snapshot!(error(&[]), @"the bytes have no Confluent header (a zero byte and a schema id of four): they begin nowhere: there are none");
    insta::assert_snapshot!(error(&[0, 0, 0, 0, 8, 0x36, 0]), @"the record says schema id 8, the contract says 7");
    insta::assert_snapshot!(error(&[0, 0, 0, 0, 7, 0x36, 0, 1, 2, 3]), @"the bytes are no Avro of this schema: 3 bytes are left over; they begin 00 00 00 00 07 36 00 01 02 03");
    // A text of three bytes of which one is there: the reader itself would give nothing, and no error.
    insta::assert_snapshot!(error(&[0, 0, 0, 0, 7, 0x36, 0x06, 0x66]), @"the bytes are no Avro of this schema: they end too early; they begin 00 00 00 00 07 36 06 66");
}

#[test]
fn a_value_that_does_not_fit_is_refused_with_its_place() {
    let schema = json!({"type": "record", "name": "r", "fields": [
        {"name": "list", "type": {"type": "array", "items": ["null", "int"]}}, {"name": "kind", "type": {"type": "enum", "name": "k", "symbols": ["A", "B"]}}]});
    let schema = Schema::avro(&schema, Framing::None).unwrap();
    let error = |value: Value| schema.encode(&value).unwrap_err();
    insta::assert_snapshot!(error(json!({"list": [1, "x"], "kind": "A"})), @r#"/list/1: one of the union's branches is expected, this is "x""#);
    insta::assert_snapshot!(error(json!({"list": [3_000_000_000i64], "kind": "A"})), @"/list/0: one of the union's branches is expected, this is 3000000000");
    insta::assert_snapshot!(error(json!({"list": [], "kind": "C"})), @r#"/kind: one of A, B is expected, this is "C""#);
    insta::assert_snapshot!(error(json!({"list": []})), @"the record: the field kind is missing");
    assert!(Schema::avro(&json!({"type": "rekord"}), Framing::None).is_err());
}

proptest! {
    #[test]
    fn every_generated_record_comes_back_and_keeps_to_the_contract(seed in any::<u64>()) {
        let contract = contract();
        for message in &contract.messages {
            let draft = Generator::new(seed, "run").record(&contract, message, &[], None).unwrap();
            let bytes = draft.record.payload.as_deref().unwrap();
            prop_assert_eq!(&message.payload.decode(bytes).unwrap(), &draft.event.payload);
            prop_assert_eq!(draft.event.message.as_ref(), Some(&message.name));
            let found = contract.check("orders", draft.record.key.as_deref(), &[], Some(bytes));
            prop_assert!(found.is_empty(), "{:?}", found);
        }
    }

    #[test]
    fn an_avro_payload_has_exactly_the_size_asked_for(seed in any::<u64>(), size in 200usize..20_000) {
        let contract = contract();
        let paid = contract.message("OrderPaid").unwrap();
        match Generator::new(seed, "run").record(&contract, paid, &[], Some(size)) {
            Ok(draft) => prop_assert_eq!(draft.record.payload.unwrap().len(), size),
            // Where the length of the text takes one byte more, one size cannot be reached.
            Err(error) => prop_assert!(error.to_string().contains("no length of its text"), "{}", error),
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let contract = contract();
        contract.check("orders", None, &[], Some(&bytes));
    }
}

#[test]
fn departures_of_a_record_in_avro_have_their_codes() {
    let contract = contract();
    let codes = |payload: &[u8]| -> Vec<_> {
        contract.check("orders", None, &[], Some(payload)).into_iter().map(|found| found.code).collect()
    };
    assert_eq!(codes(b"{}"), ["not-decodable"]);
    let paid = contract.message("OrderPaid").unwrap();
    let good = paid.payload.encode(&json!({"event_id": "e", "event_type": "OrderPaid", "text": "t"})).unwrap();
    assert_eq!(codes(&good), Vec::<&str>::new());
    let empty = paid.payload.encode(&json!({"event_id": "", "event_type": "OrderPaid", "text": "t"})).unwrap();
    assert_eq!(codes(&empty), ["missing-id"]);
}

#[test]
fn confluents_framing_without_an_id_cannot_be_published() {
    let source = DOCUMENT.replace("          schema_id: 7\n", "");
    let (contract, _) = Contract::parse(&Source::inline("asyncapi.yaml", &source)).unwrap();
    let placed = contract.message("OrderPlaced").unwrap();
    let error = Generator::new(1, "run").record(&contract, placed, &[], None).unwrap_err();
    assert!(error.to_string().contains("needs a schema registry, or a `schema_id`"), "{error}");
    assert!(placed.payload.decode(&[0, 0, 0, 0, 9]).unwrap_err().to_string().contains("no Avro"), "any id is read");
}

#[test]
fn a_schema_in_an_unknown_language_or_that_is_none_is_a_fault_at_its_place() {
    let source = DOCUMENT.replace("avro+json", "avr+json").replace("type: int}", "type: integer}");
    insta::assert_snapshot!(Contract::parse(&Source::inline("asyncapi.yaml", &source)).unwrap_err().render(false));
}

const PROTO: &str = r#"
syntax = "proto3";
package shop.v1;
import "google/protobuf/timestamp.proto";
import "common.proto";
message OrderPlaced {
  string event_id = 1;
  google.protobuf.Timestamp at = 2;
  int32 count = 3;
  int64 total = 4;
  Status status = 5;
  repeated Line lines = 6;
  map<string, string> tags = 7;
  optional string note = 8;
  oneof payment { string card = 9; Voucher voucher = 10; }
  bytes raw = 11;
  Address address = 12;
}
enum Status { UNKNOWN = 0; NEW = 1; OPEN = 2; }
message Line { string sku = 1; Line next = 2; }
message Voucher { uint64 cents = 1; }
"#;

/// A contract with a Protobuf message in files of its own.
fn protobuf(proto: &str, more: &str) -> Result<Contract, String> {
    let folder = tempfile::tempdir().unwrap();
    let document = format!(
        "asyncapi: 3.0.0\ninfo: {{title: P, version: '1'}}\nchannels:\n  orders:\n    address: orders\n    messages:\n      OrderPlaced:\n        payload:\n          schemaFormat: application/vnd.google.protobuf;version=3\n          schema: {{$ref: './proto/order.proto'}}\n        x-eventproof: {{envelope: {{id: $message.payload#/event_id}}, key: $message.payload#/event_id, protobuf_message: OrderPlaced{more}}}\n"
    );
    std::fs::write(folder.path().join("asyncapi.yaml"), document).unwrap();
    std::fs::create_dir(folder.path().join("proto")).unwrap();
    std::fs::write(folder.path().join("proto/order.proto"), proto).unwrap();
    let common = "syntax = \"proto3\"; package shop.v1; message Address { string city = 1; }";
    std::fs::write(folder.path().join("proto/common.proto"), common).unwrap();
    let read = Contract::read(&folder.path().join("asyncapi.yaml"));
    read.map(|(contract, _)| contract)
        .map_err(|faults| faults.render(false).replace(&format!("{}/", folder.path().display()), ""))
}

/// The example of the encoding guide: field 1 with 150 is 08 96 01.
#[test]
fn protobuf_stands_in_the_bytes_of_its_guide_and_behind_confluents_indexes() {
    let text = "syntax = \"proto3\"; message Other { message Inner { int32 a = 1; } } message Test1 { int32 a = 1; }";
    let schema = |name: &str, framing| Schema::protobuf(text, std::path::Path::new(""), Some(name), framing).unwrap();
    let value = json!({"a": 150});
    assert_eq!(schema("Test1", Framing::None).encode(&value).unwrap(), [0x08, 0x96, 0x01]);
    let framed = |name: &str| schema(name, Framing::Confluent { id: Some(7) });
    let bytes = framed("Test1").encode(&value).unwrap();
    assert_eq!(bytes, [0, 0, 0, 0, 7, 2, 2, 0x08, 0x96, 0x01], "one index, which is 1, zigzag");
    assert_eq!(framed("Test1").decode(&bytes).unwrap(), value);
    assert_eq!(framed("Inner").encode(&value).unwrap(), [0, 0, 0, 0, 7, 4, 0, 0, 0x08, 0x96, 0x01]);
    let first = Schema::protobuf(
        "syntax = \"proto3\"; message A { int32 a = 1; }",
        std::path::Path::new(""),
        None,
        Framing::Confluent { id: Some(7) },
    )
    .unwrap();
    assert_eq!(first.encode(&value).unwrap(), [0, 0, 0, 0, 7, 0, 0x08, 0x96, 0x01]);
}

proptest! {
    #[test]
    fn every_generated_protobuf_record_comes_back_and_keeps_to_the_contract(seed in any::<u64>()) {
        static CONTRACT: std::sync::OnceLock<Contract> = std::sync::OnceLock::new();
        let contract = CONTRACT.get_or_init(|| protobuf(PROTO, "").unwrap());
        let message = &contract.messages[0];
        let draft = Generator::new(seed, "run").record(contract, message, &[], None).unwrap();
        let bytes = draft.record.payload.as_deref().unwrap();
        let value = message.payload.decode(bytes).unwrap();
        prop_assert_eq!(&message.payload.decode(&message.payload.encode(&value).unwrap()).unwrap(), &value);
        let found = contract.check("orders", draft.record.key.as_deref(), &[], Some(bytes));
        prop_assert!(found.is_empty(), "{:?}", found);
        prop_assert!(value.get("card").is_none() || value.get("voucher").is_none());
    }

    #[test]
    fn no_bytes_make_the_protobuf_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let schema = Schema::protobuf("syntax = \"proto3\"; message A { int32 a = 1; A b = 2; }", std::path::Path::new(""), None, Framing::Confluent { id: None }).unwrap();
        let _ = schema.decode(&bytes);
    }
}

#[test]
fn protobuf_that_is_not_of_the_schema_is_told() {
    let schema = Schema::protobuf(
        "syntax = \"proto3\"; message A { int32 a = 1; A b = 2; }",
        std::path::Path::new(""),
        None,
        Framing::None,
    )
    .unwrap();
    let error = |bytes: &[u8]| schema.decode(bytes).unwrap_err().to_string();
    insta::assert_snapshot!(error(&[0x12, 2, 0x18, 1]), @"the bytes are no Protobuf of this schema: A has no field 3; they begin 12 02 18 01");
    assert!(error(&[0x08]).starts_with("the bytes are no Protobuf of this schema:"));
    assert!(schema.encode(&json!({"c": 1})).is_err());
}

#[test]
fn a_wrong_proto_file_is_a_fault_of_the_contract() {
    insta::assert_snapshot!(protobuf(&PROTO.replace("int32 count", "int31 count"), "").unwrap_err());
    let missing = protobuf(&PROTO.replace("common.proto", "commons.proto"), "").unwrap_err();
    assert!(missing.contains("commons.proto"), "{missing}");
    let other = protobuf(&PROTO.replace("message OrderPlaced", "message OrderPlacd"), "").unwrap_err();
    assert!(
        other.contains("it has no message OrderPlaced; there are: shop.v1.OrderPlacd, shop.v1.Line, shop.v1.Voucher"),
        "{other}"
    );
}

#[test]
fn what_a_new_proto_file_breaks_is_told_field_by_field() {
    let old = protobuf(PROTO, "").unwrap();
    let edits = [
        ("int32 count = 3", "string count = 3"),
        ("int64 total = 4", "uint64 total = 4"),
        ("repeated Line lines", "Line lines"),
        ("NEW = 1; OPEN = 2;", "NEW = 1; CLOSED = 3;"),
        ("optional string note = 8;", "optional string note = 18;"),
        ("bytes raw = 11;", "bytes data = 11;"),
        ("Address address = 12;", "string hint = 13;"),
        ("uint64 cents = 1", "fixed64 cents = 1"),
    ];
    let new = edits.iter().fold(PROTO.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    let changes = protobuf(&new, "").unwrap().changes_since(&old);
    let told: String = changes.iter().map(|change| format!("breaks {}: {change}\n", change.breaks)).collect();
    insta::assert_snapshot!(told);
    let framed = protobuf(PROTO, ", framing: confluent").unwrap().changes_since(&old);
    assert_eq!(framed[0].to_string(), "OrderPlaced: the framing is another [encoding-changed]");
}

#[test]
fn a_union_that_is_not_there_is_not_nothing() {
    let fields =
        json!([{"name": "id", "type": "string"}, {"name": "note", "type": ["null", "string"], "default": null}]);
    let schema = Schema::avro(&json!({"type": "record", "name": "r", "fields": fields}), Framing::None).unwrap();
    // What a producer by the schema before `note` writes.
    let told = schema.decode(&[0x02, 0x61]).unwrap_err().to_string();
    assert_eq!(told, "the bytes are no Avro of this schema: they end too early; they begin 02 61");
    assert_eq!(schema.decode(&[0x02, 0x61, 0x00]).unwrap(), json!({"id": "a", "note": null}));
}

#[test]
fn a_union_takes_the_branch_that_holds_the_whole_value() {
    let record = |name: &str, fields: Value| json!({"type": "record", "name": name, "fields": fields});
    let cash = record("Cash", json!([{"name": "amount", "type": "long"}]));
    let card = record("Card", json!([{"name": "amount", "type": "long"}, {"name": "number", "type": "string"}]));
    let comes_back = |union: Value, value: Value| {
        let schema = record("r", json!([{"name": "v", "type": union}]));
        let schema = Schema::avro(&schema, Framing::None).unwrap();
        let value = json!({"v": value});
        assert_eq!(schema.decode(&schema.encode(&value).unwrap()).unwrap(), value);
    };
    comes_back(json!([cash, card]), json!({"amount": 5, "number": "4111"}));
    comes_back(json!([cash, card]), json!({"amount": 5}));
    comes_back(json!(["null", "float", "double"]), json!(1e300));
    comes_back(json!(["null", "float", "double"]), json!(0.1));
    comes_back(json!(["null", "double", "long"]), json!(9_007_199_254_740_993_i64));
}

#[test]
fn what_the_json_mapping_has_of_its_own_is_as_it_is_written() {
    let text = "syntax = \"proto3\"; import \"google/protobuf/wrappers.proto\"; import \"google/protobuf/struct.proto\"; message A { google.protobuf.Int32Value delta = 1; google.protobuf.ListValue items = 2; google.protobuf.NullValue none = 3; }";
    let schema = Schema::protobuf(text, std::path::Path::new(""), Some("A"), Framing::None).unwrap();
    let read = |value: Value| {
        let value = schema.decode(&schema.encode(&value).unwrap()).unwrap();
        schema.errors(&value, &[])
    };
    assert_eq!(read(json!({"delta": -5, "items": [1, true, "x", null]})), Vec::new());
    let text = "syntax = \"proto2\"; message A { required string id = 1; optional string note = 2; }";
    let schema = Schema::protobuf(text, std::path::Path::new(""), Some("A"), Framing::None).unwrap();
    let faults = schema.errors(&schema.decode(&[]).unwrap(), &[]);
    assert!(faults.len() == 1 && format!("{faults:?}").contains("id"), "{faults:?}");
    assert!(schema.errors(&schema.decode(&[0x0a, 0x01, 0x61]).unwrap(), &[]).is_empty());
}
