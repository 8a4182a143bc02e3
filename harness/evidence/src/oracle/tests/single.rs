//! Oracles over one event: on its topic, processed, shown in a view.

use super::kit::*;
use crate::GroupState::{Empty, Rebalancing, Stable};
use std::time::Duration;

use crate::oracle::{
    Attempts, AttemptsSeen, DeadLetteredAfter, Expected, OnTopic, OnTopicOnce, Processed, Recognise, StaysAbsent,
    Target, ViewBecomes, ViewKeeps,
};
use crate::{Blind, Observation, Seen, Subject};

fn on_topic() -> OnTopic {
    OnTopic::new(target("e"), at(0.0), LIMIT, Some("feed".into()))
}

fn other_record(change: impl Fn(&mut Seen)) -> Observation {
    let mut record = record("e", 7, 1.0);
    change(&mut record);
    Observation::Seen(record)
}

fn on_another_topic() -> Observation {
    other_record(|record| record.topic = "posts.dlq".into())
}

#[test]
fn an_event_on_its_topic() {
    let wrong_key = other_record(|record| record.key = Some("other".into()));
    let no_key = other_record(|record| record.key = None);
    let wrong_partition = other_record(|record| record.partition = 3);
    let elsewhere = other_record(|record| record.topic = "users".into());
    let other_title = other_record(|record| record.fields.push(("/title".into(), "bread".into())));
    let by_two_fields = |since: f64| {
        let fields = vec![("/post_id".into(), "post-e".into()), ("/title".into(), "milk".into())];
        let target = Target { recognise: Recognise::Fields { event_type: "created".into(), fields }, ..target("e") };
        OnTopic::new(target, at(since), LIMIT, None)
    };
    let by_field = || OnTopic::new(target_by_field("post-e"), at(0.0), LIMIT, Some("feed".into()));
    insta::assert_snapshot!(table(vec![
        ("seen in time", told(on_topic(), &[seen("e", 7, 1.25)], 2.0)),
        ("not seen, and still time", told(on_topic(), &[], 9.0)),
        ("seen late, while it is still watched", told(on_topic(), &[seen("e", 7, 7.5)], 8.0)),
        ("never seen", told(on_topic(), &[seen("other", 7, 1.0)], 10.1)),
        ("never seen, and who should publish it is dead", told(on_topic(), &[died(false, 1.0)], 10.1)),
        ("never seen, for we ended who should publish it", told(on_topic(), &[died(true, 1.0)], 10.1)),
        ("never seen, and ended by us but started again", told(on_topic(), &[died(true, 1.0), started(2.0)], 10.1)),
        ("another key", told(on_topic(), &[wrong_key], 2.0)),
        ("no key", told(on_topic(), &[no_key], 2.0)),
        ("another partition", told(on_topic(), &[wrong_partition], 2.0)),
        (
            "another topic, where a dead letter may have its id",
            told(on_topic(), std::slice::from_ref(&elsewhere), 10.1)
        ),
        ("a service's event on another topic", told(by_field(), std::slice::from_ref(&elsewhere), 10.1)),
        (
            "a service's event on another topic, then on its own",
            told(by_field(), &[elsewhere, seen("e", 9, 1.5)], 10.1)
        ),
        ("a service's event with another title", told(by_two_fields(0.0), std::slice::from_ref(&other_title), 10.1)),
        ("a service's event with another title, before the step", told(by_two_fields(2.0), &[other_title], 12.1)),
        ("refused", told(on_topic(), &[refused("e", 0.1)], 0.2)),
        ("of unknown fate, in time", told(on_topic(), &[unknown("e", 0.1)], 4.0)),
        ("of unknown fate", told(on_topic(), &[unknown("e", 0.1)], 5.1)),
        ("of unknown fate, but seen after all", told(on_topic(), &[unknown("e", 0.1), seen("e", 7, 3.0)], 5.1)),
        ("never seen, with a blind span of the topic", told(on_topic(), &[blind(Some("posts"), 1.0, Some(2.0))], 10.1)),
        ("never seen, with a blind span of everything", told(on_topic(), &[blind(None, 1.0, None)], 10.1)),
        (
            "never seen, with a blind span that was made good",
            told(on_topic(), &[blind(Some("posts"), 1.0, None), caught_up("posts", 2.0)], 10.1),
        ),
        ("never seen, with another topic's blind span", told(on_topic(), &[blind(Some("users"), 1.0, None)], 10.1)),
        (
            "late across a blind span that was made good",
            told(on_topic(), &[blind(Some("posts"), 1.0, Some(6.0)), caught_up("posts", 6.5), seen("e", 7, 7.0)], 8.0,),
        ),
        ("late across a blind span", told(on_topic(), &[blind(None, 1.0, Some(6.0)), seen("e", 7, 7.0)], 8.0)),
    ]));
}

#[test]
fn an_event_that_is_on_its_topic_once() {
    let once = || OnTopicOnce::new(on_topic(), Duration::from_secs(2));
    insta::assert_snapshot!(table(vec![
        ("not there yet", told(once(), &[], 2.0)),
        ("never there", told(once(), &[], 10.1)),
        ("there, and still watched", told(once(), &[seen("e", 7, 1.0)], 2.9)),
        ("there once", told(once(), &[seen("e", 7, 1.0), seen("other", 8, 1.1)], 3.1)),
        ("there twice", told(once(), &[seen("e", 7, 1.0), seen("e", 8, 1.5)], 1.6)),
        ("there once, and dead-lettered", told(once(), &[seen("e", 7, 1.0), on_another_topic()], 3.1)),
        ("there twice, the copy after the watch", told(once(), &[seen("e", 7, 1.0), seen("e", 8, 3.2)], 3.3)),
        (
            "there once, with a blind span behind it",
            told(once(), &[seen("e", 7, 1.0), blind(Some("posts"), 1.5, Some(2.0))], 3.1)
        ),
        (
            "there once, with a blind span that was made good",
            told(once(), &[seen("e", 7, 1.0), blind(Some("posts"), 1.5, Some(2.0)), caught_up("posts", 2.5)], 3.1)
        ),
    ]));
}

fn processed() -> Processed {
    Processed::new(target("e"), at(0.0), LIMIT, handler(), LIMIT)
}

#[test]
fn an_event_that_its_group_has_processed() {
    let here = || seen("e", 7, 1.0);
    let stable = || group(Stable, "m1", 0.5);
    let judged = |more: &[Observation], now: f64| {
        let history: Vec<_> = [stable(), here()].into_iter().chain(more.iter().cloned()).collect();
        told(processed(), &history, now)
    };
    insta::assert_snapshot!(table(vec![
        ("committed past it", judged(&[committed(8, 1.5)], 2.0)),
        ("committed past it before it was seen", told(processed(), &[committed(9, 0.9), here()], 2.0)),
        ("committed up to it only", judged(&[committed(7, 1.5)], 11.1)),
        ("behind by three", judged(&[committed(5, 1.5)], 11.1)),
        ("committed late", judged(&[committed(8, 8.0)], 8.1)),
        ("committed about at the limit: between two rounds", judged(&[committed(8, 6.1)], 6.2)),
        ("group rebalancing", judged(&[committed(5, 1.5), group(Rebalancing, "", 2.0)], 11.1)),
        ("group empty", judged(&[group(Empty, "", 2.0)], 11.1)),
        ("nothing known of the group", told(processed(), &[here()], 11.1)),
        ("service died", judged(&[committed(5, 1.5), died(false, 2.0)], 11.1)),
        ("service ended by us and left so", judged(&[committed(5, 1.5), died(true, 2.0)], 200.0)),
        ("service ended by us: its time is not over", judged(&[committed(5, 1.5), died(true, 2.0)], 60.0)),
        (
            "killed and back: the time counts from the next stable assignment",
            judged(&[died(true, 2.0), started(3.0), group(Stable, "m2", 9.0), committed(8, 12.0)], 12.1),
        ),
        (
            "killed and back, then late",
            judged(&[died(true, 2.0), started(3.0), group(Stable, "m2", 9.0), committed(8, 15.0)], 15.1),
        ),
        (
            "killed and started: the dead member's group still looks stable",
            judged(&[died(true, 2.0), started(3.0), group(Stable, "m1", 3.5)], 20.0),
        ),
        ("group watch blind", judged(&[committed(5, 1.5), blind(Some("g"), 2.0, None)], 11.1)),
        ("never on the topic", told(processed(), &[committed(8, 1.5)], 11.1)),
    ]));
}

fn shows(want: bool) -> ViewBecomes {
    let cause = OnTopic::new(target("e"), at(0.0), LIMIT, None);
    ViewBecomes::new("\"p\" in view \"feed\"", cause, handler(), "feed", "p", want, LIMIT)
}

#[test]
fn a_view_that_comes_to_show_something() {
    let here = || seen("e", 7, 1.0);
    let absent = || look(Some(false), 6.5);
    let judged = |more: &[Observation], now: f64| {
        let history: Vec<_> = [here(), committed(8, 1.2)].into_iter().chain(more.iter().cloned()).collect();
        told(shows(true), &history, now)
    };
    let behind = [here(), committed(6, 1.2), absent()];
    insta::assert_snapshot!(table(vec![
        ("shown in time", judged(&[look(Some(false), 1.1), look(Some(true), 1.4)], 2.0)),
        ("shown before the recorder saw the record", told(shows(true), &[look(Some(true), 0.9), here()], 2.0)),
        ("shown late", judged(&[look(Some(false), 7.0), look(Some(true), 7.5)], 8.0)),
        ("shown between two looks around the limit", judged(&[look(Some(false), 5.0), look(Some(true), 7.0)], 8.0)),
        ("not shown, and still watched", judged(&[look(Some(false), 5.0)], 10.9)),
        ("not shown, though read", judged(&[absent()], 11.1)),
        ("not shown, and behind", told(shows(true), &behind, 11.1)),
        ("silent after the limit, and asked on", judged(&[look(Some(false), 2.0), look(None, 7.0)], 20.9)),
        ("silent after the limit", judged(&[look(Some(false), 2.0), look(None, 7.0)], 21.1)),
        ("never asked after the limit", judged(&[look(Some(false), 2.0)], 21.1)),
        ("late to answer after the limit", judged(&[look(Some(false), 2.0), look(Some(false), 19.0)], 19.1)),
        ("silent, because its service died", judged(&[died(false, 2.0), look(None, 7.0)], 11.1)),
        ("silent, because we ended its service", judged(&[died(true, 2.0), look(None, 70.0)], 80.0)),
        ("another subject is shown", {
            let Observation::Sampled(mut other) = look(Some(true), 1.5) else { unreachable!() };
            other.subject = "q".into();
            judged(&[Observation::Sampled(other), absent()], 11.1)
        }),
        ("the record never came", told(shows(true), &[look(Some(true), 1.0)], 11.1)),
        (
            "shown only before this step",
            told(
                shows(true).looking_from(at(1.5)),
                &[here(), committed(8, 1.2), look(Some(true), 1.4), look(Some(false), 6.5)],
                11.1
            )
        ),
        (
            "shown before this step and still",
            told(shows(true).looking_from(at(1.5)), &[here(), look(Some(true), 1.4), look(Some(true), 1.6)], 2.0)
        ),
    ]));
}

#[test]
fn a_view_that_stops_showing_something() {
    let judged = |history: &[Observation], now: f64| told(shows(false), history, now);
    insta::assert_snapshot!(table(vec![
        ("shown, then gone", judged(&[look(Some(true), 0.5), seen("e", 7, 1.0), look(Some(false), 2.0)], 2.1)),
        ("never shown", judged(&[seen("e", 7, 1.0), look(Some(false), 2.0)], 2.1)),
        (
            "gone at a look from before the record",
            judged(&[look(Some(true), 0.5), look(Some(false), 0.9), seen("e", 7, 1.0)], 11.1),
        ),
        ("still there", judged(&[seen("e", 7, 1.0), committed(8, 1.5), look(Some(true), 7.0)], 11.1)),
    ]));
}

#[test]
fn a_view_that_keeps_not_showing_something() {
    let keeps = || ViewKeeps::new("\"p\"", "feed", "p", false, at(1.0), LIMIT);
    let looks = |from: f64, to: f64| -> Vec<Observation> {
        let count = ((to - from) * 2.0) as u32;
        (0..=count).map(|n| look(Some(false), from + f64::from(n) / 2.0)).collect()
    };
    let then = |mut looks: Vec<Observation>, more: Observation| {
        looks.push(more);
        looks
    };
    insta::assert_snapshot!(table(vec![
        ("to the end", told(keeps(), &looks(1.0, 6.0), 6.1)),
        ("not to the end yet", told(keeps(), &looks(1.0, 4.0), 4.1)),
        ("shown in the middle", told(keeps(), &then(looks(1.0, 3.0), look(Some(true), 3.5)), 4.0)),
        ("shown before it began only", told(keeps(), &then(looks(1.0, 6.0), look(Some(true), 0.5)), 6.1)),
        ("silent towards the end, and asked on", told(keeps(), &then(looks(1.0, 3.0), look(None, 5.0)), 20.9)),
        ("silent towards the end", told(keeps(), &then(looks(1.0, 3.0), look(None, 5.0)), 21.1)),
        ("a late look at the end", told(keeps(), &then(looks(1.0, 3.0), look(Some(false), 19.0)), 19.1)),
    ]));
}

fn attempts(times: usize, pauses: &[f64], controls: &[&str]) -> Attempts {
    seen_in(AttemptsSeen::AtStub("mail".into()), times, pauses, controls)
}

fn seen_in(seen_in: AttemptsSeen, times: usize, pauses: &[f64], controls: &[&str]) -> Attempts {
    let expected = Expected {
        seen_in,
        times,
        pauses: pauses.iter().map(|pause| Duration::from_secs_f64(*pause)).collect(),
        appears: LIMIT,
        limit: LIMIT,
        watch: Duration::from_secs(2),
    };
    let controls = controls.iter().map(|id| target(id)).collect();
    Attempts::new(target("e"), Some(handler()), expected, controls, at(0.0))
}

#[test]
fn an_event_that_is_tried_so_often() {
    let here = || seen("e", 7, 1.0);
    let three = || attempts(3, &[0.2, 0.4], &[]);
    let never = || attempts(0, &[], &["later"]);
    let tried = |moments: &[f64]| -> Vec<Observation> {
        std::iter::once(here()).chain(moments.iter().map(|moment| called("e", *moment))).collect()
    };
    let stalled = |moments: &[f64]| -> Vec<Observation> {
        let why = "the machine stalled stub \"mail\" for 3100 ms".to_owned();
        let blind = Blind { what: Subject::Stub("mail".into()), from: at(1.8), to: Some(at(4.9)), why };
        tried(moments).into_iter().chain([Observation::Blind(blind)]).collect()
    };
    let quiet =
        |more: &[Observation]| -> Vec<Observation> { std::iter::once(here()).chain(more.iter().cloned()).collect() };
    insta::assert_snapshot!(table(vec![
        ("three times, as planned", told(three(), &tried(&[1.1, 1.3, 1.7]), 3.8)),
        ("three times, still watched", told(three(), &tried(&[1.1, 1.3, 1.7]), 3.6)),
        (
            "three times, before the record was seen",
            told(three(), &[called("e", 0.9), called("e", 1.1), here(), called("e", 1.5)], 3.8)
        ),
        (
            "calls for others do not count",
            told(three(), &tried(&[1.1, 1.3]).into_iter().chain([called("x", 1.7)]).collect::<Vec<_>>(), 3.8)
        ),
        ("once more", told(three(), &tried(&[1.1, 1.3, 1.7, 2.5]), 2.6)),
        ("once less", told(three(), &tried(&[1.1, 1.3]), 12.5)),
        ("without pause", told(three(), &tried(&[1.1, 1.11, 1.12]), 3.8)),
        ("far too late", told(three(), &tried(&[1.1, 1.3, 5.0]), 7.1)),
        ("never, and its group is behind", told(three(), &quiet(&[group(Stable, "m1", 0.5), committed(7, 1.5)]), 12.5)),
        ("never, and we ended the service", told(three(), &quiet(&[died(true, 1.5)]), 200.0)),
        ("never on the topic", told(three(), &[], 12.5)),
        (
            "never, as expected, and a later one was called for",
            told(never(), &quiet(&[seen("later", 8, 1.5), called("later", 1.6)]), 3.7)
        ),
        ("never, as expected, but nothing later was called for", told(never(), &quiet(&[seen("later", 8, 1.5)]), 12.5)),
        (
            "never, with an earlier one only",
            told(never(), &[seen("later", 6, 0.5), called("later", 0.6), here()], 12.5)
        ),
        ("called for, and should not be", told(never(), &tried(&[1.1]), 1.2)),
        (
            "asked later, and something may still come",
            told(attempts(1, &[], &[]).asked_at(at(20.0)), &tried(&[1.1]), 21.9)
        ),
        ("asked later, and nothing more came", told(attempts(1, &[], &[]).asked_at(at(20.0)), &tried(&[1.1]), 22.1)),
        ("asked later, and one more came", told(attempts(1, &[], &[]).asked_at(at(20.0)), &tried(&[1.1, 21.0]), 21.1)),
        (
            "asked later, once less, and waited for",
            told(attempts(2, &[], &[]).asked_at(at(20.0)), &tried(&[1.1]), 25.0)
        ),
        ("asked later, once less", told(attempts(2, &[], &[]).asked_at(at(20.0)), &tried(&[1.1]), 36.0)),
        ("once more, and our stub had stalled", told(three(), &stalled(&[1.1, 1.3, 1.7, 5.0]), 5.1)),
        ("far too late, and our stub had stalled", told(three(), &stalled(&[1.1, 1.3, 5.0]), 7.1)),
        ("called for though it should not be, and our stub had stalled", told(never(), &stalled(&[4.8]), 4.9)),
    ]));
}

/// A line that says, if it says its time, the seconds since some moment.
fn printed(id: &str, seconds: f64, said: Option<f64>) -> Observation {
    let said_ms = said.map(|said| (said * 1000.0) as i64 + 1_736_937_000_000);
    Observation::Attempted { service: "feed".into(), event: id.into(), said_ms, at: at(seconds) }
}

#[test]
fn attempts_that_a_service_prints() {
    let three = || seen_in(AttemptsSeen::InLog("feed".into()), 3, &[0.2, 0.4], &[]);
    let never = || seen_in(AttemptsSeen::InLog("feed".into()), 0, &[], &["later"]);
    let lines = |lines: &[(f64, Option<f64>)]| -> Vec<Observation> {
        let here = std::iter::once(seen("e", 7, 1.0));
        here.chain(lines.iter().map(|(at, said)| printed("e", *at, *said))).collect()
    };
    let timed = |moments: &[f64]| lines(&moments.iter().map(|at| (*at, Some(*at))).collect::<Vec<_>>());
    let untimed = |moments: &[f64]| lines(&moments.iter().map(|at| (*at, None)).collect::<Vec<_>>());
    let with = |mut history: Vec<Observation>, more: Observation| {
        history.push(more);
        history
    };
    let other_service =
        Observation::Attempted { service: "mail".into(), event: "e".into(), said_ms: None, at: at(1.7) };
    insta::assert_snapshot!(table(vec![
        ("three, as planned", told(three(), &timed(&[1.1, 1.3, 1.7]), 3.8)),
        ("three, still watched", told(three(), &timed(&[1.1, 1.3, 1.7]), 3.6)),
        ("another service's do not count", told(three(), &with(timed(&[1.1, 1.3]), other_service), 12.5)),
        ("one less", told(three(), &timed(&[1.1, 1.3]), 12.5)),
        ("one more", told(three(), &timed(&[1.1, 1.3, 1.7, 2.5]), 2.6)),
        ("without pause", told(three(), &timed(&[1.1, 1.11, 1.12]), 3.8)),
        ("without pause, and no time is said", told(three(), &untimed(&[1.1, 1.11, 1.12]), 3.8)),
        ("as planned, and no time is said", told(three(), &untimed(&[1.1, 1.3, 1.7]), 3.8)),
        (
            "as planned, and printed all at once",
            told(three(), &lines(&[(1.8, Some(1.1)), (1.8, Some(1.3)), (1.8, Some(1.7))]), 3.9)
        ),
        ("nothing printed of any event", told(three(), &untimed(&[]), 12.5)),
        ("nothing printed of it, but of another", told(three(), &with(untimed(&[]), printed("x", 1.2, None)), 12.5)),
        ("nothing printed, and the service is dead", told(three(), &with(untimed(&[]), died(false, 1.5)), 12.5)),
        ("nothing printed, and we ended it", told(three(), &with(untimed(&[]), died(true, 1.5)), 200.0)),
        (
            "none, as expected, and one of a later event",
            told(never(), &with(with(untimed(&[]), seen("later", 8, 1.5)), printed("later", 1.6, None)), 3.7)
        ),
        ("none, as expected, and nothing later", told(never(), &with(untimed(&[]), seen("later", 8, 1.5)), 60.0)),
    ]));
}

#[test]
fn attempts_that_a_dead_letter_counts() {
    let says = || "$message.header#/attempt".to_owned();
    let letter = |count: Option<&str>, seconds: f64| {
        let fields = count.map(|count| (says().as_str().into(), count.into())).into_iter().collect();
        Observation::Seen(Seen { fields, ..record("e", 0, seconds) })
    };
    let after = |times| DeadLetteredAfter::new("event e".to_owned(), on_topic(), says().as_str().into(), times);
    insta::assert_snapshot!(table(vec![
        ("as many", told(after(3), &[letter(Some("3"), 1.0)], 1.1)),
        ("too few", told(after(3), &[letter(Some("2"), 1.0)], 1.1)),
        ("too many", told(after(3), &[letter(Some("4"), 1.0)], 1.1)),
        ("not a number", told(after(3), &[letter(Some("three"), 1.0)], 1.1)),
        ("not said", told(after(3), &[letter(None, 1.0)], 1.1)),
        ("too late, whatever it says", told(after(3), &[letter(Some("2"), 7.0)], 7.1)),
        ("not there", told(after(3), &[], 12.5)),
        ("not there yet", told(after(3), &[], 2.0)),
        ("not there, and we were blind", told(after(3), &[blind(None, 1.0, Some(2.0))], 12.5)),
    ]));
}

#[test]
fn an_event_that_must_not_follow() {
    let seconds = Duration::from_secs;
    let absent = |control| StaysAbsent::new(target("e"), control, at(1.0), seconds(2), LIMIT);
    let with = || absent(Some(target("later")));
    let later = || seen("later", 8, 1.5);
    insta::assert_snapshot!(table(vec![
        ("the control came, and still watched", told(with(), &[later()], 2.5)),
        ("the control came", told(with(), &[later()], 3.0)),
        ("it came", told(with(), &[later(), seen("e", 9, 2.0)], 2.1)),
        ("it had come before the step", told(with(), &[seen("e", 7, 0.5)], 1.0)),
        ("the control is still waited for", told(with(), &[], 5.9)),
        ("the control never came", told(with(), &[], 30.0)),
        ("nothing would show it", told(absent(None), &[], 1.0)),
        ("blind meanwhile", told(with(), &[later(), blind(Some("posts"), 1.6, Some(2.0))], 3.0)),
        ("blind to another topic", told(with(), &[later(), blind(Some("users"), 1.6, Some(2.0))], 3.0)),
    ]));
}
