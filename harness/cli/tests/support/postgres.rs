//! PostgreSQL in a container.

use std::process::Command;
use std::time::{Duration, Instant};

const IMAGE: &str = "postgres:15";
/// Said nowhere else.
pub const PASSWORD: &str = "kept-from-every-report";
const START: Duration = Duration::from_secs(120);

/// A server of its own, ended once it is dropped.
pub struct Container {
    name: String,
    /// Host and port.
    pub address: String,
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
    /// Starts one and waits until it answers.
    pub fn start() -> Container {
        let password = format!("POSTGRES_PASSWORD={PASSWORD}");
        let run = ["run", "--detach", "--env", &password, "--publish", "127.0.0.1::5432", IMAGE];
        let name = docker(&run).expect("no container");
        let ports = docker(&["port", &name, "5432/tcp"]).expect("no port");
        let container = Container { name, address: ports.lines().next().unwrap().to_owned() };
        let began = Instant::now();
        // The server that sets itself up listens on no port.
        while docker(&["exec", &container.name, "pg_isready", "--host", "127.0.0.1"]).is_none() {
            assert!(began.elapsed() < START, "PostgreSQL does not answer");
            std::thread::sleep(Duration::from_millis(200));
        }
        container
    }

    /// The database's URL at this address: its own, or that of a proxy.
    pub fn url(address: &str) -> String {
        format!("postgres://postgres:{PASSWORD}@{address}/postgres")
    }

    /// Makes a database; gives its URL.
    pub fn database(&self, name: &str) -> String {
        self.ask(&format!("CREATE DATABASE \"{name}\""));
        format!("postgres://postgres:{PASSWORD}@{}/{name}", self.address)
    }

    /// What psql says.
    pub fn ask(&self, sql: &str) -> String {
        self.ask_of("postgres", sql)
    }

    /// What psql says of another database.
    pub fn ask_of(&self, database: &str, sql: &str) -> String {
        let psql = ["exec", &self.name, "psql", "--username", "postgres", "--dbname", database];
        docker(&[psql.as_slice(), &["--tuples-only", "--no-align", "--command", sql]].concat()).expect("psql failed")
    }
}
