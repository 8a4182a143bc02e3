//! Services as processes: announcing, ending on a signal, being killed; and the faults that only a process can show.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use common::*;
use tempfile::NamedTempFile;

/// A service in a process of its own; killed when dropped. Its log goes to a file: a pipe that nobody empties would block it.
struct Process {
    child: Child,
    base: String,
    log: NamedTempFile,
}

impl Process {
    fn start(service: &str, faults: &[&str], variables: &[(&str, &str)]) -> Process {
        let log = NamedTempFile::new().unwrap();
        let mut command = Command::new(example());
        command.args(["nova-bus", service]).args(faults.iter().flat_map(|fault| ["--fault", fault]));
        command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(log.reopen().unwrap());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        match line.trim_end().strip_prefix("listening on ") {
            Some(base) => Process { base: base.to_owned(), child, log },
            None => panic!("first line: {line:?}, log: {}", text(&log)),
        }
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end; gives the exit status and the log.
    fn end(mut self) -> (ExitStatus, String) {
        (self.child.wait().unwrap(), text(&self.log))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(log: &NamedTempFile) -> String {
    std::fs::read_to_string(log.path()).unwrap()
}

/// `cargo test` builds the examples beside the tests.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(|deps| deps.parent()).unwrap().join("examples").join("reference_service")
}

struct Bench {
    kafka: Kafka,
    graph: Process,
    folder: tempfile::TempDir,
}

impl Bench {
    async fn start() -> Bench {
        let graph = Process::start("graph-service", &[], &[("STORE_URL", "sqlite::memory:")]);
        Bench { kafka: Kafka::start().await, graph, folder: tempfile::tempdir().unwrap() }
    }

    fn feed(&self, faults: &[&str]) -> Process {
        let store = format!("sqlite:{}", self.folder.path().join("feed.db").display());
        let variables = self.kafka.variables(&[("STORE_URL", &store), ("GRAPH_URL", &self.graph.base)]);
        Process::start("feed-service", faults, &variables)
    }

    async fn follow_alice(&self) {
        let client = reqwest::Client::new();
        let answer = client.put(format!("{}/follows/bob/alice", self.graph.base)).send().await.unwrap();
        assert_eq!(answer.status(), 201);
    }

    /// Writes that many creations at once.
    async fn write(&self, count: usize) {
        let written = (0..count).map(|n| async move {
            self.kafka.create_post(&format!("e{n}"), &format!("p{n}"), "alice").await;
        });
        futures::future::join_all(written).await;
    }

    /// Kills the feed-service while it handles `count` events, starts it again, and gives the ids that were handled in the end.
    async fn kill_in_the_middle(&self, faults: &[&str], count: usize) -> Vec<String> {
        let feed = self.feed(faults);
        until_ready(&feed.base).await;
        self.write(count).await;
        until("the first is handled", || async { !journal(&feed.base).await.is_empty() }).await;
        feed.signal("-KILL");
        assert_eq!(feed.end().0.code(), None, "ended by the signal");
        let feed = self.feed(&[]);
        until_ready(&feed.base).await;
        self.kafka.create_post("last", "p-last", "alice").await;
        until("all is committed", || async {
            journal(&feed.base).await.contains(&"last".to_owned()) && self.kafka.lag() == Some(0)
        })
        .await;
        journal(&feed.base).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_service_killed_in_the_middle_loses_nothing_and_doubles_nothing() {
    let bench = Bench::start().await;
    let events = bench.kill_in_the_middle(&[], 1000).await;
    assert_eq!((events.len(), events.iter().collect::<HashSet<_>>().len()), (1001, 1001));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_commit_before_process_a_kill_loses_what_was_in_hand() {
    let bench = Bench::start().await;
    let events = bench.kill_in_the_middle(&["commit-before-process"], 1000).await;
    assert!(events.len() < 1001, "all {} were handled", events.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sigterm_the_service_finishes_commits_and_says_so() {
    let bench = Bench::start().await;
    let feed = bench.feed(&[]);
    until_ready(&feed.base).await;
    bench.write(50).await;
    until("some are handled", || async { journal(&feed.base).await.len() >= 50 }).await;
    feed.signal("-TERM");
    let (status, log) = feed.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.trim_end().ends_with("INFO feed-service stopped"), "{log}");
    assert!(log.contains("INFO feed-service handled content.post.created post_id=p0 event_id=e0"), "{log}");
    assert_eq!(bench.kafka.lag(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_crash_on_event_the_service_dies_like_a_panic_at_the_first_post_that_somebody_follows() {
    let bench = Bench::start().await;
    bench.follow_alice().await;
    let feed = bench.feed(&["crash-on-event"]);
    until_ready(&feed.base).await;
    bench.write(1).await;
    let (status, log) = feed.end();
    assert_eq!(status.code(), Some(101));
    assert!(log.contains("fatal: cannot handle content.post.created post_id=p0 event_id=e0"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_stalled_the_group_stays_behind_from_the_first_post_on_that_somebody_follows() {
    let bench = Bench::start().await;
    bench.follow_alice().await;
    let feed = bench.feed(&["stalled"]);
    until_ready(&feed.base).await;
    bench.kafka.create_post("e-unfollowed", "p-unfollowed", "carol").await;
    until("one is committed", || async { bench.kafka.lag() == Some(0) }).await;
    bench.write(10).await;
    until("it has stalled", || async { text(&feed.log).contains("stalled at content.post.created") }).await;
    assert_eq!(bench.kafka.lag(), Some(10));
    assert_eq!(journal(&feed.base).await, ["e-unfollowed"]);
    assert_eq!(get(&format!("{}/ready", feed.base)).await.0, 200, "it is still a member");
    feed.signal("-TERM");
    assert_eq!(feed.end().0.code(), Some(0));
}

#[test]
fn a_service_that_cannot_start_says_why_and_announces_nothing() {
    let run = |args: &[&str], variables: &[(&str, &str)]| {
        let output = Command::new(example()).args(args).envs(variables.iter().copied()).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
        String::from_utf8(output.stderr).unwrap().lines().last().unwrap().to_owned()
    };
    let no_graph = run(&["nova-bus", "feed-service"], &[("STORE_URL", "sqlite::memory:")]);
    assert_eq!(no_graph, "GRAPH_URL is not set, expected the URL of the graph-service, such as http://127.0.0.1:8082");
    let bad_fault = run(&["nova-bus", "graph-service", "--fault", "x"], &[]);
    assert_eq!(bad_fault, "service `graph-service` has no fault `x`; known: keeps-deleted, skip-dedup, short-memory");
    let no_redis = run(&["nova-bus", "content-service"], &[("STORE_URL", "redis://h/0")]);
    assert_eq!(no_redis, "content-service cannot keep its data in redis://h/0; it knows sqlite: and postgres:");
}
