//! From two figures to what became of them.

use super::sections::{paired, ratio};
use super::series::{All, Measured};
use crate::model::{Change, ConsumerLeg, CountChange, Figure, LegFigure, Objective, Outcome, Span, Tolerance};
use crate::text::grouped;

/// What kind of figure it is: which way is better.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Less is better. Milliseconds.
    Latency,
    /// More is better. Per second.
    Rate,
}

/// How much further all intervals must lie to be told where how much they vary is not known.
const PLAINLY: f64 = 2.0;
const PLAIN: &str = "no interval after is within a factor of two of any before";

/// Judges a figure. `doubt`: why nothing of time or rate can be told.
pub(super) fn figure(
    name: String,
    kind: Kind,
    decides: bool,
    (before, after): (Measured, Measured),
    doubt: Option<&str>,
    tolerance: Tolerance,
) -> Figure {
    let unit = if kind == Kind::Latency { "ms" } else { "/s" }.to_owned();
    let (was, is) = (before.value, after.value);
    let figure = |by, change, why| Figure { name, unit, decides, before: was, after: is, by, change, why };
    let reason = doubt.map(str::to_owned).or_else(|| {
        let which = [("before", &before), ("after", &after)];
        which.iter().find_map(|(which, of)| Some(format!("{which}: {}", of.estimate.as_ref().err()?)))
    });
    let limits = Limits::of(kind, was, tolerance);
    let open = Open::of(&before, &after);
    let (Ok(first), Ok(second), None) = (before.estimate, after.estimate, &reason) else {
        let plain = limits.plain(before.range, after.range).filter(|_| doubt.is_none());
        let why = plain.map(|_| format!("{PLAIN} ({})", reason.as_deref().unwrap_or_default()));
        return figure(None, plain.unwrap_or(Change::CannotTell), why.or(reason).unwrap_or_default());
    };
    let pairs = paired((was, &before.sections), (is, &after.sections));
    let (log, half) = pairs.unwrap_or_else(|| ratio(first, second));
    let (low, high) = (log - half - open.less, log + half + open.more);
    let change = limits.judge(low, high);
    let percent = |log: f64| (log.exp() - 1.0) * 100.0;
    let by = Span { value: percent(log), low: percent(low), high: percent(high) };
    let why = match (change, open.told) {
        (Change::CannotTell, Some(told)) => told,
        (Change::CannotTell, None) => limits.what_would_tell(log, half),
        _ => String::new(),
    };
    figure(Some(by).filter(|by| by.high.is_finite() && by.low > -100.0), change, why)
}

/// What the events that never came leave open.
struct Open {
    /// By how much less and more the logarithm of the change may be.
    less: f64,
    more: f64,
    told: Option<String>,
}

impl Open {
    fn of(before: &Measured, after: &Measured) -> Open {
        let ((was_least, was_most), (is_least, is_most)) = (before.reach(), after.reach());
        let by = |one: f64, other: f64| if one == other { 0.0 } else { (one / other).ln() };
        let (was, is) = (before.value, after.value);
        let told = never_came(before.all, after.all);
        Open { less: by(is, is_least) + by(was_most, was), more: by(is_most, is) + by(was, was_least), told }
    }
}

fn never_came(before: Option<All>, after: Option<All>) -> Option<String> {
    let side = |(which, all): (&str, Option<All>)| {
        let All { never_came, of, .. } = all?;
        Some(format!("{} of {} {which}", grouped(never_came), grouped(of)))
    };
    let sides: Vec<String> = [("before", before), ("after", after)].into_iter().filter_map(side).collect();
    (!sides.is_empty()).then(|| format!("events never came, which counts as slower: {}", sides.join(", ")))
}

/// What became of a figure's objective by what never came, where those that came meet it in both runs; none if nothing did by that.
pub(super) fn by_what_never_came(
    (before, after): &(Measured, Measured),
    (was, is): (&Objective, &Objective),
) -> Option<(Change, String)> {
    let limit = is.limit_ms.filter(|_| is.limit_ms == was.limit_ms)?;
    let missed = |of: &Measured| of.value < limit && of.reach().1 >= limit;
    let held = |of: &Measured| of.reach().1 < limit;
    let by_that = (held(before) && missed(after)) || (missed(before) && held(after));
    let change = met((was.finding.outcome, 0), (is.finding.outcome, 0));
    let told = never_came(before.all, after.all)?;
    let is_told = by_that && matches!(change, Change::Worse | Change::Better);
    is_told.then(|| (change, format!("by its objective: {told}")))
}

/// The tolerance about no change, as logarithms, with the direction in which things get worse.
struct Limits {
    width: f64,
    /// 1 where more is worse.
    sign: f64,
}

impl Limits {
    fn of(kind: Kind, before: f64, tolerance: Tolerance) -> Limits {
        let floor = match kind {
            Kind::Latency if before > 0.0 => tolerance.floor_ms / before,
            _ => 0.0,
        };
        let sign = if kind == Kind::Latency { 1.0 } else { -1.0 };
        Limits { width: (1.0 + (tolerance.percent / 100.0).max(floor)).ln(), sign }
    }

    /// Where the whole interval lies.
    fn judge(&self, low: f64, high: f64) -> Change {
        let (least, most) = if self.sign > 0.0 { (low, high) } else { (-high, -low) };
        match (least, most) {
            (least, _) if least > self.width => Change::Worse,
            (_, most) if most < -self.width => Change::Better,
            (least, most) if least >= -self.width && most <= self.width => Change::Same,
            (_, most) if most <= self.width => Change::NotWorse,
            _ => Change::CannotTell,
        }
    }

    /// What is plain without knowing how much the figure varies: every interval of one lies far beyond every one of the
    /// other.
    fn plain(&self, before: Option<(f64, f64)>, after: Option<(f64, f64)>) -> Option<Change> {
        let ((least_before, most_before), (least_after, most_after)) = (before?, after?);
        let width = self.width.max(PLAINLY.ln());
        let is_more = least_after > 0.0 && (least_after / most_before).ln() > width;
        let is_less = least_before > 0.0 && (least_before / most_after).ln() > width;
        match (is_more, is_less, self.sign > 0.0) {
            (true, _, true) | (_, true, false) => Some(Change::Worse),
            (true, _, false) | (_, true, true) => Some(Change::Better),
            _ => None,
        }
    }

    /// How much longer the runs would have to be, where that could help: an interval narrows with the root of the time.
    fn what_would_tell(&self, log: f64, half: f64) -> String {
        let room = (self.width - self.sign * log).abs();
        let times = (half / room.max(1e-6)).powi(2).ceil();
        match times {
            times if times <= 100.0 => {
                format!("the interval lies across the tolerance; runs about {times} times as long would tell")
            }
            _ if room <= self.width / 10.0 => {
                "the interval lies across the tolerance, and the change is about as large as the tolerance itself"
                    .to_owned()
            }
            _ => "the interval is far wider than the tolerance: sections of the runs differ too much".to_owned(),
        }
    }
}

/// What is limited of a leg's counts: the count and the objectives of before and after.
pub(super) fn counts(
    leg: &ConsumerLeg,
    was: &ConsumerLeg,
    before: &[Objective],
    after: &[Objective],
) -> Vec<CountChange> {
    let judged = COUNTED.iter().filter_map(|(what, count)| {
        let (before_count, after_count) = (count(&was.counts), count(&leg.counts));
        let name = format!("{what}({})", leg.name);
        let outcome = |objectives: &[Objective]| {
            let of_it = |objective: &&Objective| objective.text.replace(' ', "").starts_with(&name);
            objectives.iter().find(of_it).map(|objective| objective.finding.outcome)
        };
        let change = met((outcome(before)?, before_count), (outcome(after)?, after_count));
        Some(CountChange { name, before: grouped(before_count), after: grouped(after_count), change })
    });
    judged.collect()
}

/// Objectives of both that neither a figure nor a count stands for: failures, lags, differences of arms, the longest of a stage.
pub(super) fn others(before: &[Objective], after: &[Objective]) -> Vec<CountChange> {
    let is_count = |text: &str| COUNTED.iter().any(|(what, _)| text.replace(' ', "").starts_with(&format!("{what}(")));
    let plain =
        |one: &&Objective| one.percentile.is_none() && !one.text.starts_with("throughput") && !is_count(&one.text);
    let pairs =
        after.iter().filter(plain).filter_map(|one| Some((before.iter().find(|was| was.text == one.text)?, one)));
    let change = |(was, is): (&Objective, &Objective)| CountChange {
        name: is.text.clone(),
        before: was.actual.clone(),
        after: is.actual.clone(),
        change: met((was.finding.outcome, 0), (is.finding.outcome, 0)),
    };
    pairs.map(change).collect()
}

/// What is counted on a leg, by the names that objectives have for it.
const COUNTED: [LegFigure; 8] = [
    ("lost", |counts| counts.lost),
    ("dead_lettered", |counts| counts.dead_lettered),
    ("undecided", |counts| counts.undecided),
    ("late", |counts| counts.late),
    ("duplicated", |counts| counts.duplicated),
    ("reordered", |counts| counts.reordered),
    ("phantom", |counts| counts.phantom),
    ("corrupted", |counts| counts.corrupted),
];

/// What became of an objective on a count.
fn met((before, was): (Outcome, u64), (after, is): (Outcome, u64)) -> Change {
    match (before, after) {
        (Outcome::Held, Outcome::Broken) => Change::Worse,
        (Outcome::Broken, Outcome::Held) => Change::Better,
        (Outcome::Broken, Outcome::Broken) if is != was => [Change::Better, Change::Worse][usize::from(is > was)],
        (Outcome::Held, Outcome::Held) | (Outcome::Broken, Outcome::Broken) => Change::Same,
        _ => Change::CannotTell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(kind: Kind, floor_ms: f64) -> Limits {
        Limits::of(kind, 10.0, Tolerance { percent: 5.0, floor_ms })
    }

    #[test]
    fn only_an_interval_on_one_side_is_a_verdict() {
        let latency = limits(Kind::Latency, 0.0);
        let judge = |low: f64, high: f64| latency.judge((1.0 + low / 100.0).ln(), (1.0 + high / 100.0).ln());
        assert_eq!(judge(6.0, 20.0), Change::Worse);
        assert_eq!(judge(4.0, 20.0), Change::CannotTell);
        assert_eq!(judge(-4.0, 4.0), Change::Same);
        assert_eq!(judge(-20.0, 4.0), Change::NotWorse);
        assert_eq!(judge(-20.0, -6.0), Change::Better);
        assert_eq!(judge(-20.0, 20.0), Change::CannotTell);
        let rate = limits(Kind::Rate, 0.0);
        assert_eq!((rate.judge(-0.2, -0.1), rate.judge(0.1, 0.2)), (Change::Worse, Change::Better));
    }

    #[test]
    fn a_floor_forgives_what_is_small_in_milliseconds() {
        // 10 ms before, and a floor of 2 ms: 20 %.
        assert_eq!(limits(Kind::Latency, 2.0).judge(0.1, 0.15), Change::Same);
        assert_eq!(limits(Kind::Rate, 2.0).judge(-0.15, -0.1), Change::Worse, "a rate has no milliseconds");
    }

    #[test]
    fn what_is_plain_needs_no_interval() {
        let plain = |before, after| limits(Kind::Latency, 0.0).plain(Some(before), Some(after));
        assert_eq!(plain((8.0, 12.0), (25.0, 90.0)), Some(Change::Worse));
        assert_eq!(plain((25.0, 90.0), (8.0, 12.0)), Some(Change::Better));
        assert_eq!(plain((8.0, 12.0), (23.0, 90.0)), None, "not twice the slowest before");
        assert_eq!(limits(Kind::Latency, 0.0).plain(None, Some((1.0, 2.0))), None);
        let rate = |before, after| limits(Kind::Rate, 0.0).plain(Some(before), Some(after));
        assert_eq!(rate((8.0, 12.0), (1.0, 2.0)), Some(Change::Worse));
        assert_eq!(rate((8.0, 12.0), (0.0, 0.0)), Some(Change::Worse), "nothing is plainly less");
        assert_eq!(rate((0.0, 0.0), (8.0, 12.0)), Some(Change::Better));
        assert_eq!(rate((0.0, 0.0), (0.0, 0.0)), None);
    }

    #[test]
    fn what_would_tell_is_said() {
        let said = limits(Kind::Latency, 0.0).what_would_tell(0.0, 0.0975);
        assert!(said.contains("4 times as long"), "{said}");
        let said = limits(Kind::Latency, 0.0).what_would_tell(0.0488, 0.1);
        assert!(said.contains("as large as the tolerance"), "{said}");
        let said = limits(Kind::Latency, 0.0).what_would_tell(0.0, 1.5);
        assert!(said.contains("far wider than the tolerance"), "{said}");
    }
}
