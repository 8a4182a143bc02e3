//! Kafka as the services use it: an idempotent producer, and a consumer that commits after success.

mod assignment;
mod brokers;
mod consumer;
mod producer;
mod record;
mod reread;
mod topics;
mod transaction;
mod work;

pub(crate) use assignment::Assignment;
pub(crate) use brokers::{Brokers, Login};
pub(crate) use consumer::{BatchHandler, Consumer, ConsumerFaults, ConsumerSettings, TryAgain};
#[cfg(test)]
pub(crate) use producer::fake;
pub(crate) use producer::{KafkaPublisher, Publish, PublishError};
pub(crate) use record::{Header, OutRecord, Record};
pub(crate) use reread::reread;
pub(crate) use topics::add_partition;
pub(crate) use transaction::{Transaction, Transactions};
pub(crate) use work::{on_a_thread, readiness};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

use super::log::Log;

/// Passes the Kafka client's own words on to the service's log.
#[derive(Clone)]
pub(crate) struct LogContext(pub(crate) Log);

impl ClientContext for LogContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_client(&self.0, level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.warn(format_args!("kafka client: {error}: {reason}"));
    }
}

impl ConsumerContext for LogContext {}

fn log_client(log: &Log, level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
            log.error(format_args!("kafka client {facility}: {message}"));
        }
        RDKafkaLogLevel::Warning => log.warn(format_args!("kafka client {facility}: {message}")),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {}
    }
}
