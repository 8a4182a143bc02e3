//! What every reference service is made of, once: settings, log, clock, stopping, metrics, HTTP, stores, Kafka, the outbox.

pub(crate) mod clock;
pub(crate) mod dead_letter;
pub(crate) mod faults;
pub(crate) mod form;
pub(crate) mod http;
pub(crate) mod kafka;
pub(crate) mod lag_exporter;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod onlooker;
pub(crate) mod outbox;
pub(crate) mod outside;
pub(crate) mod postgres;
pub(crate) mod processed;
pub(crate) mod replay;
pub(crate) mod settings;
pub(crate) mod sql;
pub(crate) mod sqlite;
pub(crate) mod stop;
pub(crate) mod store;
