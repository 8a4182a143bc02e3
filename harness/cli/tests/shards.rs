#![allow(clippy::unwrap_used, clippy::expect_used)]
//! One load from several processes: together they send exactly what one would, and what they find adds up to what is there.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use eventproof_broker::{
    Broker, BrokerChoice, BrokerFault, FaultControl, Publisher, RawRecord, Recorder, Sink, Topics,
};
use eventproof_contract::{Contract, Record};
use eventproof_embedded::{BrokerConfig, EmbeddedBroker};
use eventproof_evidence::{At, Blind, Journal, RunClock};
use serde_json::Value;
use support::{SHOP, ended, eventproof, project, until};

/// The shop with many partitions, a second topic, and events that say their type.
fn contract() -> String {
    let (head, rest) = SHOP.split_once("channels:\n").unwrap();
    let (orders, tell) = rest.split_once("operations:\n").unwrap();
    let typed = |channel: &str, event: &str, partitions: u8| {
        let field = format!("order_id: {{type: string}}, type: {{const: {event}}}}}");
        let channel = channel.replace("order_id: {type: string}}", &field);
        let channel = channel.replace("partitions: 1", &format!("partitions: {partitions}"));
        let channel = channel.replace("[event_id, order_id]", "[event_id, order_id, type]");
        channel.replace("#/order_id}", "#/order_id, envelope: {type: $message.payload#/type}}")
    };
    let (bills, bill) =
        (orders.replace("orders", "bills").replace("placed", "billed"), tell.replace("orders", "bills"));
    let bill = bill.replace("tell:", "bill:");
    let (orders, bills) = (typed(orders, "order.placed", 10), typed(&bills, "order.billed", 7));
    format!("{head}channels:\n{orders}{bills}operations:\n{tell}{bill}")
}

const TOPICS: [&str; 2] = ["shop.orders", "shop.bills"];

/// What stands on the topics: topic, partition, key, payload.
type Log = Arc<Mutex<Vec<(String, i32, String, String)>>>;

struct Keep(Log);

impl Sink for Keep {
    fn record(&mut self, record: &RawRecord<'_>, _: At) {
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
        let one = (record.topic.to_owned(), record.partition, text(record.key), text(record.payload));
        self.0.lock().unwrap().push(one);
    }

    fn blind(&mut self, _: Blind) {}

    fn caught_up(&mut self, _: &str, _: At) {}
}

/// A broker with the topics, and somebody who writes down everything that is on them.
struct Stage {
    embedded: EmbeddedBroker,
    broker: Broker,
    recorder: Recorder,
    log: Log,
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Stage {
    fn set(profile: &str) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let contract = contract();
        let files = [("asyncapi.yaml", contract.as_str()), ("system.yaml", "system: shop\n"), ("load.yaml", profile)];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let embedded = EmbeddedBroker::start(BrokerConfig::default()).unwrap();
        let bootstrap = embedded.bootstrap_servers();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let contract = Contract::read(&folder.path().join("asyncapi.yaml")).unwrap().0;
        let broker = runtime.block_on(async {
            let broker = Broker::start(&BrokerChoice::External { bootstrap, options: BTreeMap::new() }).await.unwrap();
            Topics::of(&broker).unwrap().create_declared(&contract).await.unwrap();
            broker
        });
        let log = Log::default();
        let topics = TOPICS.map(str::to_owned);
        let recorder = Recorder::start(&broker, &topics, Keep(log.clone()), Arc::new(RunClock::start())).unwrap();
        Stage { embedded, broker, recorder, log, folder, runtime }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a shard, with its report in a folder of its own.
    fn shard(&self, shard: &str, more: &[&str]) -> Child {
        self.shard_of(&self.path("load.yaml"), shard, more)
    }

    fn shard_of(&self, profile: &Path, shard: &str, more: &[&str]) -> Child {
        let report = self.path(&shard.replace('/', "-of-"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_eventproof"));
        command.args(["load", profile.to_str().unwrap(), "--shard", shard, "--run", "run-1", "--seed", "7"]);
        command.args(["--brokers", &self.embedded.bootstrap_servers(), "--report", report.to_str().unwrap()]);
        command.args(more).current_dir(project()).env("NO_COLOR", "1").env_remove("EVENTPROOF_BROKER");
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn result(&self, shard: &str) -> Value {
        let path = self.path(&shard.replace('/', "-of-")).join("result.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// Everything that was written, sorted.
    fn written(&self) -> Vec<(String, i32, String, String)> {
        self.runtime.block_on(async { self.recorder.read_out() });
        let mut log = self.log.lock().unwrap().clone();
        log.sort();
        log
    }
}

fn profile(lines: &str) -> String {
    format!(
        "name: shop\npack: .\nmessages: {{order.placed: 3, order.billed: 1}}\nkeys: {{count: 300, skew: zipf}}\nslip_limit: 20s\nsettle: 15s\n{lines}"
    )
}

fn event_id(payload: &str) -> String {
    serde_json::from_str::<Value>(payload).unwrap()["event_id"].as_str().unwrap().to_owned()
}

/// Topic, partition, key and id of every event, sorted.
fn events(written: &[(String, i32, String, String)]) -> Vec<(String, i32, String, String)> {
    let event = |(topic, partition, key, payload): &(String, i32, String, String)| {
        (topic.clone(), *partition, key.clone(), event_id(payload))
    };
    let mut events: Vec<_> = written.iter().map(event).collect();
    events.sort();
    events
}

#[test]
fn four_processes_send_exactly_what_one_sends_and_their_figures_add_up() {
    let profile = profile(
        "rate: 400/s\nwarm_up: 500ms\nevents: 1200\nobjectives:\n  - throughput >= 10/s\n  - p95(end_to_end) < 20s\n  - failed(acknowledgement) = 0\n  - lost(topic) = 0\n  - duplicated(topic) = 0\n  - reordered(topic) = 0\n  - phantom(topic) = 0\n",
    );
    let (many, one) = (Stage::set(&profile), Stage::set(&profile));
    let shards: Vec<Child> = (1..=4).map(|number| many.shard(&format!("{number}/4"), &[])).collect();
    let alone = ended(one.shard("1/1", &[]));
    assert_eq!(alone.code, 0, "{}{}", alone.progress, alone.result);
    for ran in shards.into_iter().map(ended) {
        assert_eq!(ran.code, 0, "every shard ends as the whole does: {}{}", ran.progress, ran.result);
    }
    let (by_many, by_one) = (events(&many.written()), events(&one.written()));
    assert_eq!(by_one.len(), 1400);
    assert_eq!(by_many, by_one, "the same events, each once, on the same partitions under the same keys");
    let (merged, single) = (many.result("1/4"), one.result("1/1"));
    assert_eq!(merged["counts"], single["counts"]);
    assert_eq!(merged["legs"], single["legs"]);
    assert_eq!(merged["payloads"], single["payloads"]);
    for (part, stage) in [("stages", 0), ("stages", 1), ("spans", 0), ("spans", 1), ("spans", 2)] {
        let count = |of: &Value| of[part][stage]["distribution"]["count"].clone();
        assert_eq!((count(&merged), count(&merged)), (count(&single), Value::from(1200)), "{part} {stage}");
    }
    // What the Kafka clients tell, all together: every record waited in a queue.
    let queued = |of: &Value| of["client"].as_array().unwrap().iter().find(|span| span["name"] == "queue").cloned();
    assert!(queued(&merged).unwrap()["count"].as_u64().unwrap() > 100, "{}", merged["client"]);
    let planned = |of: &Value| -> Vec<Value> {
        of["intervals"].as_array().unwrap().iter().map(|one| one["planned"].clone()).collect()
    };
    assert_eq!(planned(&merged).iter().filter_map(Value::as_u64).sum::<u64>(), 1400);
    let parts = merged["shards"]["parts"].as_array().unwrap();
    assert!(parts.len() == 4 && parts.iter().all(|part| part["planned"].as_u64().unwrap() > 100), "{parts:?}");
    assert!(merged["shards"]["apart_ms"].as_f64().unwrap() > 0.0);

    // From the shards' files, and from the broker, the same whole comes out.
    let files: Vec<PathBuf> = (1..=4).map(|number| many.path(&format!("{number}-of-4/part.json"))).collect();
    let again = many.path("again");
    let out = again.to_str().unwrap();
    let mut arguments = vec!["report", "--out", out];
    arguments.extend(files.iter().map(|file| file.to_str().unwrap()));
    let brokers = many.embedded.bootstrap_servers();
    for arguments in [&arguments[..], &["report", "--run", "run-1", "--brokers", &brokers, "--out", out]] {
        let ran = eventproof(arguments);
        assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
        let found: Value = serde_json::from_str(&std::fs::read_to_string(again.join("result.json")).unwrap()).unwrap();
        for part in
            ["objectives", "stages", "spans", "client", "counts", "legs", "intervals", "payloads", "shards", "workload"]
        {
            assert_eq!(found[part], merged[part], "{part}");
        }
    }
    arguments.pop();
    let ran = eventproof(&arguments);
    assert_eq!(ran.code, 3, "{}", ran.result);
    assert!(ran.result.contains("shard 4 of 4 left no result"), "{}", ran.result);
}

#[test]
fn what_is_refused_doubled_and_foreign_is_found_at_its_exact_count_across_shards() {
    let stage = Stage::set(&profile(
        "rate: 100/s\nevents: 900\nproducer: {linger: 0ms}\nobjectives:\n  - failed(acknowledgement) = 0\n  - lost(topic) = 0\n  - duplicated(topic) = 0\n",
    ));
    let refusing =
        "error error=TOPIC_AUTHORIZATION_FAILED api=Produce topic=shop.orders client=eventproof-load times=11";
    FaultControl::new(stage.embedded.faults()).start(&BrokerFault::parse(refusing).unwrap()).unwrap();
    let shards: Vec<Child> = (1..=3).map(|number| stage.shard(&format!("{number}/3"), &[])).collect();
    let seen = until("two hundred records", || {
        let log = stage.log.lock().unwrap();
        (log.len() >= 200).then(|| log[..200].to_vec())
    });
    stage.runtime.block_on(async {
        let publisher = Publisher::new(&stage.broker, Journal::default(), Arc::new(RunClock::start())).unwrap();
        // Five are written again, each twice, and three come from nobody: the same with other ids.
        let again = seen.iter().take(5).chain(seen.iter().take(5)).map(|one| (one, one.3.clone()));
        let foreign = seen.iter().take(3).zip(1..).map(|(one, number)| {
            let id = format!("0f8fad5b-d9cb-469f-a165-70867728950{number}");
            (one, one.3.replace(&event_id(&one.3), &id))
        });
        for ((topic, partition, key, _), payload) in again.chain(foreign) {
            let (key, payload) = (Some(key.clone().into()), Some(payload.into()));
            let record = Record { topic: topic.clone(), key, headers: Vec::new(), payload };
            publisher.publish(&record, Some(*partition), "x").await;
        }
    });
    for ran in shards.into_iter().map(ended) {
        assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    }
    let merged = stage.result("1/3");
    let leg = |figure: &str| merged["legs"][0]["counts"][figure].as_u64().unwrap();
    let refused = merged["counts"]["refused"].as_u64().unwrap();
    assert_eq!((leg("duplicated"), leg("phantom"), leg("lost"), leg("corrupted")), (10, 3, 0, 0));
    // One request may hold more than one record.
    assert!(refused >= 11, "{refused}");
    assert_eq!(stage.written().len() as u64, 900 - refused + 10 + 3, "what was refused is what is not there");
    assert_eq!(leg("seen"), 900 - refused);
}

#[test]
fn a_shard_that_is_certain_of_a_miss_ends_all_of_them() {
    let stage = Stage::set(&profile(
        "rate: 100/s\nevents: 9000\nproducer: {linger: 0ms}\nobjectives:\n  - {objective: failed(acknowledgement) = 0, abort_on_fail: true}\n  - lost(topic) = 0\n",
    ));
    let refusing =
        "error error=TOPIC_AUTHORIZATION_FAILED api=Produce topic=shop.orders client=eventproof-load times=1";
    FaultControl::new(stage.embedded.faults()).start(&BrokerFault::parse(refusing).unwrap()).unwrap();
    let shards: Vec<Child> = (1..=3).map(|number| stage.shard(&format!("{number}/3"), &[])).collect();
    for ran in shards.into_iter().map(ended) {
        assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
        let told = format!("{}{}", ran.progress, ran.result);
        assert!(told.contains("missed for certain: failed(acknowledgement) = 0 was "), "{told}");
    }
    let merged = stage.result("1/3");
    let actual = merged["aborted"]["actual"].as_str().unwrap();
    assert!(actual.contains(" refused") && actual.contains(" on shard "), "{actual}");
    // A minute and a half was planned. The others hear of it within a second, on whatever machine.
    let parts = merged["shards"]["parts"].as_array().unwrap();
    let sent: Vec<u64> = parts.iter().map(|part| part["planned"].as_u64().unwrap()).collect();
    assert!(sent.len() == 3 && sent.iter().sum::<u64>() < 4500, "{sent:?}");
    assert_eq!(merged["aborted"]["sent"].as_u64(), Some(sent.iter().sum()));
    assert_eq!(merged["objectives"][1]["finding"]["code"], "own-doing", "{}", merged["objectives"][1]);
    assert_eq!(merged["legs"][0]["counts"]["lost"].as_u64(), Some(0), "what was not sent is not lost");
}

#[test]
fn a_shard_that_dies_leaves_the_whole_without_a_verdict() {
    let stage = Stage::set(&profile("rate: 40/s\nevents: 200\nobjectives:\n  - lost(topic) = 0\n"));
    let (first, mut second) = (stage.shard("1/2", &[]), stage.shard("2/2", &[]));
    until("records", || (stage.log.lock().unwrap().len() > 40).then_some(()));
    second.kill().unwrap();
    second.wait().unwrap();
    let ran = ended(first);
    assert_eq!(ran.code, 3, "{}{}", ran.progress, ran.result);
    assert!(ran.result.contains("shard 2 of 2 left no result"), "{}", ran.result);
    assert!(ran.result.contains("shard 2: its last sign was interval"), "{}", ran.result);
}

#[test]
fn shards_that_do_not_belong_together_are_refused_before_anything_is_sent() {
    let stage = Stage::set(&profile("rate: 40/s\nevents: 200\nobjectives:\n  - lost(topic) = 0\n"));
    let other = stage.path("other.yaml");
    std::fs::write(&other, profile("rate: 50/s\nevents: 200\nobjectives:\n  - lost(topic) = 0\n")).unwrap();
    let (first, second) = (stage.shard("1/3", &[]), stage.shard_of(&other, "2/3", &[]));
    for ran in [ended(first), ended(second)] {
        assert_eq!(ran.code, 2, "{}", ran.progress);
        assert!(ran.progress.contains("the profile differs: "), "{}", ran.progress);
    }
    assert!(stage.written().is_empty());
}

#[test]
fn a_shard_that_never_comes_is_named_and_there_is_no_verdict() {
    let stage = Stage::set(&profile("rate: 40/s\nevents: 200\nobjectives:\n  - lost(topic) = 0\n"));
    let ran = ended(stage.shard("1/2", &["--shard-wait", "2s"]));
    assert_eq!(ran.code, 3, "{}", ran.progress);
    assert!(ran.progress.contains("shard 2 of 2 did not announce itself within 2 s"), "{}", ran.progress);
    assert!(ran.progress.contains("waiting for shard 2 of 2"), "{}", ran.progress);
    let ran = ended(stage.shard("1/9", &["--shard-wait", "2s"]));
    assert_eq!(ran.code, 2, "{}", ran.progress);
    assert!(ran.progress.contains("topic \"shop.bills\" has 7 partitions: at most so many shards"), "{}", ran.progress);
    assert!(stage.written().is_empty());
}

#[test]
fn without_a_plan_each_shard_sends_its_share_as_fast_as_it_can() {
    let objectives = "objectives:\n  - throughput >= 1/s\n  - lost(topic) = 0\n  - reordered(topic) = 0\n";
    let stage = Stage::set(&profile(&format!("rate: max\nevents: 2000\n{objectives}")));
    let shards = ["1/3", "2/3", "3/3"].map(|shard| stage.shard(shard, &[]));
    for ran in shards.into_iter().map(ended) {
        assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    }
    let merged = stage.result("1/3");
    let sent: Vec<u64> =
        merged["shards"]["parts"].as_array().unwrap().iter().map(|part| part["planned"].as_u64().unwrap()).collect();
    assert_eq!(sent, [667, 667, 666]);
    let written = events(&stage.written());
    assert_eq!((written.len(), merged["counts"]["acknowledged"].as_u64()), (2000, Some(2000)));
    let plan = merged["plan"].as_str().unwrap();
    assert!(plan.starts_with("2000 events of ") && plan.contains("; by 3 shards; "), "{plan}");
    assert!(plan.ends_with(" % of the sends waited for a full queue"), "{plan}");
    assert_eq!(merged["generator"]["slip"]["count"].as_u64(), Some(0), "there is no plan to be behind");
}

#[test]
fn at_rate_max_a_shard_without_a_key_of_its_own_is_refused() {
    let text = profile("rate: max\nevents: 200\n").replace("count: 300", "count: 1");
    let stage = Stage::set(&text);
    let shards = ["1/3", "2/3", "3/3"].map(|shard| stage.shard(shard, &["--shard-wait", "2s"]));
    let told: Vec<_> = shards.into_iter().map(ended).collect();
    assert!(told.iter().any(|ran| ran.code == 2 && ran.progress.contains("no key belongs to a partition of shard ")));
    assert!(stage.written().is_empty());
}

#[test]
fn what_cannot_be_sent_in_shards_is_said_all_at_once() {
    let stage = Stage::set(&profile(
        "rate: 40/s\nevents: 200\ntimeline:\n  - {at: 1s, for: 1s, broker: delay, by: 200ms, api: Fetch}\nobjectives:\n  - lost(topic) = 0\n",
    ));
    let path = stage.path("load.yaml");
    let ran = eventproof(&["load", path.to_str().unwrap(), "--shard", "1/2"]);
    assert_eq!(ran.code, 2, "{}", ran.progress);
    for part in
        ["its `timeline` disturbs what eventproof started", "--shard needs --brokers", "--shard needs --run NAME"]
    {
        assert!(ran.progress.contains(part), "no `{part}` in {}", ran.progress);
    }
}
