//! Everything that is fixed before the first event.

use std::time::Duration;

use eventproof_broker::SenderSettings;
use eventproof_contract::{Generator, event_number};
use eventproof_evidence::At;

use crate::collector::Frame;
use crate::pacer::Pacer;
use crate::profile::Profile;
use crate::run::{LoadError, LoadSetup};

/// The time from the first record made to the first planned instant.
const LEAD: Duration = Duration::from_millis(500);

/// Everything that is fixed before the first event.
#[derive(Clone)]
pub(crate) struct Plan {
    pub message: String,
    pub topic: String,
    pub key_field: Option<String>,
    pub partitions: u32,
    /// (view, group)
    pub views: Vec<(String, String)>,
    pub effect_error: Duration,
    pub first_number: u64,
    pub generator: Generator,
    pub keys: Vec<serde_json::Value>,
    pub payload_size: Option<usize>,
    pub pacer: Pacer,
    pub producer: SenderSettings,
    pub start: At,
    pub warm_up: u64,
    pub total: u64,
}

impl Plan {
    pub fn new(setup: &LoadSetup<'_>, profile: &Profile) -> Result<Plan, LoadError> {
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
        let mut generator = setup.rig.generator.fork("load");
        let key_field = message.envelope.key.as_ref().map(|rule| rule.pointer.clone());
        let place = key_field.as_deref().unwrap_or_default();
        let keys = (0..profile.keys).map(|_| generator.identity_for(message, place)).collect();
        let first = generator.record(&setup.contract, message, &[], profile.payload_size)?;
        let first_number = first.event.id.as_deref().and_then(|id| event_number(id, &setup.run_id));
        let start = setup.rig.clock.now() + LEAD;
        let pacer = Pacer::new(start, profile.rate);
        let warm_up = pacer.count_in(profile.warm_up);
        Ok(Plan {
            message: message.name.clone(),
            topic: message.topic.clone(),
            key_field,
            partitions: setup
                .rig
                .partitions_of(&message.topic)
                .ok_or_else(|| missing("topic on the broker", &message.topic))?,
            views,
            effect_error,
            // The first draft is used up: the events of the run begin behind it.
            first_number: first_number.ok_or_else(|| missing("event id in the envelope of", &message.name))? + 1,
            generator,
            keys,
            payload_size: profile.payload_size,
            pacer,
            producer: profile.producer.clone(),
            start,
            warm_up,
            total: warm_up + profile.events,
        })
    }

    pub fn frame(&self, profile: &Profile) -> Frame {
        Frame {
            start: self.start,
            first: self.first_number,
            first_measured: self.first_number + self.warm_up,
            keys: profile.keys,
            groups: self.views.iter().map(|(_, group)| group.clone()).collect(),
            interval: Frame::interval_of(self.pacer.due(self.total).since(self.start)),
            warm_up: profile.warm_up,
        }
    }
}
