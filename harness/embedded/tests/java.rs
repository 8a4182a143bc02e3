//! A client that is not librdkafka: Apache Kafka's own Java tools, out of its container image.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod common;

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::RecvTimeoutError;

use common::*;
use eventproof_embedded::{BrokerConfig, EmbeddedBroker, User};

const IMAGE: &str = "apache/kafka:4.2.0";

/// Whether the tools can be run; where Docker is required, they must.
fn available() -> bool {
    let version = Command::new("docker").args(["version", "--format", "{{.Server.Os}}"]).output();
    let linux = version.is_ok_and(|o| o.status.success()) && cfg!(target_os = "linux");
    let required = std::env::var("EVENTPROOF_REQUIRE_DOCKER").is_ok_and(|v| v == "1");
    assert!(linux || !required, "there is no Docker daemon");
    if !linux {
        println!("skipped: there is no Docker daemon to run the Java tools in");
    }
    linux
}

/// Ends a container whose tool does not end by itself, so that no test hangs.
struct Watchdog {
    done: std::sync::mpsc::Sender<()>,
}

impl Watchdog {
    fn of(name: String) -> Watchdog {
        let (done, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            if ended.recv_timeout(LONG * 4) == Err(RecvTimeoutError::Timeout) {
                let _ = Command::new("docker").args(["kill", &name]).output();
            }
        });
        Watchdog { done }
    }
}

/// Runs a tool with this input; gives whether it succeeded, and what it printed.
fn run(broker: &EmbeddedBroker, class: &str, args: &[&str], input: &str) -> (bool, String, String) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let servers = broker.bootstrap_servers();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("eventproof-java-{}-{count}", std::process::id());
    let watchdog = Watchdog::of(name.clone());
    let mut child = Command::new("docker")
        .args(["run", "--rm", "--interactive", "--network", "host"])
        .args(["--name", &name, "--entrypoint", "java", IMAGE])
        .args(["-cp", "/opt/kafka/libs/*"])
        .args([&format!("org.apache.kafka.tools.{class}")])
        .args(["--bootstrap-server", &servers])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let _ = watchdog.done.send(());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// Runs a tool that must succeed; gives what it printed.
fn tool(broker: &EmbeddedBroker, class: &str, args: &[&str], input: &str) -> String {
    let (succeeded, out, err) = run(broker, class, args, input);
    assert!(succeeded, "{class} {args:?} failed:\n{out}\n{err}");
    out
}

#[test]
fn the_java_tools_administer_produce_and_consume() {
    if !available() {
        return;
    }
    let broker = broker();
    let out = tool(
        &broker,
        "TopicCommand",
        &["--create", "--topic", "java", "--partitions", "3", "--config", "retention.ms=60000"],
        "",
    );
    assert!(out.contains("Created topic java."), "{out}");
    let out = tool(&broker, "TopicCommand", &["--describe", "--topic", "java"], "");
    assert!(out.contains("PartitionCount: 3") && out.contains("retention.ms=60000"), "{out}");
    tool(&broker, "ConsoleProducer", &["--topic", "java"], "one\ntwo\nthree\n");
    let consume =
        ["--topic", "java", "--from-beginning", "--max-messages", "3", "--group", "g", "--timeout-ms", "30000"];
    let out = tool(&broker, "consumer.ConsoleConsumer", &consume, "");
    let mut lines: Vec<&str> = out.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["one", "three", "two"]);
    let out = tool(&broker, "consumer.group.ConsumerGroupCommand", &["--describe", "--group", "g"], "");
    assert!(out.contains("java"), "{out}");
    let out = tool(&broker, "consumer.group.ConsumerGroupCommand", &["--list"], "");
    assert_eq!(out.trim(), "g");
    let reset = ["--group", "g", "--topic", "java", "--reset-offsets", "--to-earliest", "--execute"];
    let out = tool(&broker, "consumer.group.ConsumerGroupCommand", &reset, "");
    assert!(out.contains("java"), "{out}");
    let out = tool(&broker, "GetOffsetShell", &["--topic", "java", "--time", "latest"], "");
    assert_eq!(out.lines().count(), 3, "{out}");
    tool(&broker, "TopicCommand", &["--alter", "--topic", "java", "--partitions", "5"], "");
    tool(&broker, "TopicCommand", &["--delete", "--topic", "java"], "");
}

#[test]
fn the_java_verifiable_clients_agree_on_every_record() {
    if !available() {
        return;
    }
    let broker = broker();
    let produce = ["--topic", "verified", "--max-messages", "1000", "--acks", "-1"];
    let out = tool(&broker, "VerifiableProducer", &produce, "");
    assert!(out.contains("\"sent\":1000") && out.contains("\"acked\":1000"), "{out}");
    let consume = ["--topic", "verified", "--group-id", "v", "--max-messages", "1000", "--reset-policy", "earliest"];
    let out = tool(&broker, "VerifiableConsumer", &consume, "");
    let consumed: u64 = out
        .lines()
        .filter(|line| line.contains("records_consumed"))
        .filter_map(|line| line.split("\"count\":").nth(1)?.split([',', '}']).next()?.parse::<u64>().ok())
        .sum();
    assert_eq!(consumed, 1000, "{out}");
}

#[test]
fn a_java_group_of_the_new_protocol_is_told_that_it_is_not_supported() {
    if !available() {
        return;
    }
    let broker = broker();
    let args = ["--topic", "new", "--timeout-ms", "10000", "--command-property", "group.protocol=consumer"];
    let (_, out, err) = run(&broker, "consumer.ConsoleConsumer", &args, "");
    let said = out + &err;
    assert!(said.contains("UnsupportedVersionException"), "{said}");
}

#[test]
fn the_java_client_logs_in_by_scram() {
    if !available() {
        return;
    }
    let users = vec![User { name: "alice".into(), password: "secret".into() }];
    let broker = EmbeddedBroker::start(BrokerConfig { users, ..BrokerConfig::default() }).unwrap();
    let login = |mechanism: &str, password: &str| {
        let module = "org.apache.kafka.common.security.scram.ScramLoginModule";
        [
            "security.protocol=SASL_PLAINTEXT".to_owned(),
            format!("sasl.mechanism={mechanism}"),
            format!("sasl.jaas.config={module} required username=\"alice\" password=\"{password}\";"),
        ]
    };
    let with = |args: &[&str], properties: &[String]| -> Vec<String> {
        let properties = properties.iter().flat_map(|one| ["--command-property".to_owned(), one.clone()]);
        args.iter().map(|arg| (*arg).to_owned()).chain(properties).collect()
    };
    let call = |class: &str, args: Vec<String>, input: &str| {
        run(&broker, class, &args.iter().map(String::as_str).collect::<Vec<_>>(), input)
    };
    let produce = with(&["--topic", "guarded"], &login("SCRAM-SHA-256", "secret"));
    let (succeeded, out, err) = call("ConsoleProducer", produce, "one\n");
    assert!(succeeded, "{out}{err}");
    let args = ["--topic", "guarded", "--from-beginning", "--max-messages", "1", "--timeout-ms", "30000"];
    let (_, out, err) = call("consumer.ConsoleConsumer", with(&args, &login("SCRAM-SHA-512", "secret")), "");
    assert_eq!(out.trim(), "one", "{err}");
    let (_, out, err) = call("consumer.ConsoleConsumer", with(&args, &login("SCRAM-SHA-512", "wrong")), "");
    assert!((out + &err).contains("SaslAuthenticationException"), "{err}");
}
