//! The typed model of `system.yaml`.

use std::collections::BTreeMap;
use std::time::Duration;

use regex::Regex;
use serde_json::Value;

use crate::template::placeholders;

/// Placeholders of the run itself, and those that what has a name may have.
const OF_RUN: [&str; 4] = ["brokers", "eventproof", "data", "registry"];
const OF_NAMES: [&str; 3] = ["url", "port", "address"];

/// A system: its services, groups, views and actions.
#[derive(Clone, Debug, Default)]
pub struct SystemSpec {
    pub name: String,
    /// How many whole systems may stand side by side, each with a broker, ports and data of its own.
    pub copies: u8,
    pub services: Vec<ServiceSpec>,
    pub groups: Vec<GroupSpec>,
    pub views: Vec<ViewSpec>,
    pub actions: Vec<ActionSpec>,
    pub stubs: Vec<StubSpec>,
    pub stores: Vec<StoreSpec>,
    pub alerts: Vec<AlertSpec>,
    /// What a broker of ours asks of everybody who connects.
    pub sasl: Option<SaslSpec>,
}

/// A broker that asks everybody who they are.
#[derive(Clone, Debug, Default)]
pub struct SaslSpec {
    /// Mechanisms of SASL: the first that this build's Kafka client speaks is used.
    pub mechanisms: Vec<String>,
    /// By service, where a name or a password is not to be ours.
    pub users: BTreeMap<String, UserSpec>,
}

/// As whom a service comes.
#[derive(Clone, Debug, Default)]
pub struct UserSpec {
    /// The service's own name if nothing is said.
    pub name: Option<String>,
    /// Made up for each run if nothing is said.
    pub password: Option<PasswordSource>,
}

/// Where a password is, so that it is in no file of the pack.
#[derive(Clone, Debug)]
pub enum PasswordSource {
    /// In an environment variable of eventproof.
    Variable(String),
    /// In a file, without the line end.
    File(String),
}

/// A service: a process that eventproof starts, or one that runs already.
#[derive(Clone, Debug, Default)]
pub struct ServiceSpec {
    pub name: String,
    /// Program and arguments, with placeholders.
    pub command: Vec<String>,
    /// Where it runs already; then there is no command, and eventproof neither starts nor ends it.
    pub url: Option<String>,
    /// Environment variables, with placeholders.
    pub env: BTreeMap<String, String>,
    pub ready: Option<ReadySpec>,
    /// The service of which it is another instance: with its command, variables and faults, and an address of its own.
    pub like: Option<String>,
    /// Whether it is started only when a scenario asks for it.
    pub later: bool,
    /// How a named fault is switched on.
    pub fault_switch: Option<FaultSwitch>,
    /// Lines that tell of an attempt at an event: the group `event` is its id; `time`, if there is one, when it was.
    pub attempts: Option<Regex>,
}

/// How a service is told the faults that it is to have, for `prove`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultSwitch {
    /// By this flag before each name: `--fault late --fault skip-dedup`.
    Flag(String),
    /// By this environment variable, which has all names with commas between them; it is empty where there are none.
    Variable(String),
}

/// What services call outside, played by eventproof: a recording stub.
#[derive(Clone, Debug, Default)]
pub struct StubSpec {
    pub name: String,
    /// JSON pointer into a call's body to the id of the event that it is for.
    pub event: Option<String>,
    /// The service that calls it, for diagnoses.
    pub service: Option<String>,
}

/// What services keep their data in, with a proxy of eventproof's before it.
#[derive(Clone, Debug)]
pub struct StoreSpec {
    pub name: String,
    pub address: AddressSource,
    /// Those that are given the proxy's address.
    pub services: Vec<String>,
}

/// Where a store is: host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressSource {
    /// As it stands, with ports of services as placeholders.
    Text(String),
    /// In an environment variable of eventproof.
    Variable(String),
}

/// A rule over a service's metrics that somebody should be woken by.
#[derive(Clone, Debug)]
pub struct AlertSpec {
    pub name: String,
    pub service: String,
    pub value: AlertValue,
    /// Labels that the series must have.
    pub labels: BTreeMap<String, String>,
    pub above: f64,
    /// How long it must be above.
    pub lasting: Duration,
    /// How many times faster a scenario's clock runs for this rule: 5 min become 1 s with 300.
    pub scaled: f64,
}

/// What a rule looks at.
#[derive(Clone, Debug)]
pub enum AlertValue {
    /// The highest value of a gauge.
    Gauge(String),
    /// How many records a group is behind on all its partitions together, as eventproof sees it from outside.
    Lag(String),
    /// What one counter adds, as a share of what others do together.
    Share { part: String, of: Vec<String> },
    /// A quantile of a histogram.
    Quantile { quantile: f64, of: String },
}

/// When a service is ready.
#[derive(Clone, Debug)]
pub struct ReadySpec {
    /// Path on the service's own address that answers 2xx once it is.
    pub http: String,
    pub within: Duration,
}

/// A consumer group of the system: which service it belongs to, and how to find out that it handles records.
#[derive(Clone, Debug)]
pub struct GroupSpec {
    pub name: String,
    pub service: String,
    /// A message that may be sent to find out. Without it, committed positions on every partition are waited for.
    pub canary: Option<String>,
    pub within: Duration,
    /// For how long a dead member keeps its partitions: the session time-out of its consumers.
    pub session: Duration,
    pub offsets: Offsets,
    pub assignment: Assignment,
}

/// The shortest session time-out that Kafka's brokers take by default.
pub const SHORTEST_SESSION: Duration = Duration::from_secs(6);

/// Where a group keeps how far it has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offsets {
    /// It commits to Kafka.
    #[default]
    Kafka,
    /// In its own store, or nowhere: what Kafka knows says nothing.
    Elsewhere,
}

/// Who says which partitions a member reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Assignment {
    /// Kafka, among the members of the group.
    #[default]
    Group,
    /// The service itself: nobody is ever in the group.
    Manual,
}

/// Where effects can be seen.
#[derive(Clone, Debug)]
pub struct ViewSpec {
    pub name: String,
    /// The service whose work it shows, and the group in which that service reads.
    pub service: String,
    pub group: String,
    pub kind: ViewKind,
}

/// How a view is looked at.
#[derive(Clone, Debug)]
pub enum ViewKind {
    /// A question with a list as its answer. It cannot count.
    List(ListView),
    /// A log of effects, one entry each, read by cursor. It counts.
    Journal(JournalView),
}

/// A GET whose JSON answer holds a list.
#[derive(Clone, Debug)]
pub struct ListView {
    /// Address with placeholders; those that are no setting of the run are the view's parameters.
    pub http: String,
    /// JSON pointer to the list.
    pub items: String,
    /// JSON pointer within an item to what it is recognised by.
    pub item: String,
    /// JSON pointer within an item to its version, a whole number that only grows, where it has one.
    pub version: Option<String>,
}

/// A GET that answers the entries after a cursor.
#[derive(Clone, Debug)]
pub struct JournalView {
    /// Address with the placeholder `{cursor}`.
    pub http: String,
    pub items: String,
    /// JSON pointer within an entry to the id of the event that had the effect.
    pub event: String,
    /// JSON pointer within an entry to what the event was about, where there is one.
    pub subject: Option<String>,
    /// JSON pointer in the answer to the next cursor.
    pub next: String,
    /// The first cursor.
    pub start: String,
    pub every: Duration,
}

/// An HTTP request that a user of the system would make.
#[derive(Clone, Debug)]
pub struct ActionSpec {
    pub name: String,
    pub method: String,
    pub http: String,
    pub json: Option<Value>,
    pub headers: BTreeMap<String, String>,
    /// Expected status; any 2xx if nothing is said.
    pub status: Option<u16>,
    /// How long an answer may take.
    pub within: Option<Duration>,
    /// Names for parts of the answer, by JSON pointer.
    pub captures: BTreeMap<String, String>,
    pub publishes: Option<Follows>,
    /// The service that is asked.
    pub service: Option<String>,
}

/// The event that should follow an action.
#[derive(Clone, Debug)]
pub struct Follows {
    pub message: String,
    /// JSON pointer into the payload, and the text that it must have (with placeholders, captures among them).
    pub fields: BTreeMap<String, String>,
    /// From the answer to the record on the topic.
    pub within: Duration,
}

impl SystemSpec {
    /// The view of that name.
    pub fn view(&self, name: &str) -> Option<&ViewSpec> {
        self.views.iter().find(|view| view.name == name)
    }

    /// The action of that name.
    pub fn action(&self, name: &str) -> Option<&ActionSpec> {
        self.actions.iter().find(|action| action.name == name)
    }

    /// Whether every run has a value for a placeholder of views and actions, so that no scenario need give one.
    pub fn is_setting(&self, placeholder: &str) -> bool {
        if OF_RUN.contains(&placeholder) {
            return true;
        }
        let Some((name, part)) = placeholder.rsplit_once('.') else { return false };
        match part {
            "url" => self.service(name).is_some() || self.stub(name).is_some(),
            "port" if self.store(name).is_some() => true,
            "port" => self.service(name).is_some_and(|service| service.url.is_none()),
            "address" => self.store(name).is_some(),
            _ => false,
        }
    }

    /// All placeholders that every run has a value for.
    pub(crate) fn settings(&self) -> Vec<String> {
        let services = self.services.iter().map(|service| &service.name);
        let others = self.stubs.iter().map(|stub| &stub.name).chain(self.stores.iter().map(|store| &store.name));
        let named = services.chain(others).flat_map(|name| OF_NAMES.map(|part| format!("{name}.{part}")));
        let all = OF_RUN.iter().map(|name| (*name).to_owned()).chain(named);
        all.filter(|name| self.is_setting(name)).collect()
    }

    /// The service of that name.
    pub fn service(&self, name: &str) -> Option<&ServiceSpec> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The group of that name.
    pub fn group(&self, name: &str) -> Option<&GroupSpec> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// The stub of that name.
    pub fn stub(&self, name: &str) -> Option<&StubSpec> {
        self.stubs.iter().find(|stub| stub.name == name)
    }

    /// The store of that name.
    pub fn store(&self, name: &str) -> Option<&StoreSpec> {
        self.stores.iter().find(|store| store.name == name)
    }

    /// A service and its other instances: which of them has a record is for Kafka to say.
    pub fn with_instances<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a str> {
        let others = self.services.iter().filter(move |one| one.like.as_deref() == Some(service));
        std::iter::once(service).chain(others.map(|one| one.name.as_str()))
    }

    /// The services that use a store, further instances of them among these.
    pub fn users_of(&self, store: &StoreSpec) -> impl Iterator<Item = &ServiceSpec> {
        let uses = |service: &&ServiceSpec| store.is_used_by(service);
        self.services.iter().filter(uses)
    }

    /// The view that counts the effects of a service.
    pub fn counting_view(&self, service: &str) -> Option<&ViewSpec> {
        self.views.iter().find(|view| view.service == service && view.counts())
    }
}

impl StoreSpec {
    /// Whether a service uses it, by itself or as another instance of one that does.
    pub fn is_used_by(&self, service: &ServiceSpec) -> bool {
        self.services.iter().any(|name| *name == service.name || service.like.as_ref() == Some(name))
    }

    /// Whether a service's command or variables say where it is.
    pub fn is_told_to(&self, service: &ServiceSpec) -> bool {
        let texts = service.command.iter().chain(service.env.values());
        let mut names = texts.flat_map(|text| placeholders(text)).filter_map(|name| name.rsplit_once('.'));
        names.any(|(name, part)| name == self.name && matches!(part, "address" | "port"))
    }

    /// The services whose ports are in its address: the store is one of them.
    pub fn behind(&self) -> Vec<&str> {
        let AddressSource::Text(address) = &self.address else { return Vec::new() };
        placeholders(address).into_iter().filter_map(|name| name.strip_suffix(".port")).collect()
    }
}

impl ViewSpec {
    /// Whether it can tell once from twice.
    pub fn counts(&self) -> bool {
        matches!(self.kind, ViewKind::Journal(_))
    }
}
