//! One load run: threads, channels, and the end of it.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender as To, channel};
use std::time::Duration;

use eventproof_broker::{BrokerError, GroupWatch, PartitionCounts, Recorder};
use eventproof_contract::{Contract, GenerateError, event_number};
use eventproof_evidence::{At, Clock, Observation, Percentile, Reason};
use eventproof_reports::model::{
    Distribution, Disturbed, Finding, Generator as GeneratorFigures, Interval, LoadResult,
};
use eventproof_source::units::format_duration;
use eventproof_system::Rig;
use tokio::sync::{Notify, watch};

use crate::collector::{Collector, Event, Message};
use crate::disturbance;
use crate::machine::{cpu_seconds, resident_mb};
use crate::plan::{Link, Plan, What};
use crate::profile::Profile;
use crate::result;
use crate::sending::{self, SendReport, Sending};
use crate::sink::LoadSink;
use crate::wording;
use crate::workload::workload;

/// How often groups are asked.
const GROUPS_EVERY: Duration = Duration::from_millis(200);

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
    #[error(transparent)]
    System(#[from] eventproof_system::SystemError),
    #[error("no thread could be started: {0}")]
    Thread(String),
}

/// Runs a profile. `progress` is called with the intervals so far as each ends. The caller fills in where the result comes from.
pub async fn run(
    setup: &LoadSetup<'_>,
    profile: &Profile,
    mut progress: impl FnMut(&[Interval]),
) -> Result<LoadResult, LoadError> {
    let (to, messages) = channel();
    let clock = setup.rig.clock.clone();
    let plan = Plan::new(setup, profile)?;
    let recorder = recorder(setup, &plan, to.clone())?;
    let watch = watch_groups(setup, &plan, to.clone())?;
    let followers = setup.rig.system.follow_journals(Duration::ZERO, effects(&plan, &setup.run_id, to.clone()));
    let cpu = (cpu_seconds(), clock.now());
    let sending = sending::start(setup, &plan, to, clock.clone())?;
    let mut collector = Collector::new(plan.frame(setup, profile));
    let (all_sent, undone) = (Notify::new(), Cell::new(false));
    let loading = async {
        let settling = Settling { all_sent: &all_sent, undone: &undone, lasting: profile.settle };
        collect(&mut collector, &messages, &sending, settling, clock.as_ref(), &mut progress).await;
    };
    let disturbing = async {
        let sent = all_sent.notified();
        let disturbed = disturbance::carry_out(&profile.timeline, setup.rig, plan.start(), sent, &setup.stop).await;
        undone.set(true);
        disturbed
    };
    let ((), disturbed) = tokio::join!(loading, disturbing);
    followers.into_iter().for_each(|task| task.abort());
    drop(watch);
    recorder.stop();
    collector.close();
    let used = (cpu_seconds() - cpu.0) / clock.now().since(cpu.1).as_secs_f64().max(0.001);
    let mut result = finish(profile, &plan, &collector, &sending, used);
    result.findings.extend(disturbed.iter().filter_map(proved_nothing));
    result.disturbed = disturbed;
    Ok(result)
}

fn recorder(setup: &LoadSetup<'_>, plan: &Plan, to: To<Message>) -> Result<Recorder, LoadError> {
    let sink = LoadSink {
        contract: setup.contract.clone(),
        run_id: setup.run_id.clone(),
        topics: plan.topics.iter().cloned().zip(0..).collect(),
        links: match &plan.what {
            What::Records(_) => None,
            What::Requests(asked) => Some(known_by(&asked.links)),
        },
        partitions: PartitionCounts::new(plan.partitions.clone().into_iter().collect()),
        to,
    };
    let topics = plan.topics.clone();
    let clock = setup.rig.clock.clone();
    Ok(tokio::task::block_in_place(|| Recorder::start(&setup.rig.broker, &topics, sink, clock))?)
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

fn watch_groups(setup: &LoadSetup<'_>, plan: &Plan, to: To<Message>) -> Result<GroupWatch, LoadError> {
    let groups: Vec<String> = plan.views.iter().map(|(_, group)| group.clone()).collect();
    let of_topic = |(topic, count): (&String, &u32)| {
        let topic = topic.clone();
        (0..count.cast_signed()).map(move |partition| (topic.clone(), partition))
    };
    let partitions: Vec<(String, i32)> = plan.partitions.iter().flat_map(of_topic).collect();
    let report = move |change| {
        // The collector ends last; if it is gone, nobody wants to know.
        let _ = to.send(Message::Group(change));
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
            Observation::Blind(blind) => Message::Blind(blind),
            Observation::CaughtUp { what, .. } => Message::CaughtUp(what),
            _ => return,
        };
        // The same holds here.
        let _ = to.send(message);
    }
}

/// Stragglers are waited for once nothing of our own doing keeps them: everything is sent, and every disturbance undone.
struct Settling<'a> {
    /// Told when everything is sent.
    all_sent: &'a Notify,
    undone: &'a Cell<bool>,
    lasting: Duration,
}

/// Folds messages until everything has come, or the time for stragglers is over.
async fn collect(
    collector: &mut Collector,
    messages: &Receiver<Message>,
    sending: &Sending,
    settling: Settling<'_>,
    clock: &dyn Clock,
    progress: &mut impl FnMut(&[Interval]),
) {
    let mut told = 0;
    let mut since: Option<At> = None;
    // A little longer than complete: a duplicate comes after what it doubles.
    let at_least = settling.lasting.min(Duration::from_secs(1));
    loop {
        tokio::task::block_in_place(|| drain(collector, messages));
        let closed = collector.close_until(clock.now());
        (told + 1..=closed).for_each(|ended| progress(&collector.intervals[..ended]));
        told = closed;
        if let Ok(report) = sending.done.try_recv() {
            *sending.report.borrow_mut() = Some(report);
            settling.all_sent.notify_one();
        }
        if since.is_none() && sending.report.borrow().is_some() && settling.undone.get() {
            since = Some(clock.now());
        }
        let settled = since.map(|since| clock.now().since(since));
        if settled.is_some_and(|lasted| lasted >= settling.lasting || lasted >= at_least && collector.is_complete()) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Takes what is there, waiting a little for the first.
fn drain(collector: &mut Collector, messages: &Receiver<Message>) {
    match messages.recv_timeout(Duration::from_millis(20)) {
        Ok(message) => collector.take(message),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
    }
    messages.try_iter().take(10_000).for_each(|message| collector.take(message));
}

fn finish(profile: &Profile, plan: &Plan, collector: &Collector, sending: &Sending, cpu_share: f64) -> LoadResult {
    let report = sending.report.borrow().clone().unwrap_or_default();
    let saturated = saturated(plan, profile.slip_limit, collector, &report);
    let views: Vec<String> = plan.views.iter().map(|(view, _)| view.clone()).collect();
    let linger = match &plan.what {
        What::Records(records) => Some(records.producer.linger),
        What::Requests(_) => None,
    };
    let sizes = result::sizes(collector);
    let taken = result::Taken { effect_error: plan.effect_error, linger, planned: plan.pacer.is_planned() };
    LoadResult {
        profile: profile.path.display().to_string(),
        title: profile.name.clone(),
        pack: profile.pack.display().to_string(),
        plan: wording::plan(profile, plan, &report, sizes.as_ref().filter(|_| profile.draws_sizes())),
        objectives: result::judge(&profile.objectives, collector, saturated.as_deref()),
        stages: result::stages(collector, &taken),
        counts: collector.ledger.counts(),
        workload: workload(&profile.path),
        legs: result::legs(collector, &views),
        intervals: collector.intervals.clone(),
        payloads: sizes,
        generator: GeneratorFigures {
            slip: Distribution::of(&collector.slip),
            cpu_share,
            resident_mb: resident_mb(),
            backpressure: report.backpressure,
            saturated,
        },
        findings: nonconforming(collector).into_iter().collect(),
        ..LoadResult::default()
    }
}

/// A disturbance that could not be done, or that met nothing, leaves its part of the plan without a verdict.
fn proved_nothing(disturbed: &Disturbed) -> Option<Finding> {
    let detail = || format!("{}: {}", disturbed.text, disturbed.outcome);
    (!disturbed.done).then(|| Finding::no_verdict(&Reason::Environment { detail: detail() }))
}

/// One finding for all records that depart from the contract, with the first few.
fn nonconforming(collector: &Collector) -> Option<Finding> {
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

/// Why the generator's figures are none, if it did not keep its plan.
fn saturated(plan: &Plan, limit: Duration, collector: &Collector, report: &SendReport) -> Option<String> {
    if let Some(error) = &report.error {
        return Some(format!("records could not be made: {error}"));
    }
    match plan.pacer.total() {
        Some(total) if report.sent < total => {
            return Some(format!("it ended after {} of {total} events", report.sent));
        }
        Some(_) => {}
        // Without a plan there is none to keep.
        None => return None,
    }
    let slip = collector.slip.percentile(Percentile(99.0)).value;
    (slip > limit).then(|| {
        format!(
            "99 % of its sends should slip by less than {}, they slipped by up to {}; {} sends had to wait for {}, {} for their record to be made",
            format_duration(limit),
            format_duration(slip),
            report.backpressure,
            wording::waited_for(plan),
            report.starved
        )
    })
}
