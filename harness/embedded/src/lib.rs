//! eventproof-embedded: a Kafka broker inside the process, whose verdicts are Apache Kafka's.
//!
//! It speaks Kafka's protocol over TCP to any client: topics, idempotent and transactional
//! producers, fetches that wait, consumer groups of the classic protocol, administration, and faults
//! that a test injects. Everything is in memory, on one thread of its own.
//!
//! What flows through: frames come in by [`connection`], are checked against the wire schema, decoded
//! and routed by [`api`], which acts on the [`broker`] state: [`topics`] with their [`log`]s,
//! [`groups`], [`transactions`]. Batches are kept as the bytes that were sent and never re-encoded.
//!
//! Differences from Apache Kafka 4.2, on purpose:
//! - Nodes share one log, so replicas never differ; leadership is spread, and moves when a node dies or is told to.
//!   A cluster of one, the default, refuses topics with more than one replica, as Apache Kafka does.
//! - Groups start at once: `group.initial.rebalance.delay.ms` is 0 by default, not 3 s.
//! - A topic created by a first use is there at once, not at the second try.
//! - Compaction drops a batch that it leaves empty, even a producer's last; Kafka keeps that one's header.
//! - Retention removes batches, not segments of many; it is looked at as often.
//! - A topic's `compression.type` does not recompress.
//! - Fetch sessions are not kept: every fetch is answered in full, as the protocol allows.
//! - No internal topics are shown; committed offsets do not expire.
//! - SASL over plain TCP only (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512), for all listeners or none; nobody is refused anything.
//! - KIP-848 and share groups, ACLs and quotas are not advertised: clients get "unsupported".
//! - When the memory limit is reached, produce requests are refused with POLICY_VIOLATION.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod api;
mod batch;
mod broker;
mod codes;
mod compaction;
mod config;
mod connection;
mod embedded;
mod faults;
mod groups;
mod log;
mod nodes;
mod ports;
mod producers;
mod records;
mod retention;
mod sasl;
mod schema;
mod server;
mod shapes;
mod spoilt;
mod topic_config;
mod topics;
mod transactions;

pub use config::{BrokerConfig, Clock, Listener, LoginOutcome, MAX_NODES, OnLogin, SystemClock, User};
pub use embedded::{EmbeddedBroker, FaultsHandle, StartError};
pub use faults::{Api, Effect, Fault, FaultId, Kept, Match, UnknownApi, error_code};
pub use ports::lasting_listener;
