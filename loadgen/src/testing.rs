//! What tests of several modules have in common.

use eventproof_contract::Contract;
use eventproof_source::Source;

/// A contract of these channels, and whatever else of a document stands behind them.
pub(crate) fn contract(channels: &str) -> Contract {
    let text = format!("asyncapi: 3.0.0\ninfo: {{title: t, version: '1'}}\n{channels}");
    Contract::parse(&Source::inline("asyncapi.yaml", &text)).map_err(|faults| faults.render(false)).unwrap().0
}
