//! A pack's contract: what an event-driven system promises of its records, as one typed model.
//!
//! `asyncapi.yaml` (AsyncAPI 3.0 and 3.1, with Kafka bindings and `x-eventproof` extensions) becomes a [`Contract`]:
//! channels with topics, messages with schema, envelope and key, operations with groups and deadlines. From it come
//! what a record says of itself ([`Facts`]), how it departs from the contract ([`Violation`]), new valid records
//! ([`Generator`]), where a key belongs ([`Partitioner`]), and what a new version breaks ([`Change`]). Payloads are JSON, Avro
//! or Protobuf in bytes, and JSON values to everybody else. This part knows nothing of brokers, scenarios or load.
//!
//! ```text
//! asyncapi.yaml --> Contract --> read_facts, check   (records that were seen)
//!                            --> Generator::record   (records to publish)
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod encoding;
mod evolution;
mod expression;
mod facts;
mod generate;
mod headers;
mod init;
mod key;
mod model;
mod outline;
mod partitioner;
mod place;
mod promise;
mod read;
mod registry;
mod retry;
mod schema;
mod sensitive;
mod text;
mod violation;

pub use encoding::{DecodeError, Framing, SchemaError, SchemaImport, SchemaKind, SchemaSource, SchemaText};
pub use evolution::{Breaks, Change, Mode, Rule};
pub use expression::{Expression, Part};
pub use facts::Facts;
pub use generate::{Came, Draft, Filled, Form, GenerateError, Generator, Invalid, Mark, Renamed, event_number};
pub use init::{Sample, SampledTopic, Started, contract_of, mark_absent, upgrade};
pub use model::{
    Action, Also, Channel, Contract, Deduplication, Envelope, Handling, Message, Operation, Record, SentinelField,
    Server,
};
pub use partitioner::Partitioner;
pub use place::PlaceInPayload;
pub use promise::{Promise, Property};
pub use registry::{Registration, SubjectNaming};
pub use retry::{Backoff, DeadLetter, Kept, Link, Position, Retry, RetryTopics};
pub use schema::Schema;
pub use violation::Violation;
