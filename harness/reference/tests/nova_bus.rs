//! The system of services on a real broker: HTTP → outbox → topic → feed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod common;

use std::collections::HashSet;
use std::time::Duration;

use common::*;
use eventproof_reference::Running;
use serde_json::json;

/// How long a service may take to end where no broker answers.
const ENDING: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_post_goes_from_the_api_through_outbox_and_topic_into_the_followers_feed() {
    let kafka = Kafka::start().await;
    let graph = service("graph-service", &[], &[("STORE_URL", "sqlite::memory:")]).await;
    let content = service(
        "content-service",
        &[],
        &kafka.variables(&[("STORE_URL", "sqlite::memory:"), ("OUTBOX_POLL_MS", "20")]),
    )
    .await;
    let feed_service = feed_on(&kafka, &url(&graph), "sqlite::memory:").await;
    let (content_url, feed_url) = (url(&content), url(&feed_service));
    until_ready(&feed_url).await;

    let client = reqwest::Client::new();
    assert_eq!(client.put(format!("{}/follows/bob/al%2Fice", url(&graph))).send().await.unwrap().status(), 201);
    let (status, created) =
        post(&format!("{content_url}/posts"), json!({"user_id": "al/ice", "caption": "hello"})).await;
    assert_eq!(status, 201);
    let id = created["post_id"].as_str().unwrap();

    until("the feed shows the post", || async { feed(&feed_url, "bob").await == [id] }).await;
    assert_eq!(handled(&feed_url, id).await, 1);
    assert_eq!(get(&format!("{feed_url}/posts/{id}")).await.1["caption"], "hello");
    let records = kafka.read(&kafka.topic);
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record.key.as_deref(), Some(id));
    assert_eq!(record.header("event_type"), Some("content.post.created"));
    assert_eq!(record.header("correlation_id"), record.header("event_id"));

    // The same record again: skipped. A removal after it: seen in the feed, and a sentinel for the duplicate.
    let headers: Vec<(&str, &str)> = record.headers.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    kafka.write(id, &headers, record.payload.as_deref()).await;
    assert_eq!(client.delete(format!("{content_url}/posts/{id}")).send().await.unwrap().status(), 200);
    until("the post is gone", || async { feed(&feed_url, "bob").await.is_empty() }).await;
    assert_eq!(handled(&feed_url, id).await, 2, "created once, deleted once");
    until("the outbox is empty", || async {
        get(&format!("{content_url}/outbox")).await.1 == json!({"pending": 0, "published": 2, "failed": 0})
    })
    .await;
    until("everything is committed", || async { kafka.lag() == Some(0) }).await;
    until("lag is shown", || async {
        let text = reqwest::get(format!("{feed_url}/metrics")).await.unwrap().text().await.unwrap();
        assert!(text.contains("feed_events_duplicate_total 1\n"), "{text}");
        text.matches("kafka_consumer_lag{").count() == 6
    })
    .await;
    for running in [feed_service, content, graph] {
        running.stop().await.unwrap();
    }
}

async fn feed_on(kafka: &Kafka, graph: &str, store: &str) -> Running {
    service("feed-service", &[], &kafka.variables(&[("STORE_URL", store), ("GRAPH_URL", graph)])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_while_the_feed_service_is_away_is_handled_once_when_it_is_back() {
    let kafka = Kafka::start().await;
    let graph = service("graph-service", &[], &[("STORE_URL", "sqlite::memory:")]).await;
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("feed.db").display());

    let first = feed_on(&kafka, &url(&graph), &store).await;
    until_ready(&url(&first)).await;
    // Nothing was read so far: with `latest` and no commit, a service without fixed positions would skip what follows.
    first.stop().await.unwrap();
    for n in 0..200 {
        kafka.create_post(&format!("e{n}"), &format!("p{n}"), "alice").await;
    }
    let second = feed_on(&kafka, &url(&graph), &store).await;
    let base = url(&second);
    until("all are handled", || async { journal(&base).await.len() >= 200 }).await;
    second.stop().await.unwrap();
    assert_eq!(kafka.lag(), Some(0), "a service that stops has committed what it handled");

    let third = feed_on(&kafka, &url(&graph), &store).await;
    let base = url(&third);
    kafka.create_post("last", "p-last", "alice").await;
    until("the last is handled", || async { journal(&base).await.contains(&"last".to_owned()) }).await;
    let events = journal(&base).await;
    assert_eq!(events.iter().collect::<HashSet<_>>().len(), events.len(), "none was handled twice");
    assert_eq!(events.len(), 201);
    third.stop().await.unwrap();
    graph.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_share_the_partitions_and_handle_every_event_once() {
    let kafka = Kafka::start().await;
    let graph = service("graph-service", &[], &[("STORE_URL", "sqlite::memory:")]).await;
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("feed.db").display());
    let first = feed_on(&kafka, &url(&graph), &store).await;
    until_ready(&url(&first)).await;
    for n in 0..100 {
        kafka.create_post(&format!("a{n}"), &format!("p{n}"), "alice").await;
    }
    let second = feed_on(&kafka, &url(&graph), &store).await;
    until_ready(&url(&second)).await;
    for n in 0..100 {
        kafka.create_post(&format!("b{n}"), &format!("p{n}"), "alice").await;
    }
    first.stop().await.unwrap();
    for n in 0..100 {
        kafka.create_post(&format!("c{n}"), &format!("p{n}"), "alice").await;
    }
    let base = url(&second);
    until("all are handled", || async { journal(&base).await.len() >= 300 }).await;
    until("all is committed", || async { kafka.lag() == Some(0) }).await;
    let events = journal(&base).await;
    assert_eq!((events.len(), events.iter().collect::<HashSet<_>>().len()), (300, 300));
    second.stop().await.unwrap();
    graph.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_cannot_be_read_end_on_the_dead_letter_topic_and_block_nothing() {
    let kafka = Kafka::start().await;
    let graph = service("graph-service", &[], &[("STORE_URL", "sqlite::memory:")]).await;
    let feed_service = feed_on(&kafka, &url(&graph), "sqlite::memory:").await;
    let base = url(&feed_service);
    until_ready(&base).await;
    kafka.write("p1", &[("event_id", "e1")], Some("{}")).await;
    kafka.write("p1", &[("event_type", "content.post.created"), ("event_id", "e2")], None).await;
    kafka.write("p1", &[("event_type", "content.post.liked"), ("event_id", "e3")], Some("{}")).await;
    kafka.create_post("e4", "p1", "alice").await;
    until("what follows is handled", || async { journal(&base).await == ["e4"] }).await;
    until("all is committed", || async { kafka.lag() == Some(0) }).await;
    let dead = kafka.read(&kafka.dlq);
    let shown: Vec<_> = dead.iter().map(|d| (d.key.as_deref(), d.payload.as_deref(), d.header("error"))).collect();
    assert_eq!(
        shown,
        [(Some("p1"), Some("{}"), Some("header event_type is missing")), (Some("p1"), None, Some("the value is null"))]
    );
    assert_eq!(dead[1].header("original_offset"), Some("1"));
    assert_eq!(dead[1].header("event_id"), Some("e2"));
    feed_service.stop().await.unwrap();
    graph.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_graph_service_is_down_events_wait_and_none_is_lost() {
    let kafka = Kafka::start().await;
    let address = lasting_address();
    let graph_url = format!("http://{address}");
    let feed_service = feed_on(&kafka, &graph_url, "sqlite::memory:").await;
    let base = url(&feed_service);
    until_ready(&base).await;
    for n in 0..20 {
        kafka.create_post(&format!("e{n}"), &format!("p{n}"), "alice").await;
    }
    // Five attempts: by then it has gone over to pausing its partitions.
    until("it tries again", || async {
        let text = reqwest::get(format!("{base}/metrics")).await.unwrap().text().await.unwrap();
        let retries = text.lines().find_map(|line| line.strip_prefix("kafka_consumer_batch_retries_total ")).unwrap();
        retries.parse::<u32>().unwrap() >= 5
    })
    .await;
    assert_eq!(journal(&base).await, Vec::<String>::new());
    assert_eq!(get(&format!("{base}/health")).await.0, 200);
    let graph = service("graph-service", &[], &[("STORE_URL", "sqlite::memory:"), ("HTTP_ADDR", &address)]).await;
    until("all are handled", || async { journal(&base).await.len() >= 20 }).await;
    until("all is committed", || async { kafka.lag() == Some(0) }).await;
    assert_eq!(journal(&base).await.len(), 20);
    feed_service.stop().await.unwrap();
    graph.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_service_starts_and_serves_without_kafka_and_without_the_others() {
    let nowhere =
        [("STORE_URL", "sqlite::memory:"), ("KAFKA_BROKERS", "127.0.0.1:1"), ("GRAPH_URL", "http://127.0.0.1:1")];
    let feed_service = service("feed-service", &[], &nowhere).await;
    let content = service("content-service", &[], &nowhere).await;
    let base = url(&feed_service);
    assert_eq!(get(&format!("{base}/health")).await.0, 200);
    let (status, answer) = get(&format!("{base}/ready")).await;
    assert_eq!((status, answer["reason"].as_str()), (503, Some("no partition is assigned to this member")));
    assert_eq!(get(&format!("{base}/feeds/bob")).await, (200, json!({"user": "bob", "items": []})));
    assert_eq!(get(&format!("{base}/nothing")).await.0, 404);
    let (status, _) = post(&format!("{}/posts", url(&content)), json!({"user_id": "alice", "caption": "kept"})).await;
    assert_eq!(status, 201);
    assert_eq!(get(&format!("{}/outbox", url(&content))).await.1["pending"], 1);
    assert_eq!(get(&format!("{}/ready", url(&content))).await.0, 200);
    feed_service.stop().await.unwrap();
    content.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_broker_is_gone_posts_are_taken_and_afterwards_each_is_told_in_order() {
    let kafka = Kafka::start().await;
    let graph = service("graph-service", &[], &[("STORE_URL", "sqlite::memory:")]).await;
    let outbox = [("STORE_URL", "sqlite::memory:"), ("OUTBOX_POLL_MS", "20"), ("OUTBOX_BACKOFF_MS", "100")];
    let content = service("content-service", &[], &kafka.variables(&outbox)).await;
    let feed_service = feed_on(&kafka, &url(&graph), "sqlite::memory:").await;
    let (content_url, feed_url) = (url(&content), url(&feed_service));
    until_ready(&feed_url).await;
    if !kafka.crash() {
        println!("skipped: the broker is not ours to take away");
        return;
    }
    let (_, created) = post(&format!("{content_url}/posts"), json!({"user_id": "alice", "caption": "kept"})).await;
    let id = created["post_id"].as_str().unwrap();
    for status in ["archived", "published", "archived"] {
        let answer = post(&format!("{content_url}/posts/{id}/status"), json!({"new_status": status})).await;
        assert_eq!(answer.0, 200);
    }
    assert_eq!(get(&format!("{feed_url}/health")).await.0, 200);
    kafka.restart();
    until("all four are handled", || async { handled(&feed_url, id).await == 4 }).await;
    assert_eq!(get(&format!("{feed_url}/posts/{id}")).await.1["status"], "archived");
    until("all is committed", || async { kafka.lag() == Some(0) }).await;
    kafka.crash();
    // Without a broker they end all the same, and do not wait the minute that the Kafka client gives a request.
    tokio::time::timeout(ENDING, feed_service.stop()).await.unwrap().unwrap();
    tokio::time::timeout(ENDING, content.stop()).await.unwrap().unwrap();
    graph.stop().await.unwrap();
}
