//! Reading `asyncapi.yaml` into a [`Contract`](crate::Contract), with every fault placed.

mod channel;
mod document;
mod extension;
mod files;
mod keyword;
mod message;
mod operation;
mod parameter;
mod places;
mod reference;
mod retry;
mod schema;
mod server;
mod traits;
