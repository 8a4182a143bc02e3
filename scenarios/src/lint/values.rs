//! Values in steps that cannot mean what was meant: times that a step never gets, and nothing at all.

use std::collections::BTreeSet;
use std::time::Duration;

use eventproof_source::Diagnostic;
use eventproof_system::{Assignment, GroupSpec};

use super::story::Told;
use crate::catalogue::{Kind, SentenceId};
use crate::pack::Pack;
use crate::plan::{Sub, sentence_arguments};

/// What is wrong with the times and counts of a sentence. `killed`: the services that were killed before it.
pub(super) fn times(pack: &Pack, sub: &Sub, most: Duration, killed: &BTreeSet<String>) -> Vec<Told> {
    let whole = [too_long(sub, most), too_short(pack, sub, killed)];
    let whole = whole.into_iter().flatten().map(|fault| (fault, String::new()));
    whole.chain(no_sentence(sub)).chain(nothing_at_all(sub)).chain(no_number(sub)).chain(no_percentage(sub)).collect()
}

/// What a phrase was given may end a quoted text of its own sentence: then the sentence is none any more, and would do nothing.
fn no_sentence(sub: &Sub) -> Option<Told> {
    let text = sub.text();
    let message = format!("with what it is given here, the phrase's step `{text}` is no sentence any more");
    let help = "a text with quotes of one kind stands in quotes of another: `\"…\"`, `“…”` or `「…」`, in the phrase's step too";
    sentence_arguments(sub.sentence, &text)
        .is_none()
        .then(|| (Diagnostic::error("feature/no-sentence", message).help(help), String::new()))
}

/// Times and counts that no number here holds: they would be taken for none at all.
fn no_number(sub: &Sub) -> Vec<Told> {
    let Some(arguments) = sentence_arguments(sub.sentence, &sub.text()) else { return Vec::new() };
    let is_unread = |name: &str, kind: Kind| match kind {
        Kind::Duration => arguments.duration(name).is_none(),
        Kind::Count => arguments.count(name).is_none(),
        _ => false,
    };
    let unread = arguments.iter().filter(|(name, kind, _)| is_unread(name, *kind));
    let told = unread.map(|(_, kind, text)| {
        let what = if kind == Kind::Duration { "time" } else { "count" };
        let message = format!("{text} is larger than any {what} that a step can have");
        (
            Diagnostic::error("feature/number", message).help(format!("write a {what} that a run can come to")),
            text.to_owned(),
        )
    });
    told.collect()
}

/// What no share can be: a number that does not say what it counts, and more than all.
fn no_percentage(sub: &Sub) -> Option<Told> {
    let arguments = sentence_arguments(sub.sentence, &sub.text())?;
    let of = |name: &str| arguments.percentage(name);
    let is_wrong = |share: Option<f64>| share.is_none_or(|share| share <= 0.0 || share > 1.0);
    let (name, _, text) = arguments.iter().find(|(name, kind, _)| *kind == Kind::Percentage && is_wrong(of(name)))?;
    let message = match of(name) {
        None => format!("{text} says of no share how large it is: it has no % sign"),
        Some(share) if share > 1.0 => format!("{text} is more than all of them"),
        Some(_) => format!("{text} of them are none, so this could never fail"),
    };
    let help = format!(
        "write a percentage above 0 % and up to 100 %, such as `{} %`",
        if of(name).is_none() { text } else { "99.5" }
    );
    Some((Diagnostic::error("feature/percentage", message).help(help), text.to_owned()))
}

/// The service whose work a sentence waits for, and the group where it names one.
fn awaited(pack: &Pack, sub: &Sub) -> Option<(String, Option<String>)> {
    let of_group = |group: String| Some((pack.system.group(&group)?.service.clone(), Some(group)));
    match sub.sentence.id {
        SentenceId::NoneIsLost | SentenceId::ShareInTime | SentenceId::GroupHasProcessed | SentenceId::LagIsBelow => {
            of_group(sub.argument(Kind::Group)?)
        }
        SentenceId::ViewShows | SentenceId::ViewNoLongerShows => {
            of_group(pack.system.view(&sub.argument(Kind::List)?)?.group.clone())
        }
        SentenceId::DerivedFollows => {
            Some((pack.contract.senders(&sub.argument(Kind::Event)?).next()?.service.clone()?, None))
        }
        SentenceId::IsDeadLettered | SentenceId::DeadLetteredAfter => Some((sub.argument(Kind::Service)?, None)),
        _ => None,
    }
}

/// No time, no rate, no events: what could never hold, or would do nothing.
fn nothing_at_all(sub: &Sub) -> Option<Told> {
    let arguments = sentence_arguments(sub.sentence, &sub.text())?;
    // That nothing is published again may be a row of an outline.
    let publishes = sub.sentence.id == SentenceId::PublishedInBackground;
    let is_nothing = |name: &str, kind: Kind| match kind {
        Kind::Duration => arguments.duration(name) == Some(Duration::ZERO),
        Kind::Rate => arguments.rate(name).is_none_or(|rate| rate <= 0.0),
        Kind::Count => publishes && arguments.count(name) == Some(0),
        _ => false,
    };
    let (_, kind, text) = arguments.iter().find(|(name, kind, _)| is_nothing(name, *kind))?;
    let (message, help) = match kind {
        Kind::Duration => (format!("{text} is no time at all"), "give a time that is longer than nothing, such as 5s"),
        Kind::Rate => (format!("{text} is no rate"), "give a rate such as 200/s"),
        _ => (format!("{text} events are none"), "give a number above 0, or leave the step out"),
    };
    Some((Diagnostic::error("feature/nothing", message).help(help), text.to_owned()))
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
fn too_short(pack: &Pack, sub: &Sub, killed: &BTreeSet<String>) -> Option<Diagnostic> {
    let (service, named) = awaited(pack, sub)?;
    // Who assigns partitions by hand has no session. Where no group is named, the quickest of the service's may do it.
    let has_session = |group: &&GroupSpec| group.assignment == Assignment::Group && group.service == service;
    let groups = pack.system.groups.iter().filter(has_session);
    let its = groups.filter(|group| named.as_ref().is_none_or(|name| group.name == *name));
    let session = its.map(|group| group.session).min()?;
    let limit = sub.time().filter(|limit| killed.contains(&service) && *limit < session)?;
    let message = format!(
        "after a kill {} s may be shorter than the group's session time-out ({} s or more), for which nobody takes the dead member's partitions",
        limit.as_secs_f64(),
        session.as_secs_f64()
    );
    Some(
        Diagnostic::warning("feature/limit-after-kill", message)
            .help("give at least the session time-out and the time of the work; where the group's is another, say so in system.yaml (`session: 45s`)"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::tests::{SYSTEM, small, told, told_of};

    #[test]
    fn a_field_that_an_event_does_not_have_is_told_before_anything_starts() {
        let steps = "    When \"order.placed\" is published\n      | totl      | 7 |\n      | /order_id | a |\n";
        assert_eq!(told(steps), ["5 [feature/unknown-field] \"order.placed\" has no field `totl`"]);
    }

    #[test]
    fn what_is_no_percentage_is_told_with_what_would_be() {
        let system = format!(
            "{SYSTEM}views:\n  done: {{service: stock, group: stock, journal: {{http: 'http://x/?a={{cursor}}', items: /i, event: /e, next: /n}}}}\n"
        );
        let told = |share: &str| {
            let steps = format!(
                "    When 5 \"order.placed\" events are published at 5/s in the background\n    Then group \"stock\" handles at least {share} of them within 5s each\n"
            );
            told_of(&format!("Feature: f\n\n  Scenario: s\n{steps}"), &system)
        };
        assert_eq!(told("99.5 %"), [""; 0]);
        assert_eq!(told("100%"), [""; 0]);
        assert_eq!(told("101 %"), ["5 [feature/percentage] 101 % is more than all of them"]);
        assert_eq!(told("0%"), ["5 [feature/percentage] 0% of them are none, so this could never fail"]);
        assert_eq!(told("99"), ["5 [feature/percentage] 99 says of no share how large it is: it has no % sign"]);
    }

    #[test]
    fn wide_digits_are_read_as_numbers() {
        let feature = "# language: zh-CN\n功能: f\n\n  场景: s\n    当发布事件\"order.placed\"\n    而且同一事件再次发布３次\n    而且经过４００秒\n    而且经过０秒\n";
        assert_eq!(
            told_of(feature, SYSTEM),
            [
                "7 [feature/limit-too-long] 400 s is longer than the scenario may take: it is ended after 300 s",
                "8 [feature/nothing] ０秒 is no time at all",
            ]
        );
        let many = "    When ３００ \"order.placed\" events are published at ２００/s in the background\n    And ０ \"order.placed\" events are published at 5/s in the background\n";
        assert_eq!(told(many), ["5 [feature/nothing] ０ events are none"]);
    }

    #[test]
    fn numbers_that_nobody_can_read_are_told() {
        let nines = "9".repeat(23);
        let steps = format!(
            "    When \"order.placed\" is published\n    And the same event is published again {nines} times\n    And {nines}s pass\n    And ５５５５５５５５５５５５５５５５５５５５５５ \"order.placed\" events are published at 5/s in the background\n"
        );
        assert_eq!(
            told(&steps),
            [
                format!("5 [feature/number] {nines} is larger than any count that a step can have"),
                format!("6 [feature/number] {nines}s is larger than any time that a step can have"),
                "7 [feature/number] ５５５５５５５５５５５５５５５５５５５５５５ is larger than any count that a step can have".to_owned(),
            ]
        );
    }

    #[test]
    fn a_phrase_whose_step_is_no_sentence_with_what_it_is_given_is_told() {
        let phrases =
            "phrases:\n  - say: 'it says {words}'\n    does:\n      - 'service \"stock\" logs \"{words}\" within 1s'\n";
        let feature = "Feature: f\n\n  Scenario: s\n    Then it says \"x\"\n    And it says “a \"b\" c”\n";
        let folder = small(&[("phrases.yaml", phrases), ("a.feature", feature)]);
        let faults = Pack::read(folder.path()).and_then(|pack| pack.plan()).err().unwrap();
        let errors = faults.iter().filter(|one| one.severity == eventproof_source::Severity::Error);
        let told: Vec<_> = errors.map(|one| (one.place().unwrap().1, one.message.as_str())).collect();
        assert_eq!(
            told,
            [(
                5,
                "with what it is given here, the phrase's step `service \"stock\" logs \"a \"b\" c\" within 1s` is no sentence any more"
            )]
        );
    }

    #[test]
    fn versions_are_asked_only_of_views_that_say_them() {
        let told = |more: &str| {
            let list = format!("{{http: 'http://x/', items: /i, item: /id{more}}}");
            let system = format!("{SYSTEM}views: {{shelf: {{service: stock, group: stock, list: {list}}}}}\n");
            let steps = "    When \"order.placed\" is published\n    Then view \"shelf\" never goes back to an older version of \"x\", watched for 1s\n";
            told_of(&format!("Feature: f\n\n  Scenario: s\n{steps}"), &system)
        };
        assert_eq!(told(", version: /version"), [""; 0]);
        assert_eq!(told(""), ["5 [feature/no-version] view \"shelf\" says no version, so this could never be told"]);
    }

    #[test]
    fn the_lag_of_a_group_that_nobody_has_is_told() {
        let alert = "alerts: {behind: {service: stock, value: {lag: stok}, above: 10}}\n";
        let folder = small(&[("system.yaml", &format!("{SYSTEM}{alert}"))]);
        let faults = Pack::read(folder.path()).err().unwrap();
        let errors = faults.iter().filter(|one| one.severity == eventproof_source::Severity::Error);
        let told: Vec<_> = errors.map(|one| (one.code, one.help.clone().unwrap_or_default())).collect();
        assert_eq!(told, [("pack/unknown-name", "did you mean `stock`?".to_owned())]);
    }

    #[test]
    fn a_dead_instance_keeps_its_partitions_for_as_long_as_its_group_says() {
        let steps = "    When service \"stock-two\" is killed\n    And \"order.placed\" is published\n    Then group \"stock\" has processed it within 20s\n    And service \"stock\" logs \"x\" within 50s\n";
        let system = |session: &str| {
            format!(
                "system: shop\nservices: {{stock: {{command: [stock]}}, stock-two: {{like: stock}}}}\ngroups: {{stock: {{service: stock{session}}}}}\n"
            )
        };
        let feature = format!("Feature: f\n\n  Scenario: s\n{steps}");
        let found = |session: &str| {
            let told = told_of(&feature, &system(session));
            told.into_iter().filter(|line| line.contains("limit-after-kill")).collect::<Vec<_>>()
        };
        assert_eq!(found(""), [""; 0]);
        let long = found(", session: 45s");
        assert!(
            long.len() == 1
                && long[0].contains("after a kill 20 s may be shorter")
                && long[0].contains("(45 s or more)"),
            "{long:?}"
        );
    }

    #[test]
    fn times_that_prove_nothing_are_told() {
        let steps = "    When 5 \"order.placed\" events are published at 5/s in the background\n    And service \"stock\" is killed\n    And service \"stock\" is started again\n    Then group \"stock\" loses none of them within 3s\n    And service \"stock\" logs \"x\" within 10min\n";
        let told = told(steps);
        assert!(
            told[2].starts_with(
                "8 [feature/limit-too-long] 600 s is longer than the scenario may take: it is ended after 300 s"
            ),
            "{told:?}"
        );
        let short = "7 [feature/limit-after-kill] after a kill 3 s may be shorter than the group's session time-out (6 s or more)";
        assert!(told[1].starts_with(short), "{told:?}");
    }
}
