#![allow(clippy::unwrap_used, clippy::expect_used)]
//! `run --watch`: a saved file runs again what it touches, a fault is shown, Ctrl-C ends all.

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use support::SHOP;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

const ORDERS: &str = "Feature: Orders\n\n  Scenario: an order\n    When \"order.placed\" is published\n    Then \"order.placed\" follows within 20s\n";
const OTHERS: &str = "Feature: Others\n\n  Scenario: another order\n    When \"order.placed\" is published\n";

/// The program while it watches a pack.
struct Watching {
    child: Child,
    lines: Receiver<String>,
    told: Vec<String>,
}

impl Watching {
    fn begin(pack: &Path) -> Watching {
        let mut child = Command::new(env!("CARGO_BIN_EXE_eventproof"))
            .args(["run", pack.to_str().unwrap(), "--watch", "--report", pack.join("report").to_str().unwrap()])
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
            .env("NO_COLOR", "1")
            .env_remove("EVENTPROOF_BROKER")
            .env_remove("EVENTPROOF_BROKERS")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, lines) = channel();
        let errors = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || errors.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Watching { child, lines, told: Vec::new() }
    }

    /// What is told up to the line that has this text in it.
    fn until(&mut self, text: &str) -> String {
        let from = self.told.len();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no `{text}` after\n{}", self.told.join("\n")));
            self.told.push(line);
            if self.told.last().unwrap().contains(text) {
                return self.told[from..].join("\n");
            }
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // It has ended, unless a test failed.
        let _ = self.child.kill();
    }
}

fn result(pack: &Path) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(pack.join("report/result.json")).unwrap()).unwrap()
}

#[test]
fn a_saved_file_runs_again_what_it_touches_until_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    // Written beside and renamed, as editors do: on a busy machine the file might be read while it is empty.
    let save = |name: &str, text: &str| {
        let beside = folder.path().join(format!("{name}.part"));
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(&beside, folder.path().join(name)).unwrap();
    };
    for (name, text) in [
        ("asyncapi.yaml", SHOP),
        ("system.yaml", "system: shop\n"),
        ("orders.feature", ORDERS),
        ("others.feature", OTHERS),
    ] {
        save(name, text);
    }
    let mut watching = Watching::begin(folder.path());
    watching.until("round 1 ended with exit code 0");
    watching.until("Ctrl-C ends");
    assert_eq!(result(folder.path())["scenarios"].as_array().unwrap().len(), 2);

    // Only the scenarios of the file that was saved, on the system that runs already.
    save("orders.feature", &ORDERS.replace("follows within 20s", "is on its topic only once, watched for 10ms"));
    let told = watching.until("round 2 ended with exit code 0");
    watching.until("Ctrl-C ends");
    assert!(!told.contains("starting the broker"), "{told}");
    let second = result(folder.path());
    assert_eq!(second["scenarios"].as_array().unwrap().len(), 1);
    assert_eq!(second["conformance"]["records"], 1, "the records of the first round were judged then");

    // A fault is shown; what it kept from running runs once it is mended, together with what is saved meanwhile.
    save("others.feature", &OTHERS.replace("order.placed", "order.placd"));
    let told = watching.until("Ctrl-C ends");
    assert!(told.contains("\"order.placd\" is no message of asyncapi.yaml") && !told.contains("round"), "{told}");
    save("others.feature", OTHERS);
    watching.until("round 3 ended with exit code 0");
    watching.until("Ctrl-C ends");

    // The contract: everything, on a system that knows it.
    save("asyncapi.yaml", &SHOP.replace("partitions: 1", "partitions: 2"));
    let told = watching.until("round 4 ended with exit code 0");
    watching.until("Ctrl-C ends");
    assert!(told.contains("the system is brought up anew") && told.contains("starting the broker"), "{told}");
    assert_eq!(result(folder.path())["scenarios"].as_array().unwrap().len(), 2);

    let interrupted = Command::new("kill").args(["-INT", &watching.child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    watching.until("ending services");
    assert_eq!(watching.child.wait().unwrap().code(), Some(0), "that of the last round");
}
