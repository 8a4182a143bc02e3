//! The order in which cucumber takes scenarios up. Results are told in the order of the plan all the same.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::choice::spread;
use super::context::RunContext;
use crate::plan::PlannedScenario;

/// Scenarios by file and line.
pub(super) type Places = BTreeSet<(String, usize)>;

/// The scenarios at these places. Those that need something for themselves alone come after all others, so that nobody waits
/// for them, and of them whatever takes longest comes first, so that copies end together.
pub(super) fn in_order(context: &RunContext, places: &Places) -> Vec<gherkin::Feature> {
    let files = context.pack.features.iter();
    let mut features: Vec<gherkin::Feature> =
        files.map(|file| part_of(&file.feature, |path, one| places.contains(&(path.to_owned(), line(one))))).collect();
    if let Some(seed) = context.run.rules.shuffle {
        shuffle(context, seed, &mut features);
    }
    let together = features.iter().map(|feature| part_of(feature, |path, one| !is_alone(context, path, line(one))));
    let mut alone: Vec<gherkin::Feature> = features.iter().flat_map(|feature| singly(context, feature)).collect();
    if context.run.rules.shuffle.is_none() {
        alone.sort_by_key(|feature| Reverse(first_of(context, feature).map(PlannedScenario::likely)));
    }
    together.filter(|feature| all_of(feature).next().is_some()).chain(alone).collect()
}

/// The name by which a plan knows a feature's file.
pub(super) fn path_of(feature: &gherkin::Feature) -> String {
    feature.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
}

/// A feature for each scenario that needs something for itself alone.
fn singly(context: &RunContext, feature: &gherkin::Feature) -> Vec<gherkin::Feature> {
    let alone = all_of(feature).map(line).filter(|line| is_alone(context, &path_of(feature), *line));
    alone.map(|wanted| part_of(feature, |_, one| line(one) == wanted)).collect()
}

fn is_alone(context: &RunContext, path: &str, line: usize) -> bool {
    context.plan.find(path, line).is_some_and(PlannedScenario::is_alone)
}

/// The plan of a feature's first scenario.
fn first_of<'a>(context: &'a RunContext, feature: &gherkin::Feature) -> Option<&'a PlannedScenario> {
    context.plan.find(&path_of(feature), line(all_of(feature).next()?))
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

/// In an order that only the seed decides.
fn shuffle(context: &RunContext, seed: u64, features: &mut [gherkin::Feature]) {
    let key = |path: &str, scenario: &gherkin::Scenario| {
        context.plan.find(path, line(scenario)).map_or(0, |planned| spread(seed, planned))
    };
    for feature in features.iter_mut() {
        let path = path_of(feature);
        feature.scenarios.sort_by_key(|scenario| key(&path, scenario));
        feature.rules.iter_mut().for_each(|rule| rule.scenarios.sort_by_key(|scenario| key(&path, scenario)));
    }
    features.sort_by_key(|feature| feature.scenarios.first().map_or(0, |first| key(&path_of(feature), first)));
}
