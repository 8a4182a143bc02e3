//! "It": the last event of the scenario. Where two could be meant, both are told, since the reader cannot ask.

use std::collections::{BTreeMap, BTreeSet};

use eventproof_source::{Diagnostic, Diagnostics};
use gherkin::StepType;

use crate::catalogue::{Arguments, Kind, SentenceId};
use crate::pack::Pack;
use crate::plan::{FeatureFile, PlannedScenario, PlannedStep, Sub, line_span, sentence_arguments};

/// Checks every "it".
pub(crate) fn it(pack: &Pack, scenarios: &[PlannedScenario], faults: &mut Diagnostics) {
    let mut told = BTreeSet::new();
    for scenario in scenarios {
        let Some(file) = pack.features.iter().find(|file| file.path() == scenario.file) else { continue };
        let blocks = blocks(file);
        let mut meant = Meant::default();
        for step in &scenario.steps {
            meant.enter(blocks.get(&step.line).copied());
            let own = step.subs.iter().any(|sub| introduced(pack, sub).is_some());
            for sub in &step.subs {
                // What a phrase says of the event that it makes itself is clear.
                let fault = if own { None } else { meant.unclear(pack, step, sub) };
                if let Some(fault) =
                    fault.filter(|fault| told.insert((scenario.file.clone(), step.line, fault.message.clone())))
                {
                    faults.push(fault.at(&file.source, line_span(&file.source, step.line)));
                }
                meant.name(sub);
            }
            if let Some(event) = step.subs.iter().filter_map(|sub| introduced(pack, sub)).next_back() {
                meant.introduce(event, step.line);
            }
            meant.lost |= !step.is_whole || step.subs.iter().any(|sub| makes_unknown(pack, sub));
        }
    }
}

/// Whether each line of the file is a Given, a When or a Then: And, But and `*` go on with what stands above them.
fn blocks(file: &FeatureFile) -> BTreeMap<usize, StepType> {
    let feature = &file.feature;
    let backgrounds = feature.background.iter().chain(feature.rules.iter().filter_map(|rule| rule.background.as_ref()));
    let scenarios = feature.scenarios.iter().chain(feature.rules.iter().flat_map(|rule| &rule.scenarios));
    let steps = backgrounds.flat_map(|one| &one.steps).chain(scenarios.flat_map(|one| &one.steps));
    steps.map(|step| (step.position.line, step.ty)).collect()
}

/// The events that "it" could be: those of the last Given, When or Then that made any.
#[derive(Default)]
struct Meant {
    block: Option<StepType>,
    /// Whether another block began since the last event.
    left: bool,
    /// Whether what nobody understands may have made one of them.
    lost: bool,
    events: Vec<(String, usize)>,
}

impl Meant {
    fn enter(&mut self, block: Option<StepType>) {
        self.left |= block != self.block;
        self.block = block;
    }

    fn introduce(&mut self, event: String, line: usize) {
        if std::mem::take(&mut self.left) {
            self.events.clear();
            self.lost = false;
        }
        self.events.push((event, line));
    }

    /// A sentence that names the last event makes clear which is spoken of from there on.
    fn name(&mut self, sub: &Sub) {
        let names = matches!(sub.sentence.id, SentenceId::EventFollows | SentenceId::OnTopicOnce);
        let Some(last) = self.events.last().cloned().filter(|_| names) else { return };
        if sub.arguments().iter().any(|(_, kind, text)| *kind == Kind::Event && *text == last.0) {
            self.events = vec![last];
        }
    }

    fn unclear(&self, pack: &Pack, step: &PlannedStep, sub: &Sub) -> Option<Diagnostic> {
        if self.lost {
            return None;
        }
        let arguments = sentence_arguments(sub.sentence, &sub.text())?;
        let about = says_it(sub, &arguments);
        let fields = fields_of_it(sub);
        if !about && fields.is_empty() {
            return None;
        }
        let fits = |(event, _): &&(String, usize)| {
            (!about || can_be_meant(pack, sub.sentence.id, &arguments, event))
                && fields.iter().all(|field| may_have(pack, event, field))
        };
        let could: Vec<&(String, usize)> = self.events.iter().filter(fits).collect();
        if let ([only], Some(last)) = (could.as_slice(), self.events.last())
            && *only != last
        {
            return Some(wrong(only, last));
        }
        if could.len() < 2 {
            return None;
        }
        let places: Vec<String> = could.iter().map(|(event, line)| format!("\"{event}\" (line {line})")).collect();
        let what = match (step.phrase, about) {
            (Some(_), _) => "the \"it\" of this phrase".to_owned(),
            (None, true) => "\"it\"".to_owned(),
            (None, false) => format!("the \"it\" of {{it.{}}}", fields.first().map_or("", String::as_str)),
        };
        let (last, others) = places.split_last()?;
        let message = format!("{what} could be {} or {last}", others.join(", "));
        let help = "publish the one that is meant `as \"name\"` and write \"name\" instead of it; or make what only prepares a Given";
        Some(Diagnostic::error("feature/ambiguous-it", message).help(help))
    }
}

/// The fields of "it" that texts and table of a sentence speak of.
fn fields_of_it(sub: &Sub) -> Vec<String> {
    let mut texts = vec![sub.text()];
    texts.extend(sub.values());
    let names = texts.iter().flat_map(|text| eventproof_system::placeholders(text));
    names.filter_map(|name| name.strip_prefix("it.")).map(str::to_owned).collect()
}

/// Whether an event may have a field; what an action's answer adds is not the event's, and may be anything.
fn may_have(pack: &Pack, event: &str, field: &str) -> bool {
    let top = field.split('.').next().unwrap_or_default();
    let by_action = pack.system.actions.iter().any(|action| {
        action.publishes.as_ref().is_some_and(|follows| follows.message == event)
            && (action.captures.contains_key(field) || action.http.contains(&format!("{{{field}}}")))
    });
    let known = pack.contract.message(event).and_then(|message| message.payload.document.get("properties"));
    by_action || top == "id" || known.and_then(|known| known.as_object()).is_none_or(|known| known.contains_key(top))
}

/// The last event cannot be meant, and another can: the run would look for the wrong one.
fn wrong(only: &(String, usize), last: &(String, usize)) -> Diagnostic {
    let message = format!(
        "\"it\" is the last event, \"{}\" (line {}), with which the contract gives this sentence nothing to do",
        last.0, last.1
    );
    let help = format!(
        "if \"{}\" (line {}) is meant, publish it `as \"name\"` and write \"name\" instead of it",
        only.0, only.1
    );
    Diagnostic::error("feature/wrong-it", message).help(help)
}

/// The message of which a sentence publishes or causes one event.
pub(super) fn introduced(pack: &Pack, sub: &Sub) -> Option<String> {
    match sub.sentence.id {
        SentenceId::EventIsPublished
        | SentenceId::SizedIsPublished
        | SentenceId::PublishedEverywhere
        | SentenceId::InvalidIsPublished => sub.argument(Kind::Event),
        SentenceId::ActionIsDone | SentenceId::ActionsInARow => {
            Some(pack.system.action(&sub.argument(Kind::Action)?)?.publishes.as_ref()?.message.clone())
        }
        _ => None,
    }
}

/// Whether it is not known what a sentence brings about: it does what system.yaml does not have, or makes an event that the contract
/// does not have. That is told where it is written; what follows may well build on it.
pub(super) fn makes_unknown(pack: &Pack, sub: &Sub) -> bool {
    let event = introduced(pack, sub).is_some_and(|event| pack.contract.message(&event).is_none());
    event || sub.argument(Kind::Action).is_some_and(|action| pack.system.action(&action).is_none())
}

/// Whether a sentence is about the last event, and no event has its name in it.
pub(super) fn says_it(sub: &Sub, arguments: &Arguments) -> bool {
    let about = matches!(
        sub.sentence.id,
        SentenceId::PublishedAgain
            | SentenceId::PublishedAgainOnceHandled
            | SentenceId::PublishedInNewEnvelope
            | SentenceId::DerivedFollows
            | SentenceId::NoneCameBefore
            | SentenceId::NeverFollows
            | SentenceId::EventConforms
            | SentenceId::GroupIsRewound
            | SentenceId::IsDeadLettered
            | SentenceId::DeadLetteredAfter
            | SentenceId::GroupHasProcessed
            | SentenceId::HandledExactlyOnce
            | SentenceId::StubIsCalled
            | SentenceId::TriedAtStub
            | SentenceId::TriedOverTopics
            | SentenceId::TriedInLog
    );
    about && arguments.text("name").is_none()
}

/// Whether the contract lets a sentence be about this message.
fn can_be_meant(pack: &Pack, id: SentenceId, arguments: &Arguments, event: &str) -> bool {
    let mut receivers = pack.contract.receivers(event);
    let service = arguments.text("service");
    match id {
        SentenceId::GroupHasProcessed | SentenceId::GroupIsRewound => {
            receivers.any(|one| one.group.as_deref() == arguments.text("group"))
        }
        SentenceId::HandledExactlyOnce => receivers.any(|one| one.service.as_deref() == service),
        SentenceId::IsDeadLettered | SentenceId::DeadLetteredAfter => {
            receivers.any(|one| one.dead_letter.is_some() && (service.is_none() || one.service.as_deref() == service))
        }
        SentenceId::TriedOverTopics => receivers.any(|one| {
            one.service.as_deref() == service && one.retry.as_ref().is_some_and(|retry| retry.topics.is_some())
        }),
        SentenceId::TriedInLog => receivers.any(|one| one.service.as_deref() == service && one.retry.is_some()),
        SentenceId::TriedAtStub => receivers.any(|one| one.retry.is_some()),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::told;

    #[test]
    fn two_events_that_could_be_meant_are_both_named() {
        let steps = "    When \"order.placed\" is published\n    And \"order.placed\" is published as \"b\"\n    Then group \"stock\" has processed it\n    And group \"stock\" has processed \"b\"\n";
        assert_eq!(
            told(steps),
            ["6 [feature/ambiguous-it] \"it\" could be \"order.placed\" (line 4) or \"order.placed\" (line 5)"]
        );
    }

    #[test]
    fn what_was_given_is_not_meant_and_neither_is_what_the_group_does_not_read() {
        let given = "    Given \"order.placed\" is published\n    When \"order.placed\" is published\n    Then group \"stock\" has processed it\n";
        assert!(told(given).is_empty(), "{:?}", told(given));
        let other = "    When \"bill.sent\" is published\n    And \"order.placed\" is published\n    Then group \"stock\" has processed it\n";
        assert!(told(other).is_empty(), "{:?}", told(other));
        let wrong = "    When \"order.placed\" is published\n    And \"bill.sent\" is published\n    Then group \"stock\" has processed it\n";
        assert_eq!(
            told(wrong),
            [
                "6 [feature/wrong-it] \"it\" is the last event, \"bill.sent\" (line 5), with which the contract gives this sentence nothing to do"
            ]
        );
        let named = "    When \"order.placed\" is published\n    And \"bill.sent\" is published\n    Then \"bill.sent\" follows within 2s\n    And no \"order.placed\" came before it\n";
        assert!(told(named).is_empty(), "{:?}", told(named));
        let same = "    When \"bill.sent\" is published\n    And \"order.placed\" is published\n    And the same event is published again 2 times\n";
        assert_eq!(
            told(same),
            ["6 [feature/ambiguous-it] \"it\" could be \"bill.sent\" (line 4) or \"order.placed\" (line 5)"]
        );
    }
}
