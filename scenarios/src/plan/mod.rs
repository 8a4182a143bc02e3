//! From feature files to a plan: every scenario with every step matched and every name checked.

mod feature;
mod resolve;
mod tables;
mod tags;
mod touches;

pub use feature::FeatureFile;
pub(crate) use feature::line_span;
pub(crate) use resolve::sentence_arguments;
pub use resolve::{PlannedScenario, PlannedStep, Sub};
pub use tags::{KnownIssue, Tags};
pub use touches::Touches;

use std::collections::HashMap;

use eventproof_source::Diagnostics;

use crate::pack::Pack;

/// Everything that a run will do.
pub struct Plan {
    pub scenarios: Vec<PlannedScenario>,
    /// Where each of them stands in that list, by file and line.
    places: HashMap<String, HashMap<usize, usize>>,
    /// What is questionable, without being wrong.
    pub warnings: Diagnostics,
}

impl Plan {
    /// Matches every step of the pack.
    pub fn of(pack: &Pack) -> Result<Plan, Diagnostics> {
        let (scenarios, found) = resolve::scenarios(pack);
        if found.has_errors() {
            return Err(found);
        }
        let mut places: HashMap<String, HashMap<usize, usize>> = HashMap::new();
        for (index, scenario) in scenarios.iter().enumerate() {
            places.entry(scenario.file.clone()).or_default().entry(scenario.line).or_insert(index);
        }
        Ok(Plan { scenarios, places, warnings: found })
    }

    /// Where a scenario stands in the plan.
    pub fn position(&self, file: &str, line: usize) -> Option<usize> {
        self.places.get(file)?.get(&line).copied()
    }

    /// The planned scenario that cucumber is about to run.
    pub fn find(&self, file: &str, line: usize) -> Option<&PlannedScenario> {
        self.scenarios.get(self.position(file, line)?)
    }
}
