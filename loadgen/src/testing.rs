//! What tests of several modules have in common.

use std::sync::mpsc::Receiver;

use eventproof_contract::Contract;
use eventproof_evidence::Subject;
use eventproof_source::Source;

use crate::collector::Message;

/// A contract of these channels, and whatever else of a document stands behind them.
pub(crate) fn contract(channels: &str) -> Contract {
    let text = format!("asyncapi: 3.0.0\ninfo: {{title: t, version: '1'}}\n{channels}");
    Contract::parse(&Source::inline("asyncapi.yaml", &text)).map_err(|faults| faults.render(false)).unwrap().0
}

/// What somebody could not see, or has caught up with, in the order in which that was told.
pub(crate) fn told_of(told: &Receiver<Message>) -> Vec<Subject> {
    let about = |message: Message| match message {
        Message::Blind(blind) => blind.what,
        Message::CaughtUp(what, _) => what,
        other => panic!("{other:?} is not told here"),
    };
    told.try_iter().map(about).collect()
}
