//! Lags of groups against their limits. What nobody saw of a lag may have been high or low.

use std::time::Duration;

use eventproof_evidence::{Reason, Verdict};
use eventproof_source::units::format_duration;

use super::judge::{Figure, no_such, verdict};
use crate::collector::Collector;
use crate::lagging;
use crate::objective::Objective;

/// By how many records a second a lag rises.
pub(super) fn slope(objective: &Objective, collector: &Collector, (group, below): (&str, f64)) -> Figure {
    match lagging::slope(&collector.intervals, group) {
        Ok(slope) => match (slope < below, collector.lags.unseen.get(group)) {
            (true, Some((intervals, why))) => (per_second(slope), unseen(collector, group, *intervals, why)),
            (held, _) => verdict(objective, per_second(slope), held),
        },
        Err(intervals) => {
            let detail = format!("a slope needs {} intervals after the warm-up, there are {intervals}", lagging::LEAST);
            ("none".to_owned(), Verdict::CannotTell(Reason::NoPositiveControl { detail }))
        }
    }
}

/// The greatest lag, or how long it was at its limit without a break.
pub(super) fn lag(
    objective: &Objective,
    collector: &Collector,
    (group, below): (&str, u64),
    lasting: Option<Duration>,
) -> Figure {
    let Some(greatest) = collector.lags.greatest.get(group) else { return no_such(group) };
    if let Some(lasting) = lasting {
        return lag_for(objective, collector, (group, below), lasting);
    }
    let actual = format!("{greatest} records");
    if greatest.unsigned_abs() >= below {
        return verdict(objective, actual, false);
    }
    if let Some((intervals, why)) = collector.lags.unseen.get(group) {
        return (actual, unseen(collector, group, *intervals, why));
    }
    match beyond_bounds(collector, group, below) {
        Some(open) => (actual, Verdict::CannotTell(open)),
        None => verdict(objective, actual, true),
    }
}

/// Where a lag is known by bounds only, and the limit is between them: after a shard has ended nobody looks at its partitions.
fn beyond_bounds(collector: &Collector, group: &str, below: u64) -> Option<Reason> {
    let most = collector.lags.possible(group).filter(|most| most.unsigned_abs() >= below)?;
    let detail = format!(
        "a shard ended sooner than another, and what the lag on its partitions was from then on is not known: it was {most} records at most"
    );
    Some(Reason::NoPositiveControl { detail })
}

/// Whether a lag was at a limit or above for so long without a break. What looks leave open has no verdict.
fn lag_for(objective: &Objective, collector: &Collector, (group, below): (&str, u64), lasting: Duration) -> Figure {
    let high = lagging::longest_at(&collector.intervals, group, below, collector.lags.leasts(group));
    let actual = without_a_break(high);
    if high.least >= lasting || !high.open && high.most <= lasting {
        return verdict(objective, actual, high.least < lasting);
    }
    if let Some((intervals, why)) = collector.lags.unseen.get(group) {
        // What was not seen may have been high or low.
        return (actual, unseen(collector, group, *intervals, why));
    }
    let every = format_duration(collector.interval());
    let detail = match high.open {
        true => format!("the lag was at {below} or above when the run ended: let it last longer"),
        false => format!(
            "the lag is known once in {every}, and what it was between is not: it was at {below} or above for {actual}; a shorter run has shorter intervals, down to a second"
        ),
    };
    (actual, Verdict::CannotTell(Reason::NoPositiveControl { detail }))
}

fn without_a_break(high: lagging::High) -> String {
    let (least, most) = (format_duration(high.least), format_duration(high.most));
    match high.open {
        true => format!("at least {least} without a break, to the end"),
        false => format!("{least} to {most} without a break"),
    }
}

fn per_second(slope: f64) -> String {
    format!("{slope:.1} records/s")
}

/// A lag that was not seen in some intervals may have been beyond the limit there.
fn unseen(collector: &Collector, group: &str, intervals: u32, why: &str) -> Verdict {
    let lasted = collector.interval() * intervals;
    Verdict::CannotTell(Reason::Blind { what: format!("group \"{group}\""), why: why.to_owned(), lasted })
}
