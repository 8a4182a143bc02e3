//! A broker that runs already.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::{Broker, BrokerKind, Owned};
use crate::BrokerError;
use crate::client::ClientSettings;

/// How long a broker may take to answer the first question.
const FIRST_ANSWER: Duration = Duration::from_secs(10);
/// How long each part of that question waits, before it is looked whether the broker refused us.
const ASK: Duration = Duration::from_millis(500);

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

/// Hears what becomes of the connection: a question that was not answered does not say why.
#[derive(Default)]
struct Hearing {
    refused: Mutex<Option<String>>,
}

impl ClientContext for Hearing {
    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Authentication) {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Hearing {}

fn count_nodes(settings: &ClientSettings) -> Result<usize, BrokerError> {
    let consumer: BaseConsumer<Hearing> = settings
        .base("eventproof-probe")
        .create_with_context(Hearing::default())
        .map_err(|error| BrokerError::Client(error.to_string()))?;
    let began = std::time::Instant::now();
    loop {
        let error = match consumer.fetch_metadata(None, ASK) {
            Ok(metadata) => return Ok(metadata.brokers().len()),
            Err(error) => error,
        };
        // What the client has to tell is told while it is polled.
        let _ = consumer.poll(Duration::ZERO);
        let heard = consumer.context().refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(detail) = heard {
            return Err(BrokerError::Refused { bootstrap: settings.bootstrap.clone(), detail });
        }
        if began.elapsed() >= FIRST_ANSWER {
            let (bootstrap, detail) = (settings.bootstrap.clone(), error.to_string());
            return Err(BrokerError::Unreachable { bootstrap, waited: FIRST_ANSWER, detail });
        }
    }
}
