//! Names in steps: events, groups, services, views, actions, references to earlier steps.

use std::collections::BTreeSet;

use eventproof_source::{Diagnostic, Diagnostics, Source, nearest};

use crate::catalogue::{Kind, SentenceId, broker_fault};
use crate::pack::Pack;
use crate::plan::{PlannedScenario, PlannedStep, line_span};

/// Checks every name of every step against what the pack has.
pub(crate) fn names(pack: &Pack, scenarios: &[PlannedScenario], faults: &mut Diagnostics) {
    phrases_mean_something(pack, faults);
    let known = Known::of(pack);
    let mut told = BTreeSet::new();
    for scenario in scenarios {
        let Some(file) = pack.features.iter().find(|file| file.path() == scenario.file) else { continue };
        let mut given = BTreeSet::new();
        for step in &scenario.steps {
            // A background's step belongs to every scenario, but is wrong only once.
            for fault in check_step(pack, &known, &file.source, step, &mut given) {
                if told.insert((scenario.file.clone(), step.line, fault.message.clone())) {
                    faults.push(fault);
                }
            }
        }
    }
}

struct Known<'a> {
    events: Vec<&'a str>,
    groups: Vec<String>,
    services: Vec<&'a str>,
    lists: Vec<&'a str>,
    actions: Vec<&'a str>,
    stubs: Vec<&'a str>,
    alerts: Vec<&'a str>,
}

impl<'a> Known<'a> {
    fn of(pack: &'a Pack) -> Known<'a> {
        Known {
            events: pack.contract.messages.iter().map(|message| message.name.as_str()).collect(),
            groups: pack.contract.groups().into_keys().collect(),
            services: pack.system.services.iter().map(|service| service.name.as_str()).collect(),
            lists: pack.system.views.iter().filter(|view| !view.counts()).map(|view| view.name.as_str()).collect(),
            actions: pack.system.actions.iter().map(|action| action.name.as_str()).collect(),
            stubs: pack.system.stubs.iter().map(|stub| stub.name.as_str()).collect(),
            alerts: pack.system.alerts.iter().map(|alert| alert.name.as_str()).collect(),
        }
    }

    /// What a name of this kind may be, and where it is declared.
    fn choices(&self, kind: Kind) -> Option<(Vec<&str>, &'static str)> {
        Some(match kind {
            Kind::Event => (self.events.clone(), "message of asyncapi.yaml"),
            Kind::Group => (self.groups.iter().map(String::as_str).collect(), "group of asyncapi.yaml"),
            Kind::Service => (self.services.clone(), "service of system.yaml"),
            Kind::List => (self.lists.clone(), "list view of system.yaml"),
            Kind::Action => (self.actions.clone(), "action of system.yaml"),
            Kind::Stub => (self.stubs.clone(), "stub of system.yaml"),
            Kind::Alert => (self.alerts.clone(), "alert of system.yaml"),
            _ => return None,
        })
    }
}

fn check_step(
    pack: &Pack,
    known: &Known<'_>,
    source: &Source,
    step: &PlannedStep,
    given: &mut BTreeSet<String>,
) -> Vec<Diagnostic> {
    let at = line_span(source, step.line);
    let mut faults = Vec::new();
    for sub in &step.subs {
        for (_, kind, text) in sub.arguments() {
            if kind == Kind::New {
                given.insert(text);
            } else if kind == Kind::Ref && !given.contains(&text) {
                faults.push(
                    unknown("an event that an earlier step named", &text, given.iter().map(String::as_str))
                        .at(source, at),
                );
            } else if let Some((choices, what)) = known.choices(kind)
                && !choices.contains(&text.as_str())
            {
                faults.push(unknown(what, &text, choices.into_iter()).at(source, at));
            }
        }
        faults.extend(cannot_count(pack, sub).map(|fault| fault.at(source, at)));
        faults.extend(super::consumers::cannot_show(pack, sub).map(|fault| fault.at(source, at)));
        faults.extend(wrong_fault(sub).map(|fault| fault.at(source, at)));
    }
    faults
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Diagnostic {
    let help = match nearest(name, known.clone()) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => format!("there are: {}", known.collect::<Vec<_>>().join(", ")),
    };
    Diagnostic::error("feature/unknown-name", format!("\"{name}\" is no {what}")).help(help)
}

/// A fault of the broker that could not be begun.
fn wrong_fault(sub: &crate::plan::Sub) -> Option<Diagnostic> {
    let arguments = crate::plan::sentence_arguments(sub.sentence, &sub.text())?;
    let message = broker_fault(sub.sentence.id, &arguments, &sub.table)?.err()?;
    Some(Diagnostic::error("feature/broker-fault", message))
}

/// Counting is asked of a service that has no view that counts.
fn cannot_count(pack: &Pack, sub: &crate::plan::Sub) -> Option<Diagnostic> {
    let counts = matches!(
        sub.sentence.id,
        SentenceId::HandledExactlyOnce | SentenceId::OrderOfEffects | SentenceId::ServiceIsKilledAfter
    );
    let service = sub.arguments().into_iter().find(|(_, kind, _)| *kind == Kind::Service).map(|(_, _, text)| text)?;
    let missing = counts && pack.system.counting_view(&service).is_none();
    missing.then(|| {
        let message = format!("nothing counts the effects of \"{service}\", so this could never be told");
        Diagnostic::error("feature/cannot-count", message)
            .help("declare a `journal` view of this service in system.yaml: one entry for each effect")
    })
}

fn phrases_mean_something(pack: &Pack, faults: &mut Diagnostics) {
    let matcher = crate::catalogue::Matcher::new(&crate::phrases::Phrases::default());
    for phrase in &pack.phrases.list {
        for step in &phrase.does {
            if super::phrase_sentence(&matcher, phrase, step).is_none() {
                let nearest = matcher.nearest(&step.text, &crate::phrases::Phrases::default(), 3);
                let list: String = nearest.iter().map(|form| format!("\n  - {form}")).collect();
                faults.push(
                    Diagnostic::error("phrases/unmatched-step", format!("`{}` is no built-in sentence", step.text))
                        .at(&phrase.source, step.span)
                        .help(format!("the nearest are:{list}")),
                );
            }
        }
    }
}
