//! Apache Kafka in a container, through testcontainers.

use std::collections::BTreeMap;

use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ImageExt, TestcontainersError};
use testcontainers_modules::kafka::apache::{KAFKA_PORT, Kafka};

use super::{Broker, BrokerKind, Owned};
use crate::BrokerError;
use crate::client::ClientSettings;

/// The version that the project is tested with.
const VERSION: &str = "4.2.0";

/// The label that says which process started a container: what is left of one that was killed is found by it.
const PROCESS: &str = "eventproof.process";

/// A Kafka container that we started.
pub(super) struct ContainerBroker {
    container: ContainerAsync<Kafka>,
}

impl ContainerBroker {
    pub async fn stop(self) -> Result<(), BrokerError> {
        self.container.rm().await.map_err(failed)
    }
}

pub(super) async fn start() -> Result<Broker, BrokerError> {
    let container = Kafka::default()
        .with_jvm_image()
        .with_tag(VERSION)
        // One node cannot replicate; without these two, transactions hang for ever.
        .with_env_var("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1")
        .with_env_var("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1")
        .with_env_var("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0")
        .with_label(PROCESS, std::process::id().to_string())
        .start()
        .await
        .map_err(failed)?;
    let host = container.get_host().await.map_err(failed)?;
    let port = container.get_host_port_ipv4(KAFKA_PORT).await.map_err(failed)?;
    // Kafka advertises "localhost", which may mean ::1 first; the port is mapped on IPv4.
    let options = BTreeMap::from([("broker.address.family".to_owned(), "v4".to_owned())]);
    Ok(Broker {
        kind: BrokerKind::Container,
        nodes: 1,
        label: format!("Apache Kafka {VERSION} (container)"),
        settings: ClientSettings { bootstrap: format!("{host}:{port}"), options },
        owned: Owned::Container(Box::new(ContainerBroker { container })),
    })
}

fn failed(error: TestcontainersError) -> BrokerError {
    BrokerError::Container { image: format!("apache/kafka:{VERSION}"), detail: error.to_string() }
}
