//! Values in steps that cannot mean what was meant: fields that an event does not have, times that a step never gets.

use std::collections::BTreeSet;
use std::time::Duration;

use eventproof_source::{Diagnostic, Diagnostics, nearest};

use crate::catalogue::{Kind, SentenceId};
use crate::pack::Pack;
use crate::plan::{PlannedScenario, Sub, line_span, sentence_arguments};
use crate::runner::STEP_LIMIT;

/// The shortest session time-out that Kafka's brokers take by default: until then a dead member holds its partitions.
const SESSION: Duration = Duration::from_secs(6);

/// Checks the values of every step.
pub(crate) fn values(pack: &Pack, scenarios: &[PlannedScenario], faults: &mut Diagnostics) {
    let mut told = BTreeSet::new();
    for scenario in scenarios {
        let Some(file) = pack.features.iter().find(|file| file.path() == scenario.file) else { continue };
        let mut killed = false;
        for step in &scenario.steps {
            for sub in &step.subs {
                killed |= matches!(sub.sentence.id, SentenceId::ServiceIsKilled | SentenceId::ServiceIsKilledAfter);
                let found = [unknown_field(pack, sub), too_long(sub), too_short(sub, killed)];
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
    let sets = matches!(sub.sentence.id, SentenceId::EventIsPublished | SentenceId::PublishedInBackground);
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

/// How long a step may wait by what it says.
fn limit(sub: &Sub) -> Option<Duration> {
    let text = sub.text();
    let arguments = sentence_arguments(sub.sentence, &text)?;
    arguments.duration("limit").or_else(|| arguments.duration("watch"))
}

fn too_long(sub: &Sub) -> Option<Diagnostic> {
    let limit = limit(sub).filter(|limit| *limit >= STEP_LIMIT)?;
    let message = format!(
        "{} s is longer than a step may take: it is ended after {} s",
        limit.as_secs_f64(),
        STEP_LIMIT.as_secs()
    );
    Some(
        Diagnostic::error("feature/limit-too-long", message)
            .help("judge long times by a scaled clock, or by what is configured"),
    )
}

/// After a kill the group waits out the dead member's session before anybody takes its partitions.
fn too_short(sub: &Sub, killed: bool) -> Option<Diagnostic> {
    let waits = matches!(sub.sentence.id, SentenceId::NoneIsLost | SentenceId::GroupHasProcessed);
    let limit = limit(sub).filter(|limit| killed && waits && *limit < SESSION)?;
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
    use std::path::Path;

    use super::*;

    const CONTRACT: &str = "\
asyncapi: 3.0.0
info: {title: shop, version: '1'}
channels:
  orders:
    address: shop.orders
    messages:
      placed:
        name: order.placed
        payload: {type: object, properties: {order_id: {type: string}, total: {type: integer}}}
operations:
  take:
    action: receive
    channel: {$ref: '#/channels/orders'}
    bindings: {kafka: {groupId: stock}}
    x-eventproof: {service: stock}
";
    const SYSTEM: &str = "\
system: shop
services: {stock: {command: [stock]}}
groups: {stock: {service: stock}}
";

    /// What lint says of these steps, without the drawing.
    fn told(steps: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let feature = format!("Feature: f\n\n  Scenario: s\n{steps}");
        let phrases = "phrases:\n  - say: nobody says so\n    does:\n      - step: 1s pass\n";
        for (name, text) in
            [("asyncapi.yaml", CONTRACT), ("system.yaml", SYSTEM), ("phrases.yaml", phrases), ("a.feature", &feature)]
        {
            std::fs::write(Path::new(folder.path()).join(name), text).unwrap();
        }
        let pack = Pack::read(folder.path()).map_err(|faults| faults.render(false)).unwrap();
        let found = match pack.plan() {
            Ok(plan) => plan.warnings,
            Err(faults) => faults,
        };
        let line =
            |one: &Diagnostic| format!("{} [{}] {}", one.place().map_or(0, |place| place.1), one.code, one.message);
        found.iter().filter(|one| one.code != "phrases/unused").map(line).collect()
    }

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
        assert!(told[1].starts_with("8 [feature/limit-too-long] 600 s is longer than a step may take"), "{told:?}");
        assert!(told[0].starts_with("7 [feature/limit-after-kill] after a kill 3 s may be shorter"), "{told:?}");
    }
}
