//! The typed model of a profile.

use std::path::{Path, PathBuf};
use std::time::Duration;

use eventproof_broker::SenderSettings;
use eventproof_source::{Diagnostics, Node, Source, parse_yaml};
use eventproof_system::{Params, SystemSpec};

use crate::disturbance::Disturbance;
use crate::draw::{Keys, PayloadSize};
use crate::objective::Objective;
use crate::shape::Phase;
use crate::trace::Replayed;

/// A load profile.
#[derive(Clone, Debug)]
pub struct Profile {
    pub name: String,
    pub path: PathBuf,
    /// The pack's folder.
    pub pack: PathBuf,
    pub traffic: Traffic,
    pub pace: Pace,
    pub warm_up: Duration,
    /// Journal views whose entries are effects.
    pub effects: Vec<String>,
    /// Messages of which the system publishes one for each event sent, known by its causation or correlation.
    pub follows: Vec<String>,
    /// Groups whose lag is watched besides those of the views.
    pub watched: Vec<String>,
    /// How long stragglers are waited for.
    pub settle: Duration,
    /// How far 99 % of the sends may slip behind their plan before figures of time and rate have no verdict.
    pub slip_limit: Duration,
    /// What is done to broker and services while the load runs.
    pub timeline: Vec<Disturbance>,
    pub objectives: Vec<Objective>,
    pub(super) source: Source,
    /// The whole file.
    pub(super) root: Node,
    pub(super) objective_nodes: Vec<Node>,
}

/// What is sent.
#[derive(Clone, Debug)]
pub enum Traffic {
    Records(Stream),
    /// Records that were before.
    Replay(Replay),
    Actions(Requests),
}

/// Records that were before, sent again as new events.
#[derive(Clone, Debug)]
pub struct Replay {
    pub of: Replayed,
    /// 2 is twice as fast.
    pub speed: f64,
    pub producer: SenderSettings,
}

/// Records, straight to their topics.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Messages, and in which proportion they come.
    pub messages: Vec<(String, f64)>,
    /// As the generator makes them if nothing is said.
    pub payload_size: Option<PayloadSize>,
    pub keys: Keys,
    /// How they are sent.
    pub producer: SenderSettings,
}

/// Requests to services.
#[derive(Clone, Debug)]
pub struct Requests {
    /// Taken in turn, one request each. One alone has no name.
    pub arms: Vec<Arm>,
    /// How many requests may wait for their answers at once.
    pub in_flight: usize,
}

/// One way to make the request.
#[derive(Clone, Debug)]
pub struct Arm {
    pub name: String,
    pub action: String,
    /// Values for placeholders of the action; the others are made, new for each request.
    pub with: Params,
    /// Whether the event that the action publishes is followed.
    pub follow: bool,
}

/// How fast.
#[derive(Clone, Debug, PartialEq)]
pub enum Pace {
    /// So many events after the warm-up, at so many per second.
    Steady { rate: f64, events: u64 },
    /// As many events as these phases make.
    Shape(Vec<Phase>),
    /// At the instants of a trace.
    Traced,
    /// So many events, as fast as the producer takes them.
    Max { events: u64 },
}

impl Profile {
    /// Whether that is its name, or its file's.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.path.file_stem().is_some_and(|stem| stem.to_string_lossy() == name)
    }

    /// Reads a profile: or every fault.
    pub fn read(path: &Path) -> Result<Profile, Diagnostics> {
        Profile::parse(Source::read(path)?)
    }

    /// Reads a profile from a text; the pack's folder is taken relative to the text's path.
    pub fn parse(source: Source) -> Result<Profile, Diagnostics> {
        let root = parse_yaml(&source)?;
        let mut faults = Diagnostics::default();
        let profile = super::read::profile(&root, &source, &mut faults);
        profile.filter(|_| !faults.has_errors()).ok_or(faults)
    }

    /// Whether it has one rate, from which a search can begin.
    pub fn is_steady(&self) -> bool {
        matches!(self.pace, Pace::Steady { .. })
    }

    /// How far 99 % of the sends may slip behind their plan, in milliseconds; none where there is no plan.
    pub fn slip_limit_ms(&self) -> Option<f64> {
        (!matches!(self.pace, Pace::Max { .. })).then_some(self.slip_limit.as_secs_f64() * 1e3)
    }

    /// Whether payloads are of different sizes, drawn one by one.
    pub(crate) fn draws_sizes(&self) -> bool {
        let Traffic::Records(stream) = &self.traffic else { return false };
        stream.payload_size.is_some_and(|size| !matches!(size, PayloadSize::Exactly(_)))
    }

    /// The groups whose effects are watched, in the order of the views.
    pub fn groups<'a>(&self, system: &'a SystemSpec) -> Vec<&'a str> {
        self.effects.iter().filter_map(|view| system.view(view)).map(|view| view.group.as_str()).collect()
    }

    /// What events are owed besides on their topic: the groups of the views, then the messages that follow.
    pub fn owed<'a>(&'a self, system: &'a SystemSpec) -> Vec<&'a str> {
        self.groups(system).into_iter().chain(self.follows.iter().map(String::as_str)).collect()
    }

    /// The groups of which only lag and positions are watched: no view of theirs shows effects.
    pub fn committing<'a>(&'a self, system: &'a SystemSpec) -> Vec<&'a str> {
        self.lagging(system).split_off(self.groups(system).len())
    }

    /// The groups whose lag is watched: those of the views, then all others that the profile names.
    pub fn lagging<'a>(&'a self, system: &'a SystemSpec) -> Vec<&'a str> {
        let mut groups = self.groups(system);
        for group in &self.watched {
            if !groups.contains(&group.as_str()) {
                groups.push(group);
            }
        }
        groups
    }

    /// The messages that are sent, or that should follow from what is sent.
    pub fn messages<'a>(&'a self, system: &'a SystemSpec) -> Vec<&'a str> {
        match &self.traffic {
            Traffic::Records(stream) => stream.messages.iter().map(|(name, _)| name.as_str()).collect(),
            // What a trace has only its contract can tell.
            Traffic::Replay(_) => Vec::new(),
            Traffic::Actions(requests) => {
                let followed = requests.arms.iter().filter(|arm| arm.follow);
                let events = followed.filter_map(|arm| system.action(&arm.action)?.publishes.as_ref());
                events.map(|follows| follows.message.as_str()).collect()
            }
        }
    }

    /// The first stage's name: what is waited for at once.
    pub(crate) fn first_stage(&self) -> &'static str {
        match self.traffic {
            Traffic::Records(_) | Traffic::Replay(_) => "acknowledgement",
            Traffic::Actions(_) => "answered",
        }
    }

    /// The names of the arms; one without a name where there is nothing to tell apart.
    pub(crate) fn arms(&self) -> Vec<String> {
        match &self.traffic {
            Traffic::Records(_) | Traffic::Replay(_) => vec![String::new()],
            Traffic::Actions(requests) => requests.arms.iter().map(|arm| arm.name.clone()).collect(),
        }
    }
}
