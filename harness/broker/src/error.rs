//! What can go wrong between eventproof and a broker.

use std::time::Duration;

/// A broker could not be started, reached, or asked.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The embedded broker did not start.
    #[error("the embedded broker did not start: {0}")]
    Embedded(String),
    /// The container did not start.
    #[error(
        "the Kafka container ({image}) did not start: {detail}\n  is a Docker daemon running? `docker info` tells; without one, use the embedded broker (leave out --broker container)"
    )]
    Container { image: String, detail: String },
    /// Nobody answers.
    #[error("no broker answers at {bootstrap} within {}: {detail}", seconds(.waited))]
    Unreachable { bootstrap: String, waited: Duration, detail: String },
    /// It answers, and does not let us in.
    #[error(
        "the broker at {bootstrap} does not let eventproof in: authentication failed: {detail}\n  are sasl.mechanism, sasl.username and sasl.password right (--broker-option KEY=VALUE, or KEY=@FILE)?"
    )]
    Refused { bootstrap: String, detail: String },
    /// A topic could not be made as the contract declares it.
    #[error("topic \"{topic}\" could not be created: {detail}")]
    Topic { topic: String, detail: String },
    /// A client could not be made: a wrong option, most often.
    #[error("the Kafka client could not be made: {0}")]
    Client(String),
    /// A topic was not read to its end in time.
    #[error("topic \"{topic}\" could not be read to its end within {}", seconds(.waited))]
    Unread { topic: String, waited: Duration },
    /// A question to the broker failed.
    #[error("{question} failed: {detail}")]
    Asked { question: String, detail: String },
}

impl BrokerError {
    pub(crate) fn asked(question: impl Into<String>, error: impl std::fmt::Display) -> BrokerError {
        BrokerError::Asked { question: question.into(), detail: error.to_string() }
    }
}

fn seconds(waited: &Duration) -> String {
    format!("{} s", waited.as_secs_f64())
}
