//! Everything that can be known of a pack without running it, of all of its files at once: what `lint` tells.

use std::path::Path;

use eventproof_source::Diagnostics;

use crate::pack::{self, Gathered, Pack, without_consequences};
use crate::plan::Plan;
use crate::seeded::SeededFaults;

/// What was found of a pack.
pub struct Inspection {
    pub found: Diagnostics,
    /// What the pack holds, if nothing is wrong with it.
    pub holds: Option<Holds>,
}

/// How much of everything a pack holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holds {
    pub name: String,
    pub scenarios: usize,
    pub messages: usize,
    pub topics: usize,
    pub profiles: usize,
    pub faults: usize,
}

impl Inspection {
    /// Reads and checks every file of a pack, whatever is wrong with the others.
    pub fn of(folder: &Path) -> Inspection {
        let Gathered { pack, mut found, rest } = pack::gather(folder);
        found.extend(rest);
        let Some(pack) = pack else { return Inspection { found, holds: None } };
        let (plan, of_steps) = Plan::as_far_as_known(&pack);
        found.extend(without_consequences(of_steps, &found));
        let profiles = taken(pack.profiles(), &mut found);
        let seeded = taken(SeededFaults::read(&pack, &plan), &mut found);
        let holds = match (profiles, seeded) {
            (Some(profiles), Some(seeded)) if !found.has_errors() => {
                Some(holds(&pack, &plan, profiles.len(), seeded.faults.len()))
            }
            _ => None,
        };
        Inspection { found, holds }
    }
}

fn taken<T>(read: Result<T, Diagnostics>, found: &mut Diagnostics) -> Option<T> {
    read.map_err(|faults| found.extend(faults)).ok()
}

fn holds(pack: &Pack, plan: &Plan, profiles: usize, faults: usize) -> Holds {
    Holds {
        name: pack.name.clone(),
        scenarios: plan.scenarios.len(),
        messages: pack.contract.messages.len(),
        topics: pack.contract.channels.len(),
        profiles,
        faults,
    }
}
