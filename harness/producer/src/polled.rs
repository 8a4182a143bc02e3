//! A producer with a thread that polls it.
//!
//! rdkafka's own (`ThreadedProducer`, and `FutureProducer` on top of it, in 0.39) poll for 100 ms at a time. What is left of that goes
//! to librdkafka in whole milliseconds, rounded down: within the last one it is asked again and again without waiting, some
//! thousand times. That is one per cent of a core for each producer that has nothing to do. Polling for longer makes it less; the
//! thread is then not waited for when the producer is dropped.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::{BaseProducer, Producer, ProducerContext, PurgeConfig};

/// How long the thread polls in one go. One millisecond of it is spent without sleep; a client ends so much later than its producer.
const ONE_GO: Duration = Duration::from_secs(1);

/// A producer, with all that rdkafka's `BaseProducer` has, that needs not be polled: its context is told the fates of its records on a
/// thread of its own. Made by `ClientConfig::create_with_context`.
///
/// What is not acknowledged when it is dropped has failed (it is purged): flush before.
pub struct Polled<C: ProducerContext + 'static> {
    producer: Arc<BaseProducer<C>>,
    over: Arc<AtomicBool>,
}

impl<C: ProducerContext + 'static> FromClientConfigAndContext<C> for Polled<C> {
    fn from_config_and_context(config: &ClientConfig, context: C) -> KafkaResult<Polled<C>> {
        let producer = Arc::new(BaseProducer::from_config_and_context(config, context)?);
        let over = Arc::new(AtomicBool::new(false));
        let (polled, ends) = (producer.clone(), over.clone());
        thread::Builder::new()
            .name("eventproof-producer".to_owned())
            .spawn(move || {
                while !ends.load(Ordering::Acquire) {
                    polled.poll(ONE_GO);
                }
            })
            .map_err(|error| KafkaError::ClientCreation(format!("no thread for a producer: {error}")))?;
        Ok(Polled { producer, over })
    }
}

impl<C: ProducerContext + 'static> Deref for Polled<C> {
    type Target = BaseProducer<C>;

    fn deref(&self) -> &BaseProducer<C> {
        &self.producer
    }
}

impl<C: ProducerContext + 'static> Drop for Polled<C> {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        // Now, not once the thread comes to its end: nothing is written for a producer that is no more.
        self.producer.purge(PurgeConfig::default().queue().inflight());
    }
}
