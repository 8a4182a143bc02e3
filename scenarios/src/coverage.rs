//! Which promises of the contract scenarios touch.

use std::collections::{BTreeMap, BTreeSet};

use eventproof_contract::{Promise, Property};
use eventproof_reports::model::{Coverage, CoverageRow};

use crate::catalogue::{Kind, SentenceId};
use crate::pack::Pack;
use crate::plan::{PlannedScenario, Sub};

/// A message and what of it is looked at.
type Touch = (String, Property);

/// The promises of the pack's contract, and for each the scenarios that touch it: those that `counts` says, by file and
/// line. `witnessed`: messages of which services published records that were checked, whatever a scenario said of them.
pub fn coverage(
    pack: &Pack,
    scenarios: &[PlannedScenario],
    counts: impl Fn(&PlannedScenario) -> bool,
    witnessed: &BTreeSet<String>,
) -> Coverage {
    let mut by_touch: BTreeMap<Touch, BTreeSet<String>> = BTreeMap::new();
    for scenario in scenarios.iter().filter(|scenario| counts(scenario)) {
        for touch in touches(pack, scenario) {
            by_touch.entry(touch).or_default().insert(scenario.name.clone());
        }
    }
    for message in witnessed {
        for property in [Property::Schema, Property::Key] {
            let by = by_touch.entry((message.clone(), property)).or_default();
            if by.is_empty() {
                by.insert("every record of the run".to_owned());
            }
        }
    }
    let row = |promise: Promise| CoverageRow {
        by: by_touch.get(&(promise.message.clone(), promise.property)).into_iter().flatten().cloned().collect(),
        channel: promise.channel,
        message: promise.message,
        property: promise.property.name().to_owned(),
    };
    Coverage { rows: pack.contract.promises().into_iter().map(row).collect() }
}

/// What a scenario touches: of the event that a sentence means, what the sentence observes.
fn touches(pack: &Pack, scenario: &PlannedScenario) -> BTreeSet<Touch> {
    let mut meant = Meant::default();
    let mut found = BTreeSet::new();
    for sub in scenario.steps.iter().flat_map(|step| &step.subs) {
        meant.note(pack, sub);
        let Some(message) = meant.of(sub) else { continue };
        let seen = properties(sub.sentence.id, meant.is_caused(&message), meant.duplicated.contains(&message));
        found.extend(seen.into_iter().map(|property| (message.clone(), property)));
    }
    found
}

/// Which message "it", or a name, is.
#[derive(Default)]
struct Meant {
    names: BTreeMap<String, String>,
    last: Option<String>,
    caused: BTreeSet<String>,
    duplicated: BTreeSet<String>,
}

impl Meant {
    fn note(&mut self, pack: &Pack, sub: &Sub) {
        let arguments = sub.arguments();
        let text =
            |wanted: Kind| arguments.iter().find(|(_, kind, _)| *kind == wanted).map(|(_, _, text)| text.clone());
        let message = match sub.sentence.id {
            SentenceId::EventIsPublished | SentenceId::PublishedInBackground | SentenceId::InvalidIsPublished => {
                text(Kind::Event)
            }
            SentenceId::PublishedEverywhere => {
                self.duplicated.extend(text(Kind::Event));
                text(Kind::Event)
            }
            SentenceId::ActionIsDone => {
                let caused = text(Kind::Action)
                    .and_then(|action| Some(pack.system.action(&action)?.publishes.as_ref()?.message.clone()));
                self.caused.extend(caused.clone());
                caused
            }
            SentenceId::PublishedAgain | SentenceId::PublishedAgainOnceHandled | SentenceId::PublishedInNewEnvelope => {
                self.duplicated.extend(self.of(sub));
                None
            }
            _ => None,
        };
        if let Some(message) = message {
            self.names.extend(text(Kind::New).map(|name| (name, message.clone())));
            self.last = Some(message);
        }
    }

    /// The message that a sentence is about.
    fn of(&self, sub: &Sub) -> Option<String> {
        let arguments = sub.arguments();
        let named = arguments.iter().find_map(|(_, kind, text)| match kind {
            Kind::Event => Some(text.clone()),
            Kind::Ref => self.names.get(text).cloned(),
            _ => None,
        });
        named.or_else(|| self.last.clone())
    }

    fn is_caused(&self, message: &String) -> bool {
        self.caused.contains(message)
    }
}

/// What a sentence observes of its event. `caused`: a service published it, and not we; `duplicated`: a copy was sent.
fn properties(sentence: SentenceId, caused: bool, duplicated: bool) -> Vec<Property> {
    match sentence {
        SentenceId::DerivedFollows => vec![Property::Schema, Property::Key],
        SentenceId::IsDeadLettered => vec![Property::Delivery, Property::DeadLetter],
        SentenceId::OnTopicOnce | SentenceId::EventFollows if caused => vec![Property::Schema, Property::Key],
        SentenceId::DeadLetteredAfter => vec![Property::Delivery, Property::DeadLetter, Property::Retry],
        SentenceId::TriedAtStub | SentenceId::TriedOverTopics | SentenceId::TriedInLog => {
            vec![Property::Delivery, Property::Retry]
        }
        SentenceId::StubIsCalled => vec![Property::Delivery],
        SentenceId::ViewShows | SentenceId::ViewNoLongerShows => vec![Property::Delivery, Property::Deadline],
        SentenceId::GroupHasProcessed | SentenceId::NoneIsLost => vec![Property::Delivery],
        SentenceId::ShareInTime => vec![Property::Delivery, Property::Deadline],
        SentenceId::HandledExactlyOnce if duplicated => vec![Property::Delivery, Property::Idempotency],
        SentenceId::HandledExactlyOnce => vec![Property::Delivery],
        SentenceId::OrderOnTopic | SentenceId::OrderOfEffects => vec![Property::Order],
        _ => Vec::new(),
    }
}
