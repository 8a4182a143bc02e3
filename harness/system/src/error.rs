//! What can go wrong with the services under test, before any promise is judged.

use std::time::Duration;

use eventproof_broker::BrokerError;
use eventproof_registry::RegistryError;

/// A service could not be started, asked or disturbed.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// The command could not be run at all.
    #[error(
        "service \"{service}\" could not be started with `{command}`: {detail}\n  is the command of this service in system.yaml right, and is the program there?"
    )]
    NotStarted { service: String, command: String, detail: String },
    /// Something was asked of it that only who started it can do.
    #[error(
        "service \"{service}\" runs already (`url` in system.yaml): eventproof did not start it, so it cannot end it, pause it or give it a fault"
    )]
    NotOurs { service: String },
    /// It did not say that it is ready.
    #[error("service \"{service}\" was not ready within {} s: {detail}{}", .within.as_secs_f64(), tail(.last_lines))]
    NotReady { service: String, within: Duration, detail: String, last_lines: Vec<String> },
    /// It ended before something was ready.
    #[error("service \"{service}\" ended before {before} ({status}){}", tail(.last_lines))]
    DiedEarly { service: String, before: String, status: String, last_lines: Vec<String> },
    /// Its group did not become stable, or did not handle what was sent to find out.
    #[error("group \"{group}\" was not ready within {} s: {detail}", .within.as_secs_f64())]
    GroupNotReady { group: String, within: Duration, detail: String },
    /// The Kafka client of this build speaks none of the mechanisms.
    #[error(
        "the Kafka client of this build speaks none of {wanted}\n  build with `--features ssl` for SCRAM, or let PLAIN follow it in `broker.sasl` of system.yaml"
    )]
    NoMechanism { wanted: String },
    /// A password is not where system.yaml says.
    #[error("the password of service \"{service}\" is missing: {detail}")]
    Password { service: String, detail: String },
    /// A store is nowhere.
    #[error("the address of store \"{store}\" is missing: {detail}")]
    StoreAddress { store: String, detail: String },
    /// No such service, view or action.
    #[error("no {kind} \"{name}\" in system.yaml; there are: {known}")]
    Unknown { kind: &'static str, name: String, known: String },
    /// A placeholder has no value.
    #[error("`{template}` needs a value for {{{name}}}; there are: {known}")]
    Placeholder { template: String, name: String, known: String },
    /// An HTTP request failed before there was an answer.
    #[error("{request}: {detail}")]
    Request { request: String, detail: String },
    /// No free port, no folder.
    #[error("{what}: {detail}")]
    Machine { what: String, detail: String },
    /// Something needs a schema registry, and nobody said which.
    #[error(
        "the contract's schemas need a schema registry: say --registry URL, or `schemaRegistryUrl` in the Kafka binding of a server"
    )]
    NoRegistry,
    /// The schema registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The broker failed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

fn tail(lines: &[String]) -> String {
    match lines.is_empty() {
        true => "; it printed nothing".to_owned(),
        false => format!("; its last lines:\n    {}", lines.join("\n    ")),
    }
}
