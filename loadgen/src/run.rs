//! One load run: threads, channels, and the end of it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Sender as To, channel};
use std::time::Duration;

use eventproof_broker::{BrokerError, GroupEvent, GroupWatch, PartitionCounts, Recorder};
use eventproof_contract::{Contract, GenerateError, event_number};
use eventproof_evidence::{Observation, Percentile, Reason};
use eventproof_reports::model::{
    Distribution, Disturbed, Finding, Generator as GeneratorFigures, Interval, LoadResult,
};
use eventproof_source::units::format_duration;
use eventproof_system::Rig;
use tokio::sync::{Notify, watch};

use crate::abort::Abort;
use crate::aside_sink::AsideSink;
use crate::client;
use crate::collecting::{Ending, Heard, Settling, collect};
use crate::collector::{Collector, Event, Message};
use crate::disturbance;
use crate::known::Known;
use crate::machine::{Usage, resident_mb, resident_peak_mb};
use crate::plan::{Link, Plan, What, readers, topics_of};
use crate::profile::Profile;
use crate::recovery;
use crate::result;
use crate::sending::{self, SendReport};
use crate::shards::{Meeting, ShardError};
use crate::sink::LoadSink;
use crate::spill::Spill;
use crate::wording;
use crate::workload::workload;

/// How often groups are asked.
pub(crate) const GROUPS_EVERY: Duration = Duration::from_millis(200);

/// What a load run needs: a system that is up, and the run's identity.
pub struct LoadSetup<'a> {
    pub rig: &'a Rig,
    pub contract: Arc<Contract>,
    pub run_id: String,
    /// Becomes true to end the run early.
    pub stop: watch::Receiver<bool>,
}

/// A load could not be run at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// The contract or system lacks something that the profile names.
    #[error("the pack has no {what} \"{name}\"")]
    Missing { what: &'static str, name: String },
    /// What should be replayed cannot be.
    #[error("{of} cannot be replayed: {why}")]
    Trace { of: String, why: String },
    #[error(transparent)]
    System(#[from] eventproof_system::SystemError),
    #[error("no thread could be started: {0}")]
    Thread(String),
    #[error(transparent)]
    Shards(#[from] ShardError),
}

/// Runs a profile. `progress` is called with the intervals so far as each ends. The caller fills in where the result comes from.
pub async fn run(
    setup: &LoadSetup<'_>,
    profile: &Profile,
    progress: impl FnMut(&[Interval]),
) -> Result<LoadResult, LoadError> {
    Ok(perform(setup, profile, None, progress).await?.result)
}

/// What a run leaves.
pub(crate) struct Performed {
    pub result: LoadResult,
    pub plan: Plan,
    pub collector: Collector,
}

/// Runs a profile, or a shard of it: then all shards begin at the instant on which they agree in their meeting.
pub(crate) async fn perform(
    setup: &LoadSetup<'_>,
    profile: &Profile,
    meeting: Option<&mut Meeting>,
    mut progress: impl FnMut(&[Interval]),
) -> Result<Performed, LoadError> {
    let (halt, halted) = watch::channel(false);
    let asked = &setup.stop;
    let setup = &LoadSetup { stop: halted, contract: setup.contract.clone(), run_id: setup.run_id.clone(), ..*setup };
    let (to, messages) = channel();
    let clock = setup.rig.clock.clone();
    let mut plan = Plan::new(setup, profile)?;
    if let Some(meeting) = &meeting {
        plan.split(&setup.contract, meeting.shard())?;
    }
    let recorder = recorder(setup, &plan, to.clone())?;
    let beside = beside(setup, &plan, to.clone())?;
    let watch = watch_groups(setup, profile, &plan, to.clone())?;
    let followers = setup.rig.system.follow_journals(Duration::ZERO, effects(&plan, &setup.run_id, to.clone()));
    let others = match meeting {
        // Everything that observes stands before anybody sends.
        Some(meeting) => {
            plan.pacer.begin_at(meeting.meet(&plan).await?);
            Some(&*meeting)
        }
        None => None,
    };
    let usage = Usage::begin(clock.now());
    let sending = sending::start(setup, &plan, to, clock.clone())?;
    let mut collector = Collector::new(plan.frame(setup, profile));
    let (all_sent, undone) = (Notify::new(), Cell::new(false));
    let mut spill = Spill::new();
    let loading = async {
        let settling = Settling { all_sent: &all_sent, undone: &undone, lasting: profile.settle };
        let saturated = |so_far: &Collector| slipped(&plan, profile.slip_limit, so_far, &SendReport::default(), "");
        let (objectives, events) = (profile.objectives.as_slice(), plan.measured(profile));
        let ending = Ending { asked, halt: &halt, objectives, events, saturated: &saturated, others };
        let heard = Heard { messages: &messages, sending: &sending, clock: clock.as_ref() };
        collect(&mut collector, heard, settling, ending, &mut spill, &mut progress).await
    };
    let disturbing = async {
        let sent = all_sent.notified();
        let disturbed = disturbance::carry_out(&profile.timeline, setup.rig, plan.start(), sent, &setup.stop).await;
        undone.set(true);
        disturbed
    };
    let (abort, disturbed) = tokio::join!(loading, disturbing);
    followers.into_iter().for_each(|task| task.abort());
    drop(watch);
    recorder.stop();
    beside.into_iter().for_each(Recorder::stop);
    collector.close();
    collector.ended = true;
    let used = usage.told(clock.now());
    let report = sending.report.borrow().clone().unwrap_or_default();
    let mut result = finish(profile, &plan, &collector, (&report, &used), abort.as_ref());
    result.generator.cpu_share = usage.of_one_core(clock.now());
    result.intervals = std::mem::take(&mut collector.intervals);
    if !spill.restore(&mut result.intervals) {
        let detail = "the intervals' distributions were kept in a temporary file, and that cannot be read".to_owned();
        result.findings.push(Finding::no_verdict(&Reason::Environment { detail }));
    }
    result.findings.extend(disturbed.iter().filter_map(proved_nothing));
    result.disturbed = disturbed;
    result.disturbed.extend(recovery::spikes(profile));
    result.disturbed.sort_by(|one, other| one.at_ms.total_cmp(&other.at_ms));
    recovery::tell(&mut result.disturbed, &result.intervals);
    Ok(Performed { result, plan, collector })
}

fn recorder(setup: &LoadSetup<'_>, plan: &Plan, to: To<Message>) -> Result<Recorder, LoadError> {
    let sink = LoadSink {
        contract: setup.contract.clone(),
        run_id: setup.run_id.clone(),
        topics: plan.topics.iter().cloned().zip(0..).collect(),
        known: Known::of(plan, &setup.run_id),
        links: match &plan.what {
            What::Records(_) => None,
            What::Requests(asked) => Some(known_by(&asked.links)),
        },
        partitions: PartitionCounts::new(plan.partitions.clone().into_iter().collect()),
        to,
    };
    let topics = plan.topics.clone();
    let clock = setup.rig.clock.clone();
    Ok(tokio::task::block_in_place(|| match &plan.split {
        Some(split) => Recorder::start_share(&setup.rig.broker, &topics, split.share(), sink, clock),
        None => Recorder::start(&setup.rig.broker, &topics, sink, clock),
    })?)
}

/// Reads retry and dead-letter topics, and those of what follows, where there are any. All of them whole, in shards too: a record's partition there need not be
/// that of its event.
fn beside(setup: &LoadSetup<'_>, plan: &Plan, to: To<Message>) -> Result<Option<Recorder>, LoadError> {
    let mut topics = topics_of(&plan.asides);
    topics.extend(plan.derived.iter().map(|derived| derived.topic.clone()));
    topics.sort();
    topics.dedup();
    if topics.is_empty() {
        return Ok(None);
    }
    let sink = AsideSink {
        contract: setup.contract.clone(),
        run_id: setup.run_id.clone(),
        asides: plan.asides.clone(),
        derived: plan.derived.clone(),
        ours: matches!(plan.what, What::Records(_)),
        to,
    };
    let clock = setup.rig.clock.clone();
    let started = tokio::task::block_in_place(|| Recorder::start(&setup.rig.broker, &topics, sink, clock))?;
    Ok(Some(started))
}

/// Each link once, however many arms have it.
fn known_by(links: &[Option<Link>]) -> Vec<Link> {
    let mut known: Vec<Link> = Vec::new();
    for link in links.iter().flatten() {
        // What is compared are the fields; how the requests come to their texts is each one's own.
        if known.iter().all(|other| other.message != link.message || !other.fields.keys().eq(link.fields.keys())) {
            known.push(link.clone());
        }
    }
    known
}

fn watch_groups(
    setup: &LoadSetup<'_>,
    profile: &Profile,
    plan: &Plan,
    to: To<Message>,
) -> Result<GroupWatch, LoadError> {
    let mut groups: Vec<String> = profile.lagging(setup.rig.system.spec()).into_iter().map(str::to_owned).collect();
    groups.extend(readers(&plan.asides));
    groups.sort();
    groups.dedup();
    let beside = topics_of(&plan.asides).into_iter().filter_map(|topic| {
        let partitions = setup.rig.partitions_of(&topic)?;
        Some((topic, partitions))
    });
    let all: BTreeMap<String, u32> = plan.partitions.clone().into_iter().chain(beside).collect();
    let of_topic = |(topic, count): (&String, &u32)| {
        let topic = topic.clone();
        (0..count.cast_signed()).map(move |partition| (topic.clone(), partition))
    };
    let partitions: Vec<(String, i32)> = all.iter().flat_map(of_topic).collect();
    let report = move |event| {
        let message = match event {
            GroupEvent::Changed(change) => Message::Group(Box::new(change)),
            GroupEvent::Asking { group, at } => Message::Asking { group, at },
            GroupEvent::Answered { group } => Message::Positioned(group),
        };
        // The collector ends last; if it is gone, nobody wants to know.
        let _ = to.send(message);
    };
    Ok(GroupWatch::start(&setup.rig.broker, &groups, &partitions, GROUPS_EVERY, setup.rig.clock.clone(), report)?)
}

/// Effects of the watched views, each on the leg of its view.
fn effects(plan: &Plan, run_id: &str, to: To<Message>) -> impl Fn(Observation) + Clone + Send + Sync + 'static {
    let views: Vec<String> = plan.views.iter().map(|(view, _)| view.clone()).collect();
    let run_id = run_id.to_owned();
    let ours = matches!(plan.what, What::Records(_));
    move |observation| {
        let message = match observation {
            Observation::Effect { view, event, at, .. } => {
                let Some(leg) = views.iter().position(|known| **known == *view) else { return };
                let event = if ours { Event::Ours(event_number(&event, &run_id)) } else { Event::Theirs(Some(event)) };
                Message::Effect { leg: leg + 1, event, at }
            }
            Observation::Blind(blind) => Message::Blind(Box::new(blind)),
            Observation::CaughtUp { what, at } => Message::CaughtUp(what, at),
            _ => return,
        };
        // The same holds here.
        let _ = to.send(message);
    }
}

fn finish(
    profile: &Profile,
    plan: &Plan,
    collector: &Collector,
    (report, used): (&SendReport, &str),
    abort: Option<&Abort>,
) -> LoadResult {
    let saturated = saturated(plan, profile.slip_limit, collector, (report, used), abort.is_some());
    let views: Vec<String> = plan.views.iter().map(|(view, _)| view.clone()).collect();
    let sizes = result::sizes(collector);
    let taken = taken(plan);
    let mut objectives = result::judge(&profile.objectives, collector, saturated.as_deref());
    abort.iter().for_each(|abort| abort.amend(&mut objectives));
    let aborted = abort.map(|abort| abort.told(&profile.objectives));
    LoadResult {
        profile: profile.path.display().to_string(),
        title: profile.name.clone(),
        pack: profile.pack.display().to_string(),
        plan: wording::plan(profile, plan, report, sizes.as_ref().filter(|_| profile.draws_sizes())),
        objectives,
        stages: result::stages(collector, &taken),
        spans: result::spans(collector, &taken),
        client: report.client.as_ref().map(client::spans).unwrap_or_default(),
        counts: collector.ledger.counts(),
        workload: workload(&profile.path),
        legs: result::legs(collector, &views),
        payloads: sizes,
        generator: GeneratorFigures {
            // Without a plan there is none to be behind.
            slip: if plan.pacer.is_planned() { Distribution::of(&collector.slip) } else { Distribution::default() },
            resident_mb: resident_mb(),
            resident_peak_mb: resident_peak_mb(),
            backpressure: report.backpressure,
            saturated,
            ..GeneratorFigures::default()
        },
        findings: nonconforming(collector).into_iter().chain(aborted.as_ref().map(wording::ended_early)).collect(),
        aborted,
        ..LoadResult::default()
    }
}

/// How figures are taken.
pub(crate) fn taken(plan: &Plan) -> result::Taken {
    let linger = match &plan.what {
        What::Records(records) => Some(records.producer.linger()),
        What::Requests(_) => None,
    };
    result::Taken { effect_error: plan.effect_error, linger, planned: plan.pacer.is_planned() }
}

/// A disturbance that could not be done, or that met nothing, leaves its part of the plan without a verdict.
fn proved_nothing(disturbed: &Disturbed) -> Option<Finding> {
    let detail = || format!("{}: {}", disturbed.text, disturbed.outcome);
    (!disturbed.done).then(|| Finding::no_verdict(&Reason::Environment { detail: detail() }))
}

/// One finding for all records that depart from the contract, with the first few.
pub(crate) fn nonconforming(collector: &Collector) -> Option<Finding> {
    (collector.faulty > 0).then(|| Finding {
        outcome: eventproof_reports::model::Outcome::Broken,
        code: "nonconforming".to_owned(),
        text: format!(
            "{} records depart from the contract; the first:\n{}",
            collector.faulty,
            collector.faults.join("\n")
        ),
        took_ms: None,
    })
}

/// Why the generator's figures are none, if it did not keep its plan. What an objective ended is no fault of its.
fn saturated(
    plan: &Plan,
    limit: Duration,
    collector: &Collector,
    (report, used): (&SendReport, &str),
    aborted: bool,
) -> Option<String> {
    if let Some(error) = &report.error {
        return Some(format!("records could not be made: {error}"));
    }
    let whole =
        if plan.split.is_some() { report.whole } else { plan.pacer.total().is_none_or(|total| report.sent >= total) };
    let of = if plan.split.is_some() { "its part of " } else { "" };
    let cut_short = plan.pacer.total().filter(|_| !whole && !aborted);
    cut_short
        .map(|total| format!("it ended after {} of {of}{total} events", report.sent))
        .or_else(|| slipped(plan, limit, collector, report, used))
}

/// How far the sends slipped behind their plan, if that is too far, and what there is to say of why. Without a plan there is none to
/// keep.
fn slipped(plan: &Plan, limit: Duration, collector: &Collector, report: &SendReport, used: &str) -> Option<String> {
    let slip = collector.slip.percentile(Percentile(99.0)).value;
    let answered = if collector.frame.linked { "answered" } else { "acknowledged" };
    let half = match collector.spans.first().filter(|span| span.count() > 0) {
        Some(span) => {
            format!("half was {answered} within {}", format_duration(span.percentile(Percentile(50.0)).value))
        }
        None => format!("nothing was {answered}"),
    };
    (plan.pacer.is_planned() && slip > limit).then(|| {
        format!(
            "99 % of its sends should slip by less than {}, they slipped by up to {}; {} sends had to wait for {}, {} for their record to be made; of what was sent {half}; {used}",
            format_duration(limit),
            format_duration(slip),
            report.backpressure,
            wording::waited_for(plan),
            report.starved
        )
    })
}
