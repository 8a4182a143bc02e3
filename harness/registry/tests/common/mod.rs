//! A registry in a container.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use eventproof_registry::RegistryClient;

const IMAGE: &str = "apicurio/apicurio-registry:3.0.9";
/// How long the registry may take to answer after it was started.
const START: Duration = Duration::from_secs(120);

pub struct Container {
    name: String,
    /// Not every test needs it.
    #[allow(dead_code)]
    pub url: String,
    pub client: RegistryClient,
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = docker(&["rm", "--force", "--volumes", &self.name]);
    }
}

fn docker(arguments: &[&str]) -> Option<String> {
    let output = Command::new("docker").args(arguments).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

impl Container {
    /// `None`, with the reason printed, without Docker.
    pub async fn start() -> Option<Container> {
        if docker(&["version", "--format", "{{.Server.Version}}"]).is_none() {
            let required = std::env::var("EVENTPROOF_REQUIRE_DOCKER").is_ok_and(|value| value == "1");
            assert!(!required, "there is no Docker daemon");
            println!("skipped: there is no Docker daemon to run a schema registry in");
            return None;
        }
        let name = docker(&["run", "--detach", "--publish", "127.0.0.1::8080", IMAGE]).expect("no container");
        let address = docker(&["port", &name, "8080/tcp"]).expect("no port");
        let url = format!("http://{}/apis/ccompat/v7", address.lines().next().unwrap());
        let client = RegistryClient::new(&url).unwrap();
        let container = Container { name, url, client };
        let began = Instant::now();
        while container.client.subjects().await.is_err() {
            assert!(began.elapsed() < START, "the registry does not answer");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Some(container)
    }
}
