//! The order in which cucumber takes scenarios up. Results are told in the order of the plan all the same.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::choice::{Choice, Rules, spread};
use super::context::RunContext;
use crate::pack::Pack;
use crate::plan::{FeatureFile, Plan, PlannedScenario};

/// Scenarios by file and line.
pub(super) type Places = BTreeSet<(String, usize)>;

/// The chosen scenarios of one round, in the order in which they are taken up.
pub fn order<'a>(pack: &Pack, plan: &'a Plan, choice: &Choice, rules: &Rules) -> Vec<&'a PlannedScenario> {
    let chosen = plan.scenarios.iter().filter(|scenario| choice.takes(scenario));
    let places: Places = chosen.map(PlannedScenario::place).collect();
    let queue = Queue { files: &pack.features, plan, shuffle: rules.shuffle };
    let features = queue.features(&places);
    let found = features.iter().flat_map(|one| all_of(one).map(|scenario| plan.find(&path_of(one), line(scenario))));
    found.flatten().collect()
}

/// The scenarios at these places, as cucumber is given them.
pub(super) fn in_order(context: &RunContext, places: &Places) -> Vec<gherkin::Feature> {
    let shuffle = context.run.rules.shuffle;
    Queue { files: &context.pack.features, plan: &context.plan, shuffle }.features(places)
}

/// The name by which a plan knows a feature's file.
pub(super) fn path_of(feature: &gherkin::Feature) -> String {
    feature.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
}

/// What decides the order.
struct Queue<'a> {
    files: &'a [FeatureFile],
    plan: &'a Plan,
    shuffle: Option<u64>,
}

impl Queue<'_> {
    /// Those that need something for themselves alone come after all others, so that nobody waits for them, and of them whatever
    /// takes longest comes first, so that copies end together.
    fn features(&self, places: &Places) -> Vec<gherkin::Feature> {
        let taken = |path: &str, one: &gherkin::Scenario| places.contains(&(path.to_owned(), line(one)));
        let mut features: Vec<gherkin::Feature> = self.files.iter().map(|file| part_of(&file.feature, taken)).collect();
        if let Some(seed) = self.shuffle {
            self.shuffle(seed, &mut features);
        }
        let together = features.iter().map(|feature| part_of(feature, |path, one| !self.is_alone(path, line(one))));
        let mut alone: Vec<gherkin::Feature> = features.iter().flat_map(|feature| self.singly(feature)).collect();
        if self.shuffle.is_none() {
            alone.sort_by_key(|feature| Reverse(self.first_of(feature).map(PlannedScenario::likely)));
        }
        together.filter(|feature| all_of(feature).next().is_some()).chain(alone).collect()
    }

    /// A feature for each scenario that needs something for itself alone.
    fn singly(&self, feature: &gherkin::Feature) -> Vec<gherkin::Feature> {
        let alone = all_of(feature).map(line).filter(|line| self.is_alone(&path_of(feature), *line));
        alone.map(|wanted| part_of(feature, |_, one| line(one) == wanted)).collect()
    }

    fn is_alone(&self, path: &str, line: usize) -> bool {
        self.plan.find(path, line).is_some_and(PlannedScenario::is_alone)
    }

    /// The plan of a feature's first scenario.
    fn first_of(&self, feature: &gherkin::Feature) -> Option<&PlannedScenario> {
        self.plan.find(&path_of(feature), line(all_of(feature).next()?))
    }

    /// In an order that only the seed decides.
    fn shuffle(&self, seed: u64, features: &mut [gherkin::Feature]) {
        let key = |path: &str, scenario: &gherkin::Scenario| {
            self.plan.find(path, line(scenario)).map_or(0, |planned| spread(seed, planned))
        };
        for feature in features.iter_mut() {
            let path = path_of(feature);
            feature.scenarios.sort_by_key(|scenario| key(&path, scenario));
            feature.rules.iter_mut().for_each(|rule| rule.scenarios.sort_by_key(|scenario| key(&path, scenario)));
        }
        features.sort_by_key(|feature| feature.scenarios.first().map_or(0, |first| key(&path_of(feature), first)));
    }
}

fn all_of(feature: &gherkin::Feature) -> impl Iterator<Item = &gherkin::Scenario> {
    feature.scenarios.iter().chain(feature.rules.iter().flat_map(|rule| &rule.scenarios))
}

fn line(scenario: &gherkin::Scenario) -> usize {
    scenario.position.line
}

/// A feature with some of its scenarios.
fn part_of(feature: &gherkin::Feature, taken: impl Fn(&str, &gherkin::Scenario) -> bool) -> gherkin::Feature {
    let (mut part, path) = (feature.clone(), path_of(feature));
    part.scenarios.retain(|one| taken(&path, one));
    part.rules.iter_mut().for_each(|rule| rule.scenarios.retain(|one| taken(&path, one)));
    part
}
