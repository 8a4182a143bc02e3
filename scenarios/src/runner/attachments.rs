//! What went over the wires in a scenario, kept where it did not hold: records, HTTP exchanges and looks at views, without sensitive
//! fields.

use std::collections::HashSet;

use eventproof_contract::Contract;
use eventproof_evidence::oracle::Target;
use eventproof_evidence::{At, Name, Observation, Seen};
use eventproof_reports::model::{Attachments, Exchange, KeptLook, KeptRecord};
use eventproof_system::{Answer, Looked, Params};

use super::hidden::{HIDDEN, Hidden};
use super::timeline::millis;
use super::world::Running;

/// Records, and exchanges, that are kept.
const MOST: usize = 60;

/// Records that are kept of those like an event that never came.
const NEAR: usize = 3;

/// Looks that are kept.
const LOOKS: usize = 30;

impl Running {
    /// The records of its events and of what belongs to them by correlation, and every exchange of its actions.
    pub fn attachments(&self) -> Attachments {
        let contract = &self.context.pack.contract;
        let hidden = &self.context.hidden;
        let background = self.background.iter().flat_map(|background| &background.events);
        let targets: Vec<_> = self.events.iter().chain(background).map(|event| &event.target).collect();
        let mut correlations: HashSet<Name> = HashSet::new();
        let mut records = Vec::new();
        for observation in self.context.rig.journal.since(self.standpoint.from()) {
            let Observation::Seen(seen) = &*observation else { continue };
            let related = seen.correlation.as_ref().is_some_and(|correlation| correlations.contains(correlation));
            if related || targets.iter().any(|target| target.matches(seen)) {
                correlations.extend(seen.correlation.clone());
                records.push(kept(seen, contract, hidden, self.began));
            }
            if records.len() == MOST {
                break;
            }
        }
        records.extend(self.nearest_records(&targets, hidden));
        Attachments { records, exchanges: self.exchanges.clone(), looks: self.looks().iter().cloned().collect() }
    }

    /// Of each event that never came, the records that are like it: the first few.
    fn nearest_records(&self, targets: &[&Target], hidden: &Hidden) -> Vec<KeptRecord> {
        let contract = &self.context.pack.contract;
        let journal = self.context.rig.journal.since(self.standpoint.from());
        let seen: Vec<&Seen> = journal
            .iter()
            .filter_map(|observation| match &**observation {
                Observation::Seen(seen) => Some(seen),
                _ => None,
            })
            .collect();
        let missing = targets.iter().filter(|target| !seen.iter().any(|one| target.matches(one)));
        let near = missing.flat_map(|target| {
            let like = seen.iter().filter(|one| target.is_nearly(one)).take(NEAR);
            like.map(|one| KeptRecord {
                nearest_to: Some(target.what.clone()),
                ..kept(one, contract, hidden, self.began)
            })
        });
        near.take(MOST).collect()
    }

    /// Keeps what an action sent and was answered.
    pub(super) fn keep_exchange(&mut self, action: &str, params: &Params, asked: At, answer: Result<&Answer, String>) {
        if self.exchanges.len() == MOST {
            return;
        }
        let context = self.context.clone();
        let hidden = &context.hidden;
        if let Ok(answer) = answer {
            let bodies = answer.sent.iter().chain([&answer.body]);
            bodies.for_each(|body| hidden.values_in(body, &mut self.secrets));
        }
        let secret = params.iter().filter(|(name, _)| hidden.is_named(name));
        self.secrets.extend(secret.map(|(_, value)| value.clone()));
        let without = |text: &str| hidden.without(text, params);
        let at_ms = millis(asked, self.began);
        let took_ms = millis(self.now(), asked);
        self.exchanges.push(match answer {
            Ok(answer) => Exchange {
                at_ms,
                action: action.to_owned(),
                request: without(&answer.request),
                sent: answer.sent.as_ref().map(|body| without(&hidden.body(body))).unwrap_or_default(),
                status: (answer.status > 0).then_some(answer.status),
                answer: without(&hidden.body(&answer.body)),
                took_ms,
            },
            Err(error) => Exchange {
                at_ms,
                action: action.to_owned(),
                request: format!("action \"{action}\""),
                sent: String::new(),
                status: None,
                answer: without(&error),
                took_ms,
            },
        });
    }

    /// Keeps a look at a view: the last ones, and of looks with the same answer, one after the other, the first and their number.
    pub(super) fn keep_look(&self, view: &str, params: &Params, looked: &Looked) {
        let hidden = &self.context.hidden;
        let mut looks = self.looks();
        let kept = KeptLook {
            at_ms: millis(looked.sample.asked, self.began),
            view: view.to_owned(),
            question: hidden.without(&format!("GET {}", looked.address), params),
            shown: looked.sample.shown,
            answer: match &looked.answer {
                Some(body) => hidden.without(&hidden.body(body), params),
                None => hidden.without(&looked.sample.detail, params),
            },
            times: 1,
            took_ms: millis(looked.sample.answered, looked.sample.asked),
        };
        if let Some(last) = looks.back_mut()
            && (&last.view, &last.question, last.shown, &last.answer)
                == (&kept.view, &kept.question, kept.shown, &kept.answer)
        {
            last.times += 1;
            return;
        }
        if looks.len() == LOOKS {
            looks.pop_front();
        }
        looks.push_back(kept);
    }

    fn looks(&self) -> std::sync::MutexGuard<'_, std::collections::VecDeque<KeptLook>> {
        self.looks.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A record as it may be shown.
pub(super) fn kept(seen: &Seen, contract: &Contract, hidden: &Hidden, began: At) -> KeptRecord {
    let marks = hidden.marks(seen, contract);
    let text = |name: &Option<Name>| {
        name.as_deref().map(|name| if marks.contains(&name) { HIDDEN.to_owned() } else { name.to_owned() })
    };
    let shown = seen.fields.iter().filter(|(pointer, _)| !hidden.is_field_of(seen, contract, pointer));
    KeptRecord {
        at_ms: millis(seen.at, began),
        place: seen.place().to_string(),
        message: seen.event_type.as_deref().map(str::to_owned),
        id: text(&seen.id),
        correlation: text(&seen.correlation),
        key: text(&seen.key),
        fields: shown.map(|(pointer, text)| (pointer.to_string(), text.to_string())).collect(),
        violations: seen.violations.clone(),
        time_ms: seen.timestamp_ms,
        nearest_to: None,
    }
}
