#![allow(clippy::unwrap_used, clippy::expect_used)]
//! The packs with their services' stores in PostgreSQL: their own scenarios hold there as on SQLite.

mod support;

use std::path::Path;

use support::postgres::{Container, PASSWORD};
use support::{copy, docker_answers, eventproof, project};

/// A table of a service, and how many rows it must have at least.
struct Rows {
    database: &'static str,
    table: &'static str,
    least: u32,
}

const fn rows(database: &'static str, table: &'static str, least: u32) -> Rows {
    Rows { database, table, least }
}

/// Runs scenarios of a pack with these stores in PostgreSQL, each file of SQLite a database; then asks the databases what is there.
fn holds_on_postgres(pack: &str, stores: &[&str], chosen: &[&str], there: &[Rows]) {
    if !docker_answers() {
        return;
    }
    let container = Container::start();
    let folder = tempfile::tempdir().unwrap();
    let (copied, report) = (folder.path().join(pack), folder.path().join("report"));
    copy(&project().join("features").join(pack), &copied);
    move_stores(&copied.join("system.yaml"), stores, &container);
    let names = chosen.iter().flat_map(|name| ["--name", name]);
    let (copied, said) = (copied.to_str().unwrap(), report.to_str().unwrap());
    let run = ["run", copied, "--report", said, "--seed", "7", "--allow-skipped", "sasl"];
    let ran = eventproof(&run.into_iter().chain(names).collect::<Vec<_>>());
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    for Rows { database, table, least } in there {
        let count = container.ask_of(database, &format!("SELECT count(*) FROM {table}"));
        assert!(count.parse::<u32>().unwrap() >= *least, "{database}, {table}: {count}");
    }
    for entry in std::fs::read_dir(&report).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        let said = std::fs::read(entry.path()).unwrap();
        let said = String::from_utf8_lossy(&said).contains(PASSWORD);
        assert!(!said, "the database's password is in {:?}", entry.file_name());
    }
}

fn move_stores(file: &Path, stores: &[&str], container: &Container) {
    let mut system = std::fs::read_to_string(file).unwrap();
    for store in stores {
        let sqlite = format!("sqlite:{{data}}/{store}.db");
        assert!(system.contains(&sqlite), "system.yaml has no {sqlite} any more");
        system = system.replace(&sqlite, &container.database(store));
    }
    std::fs::write(file, system).unwrap();
}

#[test]
fn nova_bus_holds_its_promises_on_postgres() {
    let there = [
        rows("content", r#""content-service".outbox WHERE state = 'published'"#, 10),
        rows("search", r#""search-service".processed"#, 10),
        rows("graph", r#""graph-service".follows"#, 10),
    ];
    holds_on_postgres("nova-bus", &["content", "search", "messages", "identity", "graph"], &[], &there);
}

#[test]
fn todo_holds_its_promises_on_postgres() {
    let there = [
        rows("todo", r#""todo-api".outbox WHERE state = 'published'"#, 10),
        rows("events", r#""event-service".audit"#, 10),
    ];
    let chosen = [
        "every route tells",
        "a duplicate event_id",
        "seen before the creation counts",
        "what is refused tells nothing",
        "a write that is rolled back",
        "feature flag off",
        "in their order",
        "of two instances",
        "what was not told when the service was killed",
        "once it is replayed",
    ];
    holds_on_postgres("todo", &["todo", "quiet", "stranger", "events", "events-v1"], &chosen, &there);
}

#[test]
fn photo_portfolio_holds_its_promises_on_postgres() {
    let there = [
        rows("file", r#""file-service".outbox WHERE state = 'published'"#, 10),
        rows("analytics", r#""analytics-service".events"#, 10),
        rows("notification", r#""notification-service".handled"#, 1),
    ];
    let chosen = [
        "an invitation becomes a magic link",
        "who opens a link",
        "under both of its names leads to one link",
        "a dead letter names what is wrong",
        "a project's history is rebuilt",
        "restored by a replay",
        "is refused is dead-lettered, and sent once",
        "photos that are ready are announced once",
        "to be deleted is deleted",
        "uploads to a project keep their order",
        "of two instances",
    ];
    let stores = ["file", "user", "invite", "notification", "analytics"];
    holds_on_postgres("photo-portfolio", &stores, &chosen, &there);
}

#[test]
fn data_platform_holds_its_promises_on_postgres() {
    let stores = [
        "bronze-processor",
        "silver-processor",
        "gold-processor",
        "rule-evaluator",
        "notification-sender",
        "audit-writer",
    ];
    let there = [rows("bronze-processor", r#""bronze-processor".handled"#, 4)];
    let chosen = [
        "one correlation id",
        "comes again",
        "in the order in which",
        "audit store",
        "once it is replayed",
        "of two instances",
    ];
    holds_on_postgres("data-platform", &stores, &chosen, &there);
}

#[test]
fn nova_domain_holds_its_promises_on_postgres() {
    let stores = [
        "nova",
        "feed-service",
        "search-service",
        "notification-service",
        "analytics-service",
        "security-service",
        "rate-limiter",
        "cdn-service",
    ];
    let there = [
        rows("nova", r#""nova-domain".outbox WHERE state = 'published'"#, 10),
        rows("feed-service", r#""feed-service".docs"#, 10),
    ];
    let chosen = [
        "a post reaches the followers' feed",
        "shares, videos and streams",
        "drafts and private posts reach",
        "before its creation is consumed",
        "a change that is consumed before",
        "found",
        "blocked",
        "deleted user",
        "a like that is seen before",
        "comes again",
        "what is rolled back or refused",
        "once it is replayed",
        "of two instances",
    ];
    holds_on_postgres("nova-domain", &stores, &chosen, &there);
}
