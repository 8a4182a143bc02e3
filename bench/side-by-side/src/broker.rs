//! Apache Kafka in a container, with the host's network: the three ways to it are the same.

use std::process::Command;
use std::time::{Duration, Instant};

use super::programs::Figure;
use super::{Failed, PARTITIONS, SIZE};

const IMAGE: &str = "apache/kafka:4.2.0";
const PORT: u16 = 19392;
const CONTROLLER: u16 = 19393;
const LOGS: &str = "/tmp/side-by-side";
const LIBRARIES: &str = "/opt/kafka/libs/*";
const UP: Duration = Duration::from_secs(90);

/// A broker that ends with this.
pub struct Container {
    name: String,
    servers: String,
}

impl Container {
    pub fn start() -> Result<Container, Failed> {
        let servers = format!("127.0.0.1:{PORT}");
        let name = format!("eventproof-side-by-side-{}", std::process::id());
        let settings = [
            "KAFKA_NODE_ID=1".to_owned(),
            "KAFKA_PROCESS_ROLES=broker,controller".to_owned(),
            format!("KAFKA_LISTENERS=PLAINTEXT://127.0.0.1:{PORT},CONTROLLER://127.0.0.1:{CONTROLLER}"),
            format!("KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://{servers}"),
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
            "KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER".to_owned(),
            format!("KAFKA_CONTROLLER_QUORUM_VOTERS=1@127.0.0.1:{CONTROLLER}"),
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR=1".to_owned(),
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR=1".to_owned(),
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR=1".to_owned(),
            format!("KAFKA_LOG_DIRS={LOGS}"),
            // A round takes some seconds; what all of them write has to find room.
            "KAFKA_LOG_SEGMENT_BYTES=67108864".to_owned(),
            "KAFKA_LOG_RETENTION_MS=40000".to_owned(),
            "KAFKA_LOG_RETENTION_CHECK_INTERVAL_MS=3000".to_owned(),
            "KAFKA_LOG_SEGMENT_DELETE_DELAY_MS=1000".to_owned(),
        ];
        let mut command = Command::new("docker");
        command.args(["run", "--detach", "--rm", "--network", "host", "--name", &name]);
        // In memory: a disk's own mood would be most of what is measured.
        command.args(["--tmpfs", &format!("{LOGS}:size=14g,mode=1777")]);
        settings.iter().for_each(|setting| _ = command.args(["--env", setting]));
        succeeded(command.arg(IMAGE))?;
        let container = Container { name, servers };
        let began = Instant::now();
        while container.topics(&["--list"]).is_err() {
            if began.elapsed() > UP {
                return Err("the broker in the container did not come up".into());
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        Ok(container)
    }

    pub fn servers(&self) -> &str {
        &self.servers
    }

    /// A new topic.
    pub fn topic(&self, name: &str) -> Result<String, Failed> {
        let partitions = PARTITIONS.to_string();
        self.topics(&["--create", "--topic", name, "--partitions", &partitions])?;
        Ok(name.to_owned())
    }

    /// Java's own tool only produces: nobody reads. It is told the producer's settings of the others.
    pub fn java(&self, topic: &str, records: usize, linger: usize) -> Result<Figure, Failed> {
        let linger = format!("linger.ms={linger}");
        let (records, size) = (records.to_string(), SIZE.to_string());
        let servers = format!("bootstrap.servers={}", self.servers);
        let told = succeeded(Command::new("docker").args(["exec", &self.name]).args([
            "java",
            "-cp",
            LIBRARIES,
            "org.apache.kafka.tools.ProducerPerformance",
            "--topic",
            topic,
            "--num-records",
            &records,
            "--record-size",
            &size,
            "--throughput",
            "-1",
            "--producer-props",
            &servers,
            "acks=all",
            &linger,
            "batch.size=131072",
        ]))?;
        let last = told.lines().rfind(|line| line.contains("records/sec")).ok_or("ProducerPerformance told no rate")?;
        let rate = last.split_once("sent, ").and_then(|(_, rest)| rest.split_whitespace().next());
        let rate = rate.and_then(|rate| rate.parse().ok()).ok_or_else(|| format!("no rate in: {last}"))?;
        Ok(Figure { rate, cpu_us: f64::NAN })
    }

    fn topics(&self, words: &[&str]) -> Result<String, Failed> {
        let mut command = Command::new("docker");
        command.args(["exec", &self.name, "java", "-cp", LIBRARIES, "org.apache.kafka.tools.TopicCommand"]);
        succeeded(command.args(["--bootstrap-server", &self.servers]).args(words))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["kill", &self.name]).output();
    }
}

fn succeeded(command: &mut Command) -> Result<String, Failed> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
}
