//! From feature files to a plan: every scenario with every step matched and every name checked.

mod feature;
mod resolve;
mod tags;
mod touches;

pub use feature::FeatureFile;
pub(crate) use feature::line_span;
pub(crate) use resolve::sentence_arguments;
pub use resolve::{PlannedScenario, PlannedStep, Sub};
pub use tags::{KnownIssue, Tags};
pub use touches::Touches;

use eventproof_source::Diagnostics;

use crate::pack::Pack;

/// Everything that a run will do.
pub struct Plan {
    pub scenarios: Vec<PlannedScenario>,
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
        Ok(Plan { scenarios, warnings: found })
    }

    /// The planned scenario that cucumber is about to run.
    pub fn find(&self, file: &str, line: usize) -> Option<&PlannedScenario> {
        self.scenarios.iter().find(|scenario| scenario.file == file && scenario.line == line)
    }
}
