#![allow(clippy::unwrap_used, clippy::expect_used)]
//! What own sentences disturb, their scenarios have for themselves alone.

use eventproof_evidence::{Proof, Verdict};
use eventproof_scenarios::Pack;
use eventproof_scenarios::catalogue::Form;
use eventproof_scenarios::own::{Disturbs, OwnSentence};
use eventproof_scenarios::own_sentence;

const SHAKEN: OwnSentence = OwnSentence {
    name: "service-is-shaken",
    meaning: "Shakes a service.",
    observes: "nothing",
    proves: "nothing by itself",
    cannot_prove: "that it bears it",
    table: "",
    example: "When service \"till\" is shaken",
    forms: &[Form { language: "en", expression: "service {service:service} is shaken" }],
    disturbs: Disturbs::Named,
    carry_out: |_| Box::pin(async { Ok(Verdict::Held(Proof::of("shaken".to_owned()))) }),
};

own_sentence!(SHAKEN);
own_sentence!(OwnSentence {
    name: "house-is-shaken",
    example: "When the house is shaken",
    forms: &[Form { language: "en", expression: "the house is shaken" }],
    disturbs: Disturbs::Everything,
    ..SHAKEN
});
own_sentence!(OwnSentence {
    name: "service-is-looked-at",
    example: "When service \"till\" is looked at",
    forms: &[Form { language: "en", expression: "service {service:service} is looked at" }],
    disturbs: Disturbs::Nothing,
    ..SHAKEN
});

/// The services that a scenario of this one step has for itself.
fn exclusive(step: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let contract = concat!(env!("CARGO_MANIFEST_DIR"), "/pack/asyncapi.yaml");
    std::fs::copy(contract, folder.path().join("asyncapi.yaml")).unwrap();
    let system = "system: shop\nservices:\n  till: {command: [till]}\n  stock: {command: [stock]}\n";
    std::fs::write(folder.path().join("system.yaml"), system).unwrap();
    let feature = format!("Feature: a\n  Scenario: b\n    When {step}\n");
    std::fs::write(folder.path().join("a.feature"), feature).unwrap();
    let pack = Pack::read(folder.path()).unwrap_or_else(|faults| panic!("{}", faults.render(false)));
    let plan = pack.plan().unwrap_or_else(|faults| panic!("{}", faults.render(false)));
    plan.scenarios[0].touches.exclusive.iter().cloned().collect()
}

#[test]
fn a_sentence_has_for_itself_what_it_says_that_it_disturbs() {
    assert_eq!(exclusive("service \"till\" is shaken"), ["till"]);
    assert_eq!(exclusive("the house is shaken"), ["stock", "till"]);
    assert_eq!(exclusive("service \"till\" is looked at"), [""; 0]);
}
