//! One scenario while it runs: its names, its identities, its events.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventproof_contract::{Draft, Generator};
use eventproof_evidence::oracle::{Handler, Recognise, Target};
use eventproof_evidence::{At, Cause, Reason, Standpoint, Verdict};
use eventproof_reports::model::{Exchange, KeptLook, StepResult};
use eventproof_system::{Params, Scrape};
use tokio::task::JoinHandle;

use super::context::RunContext;
use super::holds::Held;
use crate::catalogue::{Arguments, Kind, SentenceId};
use crate::plan::{PlannedScenario, Sub, sentence_arguments};

/// A scenario's state. Cucumber makes it; the hook before the first step fills it.
#[derive(Default)]
pub(super) struct World {
    pub running: Option<Running>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

impl cucumber::World for World {
    type Error = std::convert::Infallible;

    async fn new() -> Result<Self, Self::Error> {
        Ok(World::default())
    }
}

/// A scenario that has begun.
pub(super) struct Running {
    pub context: Arc<RunContext>,
    pub scenario: PlannedScenario,
    pub held: Option<Held>,
    pub waited: Duration,
    pub began: At,
    /// Where the journal ended when it began, and what was known then.
    pub standpoint: Standpoint,
    pub next_step: usize,
    pub steps: Vec<StepResult>,
    pub generator: Generator,
    identities: BTreeMap<String, String>,
    /// Values by `name.field`.
    pub values: Params,
    pub events: Vec<Event>,
    pub background: Vec<Background>,
    /// What its actions sent and were answered.
    pub exchanges: Vec<Exchange>,
    /// How views were asked, and what they answered; the last of it.
    pub looks: Mutex<VecDeque<KeptLook>>,
    /// What was sent and answered under a name that the contract calls sensitive.
    pub secrets: BTreeSet<String>,
    /// How many lines each service had printed when it began.
    pub printed: BTreeMap<String, u64>,
    /// What the services showed when it began, for the alerts that it speaks of: by service.
    pub showed: BTreeMap<String, Result<Scrape, String>>,
    /// Faults of the broker that are in force.
    pub faults: Vec<super::broker::Begun>,
    /// Services that are stopped by SIGSTOP.
    pub paused: BTreeSet<String>,
    /// Stubs that were told to fail, with the numbers by which that is ended.
    pub failing: Vec<(String, u64)>,
    /// Alerts that were seen to fire.
    pub fired: BTreeSet<String>,
    /// Faults of stores that are in force.
    pub failed_stores: Vec<super::stores::Begun>,
}

/// A sentence with everything filled in: its text, its parameters, its table.
pub(super) type Filled = (String, Arguments, Vec<(String, String)>);

/// An event of the scenario: published by us, or caused by an action.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub name: Option<String>,
    pub message: String,
    pub target: Target,
    pub key: Option<String>,
    /// What we published, so that it can be published again.
    pub draft: Option<(Draft, Option<i32>)>,
    pub copies: usize,
    /// Whether a copy stands on every partition, wherever its key belongs.
    pub everywhere: bool,
    /// When it was published, or what caused it was answered.
    pub since: At,
    /// How long it may take until it is on its topic.
    pub appears: Duration,
}

impl Event {
    /// Whether anything tells it from others; what nothing tells apart is never said to be missing.
    pub fn can_be_told(&self) -> Result<(), Verdict> {
        let by_nothing = matches!(&self.target.recognise, Recognise::Fields { fields, .. } if fields.is_empty());
        let detail = format!(
            "\"{}\" has neither an event id nor a key or unique field in the contract: nothing tells it from others",
            self.message
        );
        if by_nothing { Err(Verdict::CannotTell(Reason::NoPositiveControl { detail })) } else { Ok(()) }
    }
}

/// Events that are being published while the scenario goes on.
pub(super) struct Background {
    pub events: Vec<Event>,
    pub since: At,
    pub task: Option<JoinHandle<()>>,
}

impl Running {
    pub fn new(context: Arc<RunContext>, scenario: PlannedScenario, held: Held, waited: Duration) -> Running {
        // Another round has other identities: a system that remembers ids would drop a repeat as a duplicate.
        let round = match context.run.round() {
            0 => String::new(),
            round => format!(" #{round}"),
        };
        let generator = context.rig.generator.fork(&format!("{}:{}{round}", scenario.file, scenario.name));
        Running {
            began: context.rig.clock.now(),
            standpoint: context.rig.journal.standpoint(),
            printed: context.rig.system.log_positions(),
            showed: BTreeMap::new(),
            context,
            scenario,
            held: Some(held),
            waited,
            next_step: 0,
            steps: Vec::new(),
            generator,
            identities: BTreeMap::new(),
            values: Params::new(),
            events: Vec::new(),
            background: Vec::new(),
            exchanges: Vec::new(),
            looks: Mutex::default(),
            secrets: BTreeSet::new(),
            faults: Vec::new(),
            paused: BTreeSet::new(),
            failing: Vec::new(),
            fired: BTreeSet::new(),
            failed_stores: Vec::new(),
        }
    }

    pub fn now(&self) -> At {
        self.context.rig.clock.now()
    }

    /// The identity that a name stands for in this scenario.
    pub fn identity(&mut self, name: &str) -> String {
        let fresh = self.generator.identity();
        self.identities.entry(name.to_owned()).or_insert(fresh).clone()
    }

    /// Fills in a phrase's parameters, then `{name.field}` and `{name}`.
    fn filled(&mut self, template: &str, parameters: &[(String, Kind, String)]) -> Result<String, Verdict> {
        let mut text = template.to_owned();
        for (name, kind, value) in parameters {
            let placeholder = format!("{{{name}}}");
            if text.contains(&placeholder) {
                let value = if *kind == Kind::Identity { self.identity(value) } else { value.clone() };
                text = text.replace(&placeholder, &value);
            }
        }
        let names: Vec<String> = eventproof_system::placeholders(&text).into_iter().map(str::to_owned).collect();
        for name in names {
            let value = self.value(&name)?;
            text = text.replace(&format!("{{{name}}}"), &value);
        }
        Ok(text)
    }

    fn value(&mut self, name: &str) -> Result<String, Verdict> {
        if let Some(value) = self.values.get(name) {
            return Ok(value.clone());
        }
        if !name.contains('.') {
            return Ok(self.identity(name));
        }
        let known: Vec<&str> = self.values.keys().map(String::as_str).collect();
        let detail = format!("nothing is called {{{name}}} here; there are: {}", known.join(", "));
        Err(Verdict::CannotTell(Reason::Environment { detail }))
    }

    /// A sentence's parameters and table, with everything filled in.
    pub fn fill(&mut self, sub: &Sub) -> Result<Filled, Verdict> {
        if sub.sentence.id == SentenceId::ActionsInARow {
            // Each request has its own number: that is filled in when it is made.
            self.values.insert("n".to_owned(), "{n}".to_owned());
        }
        let text = self.filled(&sub.template, &sub.parameters)?;
        let mut table = Vec::new();
        for (name, value) in &sub.table {
            table.push((name.clone(), self.filled(value, &sub.parameters)?));
        }
        // Without its arguments a sentence would ask for nothing, and hold.
        let arguments = sentence_arguments(sub.sentence, &text).ok_or_else(|| {
            environment(format!("with the values of this run the step is no sentence any more (a value with a quote ends the text that it stands in): {text}"))
        })?;
        Ok((text, arguments, table))
    }

    /// Remembers an event, with its fields under `name.` and `it.`.
    pub fn remember(&mut self, event: Event, fields: &[(String, String)]) {
        for prefix in event.name.iter().map(String::as_str).chain(["it"]) {
            for (field, value) in fields {
                self.values.insert(format!("{prefix}.{field}"), value.clone());
            }
        }
        self.events.push(event);
    }

    /// The event of that name, or the last one.
    pub fn event(&self, name: Option<&str>) -> Result<&Event, Verdict> {
        let found = match name {
            Some(name) => self.events.iter().rev().find(|event| event.name.as_deref() == Some(name)),
            None => self.events.last(),
        };
        if let Some(event) = found {
            event.can_be_told()?;
        }
        found.ok_or_else(|| {
            let detail = match name {
                Some(name) => format!("no event is called \"{name}\" here"),
                None => "no event was published or caused before this step".to_owned(),
            };
            Verdict::CannotTell(Reason::NoPositiveControl { detail })
        })
    }

    /// Who handles events in a service: the service and its group.
    pub fn handler_in(&self, service: &str) -> Result<Handler, Verdict> {
        let group = self.context.pack.system.groups.iter().find(|group| group.service == service);
        let group = group.ok_or_else(|| environment(format!("service \"{service}\" has no group")))?;
        Ok(Handler { service: service.to_owned(), group: group.name.clone() })
    }

    /// The view that counts a service's effects, one by one.
    pub fn counting_view(&self, service: &str) -> Result<String, Verdict> {
        let view = self.context.pack.system.counting_view(service).map(|view| view.name.clone());
        view.ok_or_else(|| Verdict::CannotTell(Reason::CannotCount { view: service.to_owned() }))
    }

    /// The contract's deadline for a message in a group.
    pub fn deadline(&self, message: &str, group: &str) -> Duration {
        let contract = &self.context.pack.contract;
        let mut receivers = contract.receivers(message);
        let operation = receivers.find(|operation| operation.group.as_deref() == Some(group));
        operation.and_then(|operation| operation.deadline).unwrap_or(Duration::from_secs(10))
    }

    /// The partition where a message's producer puts a key.
    pub fn partition_of(&self, message: &str, key: Option<&str>) -> Option<i32> {
        let contract = &self.context.pack.contract;
        let message = contract.message(message)?;
        let count = self.context.rig.partitions_of(&message.topic)?;
        let partition = contract.partitioner_of(message).partition(key.map(str::as_bytes), count)?;
        i32::try_from(partition).ok()
    }
}

/// A target that is known by its id.
pub(super) fn by_id(message: &str, topic: &str, id: &str, key: Option<String>, partition: Option<i32>) -> Target {
    Target {
        what: format!("\"{message}\" {id}"),
        topic: topic.into(),
        recognise: Recognise::Id(id.into()),
        key,
        partition,
        from: At::START,
    }
}

/// The verdict of an action that was answered wrongly.
pub(super) fn broken(cause: Cause) -> Verdict {
    Verdict::Broken(cause)
}

/// No verdict because something around the promise failed.
pub(super) fn environment(error: impl std::fmt::Display) -> Verdict {
    Verdict::CannotTell(Reason::Environment { detail: error.to_string() })
}
