//! Everything that is fixed before the first event.

use std::collections::BTreeMap;
use std::time::Duration;

use eventproof_broker::SenderSettings;
use eventproof_contract::{Action, Contract, Generator, Message, event_number};
use eventproof_evidence::At;
use serde_json::Value;

use crate::collector::{Frame, Group, Lane};
use crate::draw::Draw;
use crate::pacer::Pacer;
use crate::profile::{Arm, Pace, Profile, Requests, Stream, Traffic};
use crate::run::{LoadError, LoadSetup};

/// The time from the first record made to the first planned instant.
const LEAD: Duration = Duration::from_millis(500);
/// What a topic takes where nothing is said, and what a producer sends at most: Kafka's own defaults, the lower of both.
const LONGEST_RECORD: usize = 1_000_000;
/// What a record has beside its payload, generously.
const BESIDE_PAYLOAD: usize = 1_000;

/// Everything that is fixed before the first event.
#[derive(Clone)]
pub(crate) struct Plan {
    pub topics: Vec<String>,
    pub partitions: BTreeMap<String, u32>,
    /// (view, group)
    pub views: Vec<(String, String)>,
    pub effect_error: Duration,
    pub pacer: Pacer,
    pub lanes: Vec<Lane>,
    pub draw: Draw,
    pub first_number: u64,
    pub what: What,
}

/// What is sent.
#[derive(Clone)]
pub(crate) enum What {
    Records(Records),
    Requests(Asked),
}

#[derive(Clone)]
pub(crate) struct Records {
    /// By lane.
    pub kinds: Vec<Kind>,
    pub generator: Generator,
    pub producer: SenderSettings,
    /// Whether every payload is exactly as long as was drawn.
    pub exactly: bool,
}

/// The records of one message.
#[derive(Clone)]
pub(crate) struct Kind {
    pub message: String,
    pub partitions: u32,
    pub key_field: Option<String>,
    pub keys: std::sync::Arc<[Value]>,
}

#[derive(Clone)]
pub(crate) struct Asked {
    /// By lane.
    pub arms: Vec<Arm>,
    /// By lane: the message that should follow and the fields by which it is known.
    pub links: Vec<Option<Link>>,
    pub in_flight: usize,
    pub generator: Generator,
}

/// What an event that follows from a request is known by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Link {
    pub message: String,
    /// JSON pointer -> text with placeholders.
    pub fields: BTreeMap<String, String>,
}

impl Plan {
    pub fn new(setup: &LoadSetup<'_>, profile: &Profile) -> Result<Plan, LoadError> {
        let start = setup.rig.clock.now() + LEAD;
        let pacer = match &profile.pace {
            Pace::Steady { rate, events } => Pacer::steady(start, *rate, profile.warm_up, *events),
            Pace::Shape(phases) => Pacer::shaped(start, phases, profile.warm_up),
            Pace::Max { events } => Pacer::max(start, profile.warm_up, *events),
        };
        let (views, effect_error) = views(setup, profile)?;
        let mut plan = Plan {
            topics: Vec::new(),
            partitions: BTreeMap::new(),
            views,
            effect_error,
            pacer,
            lanes: Vec::new(),
            draw: Draw::new(0, &[], crate::draw::Keys::Uniform(1), None, usize::MAX),
            first_number: 0,
            what: What::Requests(Asked {
                arms: Vec::new(),
                links: Vec::new(),
                in_flight: 1,
                generator: setup.rig.generator.fork("load"),
            }),
        };
        match &profile.traffic {
            Traffic::Records(stream) => plan.take_records(setup, stream)?,
            Traffic::Actions(requests) => plan.take_requests(setup, requests)?,
        }
        Ok(plan)
    }

    fn take_records(&mut self, setup: &LoadSetup<'_>, stream: &Stream) -> Result<(), LoadError> {
        let mut generator = setup.rig.generator.fork("load");
        let mut orders: Vec<(String, String)> = Vec::new();
        let mut spaces: Vec<std::sync::Arc<[Value]>> = Vec::new();
        let mut kinds = Vec::new();
        for (name, _) in &stream.messages {
            let message = setup.contract.message(name).ok_or_else(|| missing("message", name))?;
            let key_field = message.envelope.key.as_ref().map(|rule| rule.pointer.clone());
            let place = key_field.clone().unwrap_or_default();
            // Messages of one topic with the same field as their key are about the same things, in one order.
            let order = (message.topic.clone(), place.clone());
            let index = orders.iter().position(|known| *known == order).unwrap_or_else(|| {
                orders.push(order);
                spaces.push((0..stream.keys.count()).map(|_| generator.identity_for(message, &place)).collect());
                orders.len() - 1
            });
            let partitions = self.add_topic(setup, &message.topic)?;
            self.lanes.push(self.lane(&setup.contract, 0, index as u64, Some(name)));
            kinds.push(Kind { message: name.clone(), partitions, key_field, keys: spaces[index].clone() });
        }
        let longest = kinds.iter().filter_map(|kind| setup.contract.message(&kind.message));
        let longest = longest.map(|message| longest_payload(&setup.contract, message)).min().unwrap_or(usize::MAX);
        let weights: Vec<f64> = stream.messages.iter().map(|(_, weight)| *weight).collect();
        let seed = generator.choose(usize::MAX).unwrap_or_default() as u64;
        self.draw = Draw::new(seed, &weights, stream.keys, stream.payload_size, longest);
        let exactly = matches!(stream.payload_size, Some(crate::draw::PayloadSize::Exactly(_)));
        let mut records = Records { kinds, generator, producer: stream.producer.clone(), exactly };
        for lane in 0..records.kinds.len() {
            // One draw of each is used up, to see that it can be made: the events of the run begin behind them.
            let name = records.kinds[lane].message.clone();
            let draft = records.draft(&setup.contract, lane, 0, self.draw.size(0))?;
            let number = draft.event.id.as_deref().and_then(|id| event_number(id, &setup.run_id));
            self.first_number = number.ok_or_else(|| missing("event id in the envelope of", &name))? + 1;
        }
        self.what = What::Records(records);
        Ok(())
    }

    fn take_requests(&mut self, setup: &LoadSetup<'_>, requests: &Requests) -> Result<(), LoadError> {
        let mut links = Vec::new();
        for (index, arm) in requests.arms.iter().enumerate() {
            let spec = setup.rig.system.spec().action(&arm.action).ok_or_else(|| missing("action", &arm.action))?;
            let follows = spec.publishes.as_ref().filter(|_| arm.follow);
            if let Some(follows) = follows {
                let message =
                    setup.contract.message(&follows.message).ok_or_else(|| missing("message", &follows.message))?;
                self.add_topic(setup, &message.topic)?;
            }
            let message = follows.map(|follows| follows.message.as_str());
            self.lanes.push(self.lane(&setup.contract, index, 0, message));
            links
                .push(follows.map(|follows| Link { message: follows.message.clone(), fields: follows.fields.clone() }));
        }
        let generator = setup.rig.generator.fork("load");
        self.what =
            What::Requests(Asked { arms: requests.arms.clone(), links, in_flight: requests.in_flight, generator });
        Ok(())
    }

    fn add_topic(&mut self, setup: &LoadSetup<'_>, topic: &str) -> Result<u32, LoadError> {
        let partitions = setup.rig.partitions_of(topic).ok_or_else(|| missing("topic on the broker", topic))?;
        if self.partitions.insert(topic.to_owned(), partitions).is_none() {
            self.topics.push(topic.to_owned());
        }
        Ok(partitions)
    }

    /// A lane of a message; of none, if nothing follows.
    fn lane(&self, contract: &Contract, arm: usize, order: u64, message: Option<&str>) -> Lane {
        let groups = self.views.iter().map(|(_, group)| message.is_some_and(|name| consumes(contract, group, name)));
        Lane { arm, order, legs: std::iter::once(message.is_some()).chain(groups).collect() }
    }

    pub fn frame(&self, setup: &LoadSetup<'_>, profile: &Profile) -> Frame {
        let read = setup.contract.groups();
        let group = |(_, name): &(String, String)| Group {
            name: name.clone(),
            topics: (0..self.topics.len())
                .filter(|at| read.get(name).is_none_or(|topics| topics.contains(&self.topics[*at])))
                .collect(),
        };
        Frame {
            start: self.pacer.start(),
            measured_from: self.pacer.measured_from(),
            first: self.first_number,
            draw: self.draw.clone(),
            lanes: self.lanes.clone(),
            arms: profile.arms(),
            first_stage: profile.first_stage(),
            topics: self.topics.clone(),
            groups: self.views.iter().map(group).collect(),
            linked: matches!(self.what, What::Requests(_)),
            interval: Frame::interval_of(self.pacer.lasts()),
        }
    }

    pub fn start(&self) -> At {
        self.pacer.start()
    }
}

impl Records {
    /// The next record of a lane, with this key.
    pub fn draft(
        &mut self,
        contract: &Contract,
        lane: usize,
        key: u64,
        size: Option<usize>,
    ) -> Result<eventproof_contract::Draft, LoadError> {
        let kind = &self.kinds[lane];
        let message = contract.message(&kind.message).ok_or_else(|| missing("message", &kind.message))?;
        let key = &kind.keys[key as usize % kind.keys.len()];
        let given: Vec<_> = kind.key_field.iter().map(|field| (field.clone(), key.clone())).collect();
        Ok(match size.filter(|_| !self.exactly) {
            Some(size) => self.generator.record_of_about(contract, message, &given, size)?,
            None => self.generator.record(contract, message, &given, size)?,
        })
    }
}

fn missing(what: &'static str, name: &str) -> LoadError {
    LoadError::Missing { what, name: name.to_owned() }
}

/// The views to watch with their groups, and how late they may show an effect.
fn views(setup: &LoadSetup<'_>, profile: &Profile) -> Result<(Vec<(String, String)>, Duration), LoadError> {
    let mut views = Vec::new();
    let mut error = Duration::ZERO;
    for name in &profile.effects {
        let view = setup.rig.system.spec().view(name).ok_or_else(|| missing("view", name))?;
        if let eventproof_system::ViewKind::Journal(journal) = &view.kind {
            error = error.max(journal.every);
        }
        views.push((name.clone(), view.group.clone()));
    }
    Ok((views, error))
}

/// Whether the contract says that a group consumes a message.
pub(crate) fn consumes(contract: &Contract, group: &str, message: &str) -> bool {
    contract
        .operations
        .iter()
        .filter(|operation| operation.action == Action::Receive && operation.group.as_deref() == Some(group))
        .any(|operation| operation.messages.iter().any(|name| name == message))
}

/// The longest payload that a message's topic takes.
pub(crate) fn longest_payload(contract: &Contract, message: &Message) -> usize {
    let config = contract.channel(&message.channel).and_then(|channel| channel.config.get("max.message.bytes"));
    let limit = config.and_then(|text| text.parse().ok()).unwrap_or(LONGEST_RECORD).min(LONGEST_RECORD);
    limit.saturating_sub(BESIDE_PAYLOAD)
}
