//! The broker's fault that a sentence stands for.

use std::collections::BTreeMap;

use eventproof_broker::BrokerFault;

use super::{Arguments, SentenceId};

/// The kind of fault that a sentence begins, in the words of the broker part.
fn kind(id: SentenceId) -> Option<&'static str> {
    Some(match id {
        SentenceId::BrokerDelays => "delay",
        SentenceId::BrokerAnswersWithError => "error",
        SentenceId::BrokerDisconnects => "disconnect",
        SentenceId::BrokerIsSilent => "silence",
        SentenceId::BrokerLosesAcknowledgements => "lose-acknowledgement",
        SentenceId::BrokerCorrupts => "corrupt",
        SentenceId::BrokerThrottles => "throttle",
        SentenceId::BrokerCrashes | SentenceId::NodeCrashes => "crash",
        SentenceId::LeadersMove => "move-leaders",
        SentenceId::BrokerClockAhead | SentenceId::BrokerClockBehind => "clock",
        _ => return None,
    })
}

/// Whether a sentence does something to the broker, so that nobody else may use it meanwhile.
pub(crate) fn disturbs_broker(id: SentenceId) -> bool {
    kind(id).is_some() || matches!(id, SentenceId::BrokerIsStarted | SentenceId::BrokerIsHealthy)
}

/// The fault, if the sentence begins one; or what is wrong with its parameters or its table.
pub(crate) fn broker_fault(
    id: SentenceId,
    arguments: &Arguments,
    table: &[(String, String)],
) -> Option<Result<BrokerFault, String>> {
    let kind = kind(id)?;
    let mut settings: BTreeMap<String, String> = table.iter().cloned().collect();
    settings.extend(arguments.iter().map(|(name, _, text)| (name.to_owned(), text.to_owned())));
    if let Some(by) = arguments.duration("by") {
        // In units that every part reads.
        settings.insert("by".to_owned(), format!("{}ms", by.as_millis()));
    }
    if id == SentenceId::BrokerClockBehind {
        settings.insert("direction".to_owned(), "behind".to_owned());
    }
    Some(BrokerFault::new(kind, &settings))
}
