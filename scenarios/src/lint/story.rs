//! What a scenario has done before a step: who was named, what was published, what is broken. A step that builds on what never
//! happened is told before anything starts.

use std::collections::{BTreeMap, BTreeSet};

use eventproof_source::{Diagnostic, nearest};

use super::it::introduced;
use super::said;
use crate::catalogue::{Kind, SentenceId, broker_fault};
use crate::needs::receives;
use crate::pack::Pack;
use crate::plan::{Sub, sentence_arguments};

/// What is known of a scenario so far.
#[derive(Default)]
pub(super) struct Story {
    pub(super) names: BTreeMap<String, Made>,
    /// Names that stand for identities.
    pub(super) said: BTreeSet<String>,
    /// The last event.
    pub(super) it: Option<Made>,
    pub(super) events: BTreeSet<String>,
    pub(super) background: bool,
    /// Services that are ended or paused, stubs that are down, stores that fail, and faults of the broker that are in force.
    pub(super) ended: BTreeSet<String>,
    pub(super) paused: BTreeSet<String>,
    pub(super) down: BTreeSet<String>,
    pub(super) failing: BTreeSet<String>,
    /// Alerts that were seen to fire.
    pub(super) fired: BTreeSet<String>,
    pub(super) crashed: bool,
    pub(super) faulted: bool,
    /// What happened is not all known: a sentence of a user's own, and one that nobody understands, may have done anything.
    open: bool,
}

/// What a step made.
#[derive(Clone, Default)]
pub(super) struct Made {
    /// The message of the event, if it made one.
    message: Option<String>,
    /// `None` where it may have any.
    pub(super) fields: Option<BTreeSet<String>>,
}

/// A fault, and the word at which it stands; none for the whole step.
pub(super) type Told = (Diagnostic, String);

impl Story {
    /// What is wrong with a sentence, since nothing before it gives it what it speaks of.
    pub fn faults(&self, pack: &Pack, sub: &Sub) -> Vec<Told> {
        let mut faults = self.unknown_names(sub);
        faults.extend(self.named_twice(sub));
        if !self.open {
            let never = self.never_said(sub);
            let is_told = |word: &String| never.iter().any(|(_, told)| told == word);
            faults.extend(self.unknown_fields(sub).into_iter().filter(|(_, word)| !is_told(word)));
            faults.extend(self.nothing_before(pack, sub));
            faults.extend(self.ruled_out(pack, sub));
            faults.extend(never);
        }
        faults
    }

    /// Goes on behind a sentence.
    pub fn go_on(&mut self, pack: &Pack, sub: &Sub) {
        use SentenceId as Id;
        let new = sub.argument(Kind::New);
        let service = sub.argument(Kind::Service);
        match sub.sentence.id {
            Id::Own(_) => self.open = true,
            Id::PublishedInBackground => self.background = true,
            Id::ServiceIsKilled | Id::ServiceIsKilledAfter | Id::ServiceIsStopped => self.ended.extend(service),
            Id::ServiceIsStarted => self.ended.retain(|one| Some(one) != service.as_ref()),
            Id::ServiceIsPaused => self.paused.extend(service),
            Id::ServiceGoesOn => self.paused.retain(|one| Some(one) != service.as_ref()),
            Id::StubIsDown => self.down.extend(sub.argument(Kind::Stub)),
            Id::StubIsUp => self.down.retain(|one| Some(one) != sub.argument(Kind::Stub).as_ref()),
            Id::AlertFires => self.fired.extend(sub.argument(Kind::Alert)),
            Id::StoreIsDown | Id::StoreIsLate | Id::StoreBreaksOff => self.failing.extend(sub.argument(Kind::Store)),
            Id::StoreIsUp => self.failing.retain(|one| Some(one) != sub.argument(Kind::Store).as_ref()),
            Id::BrokerCrashes | Id::NodeCrashes => (self.crashed, self.faulted) = (true, true),
            Id::BrokerIsStarted => self.crashed = false,
            Id::BrokerIsHealthy => (self.crashed, self.faulted) = (false, false),
            id => {
                self.faulted |= sentence_arguments(sub.sentence, &sub.text())
                    .is_some_and(|arguments| broker_fault(id, &arguments, &sub.table).is_some())
            }
        }
        let message = introduced(pack, sub);
        let made = Made { fields: fields(pack, sub), message: message.clone() };
        if let Some(event) = message {
            self.events.insert(event);
            self.it = Some(made.clone());
        }
        self.names.extend(new.map(|name| (name, made)));
        self.said.extend(said::names(sub));
    }

    /// Something was written that is not understood, which is told: what follows may well build on it.
    pub(super) fn lose_sight(&mut self) {
        self.open = true;
    }

    fn unknown_names(&self, sub: &Sub) -> Vec<Told> {
        let refs = sub.arguments().into_iter().filter(|(_, kind, _)| *kind == Kind::Ref).map(|(_, _, text)| text);
        let missing = refs.filter(|name| !self.open && !self.names.contains_key(name));
        let told = missing.map(|name| {
            let known = self.names.keys().map(String::as_str);
            (super::names::unknown("an event that an earlier step named", &name, known), name)
        });
        told.collect()
    }

    fn named_twice(&self, sub: &Sub) -> Option<Told> {
        let name = sub.argument(Kind::New).filter(|name| self.names.contains_key(name))?;
        let message = format!("\"{name}\" is named a second time here: the first can no longer be spoken of");
        Some((Diagnostic::warning("feature/named-twice", message).help("give it a name of its own"), name))
    }

    /// Placeholders of texts and tables that nothing will have a value for.
    fn unknown_fields(&self, sub: &Sub) -> Vec<Told> {
        let mut texts = vec![sub.text()];
        texts.extend(sub.values());
        let names: BTreeSet<String> =
            texts.iter().flat_map(|text| eventproof_system::placeholders(text)).map(str::to_owned).collect();
        names.into_iter().filter_map(|name| Some((self.unknown_field(&name)?, format!("{{{name}}}")))).collect()
    }

    fn unknown_field(&self, placeholder: &str) -> Option<Diagnostic> {
        let Some((name, field)) = placeholder.split_once('.') else {
            // A name alone stands for an identity: whoever gave it to an event meant one of its fields.
            let fields = self.names.get(placeholder)?.fields.as_ref()?;
            let message = format!(
                "\"{placeholder}\" is what a step did, and {{{placeholder}}} alone a fresh identity that has nothing to do with it"
            );
            let help = one_of(placeholder, fields);
            return (!fields.is_empty()).then(|| Diagnostic::warning("feature/no-value", message).help(help));
        };
        let fields = match (name, self.names.get(name), &self.it) {
            (_, Some(made), _) | ("it", None, Some(made)) => made.fields.as_ref()?,
            ("it", None, None) => {
                let message = format!("there is no event before this step, so {{{placeholder}}} has no value");
                let help = "publish one before it, or do an action that causes one".to_owned();
                return Some(fault("feature/no-it", message, help));
            }
            _ => {
                let known: Vec<&str> = self.names.keys().map(String::as_str).collect();
                let help = choices(name, &known, "no step before it gives a name (`as \"…\"`)");
                return Some(fault(
                    "feature/unknown-name",
                    format!("no step before this one is named \"{name}\""),
                    help,
                ));
            }
        };
        // What stands below the top may lie behind references and alternatives.
        let top = field.split('.').next().unwrap_or_default();
        (!fields.contains(top) && !fields.contains(field)).then(|| {
            let known: Vec<&str> = fields.iter().map(String::as_str).collect();
            let message = format!("\"{name}\" has no field `{field}`");
            fault("feature/unknown-field", message, choices(field, &known, "it has none"))
        })
    }

    /// A group or a service of which the contract says that it does not take the event.
    fn ruled_out(&self, pack: &Pack, sub: &Sub) -> Option<Told> {
        let event = match sub.argument(Kind::Ref) {
            Some(name) => self.names.get(&name)?.message.clone()?,
            // Of several, another may be meant: that is told elsewhere.
            None if self.events.len() == 1 => self.it.as_ref()?.message.clone()?,
            None => return None,
        };
        let (what, who) = match sub.sentence.id {
            SentenceId::GroupHasProcessed | SentenceId::GroupIsRewound => {
                let group = sub.argument(Kind::Group)?;
                (pack.contract.group_reads(&group, &event) == Some(false))
                    .then(|| (format!("group \"{group}\" does not read the topic of"), group))?
            }
            SentenceId::HandledExactlyOnce => {
                let service = sub.argument(Kind::Service)?;
                (receives(pack, &service, &event) == Some(false))
                    .then(|| (format!("service \"{service}\" does not receive"), service))?
            }
            _ => return None,
        };
        let help = "name who receives it, or correct the operations of asyncapi.yaml".to_owned();
        Some((fault("feature/ruled-out", format!("by the contract {what} \"{event}\""), help), who))
    }
}

pub(super) fn fault(code: &'static str, message: String, help: String) -> Diagnostic {
    Diagnostic::error(code, message).help(help)
}

/// The nearest of some names, or all of them.
pub(super) fn choices(name: &str, known: &[&str], none: &str) -> String {
    match nearest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => none.to_owned(),
        None => format!("there are: {}", known.join(", ")),
    }
}

fn one_of(name: &str, fields: &BTreeSet<String>) -> String {
    let some: Vec<String> = fields.iter().take(5).map(|field| format!("{{{name}.{field}}}")).collect();
    format!("write one of its fields: {}", some.join(", "))
}

/// The fields of what a sentence names; `None` where they may be any.
fn fields(pack: &Pack, sub: &Sub) -> Option<BTreeSet<String>> {
    match sub.sentence.id {
        SentenceId::ActionIsDone | SentenceId::ActionsInARow => {
            let action = pack.system.action(&sub.argument(Kind::Action)?)?;
            let given = sub.table.iter().map(|(name, _)| name.clone());
            Some(action.captures.keys().cloned().chain(given).collect())
        }
        SentenceId::EventIsPublished
        | SentenceId::SizedIsPublished
        | SentenceId::PublishedEverywhere
        | SentenceId::InvalidIsPublished => {
            let message = pack.contract.message(&sub.argument(Kind::Event)?)?;
            let known = message.payload.document.get("properties")?.as_object()?;
            Some(known.keys().cloned().chain(["id".to_owned()]).collect())
        }
        // A key by itself: its name is its value.
        SentenceId::HostileKey => Some(BTreeSet::new()),
        _ => None,
    }
}
