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
        settle,
        slip_limit,
        timeline,
        objectives,
        source: source.clone(),
        objective_nodes,
    })
}

fn objective(node: &Node, source: &Source, faults: &mut Diagnostics) -> Option<Objective> {
    let text = node.scalar_text().unwrap_or_default();
    Objective::parse(&text)
        .map_err(|message| faults.push(Diagnostic::error("load/objective", message).at(source, node.span)))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_a_profile_is_reported_with_its_remedy() {
        let text = "name: x\npack: ..\nmessage: m\nrate: fast\nwarmup: 2s\nevents: 10\nobjectives:\n  - lost = 0\n  - p95(end_to_end) < 100ms\n";
        insta::assert_snapshot!(Profile::parse(Source::inline("load.yaml", text)).unwrap_err().render(false));
    }
}
