//! Names in steps: events, groups, services, views, actions, references to earlier steps.

use eventproof_source::{Diagnostic, Diagnostics, nearest, units};
use eventproof_system::ViewKind;

use super::story::Told;
use crate::catalogue::{Kind, SentenceId, broker_fault};
use crate::pack::Pack;
use crate::plan::{Sub, sentence_arguments};

/// The names that steps may use, by what they are.
pub(super) struct Known<'a> {
    events: Vec<&'a str>,
    groups: Vec<String>,
    services: Vec<&'a str>,
    lists: Vec<&'a str>,
    actions: Vec<&'a str>,
    stubs: Vec<&'a str>,
    stores: Vec<&'a str>,
    alerts: Vec<&'a str>,
}

impl<'a> Known<'a> {
    pub fn of(pack: &'a Pack) -> Known<'a> {
        Known {
            events: pack.contract.messages.iter().map(|message| message.name.as_str()).collect(),
            groups: pack.contract.groups().into_keys().collect(),
            services: pack.system.services.iter().map(|service| service.name.as_str()).collect(),
            lists: pack.system.views.iter().filter(|view| !view.counts()).map(|view| view.name.as_str()).collect(),
            actions: pack.system.actions.iter().map(|action| action.name.as_str()).collect(),
            stubs: pack.system.stubs.iter().map(|stub| stub.name.as_str()).collect(),
            stores: pack.system.stores.iter().map(|store| store.name.as_str()).collect(),
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
            Kind::Store => (self.stores.clone(), "store of system.yaml"),
            Kind::Alert => (self.alerts.clone(), "alert of system.yaml"),
            _ => return None,
        })
    }
}

/// What is wrong with the names of a sentence, each with the name.
pub(super) fn of_sentence(pack: &Pack, known: &Known<'_>, sub: &Sub) -> Vec<Told> {
    let mut faults = Vec::new();
    for (_, kind, text) in sub.arguments() {
        if let Some((choices, what)) = known.choices(kind)
            && !choices.contains(&text.as_str())
        {
            faults.push((unknown(what, &text, choices.into_iter()), text));
        }
    }
    let others = [cannot_count(pack, sub), super::consumers::cannot_show(pack, sub), wrong_fault(sub)];
    faults.extend(others.into_iter().flatten().map(|fault| (fault, String::new())));
    faults.extend(no_topic(pack, sub));
    faults.extend(no_profile(pack, sub));
    faults.extend(no_size(sub));
    faults.extend(not_later(pack, sub));
    faults.extend(no_version(pack, sub));
    faults
}

pub(super) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Diagnostic {
    let help = match nearest(name, known.clone()) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None if known.clone().next().is_none() => "there is none".to_owned(),
        None => format!("there are: {}", known.collect::<Vec<_>>().join(", ")),
    };
    Diagnostic::error("feature/unknown-name", format!("\"{name}\" is no {what}")).help(help)
}

/// A fault of the broker that could not be begun.
fn wrong_fault(sub: &Sub) -> Option<Diagnostic> {
    let arguments = crate::plan::sentence_arguments(sub.sentence, &sub.text())?;
    let message = broker_fault(sub.sentence.id, &arguments, &sub.table)?.err()?;
    Some(Diagnostic::error("feature/broker-fault", message))
}

/// A fault of the broker on a topic that nobody reads or writes: it would meet nothing.
fn no_topic(pack: &Pack, sub: &Sub) -> Option<Told> {
    let arguments = sentence_arguments(sub.sentence, &sub.text())?;
    let fault = broker_fault(sub.sentence.id, &arguments, &super::rows::cells(sub))?.ok()?;
    let topic = fault.topic().filter(|topic| !topic.contains('{'))?;
    let known: Vec<&str> = pack.contract.topics().map(|channel| channel.topic.as_str()).collect();
    let told = || (unknown("topic of asyncapi.yaml", topic, known.iter().copied()), topic.to_owned());
    (!known.contains(&topic)).then(told)
}

fn no_profile(pack: &Pack, sub: &Sub) -> Option<Told> {
    if sub.sentence.id != SentenceId::ProfilePasses {
        return None;
    }
    let named = sentence_arguments(sub.sentence, &sub.text())?.text("profile")?.to_owned();
    // What is wrong with a profile is told with its file.
    let known = pack.profile_names();
    let is_known = named.contains('{') || known.contains(&named);
    (!is_known).then(|| (unknown("load profile of the pack", &named, known.iter().map(String::as_str)), named))
}

fn no_size(sub: &Sub) -> Option<Told> {
    let arguments = sentence_arguments(sub.sentence, &sub.text())?;
    let size = arguments.text("size").filter(|size| !size.contains('{'))?;
    let error = units::parse_size(size).err()?;
    Some((Diagnostic::error("feature/size", error).help("write a size such as \"900 KiB\""), size.to_owned()))
}

/// An instance that joins must be one that is not there from the beginning.
fn not_later(pack: &Pack, sub: &Sub) -> Option<Told> {
    let name = sub.argument(Kind::Service)?;
    let is_there = sub.sentence.id == SentenceId::ServiceJoins && !pack.system.service(&name)?.later;
    let message = format!("\"{name}\" runs from the beginning, so it cannot join");
    let help = "declare an instance of its own in system.yaml: `SERVICE-2: {like: SERVICE, starts: later}`";
    is_there.then(|| (Diagnostic::error("feature/cannot-join", message).help(help), name))
}

/// Versions are asked of a view that says none.
fn no_version(pack: &Pack, sub: &Sub) -> Option<Told> {
    let name = sub.argument(Kind::List).filter(|_| sub.sentence.id == SentenceId::ViewNeverGoesBack)?;
    let ViewKind::List(list) = &pack.system.view(&name)?.kind else { return None };
    let message = format!("view \"{name}\" says no version, so this could never be told");
    let help = "say in system.yaml where an item has its version, a whole number: `list: {…, version: /version}`";
    list.version.is_none().then(|| (Diagnostic::error("feature/no-version", message).help(help), name))
}

/// Counting is asked of a service that has no view that counts.
fn cannot_count(pack: &Pack, sub: &Sub) -> Option<Diagnostic> {
    let counts = matches!(
        sub.sentence.id,
        SentenceId::HandledExactlyOnce
            | SentenceId::OrderOfEffects
            | SentenceId::ServiceIsKilledAfter
            | SentenceId::NoneIsLost
            | SentenceId::ShareInTime
    );
    let service = match sub.sentence.id {
        SentenceId::NoneIsLost | SentenceId::ShareInTime => {
            pack.system.group(&sub.argument(Kind::Group)?)?.service.clone()
        }
        _ => sub.argument(Kind::Service)?,
    };
    let missing = counts && pack.system.counting_view(&service).is_none();
    missing.then(|| {
        let message = format!("nothing counts the effects of \"{service}\", so this could never be told");
        Diagnostic::error("feature/cannot-count", message)
            .help("declare a `journal` view of this service in system.yaml: one entry for each effect")
    })
}

/// Every step of a phrase must be a built-in sentence.
pub(crate) fn phrases_mean_something(pack: &Pack, faults: &mut Diagnostics) {
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
