//! Where events may be besides done or on their way: retry topics, in which they wait for another try, and dead-letter topics, in which
//! they end. By group, as the contract says.

use std::collections::{BTreeMap, BTreeSet};

use eventproof_contract::{Contract, Link, Operation};
use eventproof_evidence::ledger::Leg;

use super::ground::Ground;
use crate::run::LoadSetup;

/// A topic in which events of a leg may be found that have no effect.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Aside {
    /// The lanes of the messages of which the contract says so.
    pub lanes: Vec<usize>,
    pub leg: Leg,
    pub topic: String,
    pub end: End,
    /// What links a record there to the event that it was.
    pub link: Link,
}

/// What a record there says of its event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It waits until this group has committed past it.
    Waits { group: String },
    /// The leg's group gave it up.
    Dead,
    /// A group gave it up, this one or another that writes to the same topic.
    DeadOfSeveral,
}

/// Adds the asides of a message on the legs of its groups.
pub(super) fn of_message(contract: &Contract, message: &str, groups: &[&str]) -> Vec<Aside> {
    let mut asides = Vec::new();
    for (leg, group) in (1..).zip(groups) {
        let mut receivers = contract.receivers(message);
        let Some(receiver) = receivers.find(|one| one.group.as_deref() == Some(*group)) else { continue };
        asides.extend(retries(contract, receiver, leg));
        asides.extend(dead_letter(contract, receiver, message, leg));
    }
    asides
}

fn retries(contract: &Contract, receiver: &Operation, leg: Leg) -> Vec<Aside> {
    let Some(topics) = receiver.retry.as_ref().and_then(|retry| retry.topics.as_ref()) else { return Vec::new() };
    let stop = |name: &String| {
        let topic = contract.channel(name)?.topic.clone();
        let group = contract.retry_group(receiver, name)?.to_owned();
        Some(Aside { lanes: Vec::new(), leg, topic, end: End::Waits { group }, link: topics.link.clone() })
    };
    topics.channels.iter().filter_map(stop).collect()
}

fn dead_letter(contract: &Contract, receiver: &Operation, message: &str, leg: Leg) -> Option<Aside> {
    let letter = receiver.dead_letter.as_ref()?;
    let topic = contract.channel(&letter.channel)?.topic.clone();
    let others = contract.receivers(message).filter(|one| one.group != receiver.group);
    let mut same = others.filter(|one| one.dead_letter.as_ref().is_some_and(|other| other.channel == letter.channel));
    let end = if same.next().is_some() { End::DeadOfSeveral } else { End::Dead };
    Some(Aside { lanes: Vec::new(), leg, topic, end, link: letter.link() })
}

impl Ground {
    /// Takes up where else the events of a lane's message may be.
    pub(super) fn add_asides(&mut self, setup: &LoadSetup<'_>, lane: usize, message: &str) {
        let groups: Vec<&str> = self.views.iter().map(|(_, group)| group.as_str()).collect();
        let found = of_message(&setup.contract, message, &groups);
        // A topic that is not on the broker holds nothing.
        for aside in found.into_iter().filter(|aside| setup.rig.partitions_of(&aside.topic).is_some()) {
            add(&mut self.asides, aside, lane);
        }
    }
}

/// Adds an aside for a lane; one that is known has one lane more.
fn add(asides: &mut Vec<Aside>, new: Aside, lane: usize) {
    let same = |known: &Aside| Aside { lanes: Vec::new(), ..known.clone() } == new;
    match asides.iter_mut().find(|known| same(known)) {
        Some(known) => known.lanes.push(lane),
        None => asides.push(Aside { lanes: vec![lane], ..new }),
    }
}

/// The topics of asides, each once.
pub(crate) fn topics(asides: &[Aside]) -> Vec<String> {
    asides.iter().map(|aside| aside.topic.clone()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Groups that read retry topics, each once.
pub(crate) fn readers(asides: &[Aside]) -> Vec<String> {
    let reader = |aside: &Aside| match &aside.end {
        End::Waits { group } => Some((group.clone(), ())),
        End::Dead | End::DeadOfSeveral => None,
    };
    asides.iter().filter_map(reader).collect::<BTreeMap<_, _>>().into_keys().collect()
}
