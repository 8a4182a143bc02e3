//! The broker in this process.

use std::collections::BTreeMap;

use eventproof_embedded::{BrokerConfig, EmbeddedBroker};

use super::{Broker, BrokerKind, Owned};
use crate::BrokerError;
use crate::client::ClientSettings;

pub(super) fn start(nodes: usize) -> Result<Broker, BrokerError> {
    let config = BrokerConfig { nodes, ..BrokerConfig::default() };
    let broker = EmbeddedBroker::start(config).map_err(|error| BrokerError::Embedded(error.to_string()))?;
    let label = if nodes > 1 { format!("embedded broker ({nodes} nodes)") } else { "embedded broker".to_owned() };
    Ok(Broker {
        kind: BrokerKind::Embedded,
        label,
        nodes,
        settings: ClientSettings { bootstrap: broker.bootstrap_servers(), options: BTreeMap::new() },
        owned: Owned::Embedded(broker),
    })
}
