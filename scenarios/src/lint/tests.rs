//! A small pack for the tests of the lint, and what is said of steps in it.

use eventproof_source::Diagnostic;

use crate::pack::Pack;

pub(super) const CONTRACT: &str = "\
asyncapi: 3.0.0
info: {title: shop, version: '1'}
channels:
  orders:
    address: shop.orders
    messages:
      placed:
        name: order.placed
        payload: {type: object, properties: {order_id: {type: string}, total: {type: integer}}}
  bills:
    address: shop.bills
    messages:
      sent:
        name: bill.sent
        payload: {type: object, properties: {order_id: {type: string}}}
operations:
  take:
    action: receive
    channel: {$ref: '#/channels/orders'}
    bindings: {kafka: {groupId: stock}}
    x-eventproof: {service: stock}
";
pub(super) const SYSTEM: &str = "\
system: shop
services: {stock: {command: [stock]}}
groups: {stock: {service: stock}}
";

/// What lint says of a feature, without the drawing; of warnings, none that is only about the small pack.
pub(super) fn told_of(feature: &str, system: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let phrases = "phrases:\n  - say: nobody says so\n    does:\n      - step: 1s pass\n";
    for (name, text) in
        [("asyncapi.yaml", CONTRACT), ("system.yaml", system), ("phrases.yaml", phrases), ("a.feature", feature)]
    {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let found = match Pack::read(folder.path()).and_then(|pack| pack.plan()) {
        Ok(plan) => plan.warnings,
        Err(faults) => faults,
    };
    let line = |one: &Diagnostic| format!("{} [{}] {}", one.place().map_or(0, |place| place.1), one.code, one.message);
    let told = found.iter().filter(|one| !["phrases/unused", "pack/no-event-id"].contains(&one.code));
    told.map(line).collect()
}

/// What lint says of a scenario with these steps, which begin in line 4.
pub(super) fn told(steps: &str) -> Vec<String> {
    told_of(&format!("Feature: f\n\n  Scenario: s\n{steps}"), SYSTEM)
}

#[test]
fn a_step_whose_keyword_is_mistyped_is_told_and_not_taken_for_a_description() {
    let feature = "Feature: f\n\n  Scenario: s\n    Givn the system is running\n    1s pass\n    Words of the writer about it.\n    When 2s pass\n";
    assert_eq!(
        told_of(feature, SYSTEM),
        [
            "4 [feature/mistyped-keyword] `Givn` is no keyword, so this step would be taken for a description",
            "5 [feature/mistyped-keyword] this step has no keyword, so it would be taken for a description",
        ]
    );
    let chinese = "# language: zh-CN\n功能: f\n\n  场景: s\n    设系统正在运行\n    当经过2秒\n";
    assert_eq!(
        told_of(chinese, SYSTEM),
        ["5 [feature/mistyped-keyword] `设` is no keyword, so this step would be taken for a description"]
    );
    let later = told("    Given the system is running\n    Thn the system is running\n");
    assert_eq!(later, ["5 [feature/syntax] `Thn` is no keyword of Gherkin"]);
}

#[test]
fn faults_of_the_system_and_of_the_steps_are_told_in_one_pass_each_with_its_place() {
    let system = SYSTEM.replace("groups: {stock:", "groups: {stok: {service: stock}, stock:");
    let told = told_of("Feature: f\n\n  Scenario: s\n    When \"order.placd\" is published\n", &system);
    assert_eq!(
        told,
        [
            "3 [pack/unknown-name] group `stok` is not in asyncapi.yaml",
            "4 [feature/unknown-name] \"order.placd\" is no message of asyncapi.yaml",
        ]
    );
}
