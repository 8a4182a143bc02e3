//! Every record of the run against the contract.

use std::collections::BTreeMap;

use eventproof_contract::Contract;
use eventproof_evidence::{Cause, Journal, Observation, Seen};
use eventproof_reports::model::{Conformance, Finding};

/// Findings that a report shows.
const SHOWN: usize = 20;

/// Judges every record that was seen on a topic of the contract.
pub(super) fn judge(contract: &Contract, journal: &Journal) -> Conformance {
    let mut seen: BTreeMap<String, u64> = contract.messages.iter().map(|message| (message.name.clone(), 0)).collect();
    let mut conformance = Conformance::default();
    for observation in journal.since(0) {
        let Observation::Seen(record) = &*observation else { continue };
        if contract.channel_of_topic(&record.topic).is_none() {
            continue;
        }
        conformance.records += 1;
        if let Some(count) = record.event_type.as_deref().and_then(|name| seen.get_mut(name)) {
            *count += 1;
        }
        if !record.violations.is_empty() {
            conformance.nonconforming += 1;
            if conformance.findings.len() < SHOWN {
                conformance.findings.push(finding(record));
            }
        }
    }
    conformance.seen = seen.into_iter().collect();
    conformance
}

fn finding(record: &Seen) -> Finding {
    Finding::broken(&Cause::Nonconforming {
        place: record.place(),
        what: record.event_type.as_deref().map_or("a record".to_owned(), |name| format!("\"{name}\"")),
        violations: record.violations.clone(),
    })
}
