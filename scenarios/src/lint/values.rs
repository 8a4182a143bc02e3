//! Values in steps that cannot mean what was meant: fields that an event does not have, times that a step never gets.

use std::collections::BTreeSet;
use std::time::Duration;

use eventproof_source::{Diagnostic, Diagnostics, nearest};

use crate::catalogue::{Kind, SentenceId};
use crate::pack::Pack;
use crate::plan::{PlannedScenario, SESSION, Sub, line_span};

/// Checks the values of every step.
pub(crate) fn values(pack: &Pack, scenarios: &[PlannedScenario], faults: &mut Diagnostics) {
    let mut told = BTreeSet::new();
    for scenario in scenarios {
        let Some(file) = pack.features.iter().find(|file| file.path() == scenario.file) else { continue };
        let mut killed = false;
        for step in &scenario.steps {
            for sub in &step.subs {
                killed |= sub.kills();
                let found = [unknown_field(pack, sub), too_long(sub, scenario.asks.limit()), too_short(sub, killed)];
                for fault in found.into_iter().flatten() {
                    if told.insert((scenario.file.clone(), step.line, fault.message.clone())) {
                        faults.push(fault.at(&file.source, line_span(&file.source, step.line)));
                    }
                }
            }
        }
    }
}

/// A row of a table that sets a field which the event's schema does not have.
fn unknown_field(pack: &Pack, sub: &Sub) -> Option<Diagnostic> {
    let sets = matches!(
        sub.sentence.id,
        SentenceId::EventIsPublished | SentenceId::PublishedEverywhere | SentenceId::PublishedInBackground
    );
    let event = sub.arguments().into_iter().find(|(_, kind, _)| *kind == Kind::Event).map(|(_, _, name)| name)?;
    let message = pack.contract.message(&event).filter(|_| sets)?;
    let known = message.payload.document.get("properties")?.as_object()?;
    // What stands below the top may lie behind references and alternatives.
    let mut tops = sub.table.iter().map(|(name, _)| name.trim_start_matches('/').split('/').next().unwrap_or_default());
    let wrong = tops.find(|top| !top.contains('{') && !known.contains_key(*top))?;
    let names = known.keys().map(String::as_str);
    let help = match nearest(wrong, names.clone()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("there are: {}", names.collect::<Vec<_>>().join(", ")),
    };
    Some(Diagnostic::error("feature/unknown-field", format!("\"{event}\" has no field `{wrong}`")).help(help))
}

/// A step that could never come to its verdict, since its scenario is ended before.
fn too_long(sub: &Sub, most: Duration) -> Option<Diagnostic> {
    let limit = sub.time().filter(|limit| *limit >= most)?;
    let message = format!(
        "{} s is longer than the scenario may take: it is ended after {} s",
        limit.as_secs_f64(),
        most.as_secs_f64()
    );
    Some(
        Diagnostic::error("feature/limit-too-long", message)
            .help("give the scenario more time by a tag such as @limit:10min, or judge long times by a scaled clock"),
    )
}

/// After a kill the group waits out the dead member's session before anybody takes its partitions.
fn too_short(sub: &Sub, killed: bool) -> Option<Diagnostic> {
    let waits = matches!(sub.sentence.id, SentenceId::NoneIsLost | SentenceId::GroupHasProcessed);
    let limit = sub.time().filter(|limit| killed && waits && *limit < SESSION)?;
    let message = format!(
        "after a kill {} s may be shorter than the group's session time-out, for which nobody takes the dead member's partitions",
        limit.as_secs_f64()
    );
    Some(
        Diagnostic::warning("feature/limit-after-kill", message)
            .help("give at least the session time-out (6 s at the least) and the time of the work"),
    )
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{CONTRACT, SYSTEM, told};
    use crate::pack::Pack;

    #[test]
    fn a_field_that_an_event_does_not_have_is_told_before_anything_starts() {
        let steps = "    When \"order.placed\" is published\n      | totl      | 7 |\n      | /order_id | a |\n";
        assert_eq!(told(steps), ["4 [feature/unknown-field] \"order.placed\" has no field `totl`"]);
    }

    #[test]
    fn the_lag_of_a_group_that_nobody_has_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let alert = "alerts: {behind: {service: stock, value: {lag: stok}, above: 10}}\n";
        for (name, text) in [("asyncapi.yaml", CONTRACT.to_owned()), ("system.yaml", format!("{SYSTEM}{alert}"))] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let faults = Pack::read(folder.path()).err().unwrap();
        let errors = faults.iter().filter(|one| one.severity == eventproof_source::Severity::Error);
        let told: Vec<_> = errors.map(|one| (one.code, one.help.clone().unwrap_or_default())).collect();
        assert_eq!(told, [("pack/unknown-name", "did you mean `stock`?".to_owned())]);
    }

    #[test]
    fn times_that_prove_nothing_are_told() {
        let steps = "    When 5 \"order.placed\" events are published at 5/s in the background\n    And service \"stock\" is killed\n    And service \"stock\" is started again\n    Then group \"stock\" loses none of them within 3s\n    And service \"stock\" logs \"x\" within 10min\n";
        let told = told(steps);
        assert!(
            told[1].starts_with(
                "8 [feature/limit-too-long] 600 s is longer than the scenario may take: it is ended after 300 s"
            ),
            "{told:?}"
        );
        assert!(told[0].starts_with("7 [feature/limit-after-kill] after a kill 3 s may be shorter"), "{told:?}");
    }
}
