//! "The system is running": every group stable and owning its partitions, and seen to handle records on each: by a commit, or
//! where its offsets are kept elsewhere by the effect of a canary. Never a sleep.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use eventproof_broker::{Published, Publisher};
use eventproof_contract::{Contract, Generator, Message};
use eventproof_evidence::{Clock, GroupState, Journal, JournalReader, Observation, Refusal};

use crate::{Assignment, GroupSpec, Offsets, SystemError};

/// A canary that was not handled is followed by another after this time, then after twice as long, and so on: a group
/// that starts at the end of its topic does not see the first, and a slow one must not be buried under them.
const CANARY_AGAIN: Duration = Duration::from_millis(300);

/// What a group must own.
#[derive(Clone, Debug)]
pub struct GroupNeed {
    pub spec: GroupSpec,
    /// Every partition that it must own and handle.
    pub partitions: Vec<(String, i32)>,
    /// The instances of its service: each is a member of the group, and until all have joined, those that have own the
    /// partitions of those that have not.
    pub instances: Vec<String>,
    /// Topics on which it has nothing to handle until something fails: owned, but nothing shows on them.
    pub quiet: BTreeSet<String>,
    /// Topics on which a canary can be sent.
    pub canaried: BTreeSet<String>,
    /// The view that counts its effects, where offsets show nothing.
    pub effects: Option<String>,
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
        canaries.events.insert((topic.to_owned(), partition), event.clone());
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
    /// Which event it was.
    events: BTreeMap<(String, i32), String>,
    last: Option<eventproof_evidence::At>,
    pause: Duration,
}

/// What is known of a group on its way to being ready.
struct Progress<'a> {
    need: &'a GroupNeed,
    state: Option<GroupState>,
    owned: usize,
    members: usize,
    committed: BTreeMap<(String, i32), i64>,
    /// Events that have had their effect, where that is what counts.
    effects: HashSet<String>,
    /// Services that died by themselves and were not started again: (status, last lines).
    dead: BTreeMap<String, (String, Vec<String>)>,
    /// Services that the broker does not let in, with what it answered.
    refused: BTreeMap<String, String>,
}

impl<'a> Progress<'a> {
    fn new(need: &'a GroupNeed) -> Progress<'a> {
        let (committed, effects, dead, refused) = Default::default();
        Progress { need, state: None, owned: 0, members: 0, committed, effects, dead, refused }
    }

    fn observe(&mut self, observation: &Observation) {
        match observation {
            Observation::Group { group, state, owned, members, .. } if **group == *self.need.spec.name => {
                (self.state, self.owned, self.members) = (Some(*state), *owned, members.len());
            }
            Observation::Committed { group, topic, partition, offset, .. } if **group == *self.need.spec.name => {
                self.committed.insert((topic.to_string(), *partition), *offset);
            }
            Observation::Effect { view, event, .. } if self.need.effects.as_deref() == Some(view) => {
                self.effects.insert(event.to_string());
            }
            Observation::Died { service, status, by_us: false, last_lines, .. }
                if self.need.instances.iter().any(|instance| **service == **instance) =>
            {
                self.dead.insert(service.to_string(), (status.clone(), last_lines.clone()));
            }
            Observation::Login { service, refused, .. }
                if self.need.instances.iter().any(|instance| **service == **instance) =>
            {
                match refused {
                    Some(why) => self.refused.insert(service.to_string(), why.clone()),
                    None => self.refused.remove(&**service),
                };
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
        // Of who assigns partitions by hand, Kafka knows nothing.
        if self.need.spec.assignment == Assignment::Manual {
            return true;
        }
        self.state == Some(GroupState::Stable)
            && self.owned >= self.need.partitions.len()
            && self.members >= self.need.instances.len()
    }

    /// Partitions where nothing shows yet that the group handles records: no commit, or none past a canary; or no effect of
    /// one.
    fn unproved(&self, canaries: &Canaries) -> Vec<(String, i32)> {
        let all = self.need.partitions.iter().filter(|(topic, _)| !self.need.quiet.contains(topic));
        let open = all.filter(|place| match self.need.spec.offsets {
            Offsets::Kafka => !self.is_committed(place, canaries),
            Offsets::Elsewhere => !self.is_handled(place, canaries),
        });
        open.cloned().collect()
    }

    fn is_committed(&self, place: &(String, i32), canaries: &Canaries) -> bool {
        let needed = canaries.at.get(place).map_or(0, |offset| offset + 1);
        self.committed.get(place).is_some_and(|committed| *committed >= needed)
    }

    /// Where neither commits nor effects can show anything, the service's own word counts that it is ready.
    fn is_handled(&self, place: &(String, i32), canaries: &Canaries) -> bool {
        let cannot_show = self.need.effects.is_none() || !self.need.canaried.contains(&place.0);
        cannot_show || canaries.events.get(place).is_some_and(|event| self.effects.contains(event))
    }

    fn partitions_of(&self, topic: &str) -> u32 {
        self.need.partitions.iter().filter(|(of, _)| of == topic).count() as u32
    }

    fn detail(&self, canaries: &Canaries) -> String {
        let all = self.need.partitions.len();
        if !self.is_stable() {
            let state = self.state.map_or("unknown", GroupState::in_words);
            let (members, wanted) = (self.members, self.need.instances.len());
            let few = match members < wanted {
                true => format!(", {members} of {wanted} instances are its members"),
                false => String::new(),
            };
            let detail = format!("it is {state}{few}, and its members own {} of {all} partitions", self.owned);
            let refused = |(service, why): (&String, &String)| {
                format!("; {}", Refusal { service: service.clone(), why: why.clone() })
            };
            return self.refused.iter().map(refused).fold(detail, |detail, one| detail + &one);
        }
        let unproved: BTreeSet<_> =
            self.unproved(canaries).into_iter().map(|(topic, partition)| format!("{topic}[{partition}]")).collect();
        let sent = match canaries.at.is_empty() {
            true => "no canary is declared for it",
            false => "canaries were sent",
        };
        let places = unproved.into_iter().collect::<Vec<_>>().join(", ");
        match self.need.spec.offsets {
            Offsets::Kafka if self.need.spec.assignment == Assignment::Manual => {
                format!("it has not committed on {places} ({sent})")
            }
            Offsets::Kafka => format!("it is stable, but has not committed on {places} ({sent})"),
            Offsets::Elsewhere => format!("the last canaries have had no effect on {places} ({sent})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use eventproof_evidence::At;

    use super::*;

    fn need(offsets: Offsets, assignment: Assignment) -> GroupNeed {
        let spec = GroupSpec {
            name: "g".into(),
            service: "s".into(),
            canary: Some("placed".into()),
            within: Duration::from_secs(1),
            session: crate::SHORTEST_SESSION,
            offsets,
            assignment,
        };
        let partitions = vec![("orders".to_owned(), 0), ("orders".to_owned(), 1), ("retry".to_owned(), 0)];
        let of = |topic: &str| BTreeSet::from([topic.to_owned()]);
        GroupNeed {
            spec,
            partitions,
            instances: vec!["s".into()],
            quiet: of("retry"),
            canaried: of("orders"),
            effects: Some("done".into()),
        }
    }

    fn canaries() -> Canaries {
        let place = |partition| ("orders".to_owned(), partition);
        let events = BTreeMap::from([(place(0), "a".to_owned()), (place(1), "b".to_owned())]);
        Canaries { events, at: BTreeMap::from([(place(0), 7), (place(1), 7)]), ..Canaries::default() }
    }

    fn effect(event: &str) -> Observation {
        Observation::Effect { view: "done".into(), event: event.into(), subject: None, at: At::START }
    }

    fn committed(partition: i32, offset: i64) -> Observation {
        Observation::Committed { group: "g".into(), topic: "orders".into(), partition, offset, at: At::START }
    }

    fn open(need: &GroupNeed, seen: &[Observation]) -> Vec<i32> {
        let mut progress = Progress::new(need);
        seen.iter().for_each(|observation| progress.observe(observation));
        progress.unproved(&canaries()).into_iter().map(|(_, partition)| partition).collect()
    }

    #[test]
    fn commits_show_that_a_group_reads_and_nothing_needs_to_be_seen_on_retry_topics() {
        let need = need(Offsets::Kafka, Assignment::Group);
        assert_eq!(open(&need, &[committed(0, 8), committed(1, 7), effect("b")]), [1], "its canary is at 7");
        assert_eq!(open(&need, &[committed(0, 8), committed(1, 8)]), [0; 0]);
    }

    #[test]
    fn where_offsets_are_elsewhere_the_canarys_effect_shows_it_and_no_commit_does() {
        let need = need(Offsets::Elsewhere, Assignment::Group);
        assert_eq!(open(&need, &[committed(0, 8), committed(1, 8), effect("a")]), [1]);
        assert_eq!(open(&need, &[effect("a"), effect("b")]), [0; 0]);
        let blind = GroupNeed { effects: None, ..need };
        assert_eq!(open(&blind, &[]), [0; 0], "the service's own readiness was waited for before");
    }

    #[test]
    fn a_group_is_not_ready_until_every_instance_has_joined() {
        let need = GroupNeed { instances: vec!["s".into(), "s-two".into()], ..need(Offsets::Kafka, Assignment::Group) };
        let group = |members: &[&str]| Observation::Group {
            group: "g".into(),
            state: GroupState::Stable,
            members: members.iter().map(|name| (*name).into()).collect(),
            owned: 3,
            at: At::START,
        };
        let mut progress = Progress::new(&need);
        progress.observe(&group(&["a"]));
        assert!(!progress.is_stable());
        let detail = "it is stable, 1 of 2 instances are its members, and its members own 3 of 3 partitions";
        assert_eq!(progress.detail(&canaries()), detail);
        progress.observe(&group(&["a", "b"]));
        assert!(progress.is_stable());
    }

    #[test]
    fn a_group_whose_service_is_not_let_in_says_so_until_it_is() {
        let need = need(Offsets::Kafka, Assignment::Group);
        let mut progress = Progress::new(&need);
        let login = |refused: Option<&str>| Observation::Login {
            service: "s".into(),
            refused: refused.map(str::to_owned),
            at: At::START,
        };
        let detail = "it is unknown, 0 of 1 instances are its members, and its members own 0 of 3 partitions";
        progress.observe(&login(Some("Authentication failed")));
        let refused = "the broker does not let service \"s\" in: Authentication failed";
        assert_eq!(progress.detail(&canaries()), format!("{detail}; {refused}"));
        progress.observe(&login(None));
        assert_eq!(progress.detail(&canaries()), detail);
    }

    #[test]
    fn nobody_is_waited_for_in_a_group_that_assigns_by_hand() {
        assert!(Progress::new(&need(Offsets::Kafka, Assignment::Manual)).is_stable());
        assert!(!Progress::new(&need(Offsets::Elsewhere, Assignment::Group)).is_stable());
    }
}
