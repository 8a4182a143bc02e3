//! Compaction: what is left of a log, and where.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::Offset;
use rdkafka::producer::FutureRecord;

use crate::Target;
use crate::common::*;

const HOUR: i64 = 3_600_000;

pub async fn check(target: &mut Target) {
    for codec in ["none", "lz4"] {
        last_of_each_key(target, codec).await;
    }
}

/// Two hours of records in one segment, an hour later the next: of the first only the last of each key stays.
async fn last_of_each_key(target: &mut Target, codec: &str) {
    let topic = format!("compacted-{codec}");
    let settings = [("cleanup.policy", "compact"), ("segment.ms", "60000"), ("min.cleanable.dirty.ratio", "0.01")];
    create_topic(target, &topic, 1, &settings).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let producer = producer(target, &[("compression.type", codec), ("linger.ms", "20")]);
    let round = async |keys: &[(&str, Option<&str>)], timestamp: i64| {
        let sends: Vec<_> = keys
            .iter()
            .map(|(key, value)| {
                let record = FutureRecord::to(&topic).key(*key).timestamp(timestamp);
                let record = if let Some(value) = value { record.payload(*value) } else { record };
                producer.send_result(record).map_err(|(error, _)| error).unwrap()
            })
            .collect();
        for send in sends {
            send.await.unwrap().unwrap();
        }
    };
    let old = now - 3 * HOUR;
    round(&[("a", Some("1")), ("b", Some("1")), ("c", Some("1"))], old).await;
    round(&[("a", Some("2")), ("b", None), ("a", Some("3"))], old + 1).await;
    round(&[("c", Some("2")), ("d", Some("1"))], old + 2).await;
    round(&[("z", Some("1"))], now - HOUR).await;
    round(&[("a", Some("4")), ("z", Some("2"))], now - HOUR + 1).await;
    // Four of the first segment, the tombstone among them, and three of the one that is written to.
    let deadline = Instant::now() + Duration::from_secs(60);
    let seen = loop {
        let reader = reader(target, &topic, 0, Offset::Beginning, &[("enable.partition.eof", "true")]);
        let mut seen = Vec::new();
        while let Some(Ok(message)) = reader.poll(LONG) {
            seen.push(plain(&message));
        }
        if seen.len() <= 7 || Instant::now() > deadline {
            break seen;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    target.note(&format!("what compaction leaves of records with {codec}"), seen);
    let consumer = reader(target, &topic, 0, Offset::Offset(0), &[]);
    target.note("the first offset after compaction", read(&consumer, 1)[0].0);
}
