//! Parts of any split add up to the whole: made-up histories are told to one fold, and to the folds of several shards.

use std::sync::Arc;
use std::time::Duration;

use eventproof_broker::Share;
use eventproof_contract::Link;
use eventproof_evidence::{At, Observation};
use eventproof_reports::model::{Aborted, Interval, LagPoint, LoadResult, Outcome, Shard};
use proptest::prelude::*;

use super::*;
use crate::collector::tests::{at, collector};
use crate::collector::{AsideSight, By, Collector, Event, Frame, Group, Message, Sight, named_bytes};
use crate::draw::{Draw, Keys};
use crate::objective::Objective;
use crate::plan::{Aside, End};
use crate::result;

const KEYS: usize = 10;
const OBJECTIVES: [&str; 16] = [
    "throughput >= 10/s",
    "p50(acknowledgement) < 20ms",
    "p95(end_to_end) < 300ms",
    "max(end_to_end) < 1s",
    "failed(acknowledgement) = 0",
    "lost(topic) = 0",
    "duplicated(topic) = 0",
    "reordered(topic) = 0",
    "reordered(g) = 0",
    "lost(g) = 0",
    "dead_lettered(g) = 0",
    "undecided(g) = 0",
    "late(g) = 0",
    "p95(processed(g)) < 300ms",
    "p50(processed(w)) < 60s",
    "drained(g) < 60s",
];

/// What becomes of one event.
#[derive(Clone, Debug)]
struct Fate {
    refused: bool,
    unknown: bool,
    /// How long after it was planned it is seen, each time: never, once, or several times.
    seen_after: Vec<u64>,
    acknowledged_after: u64,
    corrupted: bool,
    effect_after: Option<u64>,
    /// When it is seen in a retry topic, and in a dead-letter topic.
    waits_after: Option<u64>,
    dead_after: Option<u64>,
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = (
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
        prop::collection::vec(1u64..1500, 0..4),
        1u64..50,
        prop::bool::weighted(0.1),
        prop::option::weighted(0.7, 1u64..2500),
        prop::option::weighted(0.2, 1u64..2500),
        prop::option::weighted(0.2, 1u64..2500),
    );
    let fate =
        fate.prop_map(|(refused, unknown, seen_after, acknowledged_after, corrupted, effect_after, waits, dead)| {
            Fate {
                refused,
                unknown: unknown && !refused,
                seen_after: if refused { Vec::new() } else { seen_after },
                acknowledged_after,
                corrupted,
                effect_after,
                waits_after: waits,
                dead_after: dead,
            }
        });
    prop::collection::vec(fate, 1..120)
}

/// Everything that is told, in the order in which it happens; with what number of event each is about.
fn history(fates: &[Fate]) -> Vec<(u64, Option<u64>, Message)> {
    let mut all = Vec::new();
    for (number, fate) in fates.iter().enumerate() {
        let (number, planned) = (number as u64, 20 * number as u64);
        let sent = Message::Sent { number, planned: at(planned), sent: at(planned + number % 3), hash: Some(1) };
        all.push((planned + number % 3, Some(number), sent));
        let end = planned + 3 + fate.acknowledged_after;
        all.push((
            end,
            Some(number),
            match (fate.refused, fate.unknown) {
                (true, _) => Message::Refused { number, why: "no".to_owned() },
                (_, true) => Message::Unknown { number, why: "no".to_owned() },
                _ => Message::Acknowledged { number, at: at(end) },
            },
        ));
        for after in &fate.seen_after {
            let hash = if fate.corrupted { 2 } else { 1 };
            let event = Event::Ours(Some(number));
            all.push((planned + 3 + after, Some(number), sight(event, hash, at(planned + 3 + after))));
        }
        if let Some(after) = fate.effect_after.filter(|_| !fate.seen_after.is_empty()) {
            let event = Event::Ours(Some(number));
            all.push((
                planned + 3 + after,
                Some(number),
                Message::Effect { leg: 1, event, at: at(planned + 3 + after) },
            ));
        }
    }
    for (number, fate) in fates.iter().enumerate().filter(|(_, fate)| !fate.seen_after.is_empty()) {
        let planned = 20 * number as u64;
        for (aside, after) in [(0, fate.waits_after), (1, fate.dead_after)] {
            let Some(when) = after.map(|after| planned + 3 + after) else { continue };
            let (by, offset) = (By::Event(Event::Ours(Some(number as u64))), number as i64);
            let sight = AsideSight { aside, by, partition: 0, offset, at: at(when) };
            all.push((when, None, Message::Aside(Box::new(sight))));
        }
    }
    // Half of the events that wait are passed in the end.
    let (group, topic, offset) = ("again".into(), "retry".into(), fates.len() as i64 / 2);
    let committed = Observation::Committed { group, topic, partition: 0, offset, at: at(5_000) };
    all.push((5_000, None, Message::Group(Box::new(committed))));
    // A group of which only positions are seen, on every partition twice.
    for (partition, when, offset) in
        (0..KEYS as i32).flat_map(|partition| [(partition, 1_500, 30), (partition, 9_000, 1_000)])
    {
        let (group, topic) = ("w".into(), "t".into());
        let committed = Observation::Committed { group, topic, partition, offset, at: at(when) };
        all.push((when, None, Message::Group(Box::new(committed))));
    }
    // Looks at a group's lag, now and then, between what it commits.
    for when in (450..6_000).step_by(700) {
        all.push((when, None, Message::Asking { group: "g".into(), at: at(when) }));
        let (group, topic, offset) = ("g".into(), "t".into(), when as i64 / 60);
        let committed = Observation::Committed { group, topic, partition: when as i32 % 3, offset, at: at(when) };
        all.push((when + 30, None, Message::Group(Box::new(committed))));
        all.push((when + 60, None, Message::Positioned("g".into())));
    }
    // Somebody else's record, and an effect of it.
    all.push((777, None, sight(Event::Ours(None), 1, at(777))));
    all.push((778, None, Message::Effect { leg: 1, event: Event::Ours(None), at: at(778) }));
    all.sort_by_key(|(when, ..)| *when);
    all
}

/// A record; every key has a partition of its own, and nobody's record another one.
fn sight(event: Event, hash: u64, at: At) -> Message {
    let number = if let Event::Ours(Some(number)) = event { Some(number) } else { None };
    let partition = number.map_or(99, |number| draw().key(number) as i32);
    let offset = number.unwrap_or_default() as i64;
    let size = 100 + hash as usize;
    Message::Seen(Box::new(Sight { event, link: None, hash, size, fault: None, topic: 0, partition, offset, at }))
}

fn draw() -> Draw {
    Draw::new(5, &[1.0], Keys::Uniform(KEYS as u64), None, usize::MAX)
}

fn again(message: &Message) -> Message {
    match message {
        Message::Sent { number, planned, sent, hash } => {
            Message::Sent { number: *number, planned: *planned, sent: *sent, hash: *hash }
        }
        Message::Acknowledged { number, at } => Message::Acknowledged { number: *number, at: *at },
        Message::Refused { number, why } => Message::Refused { number: *number, why: why.clone() },
        Message::Unknown { number, why } => Message::Unknown { number: *number, why: why.clone() },
        Message::Seen(of) => sight(of.event.clone(), of.hash, of.at),
        Message::Effect { leg, event, at } => Message::Effect { leg: *leg, event: event.clone(), at: *at },
        Message::Aside(sight) => Message::Aside(sight.clone()),
        Message::Group(observation) => Message::Group(observation.clone()),
        Message::Asking { group, at } => Message::Asking { group: group.clone(), at: *at },
        Message::Positioned(group) => Message::Positioned(group.clone()),
        other => panic!("{other:?} is not told here"),
    }
}

fn frame(split: Option<Split>) -> Frame {
    let aside =
        |topic: &str, end: End| Aside { lanes: vec![0], leg: 1, topic: topic.to_owned(), end, link: Link::SameId };
    let asides = vec![aside("retry", End::Waits { group: "again".to_owned() }), aside("dead", End::Dead)];
    let committing = vec![Group { name: "w".to_owned(), topics: vec![0] }];
    let mut frame = Frame { measured_from: at(100), draw: draw(), split, asides, committing, ..collector().frame };
    frame.lanes.iter_mut().for_each(|lane| lane.committing = vec![true]);
    frame
}

/// Keys dealt out as the test likes.
fn split(number: u32, of: u32, owners: &[u32]) -> Split {
    Split::by_owners(Share { number, of }, vec![Arc::from(owners)])
}

/// Tells a fold its part of a history; all of it, if it has no shard. What shards tell by an effect everyone hears.
fn told(frame: Frame, history: &[(u64, Option<u64>, Message)]) -> Collector {
    let mut fold = Collector::new(frame);
    let first = fold.frame.split.as_ref().is_none_or(Split::is_first);
    for (when, number, message) in history {
        fold.close_until(at(*when));
        let effect = !matches!(
            message,
            Message::Sent { .. }
                | Message::Acknowledged { .. }
                | Message::Refused { .. }
                | Message::Unknown { .. }
                | Message::Seen(_)
        );
        // A record of nobody's stands on one partition only; here it is shard 1 that reads it.
        if effect || number.map_or(first, |number| fold.frame.owns(number)) {
            fold.take(again(message));
        }
    }
    fold.close_until(at(20_000));
    fold.close();
    fold.ended = true;
    fold
}

/// The whole's result, judged as one process judges it.
fn judged(fold: &Collector) -> LoadResult {
    let objectives: Vec<Objective> = OBJECTIVES.iter().map(|text| Objective::parse(text).unwrap()).collect();
    let taken = result::Taken { effect_error: Duration::ZERO, linger: Some(Duration::ZERO), planned: true };
    LoadResult {
        objectives: result::judge(&objectives, fold, None),
        stages: result::stages(fold, &taken),
        counts: fold.ledger.counts(),
        legs: result::legs(fold, &fold.frame.views),
        intervals: fold.intervals.clone(),
        payloads: result::sizes(fold),
        ..LoadResult::default()
    }
}

fn part(number: u64, of: u64, fold: &Collector) -> Part {
    let part = Part::of_fold(Shard { number, of }, &OBJECTIVES, fold);
    let read = Part::parse(&part.to_json()).unwrap().unwrap();
    // Figures for people are floating-point and may differ in their last digit; everything that is added up is whole.
    assert_eq!(read.found, part.found, "what is written is read back the same");
    assert_eq!(read.intervals().len(), part.intervals().len());
    read
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_parts_of_any_split_by_key_add_up_to_the_whole(
        fates in fates(),
        of in 1u32..6,
        dealt in prop::collection::vec(0u32..60, KEYS),
    ) {
        let owners: Vec<u32> = dealt.iter().map(|one| one % of + 1).collect();
        let history = history(&fates);
        let whole = judged(&told(frame(None), &history));
        let parts = (1..=of).map(|number| {
            let fold = told(frame(Some(split(number, of, &owners))), &history);
            part(number.into(), of.into(), &fold)
        });
        let merged = merge_parts(parts.collect(), &Default::default()).unwrap();
        prop_assert_eq!(&merged.counts, &whole.counts);
        prop_assert_eq!(&merged.legs, &whole.legs);
        prop_assert_eq!(&merged.stages, &whole.stages);
        prop_assert_eq!(&merged.intervals, &whole.intervals);
        prop_assert_eq!(&merged.payloads, &whole.payloads);
        prop_assert_eq!(&merged.objectives, &whole.objectives);
        prop_assert_eq!(merged.findings.len(), 0);
    }
}

/// Two shards over a history in which nothing goes wrong.
fn two() -> [Part; 2] {
    let fate = Fate {
        refused: false,
        unknown: false,
        seen_after: vec![9],
        acknowledged_after: 5,
        corrupted: false,
        effect_after: Some(30),
        waits_after: None,
        dead_after: None,
    };
    // Without somebody else's record.
    let is_ours = |(_, number, message): &(u64, Option<u64>, Message)| {
        number.is_some() || !matches!(message, Message::Seen(_) | Message::Effect { .. })
    };
    let history: Vec<_> = history(&vec![fate; 400]).into_iter().filter(is_ours).collect();
    let owners: Vec<u32> = (0..KEYS as u32).map(|key| key % 2 + 1).collect();
    [1, 2].map(|number| part(number.into(), 2, &told(frame(Some(split(number, 2, &owners))), &history)))
}

#[test]
fn a_whole_of_which_nothing_is_missing_is_held() {
    let merged = merge_parts(two().to_vec(), &Default::default()).unwrap();
    assert_eq!(merged.outcome(), Outcome::Held, "{:?}", merged.objectives);
    assert_eq!((merged.counts.planned, merged.counts.acknowledged, merged.provenance.merged), (400, 400, 2));
    let together = merged.shards.unwrap();
    assert!((together.apart_ms - 3.0).abs() < 1e-9, "1 ms and 2 ms in opposite directions");
    assert_eq!(together.parts.iter().map(|one| one.planned).sum::<u64>(), 400);
}

#[test]
fn a_shard_without_a_result_leaves_no_verdict_and_is_named() {
    let [one, _] = two();
    let absent = std::collections::BTreeMap::from([(2, "its last sign was interval 3".to_owned())]);
    let merged = merge_parts(vec![one], &absent).unwrap();
    assert_eq!(merged.outcome(), Outcome::NoVerdict);
    let text = &merged.findings[0].text;
    assert_eq!(text, "shard 2 of 2 left no result: what it sent has no verdict; shard 2: its last sign was interval 3");
    let of = |name: &str| merged.objectives.iter().find(|one| one.text.starts_with(name)).unwrap().finding.outcome;
    assert_eq!((of("throughput"), of("p95")), (Outcome::NoVerdict, Outcome::NoVerdict));
    assert_eq!(merged.shards.unwrap().parts[1].state, "its last sign was interval 3");
}

#[test]
fn one_shard_that_slipped_takes_the_figures_of_time_from_all() {
    let [one, mut two] = two();
    two.generator.saturated = Some("it slipped".to_owned());
    let merged = merge_parts(vec![two, one], &Default::default()).unwrap();
    assert_eq!(merged.outcome(), Outcome::NoVerdict);
    assert_eq!(merged.generator.saturated.as_deref(), Some("shard 2/2: it slipped"));
}

/// Two shards of a load that one of them ended after 4 s, and the other a little earlier for another reason.
fn ended() -> [Part; 2] {
    let [mut one, mut two] = two();
    let aborted = |objective: &str, at_ms, actual: &str| {
        Some(Aborted { objective: objective.to_owned(), at_ms, actual: actual.to_owned(), sent: 100 })
    };
    one.aborted = aborted("p95(end_to_end) < 300ms", 4000.0, "800 ms on shard 1");
    two.aborted = aborted("failed(acknowledgement) = 0", 3000.0, "1 refused on shard 2");
    [one, two]
}

#[test]
fn the_shard_that_was_first_to_be_certain_ended_the_whole() {
    let merged = merge_parts(ended().to_vec(), &Default::default()).unwrap();
    let aborted = merged.aborted.clone().unwrap();
    assert_eq!((aborted.objective.as_str(), aborted.at_ms), ("failed(acknowledgement) = 0", 3000.0));
    assert_eq!(aborted.sent, 400, "by all shards together");
    assert_eq!(merged.findings[0].code, "ended-early");
    assert!(merged.findings[0].text.ends_with("failed(acknowledgement) = 0 was 1 refused on shard 2"));
    let of = |name: &str| merged.objectives.iter().find(|one| one.text.starts_with(name)).unwrap();
    assert_eq!((of("failed").finding.outcome, of("failed").actual.as_str()), (Outcome::Broken, "1 refused on shard 2"));
    assert_eq!(of("lost(topic)").finding.code, "own-doing", "it held until then");
    assert_eq!(merged.outcome(), Outcome::Broken);
}

#[test]
fn a_rate_that_one_shard_ended_sooner_than_another_has_no_verdict() {
    let [mut one, two] = ended();
    // The other one heard of it much later, and both had kept their rate as long as they sent.
    one.found.last_acknowledged = Some(at(50_000));
    let judged = |parts: Vec<Part>| {
        let merged = merge_parts(parts, &Default::default()).unwrap();
        merged.objectives.into_iter().find(|one| one.text.starts_with("throughput")).unwrap().finding
    };
    assert_eq!(judged(vec![one.clone(), two.clone()]).code, "own-doing");
    let parts = [one, two].map(|mut part| {
        part.aborted = None;
        part
    });
    assert_eq!(judged(parts.to_vec()).outcome, Outcome::Broken, "without an early end it is the rate that there was");
}

#[test]
fn a_count_that_ended_the_load_is_missed_even_if_the_shard_that_counted_it_is_gone() {
    let [mut one, two] = ended();
    one.aborted = two.aborted;
    let merged = merge_parts(vec![one], &Default::default()).unwrap();
    assert_eq!((merged.outcome(), merged.findings[0].outcome), (Outcome::Broken, Outcome::Broken));
    let of = |name: &str| merged.objectives.iter().find(|one| one.text.starts_with(name)).unwrap();
    assert_eq!((of("failed").finding.outcome, of("failed").actual.as_str()), (Outcome::Broken, "1 refused on shard 2"));
    assert!(merged.findings.iter().any(|one| one.code == "shard-missing"));
}

#[test]
fn an_end_that_a_slipping_shard_may_have_caused_is_no_verdict() {
    let [one, mut two] = ended();
    two.aborted = None;
    two.generator.saturated = Some("it slipped".to_owned());
    let merged = merge_parts(vec![one, two], &Default::default()).unwrap();
    assert_eq!((merged.outcome(), merged.findings[0].outcome), (Outcome::NoVerdict, Outcome::NoVerdict));
    assert!(merged.objectives.iter().all(|one| one.finding.outcome == Outcome::NoVerdict), "{:?}", merged.objectives);
}

#[test]
fn parts_of_different_loads_are_refused_with_every_reason() {
    let [one, mut two] = two();
    two.run = "another".to_owned();
    two.shard.of = 3;
    let Err(error) = merge_parts(vec![one.clone(), two], &Default::default()) else { panic!("merged") };
    let text = error.to_string();
    assert!(text.contains("the run of shard 2/3 is another, of shard 1/2 run"), "{text}");
    assert!(text.contains("the number of shards of shard 2/3 is 3"), "{text}");
    let Err(error) = merge_parts(vec![one.clone(), one], &Default::default()) else { panic!("merged") };
    assert!(error.to_string().contains("shard 1/2 is there twice"), "{error}");
    assert_eq!(merge_parts(Vec::new(), &Default::default()).unwrap_err(), PartError::Nothing);
}

#[test]
fn a_copy_on_a_partition_of_another_shard_is_no_silence() {
    let owners: Vec<u32> = vec![1; KEYS];
    let mut fold = Collector::new(frame(Some(split(2, 2, &owners))));
    // Shard 2 reads a record of an event that shard 1 sent: somebody wrote it where its key does not belong.
    fold.take(sight(Event::Ours(Some(3)), 1, at(50)));
    fold.close();
    let [one, _] = two();
    let merged = merge_parts(vec![one, part(2, 2, &fold)], &Default::default()).unwrap();
    assert_eq!(merged.outcome(), Outcome::NoVerdict);
    assert_eq!(merged.findings[0].code, "stray");
}

/// One lag of a group at the end of each second.
fn lagging(part: &Part, lags: &[i64]) -> Part {
    let interval = |(index, records): (u32, &i64)| {
        let (from_ms, to_ms) = (f64::from(index) * 1e3, f64::from(index + 1) * 1e3);
        let lag = vec![LagPoint { group: "g".to_owned(), records: *records, offsets: None, at_ms: Some(to_ms) }];
        Interval { from_ms, to_ms, lag, ..Interval::default() }
    };
    let mut part = part.with_intervals((0..).zip(lags).map(interval).collect());
    part.about.objectives = vec!["lag(g) < 1000 for 30s".to_owned(), "lag(g) < 1000".to_owned()];
    part
}

#[test]
fn the_lag_that_a_shard_had_when_it_ended_is_no_proof_that_it_stayed() {
    let [one, two] = two();
    let judged = |first: &[i64], second: &[i64]| {
        let merged = merge_parts(vec![lagging(&one, first), lagging(&two, second)], &Default::default()).unwrap();
        merged.objectives.iter().map(|one| one.finding.outcome).collect::<Vec<_>>()
    };
    let minute = |lag: i64| vec![lag; 60];
    assert_eq!(judged(&[1500], &minute(0)), [Outcome::NoVerdict, Outcome::Broken], "it was so high at its end");
    assert_eq!(judged(&[400], &minute(10)), [Outcome::Held, Outcome::Held], "it can have been no higher than that");
    assert_eq!(judged(&[400], &minute(1200)), [Outcome::Broken, Outcome::Broken], "the other one's alone was");
    let later: Vec<i64> = [vec![0], minute(500)].concat();
    assert_eq!(judged(&[600], &later), [Outcome::NoVerdict, Outcome::NoVerdict], "together they may have been");
}

/// A shard of two whose group gave up events 0 to 49, lost 50 to 59 and did the others; every dead letter is read by both, and said to
/// be an event by its bytes. Some are nobody's.
fn dead_letters_by_bytes(number: u32, of_nobody: u64) -> Part {
    let dead = Aside { lanes: vec![0], leg: 1, topic: "dead".to_owned(), end: End::Dead, link: Link::Bytes };
    let owners: Vec<u32> = (0..KEYS as u32).map(|key| key % 2 + 1).collect();
    let mut fold = Collector::new(Frame { asides: vec![dead], ..frame(Some(split(number, 2, &owners))) });
    let own: Vec<u64> = (0..100).filter(|event| fold.frame.owns(*event)).collect();
    for event in own {
        let (planned, hash) = (at(event), 1000 + event);
        fold.take(Message::Sent { number: event, planned, sent: planned, hash: Some(hash) });
        fold.take(Message::Acknowledged { number: event, at: at(event + 1) });
        fold.take(sight(Event::Ours(Some(event)), hash, at(event + 2)));
        if event >= 60 {
            fold.take(Message::Effect { leg: 1, event: Event::Ours(Some(event)), at: at(event + 3) });
        }
    }
    for (hash, offset) in (1000..1050).chain(1..=of_nobody).zip(0..) {
        let by = By::Name(named_bytes(hash));
        fold.take(Message::Aside(Box::new(AsideSight { aside: 0, by, partition: 0, offset, at: at(200) })));
    }
    fold.close_until(at(20_000));
    fold.ended = true;
    let objectives = ["lost(g) = 0", "lost(g) <= 9", "dead_lettered(g) <= 50", "undecided(g) = 0"];
    Part::of_fold(Shard { number: number.into(), of: 2 }, &objectives, &fold)
}

#[test]
fn what_one_shard_can_link_to_an_event_is_no_stranger_to_the_whole() {
    let judged = |of_nobody: u64| {
        let parts = [1, 2].map(|number| dead_letters_by_bytes(number, of_nobody));
        let merged = merge_parts(parts.to_vec(), &Default::default()).unwrap();
        let group = &merged.legs[1].counts;
        assert_eq!((group.lost, group.dead_lettered), (10, 50));
        merged.objectives.iter().map(|one| one.finding.outcome).collect::<Vec<_>>()
    };
    assert_eq!(judged(0), [Outcome::Broken, Outcome::Broken, Outcome::Held, Outcome::Held]);
    assert_eq!(judged(1), [Outcome::Broken, Outcome::NoVerdict, Outcome::NoVerdict, Outcome::NoVerdict]);
}

#[test]
fn what_departs_from_the_contract_where_all_shards_read_is_counted_once() {
    let owners: Vec<u32> = (0..KEYS as u32).map(|key| key % 2 + 1).collect();
    let told = |shard: u32| {
        let mut fold = Collector::new(frame(Some(split(shard, 2, &owners))));
        (0..20).for_each(|number| fold.take(Message::Faulty { number, fault: "no such field".to_owned() }));
        fold.close();
        part(shard.into(), 2, &fold)
    };
    let faulty: Vec<u64> = [1, 2].map(|shard| told(shard).found.faulty).to_vec();
    assert!(faulty.iter().sum::<u64>() == 20 && faulty.iter().all(|faulty| *faulty > 0), "{faulty:?}");
}
