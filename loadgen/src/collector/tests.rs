use std::time::Duration;

use eventproof_evidence::{At, Blind, Name, Observation, Percentile, Subject};

use super::*;
use crate::draw::{Draw, Keys};

pub(crate) fn lane(arm: usize, order: u64, legs: &[bool]) -> Lane {
    Lane {
        arm,
        order,
        keyed: true,
        legs: legs.to_vec(),
        committing: vec![false],
        deadlines: vec![None, Some(Duration::from_millis(100))],
    }
}

pub(crate) fn frame(lanes: Vec<Lane>) -> Frame {
    Frame {
        start: At::START,
        measured_from: At::START,
        first: 0,
        draw: Draw::new(1, &vec![1.0; lanes.len()], Keys::Uniform(10), None, usize::MAX),
        planned: true,
        lanes,
        arms: vec![String::new()],
        first_stage: "acknowledgement",
        topics: vec!["t".to_owned(), "u".to_owned()],
        groups: vec![Group { name: "g".to_owned(), topics: vec![0] }],
        views: vec!["feed".to_owned()],
        follows: Vec::new(),
        committing: Vec::new(),
        asked_every: Duration::from_millis(200),
        effect_error: Duration::ZERO,
        lagging: vec![Group { name: "g".to_owned(), topics: vec![0] }],
        linked: false,
        interval: Duration::from_secs(1),
        split: None,
        asides: Vec::new(),
        resident: || 0.0,
    }
}

pub(crate) fn collector() -> Collector {
    Collector::new(frame(vec![lane(0, 0, &[true, true])]))
}

/// Two arms, of which only the second one's events follow.
pub(crate) fn arms() -> Collector {
    let lanes = vec![lane(0, 0, &[false, false]), lane(1, 0, &[true, true])];
    let arms = vec!["off".to_owned(), "on".to_owned()];
    Collector::new(Frame { arms, first_stage: "answered", linked: true, ..frame(lanes) })
}

pub(crate) fn at(millis: u64) -> At {
    At::START + Duration::from_millis(millis)
}

pub(crate) fn sent(number: u64) -> Message {
    Message::Sent { number, planned: at(number), sent: at(number), hash: Some(1) }
}

pub(crate) fn seen(number: u64, hash: u64, at: At) -> Message {
    sight(Event::Ours(Some(number)), None, hash, number as i64, at)
}

fn sight(event: Event, link: Option<&str>, hash: u64, offset: i64, at: At) -> Message {
    let link = link.map(str::to_owned);
    Message::Seen(Box::new(Sight { event, link, hash, size: 100, fault: None, topic: 0, partition: 0, offset, at }))
}

pub(crate) fn effect(number: u64, at: At) -> Message {
    Message::Effect { leg: 1, event: Event::Ours(Some(number)), at }
}

#[test]
fn an_injected_delay_of_200_ms_is_found_as_200_ms() {
    let mut collector = collector();
    for number in 0..1000 {
        collector.take(sent(number));
        collector.take(Message::Acknowledged { number, at: at(number + 5) });
        collector.take(seen(number, 1, at(number + 200)));
        collector.take(effect(number, at(number + 300)));
    }
    let p95 = |stage: usize| collector.stages[stage].percentile(Percentile(95.0)).value.as_micros();
    assert!(p95(1).abs_diff(200_000) <= 200 && p95(2).abs_diff(300_000) <= 300, "{} {}", p95(1), p95(2));
    assert!(p95(0).abs_diff(5_000) <= 10);
    // The same from station to station.
    collector.close();
    let part = |stage: usize| collector.spans[stage].percentile(Percentile(95.0)).value.as_micros();
    let parts = [part(0), part(1), part(2)];
    assert!(
        parts.iter().zip([5_000, 195_000, 100_000]).all(|(part, truth)| part.abs_diff(truth) <= truth / 500),
        "{parts:?}"
    );
    assert!(collector.is_complete());
}

#[test]
fn a_pause_of_the_generator_is_in_the_latencies_that_it_caused() {
    let mut collector = collector();
    collector.take(Message::Sent { number: 0, planned: at(0), sent: at(1000), hash: Some(1) });
    collector.take(seen(0, 1, at(1001)));
    assert!(collector.stages[1].max() >= Duration::from_millis(1000));
    assert!(collector.slip.max() >= Duration::from_millis(999));
}

#[test]
fn without_a_plan_an_event_counts_from_when_the_queue_took_it() {
    let mut collector = Collector::new(Frame { planned: false, ..frame(vec![lane(0, 0, &[true, true])]) });
    collector.take(Message::Sent { number: 0, planned: at(0), sent: at(0), hash: Some(1) });
    collector.take(Message::SentAgain { number: 0, sent: at(400) });
    collector.take(Message::Acknowledged { number: 0, at: at(410) });
    assert!(collector.stages[0].max().abs_diff(Duration::from_millis(10)) < Duration::from_millis(1));
    // A request, that waited for its turn.
    collector.take(Message::Sent { number: 1, planned: at(500), sent: at(500), hash: None });
    collector.take(Message::Began { number: 1, at: at(600) });
    collector.close_until(at(1000));
    assert_eq!((collector.slip.count(), collector.intervals[0].slip.count), (0, 0), "there is nothing to slip behind");
}

#[test]
fn a_copy_that_comes_late_and_altered_is_a_duplicate_and_corrupted() {
    let mut collector = collector();
    for number in 0..10 {
        collector.take(sent(number));
        collector.take(Message::Acknowledged { number, at: at(20) });
        collector.take(seen(number, 1, at(30)));
        collector.take(effect(number, at(40)));
    }
    assert_eq!(collector.in_flight(), 0);
    collector.take(seen(3, 1, at(50)));
    collector.take(seen(4, 2, at(51)));
    let topic = collector.ledger.legs()[0].1;
    assert_eq!((topic.duplicated, topic.corrupted), (2, 1));
}

#[test]
fn injected_anomalies_are_found_at_their_exact_count() {
    let mut collector = collector();
    (0..100).for_each(|number| collector.take(sent(number)));
    (0..100).for_each(|number| collector.take(Message::Acknowledged { number, at: at(100) }));
    for number in (0..100).filter(|number| number % 50 != 7) {
        collector.take(seen(number, if number == 3 { 2 } else { 1 }, at(200)));
    }
    collector.take(seen(4, 1, at(201)));
    collector.take(seen(500, 1, at(202)));
    let topic = collector.ledger.legs()[0].1;
    assert_eq!((topic.lost, topic.duplicated, topic.corrupted, topic.phantom), (2, 1, 1, 1));
    assert!(!collector.is_complete());
}

#[test]
fn what_comes_behind_its_deadline_is_late_at_its_exact_count() {
    let mut collector = collector();
    (0..50).for_each(|number| collector.take(sent(number)));
    (0..50).for_each(|number| collector.take(seen(number, 1, at(60))));
    // Each at its own instant: 100 ms are in time, more is late; what comes again is not late again.
    (0..50).for_each(|number| collector.take(effect(number, at(number + 100 + u64::from(number % 10 == 3)))));
    collector.take(effect(3, at(5000)));
    let legs = collector.legs();
    assert_eq!((legs[1].1.late, legs[1].1.duplicated, legs[0].1.late), (5, 1, 0));
    let objective = crate::objective::Objective::parse("late(g) <= 4").unwrap();
    let outcome = |saturated| crate::result::judge_one(&objective, &collector, saturated).finding.outcome;
    assert_eq!(outcome(None), eventproof_reports::model::Outcome::Broken);
    assert_eq!(
        outcome(Some("it slipped")),
        eventproof_reports::model::Outcome::NoVerdict,
        "it may be late by our own doing"
    );
}

#[test]
fn what_was_sent_and_is_not_there_is_owed_before_it_is_acknowledged() {
    let mut collector = collector();
    (0..10).for_each(|number| collector.take(sent(number)));
    (0..4).for_each(|number| collector.take(Message::Acknowledged { number, at: at(20) }));
    // One is read before its acknowledgement comes.
    [0, 1, 2, 9].into_iter().for_each(|number| collector.take(seen(number, 1, at(30))));
    collector.close_until(at(1000));
    let topic = |collector: &Collector| collector.intervals.last().unwrap().legs[0].owed;
    assert_eq!(topic(&collector), 6, "3 is acknowledged, 4 to 8 are on their way");
    collector.take(Message::Refused { number: 4, why: "no".to_owned() });
    collector.take(Message::Unknown { number: 5, why: "no answer".to_owned() });
    collector.close_until(at(2000));
    assert_eq!(topic(&collector), 4, "what was refused never comes, and what nobody knows of is not owed");
}

#[test]
fn a_group_is_drained_when_its_last_effect_came() {
    let mut collector = collector();
    (0..100).for_each(|number| collector.take(sent(number)));
    (0..100).for_each(|number| collector.take(seen(number, 1, at(150))));
    (0..99).for_each(|number| collector.take(effect(number, at(200 + number))));
    assert_eq!((collector.drained(1), collector.drained(0)), (None, Some(Duration::from_millis(51))));
    collector.take(effect(99, at(1099)));
    assert_eq!(collector.drained(1), Some(Duration::from_millis(1000)));
}

#[test]
fn an_event_that_has_reached_all_its_ends_is_forgotten() {
    let mut collector = collector();
    collector.take(sent(0));
    collector.take(Message::Acknowledged { number: 0, at: at(1) });
    collector.take(seen(0, 1, at(1)));
    assert_eq!(collector.in_flight(), 1);
    collector.take(effect(0, at(2)));
    assert_eq!(collector.in_flight(), 0);
}

#[test]
fn a_group_owes_effects_of_what_it_consumes_only() {
    let mut collector = Collector::new(frame(vec![lane(0, 0, &[true, true]), lane(0, 1, &[true, false])]));
    let consumed = (0..100).filter(|number| collector.frame.draw.lane(*number) == 0).count() as u64;
    assert!((30..70).contains(&consumed));
    for number in 0..100 {
        collector.take(sent(number));
        collector.take(Message::Acknowledged { number, at: at(number) });
        collector.take(seen(number, 1, at(number)));
    }
    assert_eq!(collector.ledger.legs()[1].1.lost, consumed);
    (0..100).for_each(|number| collector.take(effect(number, at(200))));
    let group = collector.ledger.legs()[1].1;
    assert_eq!((group.seen, group.lost, group.duplicated, group.phantom), (consumed, 0, 0, 0));
    assert!(collector.is_complete());
}

#[test]
fn order_is_judged_among_events_that_have_one() {
    // The same key on two topics: nothing was said of an order between them.
    let reordered = |orders: [u64; 2]| {
        let lanes = vec![lane(0, orders[0], &[true, false]), lane(0, orders[1], &[true, false])];
        let mut frame = frame(lanes);
        frame.draw = Draw::new(1, &[1.0, 1.0], Keys::Uniform(1), None, usize::MAX);
        let mut collector = Collector::new(frame);
        (0..100).for_each(|number| collector.take(sent(number)));
        let of = |lane: usize, collector: &Collector| -> Vec<u64> {
            (0..100).filter(|number| collector.frame.draw.lane(*number) == lane).collect()
        };
        let all = [of(1, &collector), of(0, &collector)].concat();
        all.into_iter().for_each(|number| collector.take(seen(number, 1, at(200))));
        collector.ledger.legs()[0].1.reordered
    };
    assert_eq!(reordered([0, 1]), 0);
    assert!(reordered([0, 0]) > 10);
}

#[test]
fn records_without_a_key_have_no_order_that_could_be_broken() {
    let reordered = |keyed: bool| {
        let mut collector = Collector::new(frame(vec![Lane { keyed, ..lane(0, 0, &[true, true]) }]));
        for number in 0..100 {
            collector.take(sent(number));
            collector.take(Message::Acknowledged { number, at: at(100) });
        }
        (0..100).rev().for_each(|number| collector.take(seen(number, 1, at(200))));
        (0..100).for_each(|number| collector.take(effect(number, at(300))));
        // Neither is counted again, nor kept any longer.
        collector.take(seen(7, 1, at(400)));
        let (topic, group) = (collector.legs()[0].1, collector.legs()[1].1);
        assert_eq!((topic.seen, topic.lost, topic.duplicated, group.lost, collector.kept()), (100, 0, 1, 0, 20));
        topic.reordered
    };
    assert_eq!((reordered(true), reordered(false)), (90, 0));
}

#[test]
fn an_event_follows_from_its_request_whichever_is_told_first() {
    let mut collector = arms();
    let id = |number: u64| Event::Theirs(Some(Name::from(format!("id-{number}"))));
    for number in 0..400u64 {
        collector.take(Message::Sent { number, planned: at(number), sent: at(number), hash: None });
        let (arm, link) = (number % 2, format!("task-{number}"));
        let answered = |link| Message::Answered { number, link, at: at(number + 10 + 40 * arm) };
        if arm == 0 {
            collector.take(answered(None));
            continue;
        }
        let early = number % 4 == 1;
        if !early {
            collector.take(answered(Some(link.clone())));
        } else {
            collector.take(Message::Effect { leg: 1, event: id(number), at: at(number + 70) });
        }
        collector.take(sight(id(number), Some(&link), 7, number as i64, at(number + 60)));
        if early {
            collector.take(answered(Some(link)));
        } else {
            collector.take(Message::Effect { leg: 1, event: id(number), at: at(number + 70) });
        }
    }
    assert!(collector.is_complete());
    let names = collector.stage_names();
    let p50 = |name: &str| {
        let place = names.iter().position(|known| known == name).unwrap();
        (collector.stages[place].count(), collector.stages[place].percentile(Percentile(50.0)).value.as_millis())
    };
    assert_eq!((p50("answered[off]"), p50("answered[on]")), ((200, 10), (200, 50)));
    assert_eq!((p50("end_to_end[on]"), p50("processed(g)[on]")), ((200, 60), (200, 70)));
    assert_eq!(collector.strangers(), 0);
    assert_eq!(collector.in_flight(), 0);
}

#[test]
fn what_becomes_of_requests_and_their_events_is_counted_exactly() {
    let mut collector = arms();
    for number in 0..20u64 {
        collector.take(Message::Sent { number, planned: at(number), sent: at(number), hash: None });
        match number {
            1 => collector.take(Message::Refused { number, why: "status 500".to_owned() }),
            3 => collector.take(Message::Unknown { number, why: "no answer".to_owned() }),
            _ => {
                let link = (number % 2 == 1).then(|| format!("task-{number}"));
                collector.take(Message::Answered { number, link, at: at(number + 10) });
            }
        }
    }
    // 5 never follows; 7 comes twice; one is nobody's, and one may be the unknown request's.
    for name in [7, 7, 9, 11, 13, 15, 17, 19, 98, 99] {
        let event = Event::Theirs(Some(Name::from(format!("id-{name}"))));
        collector.take(sight(event, Some(&format!("task-{name}")), 7, name, at(60)));
    }
    // Another message of the same topic concerns nobody.
    collector.take(sight(Event::Theirs(None), None, 7, 100, at(60)));
    let topic = collector.ledger.legs()[0].1;
    assert_eq!((topic.seen, topic.lost, topic.duplicated, topic.unknown), (7, 1, 1, 1));
    assert_eq!(collector.strangers(), 1);
    let on = &collector.failures[1];
    assert_eq!((on.planned, on.refused, on.unknown, on.reasons.len()), (10, 1, 1, 2));
    assert_eq!(collector.failures[0].all(), 0);
}

/// A look at a group that is answered at once.
pub(crate) fn looked(collector: &mut Collector, group: &str, when: At) {
    collector.take(Message::Asking { group: group.into(), at: when });
    collector.take(Message::Positioned(group.into()));
}

#[test]
fn a_group_that_does_not_answer_has_no_lag() {
    let (group, why) = (Name::from("g"), "the broker did not answer".to_owned());
    let mut collector = collector();
    collector.take(seen(0, 1, at(10)));
    looked(&mut collector, "g", at(900));
    collector.close_until(at(1000));
    assert_eq!((collector.lags.greatest["g"], collector.intervals[0].lag[0].at_ms), (1, Some(900.0)));
    let blind = Blind { what: Subject::Group(group.clone()), from: at(1100), to: None, why };
    collector.take(Message::Group(Box::new(Observation::Blind(blind))));
    (1..500).for_each(|number| collector.take(seen(number, 1, at(1200))));
    collector.close_until(at(2000));
    assert!(collector.intervals[1].lag.is_empty());
    collector
        .take(Message::Group(Box::new(Observation::CaughtUp { what: Subject::Group(group.clone()), at: at(2100) })));
    let offset = 498;
    let committed = |topic: &str| Observation::Committed {
        group: group.clone(),
        topic: topic.into(),
        partition: 0,
        offset,
        at: at(2100),
    };
    collector.take(Message::Group(Box::new(committed("another"))));
    collector.take(Message::Group(Box::new(committed("t"))));
    looked(&mut collector, "g", at(2900));
    // What comes after the look is none of its lag.
    (500..600).for_each(|number| collector.take(seen(number, 1, at(2950))));
    collector.close_until(at(3000));
    assert_eq!(collector.intervals[2].lag[0].records, 2);
    assert_eq!(collector.lags.greatest["g"], 2);
    assert_eq!(collector.lags.unseen["g"].0, 1);
}

#[test]
fn what_was_sent_before_the_load_concerns_nobody() {
    let frame = Frame { first: 10, measured_from: at(12), ..frame(vec![lane(0, 0, &[true, true])]) };
    let mut collector = Collector::new(frame);
    collector.take(seen(3, 1, at(0)));
    collector.take(sent(10));
    collector.take(seen(10, 1, at(20)));
    assert_eq!(collector.ledger.legs()[0].1.phantom, 0);
    assert_eq!(collector.stages[1].count(), 0, "the warm-up is in no figure");
}

#[test]
fn memory_follows_keys_and_what_is_in_flight_not_what_was_sent() {
    let kept = |events: u64| {
        let mut collector = collector();
        for number in 0..events {
            collector.take(sent(number));
            match number % 10 {
                0 => collector.take(Message::Refused { number, why: "full".to_owned() }),
                1 => {
                    collector.take(Message::Unknown { number, why: "no answer".to_owned() });
                    collector.take(seen(number, 1, at(number + 5)));
                    collector.take(effect(number, at(number + 9)));
                }
                _ => {
                    collector.take(Message::Acknowledged { number, at: at(number + 1) });
                    collector.take(seen(number, 1, at(number + 5)));
                    collector.take(effect(number, at(number + 9)));
                }
            }
        }
        collector.kept()
    };
    // Ten keys on two legs.
    assert_eq!((kept(1_000), kept(100_000)), (20, 20));
}

#[test]
fn memory_of_requests_is_bounded_by_the_window_of_duplicates() {
    let kept = |events: u64| {
        let mut collector = arms();
        for number in 0..events {
            collector.take(Message::Sent { number, planned: at(number), sent: at(number), hash: None });
            let link = (number % 2 == 1).then(|| format!("task-{number}"));
            collector.take(Message::Answered { number, link: link.clone(), at: at(number + 1) });
            if link.is_some() {
                let event = Event::Theirs(Some(Name::from(format!("id-{number}"))));
                collector.take(sight(event.clone(), link.as_deref(), 7, number as i64, at(number + 2)));
                collector.take(Message::Effect { leg: 1, event, at: at(number + 3) });
            }
        }
        collector.kept()
    };
    assert_eq!(kept(410_000), kept(430_000), "200,000 names of either kind");
}

#[test]
fn what_a_request_waits_for_its_turn_among_our_own_tasks_is_slip_and_stays_in_its_latency() {
    let mut collector = collector();
    collector.take(Message::Sent { number: 0, planned: at(0), sent: at(0), hash: None });
    assert_eq!(collector.slip.count(), 0, "not made yet");
    collector.take(Message::Began { number: 0, at: at(700) });
    collector.take(Message::Answered { number: 0, link: None, at: at(710) });
    let close = |found: Duration, to: u64| found.abs_diff(Duration::from_millis(to)) <= Duration::from_millis(1);
    assert!(collector.slip.count() == 1 && close(collector.slip.max(), 700), "{:?}", collector.slip.max());
    assert!(close(collector.stages[0].max(), 710), "{:?}", collector.stages[0].max());
}

#[test]
fn a_span_that_lasts_is_one_with_itself_when_it_has_ended_and_late_until_it_was_read() {
    let mut collector = collector();
    let topic = Subject::Topic("t".into());
    let span = |to| Blind { what: topic.clone(), from: at(1000), to, why: "all brokers down".to_owned() };
    collector.take(Message::Blind(Box::new(span(None))));
    assert_eq!(collector.blind, [span(None)]);
    collector.take(Message::Blind(Box::new(span(Some(at(4000))))));
    assert_eq!(collector.blind, [span(Some(at(4000)))]);
    collector.take(Message::CaughtUp(topic.clone(), at(4100)));
    assert_eq!((&collector.blind[..], &collector.made_good[..]), (&[][..], &[span(Some(at(4100)))][..]));
}

#[test]
fn what_was_handled_after_the_window_of_names_is_not_said_to_be_lost() {
    use eventproof_reports::model::Outcome;
    let mut collector = arms();
    let id = |number: u64| Event::Theirs(Some(Name::from(format!("id-{number}"))));
    let events = WINDOW as u64 + 10;
    // Those of the arm whose events follow, all at one instant: each interval that ends walks through everything that is owed.
    for number in (0..events).map(|nth| 2 * nth + 1) {
        let link = format!("task-{number}");
        collector.take(Message::Sent { number, planned: at(1), sent: at(1), hash: None });
        collector.take(Message::Answered { number, link: Some(link.clone()), at: at(2) });
        collector.take(sight(id(number), Some(&link), 7, number as i64, at(3)));
    }
    // The group was paused, and handles everything now.
    for number in (0..events).map(|nth| 2 * nth + 1) {
        collector.take(Message::Effect { leg: 1, event: id(number), at: at(4) });
    }
    let judged = |collector: &Collector, text: &str| {
        let objective = crate::objective::Objective::parse(text).unwrap();
        crate::result::judge_one(&objective, collector, None).finding.outcome
    };
    assert_eq!((collector.legs()[1].1.lost, collector.beyond_window()), (10, 10));
    assert_eq!(judged(&collector, "lost(g) = 0"), Outcome::NoVerdict);
    assert_eq!(judged(&collector, "drained(g) < 1s"), Outcome::NoVerdict);
    // One more is nowhere.
    let number = 2 * events + 1;
    collector.take(Message::Sent { number, planned: at(1), sent: at(1), hash: None });
    collector.take(Message::Answered { number, link: Some("last".to_owned()), at: at(2) });
    collector.take(sight(id(number), Some("last"), 7, number as i64, at(3)));
    assert_eq!(judged(&collector, "lost(g) = 0"), Outcome::Broken);
    assert_eq!(judged(&collector, "lost(g) <= 1"), Outcome::NoVerdict);
}
