#![allow(clippy::unwrap_used, clippy::expect_used)]
//! `init`, as a user calls it.

mod support;

use support::Ran;

fn eventproof(arguments: &[&str]) -> (i32, String) {
    let Ran { code, progress, result } = support::eventproof(arguments);
    (code, format!("{progress}{result}"))
}

const SHOP_2: &str = "\
asyncapi: 2.6.0
info: {title: Shop, version: 1.0.0}
servers:
  staging: {url: 'kafka.example.org:9092', protocol: kafka}
channels:
  shop.orders.{region}:
    parameters:
      region: {schema: {type: string, enum: [eu]}}
    bindings: {kafka: {partitions: 6}}
    subscribe:
      operationId: sendOrders
      message:
        oneOf:
          - {$ref: '#/components/messages/OrderPlaced'}
          - {$ref: '#/components/messages/OrderPaid'}
  shop.archive:
    publish:
      message: {$ref: '#/components/messages/OrderPlaced'}
      bindings: {kafka: {groupId: {type: string, enum: [archiver]}}}
  shop/web: {publish: {message: {name: Click, payload: {type: object}}}}
components:
  messages:
    OrderPlaced:
      payload: {$ref: './schemas/order.yaml'}
    OrderPaid:
      schemaFormat: application/vnd.apache.avro+json;version=1.9.0
      payload: {type: record, name: OrderPaid, fields: [{name: order_id, type: string}]}
  securitySchemes: {user: {type: scramSha256}}
";

fn folder() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("shop");
    (folder, pack)
}

#[test]
fn a_pack_from_names_of_topics_lints_clean_and_runs() {
    let (folder, pack) = folder();
    let pack = pack.to_str().unwrap();
    let (code, said) = eventproof(&["init", pack, "--topics", "shop.orders,shop.bills"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("2 messages on 2 channels, 3 scenarios"), "{said}");
    assert!(said.contains("idempotency and exactly once cannot be proved: shop.bills, shop.orders"), "{said}");
    let report = folder.path().join("report");
    let (code, said) = eventproof(&["run", pack, "--report", report.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("3 scenarios: 3 held"), "{said}");
    let (code, said) = eventproof(&["init", pack, "--topics", "other"]);
    assert_eq!(code, 2, "what is there is never written over: {said}");
}

#[test]
fn a_document_of_asyncapi_2_is_upgraded_with_the_files_beside_it() {
    let (folder, pack) = folder();
    std::fs::create_dir(folder.path().join("schemas")).unwrap();
    std::fs::write(folder.path().join("schemas/order.yaml"), "type: object\nproperties: {order_id: {type: string}}\n")
        .unwrap();
    let document = folder.path().join("asyncapi.yml");
    std::fs::write(&document, SHOP_2).unwrap();
    let (code, said) = eventproof(&["init", pack.to_str().unwrap(), "--from", document.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    insta::assert_snapshot!(std::fs::read_to_string(pack.join("asyncapi.yaml")).unwrap());
    insta::assert_snapshot!(said.replace(pack.to_str().unwrap(), "PACK"));
    let (code, said) = eventproof(&["contract", "show", pack.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("shop.orders.eu") && said.contains("archiver"), "{said}");
}

#[test]
fn what_is_no_contract_leaves_no_folder() {
    let (folder, pack) = folder();
    let document = folder.path().join("asyncapi.yml");
    std::fs::write(&document, "asyncapi: 3.0.0\ninfo: {title: t, version: '1'}\nchanels: {}\n").unwrap();
    let (code, said) = eventproof(&["init", pack.to_str().unwrap(), "--from", document.to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(said.contains("did you mean `channels`?"), "{said}");
    assert!(!pack.exists());
    let (code, said) = eventproof(&["init", pack.to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(said.contains("--from DOCUMENT, --topics NAMES or --brokers ADDRESSES"), "{said}");
}

#[test]
fn events_without_an_id_are_known_by_their_business_key_or_not_at_all() {
    let report = tempfile::tempdir().unwrap();
    let (code, said) =
        eventproof(&["run", "harness/cli/tests/packs/keyed", "--report", report.path().to_str().unwrap()]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("3 scenarios: 1 held, 2 no verdict"), "{said}");
    assert!(said.contains("has neither an event id nor a key or unique field in the contract"), "{said}");
    assert!(said.contains("so many of them cannot be told apart"), "{said}");
}
