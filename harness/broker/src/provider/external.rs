//! A broker that runs already.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::{Broker, BrokerKind, Owned};
use crate::BrokerError;
use crate::client::ClientSettings;

/// How long a broker may take to answer the first question.
const FIRST_ANSWER: Duration = Duration::from_secs(10);

pub(super) async fn connect(bootstrap: &str, options: &BTreeMap<String, String>) -> Result<Broker, BrokerError> {
    let settings = ClientSettings { bootstrap: bootstrap.to_owned(), options: options.clone() };
    let probe = settings.clone();
    let nodes = tokio::task::spawn_blocking(move || count_nodes(&probe))
        .await
        .map_err(|error| BrokerError::Client(error.to_string()))??;
    Ok(Broker {
        kind: BrokerKind::External,
        nodes,
        label: format!("external broker {bootstrap} ({nodes} node{})", if nodes == 1 { "" } else { "s" }),
        settings,
        owned: Owned::Nothing,
    })
}

fn count_nodes(settings: &ClientSettings) -> Result<usize, BrokerError> {
    let consumer: BaseConsumer =
        settings.base("eventproof-probe").create().map_err(|error| BrokerError::Client(error.to_string()))?;
    let metadata = consumer.fetch_metadata(None, FIRST_ANSWER).map_err(|error| BrokerError::Unreachable {
        bootstrap: settings.bootstrap.clone(),
        waited: FIRST_ANSWER,
        detail: error.to_string(),
    })?;
    Ok(metadata.brokers().len())
}
