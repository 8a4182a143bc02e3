#![allow(clippy::unwrap_used, clippy::expect_used)]
//! A search for the highest rate on a broker that others use too: it stops when their group falls behind.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use eventproof_broker::{Broker, BrokerChoice, Publisher, Topics, foreign_lags};
use eventproof_contract::{Contract, Record};
use eventproof_embedded::{BrokerConfig, EmbeddedBroker};
use eventproof_evidence::{Journal, RunClock};
use support::processes::signal;
use support::{Running, shop, until};

const ORDER: &str = r#"{"event_id":"0f8fad5b-d9cb-469f-a165-708677289501","order_id":"k"}"#;

/// Somebody else's service, in a group that the pack does not know; ready to read.
fn billing(brokers: &str, data: &std::path::Path) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eventproof"));
    command.args(["serve", "ugly", "parallel"]).stdout(Stdio::null()).stderr(Stdio::null());
    let store = format!("sqlite:{}", data.join("billing.db").display());
    let settings: [(&str, &str); 4] = [
        ("KAFKA_SESSION_TIMEOUT_MS", "30000"),
        ("KAFKA_GROUP_ID", "billing"),
        ("KAFKA_TOPICS", "shop.orders"),
        ("STORE_URL", &store),
    ];
    Running(command.envs(settings).env("KAFKA_BROKERS", brokers).env("HTTP_ADDR", "127.0.0.1:0").spawn().unwrap())
}

/// The lines of a search, as it prints them, from the first one that has records in it on.
fn search(brokers: &str, pack: &std::path::Path) -> (Child, BufReader<std::process::ChildStdout>) {
    let profile = pack.join("load.yaml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_eventproof"));
    command.args(["load", profile.to_str().unwrap(), "--find-max", "--ceiling", "400/s", "--step", "20s", "--tail"]);
    command.args(["--brokers", brokers, "--report", pack.join("report").to_str().unwrap()]).env("NO_COLOR", "1");
    let mut child =
        command.env_remove("EVENTPROOF_BROKER").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("acknowledged=") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "it ended before it sent anything");
    }
    (child, lines)
}

#[test]
fn a_search_stops_for_a_group_of_somebody_else_that_falls_behind() {
    let pack = shop(&[(
        "load.yaml",
        "name: shop\npack: .\nmessage: order.placed\nkeys: 20\nrate: 200/s\nevents: 4000\nslip_limit: 20s\nobjectives: [lost(topic) = 0]\n",
    )]);
    let embedded = EmbeddedBroker::start(BrokerConfig::default()).unwrap();
    let brokers = embedded.bootstrap_servers();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let broker = runtime.block_on(async {
        let choice = BrokerChoice::External { bootstrap: brokers.clone(), options: BTreeMap::new() };
        let broker = Broker::start(&choice).await.unwrap();
        let contract = Contract::read(&pack.path().join("asyncapi.yaml")).unwrap().0;
        Topics::of(&broker).unwrap().create_declared(&contract).await.unwrap();
        broker
    });
    let billing = billing(&brokers, pack.path());
    // It has done something, so that how far it is behind can be told.
    let record =
        Record { topic: "shop.orders".into(), key: Some("k".into()), headers: Vec::new(), payload: Some(ORDER.into()) };
    runtime.block_on(async {
        let publisher = Publisher::new(&broker, Journal::default(), Arc::new(RunClock::start())).unwrap();
        publisher.publish(&record, Some(0), "an order").await;
    });
    until("position of the group", || {
        foreign_lags(&broker, &BTreeSet::new()).ok()?.get("billing").filter(|lag| **lag == 0).map(drop)
    });
    let (child, mut lines) = search(&brokers, pack.path());
    // From here on it reads nothing, and is a member of its group for some seconds all the same.
    signal(&["STOP"], &billing.0.id().to_string());
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    let ran = support::ended(child);
    signal(&["CONT"], &billing.0.id().to_string());
    assert_eq!(ran.code, 3, "{rest}{}", ran.progress);
    let said = std::fs::read_to_string(pack.path().join("report/result.json")).unwrap();
    assert!(
        said.contains("group \\\"billing\\\", which is none of this pack's, falls behind: its lag rose from"),
        "{said}"
    );
    assert!(said.contains("neighbour-behind"), "{said}");
}
