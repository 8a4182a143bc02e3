//! Events that wait in retry topics: nothing is proved while one does, what is missing is explained by it, and the tries are
//! counted and measured there.

use std::time::Duration;

use proptest::prelude::*;

use super::kit::*;
use crate::oracle::{
    Attempts, AttemptsSeen, EffectOrder, ExactlyOnce, Expected, ExpectedTries, NoneLost, OnTopic, RecordLink,
    RetryPath, RetryStop, Tries, ViewBecomes, ViewKeeps, judge,
};
use crate::{Observation, Seen, Verdict};

const LATE: f64 = 60.0;

/// Two retry topics of the same service, read by another group; five and ten seconds.
pub fn path() -> RetryPath {
    let stop = |topic: &str| RetryStop { topic: topic.into(), group: "again".into() };
    let stops = vec![stop("posts.5s"), stop("posts.10s")];
    RetryPath { stops, link: RecordLink::SameId, pauses: Duration::from_secs(15), dead: None }
}

fn waits_in(topic: &str, offset: i64, seconds: f64) -> Observation {
    Observation::Seen(Seen { topic: topic.into(), ..record("e", offset, seconds) })
}

pub fn read_from(topic: &str, offset: i64, seconds: f64) -> Observation {
    Observation::Committed { group: "again".into(), topic: topic.into(), partition: 0, offset, at: at(seconds) }
}

/// A dead letter says the event's id in a header.
fn dead(seconds: f64) -> Observation {
    let link = ("$message.header#/original".into(), "e".into());
    let letter = Seen { topic: "dead".into(), fields: vec![link], id: None, ..record("x", 0, seconds) };
    Observation::Seen(letter)
}

fn once(sentinel: bool) -> ExactlyOnce {
    let sentinel = sentinel.then(|| target("s"));
    let settling = Duration::from_secs(2);
    ExactlyOnce::new(target("e"), 2, sentinel, handler(), "handled", settling, at(0.0), LIMIT).retried_over(path())
}

fn tries(times: usize) -> Tries {
    let expected = ExpectedTries {
        times,
        pauses: [5, 10, 20].into_iter().take(times.saturating_sub(1)).map(Duration::from_secs).collect(),
        appears: LIMIT,
        limit: LIMIT,
        watch: Duration::from_secs(1),
        view: Some("handled".into()),
        dead: Some(("dead".into(), RecordLink::Original("$message.header#/original".into()))),
    };
    Tries::new(target("e"), path(), handler(), expected, at(0.0))
}

/// Both copies read, the second of them put into the first retry topic.
fn twice(more: &[Observation]) -> Vec<Observation> {
    let mut history =
        vec![seen("e", 1, 0.1), seen("e", 2, 0.2), effect("e", 0.3), waits_in("posts.5s", 0, 0.4), committed(3, 0.5)];
    history.extend_from_slice(more);
    history.sort_by_key(Observation::at);
    history
}

#[test]
fn nothing_is_proved_while_a_copy_waits() {
    let sentinel = [seen("s", 3, 0.6), effect("s", 0.7)];
    let read = read_from("posts.5s", 1, 6.0);
    let keeps = || {
        let quiet = ViewKeeps::new("\"p\"", "feed", "p", false, at(0.0), Duration::from_secs(2));
        quiet.retried_over(target("e"), path())
    };
    let looks: Vec<Observation> = (0..=120).map(|half| look(Some(false), f64::from(half) / 2.0)).collect();
    let with = |more: &[Observation], now: f64| {
        let mut all = [&looks, more].concat();
        all.retain(|observation| observation.at() <= at(now));
        all.sort_by_key(Observation::at);
        all
    };
    let waiting = [seen("e", 1, 0.1), waits_in("posts.5s", 0, 0.4)];
    insta::assert_snapshot!(table(vec![
        ("the group is past both, one waits", told(once(false), &twice(&[]), 10.0)),
        ("and waits for ever", told(once(false), &twice(&[]), LATE)),
        ("a sentinel had its effect, one waits", told(once(true), &twice(&sentinel), 10.0)),
        ("it was read from there, and it settles", told(once(false), &twice(std::slice::from_ref(&read)), 7.9)),
        ("it has settled", told(once(false), &twice(std::slice::from_ref(&read)), 8.0)),
        (
            "it went on to the second topic meanwhile",
            told(once(false), &twice(&[read.clone(), waits_in("posts.10s", 0, 6.1)]), 10.0)
        ),
        (
            "and had its effect again from there",
            told(once(false), &twice(&[read.clone(), waits_in("posts.10s", 0, 6.1), effect("e", 16.2)]), 17.0)
        ),
        (
            "the recorder could not see a retry topic",
            told(once(false), &twice(&[read.clone(), blind(Some("posts.10s"), 5.0, Some(7.0))]), LATE)
        ),
        ("a view keeps not showing it while it waits", told(keeps(), &with(&waiting, 3.0), 3.0)),
        ("and it waits for ever", told(keeps(), &with(&waiting, LATE), LATE)),
        (
            "the time counts from its last try",
            told(keeps(), &with(&[&waiting[..], std::slice::from_ref(&read)].concat(), 7.9), 7.9)
        ),
        ("and is over", told(keeps(), &with(&[&waiting[..], std::slice::from_ref(&read)].concat(), 8.6), 8.6)),
    ]));
}

#[test]
fn a_sentinel_is_followed_by_the_settling_time_where_there_are_retry_topics() {
    let history = [seen("e", 1, 0.1), seen("e", 2, 0.2), effect("e", 0.3), seen("s", 3, 0.6), effect("s", 0.7)];
    assert_eq!(told(once(true), &history, 2.6), "not yet");
    assert!(told(once(true), &history, 2.7).starts_with("held"), "{}", told(once(true), &history, 2.7));
}

#[test]
fn what_is_missing_is_explained_by_where_it_waits() {
    let waits = [seen("e", 1, 0.1), committed(2, 0.3), waits_in("posts.5s", 0, 0.4)];
    let second = [&waits[..], &[read_from("posts.5s", 1, 6.0), waits_in("posts.10s", 7, 6.1)]].concat();
    let read = [&second[..], &[read_from("posts.10s", 8, 16.0)]].concat();
    let none = || NoneLost::new(vec![target("e")], handler(), "handled", at(0.0), LIMIT).retried_over(&path());
    let shown = || {
        let cause = OnTopic::new(target("e"), at(0.0), LIMIT, None);
        ViewBecomes::new("it is shown", cause, handler(), "feed", "p", true, LIMIT).retried_over(path())
    };
    let unseen = [&waits[..], &[look(Some(false), 11.0)]].concat();
    let dead = [&waits[..], &[died(false, 1.0)]].concat();
    insta::assert_snapshot!(table(vec![
        ("it may wait as long as the contract says", told(none(), &waits, 30.0)),
        ("it waits in the first", told(none(), &waits, LATE)),
        ("it waits in the second", told(none(), &second, LATE)),
        ("it was read from there, without effect", told(none(), &read, LATE)),
        ("a view that does not show it in its own time", told(shown(), &unseen, 12.0)),
        ("the service is dead", told(none(), &dead, LATE)),
        ("an effect that never came", told(once(false), &[&waits[..], &[seen("e", 2, 0.2)]].concat(), LATE)),
    ]));
}

#[test]
fn what_was_retried_over_topics_may_be_overtaken() {
    let order = |ids: &[&str]| {
        let events = ids.iter().map(|id| target(id)).collect();
        EffectOrder::new("k", events, handler(), "handled", at(0.0), LIMIT).retried_over(&path())
    };
    let three = [seen("e", 1, 0.1), seen("b", 2, 0.2), seen("c", 3, 0.3), waits_in("posts.5s", 0, 0.4)];
    let overtaken = [&three[..], &[effect("b", 0.5), effect("c", 0.6), effect("e", 5.5)]].concat();
    let reordered = [&three[..], &[effect("c", 0.5), effect("b", 0.6), effect("e", 0.9)]].concat();
    let unretried = [seen("e", 1, 0.1), seen("b", 2, 0.2), effect("b", 0.5), effect("e", 0.9)];
    let later = [&unretried[..], &[waits_in("posts.5s", 0, 1.0)]].concat();
    insta::assert_snapshot!(table(vec![
        ("the others are in order", told(order(&["e", "b", "c"]), &overtaken, 6.0)),
        ("the others are not, so soon", told(order(&["e", "b", "c"]), &reordered, 2.5)),
        ("the others are not", told(order(&["e", "b", "c"]), &reordered, 8.0)),
        ("of two, one was retried", told(order(&["e", "b"]), &overtaken, 6.0)),
        ("none was retried, so far as the recorder knows yet", told(order(&["e", "b"]), &unretried, 1.0)),
        ("none was retried", told(order(&["e", "b"]), &unretried, 4.0)),
        ("the recorder learns late that one was", told(order(&["e", "b"]), &later, 4.0)),
        (
            "the recorder could not see whether one was",
            told(order(&["e", "b"]), &[&unretried[..], &[blind(Some("posts.5s"), 0.2, Some(0.8))]].concat(), 4.0)
        ),
    ]));
}

#[test]
fn tries_are_counted_and_measured_over_the_topics() {
    let first = [seen("e", 1, 0.1), waits_in("posts.5s", 0, 0.2)];
    let both = [&first[..], &[waits_in("posts.10s", 0, 5.4)]].concat();
    let buried = [&both[..], &[dead(15.6)]].concat();
    let at_once = [&first[..], &[waits_in("posts.10s", 0, 0.3), dead(0.4)]].concat();
    let again = [&both[..], &[waits_in("posts.10s", 1, 15.6)]].concat();
    insta::assert_snapshot!(table(vec![
        ("three, and then dead", told(tries(3), &buried, 17.0)),
        ("a further one may still come", told(tries(3), &buried, 16.5)),
        ("two, the second with effect", told(tries(2), &[&first[..], &[effect("e", 5.4)]].concat(), 7.0)),
        ("one, dead at once", told(tries(1), &[seen("e", 1, 0.1), dead(0.2)], 2.0)),
        ("one too few", told(tries(3), &[&first[..], &[dead(5.4)]].concat(), 9.0)),
        ("one too few, but the recorder may be late", told(tries(3), &[&first[..], &[dead(5.4)]].concat(), 6.0)),
        ("one too many", told(tries(3), &again, 15.7)),
        ("no backoff", told(tries(3), &at_once, 3.0)),
        ("far too late", told(tries(2), &[&first[..], &[effect("e", 30.0)]].concat(), 32.0)),
        ("it waits in the first for ever", told(tries(3), &first, LATE)),
        (
            "it was read from there, and that was all",
            told(tries(3), &[&first[..], &[read_from("posts.5s", 1, 6.0)]].concat(), LATE)
        ),
        ("it never failed, and had no effect", told(tries(3), &[seen("e", 1, 0.1), committed(2, 0.2)], LATE)),
        (
            "it lost its id on the way",
            told(tries(3), &[&first[..1], &[committed(2, 0.3), waits_in_as("x", 0.2)]].concat(), LATE)
        ),
        (
            "the recorder could not see the dead letters",
            told(tries(3), &[&both[..], &[blind(Some("dead"), 14.0, Some(18.0))]].concat(), LATE)
        ),
        ("we ended the service", told(tries(3), &[&both[..], &[died(true, 6.0)]].concat(), LATE * 3.0)),
    ]));
}

fn waits_in_as(id: &str, seconds: f64) -> Observation {
    Observation::Seen(Seen { topic: "posts.5s".into(), ..record(id, 0, seconds) })
}

#[test]
fn the_records_own_times_may_speak_for_a_pause_that_the_recorder_saw_late() {
    let stamped = |observation: Observation, ms: i64| match observation {
        Observation::Seen(seen) => Observation::Seen(Seen { timestamp_ms: Some(ms), ..seen }),
        other => other,
    };
    let late = [
        seen("e", 1, 0.1),
        stamped(waits_in("posts.5s", 0, 3.0), 1_000),
        stamped(waits_in("posts.10s", 0, 5.4), 6_100),
        stamped(dead(15.6), 16_200),
    ];
    assert!(told(tries(3), &late, 17.0).starts_with("held"), "{}", told(tries(3), &late, 17.0));
}

#[test]
fn calls_of_a_stub_are_not_counted_out_while_the_event_waits() {
    let calls = |times| {
        let expected = Expected {
            seen_in: AttemptsSeen::AtStub("mail".into()),
            times,
            pauses: Vec::new(),
            appears: LIMIT,
            limit: LIMIT,
            watch: Duration::from_secs(1),
        };
        Attempts::new(target("e"), Some(handler()), expected, Vec::new(), at(0.0)).retried_over(path())
    };
    let waits = [seen("e", 1, 0.1), called("e", 0.2), waits_in("posts.5s", 0, 0.3)];
    insta::assert_snapshot!(table(vec![
        ("once, and it waits", told(calls(1), &waits, 3.0)),
        ("for ever", told(calls(1), &waits, LATE)),
        ("once, and it was read", told(calls(1), &[&waits[..], &[read_from("posts.5s", 1, 6.0)]].concat(), 8.0)),
        ("expected twice", told(calls(2), &waits, LATE)),
    ]));
}

#[test]
fn a_waiting_record_is_linked_by_what_the_contract_says() {
    let linked = |link: RecordLink, fields: &[(&str, &str)]| {
        let fields = fields.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect();
        let waits = Seen { topic: "posts.5s".into(), id: None, fields, ..record("?", 0, 0.4) };
        let own = Seen { fields: vec![(crate::oracle::BYTES.into(), "7f".into())], ..record("e", 1, 0.1) };
        let oracle = NoneLost::new(vec![target("e")], handler(), "handled", at(0.0), LIMIT);
        let oracle = oracle.retried_over(&RetryPath { link, ..path() });
        // The record that waits is seen before the event itself.
        told(oracle, &[Observation::Seen(waits), Observation::Seen(own)], LATE).contains("waits in retry topic")
    };
    let position = || RecordLink::Position { topic: "t".into(), partition: "p".into(), offset: "o".into() };
    assert!(linked(position(), &[("t", "posts"), ("p", "0"), ("o", "1")]));
    assert!(!linked(position(), &[("t", "posts"), ("p", "0"), ("o", "2")]));
    assert!(linked(RecordLink::Original("h".into()), &[("h", "e")]));
    assert!(!linked(RecordLink::Original("h".into()), &[("h", "b")]));
    assert!(linked(RecordLink::Bytes, &[(crate::oracle::BYTES, "7f")]));
    assert!(!linked(RecordLink::Bytes, &[(crate::oracle::BYTES, "80")]));
}

#[test]
fn what_was_given_up_is_explained_by_its_dead_letter() {
    let end = ("dead".into(), RecordLink::Original("$message.header#/original".into()));
    let given_up = |path: RetryPath| RetryPath { dead: Some(end.clone()), ..path };
    let none_lost = |path: RetryPath| {
        NoneLost::new(vec![target("e")], handler(), "handled", at(0.0), LIMIT).retried_over(&given_up(path))
    };
    let straight = || none_lost(RetryPath::default());
    let shown = || {
        let on_topic = OnTopic::new(target("e"), at(0.0), LIMIT, None);
        ViewBecomes::new("\"p\"", on_topic, handler(), "feed", "p", true, LIMIT).retried_over(given_up(path()))
    };
    let letter_of = |id: &str| {
        let link = ("$message.header#/original".into(), id.into());
        Observation::Seen(Seen { topic: "dead".into(), fields: vec![link], id: None, ..record("x", 7, 0.5) })
    };
    let read = [seen("e", 1, 0.1), committed(2, 1.0)];
    let looks: Vec<Observation> = (0..=120).map(|half| look(Some(false), f64::from(half) / 2.0)).collect();
    insta::assert_snapshot!(table(vec![
        ("given up", told(straight(), &[&read[..], &[letter_of("e")]].concat(), LATE)),
        ("seen before the event", told(straight(), &[&[letter_of("e")], &read[..]].concat(), LATE)),
        ("another one was", told(straight(), &[&read[..], &[letter_of("b")]].concat(), LATE)),
        (
            "after a try in a retry topic",
            told(
                none_lost(path()),
                &[&read[..], &[waits_in("posts.5s", 0, 0.3), read_from("posts.5s", 1, 6.0), letter_of("e")]].concat(),
                LATE,
            ),
        ),
        ("and is not shown", told(shown(), &[&read[..], &[letter_of("e")], &looks[..]].concat(), LATE)),
    ]));
}

fn anything() -> impl Strategy<Value = Observation> {
    let id = prop_oneof![Just("e"), Just("s")];
    (id, 0i64..6, 0.0f64..30.0, 0..5u8).prop_map(|(id, offset, seconds, kind)| match kind {
        0 => seen(id, offset, seconds),
        1 => committed(offset, seconds),
        2 => effect(id, seconds),
        3 => read_from("posts.5s", offset, seconds),
        _ => read_from("posts.10s", offset, seconds),
    })
}

proptest! {
    #[test]
    fn while_a_copy_waits_nothing_is_ever_held(mut history in proptest::collection::vec(anything(), 0..25), waits_at in 0.0f64..30.0, now in 30.0f64..120.0) {
        // No group reads as far as this.
        history.push(waits_in("posts.5s", 50, waits_at));
        history.sort_by_key(Observation::at);
        for sentinel in [false, true] {
            let verdict = judge(once(sentinel), &history, at(now));
            prop_assert!(!verdict.is_held(), "{verdict:?}");
        }
        let quiet = ViewKeeps::new("\"p\"", "feed", "p", false, at(0.0), Duration::from_secs(2)).retried_over(target("e"), path());
        let looks: Vec<Observation> = (0..=240).map(|half| look(Some(false), f64::from(half) / 2.0)).collect();
        let verdict = judge(quiet, looks.iter().chain(&history), at(now));
        prop_assert!(!verdict.is_held(), "{verdict:?}");
    }

    #[test]
    fn order_is_never_accused_for_an_event_that_was_retried(effects in Just(["e", "b", "c"]).prop_shuffle(), retried in 0usize..3, now in 10.0f64..20.0) {
        let ids = ["e", "b", "c"];
        let mut history: Vec<Observation> = ids.iter().enumerate().map(|(number, id)| seen(id, number as i64, 0.1)).collect();
        let waits = Seen { topic: "posts.5s".into(), ..record(ids[retried], 0, 0.2) };
        history.push(Observation::Seen(waits));
        history.extend(effects.iter().enumerate().map(|(number, id)| effect(id, 1.0 + number as f64)));
        let events = ids.iter().map(|id| target(id)).collect();
        let oracle = EffectOrder::new("k", events, handler(), "handled", at(0.0), LIMIT).retried_over(&path());
        let others: Vec<&str> = ids.into_iter().filter(|id| *id != ids[retried]).collect();
        let kept: Vec<&str> = effects.into_iter().filter(|id| *id != ids[retried]).collect();
        let verdict = judge(oracle, &history, at(now));
        prop_assert_eq!(verdict.is_held(), kept == others, "{:?}", verdict);
        prop_assert!(verdict.is_held() || matches!(verdict, Verdict::Broken(crate::Cause::Reordered { .. })), "{verdict:?}");
    }

    #[test]
    fn tries_hold_exactly_if_they_are_as_many_and_as_far_apart_as_planned(made in 1usize..5, wanted in 1usize..5, factors in proptest::collection::vec(0.1f64..1.9, 3)) {
        let planned = [5.0, 10.0, 20.0];
        let mut now = 0.2;
        let mut history = vec![seen("e", 1, 0.1)];
        for number in 0..made - 1 {
            history.push(waits_in("posts.5s", number as i64, now));
            now += planned[number] * factors[number];
        }
        history.push(dead(now));
        // A recorder may have been 250 ms late with the record before.
        let pauses = planned.iter().zip(&factors).take(made - 1);
        let on_time = pauses.clone().all(|(planned, factor)| planned * factor + 0.25 >= planned * 0.9);
        // Within a microsecond of the limit, rounding decides.
        prop_assume!(pauses.clone().all(|(planned, factor)| (planned * factor + 0.25 - planned * 0.9).abs() > 1e-6));
        let verdict = judge(tries(wanted), &history, at(now + 3.0));
        prop_assert_eq!(verdict.is_held(), made == wanted && on_time, "{:?}", verdict);
        prop_assert!(verdict.is_final(), "{verdict:?}");
    }
}
