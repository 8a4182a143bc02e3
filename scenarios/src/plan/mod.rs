//! From feature files to a plan: every scenario with every step matched and every name checked.

mod colons;
mod feature;
mod language;
mod resolve;
mod tables;
mod tags;
mod touches;

pub use feature::FeatureFile;
pub(crate) use feature::line_span;
pub(crate) use language::{headings, step_keywords};
pub use resolve::{PlannedScenario, PlannedStep, Sub};
pub(crate) use resolve::{sentence_arguments, unmatched};
pub use tags::{KnownIssue, Tags};
pub use touches::Touches;

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use eventproof_source::Diagnostics;

use crate::pack::Pack;

/// Everything that a run will do.
pub struct Plan {
    pub scenarios: Vec<PlannedScenario>,
    /// Where each of them stands in that list, by file and line.
    places: HashMap<String, HashMap<usize, usize>>,
    /// By file: the lines of each scenario or outline.
    blocks: HashMap<String, Vec<Range<usize>>>,
    /// What is questionable, without being wrong.
    pub warnings: Diagnostics,
}

impl Plan {
    /// Matches every step of the pack.
    pub fn of(pack: &Pack) -> Result<Plan, Diagnostics> {
        let (plan, found) = Plan::as_far_as_known(pack);
        if found.has_errors() { Err(found) } else { Ok(Plan { warnings: found, ..plan }) }
    }

    /// The same, without the steps that mean nothing, and everything that was found.
    pub(crate) fn as_far_as_known(pack: &Pack) -> (Plan, Diagnostics) {
        let (scenarios, found) = resolve::scenarios(pack);
        let mut places: HashMap<String, HashMap<usize, usize>> = HashMap::new();
        for (index, scenario) in scenarios.iter().enumerate() {
            places.entry(scenario.file.clone()).or_default().entry(scenario.line).or_insert(index);
        }
        let blocks = pack.features.iter().map(|file| (file.path(), file.blocks.clone())).collect();
        (Plan { scenarios, places, blocks, warnings: Diagnostics::default() }, found)
    }

    /// Where a scenario stands in the plan.
    pub fn position(&self, file: &str, line: usize) -> Option<usize> {
        self.places.get(file)?.get(&line).copied()
    }

    /// The scenarios of a file that a line stands for, by file and line: the row of an outline that it is, or else the scenario
    /// or the whole outline that it is in, tags included.
    pub fn at(&self, file: &str, line: usize) -> BTreeSet<(String, usize)> {
        let block = self.blocks.get(file).into_iter().flatten().find(|block| block.contains(&line));
        let is_meant = |one: &usize| match self.position(file, line) {
            Some(_) => *one == line,
            None => block.is_some_and(|block| block.contains(one)),
        };
        let lines = self.places.get(file).into_iter().flat_map(HashMap::keys).copied();
        lines.filter(is_meant).map(|one| (file.to_owned(), one)).collect()
    }

    /// The planned scenario that cucumber is about to run.
    pub fn find(&self, file: &str, line: usize) -> Option<&PlannedScenario> {
        self.scenarios.get(self.position(file, line)?)
    }
}
