//! Rows under `an invalid "…" is published` that choose what no invalid record of it has: a rule, or a place.

use std::collections::BTreeSet;

use eventproof_contract::Generator;
use eventproof_source::Diagnostic;

use super::rows::{cells, given};
use super::story::{Told, choices};
use crate::catalogue::Kind;
use crate::pack::Pack;
use crate::plan::Sub;

/// Rows of the table that choose, and set no field.
pub(super) const CHOOSING: [&str; 2] = ["rule", "place"];
/// How many drafts are made before something is told: optional fields differ from draft to draft, and with them what can be broken.
const DRAWN: u64 = 64;

/// What the table asks for and no draft has.
pub(super) fn no_such_neighbour(pack: &Pack, sub: &Sub) -> Option<Told> {
    let message = pack.contract.message(&sub.argument(Kind::Event)?)?;
    // What placeholders stand for is only known in the run.
    let mut literal = cells(sub);
    literal.retain(|(_, text)| !text.contains('{'));
    let (chosen, fields): (Vec<_>, Vec<_>) =
        literal.into_iter().partition(|(name, _)| CHOOSING.contains(&name.as_str()));
    let asked = |row: &str| chosen.iter().find(|(name, _)| name == row).map(|(_, text)| text.as_str());
    let [rule, place] = CHOOSING.map(asked);
    if rule.is_none() && place.is_none() {
        return None;
    }
    let given = given(message, &fields);
    let mut known = BTreeSet::new();
    for seed in 0..DRAWN {
        let all = Generator::new(seed, "lint").ways_to_break(&pack.contract, message, &given).ok()?;
        if all.iter().any(|one| one.fits(rule, place)) {
            return None;
        }
        known.extend(all.into_iter().map(|one| (one.rule.clone(), one.written_place().to_owned())));
    }
    Some(nothing_breaks(&message.name, rule, place, &known))
}

/// Tells which of the two is wrong: one that is nowhere, or that they never go together.
fn nothing_breaks(message: &str, rule: Option<&str>, place: Option<&str>, known: &BTreeSet<(String, String)>) -> Told {
    let rules: BTreeSet<&str> = known.iter().map(|(rule, _)| rule.as_str()).collect();
    let places: BTreeSet<&str> =
        known.iter().map(|(_, place)| place.as_str()).filter(|place| !place.is_empty()).collect();
    let (rules, places): (Vec<&str>, Vec<&str>) = (rules.into_iter().collect(), places.into_iter().collect());
    let told = |word: &str, text: String, help: String| {
        (Diagnostic::error("feature/nothing-to-break", text).help(help), word.to_owned())
    };
    match (rule, place) {
        (Some(rule), _) if !rules.contains(&rule) => {
            let text = format!("no record of \"{message}\" can break a rule `{rule}`");
            told(rule, text, choices(rule, &rules, "there is none"))
        }
        (_, Some(place)) if !known.iter().any(|(_, one)| is_place(one, place)) => {
            let text = format!("nothing can be broken at `{place}` of \"{message}\"");
            told(place, text, choices(place, &places, "there is none"))
        }
        (rule, place) => {
            let (rule, place) = (rule.unwrap_or_default(), place.unwrap_or_default());
            let there: BTreeSet<&str> =
                known.iter().filter(|(_, one)| is_place(one, place)).map(|(rule, _)| rule.as_str()).collect();
            let there: Vec<&str> = there.into_iter().collect();
            let text = format!("`{place}` of \"{message}\" cannot break the rule `{rule}`");
            told(rule, text, format!("there may be broken: {}", there.join(", ")))
        }
    }
}

fn is_place(known: &str, place: &str) -> bool {
    known == place.strip_prefix("payload ").unwrap_or(place)
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{CONTRACT, small};
    use crate::pack::Pack;

    #[test]
    fn rules_and_places_that_nothing_can_break_are_told_with_those_that_there_are() {
        let contract = CONTRACT.replace(
            "payload: {type: object, properties: {order_id: {type: string}, total",
            "payload: {type: object, required: [order_id], properties: {order_id: {type: string}, total",
        );
        assert_ne!(contract, CONTRACT);
        let tables = [
            "| rule | requird |",
            "| place | /ordr_id |",
            "| place | data |",
            "| rule | required |\n      | place | /total |",
            "| rule | required |\n      | place | /order_id |",
            "| rule | type |",
        ];
        let steps = tables.map(|table| format!("    When an invalid \"order.placed\" is published\n      {table}\n"));
        let feature = format!("Feature: f\n\n  Scenario: s\n{}", steps.concat());
        let folder = small(&[("asyncapi.yaml", &contract), ("a.feature", &feature)]);
        let faults = Pack::read(folder.path()).and_then(|pack| pack.plan()).err().unwrap();
        let told: Vec<String> = faults
            .iter()
            .filter(|one| one.code == "feature/nothing-to-break")
            .map(|one| {
                let (_, line, column) = one.place().unwrap();
                format!("{line}:{column} {}; {}", one.message, one.help.clone().unwrap_or_default())
            })
            .collect();
        assert_eq!(
            told,
            [
                "5:16 no record of \"order.placed\" can break a rule `requird`; did you mean `required`?",
                "7:17 nothing can be broken at `/ordr_id` of \"order.placed\"; did you mean `/order_id`?",
                "9:17 nothing can be broken at `data` of \"order.placed\"; there are: /order_id, /total, payload",
                "11:16 `/total` of \"order.placed\" cannot break the rule `required`; there may be broken: type",
            ]
        );
    }
}
