//! Parts put together into one result, with the objectives judged on the whole. Everything is a sum: a merged fold is the
//! fold that one process would have come to, and it is judged by the same rules.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use eventproof_evidence::{At, Latencies, NoHistogram};
use eventproof_reports::model::{
    Aborted, ClientSpan, Distribution, Finding, Generator, Interval, LagPoint, LegPoint, LoadResult, LoadShard,
    LoadShards, Objective as Judged, Outcome, Provenance, Shard, StageSlice,
};

use super::meeting::shards;
use super::part::Part;
use crate::abort::Abort;
use crate::collector::{Collector, Frame, Group, Lane, slice_of};
use crate::draw::{Draw, Keys};
use crate::objective::Objective;
use crate::result::{self, Taken};
use crate::run::nonconforming;
use crate::wording::ended_early;

/// Why parts cannot be put together.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PartError {
    #[error("there is no part at all")]
    Nothing,
    /// Every reason.
    #[error("these parts are not of one load:\n  {}", .0.join("\n  "))]
    Strangers(Vec<String>),
    #[error("shard {shard}: {error}")]
    Histogram { shard: Shard, error: NoHistogram },
}

/// One result of all parts. `absent` says of shards without a part what became of them. A shard that is missing leaves
/// the whole without a verdict: what it would have sent may be lost.
///
/// # Errors
/// If the parts are not of one load.
pub fn merge_parts(mut parts: Vec<Part>, absent: &BTreeMap<u64, String>) -> Result<LoadResult, PartError> {
    parts.sort_by_key(|part| part.shard.number);
    let faults = strangers(&parts);
    if !faults.is_empty() {
        return Err(PartError::Strangers(faults));
    }
    let first = parts.first().ok_or(PartError::Nothing)?;
    let missing = missing(&parts, absent);
    let collector = collector(&parts)?;
    let saturated = saturated(&parts, missing.as_ref());
    let about = &first.about;
    // Texts of objectives were read once already.
    let objectives: Vec<Objective> = about.objectives.iter().filter_map(|text| Objective::parse(text).ok()).collect();
    let taken = about.taken.clone().unwrap_or(Taken { effect_error: Duration::ZERO, linger: None, planned: true });
    let together = together(&parts, absent);
    let mut judged = result::judge(&objectives, &collector, saturated.as_deref());
    let aborted = aborted(&parts, &collector);
    let ended = aborted.as_ref().map(|aborted| amend(&mut judged, aborted, &objectives, saturated.is_some()));
    Ok(LoadResult {
        profile: about.profile.clone(),
        title: about.title.clone(),
        pack: about.pack.clone(),
        plan: format!("{}; by {} shards{}", about.plan, first.shard.of, limit(&parts, &taken)),
        objectives: judged,
        stages: result::stages(&collector, &taken),
        spans: result::spans(&collector, &taken),
        client: client(&parts),
        counts: collector.ledger.counts(),
        workload: about.workload.clone(),
        legs: result::legs(&collector, &about.views),
        intervals: collector.intervals.clone(),
        payloads: result::sizes(&collector),
        generator: generator(&parts, &collector, saturated),
        findings: nonconforming(&collector).into_iter().chain(ended).chain(missing).chain(strays(&collector)).collect(),
        aborted,
        shards: Some(together),
        provenance: provenance(&parts),
        ..LoadResult::default()
    })
}

/// What ended the load before its plan was done: what was found out first, with what all shards had sent in the end.
fn aborted(parts: &[Part], collector: &Collector) -> Option<Aborted> {
    let first = parts.iter().filter_map(|part| part.aborted.as_ref()).min_by(|a, b| a.at_ms.total_cmp(&b.at_ms))?;
    Some(Aborted { sent: collector.ledger.counts().planned, ..first.clone() })
}

/// The objectives of a load that ended early, and a finding that says so. The shard that ended it had kept to its plan; if another
/// had not, or is missing, the load was not the one that was asked for, and what it did to times has no verdict. A count that was over
/// its limit stays so whatever the others did.
fn amend(judged: &mut [Judged], aborted: &Aborted, objectives: &[Objective], saturated: bool) -> Finding {
    let finding = ended_early(aborted);
    let Some(abort) = Abort::heard(aborted.clone(), objectives) else { return finding };
    abort.doubt_rates(judged, objectives);
    if saturated && abort.is_of_time(objectives) {
        abort.doubt(judged);
        return Finding { outcome: Outcome::NoVerdict, ..finding };
    }
    abort.amend(judged);
    finding
}

/// Where it all comes from.
fn provenance(parts: &[Part]) -> Provenance {
    let mut machines: Vec<&str> = parts.iter().map(|part| part.provenance.machine.as_str()).collect();
    machines.dedup();
    Provenance {
        machine: machines.join("; "),
        duration_ms: parts.iter().flat_map(|part| part.intervals.last()).map(|last| last.to_ms).fold(0.0, f64::max),
        interrupted: parts.iter().any(|part| part.interrupted),
        merged: parts.len(),
        ..parts.first().map(|part| part.provenance.clone()).unwrap_or_default()
    }
}

/// Everything by which parts differ that must not.
fn strangers(parts: &[Part]) -> Vec<String> {
    let Some(first) = parts.first() else { return Vec::new() };
    let mut faults = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        if parts[..index].iter().any(|other| other.shard.number == part.shard.number) {
            faults.push(format!("shard {} is there twice", part.shard));
        }
        let mut differs = |what: &str, one: &str, other: &str| {
            if one != other {
                faults.push(format!("the {what} of shard {} is {other}, of shard {} {one}", part.shard, first.shard));
            }
        };
        differs("run", &first.run, &part.run);
        differs("number of shards", &first.shard.of.to_string(), &part.shard.of.to_string());
        for (name, fact) in &first.facts {
            differs(name, fact, part.facts.get(name).map_or("nothing", String::as_str));
        }
    }
    faults
}

fn absent_numbers(parts: &[Part]) -> Vec<u64> {
    let of = parts.first().map_or(0, |part| part.shard.of);
    (1..=of).filter(|number| parts.iter().all(|part| part.shard.number != *number)).collect()
}

/// The shards that are not here.
fn missing(parts: &[Part], absent: &BTreeMap<u64, String>) -> Option<Finding> {
    let numbers = absent_numbers(parts);
    let of = parts.first()?.shard.of;
    let known: Vec<String> =
        numbers.iter().filter_map(|number| Some(format!("; shard {number}: {}", absent.get(number)?))).collect();
    (!numbers.is_empty()).then(|| Finding {
        outcome: Outcome::NoVerdict,
        code: "shard-missing".to_owned(),
        text: format!("{} of {of} left no result: what it sent has no verdict{}", shards(&numbers), known.concat()),
        took_ms: None,
    })
}

/// Records of this run that stand where another shard reads: whoever counts them does not know them.
fn strays(collector: &Collector) -> Option<Finding> {
    (collector.strays > 0).then(|| Finding {
        outcome: Outcome::NoVerdict,
        code: "stray".to_owned(),
        text: format!(
            "{} records of this load are on partitions where their keys do not belong: counts of the topic leave them out",
            collector.strays
        ),
        took_ms: None,
    })
}

/// Why figures of time and rate are none. One shard that slipped is enough: its events are in every figure.
fn saturated(parts: &[Part], missing: Option<&Finding>) -> Option<String> {
    let slipped = |part: &Part| Some(format!("shard {}: {}", part.shard, part.generator.saturated.as_ref()?));
    let why: Vec<String> =
        parts.iter().filter_map(slipped).chain(missing.map(|missing| missing.text.clone())).collect();
    (!why.is_empty()).then(|| why.join("; "))
}

/// What kept shards without a plan from being faster, as far as they know it.
fn limit(parts: &[Part], taken: &Taken) -> String {
    if taken.planned {
        return String::new();
    }
    let (waited, sent) = parts
        .iter()
        .fold((0, 0), |(waited, sent), part| (waited + part.generator.backpressure, sent + part.found.counts.planned));
    format!("; {:.0} % of the sends waited for a full queue", 100.0 * waited as f64 / sent.max(1) as f64)
}

fn generator(parts: &[Part], collector: &Collector, saturated: Option<String>) -> Generator {
    Generator {
        slip: Distribution::of(&collector.slip),
        cpu_share: parts.iter().map(|part| part.generator.cpu_share).sum(),
        resident_mb: parts.iter().map(|part| part.generator.resident_mb).sum(),
        // Each at its own time: together they never took more.
        resident_peak_mb: parts.iter().map(|part| part.generator.resident_peak_mb).sum(),
        backpressure: parts.iter().map(|part| part.generator.backpressure).sum(),
        saturated,
    }
}

/// Where the clients say that the time went, all together: means by how many records or requests each is of, and the worst of all.
fn client(parts: &[Part]) -> Vec<ClientSpan> {
    let mut whole: Vec<ClientSpan> = Vec::new();
    for span in parts.iter().flat_map(|part| &part.client) {
        let Some(sum) = whole.iter_mut().find(|known| known.name == span.name) else {
            whole.push(span.clone());
            continue;
        };
        let (was, is) = (sum.count as f64, span.count as f64);
        if was + is > 0.0 {
            sum.mean_ms = (sum.mean_ms * was + span.mean_ms * is) / (was + is);
        }
        sum.count += span.count;
        sum.worst_p99_ms = sum.worst_p99_ms.max(span.worst_p99_ms);
        sum.max_ms = sum.max_ms.max(span.max_ms);
    }
    whole
}

fn together(parts: &[Part], absent: &BTreeMap<u64, String>) -> LoadShards {
    let mut errors: Vec<f64> = parts.iter().map(|part| part.start_error_ms).collect();
    errors.sort_by(|one, other| other.total_cmp(one));
    let ended = |part: &Part| LoadShard {
        number: part.shard.number,
        host: part.host.clone(),
        state: if part.interrupted { "interrupted" } else { "ended" }.to_owned(),
        planned: part.found.counts.planned,
        acknowledged: part.found.counts.acknowledged,
        slip_p99_ms: part.generator.slip.percentiles.iter().find(|one| one.percentile == 99.0).map(|one| one.value_ms),
        cpu_share: part.generator.cpu_share,
        start_error_ms: part.start_error_ms,
    };
    let gone = |number: u64| LoadShard {
        number,
        state: absent.get(&number).cloned().unwrap_or_else(|| "no result".to_owned()),
        ..LoadShard::default()
    };
    let mut all: Vec<LoadShard> = parts.iter().map(ended).chain(absent_numbers(parts).into_iter().map(gone)).collect();
    all.sort_by_key(|shard| shard.number);
    // Two that erred in opposite directions by as much as they can.
    LoadShards { apart_ms: errors.iter().take(2).sum(), parts: all }
}

/// The fold of all parts.
fn collector(parts: &[Part]) -> Result<Collector, PartError> {
    let about = parts.first().map(|part| part.about.clone()).unwrap_or_default();
    let group = |name: &String| Group { name: name.clone(), topics: Vec::new() };
    let lane = |(index, legs): (usize, &Vec<bool>)| Lane {
        arm: 0,
        order: 0,
        keyed: true,
        legs: legs.clone(),
        committing: about.consuming.get(index).cloned().unwrap_or_default(),
        deadlines: Vec::new(),
    };
    let mut whole = Collector::new(Frame {
        start: At::START,
        measured_from: At::from_start(Duration::from_nanos(about.measured_from_ns)),
        first: 0,
        draw: Draw::new(0, &[1.0], Keys::Uniform(1), None, usize::MAX),
        planned: about.taken.as_ref().is_none_or(|taken| taken.planned),
        lanes: about.legs.iter().enumerate().map(lane).collect(),
        arms: vec![String::new()],
        first_stage: "acknowledgement",
        topics: about.topics.clone(),
        groups: about.groups.iter().map(group).collect(),
        views: about.views.clone(),
        follows: about.follows.clone(),
        committing: about.committing.iter().map(group).collect(),
        asked_every: Duration::ZERO,
        effect_error: about.taken.as_ref().map_or(Duration::ZERO, |taken| taken.effect_error),
        lagging: Vec::new(),
        linked: false,
        interval: Duration::from_nanos(about.interval_ns),
        resident: || 0.0,
        split: None,
        asides: Vec::new(),
    });
    for part in parts {
        add(&mut whole, part).map_err(|error| PartError::Histogram { shard: part.shard, error })?;
    }
    whole.ended = true;
    whole.asides.absorb(&about.put_off, parts.iter().map(|part| part.found.named));
    let intervals = intervals(parts)?;
    for (index, interval) in intervals.iter().enumerate().filter(|(_, interval)| !interval.warm_up) {
        for point in &interval.lag {
            match least_lag(parts, index, &point.group) {
                Some(least) => whole.lags.measured_between(index, least, point),
                None => whole.lags.measured(std::slice::from_ref(point)),
            }
        }
        for group in about.lagging.iter().filter(|group| interval.lag.iter().all(|point| point.group != **group)) {
            let why = parts.iter().find_map(|part| part.found.unseen.get(group)).cloned();
            whole.lags.unseen.entry(group.clone()).or_insert_with(|| (0, why.unwrap_or_default())).0 += 1;
        }
    }
    whole.intervals = intervals;
    Ok(whole)
}

fn add(whole: &mut Collector, part: &Part) -> Result<(), NoHistogram> {
    let found = &part.found;
    whole.ledger.absorb(found.counts, &found.legs);
    for (stage, counted) in whole.stages.iter_mut().zip(&found.stages) {
        stage.merge(&counted.read()?);
    }
    for (span, counted) in whole.spans.iter_mut().zip(&found.spans) {
        span.merge(&counted.read()?);
    }
    for (group, counted) in found.doubts.iter().enumerate() {
        whole.commits.absorb(group, &counted.read()?);
    }
    let sums = [(&mut whole.due, &found.due), (&mut whole.refused, &found.refused)];
    for (sums, of) in sums.into_iter().chain([(&mut whole.closed_dead, &found.given_up)]) {
        sums.iter_mut().zip(of).for_each(|(sum, one)| *sum += one);
    }
    whole.slip.merge(&found.slip.read()?);
    for (bytes, count) in &found.sizes {
        whole.sizes.saturating_record_n(*bytes, *count);
    }
    if let Some(failures) = whole.failures.first_mut() {
        failures.add(&found.failures);
    }
    whole.faulty += found.faulty;
    whole.faults.extend(found.faults.iter().cloned());
    whole.blind.extend(found.blind.iter().cloned());
    whole.made_good.extend(found.made_good.iter().cloned());
    whole.acknowledged_measured += found.acknowledged_measured;
    whole.strays += found.strays;
    whole.first_planned = [whole.first_planned, found.first_planned].into_iter().flatten().min();
    whole.last_planned = whole.last_planned.max(found.last_planned);
    whole.last_acknowledged = whole.last_acknowledged.max(found.last_acknowledged);
    whole.last_sent = whole.last_sent.max(found.last_sent);
    for (last, other) in whole.last_arrived.iter_mut().zip(&found.last_arrived) {
        *last = (*last).max(*other);
    }
    Ok(())
}

/// The least that the lag of a group can have been in an interval in which some parts had ended: nobody looks at their partitions any
/// more, and nothing of this load comes there. None where no part had ended.
fn least_lag(parts: &[Part], index: usize, group: &str) -> Option<i64> {
    let going = || parts.iter().filter_map(|part| part.intervals.get(index));
    let lag = |interval: &Interval| {
        let point = interval.lag.iter().find(|point| point.group == group);
        point.map_or(0, |point| point.records)
    };
    (going().count() < parts.len()).then(|| going().map(lag).sum())
}

/// Intervals begin together in all parts. One that ended earlier goes on as it ended: its counts stay, and its lag is the most that
/// it can have been.
fn intervals(parts: &[Part]) -> Result<Vec<Interval>, PartError> {
    let longest = parts.iter().map(|part| part.intervals.len()).max().unwrap_or(0);
    (0..longest).map(|index| interval(parts, index)).collect()
}

fn interval(parts: &[Part], index: usize) -> Result<Interval, PartError> {
    let mut whole = Interval::default();
    let [mut stages, mut spans, mut slip] = [const { Vec::<(String, Latencies)>::new() }; 3];
    let mut lags: BTreeMap<String, Option<LagPoint>> = BTreeMap::new();
    for part in parts {
        let here = part.intervals.get(index);
        let Some(last) = here.or(part.intervals.last()) else { continue };
        whole.counts += last.counts;
        add_legs(&mut whole.legs, &last.legs);
        for group in &part.about.lagging {
            let lag = last.lag.iter().find(|point| point.group == *group);
            match lags.entry(group.clone()) {
                Entry::Vacant(first) => _ = first.insert(lag.cloned()),
                // Where one of them could not see it, nobody knows the whole.
                Entry::Occupied(mut sum) => {
                    *sum.get_mut() = sum.get_mut().take().zip(lag).map(|(sum, lag)| sum.and(lag))
                }
            }
        }
        let Some(here) = here else { continue };
        (whole.from_ms, whole.to_ms, whole.warm_up) = (here.from_ms, whole.to_ms.max(here.to_ms), here.warm_up);
        whole.planned += here.planned;
        whole.acknowledged += here.acknowledged;
        whole.seen += here.seen;
        whole.resident_mb += here.resident_mb;
        let added = add_slices(&mut stages, &here.stages)
            .and_then(|()| add_slices(&mut spans, &here.spans))
            .and_then(|()| add_slices(&mut slip, std::slice::from_ref(&here.slip)));
        added.map_err(|error| PartError::Histogram { shard: part.shard, error })?;
    }
    let sums =
        |slices: Vec<(String, Latencies)>| slices.into_iter().map(|(name, latencies)| slice_of(name, &latencies));
    whole.stages = sums(stages).collect();
    whole.spans = sums(spans).collect();
    whole.slip = sums(slip).next().unwrap_or_default();
    whole.lag = lags.into_values().flatten().collect();
    Ok(whole)
}

fn add_slices(stages: &mut Vec<(String, Latencies)>, slices: &[StageSlice]) -> Result<(), NoHistogram> {
    for slice in slices {
        let mut latencies = Latencies::decode(&slice.histogram)?;
        latencies.add_out_of_range(slice.out_of_range);
        match stages.iter_mut().find(|(name, _)| *name == slice.name) {
            Some((_, whole)) => whole.merge(&latencies),
            None => stages.push((slice.name.clone(), latencies)),
        }
    }
    Ok(())
}

fn add_legs(whole: &mut Vec<LegPoint>, legs: &[LegPoint]) {
    for leg in legs {
        let Some(sum) = whole.iter_mut().find(|known| known.name == leg.name) else {
            whole.push(leg.clone());
            continue;
        };
        sum.owed += leg.owed;
        sum.dead_lettered += leg.dead_lettered;
        sum.seen += leg.seen;
        sum.duplicated += leg.duplicated;
        sum.reordered += leg.reordered;
        sum.phantom += leg.phantom;
        sum.corrupted += leg.corrupted;
    }
}
