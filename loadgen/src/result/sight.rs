//! What nobody saw: an absence there is no loss, and a time that ended there may be shorter than it looks.

use std::time::Duration;

use eventproof_evidence::{Blind, Reason, Subject, Verdict};

use super::counts::{counted, counts_of};
use crate::collector::Collector;
use crate::objective::{Count, Metric, Objective};
use crate::ranked::Ranked;

/// An absence across a span in which the recorder could not see is no verdict.
pub(super) fn blind_to_loss(objective: &Objective, collector: &Collector) -> Option<Verdict> {
    let Metric::Count { what, leg, .. } = &objective.metric else { return None };
    // A retry topic that nobody saw hides what was put off, and may be overtaken.
    let put_off = *what == Count::Reordered && collector.may_put_off(leg);
    let late = *what == Count::Late;
    if *what != Count::Lost && !put_off && !late {
        return None;
    }
    // What was seen only afterwards is all there, and bears a later time than it had.
    let made_good = collector.made_good.iter().filter(|_| late);
    let blind = collector.blind.iter().chain(made_good).find(|blind| concerns(collector, leg, &blind.what))?;
    let found = counts_of(collector, leg).is_some_and(|counts| counted(*what, &counts) > 0);
    found.then(|| unseen_of(collector, leg, blind))
}

/// A time that is too long is no verdict where it would not be without the longest span in which nobody could see what it ends with:
/// nothing was seen later by more than that.
pub(super) fn seen_late(objective: &Objective, collector: &Collector, verdict: &Verdict) -> Option<Verdict> {
    let (leg, value, below) = too_long(objective, collector).filter(|_| matches!(verdict, Verdict::Broken(_)))?;
    let spans = late_spans(collector).filter(|blind| concerns(collector, leg, &blind.what));
    // A stall of our own makes a few late: what most events did it does not decide.
    let of_most = matches!(objective.metric, Metric::Percentile { .. });
    let spans = spans.filter(|blind| !of_most || blind.what != Subject::Everything);
    let lasted = |blind: &Blind| blind.to.map_or(Duration::MAX, |to| to.since(blind.from));
    let longest = spans.max_by_key(|blind| lasted(blind))?;
    let without = value.map(|value| value.saturating_sub(lasted(longest)));
    without.is_none_or(|without| without < below).then(|| unseen_of(collector, leg, longest))
}

/// The leg on which a time ends that has a limit above, the time, none if it never ended, and the limit.
fn too_long<'a>(objective: &'a Objective, collector: &'a Collector) -> Option<(&'a str, Option<Duration>, Duration)> {
    match &objective.metric {
        Metric::Drained { group, below } => {
            let leg = collector.frame.groups.iter().position(|known| known.name == *group)? + 1;
            Some((group, collector.drained(leg), *below))
        }
        Metric::Max { stage, below } => {
            // Where all that came was quick, what never came is what is too slow.
            let max = Ranked::of(collector, stage)?.max().0.filter(|max| max >= below)?;
            Some((collector.leg_of(stage)?, Some(max), *below))
        }
        Metric::Percentile { percentile, stage, below } => {
            let value = Ranked::of(collector, stage)?.percentile(*percentile).ok()?;
            Some((collector.leg_of(stage)?, Some(value), *below))
        }
        _ => None,
    }
}

/// Spans in which what is measured may have come before it was seen: not those that were made good before anything was measured.
fn late_spans(collector: &Collector) -> impl Iterator<Item = &Blind> {
    let from = collector.frame.measured_from;
    let made_good = collector.made_good.iter().filter(move |blind| blind.to.is_none_or(|to| to >= from));
    collector.blind.iter().chain(made_good)
}

/// Whether what nobody saw hides something of a leg: the topic's loss is hidden by what nobody saw of topics, a group's by a view of its
/// own that did not answer, or by a topic beside the load's own.
fn concerns(collector: &Collector, leg: &str, what: &Subject) -> bool {
    let is_ours = |name: &str| collector.frame.topics.iter().any(|topic| topic == name);
    match what {
        Subject::Everything => true,
        Subject::Topic(name) if is_ours(name) => leg == "topic",
        Subject::View(view) => leg != "topic" && collector.frame.group_of_view(view).is_none_or(|group| group == leg),
        _ => leg != "topic",
    }
}

fn unseen_of(collector: &Collector, leg: &str, blind: &Blind) -> Verdict {
    let lasted = blind.lasted(collector.now);
    Verdict::CannotTell(Reason::Blind { what: leg.to_owned(), why: blind.why.clone(), lasted })
}
