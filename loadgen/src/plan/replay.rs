//! A replay: the lanes of a trace's messages, its keys and instants, and the check that every record can be sent again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use eventproof_contract::{Contract, Draft, Generator, Renamed, event_number};

use super::ground::Ground;
use super::model::missing;
use super::records::{Kind, Making, Records};
use crate::draw::{Draw, Step};
use crate::profile::Replay;
use crate::run::{LoadError, LoadSetup};
use crate::trace::{Replayed, Trace, Traced, of_topic, read_file};

/// How many faults of a trace are told in words.
const FAULTS: usize = 5;

/// Records of a trace on their way to be events again.
#[derive(Clone)]
pub(crate) struct Again {
    trace: Arc<Trace>,
    renamed: Renamed,
    next: usize,
}

/// What a replay sends, which step each event is, the first one's number, and the instants since the begin.
pub(super) type Laid = (Records, Draw, u64, Arc<[Duration]>);

/// Lays the lanes of a replay.
pub(super) fn replay(setup: &LoadSetup<'_>, replay: &Replay, ground: &mut Ground) -> Result<Laid, LoadError> {
    let trace = read(setup, &replay.of)?;
    let generator = setup.rig.generator.fork("load");
    let first = first_number(setup, &generator, &trace)?;
    let (kinds, steps) = lanes(setup, &trace, ground)?;
    let instants = trace.records.iter().map(|record| record.at.div_f64(replay.speed)).collect();
    let making = Making::Again(Again { trace: Arc::new(trace), renamed: Renamed::default(), next: 0 });
    let records = Records { kinds, generator, producer: replay.producer.clone(), making };
    Ok((records, Draw::traced(first, steps.into()), first, instants))
}

fn read(setup: &LoadSetup<'_>, of: &Replayed) -> Result<Trace, LoadError> {
    let trace = match of {
        Replayed::File(path) => read_file(path, &setup.contract).map_err(|faults| faults.render(false)),
        Replayed::Topic { topic, from_ms, to_ms } => {
            let partitions = setup.rig.partitions_of(topic).ok_or_else(|| missing("topic on the broker", topic))?;
            let (broker, contract) = (&setup.rig.broker, &setup.contract);
            tokio::task::block_in_place(|| of_topic(broker, contract, topic, partitions, (*from_ms, *to_ms)))
        }
    };
    trace.map_err(|why| LoadError::Trace { of: of.to_string(), why })
}

/// Makes every record once, to see that it can be made: the events of the run begin behind those.
fn first_number(setup: &LoadSetup<'_>, generator: &Generator, trace: &Trace) -> Result<u64, LoadError> {
    let (mut renamed, mut faults, mut last) = (Renamed::default(), Vec::new(), None);
    for traced in &trace.records {
        match again(&setup.contract, generator, traced, &mut renamed) {
            Ok(draft) => last = draft.event.id.as_deref().and_then(|id| event_number(id, &setup.run_id)),
            Err(error) => faults.push(format!("{}: {error}", traced.place)),
        }
    }
    if !faults.is_empty() {
        let (count, all) = (faults.len(), trace.records.len());
        faults.truncate(FAULTS);
        let why = format!("{count} of {all} records cannot be sent again; the first:\n{}", faults.join("\n"));
        return Err(LoadError::Trace { of: "the trace".to_owned(), why });
    }
    let message = trace.records.last().map_or("", |traced| traced.message.as_str());
    last.map(|last| last + 1).ok_or_else(|| missing("event id in the envelope of", message))
}

fn again(
    contract: &Contract,
    generator: &Generator,
    traced: &Traced,
    renamed: &mut Renamed,
) -> Result<Draft, LoadError> {
    let message = contract.message(&traced.message).ok_or_else(|| missing("message", &traced.message))?;
    Ok(generator.again(contract, message, &traced.record, renamed)?)
}

/// A lane for each message, and each record's lane and key.
fn lanes(setup: &LoadSetup<'_>, trace: &Trace, ground: &mut Ground) -> Result<(Vec<Kind>, Vec<Step>), LoadError> {
    let (mut kinds, mut orders): (Vec<Kind>, Vec<(String, String)>) = (Vec::new(), Vec::new());
    let mut keys: HashMap<Vec<u8>, u64> = HashMap::new();
    let mut steps = Vec::with_capacity(trace.records.len());
    for (number, traced) in trace.records.iter().enumerate() {
        let known = kinds.iter().position(|kind| kind.message == traced.message);
        let lane = match known {
            Some(lane) => lane,
            None => {
                kinds.push(kind(setup, &traced.message, &mut orders, ground)?);
                kinds.len() - 1
            }
        };
        // Without a key there is no order: each record is a key of its own, behind all that are.
        let next = keys.len() as u64;
        let key = traced.record.key.as_ref().map(|key| *keys.entry(key.to_vec()).or_insert(next));
        steps.push(Step { lane: lane as u32, key: key.unwrap_or((1 << 39) + number as u64) });
    }
    Ok((kinds, steps))
}

fn kind(
    setup: &LoadSetup<'_>,
    name: &str,
    orders: &mut Vec<(String, String)>,
    ground: &mut Ground,
) -> Result<Kind, LoadError> {
    let message = setup.contract.message(name).ok_or_else(|| missing("message", name))?;
    let place = message.envelope.key.as_ref().map(ToString::to_string).unwrap_or_default();
    let order = (message.topic.clone(), place);
    let index = orders.iter().position(|known| *known == order).unwrap_or_else(|| {
        orders.push(order);
        orders.len() - 1
    });
    let partitions = ground.add_topic(setup, &message.topic)?;
    ground.add_lane(setup, 0, index as u64, Some(name));
    Ok(Kind { message: name.to_owned(), partitions, key_field: None, keys: Arc::new([]) })
}

impl Again {
    /// The next record of the trace, as an event of its own.
    pub fn draft(&mut self, contract: &Contract, generator: &Generator) -> Result<Draft, LoadError> {
        let trace = self.trace.clone();
        let traced = trace.records.get(self.next).ok_or_else(|| missing("further record in the trace", ""))?;
        self.next += 1;
        again(contract, generator, traced, &mut self.renamed)
    }
}
