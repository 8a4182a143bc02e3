//! Records that whoever reads committed ones only does not see: looked for once something is missing, never watched.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eventproof_contract::Contract;
use eventproof_evidence::{At, Journal, Seen};
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::recorder::borrowed;
use crate::scan::read_by;
use crate::{Broker, BrokerError, ContractSink, PartitionCounts};

/// How far back from the end of a partition it looks at most.
const BACK: i64 = 5_000;
/// How long all of it may take: it explains a verdict, and changes none.
const PATIENCE: Duration = Duration::from_secs(5);

/// A record in a transaction that is not committed, or behind one that is open.
#[derive(Clone, Debug, PartialEq)]
pub struct Uncommitted {
    pub record: Seen,
    /// Whether its transaction was aborted; otherwise it, or one before it on the partition, is open.
    pub aborted: bool,
}

/// The first record among the last ones of a topic that is not committed and is what `is_it` says, as the contract reads it; `at` is
/// when it counts as seen. `from`: the first offset of each partition that matters. Blocks, for a few seconds at most.
///
/// # Errors
/// If the broker does not answer, or not everything could be read in time.
pub fn uncommitted(
    broker: &Broker,
    contract: &Arc<Contract>,
    topic: &str,
    from: &[i64],
    at: At,
    is_it: impl Fn(&Seen) -> bool,
) -> Result<Option<Uncommitted>, BrokerError> {
    let until = Instant::now() + PATIENCE;
    let partitions = u32::try_from(from.len()).unwrap_or_default();
    let all = consumer(broker, "read_uncommitted")?;
    let mut sink = ContractSink::new(contract.clone(), Journal::default(), PartitionCounts::default());
    let mut found = Vec::new();
    let recent = |partition: i32, low: i64, high: i64| (first_of(from, partition).max(low).max(high - BACK), high);
    let whole = read_by(&all, topic, partitions, recent, left(until), |message| {
        borrowed(message, |record| found.extend(Some(sink.seen(record, at)).filter(&is_it)));
    })?;
    if !whole {
        return Err(BrokerError::Unread { topic: topic.to_owned(), waited: PATIENCE });
    }
    // What is committed while this reads is no finding.
    for record in found {
        let end = stable_end(broker, topic, record.partition, left(until))?;
        if record.offset >= end {
            return Ok(Some(Uncommitted { record, aborted: false }));
        }
        if !is_committed(broker, &record, left(until))? {
            return Ok(Some(Uncommitted { record, aborted: true }));
        }
    }
    Ok(None)
}

fn consumer(broker: &Broker, isolation: &str) -> Result<BaseConsumer, BrokerError> {
    let mut settings = broker.settings.observer("eventproof-uncommitted", "eventproof-uncommitted");
    settings.set("isolation.level", isolation).set("enable.partition.eof", "true");
    settings.create().map_err(|error| BrokerError::Client(error.to_string()))
}

fn first_of(from: &[i64], partition: i32) -> i64 {
    usize::try_from(partition).ok().and_then(|partition| from.get(partition)).copied().unwrap_or(0)
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

/// Up to where everything is decided: the last stable offset of a partition.
fn stable_end(broker: &Broker, topic: &str, partition: i32, patience: Duration) -> Result<i64, BrokerError> {
    let asked = |error| BrokerError::asked(format!("asking for the last stable offset of {topic}"), error);
    let (_, end) = consumer(broker, "read_committed")?.fetch_watermarks(topic, partition, patience).map_err(asked)?;
    Ok(end)
}

/// Whether whoever reads committed records sees the one that stands there.
fn is_committed(broker: &Broker, record: &Seen, patience: Duration) -> Result<bool, BrokerError> {
    let place = record.place();
    let within = |of: i32, _: i64, high: i64| match of == record.partition {
        true => (record.offset, high.min(record.offset + 1)),
        false => (0, 0),
    };
    let mut is_there = false;
    let partitions = u32::try_from(record.partition + 1).unwrap_or_default();
    let reader = consumer(broker, "read_committed")?;
    let whole = read_by(&reader, &place.topic, partitions, within, patience, |message| {
        is_there |= message.offset() == record.offset;
    })?;
    match whole {
        true => Ok(is_there),
        false => Err(BrokerError::Unread { topic: place.topic, waited: patience }),
    }
}

#[cfg(test)]
mod tests {
    use eventproof_source::Source;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

    use super::*;
    use crate::BrokerChoice;
    use crate::scan::ANSWER;

    const CONTRACT: &str = "\
asyncapi: 3.0.0
info: {title: shop, version: '1'}
x-eventproof: {envelope: {id: $message.payload#/id}}
channels:
  orders: {address: orders, messages: {placed: {name: placed, payload: {type: object, properties: {id: {type: string}}}}}}
";

    /// Whose transaction is not committed, and how it stands.
    fn found(broker: &Broker, id: &str) -> Option<bool> {
        let (contract, _) = Contract::parse(&Source::inline("asyncapi.yaml", CONTRACT)).unwrap();
        let is_it = |seen: &Seen| seen.id.as_deref() == Some(id);
        let from = vec![0; 1];
        uncommitted(broker, &Arc::new(contract), "orders", &from, At::default(), is_it).unwrap().map(|one| one.aborted)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_open_and_what_was_aborted_is_told_apart() {
        let broker = Broker::start(&BrokerChoice::default()).await.unwrap();
        let producer = |id: &str| -> BaseProducer {
            let mut settings = broker.settings.base("test");
            let producer: BaseProducer = settings.set("transactional.id", id).create().unwrap();
            producer.init_transactions(ANSWER).unwrap();
            producer
        };
        let send = |producer: &BaseProducer, id: &str| {
            let payload = format!("{{\"id\":\"{id}\"}}");
            producer.send(BaseRecord::<str, str>::to("orders").key("k").payload(&payload)).unwrap();
            producer.flush(ANSWER).unwrap();
        };
        let (first, second) = (producer("first"), producer("second"));
        first.begin_transaction().unwrap();
        send(&first, "kept");
        first.commit_transaction(ANSWER).unwrap();
        first.begin_transaction().unwrap();
        send(&first, "given up");
        first.abort_transaction(ANSWER).unwrap();
        second.begin_transaction().unwrap();
        send(&second, "waits");
        send(&second, "too");
        let all = |broker: &Broker| ["kept", "given up", "waits", "nobody's"].map(|id| found(broker, id));
        assert_eq!(all(&broker), [None, Some(true), Some(false), None]);
        second.commit_transaction(ANSWER).unwrap();
        assert_eq!(all(&broker), [None, Some(true), None, None]);
        drop((first, second));
        broker.stop().await.unwrap();
    }
}
