//! From the collector's state to the result: stages, legs, objectives.

use std::time::Duration;

use eventproof_evidence::ledger::LegCounts;
use eventproof_evidence::{Blind, Cause, Latencies, Proof, Reason, Subject, Verdict};
use eventproof_reports::model::{ConsumerLeg, Distribution, Finding, Objective as Judged, Sizes, Stage};
use eventproof_source::units::format_duration;
use serde::{Deserialize, Serialize};

use crate::collector::{Collector, Failures, WINDOW};
use crate::lagging;
use crate::objective::{Count, Metric, Objective};
use crate::ranked::{Ranked, Without};
use crate::stages::{SLIP, with_arm};

/// The acknowledged rate over the measured time: from the first planned instant to the last acknowledgement, or to the last planned
/// instant where that is later. Time in which nothing was acknowledged counts.
pub(crate) fn throughput(collector: &Collector) -> f64 {
    let last = collector.last_acknowledged.map(|last| last.max(collector.last_planned.unwrap_or(last)));
    match (collector.first_planned, last) {
        (Some(first), Some(last)) if last > first => {
            collector.acknowledged_measured as f64 / last.since(first).as_secs_f64()
        }
        _ => 0.0,
    }
}

/// How far figures may be off, and from when they count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Taken {
    /// How late an effect may be seen.
    pub effect_error: Duration,
    /// The producer's linger, where there is one.
    pub linger: Option<Duration>,
    /// Whether instants are planned; otherwise figures count from the send.
    pub planned: bool,
}

/// Every stage with its meaning and error.
pub(crate) fn stages(collector: &Collector, taken: &Taken) -> Vec<Stage> {
    let waits = match taken.linger {
        Some(linger) => format!(", the producer's linger of up to {} included", format_duration(linger)),
        None => String::new(),
    };
    let from = if taken.planned { "planned" } else { "sent (there is no plan at `rate: max`)" };
    let first = if taken.linger.is_some() { "acknowledged by the broker" } else { "answered by the service" };
    let by_view = 2 + collector.frame.groups.len();
    let meaning = |stage: usize| match stage {
        0 => (format!("{from} to {first}{waits}"), Duration::ZERO),
        1 => (format!("{from} to visible on the topic{waits}"), Duration::ZERO),
        _ if stage >= by_view => (
            format!(
                "{from} to behind the position that the group commits; 95 % of the events may have been processed sooner, by at most the error"
            ),
            collector.commits.step(stage - by_view),
        ),
        _ if follows(collector, stage - 2) => {
            (format!("{from} to the event that follows from it seen on its topic"), Duration::ZERO)
        }
        _ => (format!("{from} to its effect seen in the service's journal view"), taken.effect_error),
    };
    owed(collector, collector.stage_names(), &collector.stages, meaning)
}

/// Those of the stages or spans that any event can pass, by what each of an arm's means and how far it may be off.
fn owed(
    collector: &Collector,
    names: Vec<String>,
    all: &[Latencies],
    meaning: impl Fn(usize) -> (String, Duration),
) -> Vec<Stage> {
    let of_arm = collector.frame.stages();
    let stage = |(index, (name, latencies)): (usize, (String, &Latencies))| {
        let (meaning, error) = meaning(index % of_arm);
        let never_came = Ranked::of(collector, &name).map_or(0, |stage| stage.never_came());
        let (error_ms, distribution) = (error.as_secs_f64() * 1e3, Distribution::of(latencies));
        Stage { name, meaning, error_ms, distribution, never_came }
    };
    let all = names.into_iter().zip(all).enumerate().map(stage);
    all.zip(collector.owed_stages()).filter(|(_, owed)| *owed).map(|(stage, _)| stage).collect()
}

/// The spans: for each stage the last part of the way there.
pub(crate) fn spans(collector: &Collector, taken: &Taken) -> Vec<Stage> {
    let groups = collector.frame.groups.len();
    let linger = taken.linger.map(|linger| format!(", its linger of up to {} included", format_duration(linger)));
    let meaning = |stage: usize| match stage {
        0 if taken.linger.is_some() => {
            (format!("handed to the producer to acknowledged{}", linger.clone().unwrap_or_default()), Duration::ZERO)
        }
        0 => ("really made to answered".to_owned(), Duration::ZERO),
        1 => ("from there to read from its topic; 0 where it was read sooner".to_owned(), Duration::ZERO),
        _ if stage >= 2 + groups => (
            "read from its topic to behind the group's position".to_owned(),
            collector.commits.step(stage - 2 - groups),
        ),
        _ if follows(collector, stage - 2) => {
            ("read from its topic to the event that follows".to_owned(), Duration::ZERO)
        }
        _ => ("read from its topic to its effect seen".to_owned(), taken.effect_error),
    };
    let all = owed(collector, collector.span_names(), &collector.spans, meaning);
    slip(collector, taken).into_iter().chain(all).collect()
}

/// The part that the generator is to blame for.
fn slip(collector: &Collector, taken: &Taken) -> Option<Stage> {
    let meaning = "by how much the generator was behind its plan".to_owned();
    let distribution = Distribution::of(&collector.slip);
    taken.planned.then(|| Stage { name: SLIP.to_owned(), meaning, error_ms: 0.0, distribution, never_came: 0 })
}

/// Whether what is owed there is no group's effect but another event.
fn follows(collector: &Collector, group: usize) -> bool {
    collector.frame.groups.get(group).is_some_and(|group| collector.frame.is_message(&group.name))
}

/// Sizes of the payloads seen.
pub(crate) fn sizes(collector: &Collector) -> Option<Sizes> {
    let sizes = &collector.sizes;
    (!sizes.is_empty()).then(|| Sizes {
        count: sizes.len(),
        min: sizes.min(),
        p50: sizes.value_at_quantile(0.5),
        p99: sizes.value_at_quantile(0.99),
        max: sizes.max(),
    })
}

/// Every leg with what counts as arrived.
pub(crate) fn legs(collector: &Collector, views: &[String]) -> Vec<ConsumerLeg> {
    let meaning = |index: usize| match index.checked_sub(1).and_then(|index| views.get(index)) {
        None if collector.frame.linked => {
            format!(
                "answered, and the event that follows seen on the topic; duplicates within the latest {WINDOW} requests"
            )
        }
        None if index.checked_sub(1).is_some_and(|group| follows(collector, group)) => {
            "on the topic, and the event seen that follows from it".to_owned()
        }
        None => "acknowledged, and seen on the topic".to_owned(),
        Some(view) => format!("on the topic, and its effect seen in view \"{view}\""),
    };
    let leg = |(index, (name, counts)): (usize, (String, LegCounts))| {
        let phantom = if index == 0 { counts.phantom + collector.strangers() } else { counts.phantom };
        ConsumerLeg { name, meaning: meaning(index), counts: LegCounts { phantom, ..counts } }
    };
    collector.legs().into_iter().enumerate().map(leg).collect()
}

/// Judges every objective. `saturated`: why the generator's figures are none.
pub(crate) fn judge(objectives: &[Objective], collector: &Collector, saturated: Option<&str>) -> Vec<Judged> {
    objectives.iter().map(|objective| judge_one(objective, collector, saturated)).collect()
}

/// Judges one objective, as far as everything went.
pub(crate) fn judge_one(objective: &Objective, collector: &Collector, saturated: Option<&str>) -> Judged {
    let (actual, verdict) = measured(objective, collector);
    let verdict = match saturated {
        // A count of what was lost stands whatever the pace was; a figure of time or rate does not.
        Some(detail) if is_of_time(&objective.metric) => {
            Verdict::CannotTell(Reason::GeneratorSaturated { detail: detail.to_owned() })
        }
        _ => {
            blind_to_loss(objective, collector).or_else(|| seen_late(objective, collector, &verdict)).unwrap_or(verdict)
        }
    };
    let (stage, limit) = match &objective.metric {
        Metric::Percentile { stage, below, .. } | Metric::Max { stage, below } => (Some(stage), Some(below)),
        _ => (None, None),
    };
    Judged {
        text: objective.text.clone(),
        actual,
        stage: stage.cloned(),
        percentile: match &objective.metric {
            Metric::Percentile { percentile, .. } => Some(percentile.0),
            _ => None,
        },
        limit_ms: limit.map(|limit| limit.as_secs_f64() * 1e3),
        finding: Finding::of(&verdict),
    }
}

/// Whether a figure is of time or rate.
pub(crate) fn is_of_time(metric: &Metric) -> bool {
    match metric {
        Metric::Count { what, .. } => *what == Count::Late,
        Metric::Failed { .. } => false,
        _ => true,
    }
}

/// An absence across a span in which the recorder could not see is no verdict.
fn blind_to_loss(objective: &Objective, collector: &Collector) -> Option<Verdict> {
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
fn seen_late(objective: &Objective, collector: &Collector, verdict: &Verdict) -> Option<Verdict> {
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

fn measured(objective: &Objective, collector: &Collector) -> (String, Verdict) {
    match &objective.metric {
        Metric::Throughput { least } => {
            let rate = throughput(collector);
            verdict(objective, format!("{rate:.1}/s"), rate >= *least)
        }
        Metric::Percentile { percentile, stage: name, below } => {
            let Some(stage) = Ranked::of(collector, name) else { return no_such(name) };
            match stage.percentile(*percentile) {
                Ok(value) => too_coarse(collector, &[name], *below, format_duration(value))
                    .or_else(|| not_kept_apart(&stage, value, *below))
                    .unwrap_or_else(|| verdict(objective, format_duration(value), value < *below)),
                Err(without) => without.told(objective),
            }
        }
        Metric::Max { stage: name, below } => {
            let Some(stage) = Ranked::of(collector, name) else { return no_such(name) };
            match stage.max() {
                // What was refused is slower than all, however coarsely the others are seen.
                (Some(max), None | Some(Without::Doubt(..)))
                    if let Some(open) = too_coarse(collector, &[name], *below, format_duration(max)) =>
                {
                    open
                }
                // One that is too slow is enough, whatever became of the others.
                (Some(max), _) if max >= *below => verdict(objective, format_duration(max), false),
                (_, Some(without)) => without.told(objective),
                (Some(max), None) => not_kept_apart(&stage, max, *below)
                    .unwrap_or_else(|| verdict(objective, format_duration(max), true)),
                (None, None) => {
                    let detail = "nothing was measured".to_owned();
                    ("none".to_owned(), Verdict::CannotTell(Reason::NoPositiveControl { detail }))
                }
            }
        }
        Metric::Difference { percentile, stage, less, other, below } => {
            let Some((one, of)) = Ranked::of(collector, stage).zip(Ranked::of(collector, other)) else {
                return no_such(stage);
            };
            let (found, compared) = match (one.percentile(*percentile), of.percentile(*less)) {
                (Ok(found), Ok(compared)) => (found, compared),
                // What the slower arm lost is a failure of its own; the difference is then unknown.
                (Err(without), _) | (_, Err(without)) => return without.unknown(),
            };
            let apart = signed_ms(found) - signed_ms(compared);
            let both = format!("{} less {}", format_duration(found), format_duration(compared));
            let actual = format!("{apart:.1} ms ({both})");
            // Of what is longer than can be kept apart only the least is known.
            let open = not_kept_apart(&of, compared, Duration::MAX)
                .or_else(|| not_kept_apart(&one, found, Duration::MAX).filter(|_| apart < signed_ms(*below)));
            too_coarse(collector, &[stage, other], *below, actual.clone())
                .or(open)
                .unwrap_or_else(|| verdict(objective, actual, apart < signed_ms(*below)))
        }
        Metric::Failed { stage, most } => {
            let arms = collector.frame.arms.iter();
            let of =
                arms.zip(&collector.failures).find(|(arm, _)| with_arm(collector.frame.first_stage, arm) == *stage);
            let Some((_, failures)) = of.filter(|(_, failures)| failures.planned > 0) else { return no_such(stage) };
            verdict(objective, failed(failures), failures.all() <= *most)
        }
        Metric::Count { what, leg, most } => {
            let Some(counts) = counts_of(collector, leg) else { return no_such(leg) };
            let found = counted(*what, &counts);
            let actual = format!("{found} of {}{}", collector.ledger.counts().planned, elsewhere(*what, &counts));
            let doubt = match (found <= *most, *what) {
                (true, _) => doubt_of_count(collector, &counts)
                    .or_else(|| undecided(*what, &counts, leg, *most))
                    .or_else(|| beyond(collector, *what))
                    .or_else(|| unlinked(collector, *what, found, *most).filter(|_| leg != "topic")),
                (false, Count::Phantom) => beyond(collector, *what),
                (false, Count::Lost) => nameless(collector, found, *most, "what seems to be lost may be there")
                    .filter(|_| leg != "topic")
                    .or_else(|| done_beyond(collector, found, *most)),
                (false, Count::Reordered) => {
                    nameless(collector, found, *most, "what was overtaken may have been put off")
                        .filter(|_| collector.may_put_off(leg))
                }
                (false, _) => None,
            };
            match doubt {
                Some(doubt) => (actual, Verdict::CannotTell(doubt)),
                None => verdict(objective, actual, found <= *most),
            }
        }
        Metric::Drained { group, below } => {
            let leg = collector.frame.groups.iter().position(|known| known.name == *group).map(|index| index + 1);
            let Some(leg) = leg.filter(|leg| collector.last_arrived[*leg].is_some()) else { return no_such(group) };
            match collector.drained(leg) {
                Some(time) => verdict(objective, format_duration(time), time < *below),
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
        Metric::Slope { group, below } => match lagging::slope(&collector.intervals, group) {
            Ok(slope) => match (slope < *below, collector.lags.unseen.get(group)) {
                (true, Some((intervals, why))) => (per_second(slope), unseen(collector, group, *intervals, why)),
                (held, _) => verdict(objective, per_second(slope), held),
            },
            Err(intervals) => {
                let detail =
                    format!("a slope needs {} intervals after the warm-up, there are {intervals}", lagging::LEAST);
                ("none".to_owned(), Verdict::CannotTell(Reason::NoPositiveControl { detail }))
            }
        },
        Metric::Lag { group, below, lasting: Some(lasting) } if collector.lags.greatest.contains_key(group) => {
            lag_for(objective, collector, (group, *below), *lasting)
        }
        Metric::Lag { group, below, .. } => match collector.lags.greatest.get(group) {
            Some(lag) => match (lag.unsigned_abs() < *below, collector.lags.unseen.get(group)) {
                (true, Some((intervals, why))) => (format!("{lag} records"), unseen(collector, group, *intervals, why)),
                (true, None) if let Some(possible) = beyond_bounds(collector, group, *below) => {
                    (format!("{lag} records"), Verdict::CannotTell(possible))
                }
                (held, _) => verdict(objective, format!("{lag} records"), held),
            },
            None => no_such(group),
        },
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
fn lag_for(
    objective: &Objective,
    collector: &Collector,
    (group, below): (&str, u64),
    lasting: Duration,
) -> (String, Verdict) {
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

/// Where stages are seen by committed positions or in views, and what that leaves open is more than a quarter of the limit.
fn too_coarse(collector: &Collector, stages: &[&String], limit: Duration, actual: String) -> Option<(String, Verdict)> {
    let committed = |name: &&String| {
        let (group, step) = collector.commit_step(name).filter(|(_, step)| *step > limit / 4)?;
        Some(Reason::OffsetTooCoarse { group: group.to_owned(), step, limit })
    };
    let looked = |name: &&String| {
        let (group, every) = collector.looks_every(name).filter(|(_, every)| *every > limit / 4)?;
        Some(Reason::LooksTooSeldom { group: group.to_owned(), every, limit })
    };
    let reason = stages.iter().find_map(committed).or_else(|| stages.iter().find_map(looked))?;
    Some((actual, Verdict::CannotTell(reason)))
}

/// Where a limit is beyond the longest latency that is kept apart, and the value may be beyond it as well.
fn not_kept_apart(stage: &Ranked<'_>, value: Duration, limit: Duration) -> Option<(String, Verdict)> {
    let actual = format!("{} or longer", format_duration(value));
    let detail = format!("latencies of {actual} are not kept apart");
    let open = (actual, Verdict::CannotTell(Reason::NoPositiveControl { detail }));
    stage.may_be_beyond(value, limit).then_some(open)
}

fn per_second(slope: f64) -> String {
    format!("{slope:.1} records/s")
}

fn signed_ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// `3 of 1000: 2 refused, 1 without an answer; status 500: …`
fn failed(failures: &Failures) -> String {
    let counts = format!("{} of {}", failures.all(), failures.planned);
    if failures.all() == 0 {
        return counts;
    }
    let (refused, unknown) = (failures.refused, failures.unknown);
    format!("{counts}: {refused} refused, {unknown} of unknown outcome; {}", failures.reasons.join("; "))
}

fn verdict(objective: &Objective, actual: String, held: bool) -> (String, Verdict) {
    let verdict = match held {
        true => Verdict::Held(Proof::of(actual.clone())),
        false => Verdict::Broken(Cause::ObjectiveMissed { objective: objective.text.clone(), actual: actual.clone() }),
    };
    (actual, verdict)
}

/// A lag that was not seen in some intervals may have been beyond the limit there.
fn unseen(collector: &Collector, group: &str, intervals: u32, why: &str) -> Verdict {
    let lasted = collector.interval() * intervals;
    Verdict::CannotTell(Reason::Blind { what: format!("group \"{group}\""), why: why.to_owned(), lasted })
}

fn no_such(name: &str) -> (String, Verdict) {
    let detail = format!("nothing was measured of {name}");
    ("none".to_owned(), Verdict::CannotTell(Reason::NoPositiveControl { detail }))
}

/// Why a count that is small enough says nothing: there was nothing to be counted, or nothing tells events apart.
fn doubt_of_count(collector: &Collector, counts: &LegCounts) -> Option<Reason> {
    let detail = match (counts.seen + counts.dead_lettered, collector.alike()) {
        (0, _) if collector.ledger.counts().acknowledged == 0 => "no event was acknowledged".to_owned(),
        (0, _) => "nothing arrived there at all".to_owned(),
        (_, 0) => return None,
        (_, alike) => format!("{alike} requests had the same link as another: nothing tells their events apart"),
    };
    Some(Reason::NoPositiveControl { detail })
}

/// What of the lost was told apart, for people.
fn elsewhere(what: Count, counts: &LegCounts) -> String {
    match (what, counts.dead_lettered, counts.undecided) {
        (Count::Lost, 0, 0) => String::new(),
        (Count::Lost, dead, 0) => format!("; {dead} dead-lettered"),
        (Count::Lost, dead, open) => format!("; {dead} dead-lettered, {open} undecided"),
        _ => String::new(),
    }
}

/// What is undecided may still be lost, or given up.
fn undecided(what: Count, counts: &LegCounts, leg: &str, most: u64) -> Option<Reason> {
    let open = counts.undecided;
    let is_near = matches!(what, Count::Lost | Count::DeadLettered) && counted(what, counts) + open > most;
    let detail = format!(
        "{open} events of {leg} still waited in a retry topic when the run ended, or lie in a dead-letter topic that several groups write to: they are neither done nor lost; a longer `settle` may tell"
    );
    is_near.then_some(Reason::NoPositiveControl { detail })
}

/// What may be of requests that are forgotten is neither a duplicate nor a phantom: nobody can say which.
fn beyond(collector: &Collector, what: Count) -> Option<Reason> {
    let beyond = collector.beyond_window();
    let detail = format!(
        "{beyond} records or effects are of none of the latest {WINDOW} requests: duplicates of older ones are not judged"
    );
    (beyond > 0 && matches!(what, Count::Duplicated | Count::Phantom)).then_some(Reason::NoPositiveControl { detail })
}

/// What seems to be missing, if it may be among the effects of requests that are forgotten: they were done, long after.
fn done_beyond(collector: &Collector, missing: u64, most: u64) -> Option<Reason> {
    let beyond = collector.beyond_window();
    let detail = format!(
        "{beyond} records or effects are of none of the latest {WINDOW} requests: what seems to be missing may be among them"
    );
    (beyond > 0 && missing.saturating_sub(beyond) <= most).then_some(Reason::NoPositiveControl { detail })
}

/// Records in retry or dead-letter topics that may be those of events that a count accuses: nobody knows any more which events they
/// were.
fn nameless(collector: &Collector, found: u64, most: u64, why: &str) -> Option<Reason> {
    let nameless = collector.asides.strangers();
    (nameless > 0 && found.saturating_sub(nameless) <= most).then(|| not_linked(nameless, why))
}

/// The same of a count of what lies in those topics: each of them may be one more.
fn unlinked(collector: &Collector, what: Count, found: u64, most: u64) -> Option<Reason> {
    let nameless = collector.asides.strangers();
    let is_near = matches!(what, Count::DeadLettered | Count::Undecided) && found + nameless > most;
    is_near.then(|| not_linked(nameless, "each of them may be one more"))
}

fn not_linked(nameless: u64, why: &str) -> Reason {
    let detail = format!("{nameless} records in retry or dead-letter topics could not be linked to an event: {why}");
    Reason::NoPositiveControl { detail }
}

fn counts_of(collector: &Collector, leg: &str) -> Option<LegCounts> {
    legs(collector, &[]).into_iter().find(|known| known.name == leg).map(|leg| leg.counts)
}

fn counted(what: Count, counts: &LegCounts) -> u64 {
    match what {
        Count::Lost => counts.lost,
        Count::DeadLettered => counts.dead_lettered,
        Count::Undecided => counts.undecided,
        Count::Late => counts.late,
        Count::Duplicated => counts.duplicated,
        Count::Reordered => counts.reordered,
        Count::Phantom => counts.phantom,
        Count::Corrupted => counts.corrupted,
    }
}

#[cfg(test)]
mod tests;
