//! Views that show versions, and go back to an older one or do not.

use std::time::Duration;

use proptest::prelude::*;

use super::kit::*;
use super::retries::{path, read_from};
use crate::oracle::{NeverOlder, judge};
use crate::{Cause, Observation, Sample, Seen, Verdict};

const WATCH: Duration = Duration::from_secs(2);

fn never_older() -> NeverOlder {
    NeverOlder::new("\"p\"", ("feed", "p"), (target("e"), handler()), at(1.0), WATCH, LIMIT)
}

/// A look that shows this version, or an item without one.
fn shows(version: Option<i64>, asked: f64) -> Observation {
    let Observation::Sampled(sample) = look(Some(true), asked) else { unreachable!() };
    Observation::Sampled(Sample { version, ..sample })
}

fn in_order(parts: &[&[Observation]]) -> Vec<Observation> {
    let mut history = parts.concat();
    history.sort_by_key(Observation::at);
    history
}

#[test]
fn a_view_that_must_not_go_back() {
    let handled = [seen("e", 7, 1.0), committed(8, 1.5)];
    let steady: Vec<Observation> = (2..10).map(|half| shows(Some(5), f64::from(half) / 2.0)).collect();
    let nameless: Vec<Observation> = (2..10).map(|half| shows(None, f64::from(half) / 2.0)).collect();
    let waits = Observation::Seen(Seen { topic: "posts.5s".into(), ..record("e", 0, 1.2) });
    let over = || never_older().retried_over(path());
    insta::assert_snapshot!(table(vec![
        ("it is watched", told(never_older(), &in_order(&[&handled, &steady[..4]]), 3.0)),
        ("it stays", told(never_older(), &in_order(&[&handled, &steady]), 4.5)),
        ("it goes back", told(never_older(), &in_order(&[&handled, &steady, &[shows(Some(3), 2.2)]]), 2.3)),
        (
            "it goes back, and on again",
            told(never_older(), &in_order(&[&handled, &steady, &[shows(Some(9), 2.2)]]), 2.6)
        ),
        (
            "it was newer before the step",
            told(never_older(), &in_order(&[&[shows(Some(6), 0.5)], &handled, &steady]), 2.0)
        ),
        ("the event is not known to be handled", told(never_older(), &in_order(&[&handled[..1], &steady]), 30.0)),
        ("the event was never seen", told(never_older(), &steady, 30.0)),
        ("it waits for another try", told(over(), &in_order(&[&handled, &steady, &[waits]]), 90.0)),
        ("it says no version", told(never_older(), &in_order(&[&handled, &nameless]), 30.0)),
        ("we ended the service", told(never_older(), &in_order(&[&handled[..1], &steady, &[died(true, 1.1)]]), 30.0)),
    ]));
}

#[test]
fn an_answer_to_a_look_from_before_the_newer_one_was_shown_is_no_step_back() {
    let lasting = |version, asked: f64, answered: f64| {
        let Observation::Sampled(sample) = shows(Some(version), asked) else { unreachable!() };
        Observation::Sampled(Sample { answered: at(answered), ..sample })
    };
    let handled = [seen("e", 7, 1.0), committed(8, 1.5)];
    // Two look at once: what the first is answered may be older than what the second is, and come later.
    let overlapping = [lasting(2, 2.2, 2.21), lasting(1, 2.195, 2.25), lasting(2, 4.0, 4.01)];
    let verdict = judge(never_older(), &in_order(&[&handled, &overlapping]), at(4.5));
    assert!(matches!(verdict, Verdict::Held(_)), "{verdict:?}");
    let later = [lasting(1, 2.22, 2.3)];
    let verdict = judge(never_older(), &in_order(&[&handled, &overlapping[..2], &later]), at(4.5));
    assert!(matches!(verdict, Verdict::Broken(Cause::WentBack { version: 1, newest: 2, .. })), "{verdict:?}");
}

proptest! {
    /// Versions as a view shows them, while an event is handled at some time or never, at once or after another try.
    #[test]
    fn it_is_broken_exactly_if_an_older_version_is_shown_and_held_only_once_the_event_was_handled(
        versions in proptest::collection::vec(proptest::option::weighted(0.8, 0i64..4), 1..40),
        handled in proptest::option::of(1.1f64..6.0),
        waits in proptest::option::of(0.1f64..6.0),
    ) {
        let mut history = vec![seen("e", 7, 1.0)];
        history.extend(handled.map(|seconds| committed(8, seconds)));
        if let (Some(handled), Some(lasts)) = (handled, waits) {
            history.push(Observation::Seen(Seen { topic: "posts.5s".into(), ..record("e", 0, handled - 0.01) }));
            history.push(read_from("posts.5s", 1, handled + lasts));
        }
        let looks = versions.iter().enumerate().map(|(number, version)| shows(*version, 1.0 + number as f64 * 0.25));
        history.extend(looks);
        let history = in_order(&[&history]);
        let shown: Vec<i64> = versions.iter().flatten().copied().collect();
        let goes_back = shown.windows(2).any(|pair| pair[1] < pair[0]);
        let verdict = judge(never_older().retried_over(path()), &history, at(300.0));
        match &verdict {
            Verdict::Broken(Cause::WentBack { version, newest, .. }) => prop_assert!(goes_back && version < newest),
            Verdict::Held(_) => {
                let last_look = 1.0 + (versions.len() - 1) as f64 * 0.25;
                let done = handled.map(|seconds| seconds + waits.unwrap_or_default());
                prop_assert!(!goes_back && done.is_some_and(|done| last_look >= done + 2.0 - 1e-6), "{verdict:?}");
            }
            Verdict::CannotTell(_) => prop_assert!(!goes_back, "{verdict:?}"),
            other => prop_assert!(false, "{other:?}"),
        }
    }
}
