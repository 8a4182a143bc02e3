//! What records and requests have in common: the topics of their events, and a lane for each kind of them.

use std::collections::BTreeMap;
use std::time::Duration;

use eventproof_evidence::ledger::Leg;

use super::asides::Aside;
use super::model::missing;
use crate::collector::Lane;
use crate::profile::Profile;
use crate::run::{LoadError, LoadSetup};

/// What the system publishes for each event that is sent.
#[derive(Clone, Debug)]
pub(crate) struct Derived {
    pub leg: Leg,
    pub message: String,
    pub topic: String,
}

/// Topics, views and lanes, as far as they are known.
pub(super) struct Ground {
    pub topics: Vec<String>,
    pub partitions: BTreeMap<String, u32>,
    /// (view, group)
    pub views: Vec<(String, String)>,
    /// How late a view may show an effect.
    pub effect_error: Duration,
    /// What follows from each event.
    pub derived: Vec<Derived>,
    /// Groups of which only their positions are seen.
    pub committing: Vec<String>,
    pub lanes: Vec<Lane>,
    /// Where else events may be.
    pub asides: Vec<Aside>,
}

impl Ground {
    /// The views to watch with their groups; no topic yet.
    pub fn of(setup: &LoadSetup<'_>, profile: &Profile) -> Result<Ground, LoadError> {
        let mut views = Vec::new();
        let mut error = Duration::ZERO;
        for name in &profile.effects {
            let view = setup.rig.system.spec().view(name).ok_or_else(|| missing("view", name))?;
            if let eventproof_system::ViewKind::Journal(journal) = &view.kind {
                error = error.max(journal.every);
            }
            views.push((name.clone(), view.group.clone()));
        }
        let (topics, partitions) = (Vec::new(), BTreeMap::new());
        let committing = profile.committing(setup.rig.system.spec()).into_iter().map(str::to_owned).collect();
        let (lanes, asides) = (Vec::new(), Vec::new());
        let derived = derived(setup, profile, 1 + views.len())?;
        Ok(Ground { topics, partitions, views, effect_error: error, derived, committing, lanes, asides })
    }

    /// Takes a topic up, once; returns how many partitions it has.
    pub fn add_topic(&mut self, setup: &LoadSetup<'_>, topic: &str) -> Result<u32, LoadError> {
        let partitions = setup.rig.partitions_of(topic).ok_or_else(|| missing("topic on the broker", topic))?;
        if self.partitions.insert(topic.to_owned(), partitions).is_none() {
            self.topics.push(topic.to_owned());
        }
        Ok(partitions)
    }

    /// Adds the lane of a message; of none, if nothing follows. Its legs are the groups that the contract says consume it.
    pub fn add_lane(&mut self, setup: &LoadSetup<'_>, arm: usize, order: u64, message: Option<&str>) {
        let consumes = |group: &str, message| {
            setup.contract.receivers(message).any(|operation| operation.group.as_deref() == Some(group))
        };
        let groups = self.views.iter().map(|(_, group)| message.is_some_and(|name| consumes(group, name)));
        let follow = self.derived.iter().map(|_| message.is_some());
        let legs = std::iter::once(message.is_some()).chain(groups).chain(follow).collect();
        message.into_iter().for_each(|name| self.add_asides(setup, self.lanes.len(), name));
        let deadline = |group: &str, message| {
            let mut receivers = setup.contract.receivers(message);
            let receiver = receivers.find(|one| one.group.as_deref() == Some(group));
            // What the view shows late is not late by that.
            receiver.and_then(|one| one.deadline).map(|deadline| deadline + self.effect_error)
        };
        let deadlines = self.views.iter().map(|(_, group)| message.and_then(|name| deadline(group, name)));
        let deadlines = std::iter::once(None).chain(deadlines).collect();
        let committing = self.committing.iter().map(|group| message.is_some_and(|name| consumes(group, name)));
        let committing = committing.collect();
        self.lanes.push(Lane { arm, order, keyed: true, legs, committing, deadlines });
    }

    /// The records of the lane that was added last have no key.
    pub fn without_key(&mut self) {
        self.lanes.last_mut().into_iter().for_each(|lane| lane.keyed = false);
    }
}

fn derived(setup: &LoadSetup<'_>, profile: &Profile, first: Leg) -> Result<Vec<Derived>, LoadError> {
    let of = |(leg, name): (Leg, &String)| {
        let message = setup.contract.message(name).ok_or_else(|| missing("message", name))?;
        let topic = message.topic.clone();
        setup.rig.partitions_of(&topic).ok_or_else(|| missing("topic on the broker", &topic))?;
        Ok(Derived { leg, message: name.clone(), topic })
    };
    (first..).zip(&profile.follows).map(of).collect()
}
