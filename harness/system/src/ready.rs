//! "The system is running": every group stable and owning its partitions, and seen to handle records on each.
//! Never a sleep.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use eventproof_broker::{Published, Publisher};
use eventproof_contract::{Contract, Generator, Message};
use eventproof_evidence::{Clock, GroupState, Journal, JournalReader, Observation};

use crate::{GroupSpec, SystemError};

/// A canary that was not handled is followed by another after this time, then after twice as long, and so on: a group
/// that starts at the end of its topic does not see the first, and a slow one must not be buried under them.
const CANARY_AGAIN: Duration = Duration::from_millis(300);

/// What a group must own.
#[derive(Clone, Debug)]
pub struct GroupNeed {
    pub spec: GroupSpec,
    /// Every partition that it must own and handle.
    pub partitions: Vec<(String, i32)>,
}

/// Finds out whether groups are ready.
pub struct Readiness {
    pub contract: Arc<Contract>,
    pub publisher: Publisher,
    pub generator: Generator,
    pub journal: Journal,
    pub clock: Arc<dyn Clock>,
}

impl Readiness {
    /// Returns once the group is stable, owns all its partitions, and has committed on each of them.
    pub async fn await_group(&mut self, need: &GroupNeed) -> Result<(), SystemError> {
        self.await_proof(need, Canaries::default()).await
    }

    /// The same after something was disturbed: what was handled before proves nothing now, and a broker that was away may
    /// still count members that have lost it. A group with a canary must handle a new one on each partition of its topic.
    pub async fn await_group_again(&mut self, need: &GroupNeed) -> Result<(), SystemError> {
        let topic =
            need.spec.canary.as_deref().and_then(|name| self.contract.message(name)).map(|one| one.topic.clone());
        let of_topic = need.partitions.iter().filter(|(of, _)| Some(of) == topic.as_ref());
        // No offset is past this one, until a canary has one of its own.
        let at = of_topic.map(|place| (place.clone(), i64::MAX - 1)).collect();
        self.await_proof(need, Canaries { at, ..Canaries::default() }).await
    }

    async fn await_proof(&mut self, need: &GroupNeed, mut canaries: Canaries) -> Result<(), SystemError> {
        let deadline = self.clock.now() + need.spec.within;
        let mut progress = Progress::new(need);
        let mut reader = self.journal.reader(0);
        loop {
            reader.take().iter().for_each(|observation| progress.observe(observation));
            progress.check_alive()?;
            if progress.is_stable() && progress.unproved(&canaries).is_empty() {
                return Ok(());
            }
            if self.clock.now() >= deadline {
                return Err(SystemError::GroupNotReady {
                    group: need.spec.name.clone(),
                    within: need.spec.within,
                    detail: progress.detail(&canaries),
                });
            }
            if progress.is_stable() {
                self.send_canaries(need, &progress, &mut canaries).await?;
            }
            wait(&mut reader).await;
        }
    }

    async fn send_canaries(
        &mut self,
        need: &GroupNeed,
        progress: &Progress<'_>,
        canaries: &mut Canaries,
    ) -> Result<(), SystemError> {
        let Some(name) = &need.spec.canary else { return Ok(()) };
        if canaries.last.is_some_and(|last| self.clock.now().since(last) < canaries.pause) {
            return Ok(());
        }
        canaries.last = Some(self.clock.now());
        canaries.pause = (canaries.pause * 2).max(CANARY_AGAIN);
        let contract = self.contract.clone();
        let Some(message) = contract.message(name) else { return Ok(()) };
        for (topic, partition) in progress.unproved(canaries) {
            if topic == message.topic {
                self.send_canary(message, &topic, partition, progress.partitions_of(&topic), canaries).await?;
            }
        }
        Ok(())
    }

    async fn send_canary(
        &mut self,
        message: &Message,
        topic: &str,
        partition: i32,
        partitions: u32,
        canaries: &mut Canaries,
    ) -> Result<(), SystemError> {
        let failed = |detail: String| SystemError::Machine { what: "a canary for the group".into(), detail };
        // A key that its producer's partitioner puts on this very partition: order and keys stay the contract's.
        let partitioner = self.contract.partitioner_of(message);
        let draft = loop {
            let draft =
                self.generator.record(&self.contract, message, &[], None).map_err(|error| failed(error.to_string()))?;
            let placed = partitioner.partition(draft.record.key.as_deref(), partitions);
            if placed.is_none_or(|placed| i64::from(placed) == i64::from(partition)) {
                break draft;
            }
        };
        let event = draft.event.id.clone().unwrap_or_else(|| format!("canary on {topic}[{partition}]"));
        if let Published::At { partition, offset } =
            self.publisher.publish(&draft.record, Some(partition), &event).await
        {
            canaries.at.insert((topic.to_owned(), partition), offset);
        }
        Ok(())
    }
}

async fn wait(reader: &mut JournalReader) {
    // Deadlines and the next canary are looked at again soon, whatever is observed or not.
    let _ = tokio::time::timeout(Duration::from_millis(50), reader.changed()).await;
}

/// The last canary on each partition: only when that was handled is nothing of ours in the system's way.
#[derive(Default)]
struct Canaries {
    at: BTreeMap<(String, i32), i64>,
    last: Option<eventproof_evidence::At>,
    pause: Duration,
}

/// What is known of a group on its way to being ready.
struct Progress<'a> {
    need: &'a GroupNeed,
    state: Option<GroupState>,
    owned: usize,
    committed: BTreeMap<(String, i32), i64>,
    /// Services that died by themselves and were not started again: (status, last lines).
    dead: BTreeMap<String, (String, Vec<String>)>,
}

impl<'a> Progress<'a> {
    fn new(need: &'a GroupNeed) -> Progress<'a> {
        Progress { need, state: None, owned: 0, committed: BTreeMap::new(), dead: BTreeMap::new() }
    }

    fn observe(&mut self, observation: &Observation) {
        match observation {
            Observation::Group { group, state, owned, .. } if **group == *self.need.spec.name => {
                (self.state, self.owned) = (Some(*state), *owned);
            }
            Observation::Committed { group, topic, partition, offset, .. } if **group == *self.need.spec.name => {
                self.committed.insert((topic.to_string(), *partition), *offset);
            }
            Observation::Died { service, status, by_us: false, last_lines, .. }
                if **service == *self.need.spec.service =>
            {
                self.dead.insert(service.to_string(), (status.clone(), last_lines.clone()));
            }
            Observation::Started { service, .. } => {
                self.dead.remove(&**service);
            }
            _ => {}
        }
    }

    /// A group does not become ready by a service that is dead, so nobody waits for it.
    fn check_alive(&self) -> Result<(), SystemError> {
        let Some((service, (status, last_lines))) = self.dead.iter().next() else { return Ok(()) };
        Err(SystemError::DiedEarly {
            service: service.clone(),
            before: format!("group \"{}\" was ready", self.need.spec.name),
            status: status.clone(),
            last_lines: last_lines.clone(),
        })
    }

    fn is_stable(&self) -> bool {
        self.state == Some(GroupState::Stable) && self.owned >= self.need.partitions.len()
    }

    /// Partitions where nothing shows yet that the group handles records: no commit, or none past a canary.
    fn unproved(&self, canaries: &Canaries) -> Vec<(String, i32)> {
        let proved = |place: &&(String, i32)| {
            let needed = canaries.at.get(*place).map_or(0, |offset| offset + 1);
            self.committed.get(*place).is_some_and(|committed| *committed >= needed)
        };
        self.need.partitions.iter().filter(|place| !proved(place)).cloned().collect()
    }

    fn partitions_of(&self, topic: &str) -> u32 {
        self.need.partitions.iter().filter(|(of, _)| of == topic).count() as u32
    }

    fn detail(&self, canaries: &Canaries) -> String {
        let all = self.need.partitions.len();
        if !self.is_stable() {
            let state = self.state.map_or("unknown", GroupState::in_words);
            return format!("it is {state}, and its members own {} of {all} partitions", self.owned);
        }
        let unproved: BTreeSet<_> =
            self.unproved(canaries).into_iter().map(|(topic, partition)| format!("{topic}[{partition}]")).collect();
        let sent = match canaries.at.is_empty() {
            true => "no canary is declared for it",
            false => "canaries were sent",
        };
        let places = unproved.into_iter().collect::<Vec<_>>().join(", ");
        format!("it is stable, but has not committed on {places} ({sent})")
    }
}
