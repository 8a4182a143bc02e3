//! Times that an objective limits: percentiles and maxima of stages, differences between them, how long a group takes to drain.

use std::time::Duration;

use eventproof_evidence::{Percentile, Reason, Verdict};
use eventproof_source::units::format_duration;

use super::counts::done_beyond;
use super::judge::{Figure, no_such, verdict};
use crate::collector::Collector;
use crate::objective::Objective;
use crate::ranked::{Ranked, Without};

/// A percentile of a stage.
pub(super) fn percentile(
    objective: &Objective,
    collector: &Collector,
    percentile: Percentile,
    (name, below): (&str, Duration),
) -> Figure {
    let Some(stage) = Ranked::of(collector, name) else { return no_such(name) };
    match stage.percentile(percentile) {
        Ok(value) => too_coarse(collector, &[name], below, format_duration(value))
            .or_else(|| not_kept_apart(&stage, value, below))
            .unwrap_or_else(|| verdict(objective, format_duration(value), value < below)),
        Err(without) => without.told(objective),
    }
}

/// The longest of a stage.
pub(super) fn max(objective: &Objective, collector: &Collector, (name, below): (&str, Duration)) -> Figure {
    let Some(stage) = Ranked::of(collector, name) else { return no_such(name) };
    match stage.max() {
        // What was refused is slower than all, however coarsely the others are seen.
        (Some(max), None | Some(Without::Doubt(..)))
            if let Some(open) = too_coarse(collector, &[name], below, format_duration(max)) =>
        {
            open
        }
        // One that is too slow is enough, whatever became of the others.
        (Some(max), _) if max >= below => verdict(objective, format_duration(max), false),
        (_, Some(without)) => without.told(objective),
        (Some(max), None) => {
            not_kept_apart(&stage, max, below).unwrap_or_else(|| verdict(objective, format_duration(max), true))
        }
        (None, None) => {
            let detail = "nothing was measured".to_owned();
            ("none".to_owned(), Verdict::CannotTell(Reason::NoPositiveControl { detail }))
        }
    }
}

/// A percentile of one stage less that of another.
pub(super) fn difference(
    objective: &Objective,
    collector: &Collector,
    (percentile, stage): (Percentile, &str),
    (less, other): (Percentile, &str),
    below: Duration,
) -> Figure {
    let Some((one, of)) = Ranked::of(collector, stage).zip(Ranked::of(collector, other)) else {
        return no_such(stage);
    };
    let (found, compared) = match (one.percentile(percentile), of.percentile(less)) {
        (Ok(found), Ok(compared)) => (found, compared),
        // What the slower arm lost is a failure of its own; the difference is then unknown.
        (Err(without), _) | (_, Err(without)) => return without.unknown(),
    };
    let apart = signed_ms(found) - signed_ms(compared);
    let both = format!("{} less {}", format_duration(found), format_duration(compared));
    let actual = format!("{apart:.1} ms ({both})");
    // Of what is longer than can be kept apart only the least is known.
    let open = not_kept_apart(&of, compared, Duration::MAX)
        .or_else(|| not_kept_apart(&one, found, Duration::MAX).filter(|_| apart < signed_ms(below)));
    too_coarse(collector, &[stage, other], below, actual.clone())
        .or(open)
        .unwrap_or_else(|| verdict(objective, actual, apart < signed_ms(below)))
}

/// How long after the last send the last effect of a group came.
pub(super) fn drained(objective: &Objective, collector: &Collector, (group, below): (&str, Duration)) -> Figure {
    let leg = collector.frame.groups.iter().position(|known| known.name == group).map(|index| index + 1);
    let Some(leg) = leg.filter(|leg| collector.last_arrived[*leg].is_some()) else { return no_such(group) };
    match collector.drained(leg) {
        Some(time) => verdict(objective, format_duration(time), time < below),
        None => {
            let owed = collector.ledger.outstanding(leg);
            let actual = format!("never in this run: {owed} events are still owed");
            match done_beyond(collector, owed, 0) {
                Some(doubt) => (actual, Verdict::CannotTell(doubt)),
                None => verdict(objective, actual, false),
            }
        }
    }
}

/// Where stages are seen by committed positions or in views, and what that leaves open is more than a quarter of the limit.
fn too_coarse(collector: &Collector, stages: &[&str], limit: Duration, actual: String) -> Option<Figure> {
    let committed = |name: &&str| {
        let (group, step) = collector.commit_step(name).filter(|(_, step)| *step > limit / 4)?;
        Some(Reason::OffsetTooCoarse { group: group.to_owned(), step, limit })
    };
    let looked = |name: &&str| {
        let (group, every) = collector.looks_every(name).filter(|(_, every)| *every > limit / 4)?;
        Some(Reason::LooksTooSeldom { group: group.to_owned(), every, limit })
    };
    let reason = stages.iter().find_map(committed).or_else(|| stages.iter().find_map(looked))?;
    Some((actual, Verdict::CannotTell(reason)))
}

/// Where a limit is beyond the longest latency that is kept apart, and the value may be beyond it as well.
fn not_kept_apart(stage: &Ranked<'_>, value: Duration, limit: Duration) -> Option<Figure> {
    let actual = format!("{} or longer", format_duration(value));
    let detail = format!("latencies of {actual} are not kept apart");
    let open = (actual, Verdict::CannotTell(Reason::NoPositiveControl { detail }));
    stage.may_be_beyond(value, limit).then_some(open)
}

fn signed_ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
