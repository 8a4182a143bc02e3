use eventproof_contract::Link;
use eventproof_evidence::{Blind, Subject};

use super::*;
use crate::collector::tests::{arms, at, collector, effect, frame, lane, seen, sent};
use crate::collector::{Frame, Message};
use crate::draw::{Draw, Keys};
use crate::plan::{Aside, End};

fn aborting(text: &str, grace: Duration) -> Objective {
    Objective { abort_after: Some(grace), ..Objective::parse(text).unwrap() }
}

fn ended(text: &str, collector: &Collector, events: u64) -> Option<Abort> {
    missed(&[aborting(text, Duration::ZERO)], collector, events, None)
}

/// So many events a millisecond apart, the first `slow` of them visible after 300 ms, the others after 10 ms.
fn visible(events: u64, slow: u64) -> Collector {
    let mut collector = collector();
    (0..events).for_each(|number| collector.take(sent(number)));
    (0..events).for_each(|number| {
        let after = if number < slow { 300 } else { 10 };
        collector.take(seen(number, 1, at(number + after)));
    });
    collector.close_until(at(events.max(1000)));
    collector
}

#[test]
fn a_percentile_ends_a_load_only_once_nothing_could_mend_it() {
    let p95 = |events, slow, planned| ended("p95(end_to_end) < 100ms", &visible(events, slow), planned);
    // 500 of the 10,000 planned may be slow, and are missed beyond that.
    assert_eq!(p95(1000, 500, 10_000), None, "missed now, and 9,500 quick ones would mend it");
    let abort = p95(1000, 501, 10_000).unwrap();
    assert_eq!((abort.at, abort.sent, abort.actual.as_str()), (Duration::from_secs(1), 1000, "300 ms"));
    assert_eq!(p95(1000, 40, 1000), None, "not missed at all");
    assert_eq!(p95(150, 150, 1000), None, "too few to say anything yet: no verdict so far");
}

#[test]
fn what_the_percentile_says_at_the_end_agrees_with_an_abort() {
    // The worst that can come after an abort: all others are quick.
    for (planned, slow) in [(1000u64, 51u64), (1000, 50), (777, 39), (777, 38), (2000, 101), (2000, 100)] {
        let whole = visible(planned, slow);
        let judged = judge_one(&aborting("p95(end_to_end) < 100ms", Duration::ZERO), &whole, None);
        let certain = ended("p95(end_to_end) < 100ms", &whole, planned).is_some();
        assert_eq!(certain, judged.finding.outcome == Outcome::Broken, "{slow} of {planned}");
    }
}

#[test]
fn nothing_ends_a_load_before_its_grace_or_while_the_generator_slips() {
    let slow = visible(1000, 1000);
    let text = "p50(end_to_end) < 100ms";
    assert!(ended(text, &slow, 1000).is_some());
    assert_eq!(missed(&[aborting(text, Duration::from_secs(2))], &slow, 1000, None), None);
    assert_eq!(missed(&[aborting(text, Duration::ZERO)], &slow, 1000, Some("it slipped")), None);
    assert_eq!(missed(&[Objective::parse(text).unwrap()], &slow, 1000, None), None, "nobody asked for it");
}

#[test]
fn failures_end_a_load_and_the_first_of_several_objectives_is_named() {
    let mut collector = arms();
    for number in 0..200 {
        collector.take(Message::Sent { number, planned: at(number), sent: at(number), hash: None });
        collector.take(Message::Refused { number, why: "status 500".to_owned() });
    }
    collector.close_until(at(1000));
    let objectives = [
        aborting("max(answered[off]) < 1s", Duration::from_secs(9)),
        aborting("failed(answered[on]) <= 5", Duration::ZERO),
    ];
    let abort = missed(&objectives, &collector, 200, None).unwrap();
    let told = abort.told(&objectives);
    assert_eq!((told.objective.as_str(), told.at_ms, told.sent), ("failed(answered[on]) <= 5", 1000.0, 200));
    assert!(told.actual.starts_with("100 of 100: 100 refused"), "{}", told.actual);
}

#[test]
fn what_a_shard_found_out_is_the_same_for_those_who_hear_of_it() {
    let objectives = ["lost(topic) = 0", "p95(end_to_end) < 100ms"].map(|text| aborting(text, Duration::ZERO));
    let found = missed(&objectives[1..], &visible(1000, 501), 10_000, None).unwrap();
    let told = found.on(Shard { number: 3, of: 4 }).told(&objectives[1..]);
    assert_eq!((told.objective.as_str(), told.actual.as_str()), ("p95(end_to_end) < 100ms", "300 ms on shard 3"));
    let heard = Abort::heard(told.clone(), &objectives).unwrap();
    assert_eq!((heard.index, heard.at), (1, Duration::from_secs(1)));
    assert_eq!(heard.told(&objectives), told);
    assert_eq!(Abort::heard(told, &objectives[..1]), None, "an objective that is none of this load's");
}

#[test]
fn what_may_still_come_ends_nothing_and_what_held_until_then_has_no_verdict() {
    let mut collector = collector();
    (0..1000).for_each(|number| collector.take(sent(number)));
    (0..1000).for_each(|number| collector.take(Message::Acknowledged { number, at: at(number + 9) }));
    (0..900).for_each(|number| collector.take(seen(number, 1, at(number + 20))));
    collector.close_until(at(2000));
    assert_eq!(ended("lost(topic) = 0", &collector, 1000), None, "owed, not lost");
    let objectives = ["p50(acknowledgement) < 5ms", "duplicated(topic) = 0"].map(|text| aborting(text, Duration::ZERO));
    let abort = missed(&objectives, &collector, 1000, None).unwrap();
    let mut judged = crate::result::judge(&objectives, &collector, None);
    abort.amend(&mut judged);
    let outcomes: Vec<_> = judged.iter().map(|one| (one.finding.outcome, one.finding.code.as_str())).collect();
    assert_eq!(outcomes, [(Outcome::Broken, "objective-missed"), (Outcome::NoVerdict, "own-doing")]);
}

/// Two events of one key, of which the group is done with the second before the first.
fn overtaken(asides: Vec<Aside>) -> Collector {
    let draw = Draw::new(1, &[1.0], Keys::Uniform(1), None, usize::MAX);
    let mut collector = Collector::new(Frame { draw, asides, ..frame(vec![lane(0, 0, &[true, true])]) });
    (0..2).for_each(|number| collector.take(sent(number)));
    (0..2).for_each(|number| collector.take(seen(number, 1, at(number + 10))));
    [1, 0].into_iter().for_each(|number| collector.take(effect(number, at(100 - number))));
    collector.close_until(at(1000));
    collector
}

#[test]
fn what_may_turn_out_to_have_been_put_off_ends_nothing() {
    let text = "reordered(g) = 0";
    assert!(ended(text, &overtaken(Vec::new()), 2).is_some());
    let end = End::Waits { group: "again".to_owned() };
    let retry = Aside { lanes: vec![0], leg: 1, topic: "retry".to_owned(), end, link: Link::SameId };
    let collector = overtaken(vec![retry]);
    assert_eq!(judge_one(&Objective::parse(text).unwrap(), &collector, None).finding.outcome, Outcome::Broken);
    assert_eq!(ended(text, &collector, 2), None, "its record in the retry topic may not have been read yet");
}

#[test]
fn what_may_be_slow_only_because_nobody_looked_ends_nothing() {
    let text = "max(end_to_end) < 100ms";
    let mut collector = visible(1000, 1000);
    assert!(ended(text, &collector, 1000).is_some());
    let why = "the machine stalled the recorder for 900 ms".to_owned();
    collector.blind.push(Blind { what: Subject::Everything, from: at(100), to: Some(at(1000)), why });
    assert_eq!(ended(text, &collector, 1000), None);
}
