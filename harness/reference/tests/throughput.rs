//! How fast the feed-service is: measured, not judged, on demand: `cargo test --release … --test throughput -- --ignored --nocapture`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod common;

use std::time::Instant;

use common::*;

const EVENTS: usize = 20_000;
const USERS: usize = 500;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn events_of_many_authors_per_second() {
    let kafka = Kafka::start().await;
    let graph = service("graph-service", &[], &[("STORE_URL", "sqlite::memory:")]).await;
    let client = reqwest::Client::new();
    for user in 0..USERS {
        client.put(format!("{}/follows/fan/user-{user}", url(&graph))).send().await.unwrap();
    }
    for chunk in 0..EVENTS / 1000 {
        let written = (0..1000).map(|n| {
            let n = chunk * 1000 + n;
            let (kafka, user) = (&kafka, format!("user-{}", n % USERS));
            async move { kafka.create_post(&format!("e{n}"), &format!("p{n}"), &user).await }
        });
        futures::future::join_all(written).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("feed.db").display());
    let graph_url = url(&graph);
    let variables = kafka.variables(&[
        ("STORE_URL", store.as_str()),
        ("GRAPH_URL", graph_url.as_str()),
        ("AUTO_OFFSET_RESET", "earliest"),
    ]);
    let feed = service("feed-service", &[], &variables).await;
    let base = url(&feed);
    until("the first is handled", || async { !journal_after(&base, 0).await.is_empty() }).await;
    let started = Instant::now();
    let first = journal_after(&base, 0).await.len();
    until("all are handled", || async { !journal_after(&base, EVENTS as i64 - 1).await.is_empty() }).await;
    let took = started.elapsed();
    println!("{} events in {took:?}: {:.0} events/s", EVENTS - first, (EVENTS - first) as f64 / took.as_secs_f64());
    feed.stop().await.unwrap();
    graph.stop().await.unwrap();
}

async fn journal_after(base: &str, seq: i64) -> Vec<serde_json::Value> {
    let (_, journal) = get(&format!("{base}/handled?after={seq}&limit=50000")).await;
    journal["items"].as_array().cloned().unwrap_or_default()
}
