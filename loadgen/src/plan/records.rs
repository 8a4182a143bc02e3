//! Records: a message is a lane, with its keys.

use std::sync::Arc;
use std::time::Duration;

use eventproof_broker::SenderSettings;
use eventproof_contract::{Contract, Draft, Form, Generator, Message, Record, event_number};
use serde_json::Value;

use super::ground::Ground;
use super::limits::longest_payload;
use super::model::missing;
use super::replay::Again;
use crate::draw::{Draw, PayloadSize};
use crate::profile::Stream;
use crate::run::{LoadError, LoadSetup};

/// From how many payloads of a message those of its events are taken: enough that no batch has two that are alike.
const FORMS: usize = 256;

#[derive(Clone)]
pub(crate) struct Records {
    /// By lane.
    pub kinds: Vec<Kind>,
    pub generator: Generator,
    pub producer: SenderSettings,
    pub making: Making,
}

/// How a record is made.
#[derive(Clone)]
pub(crate) enum Making {
    /// By the contract's generator.
    Fresh {
        /// Whether every payload is exactly as long as was drawn.
        exactly: bool,
        /// By lane: what differs from event to event in identities, time and key only. A lane without has each record made
        /// by itself.
        forms: Vec<Arc<[Form]>>,
    },
    /// After one of a trace, in its order.
    Again(Again),
}

/// How many records wait in the client where there is no plan that they could fall behind: batches are full with far fewer, and
/// what waits longer only takes memory, and time that is then measured.
const QUEUE_WITHOUT_PLAN: usize = 10_000;
/// Batches fill by themselves then. An idempotent producer of librdkafka sends nothing more to a partition while five records are
/// under way to it, and asks again and again whether it may, as soon as one has waited for longer than the linger: that takes all
/// of a processor for nothing. So the linger is longer than the queue.
const LINGER_WITHOUT_PLAN: Duration = Duration::from_millis(500);

impl Records {
    /// Settles what the profile leaves open of a producer that sends as fast as it goes.
    pub(super) fn go_without_plan(&mut self) {
        self.producer.queue_records.get_or_insert(QUEUE_WITHOUT_PLAN);
        self.producer.linger.get_or_insert(LINGER_WITHOUT_PLAN);
    }
}

/// The records of one message.
#[derive(Clone)]
pub(crate) struct Kind {
    pub message: String,
    pub partitions: u32,
    pub key_field: Option<String>,
    pub keys: Arc<[Value]>,
}

/// Lays the lanes of records; returns with them what is drawn, and the number of the first event.
pub(super) fn records(
    setup: &LoadSetup<'_>,
    stream: &Stream,
    ground: &mut Ground,
) -> Result<(Records, Draw, u64), LoadError> {
    let mut generator = setup.rig.generator.fork("load");
    let kinds = kinds(setup, stream, ground, &mut generator)?;
    let longest = kinds.iter().filter_map(|kind| setup.contract.message(&kind.message));
    let longest = longest.map(|message| longest_payload(&setup.contract, message)).min().unwrap_or(usize::MAX);
    let weights: Vec<f64> = stream.messages.iter().map(|(_, weight)| *weight).collect();
    let seed = generator.choose(usize::MAX).unwrap_or_default() as u64;
    let draw = Draw::new(seed, &weights, stream.keys, stream.payload_size, longest);
    let exactly = matches!(stream.payload_size, Some(PayloadSize::Exactly(_)));
    let making = Making::Fresh { exactly, forms: Vec::new() };
    let mut records = Records { kinds, generator, producer: stream.producer.clone(), making };
    let mut first = 0;
    for lane in 0..records.kinds.len() {
        // One draw of each is used up, to see that it can be made: the events of the run begin behind them.
        let draft = records.draft(&setup.contract, lane, 0, draw.size(0))?;
        first = number_of(setup, &draft, &records.kinds[lane].message)? + 1;
    }
    if exactly || stream.payload_size.is_none() {
        records.lay_forms(&setup.contract, draw.size(first))?;
    }
    Ok((records, draw, first))
}

fn number_of(setup: &LoadSetup<'_>, draft: &Draft, message: &str) -> Result<u64, LoadError> {
    let number = draft.event.id.as_deref().and_then(|id| event_number(id, &setup.run_id));
    number.ok_or_else(|| missing("event id in the envelope of", message))
}

fn kinds(
    setup: &LoadSetup<'_>,
    stream: &Stream,
    ground: &mut Ground,
    generator: &mut Generator,
) -> Result<Vec<Kind>, LoadError> {
    let mut orders: Vec<(String, String)> = Vec::new();
    let mut spaces: Vec<Arc<[Value]>> = Vec::new();
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
        let partitions = ground.add_topic(setup, &message.topic)?;
        ground.add_lane(setup, 0, index as u64, Some(name));
        if key_field.is_none() {
            ground.without_key();
        }
        kinds.push(Kind { message: name.clone(), partitions, key_field, keys: spaces[index].clone() });
    }
    Ok(kinds)
}

impl Records {
    /// The record of event `number`, which is one of this lane and has this key, with its id. Numbers ascend.
    pub fn make(
        &mut self,
        contract: &Contract,
        draw: &Draw,
        (number, lane, key): (u64, usize, u64),
    ) -> Result<(Record, Option<String>), LoadError> {
        if let Some(form) = self.making.form(lane, number) {
            let filled = self.generator.fill(form, self.kinds[lane].key_text(key));
            let filled = filled.ok_or_else(|| missing("place for the key in records of", &self.kinds[lane].message))?;
            return Ok((filled.record, Some(filled.id)));
        }
        let draft = self.draft(contract, lane, key, draw.size(number))?;
        Ok((draft.record, draft.event.id))
    }

    fn lay_forms(&mut self, contract: &Contract, size: Option<usize>) -> Result<(), LoadError> {
        let laid = self.kinds.iter().map(|kind| {
            let message = contract.message(&kind.message).ok_or_else(|| missing("message", &kind.message))?;
            forms(&mut self.generator, contract, message, kind, size)
        });
        let laid = laid.collect::<Result<_, _>>()?;
        if let Making::Fresh { forms, .. } = &mut self.making {
            *forms = laid;
        }
        Ok(())
    }

    /// The next record of a lane, with this key.
    fn draft(&mut self, contract: &Contract, lane: usize, key: u64, size: Option<usize>) -> Result<Draft, LoadError> {
        let exactly = match &mut self.making {
            Making::Again(again) => return again.draft(contract, &self.generator),
            Making::Fresh { exactly, .. } => *exactly,
        };
        let kind = &self.kinds[lane];
        let message = contract.message(&kind.message).ok_or_else(|| missing("message", &kind.message))?;
        let given: Vec<_> = kind.key_field.iter().cloned().zip(kind.key(key).cloned()).collect();
        Ok(match size.filter(|_| !exactly) {
            Some(size) => self.generator.record_of_about(contract, message, &given, size)?,
            None => self.generator.record(contract, message, &given, size)?,
        })
    }
}

impl Making {
    /// The form of event `number`; none where it is made by itself.
    pub fn form(&self, lane: usize, number: u64) -> Option<&Form> {
        let Making::Fresh { forms, .. } = self else { return None };
        let forms = forms.get(lane)?;
        forms.get((number as usize).checked_rem(forms.len())?)
    }
}

impl Kind {
    /// The text of a key's number; nothing where there is none, or it is no text.
    pub fn key_text(&self, number: u64) -> &str {
        self.key(number).and_then(Value::as_str).unwrap_or_default()
    }

    /// The value of a key's number.
    fn key(&self, number: u64) -> Option<&Value> {
        self.keys.get(number as usize % self.keys.len().max(1))
    }
}

/// The forms of a message; none where it has to be made by itself each time.
fn forms(
    generator: &mut Generator,
    contract: &Contract,
    message: &Message,
    kind: &Kind,
    size: Option<usize>,
) -> Result<Arc<[Form]>, LoadError> {
    let length = |key: &Value| key.as_str().map(str::len);
    let (Some(first), Some(last)) = (kind.keys.first(), kind.keys.last()) else { return Ok(Arc::new([])) };
    if kind.keys.iter().any(|key| length(key).is_none() || length(key) != length(first)) {
        return Ok(Arc::new([]));
    }
    let key = kind.key_field.as_deref().map(|field| (field, [first, last]));
    let made = (0..FORMS).map(|_| generator.form(contract, message, key, size));
    // One that has none says that the message has none, as a rule; then all are made one by one.
    let made = made.collect::<Result<Option<Vec<_>>, _>>()?;
    Ok(made.unwrap_or_default().into())
}
