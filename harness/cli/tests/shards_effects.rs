#![allow(clippy::unwrap_used, clippy::expect_used)]
//! A load from several processes on a service that runs already: what one process finds of its effects, dead letters and waits, they find together.

mod support;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use eventproof_broker::{Broker, BrokerChoice, Topics};
use eventproof_contract::Contract;
use eventproof_embedded::{BrokerConfig, EmbeddedBroker};
use serde_json::Value;
use support::{ended, eventproof, project};

/// A broker with the topics of a consumer that retries over topics, and that consumer.
struct Stage {
    embedded: EmbeddedBroker,
    service: Child,
    folder: tempfile::TempDir,
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.service.kill();
        let _ = self.service.wait();
    }
}

impl Stage {
    fn set(profile: &str, fault: &[&str]) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let pack = project().join("harness/cli/tests/packs/retries");
        let given = "fails: {type: integer, minimum: 0, maximum: 9, examples: [0]}";
        let contract = std::fs::read_to_string(pack.join("asyncapi.yaml")).unwrap();
        let contract = contract.replace(given, "fails: {type: integer, enum: [0, 1, 9]}");
        let contract = contract.replace("{kafka: {partitions: 2}}", "{kafka: {partitions: 9}}");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let system = std::fs::read_to_string(pack.join("system.yaml")).unwrap();
        let (head, tail) = (system.find("    command:").unwrap(), system.find("groups:").unwrap());
        let service = format!("    url: http://127.0.0.1:{port}\n    ready: {{http: /health, within: 15s}}\n");
        let system = format!("{}{service}{}", &system[..head], &system[tail..]);
        for (name, text) in [("asyncapi.yaml", contract.as_str()), ("system.yaml", &system), ("load.yaml", profile)] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let embedded = EmbeddedBroker::start(BrokerConfig::default()).unwrap();
        let bootstrap = embedded.bootstrap_servers();
        let contract = Contract::read(&folder.path().join("asyncapi.yaml")).unwrap().0;
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let choice = BrokerChoice::External { bootstrap: bootstrap.clone(), options: BTreeMap::new() };
            let broker = Broker::start(&choice).await.unwrap();
            Topics::of(&broker).unwrap().create_declared(&contract).await.unwrap();
        });
        let mut command = Command::new(env!("CARGO_BIN_EXE_eventproof"));
        command.args(["serve", "ugly", "retries"]).args(fault).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("HTTP_ADDR", format!("127.0.0.1:{port}")).env("KAFKA_BROKERS", bootstrap);
        command.env("KAFKA_GROUP_ID", "retries").env("KAFKA_TOPICS", "ugly.jobs");
        command.env("STORE_URL", format!("sqlite:{}", folder.path().join("retries.db").display()));
        Stage { embedded, service: command.spawn().unwrap(), folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shard(&self, shard: &str) -> Child {
        let (profile, report) = (self.path("load.yaml"), self.path(&shard.replace('/', "-of-")));
        let mut command = Command::new(env!("CARGO_BIN_EXE_eventproof"));
        command.args(["load", profile.to_str().unwrap(), "--shard", shard, "--run", "run-1", "--seed", "7"]);
        command.args(["--brokers", &self.embedded.bootstrap_servers(), "--report", report.to_str().unwrap()]);
        command.current_dir(project()).env("NO_COLOR", "1").env_remove("EVENTPROOF_BROKER");
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn result(&self, shard: &str) -> Value {
        let path = self.path(&shard.replace('/', "-of-")).join("result.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }
}

fn profile(lines: &str) -> String {
    format!(
        "name: retries\npack: .\nmessage: job.given\neffects: [done]\nkeys: 60\nslip_limit: 20s\nsettle: 60s\nrate: 60/s\nevents: 180\n{lines}"
    )
}

#[test]
fn three_processes_find_of_a_service_what_one_finds() {
    let profile = profile(
        "objectives:\n  - lost(topic) = 0\n  - lost(retries) = 0\n  - undecided(retries) = 0\n  - duplicated(retries) = 0\n  - reordered(retries) = 0\n  - p50(processed(retries)) < 50s\n  - lag(retries) < 100000\n",
    );
    let (many, one) = (Stage::set(&profile, &[]), Stage::set(&profile, &[]));
    let shards: Vec<Child> = (1..=3).map(|number| many.shard(&format!("{number}/3"))).collect();
    let alone = ended(one.shard("1/1"));
    assert_eq!(alone.code, 0, "{}{}", alone.progress, alone.result);
    for ran in shards.into_iter().map(ended) {
        assert_eq!(ran.code, 0, "every shard ends as the whole does: {}{}", ran.progress, ran.result);
    }
    let (merged, single) = (many.result("1/3"), one.result("1/1"));
    assert_eq!(merged["counts"], single["counts"]);
    let figure = |of: &Value, name: &str| of["legs"][1]["counts"][name].as_u64().unwrap_or(0);
    for name in ["lost", "undecided", "duplicated", "reordered", "phantom", "unknown"] {
        assert_eq!(figure(&merged, name), figure(&single, name), "{name}: {} {}", merged["legs"], single["legs"]);
    }
    for of in [&merged, &single] {
        assert_eq!(figure(of, "seen") + figure(of, "dead_lettered"), 180);
        assert!((30..100).contains(&figure(of, "dead_lettered")), "a third, by chance: {}", of["legs"]);
        assert_eq!(of["stages"][2]["distribution"]["count"].as_u64().unwrap(), figure(of, "seen"));
    }
}

#[test]
fn what_a_service_loses_is_found_by_its_shards_at_the_exact_count() {
    let stage = Stage::set(
        &profile("objectives:\n  - lost(retries) = 0\n").replace("settle: 60s", "settle: 10s"),
        &["--fault", "loses-id"],
    );
    let shards: Vec<Child> = (1..=2).map(|number| stage.shard(&format!("{number}/2"))).collect();
    let rans: Vec<_> = shards.into_iter().map(ended).collect();
    // What the recorder could not see for a while may be what seems to be lost: then there is no verdict, and the counts are the same.
    let stalled = rans.iter().any(|ran| ran.result.contains("the machine stalled the recorder"));
    for ran in &rans {
        assert_eq!(ran.code, if stalled { 3 } else { 1 }, "{}{}", ran.progress, ran.result);
    }
    let merged = stage.result("1/2");
    let figure = |name: &str| merged["legs"][1]["counts"][name].as_u64().unwrap_or(0);
    assert!(figure("lost") > 60, "two thirds, by chance: {}", merged["legs"]);
    assert_eq!((figure("seen") + figure("lost"), figure("undecided"), figure("phantom")), (180, 0, 0));
}

#[test]
fn effects_of_a_service_that_would_have_to_be_started_are_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let pack = project().join("harness/cli/tests/packs/retries");
    let path = folder.path().join("load.yaml");
    std::fs::write(&path, profile("").replace("pack: .", &format!("pack: {}", pack.display()))).unwrap();
    let ran = eventproof(&["load", path.to_str().unwrap(), "--shard", "1/2", "--run", "r", "--brokers", "127.0.0.1:1"]);
    assert_eq!(ran.code, 2, "{}", ran.progress);
    for part in ["the effects of view \"done\" are those of service \"retries\"", "url: http://host:port"] {
        assert!(ran.progress.contains(part), "no `{part}` in {}", ran.progress);
    }
}
