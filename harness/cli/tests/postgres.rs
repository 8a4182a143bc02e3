#![allow(clippy::unwrap_used, clippy::expect_used)]
//! nova-bus with the stores of content, search, messages and identity in PostgreSQL: the pack's own scenarios hold there as on SQLite.

mod support;

use support::postgres::Container;
use support::{copy, docker_answers, eventproof, project};

#[test]
fn nova_bus_holds_its_promises_on_postgres() {
    if !docker_answers() {
        return;
    }
    let container = Container::start();
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("nova-bus");
    copy(&project().join("features/nova-bus"), &pack);
    let file = pack.join("system.yaml");
    let mut system = std::fs::read_to_string(&file).unwrap();
    for store in ["content", "search", "messages", "identity"] {
        let sqlite = format!("sqlite:{{data}}/{store}.db");
        assert!(system.contains(&sqlite), "system.yaml has no {sqlite} any more");
        system = system.replace(&sqlite, &Container::url(&container.address));
    }
    std::fs::write(&file, system).unwrap();

    let (pack, report) = (pack.to_str().unwrap(), folder.path().join("report"));
    let ran = eventproof(&["run", pack, "--report", report.to_str().unwrap(), "--seed", "7"]);
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    let published = container.ask(r#"SELECT count(*) FROM "content-service".outbox WHERE state = 'published'"#);
    let found = container.ask(r#"SELECT count(*) FROM "search-service".processed"#);
    assert!(published.parse::<u32>().unwrap() > 10 && found.parse::<u32>().unwrap() > 10, "{published}, {found}");
    let said = std::fs::read_to_string(report.join("result.json")).unwrap();
    assert!(!said.contains("secret"), "the database's password is in the report");
}
