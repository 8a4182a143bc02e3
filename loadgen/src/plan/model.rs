//! The plan, and what the collector must know of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use eventproof_evidence::At;

use super::asides::Aside;
use super::ground::{Derived, Ground};
use super::{Asked, Records, records, replay, requests};
use crate::collector::{Frame, Group, Lane};
use crate::draw::{Draw, Keys};
use crate::machine::resident_mb;
use crate::pacer::Pacer;
use crate::profile::{Pace, Profile, Traffic};
use crate::run::{GROUPS_EVERY, LoadError, LoadSetup};
use crate::shards::Split;

/// The time from the first record made to the first planned instant.
const LEAD: Duration = Duration::from_millis(500);

/// Everything that is fixed before the first event.
#[derive(Clone)]
pub(crate) struct Plan {
    pub topics: Vec<String>,
    pub partitions: BTreeMap<String, u32>,
    /// (view, group)
    pub views: Vec<(String, String)>,
    pub effect_error: Duration,
    /// What follows from each event.
    pub derived: Vec<Derived>,
    /// Groups of which only their positions are seen.
    pub committing: Vec<String>,
    pub pacer: Pacer,
    pub lanes: Vec<Lane>,
    pub draw: Draw,
    pub first_number: u64,
    pub what: What,
    /// Where events may be besides done or on their way.
    pub asides: Vec<Aside>,
    /// Where several processes send this load: which part is this one's.
    pub split: Option<Split>,
}

/// What is sent.
#[derive(Clone)]
pub(crate) enum What {
    Records(Records),
    Requests(Asked),
}

impl Plan {
    pub fn new(setup: &LoadSetup<'_>, profile: &Profile) -> Result<Plan, LoadError> {
        let mut ground = Ground::of(setup, profile)?;
        let mut traced = None;
        let (mut what, draw, first_number) = match &profile.traffic {
            Traffic::Records(stream) => {
                let (records, draw, first) = records::records(setup, stream, &mut ground)?;
                (What::Records(records), draw, first)
            }
            Traffic::Replay(again) => {
                let (records, draw, first, instants) = replay::replay(setup, again, &mut ground)?;
                traced = Some(instants);
                (What::Records(records), draw, first)
            }
            Traffic::Actions(asked) => {
                // Requests take turns: nothing of them is drawn.
                let draw = Draw::new(0, &[], Keys::Uniform(1), None, usize::MAX);
                (What::Requests(requests::requests(setup, asked, &mut ground)?), draw, 0)
            }
        };
        if let (What::Records(records), Pace::Max { .. }) = (&mut what, &profile.pace) {
            records.go_without_plan();
        }
        // Last of all, so that what had to be made before takes nothing from the lead.
        let pacer = pacer(setup.rig.clock.now() + LEAD, profile, traced);
        let Ground { topics, partitions, views, effect_error, derived, committing, lanes, asides } = ground;
        Ok(Plan {
            topics,
            partitions,
            views,
            effect_error,
            derived,
            committing,
            pacer,
            lanes,
            draw,
            first_number,
            what,
            asides,
            split: None,
        })
    }

    pub fn frame(&self, setup: &LoadSetup<'_>, profile: &Profile) -> Frame {
        let read = setup.contract.groups();
        let group = |name: &str| Group {
            name: name.to_owned(),
            topics: (0..self.topics.len())
                .filter(|at| read.get(name).is_none_or(|topics| topics.contains(&self.topics[*at])))
                .collect(),
        };
        Frame {
            start: self.pacer.start(),
            measured_from: self.pacer.measured_from(),
            first: self.first_number,
            draw: self.draw.clone(),
            planned: self.pacer.is_planned(),
            lanes: self.lanes.clone(),
            arms: profile.arms(),
            first_stage: profile.first_stage(),
            topics: self.topics.clone(),
            groups: profile.owed(setup.rig.system.spec()).into_iter().map(group).collect(),
            views: self.views.iter().map(|(view, _)| view.clone()).collect(),
            follows: profile.follows.clone(),
            committing: self.committing.iter().map(|name| group(name)).collect(),
            asked_every: GROUPS_EVERY,
            effect_error: self.effect_error,
            lagging: profile.lagging(setup.rig.system.spec()).into_iter().map(group).collect(),
            linked: matches!(self.what, What::Requests(_)),
            interval: Frame::interval_of(self.pacer.lasts()),
            resident: resident_mb,
            split: self.split.clone(),
            asides: self.asides.clone(),
        }
    }

    pub fn start(&self) -> At {
        self.pacer.start()
    }

    /// Events that are measured in the whole load, by all shards together.
    pub fn measured(&self, profile: &Profile) -> u64 {
        match profile.pace {
            // A shard has a share of them.
            Pace::Max { events } => events,
            Pace::Steady { .. } | Pace::Shape(_) | Pace::Traced => self.pacer.measured(),
        }
    }
}

fn pacer(start: At, profile: &Profile, traced: Option<Arc<[Duration]>>) -> Pacer {
    match &profile.pace {
        Pace::Traced => Pacer::traced(start, traced.unwrap_or_else(|| Arc::new([])), profile.warm_up),
        Pace::Steady { rate, events } => Pacer::steady(start, *rate, profile.warm_up, *events),
        Pace::Shape(phases) => Pacer::shaped(start, phases, profile.warm_up),
        Pace::Max { events } => Pacer::max(start, profile.warm_up, *events),
    }
}

pub(super) fn missing(what: &'static str, name: &str) -> LoadError {
    LoadError::Missing { what, name: name.to_owned() }
}
