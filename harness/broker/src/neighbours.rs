//! Groups on the broker that are none of the system's: how far behind each of them is, over all topics that it reads. A load
//! that makes others fall behind must be seen by whoever causes it. Only asks, and joins no group.

use std::collections::{BTreeMap, BTreeSet};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use crate::scan::{ANSWER, consumer};
use crate::{Broker, BrokerError};

/// The lag of every group with members, but for `ours`, in offsets: what is behind its committed positions.
///
/// # Errors
/// If the broker does not answer.
pub fn foreign_lags(broker: &Broker, ours: &BTreeSet<String>) -> Result<BTreeMap<String, u64>, BrokerError> {
    let asking = consumer(broker, "eventproof-neighbours")?;
    let listed = asking.fetch_group_list(None, ANSWER).map_err(|error| BrokerError::asked("listing groups", error))?;
    // A group that nobody works in falls behind whatever is done.
    let worked = listed.groups().iter().filter(|group| !group.members().is_empty());
    let names = worked.map(|group| group.name().to_owned()).filter(|name| !ours.contains(name));
    let names: Vec<String> = names.collect();
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let everything = partitions(&asking)?;
    let mut ends: BTreeMap<(String, i32), i64> = BTreeMap::new();
    let mut lags = BTreeMap::new();
    for name in names {
        if let Some(lag) = lag_of(broker, &asking, &name, &everything, &mut ends)? {
            lags.insert(name, lag);
        }
    }
    Ok(lags)
}

/// Every partition of every topic that is not Kafka's own.
fn partitions(asking: &BaseConsumer) -> Result<TopicPartitionList, BrokerError> {
    let metadata = asking.fetch_metadata(None, ANSWER).map_err(|error| BrokerError::asked("listing topics", error))?;
    let mut all = TopicPartitionList::new();
    for topic in metadata.topics().iter().filter(|topic| !topic.name().starts_with("__")) {
        for partition in topic.partitions() {
            all.add_partition(topic.name(), partition.id());
        }
    }
    Ok(all)
}

/// None if it has committed nothing anywhere.
fn lag_of(
    broker: &Broker,
    asking: &BaseConsumer,
    group: &str,
    everything: &TopicPartitionList,
    ends: &mut BTreeMap<(String, i32), i64>,
) -> Result<Option<u64>, BrokerError> {
    let asked = |error| BrokerError::asked(format!("asking for positions of {group}"), error);
    let positions = consumer(broker, group)?.committed_offsets(everything.clone(), ANSWER).map_err(asked)?;
    let mut lag = None;
    for element in positions.elements() {
        let Offset::Offset(committed) = element.offset() else { continue };
        let place = (element.topic().to_owned(), element.partition());
        let end = match ends.get(&place) {
            Some(end) => *end,
            None => {
                let (_, end) = asking.fetch_watermarks(&place.0, place.1, ANSWER).map_err(asked)?;
                *ends.entry(place).or_insert(end)
            }
        };
        lag = Some(lag.unwrap_or(0) + u64::try_from(end - committed).unwrap_or(0));
    }
    Ok(lag)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rdkafka::consumer::CommitMode;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

    use super::*;
    use crate::BrokerChoice;

    /// A member of a group that reads one record, commits it, and no more.
    fn member(broker: &Broker, group: &str) -> BaseConsumer {
        let mut settings = broker.settings.base(group);
        settings.set("group.id", group).set("auto.offset.reset", "earliest").set("enable.auto.commit", "false");
        let member: BaseConsumer = settings.create().unwrap();
        member.subscribe(&["shared"]).unwrap();
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(30) {
            if let Some(Ok(record)) = member.poll(Duration::from_millis(100)) {
                member.commit_message(&record, CommitMode::Sync).unwrap();
                return member;
            }
        }
        panic!("no record came");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_foreign_groups_lag_is_counted_and_ours_and_abandoned_ones_are_not() {
        let broker = Broker::start(&BrokerChoice::default()).await.unwrap();
        let producer: BaseProducer = broker.settings.base("test").create().unwrap();
        let send = |count: u64| {
            (0..count).for_each(|_| producer.send(BaseRecord::to("shared").key("k").payload("x")).unwrap());
            producer.flush(Duration::from_secs(10)).unwrap();
        };
        send(10);
        let members = ["billing", "feed"].map(|group| member(&broker, group));
        drop(member(&broker, "abandoned"));
        let ours = BTreeSet::from(["feed".to_owned()]);
        let lags = || tokio::task::block_in_place(|| foreign_lags(&broker, &ours).unwrap());
        assert_eq!(lags(), BTreeMap::from([("billing".to_owned(), 9)]));
        send(25);
        assert_eq!(lags()["billing"], 34);
        drop(members);
        broker.stop().await.unwrap();
    }
}
