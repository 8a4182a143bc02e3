//! Reading `asyncapi.yaml` into a [`Contract`](crate::Contract), with every fault placed.

mod channel;
mod document;
mod extension;
mod message;
mod operation;
mod reference;
