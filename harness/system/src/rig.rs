//! Everything up and ready: broker, topics, recorder, group watch, services, groups. Scenarios and load both begin here.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use eventproof_broker::{Broker, BrokerChoice, ContractSink, GroupWatch, PartitionCounts, Publisher, Recorder, Topics};
use eventproof_contract::{Contract, Generator};
use eventproof_evidence::{Clock, Journal, Observation};
use tokio::task::JoinHandle;

use crate::registry::Registry;
use crate::{Environment, GroupNeed, Readiness, System, SystemError, SystemSpec};

/// The longest pause between two questions to a view that has nothing new: effects are judged by limits of seconds.
const JOURNAL_IDLE: Duration = Duration::from_millis(160);
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
        let broker = Arc::new(Broker::start(&plan.broker).await?);
        let rig = match Rig::observe(plan, broker.clone(), clock, tell).await {
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
        clock: Arc<dyn Clock>,
        tell: &dyn Fn(&str),
    ) -> Result<Rig, SystemError> {
        let journal = Journal::default();
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
            program: plan.program.clone(),
            data: plan.data.clone(),
            faults: plan.faults.clone(),
        };
        let system = System::prepare(plan.system.clone(), &environment, journal.clone(), clock.clone())?;
        Ok(Rig {
            publisher: Publisher::new(&broker, journal.clone(), clock.clone())?,
            generator: Generator::new(plan.seed, &plan.run_id),
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

    async fn bring_up(&self, tell: &dyn Fn(&str)) -> Result<(), SystemError> {
        tell("starting services");
        self.system.start_all().await?;
        for need in &self.needs {
            tell(&format!("waiting for group {}", need.spec.name));
            self.await_group(need).await?;
        }
        Ok(())
    }

    /// Waits until every group has handled something new, after services or the broker were disturbed.
    pub async fn await_groups_again(&self) -> Result<(), SystemError> {
        // One that does not come back keeps nobody from waiting for the others.
        let mut found = Ok(());
        for need in &self.needs {
            found = found.and(self.readiness(need).await_group_again(need).await);
        }
        found
    }

    async fn await_group(&self, need: &GroupNeed) -> Result<(), SystemError> {
        self.readiness(need).await_group(need).await
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

    /// Waits until every group is ready (again).
    pub async fn await_groups(&self) -> Result<(), SystemError> {
        for need in &self.needs {
            self.await_group(need).await?;
        }
        Ok(())
    }

    /// What every group must own, for those who watch groups themselves.
    pub fn needs(&self) -> &[GroupNeed] {
        &self.needs
    }

    /// How many partitions a topic of the contract has on the broker, whatever the contract declares.
    pub fn partitions_of(&self, topic: &str) -> Option<u32> {
        self.partitions.get(topic).copied()
    }

    /// Writes every effect of the journal views into the journal.
    pub fn follow_effects(&mut self) {
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
        needs.push(GroupNeed { spec: spec.clone(), partitions });
    }
    needs
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
    let report = move |change| journal.push(change);
    Ok(GroupWatch::start(broker, &groups, &partitions, GROUPS_EVERY, clock, report)?)
}
