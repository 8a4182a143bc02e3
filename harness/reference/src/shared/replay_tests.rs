use super::*;
use crate::shared::dead_letter::{Unreadable, dead_letter};
use crate::shared::kafka::fake::FakePublisher;
use crate::shared::log::Log;
use crate::shared::settings::StoreUrl;
use crate::shared::sqlite::Db;

fn record() -> Record {
    Record {
        topic: "t".into(),
        partition: 3,
        offset: 7,
        key: Some(b"k".to_vec()),
        payload: Some(vec![0, 0xff]),
        headers: vec![("trace".into(), Some(b"x".to_vec())), ("error".into(), None), ("trace".into(), None)],
        timestamp: None,
    }
}

/// The letter of a record, as it is read.
fn letter_of(record: &Record, offset: i64) -> Record {
    let letter = dead_letter(&Unreadable { record, reason: "why".into() }, "t.dlq", Some("e".into()));
    let OutRecord { topic, key, payload, headers, .. } = letter;
    Record { topic, partition: 1, offset, key, payload, headers, timestamp: None }
}

/// A record as it is read after it was published.
fn read_again(record: OutRecord) -> Record {
    let OutRecord { topic, partition, key, payload, headers } = record;
    Record { topic, partition: partition.unwrap_or_default(), offset: 8, key, payload, headers, timestamp: None }
}

fn replays(kafka: &Arc<FakePublisher>, faults: Faults) -> Replays {
    Replays {
        brokers: Brokers::open("nowhere"),
        client: "c".into(),
        topic: "t.dlq".into(),
        publisher: kafka.clone(),
        marks: Arc::new(Store::from(Db::open(&StoreUrl::SqliteMemory, processed::SCHEMA).unwrap())),
        faults,
        now_ms: Box::new(|| 1_000),
        log: Log::silent(),
    }
}

#[test]
fn what_is_replayed_is_the_record_as_it_was_and_says_so() {
    let record = record();
    let again = Waiting::of(&letter_of(&record, 5), Faults::default()).unwrap().record;
    assert_eq!((again.topic.as_str(), again.partition), ("t", Some(3)));
    assert_eq!((&again.key, &again.payload), (&record.key, &record.payload));
    let (last, before) = again.headers.split_last().unwrap();
    assert_eq!(before, record.headers, "also one that is called as one of a letter's own");
    assert_eq!(last, &(REPLAYED_FROM.to_owned(), Some(b"t.dlq[1]@5".to_vec())));
}

#[test]
fn what_fails_again_is_a_letter_that_stays() {
    let waiting = |letter| Waiting::of(letter, Faults::default());
    let first = letter_of(&record(), 5);
    let second = letter_of(&read_again(waiting(&first).unwrap().record), 6);
    assert_eq!((waiting(&second), event_of(&second).as_deref()), (None, Some("e")));
    assert!(Waiting::of(&second, Faults { loops: true, ..Faults::default() }).is_some());
    let foreign = Record { topic: "t.dlq".into(), ..record() };
    assert_eq!(waiting(&foreign), None, "nobody knows where it came from");
}

#[tokio::test]
async fn a_letter_is_taken_once_and_waits_again_where_kafka_did_not_take_its_record() {
    let kafka = Arc::new(FakePublisher::default());
    let replays = replays(&kafka, Faults::default());
    let waiting = || vec![Waiting::of(&letter_of(&record(), 5), Faults::default()).unwrap()];
    kafka.fail("k", 1);
    let taken = replays.take(waiting()).await.unwrap();
    assert!(matches!(replays.publish(&taken).await, Err(ApiError::Unavailable(_))));
    let taken = replays.take(waiting()).await.unwrap();
    assert_eq!(taken.len(), 1, "it waits again");
    replays.publish(&taken).await.unwrap();
    assert_eq!(kafka.published().len(), 1);
    assert_eq!(replays.take(waiting()).await.unwrap(), []);
}

#[test]
fn a_request_names_an_event_or_none() {
    assert_eq!(wanted(b"").unwrap(), None);
    assert_eq!(wanted(br#"{"event_id": "e"}"#).unwrap().as_deref(), Some("e"));
    assert!(matches!(wanted(br#"{"event_id": 7}"#), Err(ApiError::Invalid(_))));
}
