//! Writing several records or none: one transaction at a time, by a producer that Kafka knows by its id.

use std::time::Duration;

use eventproof_producer::Awaited;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::Producer;
use tokio::sync::{Mutex, MutexGuard};

use super::producer::future_record;
use super::{Brokers, LogContext, OutRecord};
use crate::shared::log::Log;

/// How long Kafka may take to begin or end a transaction.
const ASK: Duration = Duration::from_secs(10);

type Client = Awaited<LogContext>;

/// A producer of transactions; it is made when the first begins.
pub(crate) struct Transactions {
    config: ClientConfig,
    log: Log,
    client: Mutex<Option<Client>>,
}

/// What is under way. Whoever drops it without an end leaves it to the next one, which fences it off.
pub(crate) struct Transaction<'t> {
    held: MutexGuard<'t, Option<Client>>,
    client: Client,
}

impl Transactions {
    /// `id` is the same whenever this instance of the service starts again: what it left open is aborted then.
    pub(crate) fn new(brokers: &Brokers, id: &str, delivery_timeout: Duration, log: Log) -> Transactions {
        let mut config = brokers.client();
        config
            .set("client.id", id)
            .set("transactional.id", id)
            .set("message.timeout.ms", delivery_timeout.as_millis().to_string())
            .set("transaction.timeout.ms", (delivery_timeout * 2).as_millis().to_string());
        Transactions { config, log, client: Mutex::default() }
    }

    /// Begins one, once the one before it has ended.
    pub(crate) async fn begin(&self) -> Result<Transaction<'_>, KafkaError> {
        let mut held = self.client.lock().await;
        let client = match held.take() {
            Some(client) => client,
            None => self.fresh().await?,
        };
        client.begin_transaction()?;
        Ok(Transaction { held, client })
    }

    async fn fresh(&self) -> Result<Client, KafkaError> {
        let client: Client = self.config.create_with_context(LogContext(self.log))?;
        let asked = client.clone();
        blocking(move || asked.init_transactions(ASK)).await?;
        Ok(client)
    }
}

impl Transaction<'_> {
    /// Writes a record, and waits until it is on its topic: nobody who reads what is committed sees it yet.
    pub(crate) async fn write(&self, record: &OutRecord) -> Result<(), KafkaError> {
        let delivery = self.client.send(future_record(record))?;
        delivery.await.unwrap_or(Err(KafkaError::Canceled)).map(drop)
    }

    /// All that was written is there.
    pub(crate) async fn commit(self) -> Result<(), KafkaError> {
        self.end(|client| client.commit_transaction(ASK)).await
    }

    /// Nothing that was written is there.
    pub(crate) async fn abort(self) -> Result<(), KafkaError> {
        self.end(|client| client.abort_transaction(ASK)).await
    }

    /// A client whose transaction did not end is not used again.
    async fn end(mut self, end: fn(&Client) -> Result<(), KafkaError>) -> Result<(), KafkaError> {
        let asked = self.client.clone();
        blocking(move || end(&asked)).await?;
        *self.held = Some(self.client);
        Ok(())
    }
}

async fn blocking(ask: impl FnOnce() -> Result<(), KafkaError> + Send + 'static) -> Result<(), KafkaError> {
    tokio::task::spawn_blocking(ask).await.unwrap_or(Err(KafkaError::Canceled))
}
