//! Which scenarios run, and by which rules.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::plan::PlannedScenario;

/// Which scenarios to run; everything if nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Parts of names; one must be in the scenario's.
    pub names: Vec<String>,
    /// Whole names; one must be the scenario's.
    pub exact: Vec<String>,
    /// Tags without `@`; the scenario must have one of them.
    pub tags: Vec<String>,
    /// Services; the scenario must speak of one of them.
    pub services: Vec<String>,
    /// File and line of the scenarios; one must be the scenario's.
    pub places: Option<BTreeSet<(String, usize)>>,
    /// The shard and how many there are, from 1: every scenario is in one of them, whichever others are chosen.
    pub shard: Option<(u64, u64)>,
}

impl Choice {
    /// Whether a scenario is chosen.
    pub fn takes(&self, scenario: &PlannedScenario) -> bool {
        let by_name = (self.names.is_empty() && self.exact.is_empty())
            || self.exact.contains(&scenario.name)
            || self.names.iter().any(|part| scenario.name.contains(part.as_str()));
        let by_tag = self.tags.is_empty()
            || self.tags.iter().any(|tag| scenario.tags.iter().any(|has| has.trim_start_matches('@') == tag));
        let by_service =
            self.services.is_empty() || self.services.iter().any(|service| scenario.speaks_of.contains(service));
        let by_place = self.places.as_ref().is_none_or(|places| places.contains(&scenario.place()));
        by_name && by_tag && by_service && by_place && self.is_in_shard(scenario)
    }

    /// Which scenarios are chosen for all shards together, in a word: their number, and a hash of their places and names.
    pub fn in_a_word<'a>(&self, scenarios: impl Iterator<Item = &'a PlannedScenario>) -> String {
        let all = Choice { shard: None, ..self.clone() };
        let numbers: Vec<u64> = scenarios.filter(|one| all.takes(one)).map(|one| spread(0, one)).collect();
        let sum = numbers.iter().fold(0u64, |sum, number| sum.wrapping_add(*number));
        format!("{} scenarios ({:08x})", numbers.len(), sum >> 32)
    }

    /// By a hash of its place and name: the same on every machine, whatever else is chosen.
    fn is_in_shard(&self, scenario: &PlannedScenario) -> bool {
        let Some((shard, of)) = self.shard else { return true };
        spread(0, scenario) % of == shard - 1
    }
}

/// How chosen scenarios are run.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How often a scenario that does not hold is tried again, where its tags do not say.
    pub retries: u32,
    /// How often everything is run.
    pub repeat: u32,
    /// Whether nothing more begins once a scenario did not hold.
    pub fail_fast: bool,
    /// In another order for each seed; without one, as written.
    pub shuffle: Option<u64>,
    /// The day on which known issues are judged.
    pub today: NaiveDate,
}

impl Rules {
    /// As written, once, to the end.
    pub fn of(today: NaiveDate) -> Rules {
        Rules { retries: 0, repeat: 1, fail_fast: false, shuffle: None, today }
    }
}

/// A number for a scenario that looks like chance and is always the same: FNV-1a.
pub(super) fn spread(seed: u64, scenario: &PlannedScenario) -> u64 {
    let file = scenario.file.rsplit('/').next().unwrap_or_default();
    let bytes = seed.to_le_bytes().into_iter().chain(file.bytes()).chain([0]).chain(scenario.name.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Tags, Touches};

    fn scenario(name: &str, line: usize) -> PlannedScenario {
        PlannedScenario {
            feature: "f".into(),
            file: "features/shop/a.feature".into(),
            line,
            name: name.into(),
            language: "en".into(),
            tags: vec!["@smoke".into()],
            asks: Tags::default(),
            steps: Vec::new(),
            touches: Touches::default(),
            speaks_of: BTreeSet::from(["orders".to_owned()]),
        }
    }

    #[test]
    fn every_scenario_is_in_one_shard() {
        for of in 1..6 {
            for n in 0..50 {
                let one = scenario(&format!("scenario {n}"), n);
                let takes = |shard| Choice { shard: Some((shard, of)), ..Choice::default() }.takes(&one);
                assert_eq!((1..=of).filter(|shard| takes(*shard)).count(), 1);
            }
        }
    }

    #[test]
    fn each_rule_of_a_choice_must_be_met() {
        let one = scenario("a duplicate is ignored", 7);
        let choice = Choice { names: vec!["duplicate".into()], tags: vec!["smoke".into()], ..Choice::default() };
        assert!(choice.takes(&one));
        assert!(!Choice { services: vec!["stock".into()], ..choice.clone() }.takes(&one));
        assert!(Choice { services: vec!["orders".into()], ..choice.clone() }.takes(&one));
        let at = |line| BTreeSet::from([("features/shop/a.feature".to_owned(), line)]);
        assert!(Choice { places: Some(at(7)), ..choice.clone() }.takes(&one));
        assert!(!Choice { places: Some(at(8)), ..choice }.takes(&one));
    }
}
