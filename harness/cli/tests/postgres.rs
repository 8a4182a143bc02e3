#![allow(clippy::unwrap_used, clippy::expect_used)]
//! nova-bus with the stores of content, search and messages in PostgreSQL: the pack's own scenarios hold there as on SQLite.

mod support;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use support::{docker_answers, eventproof, project};

const IMAGE: &str = "postgres:15";
const START: Duration = Duration::from_secs(120);

struct Container {
    name: String,
    url: String,
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "--force", "--volumes", &self.name]).output();
    }
}

fn docker(arguments: &[&str]) -> Option<String> {
    let output = Command::new("docker").args(arguments).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

impl Container {
    fn start() -> Container {
        let run = ["run", "--detach", "--env", "POSTGRES_PASSWORD=secret", "--publish", "127.0.0.1::5432", IMAGE];
        let name = docker(&run).expect("no container");
        let address = docker(&["port", &name, "5432/tcp"]).expect("no port");
        let url = format!("postgres://postgres:secret@{}/postgres", address.lines().next().unwrap());
        let container = Container { name, url };
        let began = Instant::now();
        // The server that sets itself up listens on no port.
        while docker(&["exec", &container.name, "pg_isready", "--host", "127.0.0.1"]).is_none() {
            assert!(began.elapsed() < START, "PostgreSQL does not answer");
            std::thread::sleep(Duration::from_millis(200));
        }
        container
    }

    fn ask(&self, sql: &str) -> String {
        docker(&["exec", &self.name, "psql", "--username", "postgres", "--tuples-only", "--no-align", "--command", sql])
            .expect("psql failed")
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

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
    for store in ["content", "search", "messages"] {
        let sqlite = format!("sqlite:{{data}}/{store}.db");
        assert!(system.contains(&sqlite), "system.yaml has no {sqlite} any more");
        system = system.replace(&sqlite, &container.url);
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
