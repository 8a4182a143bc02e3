//! One load run: threads, channels, and the end of it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender as To, SyncSender, channel, sync_channel};
use std::time::Duration;

use eventproof_broker::{BrokerError, Delivery, Failure, GroupWatch, Recorder, SendError, Sender, SenderSettings};
use eventproof_contract::{Contract, Draft, GenerateError, Generator, event_number};
use eventproof_evidence::{At, Clock, Observation, Percentile};
use eventproof_reports::model::{Finding, Generator as GeneratorFigures, Interval, LoadResult};
use eventproof_source::units::format_duration;
use eventproof_system::Rig;
use tokio::sync::watch;

use crate::collector::{Collector, Frame, Message};
use crate::machine::{cpu_seconds, resident_mb};
use crate::pacer::Pacer;
use crate::profile::Profile;
use crate::result;
use crate::sink::{LoadSink, hash};

/// Records made ahead of their instants.
const AHEAD: usize = 2000;
/// How long before an instant the sender stops sleeping and watches the clock.
const WATCH: Duration = Duration::from_millis(1);
/// The time from the first record made to the first planned instant.
const LEAD: Duration = Duration::from_millis(500);
/// The slip (actual minus planned send) that takes the verdict away, at its 99th percentile.
const SLIP_LIMIT: Duration = Duration::from_millis(20);
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
    #[error("no thread could be started: {0}")]
    Thread(String),
}

/// Runs a profile. `progress` is called with every interval as it ends. The caller fills in where the result comes from.
pub async fn run(
    setup: &LoadSetup<'_>,
    profile: &Profile,
    mut progress: impl FnMut(&Interval),
) -> Result<LoadResult, LoadError> {
    let (to, messages) = channel();
    let clock = setup.rig.clock.clone();
    let plan = Plan::new(setup, profile)?;
    let recorder = recorder(setup, &plan, to.clone())?;
    let watch = watch_groups(setup, &plan, to.clone())?;
    let followers = setup.rig.system.follow_journals(effects(&plan, &setup.run_id, to.clone()));
    let cpu = (cpu_seconds(), clock.now());
    let sending = spawn_sending(setup, &plan, to, clock.clone())?;
    let mut collector = Collector::new(plan.frame(profile));
    collect(&mut collector, &messages, &sending, profile.settle, clock.as_ref(), &mut progress).await;
    followers.into_iter().for_each(|task| task.abort());
    drop(watch);
    recorder.stop();
    collector.close();
    let used = (cpu_seconds() - cpu.0) / clock.now().since(cpu.1).as_secs_f64().max(0.001);
    Ok(finish(profile, &plan, &collector, &sending, used))
}

/// Everything that is fixed before the first event.
#[derive(Clone)]
struct Plan {
    message: String,
    topic: String,
    key_field: Option<String>,
    partitions: u32,
    /// (view, group)
    views: Vec<(String, String)>,
    effect_error: Duration,
    /// The first event, made to learn its number.
    first: Draft,
    first_number: u64,
    generator: Generator,
    keys: Vec<String>,
    payload_size: Option<usize>,
    pacer: Pacer,
    start: At,
    warm_up: u64,
    total: u64,
}

impl Plan {
    fn new(setup: &LoadSetup<'_>, profile: &Profile) -> Result<Plan, LoadError> {
        let missing = |what, name: &str| LoadError::Missing { what, name: name.to_owned() };
        let message = setup.contract.message(&profile.message).ok_or_else(|| missing("message", &profile.message))?;
        let spec = setup.rig.system.spec();
        let mut views = Vec::new();
        let mut effect_error = Duration::ZERO;
        for name in &profile.effects {
            let view = spec.view(name).ok_or_else(|| missing("view", name))?;
            if let eventproof_system::ViewKind::Journal(journal) = &view.kind {
                effect_error = effect_error.max(journal.every);
            }
            views.push((name.clone(), view.group.clone()));
        }
        let declared = setup.contract.channel_of_topic(&message.topic).and_then(|channel| channel.partitions);
        let mut generator = setup.rig.generator.fork("load");
        let keys: Vec<String> = (0..profile.keys).map(|_| generator.identity()).collect();
        let first = generator.record(&setup.contract, message, &[], profile.payload_size)?;
        let first_number = first.event.id.as_deref().and_then(|id| event_number(id, &setup.run_id));
        let start = setup.rig.clock.now() + LEAD;
        let pacer = Pacer::new(start, profile.rate);
        let warm_up = pacer.count_in(profile.warm_up);
        Ok(Plan {
            message: message.name.clone(),
            topic: message.topic.clone(),
            key_field: message.envelope.key.as_ref().map(|rule| rule.pointer.clone()),
            partitions: declared.unwrap_or(1),
            views,
            effect_error,
            // The first draft is used up: the events of the run begin behind it.
            first_number: first_number.ok_or_else(|| missing("event id in the envelope of", &message.name))? + 1,
            first,
            generator,
            keys,
            payload_size: profile.payload_size,
            pacer,
            start,
            warm_up,
            total: warm_up + profile.events,
        })
    }

    fn frame(&self, profile: &Profile) -> Frame {
        Frame {
            start: self.start,
            first: self.first_number,
            first_measured: self.first_number + self.warm_up,
            keys: profile.keys,
            groups: self.views.iter().map(|(_, group)| group.clone()).collect(),
        }
    }
}

fn recorder(setup: &LoadSetup<'_>, plan: &Plan, to: To<Message>) -> Result<Recorder, LoadError> {
    let sink =
        LoadSink { contract: setup.contract.clone(), run_id: setup.run_id.clone(), topic: plan.topic.clone(), to };
    let topics = [plan.topic.clone()];
    let clock = setup.rig.clock.clone();
    Ok(tokio::task::block_in_place(|| Recorder::start(&setup.rig.broker, &topics, sink, clock))?)
}

fn watch_groups(setup: &LoadSetup<'_>, plan: &Plan, to: To<Message>) -> Result<GroupWatch, LoadError> {
    let groups: Vec<String> = plan.views.iter().map(|(_, group)| group.clone()).collect();
    let partitions: Vec<(String, i32)> =
        (0..plan.partitions.cast_signed()).map(|partition| (plan.topic.clone(), partition)).collect();
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
    move |observation| {
        let message = match observation {
            Observation::Effect { view, event, at, .. } => {
                let Some(leg) = views.iter().position(|known| **known == *view) else { return };
                Message::Effect { leg: leg + 1, number: event_number(&event, &run_id), at }
            }
            Observation::Blind(blind) => Message::Blind(blind),
            _ => return,
        };
        // The same holds here.
        let _ = to.send(message);
    }
}

/// What the sending side tells at its end.
struct Sending {
    done: Receiver<SendReport>,
    report: std::cell::RefCell<Option<SendReport>>,
}

#[derive(Clone, Debug, Default)]
struct SendReport {
    sent: u64,
    backpressure: u64,
    error: Option<String>,
}

fn spawn_sending(
    setup: &LoadSetup<'_>,
    plan: &Plan,
    to: To<Message>,
    clock: Arc<dyn Clock>,
) -> Result<Sending, LoadError> {
    let (made, take) = sync_channel(AHEAD);
    let (tell, done) = channel();
    let fates = to.clone();
    let fate_clock = clock.clone();
    let sender = Sender::new(&setup.rig.broker, &SenderSettings::default(), move |number, delivery| {
        let at = fate_clock.now();
        let message = match delivery {
            Delivery::Acknowledged { .. } => Message::Acknowledged { number, at },
            Delivery::Failed(Failure::Refused(_)) => Message::Refused { number },
            Delivery::Failed(Failure::Unknown(_)) => Message::Unknown { number },
        };
        // The collector ends last; if it is gone, nobody wants to know.
        let _ = fates.send(message);
    })?;
    let (contract, plan, run_id) = (setup.contract.clone(), plan.clone(), setup.run_id.clone());
    let stop = setup.stop.clone();
    let pacer = plan.pacer;
    spawn("eventproof-maker", move || make(&contract, plan, &run_id, &made))?;
    spawn("eventproof-sender", move || {
        let report = send_all(&take, &sender, pacer, clock.as_ref(), &to, &stop);
        sender.flush(Duration::from_secs(35));
        // The run may have been given up.
        let _ = tell.send(report);
    })?;
    Ok(Sending { done, report: std::cell::RefCell::default() })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), LoadError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map(|_| ()).map_err(|error| LoadError::Thread(error.to_string()))
}

/// A record on its way to the sender: with its number, partition and hash.
type Made = Result<(u64, Draft, Option<i32>, u64), String>;

/// Makes records ahead of time, so that making one never delays the plan.
fn make(contract: &Contract, mut plan: Plan, run_id: &str, to: &SyncSender<Made>) {
    let Some(message) = contract.message(&plan.message) else { return };
    let partitioner = contract.partitioner_of(message);
    for _ in 0..plan.total {
        let next = plan.first_number;
        let key = &plan.keys[Collector::key_of(next, plan.keys.len() as u64) as usize];
        let given: Vec<_> = plan.key_field.iter().map(|field| (field.clone(), key.as_str().into())).collect();
        let made =
            plan.generator.record(contract, message, &given, plan.payload_size).map_err(|error| error.to_string()).map(
                |draft| {
                    let number = draft.event.id.as_deref().and_then(|id| event_number(id, run_id)).unwrap_or(next);
                    let partition = partitioner.partition(draft.record.key.as_deref(), plan.partitions);
                    let hash = hash(draft.record.payload.as_deref().unwrap_or_default());
                    (number, draft, partition.and_then(|partition| i32::try_from(partition).ok()), hash)
                },
            );
        plan.first_number += 1;
        let failed = made.is_err();
        if to.send(made).is_err() || failed {
            return;
        }
    }
}

fn send_all(
    take: &Receiver<Made>,
    sender: &Sender,
    pacer: Pacer,
    clock: &dyn Clock,
    to: &To<Message>,
    stop: &watch::Receiver<bool>,
) -> SendReport {
    let mut report = SendReport::default();
    for made in take {
        if *stop.borrow() {
            break;
        }
        let (number, draft, partition, hash) = match made {
            Ok(made) => made,
            Err(error) => {
                report.error = Some(error);
                break;
            }
        };
        let planned = pacer.due(report.sent);
        wait_until(planned, clock);
        // Told before it is sent, so that no acknowledgement comes to an unknown event.
        let _ = to.send(Message::Sent { number, planned, sent: clock.now(), hash });
        report.sent += 1;
        loop {
            match sender.send(&draft.record, partition, number) {
                Ok(()) => break,
                Err(SendError::QueueFull) => {
                    report.backpressure += 1;
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(SendError::Refused(_)) => {
                    let _ = to.send(Message::Refused { number });
                    break;
                }
            }
        }
    }
    report
}

fn wait_until(due: At, clock: &dyn Clock) {
    loop {
        let left = due.since(clock.now());
        if left.is_zero() {
            return;
        }
        match left.checked_sub(WATCH) {
            Some(sleep) if !sleep.is_zero() => std::thread::sleep(sleep),
            _ => std::thread::sleep(Duration::from_micros(50)),
        }
    }
}

/// Folds messages until everything has come, or the time for stragglers is over.
async fn collect(
    collector: &mut Collector,
    messages: &Receiver<Message>,
    sending: &Sending,
    settle: Duration,
    clock: &dyn Clock,
    progress: &mut impl FnMut(&Interval),
) {
    let mut told = 0;
    let mut sent_at: Option<At> = None;
    loop {
        tokio::task::block_in_place(|| drain(collector, messages));
        let closed = collector.close_until(clock.now());
        collector.intervals[told..closed].iter().for_each(&mut *progress);
        told = closed;
        if sent_at.is_none()
            && let Ok(report) = sending.done.try_recv()
        {
            *sending.report.borrow_mut() = Some(report);
            sent_at = Some(clock.now());
        }
        let over = sent_at.is_some_and(|at| clock.now().since(at) >= settle);
        // A little longer than complete: a duplicate comes after what it doubles.
        if over
            || sent_at.is_some_and(|at| {
                collector.is_complete() && clock.now().since(at) >= settle.min(Duration::from_secs(1))
            })
        {
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
    let saturated = saturated(plan, collector, &report);
    let size = profile.payload_size.map(|size| format!(" of {size} B")).unwrap_or_default();
    let views: Vec<String> = plan.views.iter().map(|(view, _)| view.clone()).collect();
    let findings = collector.faults.iter().map(|fault| Finding {
        outcome: eventproof_reports::model::Outcome::Broken,
        code: "nonconforming".to_owned(),
        text: format!("a record departs from the contract: {fault}"),
        took_ms: None,
    });
    LoadResult {
        profile: profile.path.display().to_string(),
        title: profile.name.clone(),
        pack: profile.pack.display().to_string(),
        plan: format!(
            "{} events{size} of \"{}\" at {}/s over {} keys, after {} of warm-up",
            profile.events,
            plan.first.event.message.as_deref().unwrap_or(&plan.message),
            profile.rate,
            profile.keys,
            format_duration(profile.warm_up)
        ),
        objectives: result::judge(&profile.objectives, collector, saturated.as_deref()),
        stages: result::stages(collector, plan.effect_error),
        counts: collector.ledger.counts(),
        legs: result::legs(collector, &views),
        intervals: collector.intervals.clone(),
        generator: GeneratorFigures {
            slip: result::distribution(&collector.slip),
            cpu_share,
            resident_mb: resident_mb(),
            backpressure: report.backpressure,
            saturated,
        },
        findings: findings.collect(),
        ..LoadResult::default()
    }
}

/// Why the generator's figures are none, if it did not keep its plan.
fn saturated(plan: &Plan, collector: &Collector, report: &SendReport) -> Option<String> {
    if let Some(error) = &report.error {
        return Some(format!("records could not be made: {error}"));
    }
    if report.sent < plan.total {
        return Some(format!("it ended after {} of {} events", report.sent, plan.total));
    }
    let slip = collector.slip.percentile(Percentile(99.0)).value;
    (slip > SLIP_LIMIT).then(|| {
        format!(
            "99 % of its sends should slip by less than {}, they slipped by up to {}; {} sends had to wait for a full queue",
            format_duration(SLIP_LIMIT),
            format_duration(slip),
            report.backpressure
        )
    })
}
