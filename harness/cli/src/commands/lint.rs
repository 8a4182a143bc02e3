//! `lint`: everything that can be known without running.

use std::path::Path;

use eventproof_scenarios::{Pack, SeededFaults};

use crate::{exit, output};

pub fn lint(folder: &Path) -> u8 {
    let pack = match Pack::read(folder) {
        Ok(pack) => pack,
        Err(faults) => {
            output::result(faults.render(output::color()).trim_end());
            return exit::USAGE;
        }
    };
    let (plan, profiles) = match (pack.plan(), pack.profiles()) {
        (Ok(plan), Ok(profiles)) => (plan, profiles),
        (plan, profiles) => {
            let mut faults = plan.err().unwrap_or_default();
            faults.extend(profiles.err().unwrap_or_default());
            output::result(faults.render(output::color()).trim_end());
            return exit::USAGE;
        }
    };
    let seeded = match SeededFaults::read(&pack, &plan) {
        Ok(seeded) => seeded,
        Err(faults) => {
            output::result(faults.render(output::color()).trim_end());
            return exit::USAGE;
        }
    };
    let mut warnings = pack.warnings.clone();
    warnings.extend(plan.warnings.clone());
    if !warnings.is_empty() {
        output::result(warnings.render(output::color()).trim_end());
    }
    output::result(&format!(
        "{}: {} scenarios, {} messages on {} topics, {} load profiles, {} faults: nothing is wrong",
        pack.name,
        plan.scenarios.len(),
        pack.contract.messages.len(),
        pack.contract.channels.len(),
        profiles.len(),
        seeded.faults.len()
    ));
    exit::HELD
}
