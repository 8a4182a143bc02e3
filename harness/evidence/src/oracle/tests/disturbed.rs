//! What we do to a service moves its deadlines: one of several instances is ended, or a service is paused.
//!
//! Service "feed" has a second instance "feed-two"; group "g" has their members "m1" and "m2", which own six partitions together.

use std::time::Duration;

use proptest::prelude::*;

use super::kit::*;
use crate::GroupState::{Empty, Rebalancing, Stable};
use crate::oracle::{NoneLost, OnTopic, Processed, ShareInTime, ViewBecomes, judge};
use crate::{GroupState, Observation, Reason, Verdict};

pub fn instance(name: &str, seconds: f64) -> Observation {
    let like = (name != "feed").then(|| "feed".into());
    Observation::Started { service: name.into(), like, at: at(seconds) }
}

pub fn ended(name: &str, by_us: bool, seconds: f64) -> Observation {
    let Observation::Died { status, last_lines, at, .. } = died(by_us, seconds) else { unreachable!() };
    Observation::Died { service: name.into(), status, by_us, last_lines, at }
}

fn ending(name: &str, seconds: f64) -> Observation {
    Observation::Ending { service: name.into(), at: at(seconds) }
}

pub fn paused(name: &str, seconds: f64) -> Observation {
    Observation::Paused { service: name.into(), at: at(seconds) }
}

pub fn went_on(name: &str, seconds: f64) -> Observation {
    Observation::WentOn { service: name.into(), at: at(seconds) }
}

fn refused_login(name: &str, seconds: f64) -> Observation {
    Observation::Login { service: name.into(), refused: Some("Authentication failed".into()), at: at(seconds) }
}

fn members(state: GroupState, names: &[&str], owned: usize, seconds: f64) -> Observation {
    let members = names.iter().map(|name| (*name).into()).collect();
    Observation::Group { group: "g".into(), state, members, owned, at: at(seconds) }
}

fn stable(names: &[&str], seconds: f64) -> Observation {
    members(Stable, names, 6, seconds)
}

fn two_instances() -> Vec<Observation> {
    vec![instance("feed", 0.0), instance("feed-two", 0.0), stable(&["m1", "m2"], 0.1)]
}

fn in_order(mut history: Vec<Observation>) -> Vec<Observation> {
    history.sort_by_key(Observation::at);
    history
}

/// Events until 1.5, of which one had no effect; it must within 20 s.
fn judged(more: &[Observation], now: f64) -> String {
    let begun = [seen("a", 1, 0.4), seen("b", 2, 1.0), seen("c", 3, 1.5), effect("a", 0.45), effect("b", 1.1)];
    let history = in_order([&two_instances(), &begun[..], more].concat());
    let targets = ["a", "b", "c"].map(target).to_vec();
    told(NoneLost::new(targets, handler(), "handled", at(0.0), Duration::from_secs(20)), &history, now)
}

#[test]
fn one_of_two_instances_is_ended() {
    let killed = || ended("feed-two", true, 0.5);
    let crashed = || ended("feed-two", false, 0.5);
    let taken_over = || stable(&["m1"], 45.5);
    let again = || instance("feed-two", 50.0);
    insta::assert_snapshot!(table(vec![
        ("killed, and the dead member keeps its partitions", judged(&[killed()], 31.6)),
        ("killed, and handled when the other had them", judged(&[killed(), taken_over(), effect("c", 45.7)], 46.0)),
        ("killed, and the other has time from then on", judged(&[killed(), taken_over()], 75.4)),
        ("killed, and the other never handles it", judged(&[killed(), taken_over(), committed(3, 46.0)], 75.6)),
        (
            "killed, and the other has some of them first",
            judged(&[killed(), members(Stable, &["m1"], 3, 45.5), stable(&["m1"], 50.0)], 79.9)
        ),
        ("killed, and nobody ever takes over", judged(&[killed(), committed(3, 1.2)], 90.7)),
        ("the first is killed instead", judged(&[ended("feed", true, 0.5)], 31.6)),
        (
            "the first is killed, and the other never handles it",
            judged(&[ended("feed", true, 0.5), stable(&["m2"], 45.5), committed(3, 46.0)], 75.6)
        ),
        (
            "killed and started again: the group moves once more",
            judged(&[killed(), taken_over(), again(), members(Rebalancing, &[], 0, 51.0)], 79.0)
        ),
        (
            "killed and started again, and never handled",
            judged(&[killed(), taken_over(), again(), stable(&["m1", "m3"], 53.0), committed(3, 54.0)], 83.1)
        ),
        (
            "killed as soon as it had joined: its member is seen afterwards",
            judged(&[stable(&["m1"], 0.2), killed(), stable(&["m1", "m2"], 0.6)], 31.6)
        ),
        (
            "and when it has gone, the time begins",
            judged(
                &[stable(&["m1"], 0.2), killed(), stable(&["m1", "m2"], 0.6), taken_over(), committed(3, 46.0)],
                75.6
            )
        ),
        (
            "stopped: it left its group before its process ended",
            judged(
                &[ending("feed-two", 0.5), stable(&["m1"], 0.7), ended("feed-two", true, 1.0), committed(3, 2.0)],
                31.6
            )
        ),
        ("both killed", judged(&[killed(), ended("feed", true, 0.6)], 95.0)),
        (
            "both killed, and one is back",
            judged(
                &[killed(), ended("feed", true, 0.6), instance("feed", 2.0), stable(&["m3"], 47.0), committed(3, 48.0)],
                77.1
            )
        ),
        ("one died by itself, the other is killed", judged(&[crashed(), ended("feed", true, 0.6)], 95.0)),
        (
            "one is killed, the other takes over and then dies by itself",
            judged(&[killed(), stable(&["m1"], 6.5), ended("feed", false, 8.0)], 36.6),
        ),
        ("it died by itself", judged(&[crashed(), committed(3, 1.2)], 31.6)),
        (
            "it died by itself, and the other had time since it took over",
            judged(&[crashed(), stable(&["m1"], 6.5), committed(3, 7.0)], 31.6)
        ),
        ("both died by themselves", judged(&[crashed(), ended("feed", false, 0.6)], 31.6)),
        ("the broker lets one in", judged(&[refused_login("feed", 0.5), committed(3, 1.2)], 31.6)),
        ("the broker lets nobody in", judged(&[refused_login("feed", 0.5), refused_login("feed-two", 0.5)], 31.6)),
        (
            "the broker lets none of the living in",
            judged(&[crashed(), stable(&["m1"], 6.5), refused_login("feed", 7.0)], 31.6)
        ),
    ]));
}

#[test]
fn who_answers_for_a_view_is_one_instance() {
    let shows = || {
        let cause = OnTopic::new(target("e"), at(0.0), LIMIT, None);
        ViewBecomes::new("\"p\" in view \"feed\"", cause, handler(), "feed", "p", true, LIMIT)
    };
    let judged = |more: &[Observation], now| {
        let history = in_order([&two_instances(), &[seen("e", 7, 1.0), look(None, 20.0)][..], more].concat());
        told(shows(), &history, now)
    };
    insta::assert_snapshot!(table(vec![
        ("silent, and it died by itself", judged(&[ended("feed", false, 2.0), stable(&["m2"], 8.0)], 30.0)),
        ("silent, and the other died by itself", judged(&[ended("feed-two", false, 2.0)], 30.0)),
        ("silent, and it was killed", judged(&[ended("feed", true, 2.0), stable(&["m2"], 8.0)], 40.0)),
    ]));
}

fn shows() -> ViewBecomes {
    let cause = OnTopic::new(target("e"), at(0.0), LIMIT, None);
    ViewBecomes::new("\"p\"", cause, handler(), "feed", "p", true, LIMIT)
}

fn share() -> ShareInTime {
    ShareInTime::new(vec![target("e")], handler(), "handled", 1.0, at(0.0), LIMIT)
}

/// What each oracle says of an event at 0.5 that had its effect at some time, or never.
fn each(effect_at: Option<f64>, more: &[Observation], now: f64) -> String {
    let here = [instance("feed", 0.0), members(Stable, &["m1"], 6, 0.1), seen("e", 7, 0.5)];
    let before = effect_at.map_or(now, |seconds| seconds - 0.1);
    let looks = [look(Some(false), before), look(Some(effect_at.is_some()), before + 0.1)];
    let mut history = [&here[..], &looks, more].concat();
    history.extend(effect_at.map(|seconds| committed(8, seconds)));
    history.extend(effect_at.map(|seconds| effect("e", seconds)));
    let history: Vec<_> = in_order(history).into_iter().filter(|one| one.at() <= at(now)).collect();
    let processed = || Processed::new(target("e"), at(0.0), LIMIT, handler(), LIMIT);
    let lost = NoneLost::new(vec![target("e")], handler(), "handled", at(0.0), LIMIT);
    [
        told(shows(), &history, now),
        told(processed(), &history, now),
        told(share(), &history, now),
        told(lost, &history, now),
    ]
    .join("\n")
}

#[test]
fn a_service_is_paused() {
    let (stops, goes) = (|| paused("feed", 0.2), || went_on("feed", 8.0));
    let noticed = || members(Empty, &[], 0, 6.5);
    let given_up = || members(Rebalancing, &["m1"], 0, 8.3);
    insta::assert_snapshot!(table(vec![
        ("handled when it goes on", each(Some(8.2), &[stops(), goes()], 9.0)),
        ("it goes on, and there is time", each(None, &[stops(), goes()], 17.9)),
        ("it goes on, and never handles it", each(None, &[stops(), goes(), committed(7, 8.1)], 18.1)),
        ("it goes on, and is late", each(Some(14.0), &[stops(), goes()], 14.1)),
        ("paused still", each(None, &[stops()], 65.0)),
        ("paused still, to the end", each(None, &[stops()], 70.4)),
        ("its group had given it up", each(Some(14.0), &[stops(), noticed(), goes(), stable(&["m2"], 10.0)], 14.1)),
        (
            "its group had given it up, and then it is late",
            each(Some(16.0), &[stops(), noticed(), goes(), stable(&["m2"], 10.0)], 16.1)
        ),
        (
            "it learns late that its group has given it up",
            each(Some(14.0), &[stops(), goes(), given_up(), stable(&["m2"], 10.0)], 14.1)
        ),
        (
            "its group was moving for another reason, and its member is the same",
            each(Some(16.0), &[stops(), members(Rebalancing, &["m1"], 0, 7.9), goes(), stable(&["m1"], 10.0)], 16.1)
        ),
        (
            "a group that moves long after it is another matter",
            each(Some(26.0), &[stops(), goes(), members(Rebalancing, &["m1"], 0, 20.0), stable(&["m1"], 22.0)], 26.1)
        ),
        ("killed while it was paused", each(None, &[stops(), died(true, 3.0)], 70.4)),
        ("handled before it was paused", each(Some(1.0), &[paused("feed", 2.0)], 3.0)),
    ]));
}

#[test]
fn what_is_late_before_we_do_anything_is_late() {
    let earlier = || [died(true, 0.1), instance("feed", 0.2), stable(&["m2"], 0.3)];
    insta::assert_snapshot!(table(vec![
        ("late, then paused", each(Some(6.1), &[paused("feed", 7.0)], 8.0)),
        ("late, then killed", each(Some(6.1), &[died(true, 7.0)], 8.0)),
        (
            "killed and back before, then late, then killed",
            each(Some(6.1), &[&earlier()[..], &[died(true, 7.0)]].concat(), 8.0)
        ),
    ]));
}

#[test]
fn one_of_two_instances_is_paused() {
    let stops = || paused("feed-two", 0.5);
    insta::assert_snapshot!(table(vec![
        ("its member keeps its partitions", judged(&[stops()], 31.6)),
        (
            "the other has taken over, and never handles it",
            judged(&[stops(), stable(&["m1"], 6.5), committed(3, 7.0)], 36.6)
        ),
        ("it goes on before anybody noticed", judged(&[stops(), went_on("feed-two", 4.0), committed(3, 5.0)], 34.1)),
        (
            "it goes on, and the group moves once more",
            judged(&[stops(), stable(&["m1"], 6.5), went_on("feed-two", 9.0), stable(&["m1", "m3"], 12.0)], 41.9)
        ),
        ("nobody takes over", judged(&[stops()], 90.7)),
    ]));
}

/// When the group of a killed or paused instance can handle what was its: (from when on, what is observed).
fn disturbance(kind: u8, from: f64, session: f64, back: f64) -> (f64, Vec<Observation>) {
    let given_up = from + session;
    match kind {
        0 => (given_up, vec![ended("feed-two", true, from), stable(&["m1"], given_up)]),
        1 => {
            let again = instance("feed-two", from + back.min(session * 0.9));
            (given_up, vec![ended("feed-two", true, from), again, stable(&["m1", "m3"], given_up)])
        }
        2 if back < session => (from + back, vec![paused("feed-two", from), went_on("feed-two", from + back)]),
        2 => {
            // Before the other has had its time.
            let goes = given_up + (back - session).min(3.0);
            let whole = goes + 1.0;
            let moves = [members(Rebalancing, &["m1"], 0, goes + 0.1), stable(&["m1", "m3"], whole)];
            (
                whole,
                [&[paused("feed-two", from), stable(&["m1"], given_up), went_on("feed-two", goes)], &moves[..]]
                    .concat(),
            )
        }
        _ => {
            let left = from + 0.2;
            (left, vec![ending("feed-two", from), stable(&["m1"], left), ended("feed-two", true, from + 0.7)])
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// An event on a partition of the instance that we disturb: it is handled so long after it can be, or never.
    #[test]
    fn what_we_disturb_is_judged_by_what_it_does_afterwards(
        kind in 0u8..4,
        comes in 0.5f64..5.0,
        from in 0.2f64..6.0,
        session in 6.0f64..45.0,
        back in 0.5f64..50.0,
        takes in proptest::option::of(0.05f64..12.0),
    ) {
        let limit = LIMIT.as_secs_f64();
        prop_assume!(takes.is_none_or(|takes| (takes - limit).abs() > 0.3));
        let (able, disturbed) = disturbance(kind, from, session, back);
        let undisturbed = takes.filter(|takes| comes + takes < from);
        let handled = takes.map(|takes| undisturbed.map_or(comes.max(able), |_| comes) + takes);
        let mut history = [&two_instances(), &[seen("e", 7, comes)][..], &disturbed].concat();
        let looked = handled.unwrap_or(190.0);
        history.extend([look(Some(false), looked - 0.15), look(Some(handled.is_some()), looked)]);
        history.extend(handled.map(|seconds| effect("e", seconds)));
        let history = in_order(history);
        let lost = || NoneLost::new(vec![target("e")], handler(), "handled", at(0.0), LIMIT);
        let is_kept = takes.is_some_and(|takes| takes <= limit);
        // At every time on the way, and when all is over.
        for now in (0..50).map(|step| at(f64::from(step) * 4.0)) {
            let until = || history.iter().filter(|one| one.at() <= now);
            for verdict in [judge(shows(), until(), now), judge(share(), until(), now)] {
                prop_assert!(!verdict.is_held() || is_kept, "at {now}: said to hold: {verdict:?}");
                prop_assert!(!matches!(verdict, Verdict::Broken(_)) || !is_kept, "at {now}: said to be broken: {verdict:?}");
            }
            let verdict = judge(lost(), until(), now);
            // What is handled after its time is over is no longer waited for.
            prop_assert!(!matches!(verdict, Verdict::Broken(_)) || !is_kept, "at {now}: {verdict:?}");
        }
        let told = judge(lost(), &history, at(199.5));
        prop_assert!(told.is_final() && told.is_held() == handled.is_some(), "{told:?}");
        let is_own_doing = matches!(told, Verdict::CannotTell(Reason::OwnDoing { .. }));
        prop_assert!(!is_own_doing, "the group was stable again: {told:?}");
    }
}
