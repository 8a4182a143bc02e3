//! Everything up and ready: broker, topics, recorder, group watch, services, groups. Scenarios and load both begin here.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eventproof_broker::{
    Broker, BrokerChoice, ContractSink, GroupEvent, GroupWatch, PartitionCounts, Publisher, Recorder, Sasl, Topics,
};
use eventproof_contract::{Contract, Generator};
use eventproof_evidence::{Clock, Journal, Observation};
use futures::future::join_all;
use tokio::task::JoinHandle;

use crate::registry::Registry;
use crate::{Assignment, Environment, GroupNeed, GroupSpec, Offsets, Readiness, System, SystemError, SystemSpec};

/// The longest pause between two questions to a view that has nothing new: effects are judged by limits of seconds.
pub(crate) const JOURNAL_IDLE: Duration = Duration::from_millis(160);
/// How often groups are asked for state and positions.
const GROUPS_EVERY: Duration = Duration::from_millis(50);

/// What is to be brought up.
#[derive(Clone, Debug)]
pub struct RigPlan {
    pub contract: Arc<Contract>,
    pub system: SystemSpec,
    pub broker: BrokerChoice,
    /// The schema registry, if it is not to be ours.
    pub registry: Option<String>,
    /// The program that `{eventproof}` stands for.
    pub program: PathBuf,
    /// A folder for the services' data.
    pub data: PathBuf,
    /// Named faults to switch on: (service, fault).
    pub faults: Vec<(String, String)>,
    pub seed: u64,
    pub run_id: String,
}

/// A running system, observed.
pub struct Rig {
    pub contract: Arc<Contract>,
    pub broker: Arc<Broker>,
    pub system: Arc<System>,
    pub journal: Journal,
    pub clock: Arc<dyn Clock>,
    pub publisher: Publisher,
    pub generator: Generator,
    /// What is in every id of this run.
    pub run_id: String,
    /// The schema registry, where the contract or the system needs one.
    pub registry: Option<Registry>,
    recorder: Option<Recorder>,
    groups: Option<GroupWatch>,
    followers: Vec<JoinHandle<()>>,
    needs: Vec<GroupNeed>,
    partitions: Partitions,
}

/// How many partitions each topic of the contract has on the broker.
type Partitions = HashMap<String, u32>;

impl Rig {
    /// Starts everything and returns once every group is ready. `tell` is told each stage, for progress.
    pub async fn start(plan: &RigPlan, clock: Arc<dyn Clock>, tell: &dyn Fn(&str)) -> Result<Rig, SystemError> {
        tell("starting the broker");
        let sasl = crate::sasl::resolve(&plan.system, &plan.broker)?;
        let broker = Arc::new(Broker::start_guarded(&plan.broker, sasl.as_ref()).await?);
        let mut rig = match Rig::observe(plan, broker.clone(), sasl, clock, tell).await {
            Ok(rig) => rig,
            Err(error) => {
                stop_broker(broker).await;
                return Err(error);
            }
        };
        match rig.bring_up(tell).await {
            Ok(()) => Ok(rig),
            Err(error) => {
                rig.stop().await;
                Err(error)
            }
        }
    }

    /// Topics, recorder and group watch stand before any service starts: nothing it does is missed.
    async fn observe(
        plan: &RigPlan,
        broker: Arc<Broker>,
        sasl: Option<Sasl>,
        clock: Arc<dyn Clock>,
        tell: &dyn Fn(&str),
    ) -> Result<Rig, SystemError> {
        let journal = Journal::default();
        if sasl.is_some() {
            watch_logins(&broker, &journal, clock.clone());
        }
        if broker.is_ours() {
            tell("creating topics");
            Topics::of(&broker)?.create_declared(&plan.contract).await?;
        }
        let registry = Registry::open(plan, broker.is_ours()).await?;
        if let Some(registry) = &registry {
            tell("registering schemas");
            registry.connect(&plan.contract).await?;
        }
        let partitions = count_partitions(&plan.contract, &broker).await?;
        let contract = plan.contract.clone();
        let topics: Vec<String> = contract.topics().map(|channel| channel.topic.clone()).collect();
        let recorder = {
            let (broker, journal, clock) = (broker.clone(), journal.clone(), clock.clone());
            let sink = ContractSink::new(contract.clone(), journal, PartitionCounts::new(partitions.clone()));
            blocking(move || Recorder::start(&broker, &topics, sink, clock)).await??
        };
        let needs = needs(plan, &partitions);
        let groups = watch_groups(&broker, &needs, &journal, clock.clone())?;
        let environment = Environment {
            brokers: broker.bootstrap().to_owned(),
            registry: registry.as_ref().map(|registry| registry.url().to_owned()),
            sasl: sasl.map(|sasl| {
                let common = crate::sasl::common(&sasl, &broker);
                (sasl, common)
            }),
            program: plan.program.clone(),
            data: plan.data.clone(),
            faults: plan.faults.clone(),
        };
        let system = System::prepare(plan.system.clone(), &environment, journal.clone(), clock.clone())?;
        Ok(Rig {
            publisher: Publisher::new(&broker, journal.clone(), clock.clone())?,
            generator: Generator::new(plan.seed, &plan.run_id),
            run_id: plan.run_id.clone(),
            contract,
            registry,
            broker,
            system: Arc::new(system),
            journal,
            clock,
            recorder: Some(recorder),
            groups: Some(groups),
            followers: Vec::new(),
            needs,
            partitions,
        })
    }

    async fn bring_up(&mut self, tell: &dyn Fn(&str)) -> Result<(), SystemError> {
        tell("starting services");
        self.system.start_all().await?;
        if self.needs.iter().any(|need| need.effects.is_some()) {
            self.follow_effects();
        }
        self.needs.iter().for_each(|need| tell(&format!("waiting for group {}", need.spec.name)));
        let rig = &*self;
        let all = rig.needs.iter().map(|need| async move { rig.readiness(need).await_group(need).await });
        join_all(all).await.into_iter().collect()
    }

    /// Waits until every group has handled something new, after services or the broker were disturbed.
    pub async fn await_groups_again(&self) -> Result<(), SystemError> {
        let all = self.needs.iter().map(|need| async move {
            self.readiness(need).await_group_again(need).await?;
            self.note_recovery(need);
            Ok(())
        });
        join_all(all).await.into_iter().collect()
    }

    /// Waits until every group of a service has this further instance of it as a member, and handles something new.
    pub async fn await_joined(&self, instance: &str) -> Result<(), SystemError> {
        let like = self.system.spec().service(instance).and_then(|service| service.like.clone());
        let theirs = self.needs.iter().filter(|need| Some(&need.spec.service) == like.as_ref());
        let all = theirs.map(|need| async move {
            let instances = need.instances.iter().cloned().chain([instance.to_owned()]).collect();
            let need = GroupNeed { instances, ..need.clone() };
            self.readiness(&need).await_group_again(&need).await?;
            self.note_recovery(&need);
            Ok(())
        });
        join_all(all).await.into_iter().collect()
    }

    /// That of other groups shows in their members.
    fn note_recovery(&self, need: &GroupNeed) {
        if need.spec.assignment == Assignment::Manual {
            let group = need.spec.name.as_str().into();
            self.journal.push(Observation::Recovered { group, at: self.clock.now() });
        }
    }

    fn readiness(&self, need: &GroupNeed) -> Readiness {
        Readiness {
            contract: self.contract.clone(),
            publisher: self.publisher.clone(),
            generator: self.generator.fork(&format!("canary of {}", need.spec.name)),
            journal: self.journal.clone(),
            clock: self.clock.clone(),
        }
    }

    /// What every group must own, for those who watch groups themselves.
    pub fn needs(&self) -> &[GroupNeed] {
        &self.needs
    }

    /// How many partitions a topic of the contract has on the broker, whatever the contract declares.
    pub fn partitions_of(&self, topic: &str) -> Option<u32> {
        self.partitions.get(topic).copied()
    }

    /// Writes every effect of the journal views into the journal, once.
    pub fn follow_effects(&mut self) {
        if !self.followers.is_empty() {
            return;
        }
        let journal = self.journal.clone();
        let report = move |effect: Observation| journal.push(effect);
        self.followers.extend(self.system.follow_journals(JOURNAL_IDLE, report));
    }

    /// Waits until every record that is on the topics now is in the journal.
    pub fn read_out(&self) {
        if let Some(recorder) = &self.recorder {
            tokio::task::block_in_place(|| recorder.read_out());
        }
    }

    /// The offset from which a partition has been recorded; zero for one that came later, or where nothing is recorded.
    pub fn recorded_from(&self, topic: &str, partition: i32) -> i64 {
        self.recorder.as_ref().map_or(0, |recorder| recorder.began_at(topic, partition))
    }

    /// Stops recorder and group watch: a load run has its own, which do not keep every record.
    pub fn stop_observing(&mut self) {
        self.followers.drain(..).for_each(|task| task.abort());
        self.recorder = None;
        self.groups = None;
    }

    /// Ends services, observers and the broker, in this order.
    pub async fn stop(mut self) {
        self.system.stop_all().await;
        self.publisher.flush();
        self.stop_observing();
        let Rig { broker, publisher, .. } = self;
        drop(publisher);
        stop_broker(broker).await;
    }
}

/// Writes down whenever a service is not let in any more, or again: what it did not do then has its reason.
fn watch_logins(broker: &Broker, journal: &Journal, clock: Arc<dyn Clock>) {
    let (journal, out) = (journal.clone(), Mutex::new(BTreeSet::new()));
    broker.on_login(move |service, refused| {
        let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = match refused {
            Some(_) => out.insert(service.to_owned()),
            None => out.remove(service),
        };
        if is_news {
            let refused = refused.map(str::to_owned);
            journal.push(Observation::Login { service: service.into(), refused, at: clock.now() });
        }
    });
}

async fn stop_broker(broker: Arc<Broker>) {
    if let Some(broker) = Arc::into_inner(broker) {
        // At the end of a run a container that will not go is testcontainers' to report.
        let _ = broker.stop().await;
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, SystemError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| SystemError::Machine { what: "a background thread".into(), detail: error.to_string() })
}

async fn count_partitions(contract: &Contract, broker: &Broker) -> Result<Partitions, SystemError> {
    let topics = Topics::of(broker)?;
    let mut partitions = Partitions::new();
    for channel in contract.topics() {
        if let Some(facts) = topics.describe(&channel.topic).await? {
            partitions.insert(channel.topic.clone(), facts.partitions);
        }
    }
    Ok(partitions)
}

fn needs(plan: &RigPlan, counts: &Partitions) -> Vec<GroupNeed> {
    let mut needs = Vec::new();
    for (group, read) in plan.contract.groups() {
        let Some(spec) = plan.system.group(&group) else { continue };
        let mut partitions = Vec::new();
        for topic in read {
            let count = counts.get(&topic).copied().unwrap_or(0);
            partitions.extend((0..count.cast_signed()).map(|partition| (topic.clone(), partition)));
        }
        needs.push(GroupNeed {
            quiet: retry_topics(&plan.contract),
            canaried: spec.canary.iter().filter_map(|name| Some(plan.contract.message(name)?.topic.clone())).collect(),
            effects: effects_of(plan, spec),
            instances: instances_of(plan, &spec.service),
            spec: spec.clone(),
            partitions,
        });
    }
    needs
}

/// A service and those that are another instance of it.
fn instances_of(plan: &RigPlan, service: &str) -> Vec<String> {
    let is_one =
        |one: &&crate::ServiceSpec| one.name == service || (one.like.as_deref() == Some(service) && !one.later);
    plan.system.services.iter().filter(is_one).map(|one| one.name.clone()).collect()
}

/// Nothing is read from these until something fails.
fn retry_topics(contract: &Contract) -> BTreeSet<String> {
    let waits = contract.channels.iter().filter(|channel| contract.is_retry_channel(&channel.name));
    waits.map(|channel| channel.topic.clone()).collect()
}

/// The view in which a canary shows, where the group's offsets do not.
fn effects_of(plan: &RigPlan, spec: &GroupSpec) -> Option<String> {
    let view = plan.system.counting_view(&spec.service).filter(|_| spec.offsets == Offsets::Elsewhere);
    view.filter(|_| spec.canary.is_some()).map(|view| view.name.clone())
}

fn watch_groups(
    broker: &Broker,
    needs: &[GroupNeed],
    journal: &Journal,
    clock: Arc<dyn Clock>,
) -> Result<GroupWatch, SystemError> {
    let groups: Vec<String> = needs.iter().map(|need| need.spec.name.clone()).collect();
    let partitions: Vec<(String, i32)> = needs.iter().flat_map(|need| need.partitions.clone()).collect();
    let journal = journal.clone();
    // Nobody is ever in a group whose partitions are assigned by hand: its state would explain what it does not.
    let by_hand = needs.iter().filter(|need| need.spec.assignment == Assignment::Manual);
    let by_hand: BTreeSet<String> = by_hand.map(|need| need.spec.name.clone()).collect();
    let report = move |event| match event {
        GroupEvent::Changed(Observation::Group { group, .. }) if by_hand.contains(&*group) => {}
        GroupEvent::Changed(change) => journal.push(change),
        // A look at which nothing is new explains nothing.
        GroupEvent::Asking { .. } | GroupEvent::Answered { .. } => {}
    };
    Ok(GroupWatch::start(broker, &groups, &partitions, GROUPS_EVERY, clock, report)?)
}
