use std::time::Duration;

use eventproof_contract::Link;
use eventproof_evidence::{At, Blind, Name, Observation, Reason, Subject};
use eventproof_reports::model::{LagPoint, Outcome};

use super::figures::throughput;
use super::*;
use crate::collector::Collector;
use crate::collector::tests::{arms, at, collector, effect, frame, lane, seen, sent};
use crate::collector::{AsideSight, By, Event, Frame, Group, Message};
use crate::draw::{Draw, Keys};
use crate::objective::Objective;
use crate::plan::{Aside, End};
use crate::ranked::{Ranked, Without};

/// What becomes of an objective.
fn judged(text: &str, collector: &Collector) -> (Outcome, String) {
    let objective = Objective::parse(text).unwrap();
    let judged = judge(&[objective], collector, None).remove(0);
    (judged.finding.outcome, judged.actual)
}

/// Two arms of so many requests each, the second answered 40 ms later; one of the first was refused.
fn compared(each: u64) -> Collector {
    let mut collector = arms();
    for number in 0..each * 2 {
        collector.take(Message::Sent { number, planned: at(number), sent: at(number), hash: None });
        collector.take(match number {
            0 => Message::Refused { number, why: "status 500".to_owned() },
            _ => Message::Answered { number, link: None, at: at(number + 10 + 40 * (number % 2)) },
        });
    }
    collector
}

#[test]
fn a_known_difference_of_two_arms_comes_back() {
    let judged = |limit: u32| judged(&format!("p95(answered[on]) - p95(answered[off]) < {limit}ms"), &compared(300));
    let (outcome, actual) = judged(41);
    assert_eq!(outcome, Outcome::Held, "{actual}");
    assert!(actual.starts_with("40.0 ms (50 ms less 10 ms)"), "{actual}");
    assert_eq!(judged(39).0, Outcome::Broken);
}

#[test]
fn an_arm_that_is_faster_with_it_holds_and_too_few_requests_do_not_say() {
    let text = "p95(answered[off]) - p95(answered[on]) < 1ms";
    assert_eq!(judged(text, &compared(300)), (Outcome::Held, "-40.0 ms (10 ms less 50 ms)".to_owned()));
    assert_eq!(judged(text, &compared(100)).0, Outcome::NoVerdict);
}

#[test]
fn failures_are_counted_by_arm() {
    let collector = compared(300);
    let (outcome, actual) = judged("failed(answered[off]) = 0", &collector);
    assert_eq!((outcome, &*actual), (Outcome::Broken, "1 of 300: 1 refused, 0 of unknown outcome; status 500"));
    assert_eq!(judged("failed(answered[on]) = 0", &collector), (Outcome::Held, "0 of 300".to_owned()));
}

/// A thousand requests answered after 10 ms, but for `refused` and for `unknown` of them, which come first.
fn answered(refused: u64, unknown: u64) -> Collector {
    let mut collector = arms();
    for number in (0..2000).step_by(2) {
        collector.take(Message::Sent { number, planned: at(number), sent: at(number), hash: None });
        let why = String::new();
        collector.take(match number / 2 {
            nth if nth < refused => Message::Refused { number, why },
            nth if nth < refused + unknown => Message::Unknown { number, why },
            _ => Message::Answered { number, link: None, at: at(number + 10) },
        });
    }
    collector
}

#[test]
fn what_failed_is_slower_than_all_that_came() {
    let p95 = |refused, unknown| judged("p95(answered[off]) < 20ms", &answered(refused, unknown));
    assert_eq!(p95(0, 0), (Outcome::Held, "10 ms".to_owned()));
    assert_eq!(p95(50, 0), (Outcome::Held, "10 ms".to_owned()), "as many as a p95 leaves out");
    let told = "51 of 1000 were refused and 0 have an unknown outcome";
    assert_eq!(p95(51, 0), (Outcome::Broken, told.to_owned()));
    assert_eq!(p95(0, 51).0, Outcome::NoVerdict, "they may have been done in time");
    assert_eq!(p95(30, 30).0, Outcome::NoVerdict);
    let max = |refused, unknown| judged("max(answered[off]) < 20ms", &answered(refused, unknown)).0;
    assert_eq!((max(0, 0), max(1, 0), max(0, 1)), (Outcome::Held, Outcome::Broken, Outcome::NoVerdict));
    assert_eq!(judged("max(answered[off]) < 5ms", &answered(0, 1)).0, Outcome::Broken, "one that came was too slow");
}

#[test]
fn time_in_which_nothing_is_answered_counts_in_the_throughput() {
    // Half of two seconds' requests fail, whichever half: 500 answers in 2 s.
    let rate = throughput(&answered(500, 0));
    assert!((rate - 250.0).abs() < 3.0, "{rate}");
}

#[test]
fn a_count_of_nothing_says_nothing() {
    let mut collector = collector();
    (0..50).for_each(|number| collector.take(sent(number)));
    (0..50).for_each(|number| collector.take(seen(number, 1, at(60))));
    assert_eq!(judged("duplicated(g) = 0", &collector).0, Outcome::NoVerdict, "the group did nothing");
    assert_eq!(judged("duplicated(topic) = 0", &collector).0, Outcome::Held);
}

#[test]
fn a_view_that_is_blind_does_not_hide_what_the_topic_lost() {
    let mut collector = collector();
    (0..50).for_each(|number| collector.take(sent(number)));
    (0..50).for_each(|number| collector.take(Message::Acknowledged { number, at: at(50) }));
    (0..49).for_each(|number| collector.take(seen(number, 1, at(60))));
    let blind = |what| Blind { what, from: at(1), to: None, why: "it is down".to_owned() };
    // Even one that bears the topic's name.
    let topic: Name = collector.frame.topics[0].as_str().into();
    collector.blind.push(blind(Subject::View(topic.clone())));
    assert_eq!(judged("lost(topic) = 0", &collector).0, Outcome::Broken);
    collector.blind.push(blind(Subject::Topic(topic)));
    assert_eq!(judged("lost(topic) = 0", &collector).0, Outcome::NoVerdict);
}

#[test]
fn draining_takes_until_the_last_effect() {
    let mut collector = collector();
    (0..50).for_each(|number| collector.take(sent(number)));
    (0..50).for_each(|number| collector.take(seen(number, 1, at(60))));
    (0..49).for_each(|number| collector.take(effect(number, at(549))));
    assert_eq!(judged("drained(g) < 1s", &collector).0, Outcome::Broken, "one is still owed");
    collector.take(effect(49, at(549)));
    assert_eq!(judged("drained(g) < 501ms", &collector), (Outcome::Held, "500 ms".to_owned()));
    assert_eq!(judged("drained(g) < 499ms", &collector).0, Outcome::Broken);
}

#[test]
fn a_lag_may_be_high_for_a_while_and_must_not_rise() {
    let mut collector = collector();
    collector.lags.greatest.insert("g".to_owned(), 2500);
    let lags = [0, 500, 1000, 1500, 2000, 2500];
    collector.intervals = std::iter::zip(0u32.., lags)
        .map(|(index, records)| eventproof_reports::model::Interval {
            from_ms: f64::from(index) * 1e3,
            to_ms: f64::from(index + 1) * 1e3,
            planned: 1,
            lag: vec![LagPoint {
                group: "g".to_owned(),
                records,
                offsets: None,
                at_ms: Some(f64::from(index + 1) * 1e3),
            }],
            ..Default::default()
        })
        .collect();
    assert_eq!(judged("lag(g) < 1000", &collector).0, Outcome::Broken);
    assert_eq!(
        judged("lag(g) < 1000 for 5s", &collector),
        (Outcome::NoVerdict, "at least 3 s without a break, to the end".to_owned())
    );
    assert_eq!(judged("lag(g) < 2600 for 5s", &collector).0, Outcome::Held, "it was never so high");
    assert_eq!(
        judged("lag(g) < 1000 for 4s", &collector).0,
        Outcome::NoVerdict,
        "as long as that for all that is known"
    );
    assert_eq!(judged("lag(g) < 1000 for 3s", &collector).0, Outcome::Broken);
    assert_eq!(judged("slope(lag(g)) < 499/s", &collector), (Outcome::Broken, "500.0 records/s".to_owned()));
    assert_eq!(judged("slope(lag(g)) < 501/s", &collector).0, Outcome::Held);
    collector.lags.unseen.insert("g".to_owned(), (2, "the broker was down".to_owned()));
    assert_eq!(judged("slope(lag(g)) < 501/s", &collector).0, Outcome::NoVerdict);
    assert_eq!(judged("lag(g) < 1000 for 4s", &collector).0, Outcome::NoVerdict);
    assert_eq!(judged("lag(g) < 1000 for 3s", &collector).0, Outcome::Broken, "that much was seen");
    collector.intervals.truncate(3);
    assert_eq!(judged("slope(lag(g)) < 1/s", &collector).0, Outcome::NoVerdict);
}

/// Intervals of so many seconds, in which a lag is high at the end of those between the first and the last.
fn high_at_the_end_of(count: u32, seconds: f64) -> Collector {
    let mut collector = collector();
    collector.lags.greatest.insert("g".to_owned(), 5000);
    collector.frame.interval = Duration::from_secs_f64(seconds);
    let interval = |index: u32| eventproof_reports::model::Interval {
        from_ms: f64::from(index) * seconds * 1e3,
        to_ms: f64::from(index + 1) * seconds * 1e3,
        lag: vec![LagPoint {
            group: "g".to_owned(),
            records: if (1..=count).contains(&index) { 5000 } else { 0 },
            offsets: None,
            at_ms: Some(f64::from(index + 1) * seconds * 1e3 - 100.0),
        }],
        ..Default::default()
    };
    collector.intervals = (0..count + 2).map(interval).collect();
    collector
}

#[test]
fn a_lag_that_may_or_may_not_have_lasted_has_no_verdict() {
    let for_5m = |count, seconds| judged("lag(g) < 1000 for 5m", &high_at_the_end_of(count, seconds)).0;
    // Looks a minute apart: five of them are four to six minutes.
    assert_eq!([4, 5, 6].map(|count| for_5m(count, 60.0)), [Outcome::Held, Outcome::NoVerdict, Outcome::Broken]);
    // Every 144 s: two of them may be over seven minutes.
    assert_eq!(for_5m(2, 144.0), Outcome::NoVerdict);
    assert_eq!(for_5m(0, 301.0), Outcome::NoVerdict, "for all that is known between two looks");
    // Every second they tell it to within one.
    assert_eq!([299, 300, 301].map(|count| for_5m(count, 1.0)), [Outcome::Held, Outcome::NoVerdict, Outcome::Broken]);
    let (_, told) = judged("lag(g) < 1000 for 5m", &high_at_the_end_of(5, 60.0));
    assert_eq!(told, "4 min to 6 min without a break");
}

#[test]
fn a_percentile_is_not_that_of_the_survivors() {
    let mut collector = collector();
    for number in 0..1000 {
        collector.take(sent(number));
        collector.take(Message::Acknowledged { number, at: at(number + 1) });
        collector.take(seen(number, 1, at(number + 5)));
        // One in ten has no effect.
        if number % 10 != 0 {
            collector.take(effect(number, at(number + 10)));
        }
    }
    let (p95, p85) = ("p95(processed(g)) < 50ms", "p85(processed(g)) < 50ms");
    assert_eq!(judged(p95, &collector).0, Outcome::Held, "they may still come, and quickly");
    collector.ended = true;
    assert_eq!(judged(p95, &collector).0, Outcome::NoVerdict, "nobody knows when they would have come");
    assert_eq!(judged(p85, &collector), (Outcome::Held, "10 ms".to_owned()), "they cannot matter");
    assert_eq!(judged("max(processed(g)) < 1s", &collector).0, Outcome::NoVerdict);
    assert_eq!(judged("p95(end_to_end) < 50ms", &collector).0, Outcome::Held, "all of them were on the topic");
}

#[test]
fn a_maximum_by_positions_that_say_too_little_has_no_verdict_whatever_else_is_unknown() {
    let mut frame = frame(vec![lane(0, 0, &[true, false])]);
    frame.committing = vec![Group { name: "w".to_owned(), topics: vec![0] }];
    frame.lanes.iter_mut().for_each(|lane| lane.committing = vec![true]);
    let mut collector = Collector::new(frame);
    (0..3).for_each(|number| collector.take(sent(number)));
    collector.take(Message::Unknown { number: 2, why: "no answer".to_owned() });
    (0..2).for_each(|number| collector.take(seen(number, 1, at(10))));
    let (group, topic) = ("w".into(), "t".into());
    let committed = Observation::Committed { group, topic, partition: 0, offset: 2, at: at(5_000) };
    collector.take(Message::Group(Box::new(committed)));
    // It may all have been processed at once, and committed late.
    assert_eq!(judged("max(processed(w)) < 1s", &collector).0, Outcome::NoVerdict);
    collector.take(sent(3));
    collector.take(Message::Refused { number: 3, why: "no".to_owned() });
    assert_eq!(judged("max(processed(w)) < 1s", &collector).0, Outcome::Broken, "what was refused never comes");
}

/// So many events of two lanes in these proportions, which are acknowledged, and on the topic after 5 ms.
fn of_two(frame: Frame, weights: [f64; 2], events: u64) -> (Collector, [Vec<u64>; 2]) {
    let draw = Draw::new(1, &weights, Keys::Uniform(10), None, usize::MAX);
    let mut collector = Collector::new(Frame { draw, ..frame });
    (0..events).for_each(|number| collector.take(sent(number)));
    let (first, second) = (0..events).partition(|number| collector.frame.lane_index(*number) == 0);
    (collector, [first, second])
}

fn on_topic(collector: &mut Collector, number: u64) {
    collector.take(Message::Acknowledged { number, at: at(number + 1) });
    collector.take(seen(number, 1, at(number + 5)));
}

#[test]
fn a_group_is_not_judged_by_what_was_refused_of_messages_that_it_does_not_consume() {
    let lanes = vec![lane(0, 0, &[true, false]), lane(0, 1, &[true, true])];
    let (mut collector, [others, consumed]) = of_two(frame(lanes), [8.0, 2.0], 10_000);
    for number in &others[..106] {
        collector.take(Message::Refused { number: *number, why: "full".to_owned() });
    }
    others[106..].iter().for_each(|number| on_topic(&mut collector, *number));
    for number in &consumed {
        on_topic(&mut collector, *number);
        collector.take(effect(*number, at(number + 10)));
    }
    let judged_as = |collector: &Collector| judged("p95(processed(g)) < 50ms", collector);
    assert_eq!(judged_as(&collector), (Outcome::Held, "10 ms".to_owned()));
    collector.ended = true;
    assert_eq!(judged_as(&collector), (Outcome::Held, "10 ms".to_owned()));
    // On the topic they are missing: one in a hundred.
    let told = "106 of 10000 were refused and 0 have an unknown outcome";
    assert_eq!(judged("p99(end_to_end) < 50ms", &collector), (Outcome::Broken, told.to_owned()));
}

#[test]
fn what_was_seen_is_of_known_outcome_there_whatever_the_acknowledgement_was() {
    let mut collector = collector();
    (0..1000).for_each(|number| collector.take(sent(number)));
    for number in 0..1000 {
        match number < 60 {
            true => collector.take(Message::Unknown { number, why: "no answer".to_owned() }),
            false => collector.take(Message::Acknowledged { number, at: at(number + 1) }),
        }
        collector.take(seen(number, 1, at(number + 5)));
    }
    collector.ended = true;
    assert_eq!(judged("p95(end_to_end) < 50ms", &collector).0, Outcome::Held);
    assert_eq!(judged("max(end_to_end) < 50ms", &collector).0, Outcome::Held);
    assert_eq!(judged("p95(acknowledgement) < 50ms", &collector).0, Outcome::NoVerdict, "that one nobody knows");
}

/// Gives an event up.
fn given_up(number: u64) -> Message {
    let by = By::Event(Event::Ours(Some(number)));
    Message::Aside(Box::new(AsideSight { aside: 0, by, partition: 0, offset: number as i64, at: at(number + 20) }))
}

fn dead_letters(lanes: &[usize]) -> Vec<Aside> {
    vec![Aside { lanes: lanes.to_vec(), leg: 1, topic: "dead".to_owned(), end: End::Dead, link: Link::SameId }]
}

#[test]
fn what_one_arm_gave_up_hides_nothing_that_another_one_lost() {
    let lanes = vec![lane(0, 0, &[true, true]), lane(1, 1, &[true, true])];
    let arms = vec!["off".to_owned(), "on".to_owned()];
    let frame = Frame { arms, asides: dead_letters(&[1]), ..frame(lanes) };
    let (mut collector, [off, on]) = of_two(frame, [1.0, 1.0], 2000);
    off.iter().chain(&on).for_each(|number| on_topic(&mut collector, *number));
    on[..100].iter().for_each(|number| collector.take(given_up(*number)));
    // One of them is done all the same.
    for number in off[100..].iter().chain(&on[99..]) {
        collector.take(effect(*number, at(number + 10)));
    }
    collector.ended = true;
    let told = format!("0 of {} were refused, and 100 had not come when the run ended", off.len());
    let (outcome, actual) = judged("p95(processed(g)[off]) < 50ms", &collector);
    assert_eq!(outcome, Outcome::NoVerdict, "{actual}");
    assert!(Ranked::of(&collector, "processed(g)[off]").unwrap().max().1.is_some_and(
        |without| matches!(without, Without::Doubt(_, Reason::NoPositiveControl { detail }) if detail.starts_with(&told))
    ));
    assert_eq!(judged("max(processed(g)[on]) < 50ms", &collector).0, Outcome::Held, "given up is no latency");
}

#[test]
fn what_was_given_up_in_the_warm_up_hides_nothing_that_was_lost_after_it() {
    let asides = dead_letters(&[0]);
    let frame = Frame { measured_from: at(1000), asides, ..frame(vec![lane(0, 0, &[true, true])]) };
    let mut collector = Collector::new(frame);
    (0..2000).for_each(|number| collector.take(sent(number)));
    (0..2000).for_each(|number| on_topic(&mut collector, number));
    for number in 0..2000 {
        match number {
            0..100 => collector.take(given_up(number)),
            1000..1100 => {}
            _ => collector.take(effect(number, at(number + 10))),
        }
    }
    collector.ended = true;
    assert_eq!(judged("p95(processed(g)) < 50ms", &collector).0, Outcome::NoVerdict);
}

/// A thousand events, a tenth of which have their effect after so many minutes, and all others after 50 ms.
fn some_after(minutes: u64) -> Collector {
    let mut collector = collector();
    (0..1000).for_each(|number| collector.take(sent(number)));
    (0..1000).for_each(|number| on_topic(&mut collector, number));
    let (slow, quick): (Vec<u64>, Vec<u64>) = (0..1000).partition(|number| number % 10 == 0);
    quick.iter().for_each(|number| collector.take(effect(*number, at(number + 50))));
    slow.iter().for_each(|number| collector.take(effect(*number, at(number + minutes * 60_000))));
    collector.ended = true;
    collector
}

#[test]
fn what_is_longer_than_can_be_kept_apart_is_slower_than_all_others() {
    let outcome = |text| judged(text, &some_after(90)).0;
    assert_eq!(judged("max(processed(g)) < 1m", &some_after(90)), (Outcome::Broken, "60 min".to_owned()));
    assert_eq!(judged("p90(processed(g)) < 51ms", &some_after(90)).0, Outcome::Held);
    assert_eq!(
        (outcome("p95(processed(g)) < 1m"), outcome("p95(processed(g)) < 59m")),
        (Outcome::Broken, Outcome::Broken)
    );
    // Nobody knows how much longer.
    assert_eq!(
        (outcome("p95(processed(g)) < 2h"), outcome("max(processed(g)) < 2h")),
        (Outcome::NoVerdict, Outcome::NoVerdict)
    );
    let difference = |limit: &str| format!("p95(processed(g)) - p50(processed(g)) < {limit}");
    let apart = |limit: &str| judged(&difference(limit), &some_after(90)).0;
    assert_eq!((apart("1m"), apart("2h")), (Outcome::Broken, Outcome::NoVerdict));
}

/// A thousand events, a tenth of which have their effect after 6 s, and all others after 50 ms.
fn some_after_6s() -> Collector {
    let mut collector = collector();
    (0..1000).for_each(|number| collector.take(sent(number)));
    for number in 0..1000 {
        on_topic(&mut collector, number);
        let after = if number % 10 == 0 { 6000 } else { 50 };
        collector.take(effect(number, at(number + after)));
    }
    collector.ended = true;
    collector
}

fn silent(what: Subject, to: Option<At>) -> Blind {
    Blind { what, from: at(800), to, why: "it is down".to_owned() }
}

#[test]
fn what_was_late_only_because_nobody_looked_is_not_missed() {
    let texts =
        ["drained(g) < 5s", "max(processed(g)) < 1s", "p95(processed(g)) < 1s", "p95(visible_to_processed(g)) < 1s"];
    let outcomes = |collector: &Collector| texts.map(|text| judged(text, collector).0);
    let mut collector = some_after_6s();
    collector.close();
    assert_eq!(outcomes(&collector), [Outcome::Broken; 4]);
    for (blind, made_good) in [(vec![None], vec![]), (vec![], vec![Some(at(6800))])] {
        let span = |to: Option<At>| silent(Subject::View("feed".into()), to);
        let spans = |of: Vec<Option<At>>| -> Vec<Blind> { of.into_iter().map(span).collect() };
        (collector.blind, collector.made_good) = (spans(blind), spans(made_good));
        assert_eq!(outcomes(&collector), [Outcome::NoVerdict; 4]);
    }
    // What was slower than anybody was blind for was slow.
    collector.made_good = vec![silent(Subject::View("feed".into()), Some(at(1000)))];
    assert_eq!(outcomes(&collector), [Outcome::Broken; 4]);
    // What the sender is told itself is as it is.
    assert_eq!(judged("max(acknowledgement) < 1us", &collector).0, Outcome::Broken);
    assert_eq!(judged("max(end_to_end) < 1us", &collector).0, Outcome::Broken, "the view shows nothing of the topic");
    collector.made_good = vec![silent(Subject::Topic("t".into()), Some(at(2000)))];
    assert_eq!(judged("max(end_to_end) < 1us", &collector).0, Outcome::NoVerdict);
    assert_eq!(outcomes(&collector), [Outcome::Broken; 4], "nor the topic of the view");
    collector.frame.measured_from = at(2001);
    assert_eq!(judged("max(end_to_end) < 1us", &collector).0, Outcome::Broken, "all was well by then");
}

#[test]
fn a_view_of_another_group_hides_nothing() {
    let frame = frame(vec![lane(0, 0, &[true, true, true])]);
    let group = |name: &str| Group { name: name.to_owned(), topics: vec![0] };
    let views = vec!["feed".to_owned(), "mail".to_owned()];
    let mut collector = Collector::new(Frame { groups: vec![group("g"), group("h")], views, ..frame });
    (0..50).for_each(|number| collector.take(sent(number)));
    (0..50).for_each(|number| on_topic(&mut collector, number));
    (0..49).for_each(|number| collector.take(effect(number, at(100))));
    collector.blind = vec![silent(Subject::View("mail".into()), None)];
    assert_eq!(judged("lost(g) = 0", &collector).0, Outcome::Broken);
    assert_eq!(judged("lost(h) = 0", &collector).0, Outcome::NoVerdict);
    collector.blind = vec![silent(Subject::View("feed".into()), None)];
    assert_eq!(judged("lost(g) = 0", &collector).0, Outcome::NoVerdict);
    collector.blind = vec![silent(Subject::View("nobody knows it".into()), None)];
    assert_eq!(judged("lost(g) = 0", &collector).0, Outcome::NoVerdict, "it may be any group's");
}
