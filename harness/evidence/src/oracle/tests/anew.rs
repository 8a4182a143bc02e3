//! What a step before caused anew: a replay, a second publish, an action done twice, a group set back. Nothing that was known before
//! it proves anything of what comes of it.

use std::time::Duration;

use super::kit::*;
use super::retries::path;
use crate::oracle::{
    Attempts, AttemptsSeen, EffectOrder, ExactlyOnce, Expected, ExpectedTries, NeverOlder, OnTopic, OnTopicOnce,
    Processed, Recognise, Target, Tries, ViewBecomes,
};
use crate::{At, Observation, Seen};

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// An event that was handled long ago.
fn handled() -> Vec<Observation> {
    vec![seen("e", 7, 0.2), effect("e", 0.3), committed(8, 0.6)]
}

fn with(before: Vec<Observation>, more: &[Observation]) -> Vec<Observation> {
    before.into_iter().chain(more.iter().cloned()).collect()
}

#[test]
fn once_after_a_step_that_may_have_caused_it_again() {
    let once = || ExactlyOnce::new(target("e"), 1, None, handler(), "handled", seconds(2.0), at(10.0), LIMIT);
    let on_topic = || OnTopicOnce::new(OnTopic::new(target("e"), at(0.0), LIMIT, None), seconds(2.0));
    insta::assert_snapshot!(table(vec![
        ("just asked", told(once(), &handled(), 10.1)),
        ("settled", told(once(), &handled(), 12.0)),
        ("it came again meanwhile", told(once(), &with(handled(), &[effect("e", 10.7)]), 10.8)),
        ("on its topic once, just asked", told(on_topic().asked_at(at(10.0)), &handled(), 10.1)),
        ("on its topic once, watched", told(on_topic().asked_at(at(10.0)), &handled(), 12.1)),
        (
            "on its topic again meanwhile",
            told(on_topic().asked_at(at(10.0)), &with(handled(), &[seen("e", 9, 10.5)]), 10.6)
        ),
    ]));
}

#[test]
fn once_while_the_group_is_not_whole_again() {
    let once = || ExactlyOnce::new(target("e"), 1, None, handler(), "handled", seconds(2.0), at(5.0), LIMIT);
    let killed =
        || vec![seen("e", 7, 0.2), died(true, 1.0), started(2.0), group(crate::GroupState::Rebalancing, "", 3.0)];
    let whole = || with(killed(), &[group(crate::GroupState::Stable, "m2", 45.0)]);
    insta::assert_snapshot!(table(vec![
        ("not whole yet", told(once(), &killed(), 35.0)),
        ("whole, and still waited for", told(once(), &whole(), 49.0)),
        ("whole, and handled", told(once(), &with(whole(), &[effect("e", 45.2), committed(8, 45.3)]), 48.0)),
        ("whole, and never handled", told(once(), &whole(), 80.0)),
    ]));
}

#[test]
fn a_sentinel_on_another_topic_is_behind_nothing() {
    let sentinel = Target { topic: "posts".into(), ..target("s") };
    let once = ExactlyOnce::new(target("e"), 2, Some(sentinel), handler(), "handled", LIMIT, at(0.0), LIMIT);
    let old =
        Observation::Acknowledged { event: "e".into(), topic: "old".into(), partition: 0, offset: 3, at: at(0.2) };
    let history =
        vec![acknowledged("e", 7, 0.1), old, seen("e", 7, 0.1), effect("e", 0.3), seen("s", 11, 0.5), effect("s", 0.6)];
    assert_eq!(told(once, &history, 1.0), "not yet");
}

#[test]
fn an_action_that_is_done_again() {
    let second = || Target { from: at(12.0), ..target_by_field("post-e") };
    let waits = || OnTopic::new(second(), at(12.1), seconds(2.0), None);
    let becomes = || ViewBecomes::new("p", waits(), handler(), "feed", "p", true, LIMIT).looking_from(at(12.1));
    let first = || vec![seen("e", 7, 1.1)];
    let again =
        || with(first(), &[Observation::Seen(Seen { fields: record("e", 9, 12.2).fields, ..record("f", 9, 12.2) })]);
    insta::assert_snapshot!(table(vec![
        ("nothing came of it", told(waits(), &first(), 20.0)),
        ("its own record came", told(waits(), &again(), 12.3)),
        (
            "shown soon after",
            told(becomes(), &with(again(), &[look(Some(false), 12.25), look(Some(true), 12.4)]), 12.5)
        ),
        (
            "a follower of the one before",
            told(
                OnTopic::new(
                    Target {
                        recognise: Recognise::Correlated { event_type: "created".into(), correlation: "c".into() },
                        ..second()
                    },
                    at(12.1),
                    seconds(2.0),
                    None
                ),
                &[Observation::Seen(Seen { correlation: Some("c".into()), ..record("x", 7, 3.0) })],
                20.0
            )
        ),
    ]));
}

#[test]
fn what_is_published_again_is_processed_with_its_last_copy() {
    let processed = || Processed::new(target("e"), at(0.0), LIMIT, handler(), LIMIT);
    let copies = || {
        vec![
            acknowledged("e", 7, 0.1),
            seen("e", 7, 0.1),
            committed(8, 0.3),
            acknowledged("e", 9, 8.0),
            seen("e", 9, 8.0),
        ]
    };
    let back = || vec![seen("e", 7, 0.1), committed(8, 1.0), died(true, 7.0), committed(7, 8.0)];
    let becomes =
        || ViewBecomes::new("p", OnTopic::new(target("e"), at(0.0), LIMIT, None), handler(), "feed", "p", true, LIMIT);
    insta::assert_snapshot!(table(vec![
        ("the last copy is not read", told(processed(), &copies(), 9.0)),
        ("the last copy is read", told(processed(), &with(copies(), &[committed(10, 9.0)]), 9.1)),
        ("the last copy is read too late", told(processed(), &with(copies(), &[committed(10, 14.0)]), 14.1)),
        ("set back", told(processed(), &back(), 9.0)),
        (
            "set back, and read again",
            told(
                processed(),
                &with(back(), &[started(8.5), group(crate::GroupState::Stable, "m2", 9.0), committed(8, 9.5)]),
                9.6
            )
        ),
        (
            "a view that shows the copy",
            told(becomes(), &with(copies(), &[look(Some(false), 8.1), look(Some(true), 8.5)]), 8.6)
        ),
    ]));
}

#[test]
fn what_cannot_be_read_is_known_by_its_place() {
    let nameless = || Observation::Seen(Seen { id: None, event_type: None, ..record("e", 7, 0.11) });
    let processed = || Processed::new(target("e"), at(0.0), LIMIT, handler(), LIMIT);
    insta::assert_snapshot!(table(vec![
        (
            "acknowledged, then seen",
            told(processed(), &[acknowledged("e", 7, 0.1), nameless(), committed(8, 0.3)], 0.4)
        ),
        (
            "seen, then acknowledged",
            told(processed(), &[nameless(), acknowledged("e", 7, 0.12), committed(8, 0.3)], 0.4)
        ),
        ("another one is seen", told(processed(), &[nameless(), acknowledged("e", 6, 0.12), committed(8, 0.3)], 12.0)),
    ]));
}

#[test]
fn calls_for_nobody_need_a_control_that_is_behind() {
    let expected = Expected {
        seen_in: AttemptsSeen::AtStub("mail".into()),
        times: 0,
        pauses: Vec::new(),
        appears: LIMIT,
        limit: LIMIT,
        watch: seconds(0.5),
    };
    let never = || {
        let oracle = Attempts::new(target("a"), Some(handler()), expected.clone(), Vec::new(), at(0.0));
        oracle.shown_by(vec![target("b")]).asked_at(at(1.2))
    };
    let elsewhere = || Observation::Seen(Seen { partition: 1, ..record("b", 3, 1.0) });
    let history = || vec![seen("a", 7, 0.1), elsewhere(), called("b", 1.1)];
    insta::assert_snapshot!(table(vec![
        ("another was called for, and the group is not past it", told(never(), &history(), 1.8)),
        ("the group is past it", told(never(), &with(history(), &[committed(8, 1.5)]), 2.1)),
        ("the group is past it, still watched", told(never(), &with(history(), &[committed(8, 1.5)]), 1.9)),
        ("it is called for in the end", told(never(), &with(history(), &[called("a", 3.0)]), 3.1)),
        ("nothing tells", told(never(), &history(), 30.0)),
    ]));
}

#[test]
fn an_older_version_may_come_of_an_event_before() {
    let older = |others: Vec<Target>| {
        let by = (target("new"), handler());
        let oracle = NeverOlder::new("p", ("feed", "p"), by, at(5.0), seconds(2.0), LIMIT);
        oracle.beside(others.into_iter().map(|one| (one, path())).collect())
    };
    let look = |version: i64, asked: f64| match look(Some(true), asked) {
        Observation::Sampled(sample) => Observation::Sampled(crate::Sample { version: Some(version), ..sample }),
        other => other,
    };
    let history = || {
        vec![
            seen("old", 1, 0.1),
            seen("new", 2, 0.2),
            committed(3, 1.0),
            acknowledged("old", 3, 4.9),
            look(2, 5.1),
            look(2, 7.1),
        ]
    };
    insta::assert_snapshot!(table(vec![
        ("the one published again is not read", told(older(vec![target("old")]), &history(), 7.2)),
        (
            "the one published again is read",
            told(older(vec![target("old")]), &with(history(), &[committed(4, 7.2), look(2, 9.3)]), 9.4)
        ),
        ("it goes back", told(older(vec![target("old")]), &with(history(), &[committed(4, 8.0), look(1, 8.1)]), 8.2)),
    ]));
}

#[test]
fn tries_over_topics_are_watched_from_the_step_on() {
    let expected = ExpectedTries {
        times: 1,
        pauses: Vec::new(),
        appears: LIMIT,
        limit: LIMIT,
        watch: seconds(1.0),
        view: Some("handled".into()),
        dead: None,
    };
    let tries = || Tries::new(target("e"), path(), handler(), expected.clone(), at(0.0)).asked_at(at(10.0));
    let topic = path().stops[0].topic.clone();
    insta::assert_snapshot!(table(vec![
        ("just asked", told(tries(), &handled(), 10.1)),
        ("watched", told(tries(), &handled(), 11.1)),
        (
            "blind to where another try would be",
            told(tries(), &with(handled(), &[blind(Some(&topic), 10.2, Some(10.4))]), 11.1)
        ),
    ]));
}

#[test]
fn order_is_of_what_has_effects() {
    // What the runner leaves out is not asked for; of what is left each has its effect.
    let order = EffectOrder::new("k", vec![target("e"), target("f")], handler(), "handled", At::START, LIMIT);
    let history = [seen("e", 1, 0.1), seen("note", 2, 0.2), seen("f", 3, 0.3), effect("e", 0.4), effect("f", 0.5)];
    assert!(told(order, &history, 1.0).starts_with("held"));
}
