//! How long a payload may be.

use eventproof_contract::{Contract, Message};

/// What a topic takes where nothing is said, and what a producer sends at most: Kafka's own defaults, the lower of both.
const LONGEST_RECORD: usize = 1_000_000;
/// What a record has beside its payload, generously.
const BESIDE_PAYLOAD: usize = 1_000;

/// The longest payload that a message's topic takes.
pub(crate) fn longest_payload(contract: &Contract, message: &Message) -> usize {
    let config = contract.channel(&message.channel).and_then(|channel| channel.config.get("max.message.bytes"));
    let limit = config.and_then(|text| text.parse().ok()).unwrap_or(LONGEST_RECORD).min(LONGEST_RECORD);
    limit.saturating_sub(BESIDE_PAYLOAD)
}
