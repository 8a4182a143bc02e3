//! Every record of the run against the contract.

use std::collections::{BTreeMap, BTreeSet};

use eventproof_contract::Contract;
use eventproof_evidence::{Cause, Journal, Observation, Seen};
use eventproof_reports::model::{Conformance, Finding};

/// Findings that a report shows.
pub(super) const SHOWN: usize = 20;

/// Judges every record that was seen, from this entry of the journal on, on a topic of the contract, but for events that were `invalid` on purpose. Also gives the
/// messages of which records were seen that we did not publish ourselves.
pub(super) fn judge(
    contract: &Contract,
    journal: &Journal,
    from: usize,
    invalid: &BTreeSet<String>,
) -> (Conformance, BTreeSet<String>) {
    let own = Own::of(journal, invalid);
    let mut witnessed = BTreeSet::new();
    let mut seen: BTreeMap<String, u64> = contract.messages.iter().map(|message| (message.name.clone(), 0)).collect();
    let mut conformance = Conformance::default();
    for observation in journal.since(from) {
        let Observation::Seen(record) = &*observation else { continue };
        if contract.channel_of_topic(&record.topic).is_none() {
            continue;
        }
        if own.is_invalid(record) {
            continue;
        }
        conformance.records += 1;
        if !record.id.as_deref().is_some_and(|id| own.sent.contains(id)) {
            witnessed.extend(record.event_type.as_deref().map(str::to_owned));
        }
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
    (conformance, witnessed)
}

/// What we published ourselves.
struct Own {
    sent: BTreeSet<String>,
    /// Places of records that depart from the contract on purpose.
    invalid: BTreeSet<(String, i32, i64)>,
}

impl Own {
    fn of(journal: &Journal, on_purpose: &BTreeSet<String>) -> Own {
        let mut own = Own { sent: BTreeSet::new(), invalid: BTreeSet::new() };
        for observation in journal.since(0) {
            match &*observation {
                Observation::Sent { event, .. } => drop(own.sent.insert(event.to_string())),
                Observation::Acknowledged { event, topic, partition, offset, .. } if on_purpose.contains(&**event) => {
                    own.invalid.insert((topic.to_string(), *partition, *offset));
                }
                _ => {}
            }
        }
        own
    }

    fn is_invalid(&self, record: &Seen) -> bool {
        !self.invalid.is_empty() && self.invalid.contains(&(record.topic.to_string(), record.partition, record.offset))
    }
}

fn finding(record: &Seen) -> Finding {
    Finding::broken(&Cause::Nonconforming {
        place: record.place(),
        what: record.event_type.as_deref().map_or("a record".to_owned(), |name| format!("\"{name}\"")),
        violations: record.violations.clone(),
    })
}
