//! Running the program as a user would.

pub mod processes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

#[allow(dead_code)] // not every test binary sends load
pub mod loads;
#[allow(dead_code)] // not every test binary needs a database
pub mod postgres;

/// What one run of the program gave.
#[allow(dead_code)] // not every test binary runs it to its end
pub struct Ran {
    pub code: i32,
    /// Standard output.
    pub result: String,
    /// Standard error.
    pub progress: String,
}

/// The contract of a shop without services: one event on one topic.
#[allow(dead_code)] // not every test binary has a pack of its own
pub const SHOP: &str = "\
asyncapi: 3.0.0
info: {title: shop, version: '1'}
x-eventproof: {envelope: {id: $message.payload#/event_id}}
channels:
  orders:
    address: shop.orders
    bindings: {kafka: {partitions: 1}}
    messages:
      placed:
        name: order.placed
        payload:
          type: object
          required: [event_id, order_id]
          properties: {event_id: {type: string, format: uuid}, order_id: {type: string}}
        x-eventproof: {key: $message.payload#/order_id}
operations:
  tell: {action: send, channel: {$ref: '#/channels/orders'}, x-eventproof: {service: shop, present: false}}
";

/// A pack of the shop in a folder of its own, with files beside its contract; a system without services where they say nothing of it.
#[allow(dead_code)] // the same
pub fn shop(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("asyncapi.yaml", SHOP), ("system.yaml", "system: shop\n")].iter().chain(files) {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// The folder of the project.
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs the program in the project's folder.
#[allow(dead_code)] // the same
pub fn eventproof(arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_eventproof"))
        .args(arguments)
        .current_dir(project())
        .env("NO_COLOR", "1")
        .env_remove("EVENTPROOF_BROKER")
        .env_remove("EVENTPROOF_BROKERS")
        .output()
        .unwrap();
    ran(output)
}

fn ran(output: Output) -> Ran {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), result: text(output.stdout), progress: text(output.stderr) }
}

/// What a program gave that was begun with its output piped, once it has ended.
#[allow(dead_code)] // not every test binary begins what it does not wait for
pub fn ended(child: Child) -> Ran {
    ran(child.wait_with_output().unwrap())
}

/// What a run said: by scenario its outcome, and of the step that ended it code and text.
#[allow(dead_code)] // the same
pub fn said(report: &Path) -> BTreeMap<String, (String, String, String)> {
    let text = std::fs::read_to_string(report.join("result.json")).unwrap();
    let result: serde_json::Value = serde_json::from_str(&text).unwrap();
    let of_scenario = |scenario: &serde_json::Value| {
        let steps = scenario["steps"].as_array().unwrap();
        let finding = steps.iter().rev().map(|step| &step["finding"]).find(|finding| !finding.is_null());
        let of = |name: &str| finding.and_then(|finding| finding[name].as_str()).unwrap_or_default().to_owned();
        (scenario["outcome"].as_str().unwrap().to_owned(), of("code"), of("text"))
    };
    let scenarios = result["scenarios"].as_array().unwrap();
    scenarios.iter().map(|one| (one["name"].as_str().unwrap().to_owned(), of_scenario(one))).collect()
}

/// A scenario's outcome, code, and what the text of its last step says.
pub type Said = (&'static str, &'static str, &'static str, &'static str);

/// Compares what a report says with what is expected of every scenario, by its name.
#[allow(dead_code)] // the same
pub fn compare(ran: &Ran, all: &BTreeMap<String, (String, String, String)>, expected: &[Said]) {
    for (name, outcome, code, says) in expected {
        let (found, found_code, text) = all.get(*name).unwrap_or_else(|| panic!("{name}: {}", ran.progress));
        assert_eq!(found, outcome, "{name}: {text}");
        assert_eq!(found_code, code, "{name}: {text}");
        assert!(text.contains(says), "{name}: {text}");
    }
    assert_eq!(all.len(), expected.len(), "{all:?}");
}

/// Copies a folder with everything in it.
#[allow(dead_code)] // the same
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// A program that runs until it is killed, or this is dropped.
#[allow(dead_code)] // not every test binary kills
pub struct Running(pub std::process::Child);

#[allow(dead_code)]
impl Running {
    /// Starts the program in the project's folder; its standard error is kept.
    pub fn start(arguments: &[&str]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eventproof"));
        command.args(arguments).current_dir(project()).env("NO_COLOR", "1");
        command.env_remove("EVENTPROOF_BROKER").env_remove("EVENTPROOF_BROKERS");
        Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// SIGKILL: nothing of the program gets to run any more.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks again and again until there is an answer, for a minute and a half.
#[allow(dead_code)]
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(90);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(std::time::Instant::now() < deadline, "no {what}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Whether a Docker daemon answers. Where none does, says that a test is skipped, or fails if Docker is required.
#[allow(dead_code, clippy::print_stderr)] // not every test binary needs containers
pub fn docker_answers() -> bool {
    let answer = Command::new("docker").arg("info").output();
    let answers = answer.is_ok_and(|output| output.status.success());
    if !answers {
        assert!(std::env::var("EVENTPROOF_REQUIRE_DOCKER").is_err(), "Docker is required and does not answer");
        eprintln!("skipped: no Docker daemon answers, so there is no Apache Kafka to run on");
    }
    answers
}
