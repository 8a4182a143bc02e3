//! Apache Kafka in a container, by the docker command alone.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::common::Servers;

const IMAGE: &str = "apache/kafka:4.2.0";
const START: Duration = Duration::from_secs(120);

/// A container that is removed with this.
pub struct Apache {
    id: String,
    port: u16,
}

impl Servers for Apache {
    fn servers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        let _ = docker(&["rm", "--force", "--volumes", &self.id]);
    }
}

fn docker(args: &[&str]) -> Option<String> {
    let output = Command::new("docker").args(args).stderr(Stdio::inherit()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// Starts the container and waits until it answers; `None`, with the reason printed, without Docker.
pub fn start() -> Option<Apache> {
    if docker(&["version", "--format", "{{.Server.Version}}"]).is_none() {
        let required = std::env::var("EVENTPROOF_REQUIRE_DOCKER").is_ok_and(|v| v == "1");
        assert!(!required, "there is no Docker daemon");
        println!("skipped: there is no Docker daemon to run Apache Kafka in");
        return None;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let publish = format!("127.0.0.1:{port}:{port}");
    let settings = [
        "KAFKA_NODE_ID=1".to_owned(),
        "KAFKA_PROCESS_ROLES=broker,controller".to_owned(),
        format!("KAFKA_LISTENERS=PLAINTEXT://0.0.0.0:{port},CONTROLLER://localhost:29093"),
        format!("KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://127.0.0.1:{port}"),
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
        "KAFKA_INTER_BROKER_LISTENER_NAME=PLAINTEXT".to_owned(),
        "KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER".to_owned(),
        "KAFKA_CONTROLLER_QUORUM_VOTERS=1@localhost:29093".to_owned(),
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR=1".to_owned(),
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR=1".to_owned(),
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR=1".to_owned(),
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS=0".to_owned(),
        "KAFKA_LOG_CLEANER_BACKOFF_MS=200".to_owned(),
        // Looked at often, so that a transaction's time-out is not a matter of luck.
        "KAFKA_TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS=500".to_owned(),
    ];
    let mut args = vec!["run", "--detach", "--publish", &publish];
    for setting in &settings {
        args.extend(["--env", setting]);
    }
    args.push(IMAGE);
    let id = docker(&args).expect("the container could not be started");
    let apache = Apache { id, port };
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", apache.servers()).set("log_level", "0").create().unwrap();
    let started = Instant::now();
    while consumer.fetch_metadata(None, Duration::from_secs(2)).is_err() {
        assert!(started.elapsed() < START, "Apache Kafka does not answer");
    }
    Some(apache)
}
