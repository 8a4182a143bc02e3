//! Requests: an arm is a lane, and each arm's events are known by its link.

use std::collections::BTreeMap;

use eventproof_contract::Generator;

use super::ground::Ground;
use super::model::missing;
use crate::profile::{Arm, Requests};
use crate::run::{LoadError, LoadSetup};

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

/// Lays the lanes of requests.
pub(super) fn requests(setup: &LoadSetup<'_>, requests: &Requests, ground: &mut Ground) -> Result<Asked, LoadError> {
    let mut links = Vec::new();
    for (index, arm) in requests.arms.iter().enumerate() {
        let spec = setup.rig.system.spec().action(&arm.action).ok_or_else(|| missing("action", &arm.action))?;
        let follows = spec.publishes.as_ref().filter(|_| arm.follow);
        if let Some(follows) = follows {
            let message = setup.contract.message(&follows.message);
            let message = message.ok_or_else(|| missing("message", &follows.message))?;
            ground.add_topic(setup, &message.topic)?;
        }
        ground.add_lane(setup, index, 0, follows.map(|follows| follows.message.as_str()));
        links.push(follows.map(|follows| Link { message: follows.message.clone(), fields: follows.fields.clone() }));
    }
    let generator = setup.rig.generator.fork("load");
    Ok(Asked { arms: requests.arms.clone(), links, in_flight: requests.in_flight, generator })
}
