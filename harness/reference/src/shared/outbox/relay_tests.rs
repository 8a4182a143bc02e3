use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::table::{Counts, NewEvent, Released, SCHEMA, counts, failed_rows, insert, release};
use super::*;
use crate::shared::clock::HandClock;
use crate::shared::kafka::fake::FakePublisher;
use crate::shared::settings::StoreUrl;
use crate::shared::sql::Sql;
use crate::shared::sqlite::Db;
use crate::shared::stop::{Stopper, stop_pair};

struct Bench {
    relay: Relay,
    kafka: Arc<FakePublisher>,
    clock: HandClock,
    stop: Stop,
    _stopper: Stopper,
}

fn bench(faults: OutboxFaults) -> Bench {
    let (stopper, stop) = stop_pair();
    let (kafka, clock) = (Arc::new(FakePublisher::default()), HandClock::new());
    let settings =
        OutboxSettings { poll: Duration::from_secs(5), batch: 100, max_retries: 5, backoff: Duration::from_secs(1) };
    let metrics = Metrics::default();
    declare_metrics(&metrics);
    let relay = Relay {
        db: Db::open(&StoreUrl::SqliteMemory, SCHEMA).unwrap().into(),
        publisher: kafka.clone(),
        settings,
        faults,
        record: Arc::new(plain_record),
        clock: clock.clock(),
        metrics,
        log: Log::silent(),
        came: Came::default(),
    };
    Bench { relay, kafka, clock, stop, _stopper: stopper }
}

fn event(aggregate: &str, number: usize) -> NewEvent {
    NewEvent {
        event_id: format!("{aggregate}-{number}"),
        event_type: "content.post.created",
        aggregate_id: aggregate.into(),
        topic: "nova.content.events".into(),
        key: aggregate.into(),
        payload: format!("{{\"n\":{number}}}"),
        correlation_id: "c".into(),
    }
}

impl Bench {
    async fn write(&self, events: Vec<NewEvent>) {
        let write = move |tx: &dyn Sql| events.iter().try_for_each(|event| insert(tx, event, 0));
        self.relay.db.write(write).await.unwrap();
    }

    async fn drain(&self) {
        self.relay.drain(&self.stop).await.unwrap();
    }

    async fn counts(&self) -> (i64, i64, i64) {
        let Counts { pending, published, failed } = self.relay.db.read(|sql| counts(sql)).await.unwrap();
        (pending, published, failed)
    }

    /// Event ids in the order in which they were published.
    fn published(&self) -> Vec<String> {
        self.kafka.published().iter().map(event_id).collect()
    }
}

fn event_id(record: &OutRecord) -> String {
    let (_, value) = record.headers.iter().find(|(name, _)| name == "event_id").unwrap();
    String::from_utf8(value.clone().unwrap()).unwrap()
}

#[tokio::test]
async fn a_rolled_back_transaction_publishes_nothing() {
    let bench = bench(OutboxFaults::default());
    let rolled_back: Result<(), DbError> = bench
        .relay
        .db
        .write(|tx| {
            insert(tx, &event("p", 1), 0)?;
            tx.run("INSERT INTO no_such_table VALUES (1)", &[])?;
            Ok(())
        })
        .await;
    assert!(rolled_back.is_err());
    bench.drain().await;
    assert_eq!(bench.published(), Vec::<String>::new());
    assert_eq!(bench.counts().await, (0, 0, 0));
}

#[tokio::test]
async fn a_row_is_published_with_key_headers_and_payload_alone() {
    let bench = bench(OutboxFaults::default());
    bench.write(vec![event("p", 1)]).await;
    bench.drain().await;
    let header = |name: &str, value: &str| (name.to_owned(), Some(value.as_bytes().to_vec()));
    let expected = OutRecord {
        partition: None,
        topic: "nova.content.events".into(),
        key: Some(b"p".to_vec()),
        payload: Some(b"{\"n\":1}".to_vec()),
        headers: vec![
            header("event_type", "content.post.created"),
            header("event_id", "p-1"),
            header("correlation_id", "c"),
        ],
    };
    assert_eq!(bench.kafka.published(), [expected]);
    assert_eq!(bench.counts().await, (0, 1, 0));
    bench.drain().await;
    assert_eq!(bench.published().len(), 1, "a published row is not published again");
}

#[tokio::test]
async fn five_hundred_rows_leave_in_one_go_in_batches_of_a_hundred() {
    let bench = bench(OutboxFaults::default());
    bench.write((0..500).map(|n| event(&format!("p{n}"), n)).collect()).await;
    bench.drain().await;
    assert_eq!(bench.counts().await, (0, 500, 0));
    assert_eq!(bench.kafka.calls(), 5);
}

#[tokio::test]
async fn a_failure_holds_back_its_own_aggregate_and_no_other() {
    let bench = bench(OutboxFaults::default());
    bench.write(vec![event("a", 1), event("b", 1), event("a", 2), event("b", 2)]).await;
    bench.kafka.fail("a", 1);
    bench.drain().await;
    assert_eq!(bench.published(), ["b-1", "b-2"]);
    assert_eq!(bench.counts().await, (2, 2, 0));
    bench.clock.advance(Duration::from_millis(999));
    bench.drain().await;
    assert_eq!(bench.published().len(), 2, "the backoff has not passed");
    bench.clock.advance(Duration::from_millis(1));
    bench.drain().await;
    assert_eq!(bench.published(), ["b-1", "b-2", "a-1", "a-2"]);
}

#[tokio::test]
async fn after_the_fifth_retry_a_row_stays_as_failed_until_it_is_released() {
    let bench = bench(OutboxFaults::default());
    bench.write(vec![event("a", 1), event("a", 2)]).await;
    bench.kafka.fail("a", 6);
    for attempt in 1..=6 {
        assert_eq!(bench.counts().await.2, 0, "before attempt {attempt}");
        bench.drain().await;
        assert_eq!(bench.kafka.calls(), attempt);
        bench.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(bench.counts().await, (1, 0, 1));
    bench.drain().await;
    assert_eq!(bench.kafka.calls(), 6, "a failed row is not tried again, and holds back its aggregate");
    let failed = bench.relay.db.read(|sql| failed_rows(sql, 10)).await.unwrap();
    assert_eq!((failed[0].event_id.as_str(), failed[0].retries), ("a-1", 5));
    assert!(failed[0].last_error.as_ref().unwrap().contains("nova.content.events"));

    let id = failed[0].id;
    let release_row = move |tx: &dyn Sql| release(tx, id);
    assert_eq!(bench.relay.db.write(release_row).await.unwrap(), Released::Yes);
    assert_eq!(bench.relay.db.write(release_row).await.unwrap(), Released::NotFailed);
    assert_eq!(bench.relay.db.write(|tx| release(tx, 99)).await.unwrap(), Released::Unknown);
    bench.drain().await;
    assert_eq!(bench.published(), ["a-1", "a-2"]);
    assert_eq!(bench.counts().await, (0, 2, 0));
}

#[tokio::test]
async fn the_pause_doubles_with_every_retry_up_to_a_minute() {
    let pauses: Vec<i64> = (1..=9).map(|retry| backoff_ms(Duration::from_secs(1), retry) / 1000).collect();
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
}

#[tokio::test]
async fn the_faults_lose_double_and_turn_round() {
    let three = || vec![event("a", 1), event("a", 2), event("b", 1)];
    let lost = bench(OutboxFaults { lost: true, ..Default::default() });
    lost.write(three()).await;
    lost.drain().await;
    assert_eq!((lost.published().len(), lost.counts().await), (0, (0, 3, 0)));

    let twice = bench(OutboxFaults { twice: true, ..Default::default() });
    twice.write(three()).await;
    twice.drain().await;
    assert_eq!(twice.published(), ["a-1", "a-1", "b-1", "b-1", "a-2", "a-2"]);

    let reorder = bench(OutboxFaults { reorder: true, ..Default::default() });
    reorder.write(three()).await;
    reorder.drain().await;
    assert_eq!(reorder.published(), ["b-1", "a-2", "a-1"]);
    assert_eq!(reorder.counts().await, (0, 3, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever fails and however often: in the end every row is on the topic once, in the order of its aggregate.
    #[test]
    fn no_failure_loses_a_row_or_lets_one_overtake(
        rows in prop::collection::vec(0usize..5, 1..60),
        failures in prop::collection::vec(0usize..5, 5),
        batch in 1u32..20,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut bench = bench(OutboxFaults::default());
            bench.relay.settings.batch = batch;
            let events = rows.iter().enumerate().map(|(n, aggregate)| event(&format!("a{aggregate}"), n)).collect();
            bench.write(events).await;
            for (aggregate, times) in failures.iter().enumerate() {
                bench.kafka.fail(&format!("a{aggregate}"), *times);
            }
            for _ in 0..6 {
                bench.drain().await;
                bench.clock.advance(Duration::from_secs(60));
            }
            let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for (n, aggregate) in rows.iter().enumerate() {
                expected.entry(format!("a{aggregate}")).or_default().push(format!("a{aggregate}-{n}"));
            }
            let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for record in bench.kafka.take() {
                let key = String::from_utf8(record.key.clone().unwrap()).unwrap();
                seen.entry(key).or_default().push(event_id(&record));
            }
            assert_eq!(seen, expected);
            assert_eq!(bench.counts().await, (0, rows.len() as i64, 0));
        });
    }
}
