#![allow(clippy::unwrap_used, clippy::expect_used)]
//! A pack whose records have schema ids: with the registry of our own, with one that runs already, and begun from both.

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use eventproof_broker::{Broker, BrokerChoice, Topics};
use eventproof_contract::Contract;
use support::{Ran, project};

const PACK: &str = "harness/cli/tests/packs/shop";

/// A broker and a registry in a process of their own.
struct Servers {
    process: Child,
    brokers: String,
    registry: String,
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Servers {
    fn start() -> Servers {
        let mut process = Command::new(env!("CARGO_BIN_EXE_eventproof"))
            .args(["broker", "--listen", "127.0.0.1:0", "--registry", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .current_dir(project())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let registry = lines.next().unwrap().strip_prefix("schema registry at ").unwrap().to_owned();
        let brokers = lines.next().unwrap().strip_prefix("listening on ").unwrap().to_owned();
        Servers { process, brokers, registry }
    }
}

fn eventproof(arguments: &[&str]) -> (i32, String) {
    let Ran { code, progress, result } = support::eventproof(arguments);
    (code, format!("{progress}{result}"))
}

#[test]
fn a_run_brings_its_own_registry_and_registers_every_schema() {
    let report = tempfile::tempdir().unwrap();
    let (code, said) = eventproof(&["run", PACK, "--report", report.path().to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("registering schemas") && said.contains("4 scenarios: 4 held"), "{said}");
    assert!(said.contains("3 records, all as the contract says"), "the invalid one is not counted: {said}");
}

#[test]
fn a_registry_that_runs_already_is_used_compared_and_begun_from() {
    let servers = Servers::start();
    let report = tempfile::tempdir().unwrap();
    let folder = report.path().join("report");
    let at = ["--brokers", &servers.brokers, "--registry", &servers.registry];
    let drift = |registry: &str| {
        eventproof(&["contract", "drift", PACK, "--brokers", &servers.brokers, "--registry", registry])
    };
    let (code, said) = drift(&servers.registry);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("subject \"shop.orders-value\" of \"OrderPlaced\" is not registered [schema-missing]"),
        "{said}"
    );

    // Topics are made by hand: on brokers that are not ours nothing is made.
    make_topics(&servers.brokers);
    let run = ["run", PACK, "--report", folder.to_str().unwrap()];
    let (code, said) = eventproof(&[&run[..], &at[..], &["--name", "framed", "--name", "absolute"]].concat());
    assert_eq!(code, 0, "{said}");
    let (code, said) = drift(&servers.registry);
    assert_eq!(code, 1, "{said}");
    assert!(!said.contains("schema-") && said.contains("[compatibility-differs]"), "only levels differ: {said}");
    let (code, said) = drift("http://127.0.0.1:9");
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("does not answer"), "{said}");

    let pack = report.path().join("begun");
    let (code, said) = eventproof(&[&["init", pack.to_str().unwrap()][..], &at[..]].concat());
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("shop.orders: the schema is the registry's"), "{said}");
    let text = std::fs::read_to_string(pack.join("asyncapi.yaml")).unwrap();
    assert!(text.contains("framing: confluent") && text.contains("name: org_id"), "{text}");
    let (code, said) = eventproof(&["lint", pack.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
}

fn make_topics(brokers: &str) {
    let choice = BrokerChoice::External { bootstrap: brokers.to_owned(), options: std::collections::BTreeMap::new() };
    let contract = Contract::read(&Contract::file_in(&project().join(PACK))).unwrap().0;
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let broker = Broker::start(&choice).await.unwrap();
        Topics::of(&broker).unwrap().create_declared(&contract).await.unwrap();
    });
}
