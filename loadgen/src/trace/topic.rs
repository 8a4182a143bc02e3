//! A trace from a stretch of a topic: partition by partition in its order, woven together by time.

use std::collections::BTreeMap;
use std::time::Duration;

use eventproof_broker::{Broker, Recorded, read_range};
use eventproof_contract::Contract;

use super::model::{MOST, Trace, Traced};

/// Reads a stretch of a topic; the error says what is wrong with it, in words.
pub(crate) fn of_topic(
    broker: &Broker,
    contract: &Contract,
    topic: &str,
    partitions: u32,
    bounds: (Option<i64>, Option<i64>),
) -> Result<Trace, String> {
    let found = read_range(broker, topic, partitions, bounds, MOST).map_err(|error| error.to_string())?;
    if found.is_empty() {
        return Err(format!("topic \"{topic}\" has no record in that time"));
    }
    woven(found, contract)
}

/// All partitions in one order: by time, and never against the order within a partition, whatever its timestamps say.
fn woven(found: Vec<Recorded>, contract: &Contract) -> Result<Trace, String> {
    let mut latest: BTreeMap<i32, i64> = BTreeMap::new();
    let mut timed: Vec<(i64, Recorded)> = Vec::with_capacity(found.len());
    for recorded in found {
        let at = latest.entry(recorded.partition).or_insert(i64::MIN);
        *at = recorded.timestamp_ms.max(*at);
        timed.push((*at, recorded));
    }
    // A stable sort: what has the same instant stays as it was read.
    timed.sort_by_key(|(at, _)| *at);
    let first = timed.first().map_or(0, |(at, _)| *at);
    let mut unknown = Vec::new();
    let mut records = Vec::with_capacity(timed.len());
    for (at, Recorded { record, partition, offset, .. }) in timed {
        let place = format!("{}[{partition}]@{offset}", record.topic);
        let headers: Vec<(&str, Option<&[u8]>)> =
            record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        let facts = contract.read_facts(&record.topic, record.key.as_deref(), &headers, record.payload.as_deref());
        let at = Duration::from_millis(u64::try_from(at - first).unwrap_or(0));
        match facts.message {
            Some(message) => records.push(Traced { at, message, record, place }),
            None => unknown.push(place),
        }
    }
    match unknown.first() {
        // A trace with holes is another load than the one that was.
        Some(place) => Err(format!(
            "{} of {} records are none of the contract's messages, the first is {place}",
            unknown.len(),
            unknown.len() + records.len()
        )),
        None => Ok(Trace { records }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventproof_contract::Record;

    fn contract() -> Contract {
        crate::testing::contract(
            "\
channels:
  orders: {address: orders, messages: {placed: {name: placed, payload: {type: object}, x-eventproof: {envelope: {type: $message.header#/type}}}}}
",
        )
    }

    fn recorded(partition: i32, offset: i64, timestamp_ms: i64, kind: &str) -> Recorded {
        let headers = vec![("type".to_owned(), Some(kind.to_owned().into()))];
        let record = Record { topic: "orders".to_owned(), key: None, headers, payload: Some("{}".into()) };
        Recorded { record, partition, offset, timestamp_ms }
    }

    #[test]
    fn a_clock_that_goes_back_does_not_turn_the_order_of_a_partition_around() {
        let found = vec![
            recorded(0, 0, 1000, "placed"),
            recorded(0, 1, 5000, "placed"),
            recorded(0, 2, 2000, "placed"),
            recorded(1, 0, 3000, "placed"),
        ];
        let trace = woven(found, &contract()).unwrap();
        let order: Vec<_> = trace.records.iter().map(|one| (one.place.as_str(), one.at.as_millis())).collect();
        assert_eq!(order, [("orders[0]@0", 0), ("orders[1]@0", 2000), ("orders[0]@1", 4000), ("orders[0]@2", 4000)]);
    }

    #[test]
    fn what_the_contract_does_not_know_is_named() {
        let found = vec![recorded(0, 0, 1000, "placed"), recorded(0, 1, 5000, "other")];
        let error = woven(found, &contract()).unwrap_err();
        assert_eq!(error, "1 of 2 records are none of the contract's messages, the first is orders[0]@1");
    }
}
