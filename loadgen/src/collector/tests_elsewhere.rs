//! Made-up histories of events that wait in retry topics or end in dead-letter topics.

use std::time::Duration;

use eventproof_contract::{Expression, Link, Part, Position};
use eventproof_evidence::Observation;
use eventproof_evidence::ledger::LegCounts;
use eventproof_reports::model::Outcome;

use super::tests::{at, effect, frame, lane, seen, sent};
use super::*;
use crate::objective::Objective;
use crate::plan::{Aside, End};

const RETRY: usize = 0;
const DEAD: usize = 1;
/// Long after everything.
const LATE: u64 = 60_000;

fn aside(lanes: &[usize], topic: &str, end: End, link: Link) -> Aside {
    Aside { lanes: lanes.to_vec(), leg: 1, topic: topic.to_owned(), end, link }
}

fn waits() -> End {
    End::Waits { group: "again".to_owned() }
}

fn collector(asides: Vec<Aside>, lanes: usize) -> Collector {
    let lanes = (0..lanes).map(|_| lane(0, 0, &[true, true])).collect();
    Collector::new(Frame { asides, ..frame(lanes) })
}

/// A retry topic and a dead-letter topic, whose records have the event's id.
fn by_id() -> Collector {
    collector(vec![aside(&[0], "retry", waits(), Link::SameId), aside(&[0], "dead", End::Dead, Link::SameId)], 1)
}

/// Events that are acknowledged and on the topic, each at its number as its offset.
fn on_topic(collector: &mut Collector, count: u64) {
    (0..count).for_each(|number| collector.take(sent(number)));
    for number in 0..count {
        collector.take(Message::Acknowledged { number, at: at(100) });
        collector.take(seen(number, 1, at(100)));
    }
}

/// Records say where the one before them stands.
fn position() -> Link {
    let header = |pointer: &str| Expression { part: Part::Header, pointer: pointer.to_owned() };
    Link::Position(Position { topic: header("/t"), partition: header("/p"), offset: header("/o") })
}

fn set_aside(aside: usize, number: u64, offset: i64) -> Message {
    by(aside, By::Event(Event::Ours(Some(number))), offset)
}

fn by(aside: usize, by: By, offset: i64) -> Message {
    Message::Aside(Box::new(AsideSight { aside, by, partition: 0, offset, at: at(200) }))
}

fn committed(offset: i64, millis: u64) -> Message {
    let (group, topic) = ("again".into(), "retry".into());
    Message::Group(Box::new(Observation::Committed { group, topic, partition: 0, offset, at: at(millis) }))
}

fn group(collector: &mut Collector, now: u64) -> LegCounts {
    collector.close_until(at(now));
    collector.legs()[1].1
}

fn judged(collector: &Collector, text: &str) -> (Outcome, String, String) {
    let judged = crate::result::judge_one(&Objective::parse(text).unwrap(), collector, None);
    (judged.finding.outcome, judged.actual, judged.finding.text)
}

#[test]
fn done_lost_given_up_and_waiting_are_four_things_at_their_exact_counts() {
    let mut collector = by_id();
    on_topic(&mut collector, 100);
    (0..80).for_each(|number| collector.take(effect(number, at(300))));
    // Seven are given up, one of them told twice; five wait, one of them was done by then; eight are nowhere.
    (80..87).chain([80]).for_each(|number| collector.take(set_aside(DEAD, number, number as i64)));
    (87..92).chain([7]).zip(0..).for_each(|(number, offset)| collector.take(set_aside(RETRY, number, offset)));
    let found = group(&mut collector, LATE);
    assert_eq!((found.seen, found.lost, found.dead_lettered, found.undecided), (80, 8, 7, 5));
    let (outcome, actual, _) = judged(&collector, "lost(g) = 0");
    assert_eq!((outcome, &*actual), (Outcome::Broken, "8 of 100; 7 dead-lettered, 5 undecided"));
    assert_eq!(judged(&collector, "dead_lettered(g) <= 6").0, Outcome::Broken);
    assert!(!collector.is_complete());
}

#[test]
fn what_still_waits_leaves_no_verdict_where_it_would_decide() {
    let mut collector = by_id();
    on_topic(&mut collector, 10);
    (0..9).for_each(|number| collector.take(effect(number, at(300))));
    collector.take(set_aside(RETRY, 9, 0));
    group(&mut collector, LATE);
    let (outcome, _, why) = judged(&collector, "lost(g) = 0");
    assert_eq!(outcome, Outcome::NoVerdict, "{why}");
    assert!(why.contains("1 events of g still waited in a retry topic when the run ended"), "{why}");
    assert_eq!(judged(&collector, "lost(g) <= 1").0, Outcome::Held, "one more would not matter");
    assert_eq!(judged(&collector, "undecided(g) = 0").0, Outcome::Broken);
}

#[test]
fn what_its_reader_has_committed_past_waits_no_longer() {
    let mut collector = by_id();
    on_topic(&mut collector, 3);
    collector.take(effect(0, at(300)));
    collector.take(set_aside(RETRY, 1, 0));
    collector.take(set_aside(RETRY, 2, 1));
    collector.take(committed(1, 10_000));
    let found = group(&mut collector, 11_000);
    assert_eq!((found.lost, found.undecided), (0, 2), "its effect may be on its way");
    let found = group(&mut collector, LATE);
    assert_eq!((found.lost, found.undecided), (1, 1), "one was passed, the other still waits");
    collector.take(effect(1, at(LATE)));
    collector.take(effect(2, at(LATE)));
    let found = group(&mut collector, LATE);
    assert_eq!((found.seen, found.lost, found.undecided, found.reordered), (3, 0, 0, 0));
    assert!(collector.is_complete());
}

#[test]
fn what_was_put_off_may_be_overtaken_and_nothing_else_may() {
    let mut collector = by_id();
    // One key for all: numbers that are equal by it.
    collector.frame.draw = crate::draw::Draw::new(1, &[1.0], crate::draw::Keys::Uniform(1), None, usize::MAX);
    on_topic(&mut collector, 4);
    collector.take(set_aside(RETRY, 0, 0));
    [3, 0, 1].iter().for_each(|number| collector.take(effect(*number, at(300))));
    assert_eq!(group(&mut collector, LATE).reordered, 1, "1 was overtaken by 3");
    collector.take(set_aside(RETRY, 1, 1));
    assert_eq!(group(&mut collector, LATE).reordered, 0, "it was put off, as is known now");
}

#[test]
fn a_record_is_linked_by_place_and_the_next_one_by_the_place_of_that() {
    let mut collector =
        collector(vec![aside(&[0], "retry", waits(), position()), aside(&[0], "dead", End::Dead, position())], 1);
    let named = |topic: &str, offset: i64| By::Name(named_place(topic, 0, offset));
    // The dead letter is seen first of all, then the retry record, then the event.
    collector.take(by(DEAD, named("retry", 5), 0));
    collector.take(by(RETRY, named("t", 1), 5));
    on_topic(&mut collector, 3);
    collector.take(effect(0, at(300)));
    let found = group(&mut collector, LATE);
    assert_eq!((found.dead_lettered, found.lost, found.undecided), (1, 1, 0));
    assert_eq!(judged(&collector, "lost(g) = 0").0, Outcome::Broken);
    collector.take(by(DEAD, named("t", 77), 1));
    let (outcome, _, why) = judged(&collector, "lost(g) = 0");
    assert_eq!(outcome, Outcome::NoVerdict, "the one that is missing may be the dead letter of nobody knows what");
    assert!(why.contains("1 records in retry or dead-letter topics could not be linked"), "{why}");
}

#[test]
fn a_record_is_linked_by_its_bytes() {
    let mut collector = collector(vec![aside(&[0], "dead", End::Dead, Link::Bytes)], 1);
    collector.take(by(0, By::Name(named_bytes(7)), 0));
    collector.take(Message::Sent { number: 0, planned: at(0), sent: at(0), hash: Some(7) });
    collector.take(Message::Acknowledged { number: 0, at: at(1) });
    collector.take(seen(0, 7, at(2)));
    assert_eq!(group(&mut collector, LATE).dead_lettered, 1);
    assert!(collector.is_complete(), "nothing more is owed");
    assert_eq!(judged(&collector, "lost(g) = 0").0, Outcome::Held, "that it was given up shows that it was read");
}

#[test]
fn of_a_mix_each_message_ends_where_the_contract_says_of_it() {
    // The first message's dead letters are the group's alone; the second one's are written by another group too.
    let asides =
        vec![aside(&[0], "dead", End::Dead, Link::SameId), aside(&[1], "dead", End::DeadOfSeveral, Link::SameId)];
    let mut collector = collector(asides, 2);
    on_topic(&mut collector, 40);
    let lanes: Vec<usize> = (0..40).map(|number| collector.frame.lane_index(number)).collect();
    let of_first = lanes.iter().filter(|lane| **lane == 0).count() as u64;
    assert!((5..35).contains(&of_first), "{lanes:?}");
    for number in 0..40 {
        collector.take(set_aside(0, number, number as i64));
        collector.take(set_aside(1, number, number as i64));
    }
    let found = group(&mut collector, LATE);
    assert_eq!((found.dead_lettered, found.undecided, found.lost), (of_first, 40 - of_first, 0));
    let (outcome, _, why) = judged(&collector, "lost(g) = 0");
    assert!(outcome == Outcome::NoVerdict && why.contains("several groups write to"), "{why}");
}

#[test]
fn events_that_services_make_are_known_by_their_ids_there_too() {
    let arms = vec![String::new()];
    let asides = vec![aside(&[0], "dead", End::Dead, Link::SameId)];
    let mut collector = Collector::new(Frame { arms, linked: true, asides, ..frame(vec![lane(0, 0, &[true, true])]) });
    let theirs = |id: &str| Event::Theirs(Some(id.into()));
    collector.take(Message::Sent { number: 0, planned: at(0), sent: at(0), hash: None });
    collector.take(by(0, By::Event(theirs("e")), 0));
    collector.take(Message::Answered { number: 0, link: Some("l".to_owned()), at: at(5) });
    let (event, link) = (theirs("e"), Some("l".to_owned()));
    let (size, fault, topic, partition, offset) = (1, None, 0, 0, 0);
    collector.take(Message::Seen(Box::new(Sight {
        event,
        link,
        hash: 1,
        size,
        fault,
        topic,
        partition,
        offset,
        at: at(6),
    })));
    assert_eq!(group(&mut collector, LATE).dead_lettered, 1);
    collector.close_until(at(LATE + Duration::from_secs(1).as_millis() as u64));
    assert!(collector.is_complete());
}

#[test]
fn a_record_of_nobody_knows_what_may_be_one_more_of_those_that_are_counted() {
    let mut collector =
        collector(vec![aside(&[0], "retry", waits(), position()), aside(&[0], "dead", End::Dead, position())], 1);
    collector.frame.draw = crate::draw::Draw::new(1, &[1.0], crate::draw::Keys::Uniform(1), None, usize::MAX);
    on_topic(&mut collector, 4);
    [1, 0, 2, 3].iter().for_each(|number| collector.take(effect(*number, at(300))));
    group(&mut collector, LATE);
    let outcomes = |collector: &Collector| {
        ["dead_lettered(g) = 0", "undecided(g) = 0", "reordered(g) = 0"].map(|text| judged(collector, text).0)
    };
    assert_eq!(outcomes(&collector), [Outcome::Held, Outcome::Held, Outcome::Broken]);
    collector.take(by(RETRY, By::Name(named_place("t", 0, 77)), 0));
    assert_eq!(outcomes(&collector), [Outcome::NoVerdict; 3]);
    assert_eq!(judged(&collector, "dead_lettered(g) <= 1").0, Outcome::Held, "one more would not matter");
    let (.., why) = judged(&collector, "reordered(g) = 0");
    assert!(why.contains("could not be linked to an event: what was overtaken may have been put off"), "{why}");
}
