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

/// The small pack in a folder of its own, with these files besides its own or in their place.
pub(super) fn small(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("asyncapi.yaml", CONTRACT), ("system.yaml", SYSTEM)].iter().chain(files) {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// What lint says of a feature, without the drawing; of warnings, none that is only about the small pack.
pub(super) fn told_of(feature: &str, system: &str) -> Vec<String> {
    let phrases = "phrases:\n  - say: nobody says so\n    does:\n      - step: 1s pass\n";
    let folder = small(&[("system.yaml", system), ("phrases.yaml", phrases), ("a.feature", feature)]);
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
    let short = told("    Given 1s pass\n    Thn 1s pass\n\n  # the end\n");
    assert_eq!(short, ["5 [feature/syntax] `Thn` is no keyword of Gherkin"]);
    let alone = "Feature: f\n\n  Background:\n    Givn the system is running\n\n  Scenario: s\n    When 1s pass\n";
    assert_eq!(
        told_of(alone, SYSTEM),
        ["4 [feature/mistyped-keyword] `Givn` is no keyword, so this step would be taken for a description"],
        "what stands below it is none of it"
    );
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

#[test]
fn a_service_of_an_operation_that_nobody_runs_is_told_in_the_contract() {
    let told = |contract: &str| {
        let folder = small(&[("asyncapi.yaml", contract)]);
        let faults = Pack::read(folder.path()).err().unwrap_or_default();
        let services = faults.iter().filter(|one| one.message.starts_with("service "));
        services.map(|one| (one.place().unwrap().1, one.message.clone(), one.help.clone().unwrap())).collect::<Vec<_>>()
    };
    let message = "service `stok` of operation `take` is not in system.yaml".to_owned();
    let wrong = CONTRACT.replace("{service: stock}", "{service: stok}");
    assert_eq!(told(&wrong), [(21, message, "did you mean `stock`?".to_owned())]);
    assert!(told(&wrong.replace("service: stok", "present: false, service: stok")).is_empty());
}

#[test]
fn a_topic_of_a_fault_that_the_contract_does_not_have_is_told() {
    let steps = "    When the broker delays \"Fetch\" requests by 200ms\n      | topic | shop.ordrs |\n    And the leaders of topic \"shop.bill\" move\n    And the broker is healthy again\n    And the broker delays \"Fetch\" requests by 200ms\n      | topic | shop.orders |\n";
    assert_eq!(
        told(steps),
        [
            "5 [feature/unknown-name] \"shop.ordrs\" is no topic of asyncapi.yaml",
            "6 [feature/unknown-name] \"shop.bill\" is no topic of asyncapi.yaml",
        ]
    );
}

#[test]
fn what_builds_on_nothing_is_told_at_its_word() {
    let steps = "    Then group \"stock\" has processed it\n    And \"bill.sent\" follows within 1s\n    And group \"stock\" loses none of them within 7s\n    And service \"stock\" is started again\n    And the broker is started again\n    And the broker is healthy again\n    And service \"stock\" logs \"{it.total} {bill.id}\" within 1s\n";
    assert_eq!(
        told(steps),
        [
            "4 [feature/nothing-before] no event is published or caused before this step, so there is nothing that it could speak of",
            "5 [feature/nothing-before] nothing in this scenario causes \"bill.sent\" before this step",
            "6 [feature/cannot-count] nothing counts the effects of \"stock\", so this could never be told",
            "6 [feature/nothing-before] no events are published in the background before this step",
            "7 [feature/nothing-before] \"stock\" runs: nothing before this step ends it",
            "8 [feature/nothing-before] the broker has not crashed before this step",
            "9 [feature/nothing-before] no fault of the broker is in force before this step",
            "10 [feature/unknown-name] no step before this one is named \"bill\"",
            "10 [feature/no-it] there is no event before this step, so {it.total} has no value",
        ]
    );
}

#[test]
fn names_that_have_no_such_field_and_are_no_value_are_told() {
    let steps = "    When \"order.placed\" is published as \"order\"\n    And \"bill.sent\" is published as \"order\"\n    Then service \"stock\" logs \"{order.ordr_id} {order}\" within 1s\n    And group \"stock\" has processed \"order\"\n";
    assert_eq!(
        told(steps),
        [
            "5 [feature/named-twice] \"order\" is named a second time here: the first can no longer be spoken of",
            "6 [feature/no-value] \"order\" is what a step did, and {order} alone a fresh identity that has nothing to do with it",
            "6 [feature/unknown-field] \"order\" has no field `ordr_id`",
            "7 [feature/ruled-out] by the contract group \"stock\" does not read the topic of \"bill.sent\"",
        ]
    );
}

#[test]
fn tables_that_mean_nothing_are_told_row_by_row() {
    let views = "views: {orders: {service: stock, group: stock, list: {http: '{stock.url}/orders/{user}', items: /items, item: /id}}}\nactions: {order: {request: 'POST {stock.url}/orders/{user}'}}\n";
    let feature = "Feature: f\n\n  Scenario: s\n    When action \"order\" is done\n      | usr | a |\n    And \"order.placed\" is published\n      | total | many |\n      # why\n      | order_id | a |\n      | order_id | b |\n    Then view \"orders\" shows \"x\" within 1s\n    And no \"order.placed\" came before it\n      | order_id | 7 |\n    And 1s pass\n      | so | it is |\n    And 1s pass\n      \"\"\"\n      words\n      \"\"\"\n";
    let told = told_of(feature, &format!("{SYSTEM}{views}"));
    assert_eq!(
        told,
        [
            "17 [feature/text-unused] no sentence takes a text block, so this one would be passed over",
            "5 [feature/unknown-row] action \"order\" has no placeholder {usr}",
            "4 [feature/missing-row] action \"order\" needs a value for user",
            "9 [feature/row-twice] row `order_id` stands here twice",
            "7 [feature/refused-value] the schema of \"order.placed\" refuses `total`: \"many\" is not of type \"integer\"",
            "11 [feature/missing-row] view \"orders\" needs a value for user",
            "13 [feature/no-pointer] `order_id` is no JSON pointer",
            "15 [feature/table-unused] `time-passes` takes no table, so this one would be passed over",
        ]
    );
}

#[test]
fn a_pointer_below_the_top_is_one_of_what_is_declared_there() {
    let deep = CONTRACT.replace(
        "total: {type: integer}}}",
        "data: {type: object, properties: {title: {type: string}, lines: {type: array, items: {type: object, properties: {sku: {type: string}}}}, \
         b: {type: object, properties: {c: {type: object, properties: {d: {type: object, properties: {e: {type: object}}}}}}}}}}}",
    );
    assert_ne!(deep, CONTRACT);
    let rows = "      | /data/titel | 7 |\n      | /data/title/x | 7 |\n      | /data/lines/0/sku | 7 |\n      | /data/b/c/d/e/f | 7 |\n      | /data/title | 7 |\n";
    let published = "    When \"order.placed\" is published\n      | /data/titel | a |\n      | data/title | a |\n      | /data/{it.order_id}/x | a |\n";
    let feature =
        format!("Feature: f\n\n  Scenario: s\n{published}    Then no \"order.placed\" came before it\n{rows}");
    let folder = small(&[("asyncapi.yaml", deep.as_str()), ("a.feature", feature.as_str())]);
    let faults = Pack::read(folder.path()).and_then(|pack| pack.plan()).err().unwrap();
    let told: Vec<String> = faults.iter().map(|one| format!("[{}] {}", one.code, one.message)).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_must_not_have_come_is_looked_for_by_fields_that_records_are_known_by() {
    let place = "payload: {type: object, properties: {order_id: {type: string}, total: {type: integer}}}";
    let secret = CONTRACT.replace(place, &format!("{place}\n        x-eventproof: {{sensitive: [/total]}}"));
    assert_ne!(secret, CONTRACT);
    let steps = "    When \"order.placed\" is published\n    Then no \"order.placed\" came before it\n      | /total | 7 |\n      | /ordr_id | 7 |\n      | /order_id | 7 |\n";
    let feature = format!("Feature: f\n\n  Scenario: s\n{steps}");
    let folder = small(&[("asyncapi.yaml", secret.as_str()), ("a.feature", feature.as_str())]);
    let faults = Pack::read(folder.path()).and_then(|pack| pack.plan()).err().unwrap();
    let told: Vec<String> = faults.iter().map(|one| format!("[{}] {}", one.code, one.message)).collect();
    assert_eq!(
        told,
        [
            "[feature/sensitive-field] `/total` of \"order.placed\" is sensitive, so no record is known by it",
            "[feature/unknown-field] \"order.placed\" has no field `ordr_id`",
        ]
    );
}

#[test]
fn a_store_that_nobody_knows_and_one_that_does_not_fail_are_told() {
    let system = SYSTEM.replace("[stock]}}", "[stock, '{stock-db.port}']}}")
        + "stores: {stock-db: {address: '127.0.0.1:5432', services: [stock]}}\n";
    let steps = [
        "Given store \"stok-db\" is down",
        "And store \"stock-db\" is up again",
        "And store \"stock-db\" breaks off 1 connection",
        "And store \"stock-db\" is up again",
        "And store \"stock-db\" is up again",
        "And store \"stock-db\" answers 0s late",
    ];
    let told = told_of(&format!("Feature: f\n\n  Scenario: s\n    {}\n", steps.join("\n    ")), &system);
    assert_eq!(
        told,
        [
            "4 [feature/unknown-name] \"stok-db\" is no store of system.yaml",
            "5 [feature/nothing-before] store \"stock-db\" does not fail before this step",
            "8 [feature/nothing-before] store \"stock-db\" does not fail before this step",
            "9 [feature/nothing] 0s is no time at all",
        ]
    );
}

#[test]
fn an_alert_that_did_not_fire_cannot_be_silent_again_and_a_size_is_a_size() {
    let system = format!("{SYSTEM}alerts: {{behind: {{service: stock, value: {{lag: stock}}, above: 10}}}}\n");
    let steps = [
        "Then alert \"behind\" is silent again within 5s",
        "And alert \"behind\" fires within 5s",
        "And alert \"behind\" is silent again within 5s",
        "And \"order.placed\" of \"2 Mib\" is refused as too large",
        "When \"order.placed\" of \"5 B\" is published",
        "And \"order.placed\" of \"500 B\" is published",
    ];
    assert_eq!(
        told_of(&format!("Feature: f\n\n  Scenario: s\n    {}\n", steps.join("\n    ")), &system),
        [
            "4 [feature/nothing-before] alert \"behind\" does not fire before this step",
            "7 [feature/size] `2 Mib` is no size: write a number and a unit, such as 1000 B, 10 KB or 1 MiB",
            "8 [feature/too-short] \"order.placed\" cannot be made 5 B long: without its `order_id` it has 15 already",
        ]
    );
}

#[test]
fn times_and_counts_of_nothing_and_needs_that_no_broker_has_are_told() {
    let feature = "Feature: f\n\n  @needs:broker-fault\n  Scenario: s\n    When 0 \"order.placed\" events are published at 5/s in the background\n    Then service \"stock\" logs \"x\" within 0s\n";
    assert_eq!(
        told_of(feature, SYSTEM),
        [
            "3 [feature/tag] @needs:broker-fault is nothing that a broker may have or not",
            "5 [feature/nothing] 0 events are none",
            "6 [feature/nothing] 0s is no time at all",
        ]
    );
}

#[test]
fn faults_of_gherkin_hide_none_of_the_others() {
    let feature = "Feature: f\n\n  Scenario: one\n    Wen \"order.placd\" is published\n    Tehn 1s pass\n\n  Scnario: two\n    When \"order.placed\" is published\n      | total | 1 |\n      | total |\n    Then nobody knows this\n\n  Scenario Outline: three\n    When <tme> pass\n\n    Examples:\n      | time |\n      | 1s   |\n";
    assert_eq!(
        told_of(feature, SYSTEM),
        [
            "10 [feature/table-shape] this row has 1 cell(s), the first row of its table has 2",
            "14 [feature/outline-column] the outline uses <tme>, which its Examples do not have",
            "17 [feature/outline-unused-column] no step uses <time>",
            "4 [feature/mistyped-keyword] `Wen` is no keyword, so this step would be taken for a description",
            "5 [feature/mistyped-keyword] `Tehn` is no keyword, so this step would be taken for a description",
            "7 [feature/mistyped-keyword] `Scnario` is no keyword, so this line would be taken for a description",
            "11 [feature/unmatched-step] no sentence and no phrase matches this step",
        ]
    );
}

#[test]
fn what_is_wrong_with_the_steps_is_told_although_the_contract_cannot_be_read() {
    let feature = "Feature: f\n\n  Scenario: s\n    When nobody knows this\n";
    let folder = small(&[("asyncapi.yaml", "asyncapi: 3.0.0\nchanels: {}\n"), ("a.feature", feature)]);
    let codes: Vec<&str> = Pack::read(folder.path()).err().unwrap().iter().map(|one| one.code).collect();
    assert!(codes.contains(&"feature/unmatched-step") && codes.len() > 1, "{codes:?}");
}

#[test]
fn keywords_may_be_of_any_language_and_sentences_are_english_chinese_or_the_packs_own() {
    let phrases = "phrases:\n  - say: \"la commande {qui} est passée\"\n    does:\n      - step: '\"order.placed\" is published'\n        with: {order_id: '{qui}'}\n";
    let read = |feature: &str| {
        let folder = small(&[("phrases.yaml", phrases), ("a.feature", feature)]);
        Pack::read(folder.path()).and_then(|pack| pack.plan())
    };
    let french = "# language: fr\nFonctionnalité: commandes\n\n  Contexte:\n    Étant donné que the system is running\n\n  Plan du scénario: la commande de <qui>\n    Quand la commande \"<qui>\" est passée\n    Et 1s pass\n    Alors group \"stock\" has processed it\n\n    Exemples:\n      | qui |\n      | Zoé |\n      | Léo |\n";
    let plan = read(french).map_err(|faults| faults.render(false)).ok().unwrap();
    let told: Vec<_> = plan.scenarios.iter().map(|one| (one.name.as_str(), one.language.as_str(), one.line)).collect();
    assert_eq!(told, [("la commande de Zoé", "fr", 14), ("la commande de Léo", "fr", 15)]);
    let steps: Vec<_> = plan.scenarios[0].steps.iter().map(|step| format!("{}|{}", step.keyword, step.text)).collect();
    assert_eq!(
        steps,
        [
            "Étant donné que|the system is running",
            "Quand|la commande \"Zoé\" est passée",
            "Et|1s pass",
            "Alors|group \"stock\" has processed it"
        ]
    );
    // What nobody knows, and a keyword that is none, are told as in English.
    let wrong = french
        .replace("Quand la commande", "Quand cette commande")
        .replace("Étant donné que the system", "Étent donné que the system");
    let faults = read(&wrong).err().unwrap();
    let told: Vec<_> =
        faults.iter().map(|one| (one.place().map_or(0, |place| place.1), one.message.as_str())).collect();
    assert_eq!(
        told,
        [
            (5, "`Étent donné que` is no keyword, so this step would be taken for a description"),
            (8, "no sentence and no phrase matches this step"),
            (8, "no sentence and no phrase matches this step"),
        ]
    );
}

#[test]
fn an_event_in_which_nothing_may_be_long_cannot_be_made_large() {
    let steps = "    When \"bill.sent\" of \"64 KiB\" is published\n    And \"bill.sent\" of \"64 KiB\" is published\n      | order_id | 7 |\n";
    assert_eq!(
        told(steps),
        ["5 [feature/no-room] nothing in \"bill.sent\" may be so long but what this table gives a value"]
    );
    let short = CONTRACT.replace("{order_id: {type: string}, total", "{order_id: {type: string, maxLength: 9}, total");
    let feature = "Feature: f\n\n  Scenario: s\n    When \"order.placed\" of \"64 KiB\" is published\n";
    let folder = small(&[("asyncapi.yaml", &short), ("a.feature", feature)]);
    let faults = Pack::read(folder.path()).and_then(|pack| pack.plan()).err().unwrap();
    let told: Vec<_> = faults.iter().filter(|one| one.code == "feature/no-room").map(|one| &one.message).collect();
    assert_eq!(told, ["nothing in \"order.placed\" may be so long"]);
}

#[test]
fn names_that_nobody_has_are_told_with_the_nearest() {
    let steps = "    When service \"stok\" is killed\n    And \"order.placed\" is published\n    Then group \"stck\" has processed it within 20s\n    And view \"shelf\" shows \"x\" within 20s\n";
    assert_eq!(
        told(steps),
        [
            "4 [feature/unknown-name] \"stok\" is no service of system.yaml",
            "6 [feature/unknown-name] \"stck\" is no group of asyncapi.yaml",
            "7 [feature/unknown-name] \"shelf\" is no list view of system.yaml",
        ]
    );
}

#[test]
fn scenarios_of_one_name_are_told_in_a_file_and_over_files() {
    let once = "Feature: f\n\n  Scenario: same\n    When 1s pass\n";
    let twice = format!("{once}\n  Scenario: same\n    When 2s pass\n");
    let folder = small(&[("a.feature", &twice), ("b.feature", once)]);
    let plan = Pack::read(folder.path()).and_then(|pack| pack.plan()).map_err(|faults| faults.render(false)).unwrap();
    let found = plan.warnings.iter().filter(|one| one.code == "feature/name-twice");
    let told: Vec<String> = found
        .map(|one| {
            let (file, line, _) = one.place().unwrap();
            let place = std::path::Path::new(&file).file_name().unwrap().to_string_lossy().into_owned();
            format!("{place}:{line} {}", one.message.replace(&folder.path().display().to_string(), "PACK"))
        })
        .collect();
    assert_eq!(
        told,
        [
            "a.feature:6 scenario \"same\" has the name of the one in line 3",
            "b.feature:3 scenario \"same\" has the name of the one at PACK/a.feature:3",
        ]
    );
}

#[test]
fn a_phrase_that_no_scenario_says_is_told() {
    let phrases = "phrases:\n  - say: a while passes\n    does:\n      - step: 1s pass\n  - say: nobody says so\n    does:\n      - step: 1s pass\n";
    let feature = "Feature: f\n\n  Scenario: s\n    When a while passes\n";
    let folder = small(&[("phrases.yaml", phrases), ("a.feature", feature)]);
    let plan = Pack::read(folder.path()).and_then(|pack| pack.plan()).map_err(|faults| faults.render(false)).unwrap();
    let told: Vec<_> = plan.warnings.iter().filter(|one| one.code == "phrases/unused").collect();
    let [unused] = told[..] else { panic!("{}", plan.warnings.render(false)) };
    assert_eq!(unused.message, "`nobody says so` is said by no scenario");
    assert_eq!(unused.place().unwrap().1, 5);
}

/// What is told of the small pack with these files in it: errors only, each with its file.
fn errors_of(files: &[(&str, &str)]) -> Vec<String> {
    let folder = small(files);
    let found = crate::inspection::Inspection::of(folder.path()).found.only_errors().sorted();
    let line = |one: &Diagnostic| {
        let (file, line, _) = one.place().unwrap_or_default();
        let name = std::path::Path::new(&file).file_name().unwrap_or_default().to_string_lossy().into_owned();
        format!("{name}:{line} [{}] {}", one.code, one.message)
    };
    found.iter().map(line).collect()
}

const RIGHT: &str = "Feature: f\n\n  Scenario: s\n    When action \"order\" is done as \"o\"\n    Then \"order.placed\" follows within 2s\n    And no \"order.placed\" came before it\n      | /order_id | {o.order_id} |\n    And group \"stock\" has processed it\n    And it conforms to the contract\n    And \"{it.order_id}\" is in no log and on no topic\n";
const ACTION: &str = "actions: {order: {request: 'POST {stock.url}/orders', captures: {order_id: /id}, publishes: {message: order.placed, fields: {/order_id: '{order_id}'}, within: 1s}}}\n";

#[test]
fn a_slip_is_told_where_it_is_and_not_where_it_is_felt() {
    let system = format!("{SYSTEM}{ACTION}");
    assert_eq!(errors_of(&[("system.yaml", &system), ("a.feature", RIGHT)]), [""; 0]);
    let published = system.replace("message: order.placed", "message: order.placd");
    assert_eq!(
        errors_of(&[("system.yaml", &published), ("a.feature", RIGHT)]),
        ["system.yaml:4 [pack/unknown-name] message `order.placd` is not in asyncapi.yaml"]
    );
    let other = RIGHT.replace("\"order\" is done", "\"oder\" is done");
    assert_eq!(
        errors_of(&[("system.yaml", &system), ("a.feature", &other)]),
        ["a.feature:4 [feature/unknown-name] \"oder\" is no action of system.yaml"]
    );
    let event = RIGHT.replace("action \"order\" is done", "\"order.placd\" is published");
    assert_eq!(
        errors_of(&[("system.yaml", &system), ("a.feature", &event)]),
        ["a.feature:4 [feature/unknown-name] \"order.placd\" is no message of asyncapi.yaml"]
    );
    let dot = RIGHT.replace("is done as \"o\"", "is done as \"o\".");
    assert_eq!(
        errors_of(&[("system.yaml", &system), ("a.feature", &dot)]),
        ["a.feature:4 [feature/unmatched-step] no sentence and no phrase matches this step"]
    );
}

#[test]
fn a_slip_in_a_phrase_is_told_in_the_phrase() {
    let system = format!("{SYSTEM}{ACTION}");
    let phrases = "phrases:\n  - say: somebody orders {o}\n    parameters: {o: new}\n    does: ['action \"order\" is done as \"{o}\"']\n";
    let feature = RIGHT.replace("action \"order\" is done as", "somebody orders");
    let told =
        |phrases: &str| errors_of(&[("system.yaml", &system), ("a.feature", &feature), ("phrases.yaml", phrases)]);
    assert_eq!(told(phrases), [""; 0]);
    assert_eq!(
        told(&phrases.replace("is done as", "is don as")),
        ["phrases.yaml:4 [phrases/unmatched-step] `action \"order\" is don as \"{o}\"` is no built-in sentence"]
    );
    assert_eq!(told(&phrases.replace("does:", "dos:")), ["phrases.yaml:4 [yaml/unknown-key] unknown key `dos`"]);
}

#[test]
fn an_outline_that_was_taken_out_was_a_scenario() {
    let column =
        "Feature: f\n\n  Scenario Outline: s\n    When <tme> pass\n\n    Examples:\n      | time |\n      | 1s   |\n";
    assert_eq!(
        told_of(column, SYSTEM),
        [
            "4 [feature/outline-column] the outline uses <tme>, which its Examples do not have",
            "7 [feature/outline-unused-column] no step uses <time>",
        ]
    );
    let cells = "Feature: f\n\n  Scenario Outline: s\n    When <time> pass\n\n    Examples:\n      | time |\n      | 1s   | 2s |\n";
    assert_eq!(
        told_of(cells, SYSTEM),
        ["8 [feature/table-shape] this row has 2 cell(s), the first row of its table has 1"]
    );
}
