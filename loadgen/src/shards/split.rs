//! Which part of a load is a shard's own: the events whose key belongs to one of its partitions.
//!
//! A topic's partition p is read by shard p modulo n, and an event is sent by the shard that reads its key's partition. Both follow
//! from the key alone, so every shard finds the same answer without asking.

use std::sync::Arc;

use eventproof_broker::Share;
use eventproof_contract::{Contract, Expression, Part, Partitioner};
use eventproof_reports::model::Shard;
use eventproof_system::SystemSpec;
use serde_json::Value;

use super::ShardError;
use crate::plan::{Kind, Plan, What};
use crate::profile::{Profile, Traffic};

/// A shard's part of a load.
#[derive(Clone, Debug)]
pub(crate) struct Split {
    share: Share,
    /// By lane: which shard owns each key, from 1.
    owners: Vec<Arc<[u32]>>,
}

/// Why a profile cannot be sent in shards; empty if it can.
pub fn unfit(profile: &Profile, system: &SystemSpec) -> Vec<String> {
    let mut why: Vec<&str> = Vec::new();
    match profile.traffic {
        Traffic::Records(_) => {}
        Traffic::Actions(_) => {
            why.push(
                "an event that follows from another shard's request would be nobody's here, and phantoms could not be counted: shards send records (`message`, `messages`); send requests from one process",
            )
        }
        Traffic::Replay(_) => why.push(
            "events of a replay keep what links them, and each shard would give them new names of its own: shards send records (`message`, `messages`); replay from one process",
        ),
    }
    if !profile.timeline.is_empty() {
        why.push(
            "its `timeline` disturbs what eventproof started, and shards find broker and services running: leave it out, and disturb them where they run",
        );
    }
    let started = profile.effects.iter().filter_map(|view| started(system, view));
    why.into_iter().map(str::to_owned).chain(started).collect()
}

/// Why the effects of a view cannot be seen by shards, if they cannot.
fn started(system: &SystemSpec, view: &str) -> Option<String> {
    let service = &system.view(view)?.service;
    let starts = system.service(service).is_none_or(|service| service.url.is_none());
    starts.then(|| {
        format!(
            "the effects of view \"{view}\" are those of service \"{service}\", which eventproof would start, and a shard starts none: start it yourself and say where it runs (`url: http://host:port` instead of `command` in system.yaml), or leave the view out"
        )
    })
}

impl Plan {
    /// Cuts the plan down to a shard's part. What the parts have in common (keys, draws, numbers) is fixed by now.
    pub fn split(&mut self, contract: &Contract, shard: Shard) -> Result<(), ShardError> {
        let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let share = Share { number: narrow(shard.number), of: narrow(shard.of) };
        let What::Records(records) = &mut self.what else {
            return Err(ShardError::Unfit("requests have no keys to be split by".to_owned()));
        };
        if let Some((topic, partitions)) = self.partitions.iter().find(|(_, partitions)| **partitions < share.of) {
            let detail = format!(
                "topic \"{topic}\" has {partitions} partitions: at most so many shards can share it, not {}",
                share.of
            );
            return Err(ShardError::Unfit(detail));
        }
        let split = Split::new(share, contract, &records.kinds);
        if !self.pacer.is_planned() && split.owns_nothing() {
            let detail = format!(
                "no key belongs to a partition of shard {shard}, and at `rate: max` each shard sends its share of the events: give more `keys`"
            );
            return Err(ShardError::Unfit(detail));
        }
        self.split = Some(split);
        self.pacer.share(shard.number, shard.of);
        records.generator = records.generator.of_process(shard.number, shard.of);
        Ok(())
    }
}

impl Split {
    fn new(share: Share, contract: &Contract, kinds: &[Kind]) -> Split {
        let owners = kinds.iter().map(|kind| {
            let message = contract.message(&kind.message);
            let partitioner = message.map(|message| contract.partitioner_of(message)).unwrap_or_default();
            owners(share.of, &kind.keys, kind.key_field.is_some(), partitioner, kind.partitions)
        });
        Split { share, owners: owners.collect() }
    }

    /// A split by owners as they are given, for tests.
    #[cfg(test)]
    pub fn by_owners(share: Share, owners: Vec<Arc<[u32]>>) -> Split {
        Split { share, owners }
    }

    /// The partitions that the shard reads.
    pub fn share(&self) -> Share {
        self.share
    }

    /// Whether it is the shard that counts what all of them see.
    pub fn is_first(&self) -> bool {
        self.share.number == 1
    }

    /// Whether there is no key whose events the shard sends.
    fn owns_nothing(&self) -> bool {
        self.owners.iter().all(|owners| !owners.contains(&self.share.number))
    }

    /// Whether the shard sends the events of a lane's key.
    pub fn owns(&self, lane: usize, key: u64) -> bool {
        let Some(owners) = self.owners.get(lane).filter(|owners| !owners.is_empty()) else { return false };
        owners[key as usize % owners.len()] == self.share.number
    }

    /// The partition of one of the shard's own events: the key's, or without a key any that the shard reads.
    pub fn place(&self, of_key: Option<i32>, number: u64, partitions: u32) -> Result<Option<i32>, String> {
        match of_key {
            Some(partition) if self.share.has(partition) => Ok(Some(partition)),
            Some(partition) => {
                Err(format!("event {number} belongs to partition {partition}, which is another shard's"))
            }
            None => {
                let first = self.share.number - 1;
                let own = (partitions.saturating_sub(first)).div_ceil(self.share.of.max(1)).max(1);
                Ok(i32::try_from(u64::from(first) + number % u64::from(own) * u64::from(self.share.of)).ok())
            }
        }
    }
}

/// For each key who sends its events. Keys that nothing places are dealt out.
fn owners(of: u32, keys: &[Value], keyed: bool, partitioner: Partitioner, partitions: u32) -> Arc<[u32]> {
    let whole = Expression { part: Part::Payload, pointer: String::new() };
    let owner = |(index, value): (usize, &Value)| {
        let text = whole.read(None, &[], value).filter(|_| keyed);
        let partition = partitioner.partition(text.as_deref().map(str::as_bytes), partitions);
        partition.unwrap_or(index as u32) % of + 1
    };
    keys.iter().enumerate().map(owner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(count: usize) -> Vec<Value> {
        (0..count).map(|index| Value::from(format!("key-{index}"))).collect()
    }

    proptest::proptest! {
        #[test]
        fn whoever_sends_an_event_reads_its_partition(of in 1u32..9, more in 0u32..20, index in 0usize..200) {
            let partitions = of + more;
            let keys = keys(200);
            let owners = owners(of, &keys, true, Partitioner::Murmur2Random, partitions);
            let text = keys[index].as_str().unwrap();
            let partition = Partitioner::Murmur2Random.partition(Some(text.as_bytes()), partitions).unwrap();
            let readers = (1..=of).filter(|number| Share { number: *number, of }.has(partition as i32));
            proptest::prop_assert_eq!(readers.collect::<Vec<_>>(), vec![owners[index]]);
        }

        #[test]
        fn an_event_without_a_key_goes_to_a_partition_that_its_shard_reads(of in 1u32..9, more in 0u32..20, number in 0u64..1000) {
            for shard in 1..=of {
                let split = Split::by_owners(Share { number: shard, of }, vec![]);
                let partition = split.place(None, number, of + more).unwrap().unwrap();
                proptest::prop_assert!(split.share().has(partition) && partition < (of + more) as i32, "{partition}");
            }
        }
    }

    #[test]
    fn keys_without_a_place_are_dealt_out_evenly() {
        let owners = owners(4, &keys(10), false, Partitioner::Murmur2Random, 12);
        assert_eq!(owners.to_vec(), [1, 2, 3, 4, 1, 2, 3, 4, 1, 2]);
    }

    #[test]
    fn an_event_of_anothers_partition_is_never_sent() {
        let split = Split::by_owners(Share { number: 2, of: 3 }, vec![]);
        assert_eq!(split.place(Some(4), 9, 6), Ok(Some(4)));
        assert!(split.place(Some(3), 9, 6).unwrap_err().contains("another shard's"));
    }
}
