//! The broker in this process.

use std::collections::BTreeMap;

use eventproof_embedded::{BrokerConfig, EmbeddedBroker};

use super::{Broker, BrokerKind, Owned};
use crate::BrokerError;
use crate::client::ClientSettings;

pub(super) fn start() -> Result<Broker, BrokerError> {
    let broker =
        EmbeddedBroker::start(BrokerConfig::default()).map_err(|error| BrokerError::Embedded(error.to_string()))?;
    Ok(Broker {
        kind: BrokerKind::Embedded,
        label: "embedded broker".to_owned(),
        settings: ClientSettings { bootstrap: broker.bootstrap_servers(), options: BTreeMap::new() },
        owned: Owned::Embedded(broker),
    })
}
