//! Every step of every scenario, one after the other, with what the scenario did before it.

use std::collections::BTreeSet;

use eventproof_source::{Diagnostic, Diagnostics};

use super::it::makes_unknown;
use super::names::{self, Known};
use super::place::StepPlace;
use super::story::{Story, Told};
use super::{rows, values};
use crate::catalogue::Kind;
use crate::pack::Pack;
use crate::plan::{PlannedScenario, Sub};

/// Checks every sentence of every step: its names, times, table, and what it builds on.
pub(crate) fn steps(pack: &Pack, scenarios: &[PlannedScenario], faults: &mut Diagnostics) {
    let known = Known::of(pack);
    // A background's step belongs to every scenario, and a phrase's sentence to every step that says it, but is wrong only once.
    let mut told = BTreeSet::new();
    for scenario in scenarios {
        for (fault, step) in of_scenario(pack, &known, scenario) {
            let place = fault.place().map_or((scenario.file.clone(), step, 0), |place| place);
            if told.insert((place, fault.message.clone())) {
                faults.push(fault);
            }
        }
    }
}

/// The faults of a scenario, each with the line of its step.
fn of_scenario(pack: &Pack, known: &Known<'_>, scenario: &PlannedScenario) -> Vec<(Diagnostic, usize)> {
    let Some(file) = pack.features.iter().find(|file| file.path() == scenario.file) else { return Vec::new() };
    let (mut story, mut killed, mut faults) = (Story::default(), BTreeSet::new(), Vec::new());
    for step in &scenario.steps {
        let place = StepPlace::of(pack, &file.source, step);
        if !step.is_whole {
            story.lose_sight();
        }
        for sub in &step.subs {
            if let Some(service) = sub.argument(Kind::Service).filter(|_| sub.kills()) {
                // Of a further instance it is the same group that waits.
                killed.extend(pack.system.service(&service).and_then(|service| service.like.clone()));
                killed.insert(service);
            }
            let times = values::times(pack, sub, scenario.asks.limit(), &killed);
            let found = of_sentence(pack, known, sub, &story, times);
            faults.extend(found.into_iter().map(|told| (put(&place, told), step.line)));
            story.go_on(pack, sub);
            if makes_unknown(pack, sub) {
                story.lose_sight();
            }
        }
    }
    faults
}

fn of_sentence(pack: &Pack, known: &Known<'_>, sub: &Sub, story: &Story, times: Vec<Told>) -> Vec<Told> {
    let mut found = names::of_sentence(pack, known, sub);
    found.extend(times);
    found.extend(story.faults(pack, sub));
    found.extend(rows::rows(pack, sub));
    found
}

/// A fault without a word is the whole step's.
fn put(place: &StepPlace<'_>, (fault, word): Told) -> Diagnostic {
    if word.is_empty() { place.tell_whole(fault) } else { place.tell(fault, &word) }
}
