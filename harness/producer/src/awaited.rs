//! A producer whose records are waited for one by one.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::{FromClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, ToBytes};
use rdkafka::producer::{BaseProducer, BaseRecord, FutureRecord, ProducerContext};
use rdkafka::{ClientConfig, Message, Statistics};

use crate::Polled;

/// How long a full queue has until it is tried again.
const AGAIN: Duration = Duration::from_millis(100);

/// Where a record was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    pub partition: i32,
    pub offset: i64,
}

type Tell = oneshot::Sender<Result<Written, KafkaError>>;

/// A record's fate, once it is known; `Canceled` if its producer was dropped before.
pub type Answer = oneshot::Receiver<Result<Written, KafkaError>>;

/// A producer that answers for each record. Clones are the same producer. Made by `ClientConfig::create`, or
/// `create_with_context` with a context for its client.
pub struct Awaited<L: ClientContext + 'static = DefaultClientContext>(Arc<Polled<Answers<L>>>);

impl<L: ClientContext + 'static> Clone for Awaited<L> {
    fn clone(&self) -> Awaited<L> {
        Awaited(self.0.clone())
    }
}

impl FromClientConfig for Awaited {
    fn from_config(config: &ClientConfig) -> KafkaResult<Awaited> {
        Awaited::from_config_and_context(config, DefaultClientContext)
    }
}

impl<L: ClientContext + 'static> FromClientConfigAndContext<L> for Awaited<L> {
    fn from_config_and_context(config: &ClientConfig, context: L) -> KafkaResult<Awaited<L>> {
        Ok(Awaited(Arc::new(Polled::from_config_and_context(config, Answers(context))?)))
    }
}

impl<L: ClientContext + 'static> Awaited<L> {
    /// Hands over a record. Never waits.
    ///
    /// # Errors
    /// If the client does not take it: its queue is full, or the record is none it could send.
    pub fn send<K: ToBytes + ?Sized, P: ToBytes + ?Sized>(
        &self,
        record: FutureRecord<'_, K, P>,
    ) -> Result<Answer, KafkaError> {
        let (base, answer) = with_answer(record);
        self.0.send(base).map_err(|(error, _)| error)?;
        Ok(answer)
    }

    /// Hands over a record, for as long as `patience` again and again if the client's queue is full, and waits for its fate.
    ///
    /// # Errors
    /// If the client does not take it, or it is not known to be written.
    pub async fn write<K: ToBytes + ?Sized, P: ToBytes + ?Sized>(
        &self,
        record: FutureRecord<'_, K, P>,
        patience: Duration,
    ) -> Result<Written, KafkaError> {
        let (mut base, answer) = with_answer(record);
        let began = Instant::now();
        while let Err((error, refused)) = self.0.send(base) {
            let is_full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
            if !is_full || began.elapsed() >= patience {
                return Err(error);
            }
            tokio::time::sleep(AGAIN).await;
            base = refused;
        }
        answer.await.unwrap_or(Err(KafkaError::Canceled))
    }
}

/// rdkafka's producer itself: for its metadata, its transactions, a flush.
impl<L: ClientContext + 'static> Deref for Awaited<L> {
    type Target = BaseProducer<Answers<L>>;

    fn deref(&self) -> &BaseProducer<Answers<L>> {
        &self.0
    }
}

fn with_answer<'r, K: ToBytes + ?Sized, P: ToBytes + ?Sized>(
    record: FutureRecord<'r, K, P>,
) -> (BaseRecord<'r, K, P, Box<Tell>>, Answer) {
    let (tell, answer) = oneshot::channel();
    let mut base = BaseRecord::with_opaque_to(record.topic, Box::new(tell));
    (base.partition, base.timestamp) = (record.partition, record.timestamp);
    (base.key, base.payload, base.headers) = (record.key, record.payload, record.headers);
    (base, answer)
}

/// What takes answers to those who wait; everything else goes to the context that the client was given.
pub struct Answers<L>(L);

impl<L: ClientContext> ClientContext for Answers<L> {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.0.log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        self.0.stats(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }
}

impl<L: ClientContext> ProducerContext for Answers<L> {
    type DeliveryOpaque = Box<Tell>;

    fn delivery(&self, result: &DeliveryResult<'_>, tell: Self::DeliveryOpaque) {
        let fate = match result {
            Ok(record) => Ok(Written { partition: record.partition(), offset: record.offset() }),
            Err((error, _)) => Err(error.clone()),
        };
        // Nobody may wait for it any more.
        let _ = tell.send(fate);
    }
}
