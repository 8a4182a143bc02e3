//! PostgreSQL in a container.

use std::process::Command;
use std::time::{Duration, Instant};

const IMAGE: &str = "postgres:15";
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
        let run = ["run", "--detach", "--env", "POSTGRES_PASSWORD=secret", "--publish", "127.0.0.1::5432", IMAGE];
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
        format!("postgres://postgres:secret@{address}/postgres")
    }

    /// What psql says.
    pub fn ask(&self, sql: &str) -> String {
        docker(&["exec", &self.name, "psql", "--username", "postgres", "--tuples-only", "--no-align", "--command", sql])
            .expect("psql failed")
    }
}
