//! Reading a profile's file: all faults at once.

use std::path::Path;
use std::time::Duration;

use eventproof_source::{Diagnostic, Diagnostics, Fields, Node, Source};

use super::{Profile, pace, traffic};
use crate::disturbance::disturbance;
use crate::objective::Objective;

/// How far sends may slip where a profile says nothing.
const SLIP_LIMIT: Duration = Duration::from_millis(20);
/// How long stragglers are waited for where a profile says nothing.
const SETTLE: Duration = Duration::from_secs(10);

pub(super) fn profile(root: &Node, source: &Source, faults: &mut Diagnostics) -> Option<Profile> {
    let mut fields = Fields::of(root, source, "a load profile", faults)?;
    let name = fields.required_string("name", faults);
    let pack = fields.required_string("pack", faults);
    let traffic = traffic::traffic(&mut fields, source, faults);
    let pace = pace::pace(&mut fields, source, faults);
    let warm_up = fields.duration("warm_up", faults).unwrap_or_default();
    let effects = fields.strings("effects", faults);
    let follows = fields.strings("follows", faults);
    let watched = fields.strings("groups", faults);
    let settle = fields.duration("settle", faults).unwrap_or(SETTLE);
    let slip_limit = fields.duration("slip_limit", faults).unwrap_or(SLIP_LIMIT);
    let timeline = fields.list("timeline").iter().filter_map(|node| disturbance(node, source, faults)).collect();
    let objective_nodes = fields.list("objectives").to_vec();
    fields.finish(faults);
    let objectives = objective_nodes.iter().filter_map(|node| objective(node, source, faults)).collect();
    let folder = source.path().parent().unwrap_or(Path::new("."));
    Some(Profile {
        name: name?,
        path: source.path().to_owned(),
        pack: folder.join(pack?),
        traffic: traffic?,
        pace: pace?,
        warm_up,
        effects,
        follows,
        watched,
        settle,
        slip_limit,
        timeline,
        objectives,
        source: source.clone(),
        root: root.clone(),
        objective_nodes,
    })
}

fn objective(node: &Node, source: &Source, faults: &mut Diagnostics) -> Option<Objective> {
    if node.entries().is_none() {
        return parsed(&node.scalar_text().unwrap_or_default(), node, source, faults);
    }
    let mut fields = Fields::of(node, source, "an objective", faults)?;
    let text = fields.required_string("objective", faults);
    let aborts = fields.bool("abort_on_fail", faults).unwrap_or(false);
    let grace = fields.duration("grace", faults);
    fields.finish(faults);
    if grace.is_some() && !aborts {
        let message = "`grace` is how long an objective that ends the load is let be, and this one ends nothing";
        let help = "write `abort_on_fail: true` beside it, or leave `grace` out";
        faults.push(Diagnostic::error("load/objective", message).at(source, node.span).help(help));
    }
    let abort_after = aborts.then(|| grace.unwrap_or_default());
    Some(Objective { abort_after, ..parsed(&text?, node, source, faults)? })
}

fn parsed(text: &str, node: &Node, source: &Source, faults: &mut Diagnostics) -> Option<Objective> {
    Objective::parse(text)
        .map_err(|message| faults.push(Diagnostic::error("load/objective", message).at(source, node.span)))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objective_may_end_the_load() {
        let text = "name: x\npack: ..\nmessage: m\nrate: 5/s\nevents: 10\nobjectives:\n  - lost(topic) = 0\n  - {objective: failed(acknowledgement) = 0, abort_on_fail: true}\n  - {objective: p95(end_to_end) < 100ms, abort_on_fail: true, grace: 10s}\n";
        let profile = Profile::parse(Source::inline("load.yaml", text)).unwrap();
        let found: Vec<_> = profile.objectives.iter().map(|one| (one.text.as_str(), one.abort_after)).collect();
        let expected = [
            ("lost(topic) = 0", None),
            ("failed(acknowledgement) = 0", Some(Duration::ZERO)),
            ("p95(end_to_end) < 100ms", Some(Duration::from_secs(10))),
        ];
        assert_eq!(found, expected);
        let wrong = "name: x\npack: ..\nmessage: m\nrate: 5/s\nevents: 10\nobjectives:\n  - {objective: max(end_to_end) < 1s, grace: 1s}\n  - {objectve: lost(topic) = 0}\n";
        let faults = Profile::parse(Source::inline("load.yaml", wrong)).unwrap_err().render(false);
        assert!(faults.contains("this one ends nothing") && faults.contains("did you mean `objective`?"), "{faults}");
    }

    #[test]
    fn every_fault_of_a_profile_is_reported_with_its_remedy() {
        let text = "name: x\npack: ..\nmessage: m\nrate: fast\nwarmup: 2s\nevents: 10\nobjectives:\n  - lost = 0\n  - p95(end_to_end) < 100ms\n";
        insta::assert_snapshot!(Profile::parse(Source::inline("load.yaml", text)).unwrap_err().render(false));
    }
}
