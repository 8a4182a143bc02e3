//! Everything that can keep a service from starting or running.

use std::net::SocketAddr;

use crate::shared::settings::SettingsError;

/// Why a service did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// No system has that name.
    #[error("no system is called `{name}`; known: {known}")]
    UnknownSystem {
        /// What was asked for.
        name: String,
        /// The names there are, comma-separated.
        known: String,
    },
    /// The system has no service of that name.
    #[error("system `{system}` has no service `{name}`; known: {known}")]
    UnknownService {
        /// The system that was looked in.
        system: String,
        /// What was asked for.
        name: String,
        /// The names there are, comma-separated.
        known: String,
    },
    /// The service has no fault of that name.
    #[error("service `{service}` has no fault `{name}`; known: {known}")]
    UnknownFault {
        /// The service that was looked in.
        service: String,
        /// What was asked for.
        name: String,
        /// The names there are, comma-separated, or "none".
        known: String,
    },
    /// One or more environment variables are missing or unreadable.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The HTTP address could not be had.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address of `HTTP_ADDR`.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The store could not be opened.
    #[error("cannot open the store {url}: {reason}")]
    Store {
        /// The store's URL, without a password.
        url: String,
        /// What the store said.
        reason: String,
    },
    /// The service cannot use that kind of store.
    #[error("{service} cannot keep its data in {url}; it knows {known}")]
    StoreKind {
        /// The service.
        service: &'static str,
        /// The store's URL, without a password.
        url: String,
        /// The kinds it can use.
        known: &'static str,
    },
    /// A Kafka client could not be made, or failed for good.
    #[error("Kafka {what}: {source}")]
    Kafka {
        /// Which client, doing what.
        what: &'static str,
        /// What the client said.
        source: rdkafka::error::KafkaError,
    },
    /// Serving HTTP or waiting for a signal failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A part of the service ended although nobody had asked for it.
    #[error("{part} ended unexpectedly: {reason}")]
    Ended {
        /// Which part.
        part: &'static str,
        /// How it ended.
        reason: String,
    },
}
