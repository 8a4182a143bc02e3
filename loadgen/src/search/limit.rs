//! What keeps a load from being faster: a queue that grows, the generator itself, or an objective that is missed.
//!
//! A queue grows where the latency of a stage grows with time: what comes in at 110 % of what is done waits longer by a tenth of
//! every second that passes. Committed offsets show the same in steps of the group's own commit interval: a lag that has risen over
//! several of them counts as well, where no stage shows it.

use eventproof_evidence::ledger::LegCounts;
use eventproof_reports::model::{Interval, LoadResult, Outcome, StageSlice};

use crate::lagging;

/// How much of the time that passed a stage's latency may grow by.
const GROWTH: f64 = 0.02;
/// And by less than this many milliseconds it never counts as growing: machines are not that even.
const LEAST_GROWTH_MS: f64 = 60.0;

/// Why a load was no success; none if it was one.
pub(super) fn limit(result: &LoadResult) -> Option<String> {
    if let Some(stage) = growing(result) {
        return Some(queue_of(&stage, result));
    }
    if let Some((group, slope)) = falling_behind(&result.intervals) {
        return Some(format!("the group does not keep up: lag({group}) rises by {slope:.1} records/s"));
    }
    if let Some(why) = &result.generator.saturated {
        return Some(format!("the generator: {why}"));
    }
    let missed = result.objectives.iter().find(|objective| objective.finding.outcome == Outcome::Broken);
    let unclear = result.objectives.iter().find(|objective| objective.finding.outcome != Outcome::Held);
    if let Some(objective) = missed.or(unclear) {
        let what = if objective.finding.outcome == Outcome::Broken { "missed" } else { "without a verdict" };
        return Some(format!("{what}: {} was {}", objective.text, objective.actual));
    }
    if let Some(why) = unlimited(result) {
        return Some(why);
    }
    if is_too_short(&result.intervals) {
        return Some("the load was too short to tell whether a queue grows".to_owned());
    }
    result.findings.iter().find(|finding| finding.outcome != Outcome::Held).map(|finding| finding.text.clone())
}

/// What failed or had no effect, and no objective says how much of that may be: a rate at which events fall by the wayside is none
/// that holds.
fn unlimited(result: &LoadResult) -> Option<String> {
    let counts = &result.counts;
    if counts.refused + counts.unknown > 0 && !is_limited(result, "failed(") {
        let (refused, unknown) = (counts.refused, counts.unknown);
        return Some(format!("{refused} of {} events were refused, {unknown} have an unknown outcome", counts.planned));
    }
    MISSING.iter().find_map(|missing| without_effect(result, missing)).or_else(|| disordered(result))
}

/// What may become of an event instead of its effect, as an objective on it is called, and as it is told.
type Missing = (&'static str, fn(&LegCounts) -> u64, &'static str);

const MISSING: [Missing; 3] = [
    ("lost", |counts| counts.lost, "were lost"),
    ("dead_lettered", |counts| counts.dead_lettered, "were given up"),
    ("undecided", |counts| counts.undecided, "still waited for another try"),
];

/// Events that did not come to the end of a leg, where no objective says how many may.
fn without_effect(result: &LoadResult, (what, of, told): &Missing) -> Option<String> {
    let legs = result.legs.iter().filter(|leg| of(&leg.counts) > 0);
    let mut unlimited = legs.filter(|leg| !is_limited(result, &format!("{what}({})", leg.name)));
    unlimited.next().map(|leg| {
        let (missing, planned, name) = (of(&leg.counts), result.counts.planned, &leg.name);
        format!("{missing} of {planned} events {told}: {what}({name})")
    })
}

/// Events that changed their order, where no objective says how many may.
fn disordered(result: &LoadResult) -> Option<String> {
    let legs = result.legs.iter().filter(|leg| leg.counts.reordered > 0);
    let mut unlimited = legs.filter(|leg| !is_limited(result, &format!("reordered({})", leg.name)));
    unlimited.next().map(|leg| {
        let (reordered, planned, name) = (leg.counts.reordered, result.counts.planned, &leg.name);
        format!("{reordered} of {planned} events came out of the order of their key: reordered({name})")
    })
}

fn is_limited(result: &LoadResult, what: &str) -> bool {
    result.objectives.iter().any(|objective| objective.text.replace(' ', "").starts_with(what))
}

/// Whether it was the system that failed, and not only a verdict that was missing.
pub(super) fn is_missed(result: &LoadResult) -> bool {
    let objectives = result.objectives.iter().map(|objective| objective.finding.outcome);
    let all = objectives.chain(result.findings.iter().map(|finding| finding.outcome));
    // What is missing may only not have been seen; what was refused was.
    let refused = result.counts.refused > 0 && !is_limited(result, "failed(");
    let falls_behind = growing(result).is_some() || falling_behind(&result.intervals).is_some();
    refused || falls_behind || all.into_iter().any(|outcome| outcome == Outcome::Broken)
}

fn queue_of(stage: &str, result: &LoadResult) -> String {
    let waits = match stage {
        _ if stage.starts_with("acknowledgement") => {
            let waited = result.generator.backpressure;
            format!(
                "the broker's acknowledgements do not keep up ({waited} sends waited for the producer's full queue)"
            )
        }
        _ if stage.starts_with("answered") => "the service's answers do not keep up".to_owned(),
        _ if stage.starts_with("end_to_end") => "what is written becomes visible too slowly".to_owned(),
        _ => "the group does not keep up, its lag rises".to_owned(),
    };
    format!("{waits}: {stage} takes longer and longer")
}

/// A group whose lag rises by more than what a machine's unevenness explains, and by how many records a second.
fn falling_behind(intervals: &[Interval]) -> Option<(String, f64)> {
    let sending = intervals.iter().filter(|interval| !interval.warm_up && interval.planned > 0);
    let (events, ms) = sending.fold((0, 0.0), |(events, ms), one| (events + one.planned, ms + one.to_ms - one.from_ms));
    let most = GROWTH * events as f64 / (ms / 1e3);
    let groups = intervals.last()?.lag.iter().map(|point| &point.group);
    let mut rising = groups.filter_map(|group| Some((group.clone(), lagging::rising(intervals, group)?)));
    rising.find(|(_, slope)| *slope > most)
}

/// The first stage on an event's way whose latency grew while the load lasted.
fn growing(result: &LoadResult) -> Option<String> {
    let measured: Vec<&Interval> = result.intervals.iter().filter(|interval| !interval.warm_up).collect();
    let missing = |name: &str| result.stages.iter().any(|stage| stage.name == name && stage.never_came > 0);
    let names = measured.first()?.stages.iter().map(|stage| &stage.name);
    let mut growing = names.filter(|name| grew(&measured, name) || missing(name) && fell_silent(&measured, name));
    growing.next().cloned()
}

/// Whether a stage's latency grew from the first interval in which as many came through as usually to the last such one. Those after
/// the last send count: a queue drains there. Stragglers alone are few.
fn grew(measured: &[&Interval], stage: &str) -> bool {
    let usual = usual_count(measured, stage);
    let slices = measured.iter().filter_map(|interval| Some((interval.from_ms, of(interval, stage)?)));
    let mut enough = slices.filter(|(_, slice)| slice.count > 0 && slice.count * 2 >= usual);
    let Some((from, first)) = enough.next() else { return false };
    let Some((to, last)) = enough.next_back() else { return false };
    last.p50_ms - first.p50_ms > ((to - from) * GROWTH).max(LEAST_GROWTH_MS)
}

/// How many come through a stage in an interval: the median of those with sends; the most of all where that is none, since all came later.
fn usual_count(measured: &[&Interval], stage: &str) -> u64 {
    let count = |interval: &&Interval| of(interval, stage).map_or(0, |slice| slice.count);
    let mut sending: Vec<u64> = measured.iter().filter(|interval| interval.planned > 0).map(count).collect();
    sending.sort_unstable();
    let median = sending.get(sending.len() / 2).copied().filter(|median| *median > 0);
    median.or_else(|| measured.iter().map(count).max()).unwrap_or_default()
}

/// Whether nothing came through a stage any more while events were still sent, nor later.
fn fell_silent(measured: &[&Interval], stage: &str) -> bool {
    let came = measured.iter().rposition(|interval| of(interval, stage).is_some_and(|slice| slice.count > 0));
    let sent = measured.iter().rposition(|interval| interval.planned > 0);
    came.is_some() && came < sent
}

fn of<'a>(interval: &'a Interval, stage: &str) -> Option<&'a StageSlice> {
    interval.stages.iter().find(|slice| slice.name == stage)
}

/// Whether what was measured lasts too short for a queue to be seen growing: no two intervals with sends.
fn is_too_short(intervals: &[Interval]) -> bool {
    intervals.iter().filter(|interval| !interval.warm_up && interval.planned > 0).nth(1).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five seconds in which the stages' medians grow by so many milliseconds a second.
    fn result(growth: [f64; 3]) -> LoadResult {
        let names = ["acknowledgement", "end_to_end", "processed(g)"];
        let interval = |index: u32| Interval {
            from_ms: f64::from(index) * 1e3,
            to_ms: f64::from(index + 1) * 1e3,
            warm_up: index == 0,
            planned: 100,
            stages: names
                .iter()
                .zip(growth)
                .map(|(name, growth)| StageSlice {
                    name: (*name).to_owned(),
                    count: 100,
                    p50_ms: 5.0 + growth * f64::from(index),
                    ..StageSlice::default()
                })
                .collect(),
            ..Interval::default()
        };
        LoadResult { intervals: (0..6).map(interval).collect(), ..LoadResult::default() }
    }

    #[test]
    fn the_first_queue_that_grows_is_the_limit() {
        assert_eq!(limit(&result([0.0, 0.0, 0.0])), None);
        assert_eq!(limit(&result([5.0, 5.0, 12.0])), None, "a little more is no queue");
        let text = |growth| limit(&result(growth)).unwrap();
        assert!(text([100.0, 100.0, 100.0]).starts_with("the broker's acknowledgements do not keep up"));
        assert!(text([0.0, 0.0, 100.0]).starts_with("the group does not keep up, its lag rises: processed(g)"));
    }

    #[test]
    fn a_queue_is_seen_where_it_drains_and_stragglers_are_none() {
        // By interval: events that came, and their median. Sends end with the third.
        let stage = |slices: [(u64, f64); 6]| {
            let mut result = result([0.0, 0.0, 0.0]);
            for (index, (interval, (count, p50_ms))) in result.intervals.iter_mut().zip(slices).enumerate() {
                interval.planned = if index < 3 { 100 } else { 0 };
                (interval.stages[2].count, interval.stages[2].p50_ms) = (count, p50_ms);
            }
            limit(&result)
        };
        let even = (100, 5.0);
        assert_eq!(stage([even, even, even, (1, 300.0), (0, 0.0), (0, 0.0)]), None, "one came late");
        assert_eq!(stage([even, even, even, (30, 1000.0), (0, 0.0), (0, 0.0)]), None, "a third is tried again");
        assert_eq!(
            stage([even, (0, 0.0), (90, 1500.0), (100, 1500.0), (10, 1500.0), (0, 0.0)]),
            None,
            "slow, and even"
        );
        assert!(stage([even, (0, 0.0), (0, 0.0), (70, 2500.0), (70, 2800.0), (60, 3100.0)]).is_some());
        assert!(stage([even, (70, 200.0), (70, 230.0), (60, 520.0), (0, 0.0), (0, 0.0)]).is_some());
        // What was held back and came at once hides nothing after it.
        assert!(stage([(0, 0.0), even, (100, 300.0), (500, 900.0), (100, 600.0), (60, 700.0)]).is_some());
    }

    #[test]
    fn a_stage_that_falls_silent_is_a_limit_and_one_that_has_all_is_none() {
        use eventproof_reports::model::Stage;
        let mut result = result([0.0, 0.0, 0.0]);
        result.intervals[3..].iter_mut().for_each(|interval| {
            interval.stages[2] = StageSlice { name: "processed(g)".to_owned(), ..StageSlice::default() }
        });
        assert_eq!(limit(&result), None, "it came later");
        // By its own events: a group that is followed by its commits is no leg, and owes none.
        let stage = |name: &str, never_came| Stage { name: name.to_owned(), never_came, ..Stage::default() };
        result.stages = vec![stage("acknowledgement", 300), stage("processed(g)", 0)];
        assert_eq!(limit(&result), None, "it came later, whatever others lack");
        result.stages[1].never_came = 300;
        assert!(limit(&result).unwrap().contains("processed(g) takes longer"));
    }

    #[test]
    fn what_is_too_short_to_show_a_queue_does_not_hold() {
        let mut result = result([300.0, 300.0, 300.0]);
        result.intervals.truncate(2);
        assert_eq!(limit(&result).unwrap(), "the load was too short to tell whether a queue grows");
        assert!(!is_missed(&result), "that says nothing of the system");
    }

    #[test]
    fn a_group_whose_lag_rises_is_a_limit_where_no_stage_shows_it() {
        use eventproof_reports::model::LagPoint;
        let rising = |by: i64, count: u32| {
            let one = result([0.0, 0.0, 0.0]).intervals.remove(1);
            let interval = |index: u32| Interval {
                from_ms: f64::from(index) * 1e3,
                to_ms: f64::from(index + 1) * 1e3,
                lag: vec![LagPoint {
                    group: "g".to_owned(),
                    records: by * i64::from(index),
                    offsets: None,
                    at_ms: None,
                }],
                ..one.clone()
            };
            LoadResult { intervals: (0..count).map(interval).collect(), ..LoadResult::default() }
        };
        assert_eq!(limit(&rising(10, 15)).unwrap(), "the group does not keep up: lag(g) rises by 10.0 records/s");
        assert!(is_missed(&rising(10, 15)));
        assert_eq!(limit(&rising(1, 15)), None, "a hundredth of the rate is no rise");
        assert_eq!(limit(&rising(10, 8)), None, "it may commit no sooner");
    }

    #[test]
    fn a_rate_at_which_events_fail_or_are_lost_does_not_hold() {
        use eventproof_reports::model::{ConsumerLeg, Finding, Objective};
        let steady = || result([0.0, 0.0, 0.0]);
        let mut refusing = steady();
        refusing.counts =
            eventproof_evidence::ledger::Counts { planned: 600, refused: 3, unknown: 1, acknowledged: 596 };
        assert_eq!(limit(&refusing).unwrap(), "3 of 600 events were refused, 1 have an unknown outcome");
        assert!(is_missed(&refusing));
        let mut losing = steady();
        let leg = |name: &str, lost| ConsumerLeg {
            name: name.to_owned(),
            counts: eventproof_evidence::ledger::LegCounts { lost, ..Default::default() },
            ..ConsumerLeg::default()
        };
        (losing.counts.planned, losing.legs) = (600, vec![leg("topic", 0), leg("g", 2)]);
        assert_eq!(limit(&losing).unwrap(), "2 of 600 events were lost: lost(g)");
        assert!(!is_missed(&losing), "it may only not have been seen");
        let mut disordered = losing.clone();
        disordered.legs.iter_mut().for_each(|leg| leg.counts.lost = 0);
        disordered.legs[0].counts.reordered = 4;
        let told = "4 of 600 events came out of the order of their key: reordered(topic)";
        assert_eq!(limit(&disordered).unwrap(), told);
        // An objective says how much may be lost.
        let held = Finding { outcome: Outcome::Held, code: String::new(), text: String::new(), took_ms: None };
        let text = "lost(g) <= 5".to_owned();
        let (actual, stage, percentile, limit_ms) = (String::new(), None, None, None);
        losing.objectives = vec![Objective { text, actual, stage, percentile, limit_ms, finding: held }];
        assert_eq!(limit(&losing), None);
    }

    #[test]
    fn a_rate_at_which_a_group_gives_up_does_not_hold() {
        use eventproof_reports::model::{ConsumerLeg, Finding, Objective};
        let of = |counts: LegCounts, objective: Option<&str>| {
            let mut result = result([0.0, 0.0, 0.0]);
            let leg = |name: &str, counts| ConsumerLeg { name: name.to_owned(), counts, ..ConsumerLeg::default() };
            (result.counts.planned, result.legs) = (600, vec![leg("topic", LegCounts::default()), leg("g", counts)]);
            let held = Finding { outcome: Outcome::Held, code: String::new(), text: String::new(), took_ms: None };
            result.objectives.extend(objective.map(|text| Objective {
                text: text.to_owned(),
                actual: String::new(),
                stage: None,
                percentile: None,
                limit_ms: None,
                finding: held,
            }));
            limit(&result)
        };
        let (dead, waits) = (
            LegCounts { dead_lettered: 180, ..LegCounts::default() },
            LegCounts { undecided: 7, ..LegCounts::default() },
        );
        assert_eq!(of(dead, None).unwrap(), "180 of 600 events were given up: dead_lettered(g)");
        assert_eq!(of(waits, None).unwrap(), "7 of 600 events still waited for another try: undecided(g)");
        assert!(of(dead, Some("lost(g) <= 200")).is_some(), "that is no word on what may be given up");
        assert_eq!(of(dead, Some("dead_lettered(g) <= 200")), None);
        assert_eq!(of(waits, Some("undecided(g) < 10")), None);
    }

    #[test]
    fn a_generator_that_does_not_keep_its_plan_is_a_limit_too() {
        let mut result = result([0.0, 0.0, 0.0]);
        result.generator.saturated = Some("slow".to_owned());
        assert_eq!(limit(&result), Some("the generator: slow".to_owned()));
        assert!(!is_missed(&result), "that says nothing of the system");
    }
}
