//! Faults, crash and restart, seen through librdkafka.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::{Duration, Instant};

use common::*;
use eventproof_embedded::{Api, Effect, Fault, Kept, Match};
use rdkafka::Offset;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::FutureRecord;

fn fault(api: Api, topic: Option<&str>, times: Option<u32>, effect: Effect) -> Fault {
    Fault { matcher: Match { api: Some(api), topic: topic.map(str::to_owned), ..Match::default() }, times, effect }
}

const NOT_LEADER: i16 = 6;
const INVALID_RECORD: i16 = 87;

#[tokio::test]
async fn an_error_meets_its_topic_only_and_only_so_often() {
    let broker = broker();
    create_topic(&broker, "hit", 1, &[]).await;
    create_topic(&broker, "spared", 1, &[]).await;
    let faults = broker.faults();
    let id = faults.inject(fault(Api::PRODUCE, Some("hit"), Some(1), Effect::Error(INVALID_RECORD)));
    let producer = producer(&broker, &[]);
    send(&producer, "spared", 0, "k", "v").await;
    let (error, _) = producer.send(FutureRecord::to("hit").key("k").payload("v"), LONG).await.unwrap_err();
    assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::InvalidRecord));
    assert_eq!(faults.met(id), Some(1));
    assert_eq!(send(&producer, "hit", 0, "k", "v").await, (0, 0));
    assert_eq!(faults.clear(id), 1);
}

#[tokio::test]
async fn a_retriable_error_is_retried_by_the_client() {
    let broker = broker();
    create_topic(&broker, "moved", 1, &[]).await;
    let id = broker.faults().inject(fault(Api::PRODUCE, None, Some(2), Effect::Error(NOT_LEADER)));
    assert_eq!(send(&producer(&broker, &[]), "moved", 0, "k", "v").await, (0, 0));
    assert_eq!(broker.faults().met(id), Some(2));
}

#[tokio::test]
async fn a_lost_acknowledgement_doubles_without_idempotence_and_not_with_it() {
    for (idempotent, expected) in [("false", 2), ("true", 1)] {
        let broker = broker();
        create_topic(&broker, "lost-ack", 1, &[]).await;
        broker.faults().inject(fault(Api::PRODUCE, None, Some(1), Effect::AppliedNotAcknowledged));
        let producer = producer(&broker, &[("enable.idempotence", idempotent)]);
        let delivered = send(&producer, "lost-ack", 0, "k", "v").await;
        let watcher = consumer(&broker, &[]);
        assert_eq!(watcher.fetch_watermarks("lost-ack", 0, LONG).unwrap(), (0, expected));
        assert_eq!(delivered, (0, expected - 1), "idempotence {idempotent}");
    }
}

#[tokio::test]
async fn a_delay_delays_and_a_disconnect_is_survived() {
    let broker = broker();
    create_topic(&broker, "slow", 1, &[]).await;
    let producer = producer(&broker, &[]);
    send(&producer, "slow", 0, "k", "v").await;
    let delay = broker.faults().inject(fault(Api::PRODUCE, None, Some(1), Effect::Delay(Duration::from_millis(300))));
    let started = Instant::now();
    send(&producer, "slow", 0, "k", "v").await;
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert_eq!(broker.faults().met(delay), Some(1));
    let cut = broker.faults().inject(fault(Api::PRODUCE, None, Some(1), Effect::Disconnect));
    assert_eq!(send(&producer, "slow", 0, "k", "v").await, (0, 2));
    assert_eq!(broker.faults().met(cut), Some(1));
}

#[tokio::test]
async fn silence_runs_into_the_clients_time_out_and_nothing_is_applied() {
    let broker = broker();
    create_topic(&broker, "silent", 1, &[]).await;
    broker.faults().inject(fault(Api::PRODUCE, None, Some(1), Effect::Silence));
    let producer = producer(&broker, &[("request.timeout.ms", "500"), ("socket.timeout.ms", "1000")]);
    assert_eq!(send(&producer, "silent", 0, "k", "v").await, (0, 0));
}

#[tokio::test]
async fn a_corrupt_batch_is_noticed_and_read_again() {
    let broker = broker();
    create_topic(&broker, "corrupt", 1, &[]).await;
    send_many(&broker, "corrupt", 0, 10, &[]);
    let id = broker.faults().inject(fault(Api::FETCH, Some("corrupt"), Some(1), Effect::CorruptBatch));
    let consumer = reader(&broker, "corrupt", 0, Offset::Beginning, &[("check.crcs", "true")]);
    let mut errors = 0;
    let mut values = Vec::new();
    let deadline = Instant::now() + LONG;
    while values.len() < 10 && Instant::now() < deadline {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => values.push(plain(&message).2.unwrap()),
            Some(Err(_)) => errors += 1,
            None => {}
        }
    }
    assert_eq!(broker.faults().met(id), Some(1));
    assert!(errors > 0, "the client did not notice");
    assert_eq!(values, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_kept_of_acknowledged_records_may_be_nothing_twice_or_altered() {
    let broker = broker();
    create_topic(&broker, "kept", 1, &[]).await;
    let producer = producer(&broker, &[("enable.idempotence", "true")]);
    for (kept, value) in [(Kept::Nothing, "gone"), (Kept::Twice, "twin"), (Kept::Altered, "lost")] {
        let id = broker.faults().inject(fault(Api::PRODUCE, Some("kept"), Some(1), Effect::Keep(kept)));
        send(&producer, "kept", 0, "k", value).await;
        assert_eq!(broker.faults().met(id), Some(1));
        send(&producer, "kept", 0, "k", "whole").await;
    }
    let consumer = reader(&broker, "kept", 0, Offset::Beginning, &[("check.crcs", "true")]);
    let (mut values, deadline) = (Vec::new(), Instant::now() + LONG);
    while values.len() < 6 && Instant::now() < deadline {
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            values.push(plain(&message.unwrap()).2.unwrap());
        }
    }
    assert_eq!(values, ["whole", "twin", "twin", "whole", "losu", "whole"]);
}

#[tokio::test]
async fn a_throttle_holds_the_rate() {
    let broker = broker();
    create_topic(&broker, "narrow", 1, &[]).await;
    let producer = producer(&broker, &[]);
    send(&producer, "narrow", 0, "k", "v").await;
    let throttle = Effect::Throttle { bytes_per_sec: 20_000 };
    broker.faults().inject(fault(Api::PRODUCE, None, None, throttle));
    let value = "x".repeat(10_000);
    let started = Instant::now();
    send(&producer, "narrow", 0, "k", &value).await;
    assert!(started.elapsed() >= Duration::from_millis(450), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_fault_of_one_client_leaves_others_alone() {
    let broker = broker();
    create_topic(&broker, "clients", 1, &[]).await;
    broker.faults().inject(Fault {
        matcher: Match {
            api: Some(Api::from_name("produce").unwrap()),
            client_id: Some("victim".to_owned()),
            ..Match::default()
        },
        times: None,
        effect: Effect::Error(INVALID_RECORD),
    });
    let victim = producer(&broker, &[("client.id", "victim")]);
    let other = producer(&broker, &[("client.id", "other")]);
    assert!(victim.send(FutureRecord::to("clients").key("k").payload("v"), LONG).await.is_err());
    send(&other, "clients", 0, "k", "v").await;
    broker.faults().clear_all();
    send(&victim, "clients", 0, "k", "v").await;
}

#[tokio::test]
async fn a_crash_keeps_the_log_the_groups_and_the_port() {
    let broker = broker();
    create_topic(&broker, "survives", 1, &[]).await;
    let producer = producer(&broker, &[("enable.idempotence", "true")]);
    for n in 0..5 {
        send(&producer, "survives", 0, "k", &n.to_string()).await;
    }
    let member = consumer(&broker, &[("group.id", "g"), ("heartbeat.interval.ms", "100")]);
    member.subscribe(&["survives"]).unwrap();
    for _ in 0..3 {
        let message = loop {
            if let Some(Ok(message)) = member.poll(LONG) {
                break message;
            }
        };
        member.commit_message(&message, CommitMode::Sync).unwrap();
    }
    let address = broker.bootstrap_servers();
    broker.faults().crash().unwrap();
    assert!(std::net::TcpStream::connect(&address).is_err());
    broker.faults().restart().unwrap();
    // The member goes on with the generation it had, the producer with its sequence.
    assert_eq!(send(&producer, "survives", 0, "k", "5").await, (0, 5));
    let mut next = 3;
    while next < 6 {
        if let Some(Ok(message)) = member.poll(LONG) {
            assert_eq!(rdkafka::Message::offset(&message), next);
            next += 1;
        }
    }
    let heir = consumer(&broker, &[("group.id", "g")]);
    let mut asked = rdkafka::TopicPartitionList::new();
    asked.add_partition("survives", 0);
    let found = heir.committed_offsets(asked, LONG).unwrap();
    assert_eq!(found.elements()[0].offset(), Offset::Offset(3));
}

#[tokio::test]
async fn a_shifted_clock_stamps_shifted_times() {
    let broker = broker();
    create_topic(&broker, "shifted", 1, &[("message.timestamp.type", "LogAppendTime")]).await;
    let producer = producer(&broker, &[]);
    let hour = Duration::from_secs(3600);
    send(&producer, "shifted", 0, "k", "true").await;
    broker.faults().shift_clock(hour, true);
    send(&producer, "shifted", 0, "k", "ahead").await;
    let consumer = reader(&broker, "shifted", 0, Offset::Beginning, &[]);
    let mut times = Vec::new();
    while times.len() < 2 {
        if let Some(message) = consumer.poll(LONG) {
            times.push(rdkafka::Message::timestamp(&message.unwrap()).to_millis().unwrap());
        }
    }
    assert!(times[1] - times[0] >= 3_600_000, "{times:?}");
}
