//! The comparison against known truths: made-up runs whose intervals resemble their neighbours, as those of a real system do
//! (an autoregressive level, and random latencies about it), from a fixed seed.

use std::time::Duration;

use eventproof_evidence::Latencies;

use super::compare;
use super::sections::{Estimate, SECTIONS, ratio};
use crate::model::{Change, Comparison, Distribution, Interval, LoadResult, Objective, Stage, StageSlice, Tolerance};
use crate::{fixtures, json_load, parse_load};

const TOLERANCE: Tolerance = Tolerance { percent: 5.0, floor_ms: 0.0 };
/// How much an interval's level is like that of the one before.
const ALIKE: f64 = 0.6;
/// How far levels scatter: 3 %.
const SCATTER: f64 = 0.03;

/// A generator of numbers that is the same on every machine (SplitMix64), with normal ones by Box and Muller.
struct Chance(u64);

impl Chance {
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.share()).ln()).sqrt() * (std::f64::consts::TAU * self.share()).cos()
    }

    /// Levels, each like its neighbour.
    fn levels(&mut self, count: usize) -> Vec<f64> {
        let mut level = self.normal() * SCATTER;
        let mut next = || {
            let now = level;
            level = ALIKE * level + (1.0 - ALIKE * ALIKE).sqrt() * SCATTER * self.normal();
            now
        };
        (0..count).map(|_| next()).collect()
    }
}

/// A run of so many seconds, a hundred events in each, about a typical latency.
fn run(seconds: usize, typical_ms: f64, chance: &mut Chance) -> LoadResult {
    let levels = chance.levels(seconds);
    let mut whole = Latencies::new();
    let intervals = levels.iter().enumerate().map(|(number, level)| {
        let mut latencies = Latencies::new();
        for _ in 0..100 {
            let millis = typical_ms * (level + 0.25 * chance.normal()).exp();
            latencies.record(Duration::from_secs_f64(millis / 1e3));
        }
        whole.merge(&latencies);
        interval(number, &latencies)
    });
    let intervals = intervals.collect();
    let objective = Objective {
        stage: Some("end_to_end".into()),
        percentile: Some(95.0),
        text: "p95(end_to_end) < 1s".into(),
        ..fixtures::load().objectives[0].clone()
    };
    let stage = Stage { name: "end_to_end".into(), distribution: Distribution::of(&whole), ..Stage::default() };
    LoadResult { intervals, stages: vec![stage], objectives: vec![objective], ..LoadResult::default() }
}

fn interval(number: usize, latencies: &Latencies) -> Interval {
    let slice = StageSlice {
        name: "end_to_end".into(),
        count: latencies.count(),
        histogram: latencies.encode(),
        ..StageSlice::default()
    };
    let (from_ms, to_ms) = (number as f64 * 1e3, number as f64 * 1e3 + 1e3);
    Interval { from_ms, to_ms, planned: 100, acknowledged: 100, stages: vec![slice], ..Interval::default() }
}

fn compared(before: &LoadResult, after: &LoadResult) -> Comparison {
    compare(("before.json", before), ("after.json", after), TOLERANCE)
}

#[test]
fn the_same_twice_is_no_change_and_a_tenth_more_is_found() {
    let chance = &mut Chance(7);
    let (mut alarms, mut found, mut within) = (0, 0, 0);
    for _ in 0..20 {
        let before = run(150, 20.0, chance);
        let same = compared(&before, &run(150, 20.0, chance));
        alarms += same.figures.iter().filter(|one| matches!(one.change, Change::Worse | Change::Better)).count();
        within += usize::from(same.worst() == Change::Same);
        let slower = compared(&before, &run(150, 22.0, chance));
        found += usize::from(slower.figures[0].change == Change::Worse);
    }
    assert_eq!(alarms, 0, "of 20 pairs of the same, p50 to p99 and throughput");
    assert!(found >= 19, "{found} of 20");
    assert!(within >= 18, "that nothing changed is told of {within} of 20");
}

#[test]
fn the_interval_holds_the_truth_about_nineteen_times_in_twenty() {
    let chance = &mut Chance(11);
    let mut estimate = |shift: f64| {
        let levels: Vec<f64> = chance.levels(200).iter().map(|level| (level + shift).exp()).collect();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let sections: Vec<f64> = levels.chunks(levels.len() / SECTIONS).map(mean).collect();
        Estimate::of(mean(&levels), &sections)
    };
    let mut held = 0;
    for _ in 0..500 {
        let (log, half) = ratio(estimate(0.0), estimate(0.1));
        held += usize::from((log - 0.1).abs() <= half);
    }
    assert!((465..=495).contains(&held), "{held} of 500");
}

#[test]
fn a_run_that_is_too_short_tells_nothing() {
    let chance = &mut Chance(3);
    let (before, after) = (run(9, 20.0, chance), run(9, 40.0, chance));
    let compared = compared(&before, &after);
    assert_eq!((compared.worst(), compared.figures[0].by), (Change::CannotTell, None));
    let why = "before: how much it varies is not known from 9 intervals: at least 10 are needed";
    assert_eq!(compared.figures[0].why, why);
}

#[test]
fn a_run_that_is_too_short_tells_what_is_plain() {
    let chance = &mut Chance(3);
    let before = run(60, 20.0, chance);
    let compared = compared(&before, &run(7, 2000.0, chance));
    assert_eq!((compared.worst(), compared.figures[0].by), (Change::Worse, None));
    let why = "no interval after is within a factor of two of any before (after: how much it varies is not known from 7 intervals";
    assert!(compared.figures[0].why.starts_with(why), "{}", compared.figures[0].why);
}

#[test]
fn a_generator_that_did_not_keep_its_plan_tells_nothing_of_time() {
    let chance = &mut Chance(3);
    let (before, mut after) = (run(60, 20.0, chance), run(60, 40.0, chance));
    assert_eq!(compared(&before, &after).worst(), Change::Worse);
    after.generator.saturated = Some("it was slow".into());
    let compared = compared(&before, &after);
    assert_eq!(compared.worst(), Change::CannotTell);
    assert!(compared.figures[0].why.contains("the generator of the run after did not keep its plan: it was slow"));
}

#[test]
fn an_objective_without_a_figure_that_is_missed_now_is_worse() {
    let mut before = fixtures::load();
    let held = fixtures::load().objectives[0].finding.clone();
    let failed = |actual: &str| Objective {
        text: "failed(answered) = 0".into(),
        actual: actual.into(),
        stage: None,
        percentile: None,
        ..before.objectives[0].clone()
    };
    let (was, is) = (failed("0 of 900"), failed("36 of 900: no answer"));
    let mut after = before.clone();
    before.objectives.push(Objective { finding: held, ..was });
    after.objectives.push(Objective { finding: fixtures::load().objectives[1].finding.clone(), ..is });
    let comparison = compared(&before, &after);
    let change = comparison.counts.iter().find(|count| count.name == "failed(answered) = 0").unwrap();
    assert_eq!((change.after.as_str(), change.change), ("36 of 900: no answer", Change::Worse));
}

#[test]
fn a_count_that_met_its_objective_and_does_no_more_is_worse() {
    let mut before = fixtures::load();
    let lost = Objective {
        text: "lost(feed-service-group) = 0".into(),
        stage: None,
        percentile: None,
        ..before.objectives[0].clone()
    };
    before.objectives.push(lost);
    let mut after = before.clone();
    before.legs[1].counts.lost = 0;
    if let Some(objective) = after.objectives.last_mut() {
        objective.finding = fixtures::load().objectives[1].finding.clone();
    }
    let counts = compared(&before, &after).counts;
    assert_eq!(counts[0].name, "lost(feed-service-group)");
    assert_eq!((counts[0].before.as_str(), counts[0].after.as_str(), counts[0].change), ("0", "2", Change::Worse));
}

#[test]
fn a_load_that_was_sent_by_more_processes_is_another_load() {
    let (before, mut after) = (fixtures::load(), fixtures::load());
    let part = crate::model::LoadShard::default();
    after.shards = Some(crate::model::LoadShards { apart_ms: 1.0, parts: vec![part.clone(); 4] });
    let found = compare(("a", &before), ("b", &after), TOLERANCE);
    let refused = ["another number of processes that sent it (`--shard`): \"1\" before, \"4\" after"];
    assert_eq!((found.refused.as_slice(), found.figures.len()), (refused.map(str::to_owned).as_slice(), 0));
    // One shard of one is one process.
    after.shards = Some(crate::model::LoadShards { apart_ms: 1.0, parts: vec![part] });
    assert!(compare(("a", &before), ("b", &after), TOLERANCE).refused.is_empty());
}

#[test]
fn another_load_is_refused_with_every_difference() {
    let before = parse_load(&json_load(&fixtures::load())).unwrap();
    let mut after = before.clone();
    after.title = "steady 500/s".into();
    after.provenance.broker.kind = "external".into();
    after.workload.insert("rate".into(), "500/s".into());
    after.workload.remove("keys");
    let compared = compared(&before, &after);
    assert_eq!(
        compared.refused,
        [
            "another profile: \"steady 1000/s\" before, \"steady 500/s\" after",
            "another kind of broker: \"embedded\" before, \"external\" after",
            "another keys: \"500\" before, not set after",
            "another rate: \"1000/s\" before, \"500/s\" after",
        ]
    );
    assert!(compared.figures.is_empty());
}

/// The same run with so many planned and acknowledged in each of its seconds, by a shape.
fn shaped(mut result: LoadResult, acknowledged: impl Fn(usize) -> u64) -> LoadResult {
    for (number, interval) in result.intervals.iter_mut().enumerate() {
        interval.acknowledged = acknowledged(number);
    }
    result.workload.insert("shape".into(), "[{from: 200/s, to: 2000/s, for: 60s}]".into());
    result
}

/// A ramp from 200/s to 2000/s over a minute, a few of each second acknowledged in the next one.
fn ramp(share: f64, chance: &mut Chance) -> LoadResult {
    let edges: Vec<f64> = (0..60).map(|_| chance.normal() * 2.0).collect();
    let rate = |second: usize| (200.0 + 30.0 * second as f64) * share + edges[second];
    shaped(run(60, 20.0, chance), |second| rate(second) as u64)
}

fn figure<'a>(comparison: &'a Comparison, name: &str) -> &'a crate::model::Figure {
    comparison.figures.iter().find(|figure| figure.name == name).unwrap()
}

#[test]
fn a_ramp_that_is_the_same_twice_is_no_change_and_a_quarter_of_it_is_found() {
    let chance = &mut Chance(5);
    let before = ramp(1.0, chance);
    for (share, change) in [(1.0, Change::Same), (0.98, Change::Same), (0.9, Change::Worse), (0.25, Change::Worse)] {
        let compared = compared(&before, &ramp(share, chance));
        let rate = figure(&compared, "throughput");
        let by = rate.by.unwrap();
        assert_eq!((rate.change, rate.decides), (change, true), "{share}: {by:?} {}", rate.why);
        let truth = (share - 1.0) * 100.0;
        assert!(by.low <= truth + 0.3 && by.high >= truth - 0.3 && by.high - by.low < 2.0, "{share}: {by:?}");
    }
    assert_eq!(compared(&before, &before).worst(), Change::Same);
}

#[test]
fn a_course_that_one_run_did_not_go_to_its_end_tells_nothing_of_the_rate() {
    let chance = &mut Chance(5);
    let (before, mut after) = (ramp(1.0, chance), ramp(1.0, chance));
    // One event more or less may be sent in the interval behind the end.
    after.intervals.truncate(59);
    assert_eq!(figure(&compared(&before, &after), "throughput").change, Change::Same);
    after.intervals.truncate(40);
    let compared = compared(&before, &after);
    let rate = figure(&compared, "throughput");
    assert_eq!((rate.change, rate.decides), (Change::CannotTell, false));
    assert!(rate.why.contains("60 intervals before, 40 after"), "{}", rate.why);
}

/// A minute with a fault from so many seconds on, for so long, in which latencies are about something else.
fn disturbed((at, lasting): (usize, usize), typical_ms: f64, in_fault_ms: f64, chance: &mut Chance) -> LoadResult {
    let mut result = run(60, typical_ms, chance);
    let fault = run(60, in_fault_ms, chance);
    result.intervals[at..at + lasting].clone_from_slice(&fault.intervals[at..at + lasting]);
    result.workload.insert("timeline".into(), "[{at: 12s, for: 2s, broker: delay}]".into());
    result
}

#[test]
fn what_a_timeline_does_in_both_runs_widens_no_figure() {
    let chance = &mut Chance(9);
    let change = |lasting: usize, factor: f64, chance: &mut Chance| {
        let run = |factor: f64, chance: &mut Chance| disturbed((12, lasting), 20.0 * factor, 400.0 * factor, chance);
        let (before, after) = (run(1.0, chance), run(factor, chance));
        compared(&before, &after).figures[0].change
    };
    // Two seconds are too few for the p95, and would be its scatter.
    for _ in 0..5 {
        assert_eq!(change(2, 1.2, chance), Change::Worse);
        assert!(!matches!(change(2, 1.0, chance), Change::Worse | Change::Better));
    }
    // A fifth of the time is the p95: what is plain is told, though it rests on two sections.
    assert_eq!(change(12, 4.0, chance), Change::Worse);
    assert!(!matches!(change(12, 1.0, chance), Change::Worse | Change::Better));
}

#[test]
fn one_section_that_decides_a_figure_alone_accuses_nobody() {
    let chance = &mut Chance(13);
    // A tenth of the time decides the p95, and differs by half from run to run: nobody knows how often it does.
    for _ in 0..5 {
        let before = disturbed((12, 6), 20.0, 400.0, chance);
        let after = disturbed((12, 6), 20.0, 600.0, chance);
        assert_eq!(compared(&before, &after).figures[0].change, Change::CannotTell);
    }
}

#[test]
fn the_interval_of_a_planned_course_holds_the_truth_as_often() {
    use super::sections::{Section, paired};
    let chance = &mut Chance(17);
    let mut held = 0;
    for _ in 0..500 {
        let course = |second: usize| 200.0 + 9.0 * second as f64;
        let mut sections = |shift: f64| {
            let levels = chance.levels(200);
            let rates: Vec<f64> =
                levels.iter().enumerate().map(|(second, level)| course(second) * (level + shift).exp()).collect();
            let mean = |rates: &[f64]| rates.iter().sum::<f64>() / rates.len() as f64;
            let section = |rates: &[f64]| Section { value: mean(rates), weight: rates.iter().sum() };
            (mean(&rates), rates.chunks(rates.len() / SECTIONS).map(section).collect::<Vec<_>>())
        };
        let ((was, before), (is, after)) = (sections(0.0), sections(0.1));
        let (log, half) = paired((was, &before), (is, &after)).unwrap();
        held += usize::from((log - 0.1).abs() <= half);
    }
    assert!((465..=495).contains(&held), "{held} of 500");
}

/// A minute of 6,000 events that came and so many that did not, with an objective on a percentile that was met or missed.
fn with_missing(never_came: u64, percentile: f64, (limit_ms, met): (f64, bool), chance: &mut Chance) -> LoadResult {
    let mut result = run(60, 20.0, chance);
    result.stages[0].never_came = never_came;
    let objective = &mut result.objectives[0];
    (objective.percentile, objective.limit_ms) = (Some(percentile), Some(limit_ms));
    objective.finding = fixtures::load().objectives[usize::from(!met)].finding.clone();
    result
}

#[test]
fn a_percentile_that_lies_among_events_that_never_came_is_none_of_those_that_did() {
    let chance = &mut Chance(21);
    let before = with_missing(0, 99.0, (1000.0, true), chance);
    let figure = |after: &LoadResult| compared(&before, after).figures[0].clone();
    let worse = figure(&with_missing(186, 99.0, (1000.0, false), chance));
    assert_eq!((worse.change, worse.by), (Change::Worse, None), "3 % were refused: {}", worse.why);
    let why = "by its objective: events never came, which counts as slower: 186 of 6,186 after";
    assert_eq!(worse.why, why);
    let mut open = with_missing(186, 99.0, (1000.0, false), chance);
    open.objectives[0].finding = fixtures::load().objectives[2].finding.clone();
    assert_eq!(figure(&open).change, Change::CannotTell, "nobody knows what became of them");
    assert_eq!(figure(&with_missing(0, 99.0, (1000.0, true), chance)).change, Change::Same);
    // And the other way round.
    let (refusing, mended) = (with_missing(186, 99.0, (1000.0, false), chance), &before);
    assert_eq!(compared(&refusing, mended).figures[0].change, Change::Better);
    assert_eq!(compared(&refusing, &refusing).figures[0].change, Change::CannotTell);
}

#[test]
fn events_that_never_came_move_a_percentile_as_far_as_they_can() {
    let chance = &mut Chance(21);
    // With 50 more that are slower, the p99 is about the p99.8 of those that came: 42 ms instead of 36.
    let before = with_missing(0, 99.0, (39.0, true), chance);
    let figure = |after: &LoadResult| compared(&before, after).figures[0].clone();
    let worse = figure(&with_missing(50, 99.0, (39.0, false), chance));
    assert_eq!(worse.change, Change::Worse, "{worse:?}");
    let open = figure(&with_missing(50, 99.0, (1000.0, true), chance));
    assert_eq!(open.change, Change::CannotTell, "{open:?}");
    assert!(open.why.ends_with("slower: 50 of 6,050 after") && open.by.unwrap().high > 15.0, "{open:?}");
    let one = figure(&with_missing(1, 50.0, (1000.0, true), chance));
    assert_eq!(one.change, Change::Same, "one of 6,000 does not matter: {one:?}");
}
