//! Faults of the broker, in one vocabulary for scenario sentences, load profiles and the command line.
//!
//! A fault is a kind and some settings (`delay`, `by=200ms`, `api=Fetch`). Only the embedded broker can be made to show
//! them. eventproof's own observers are spared: what only watches must not be blinded by what it watches for.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use eventproof_embedded::{Api, Effect, Fault, FaultId, FaultsHandle, Kept, Match, StartError, error_code};
use eventproof_source::{nearest, units};

use crate::BrokerError;

/// How the client ids of our own observers begin.
const OBSERVERS: &str = "eventproof-observer";

/// Kinds of fault, what each needs, and what it does.
const KINDS: [(&str, &[&str], &str); 13] = [
    ("delay", &["by"], "requests are carried out so much later"),
    ("error", &["error"], "requests are not carried out and answered with this error of Kafka's protocol"),
    ("disconnect", &[], "the connection is closed before the request is carried out"),
    ("silence", &[], "requests are not carried out and never answered"),
    ("lose-acknowledgement", &[], "requests are carried out, and the connection is closed before the answer"),
    ("lose-records", &[], "records are acknowledged and not kept"),
    ("repeat-records", &[], "records are acknowledged once and kept twice"),
    ("alter-records", &[], "records are acknowledged, and kept with a character of their value changed"),
    ("corrupt", &[], "fetched batches have a wrong checksum"),
    ("throttle", &["rate"], "a connection carries no more bytes a second than this"),
    ("crash", &[], "ports and connections close, of every node or of one (node=2); the log is kept for the restart"),
    ("move-leaders", &[], "partitions are led by their next replica, until they go back to their first"),
    ("clock", &["by"], "the broker's wall clock is ahead by so much; behind with direction=behind"),
];

/// Settings that say which requests are meant.
const SCOPE: [&str; 5] = ["api", "topic", "partition", "client", "times"];

/// A fault that can be started and ended.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokerFault {
    what: What,
    label: String,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Requests(Fault),
    Crash { node: Option<i32> },
    MoveLeaders { topic: Option<String>, partition: Option<i32> },
    Clock { by: Duration, ahead: bool },
}

impl BrokerFault {
    /// Reads a fault; the error says what is expected. Durations and sizes as everywhere: `200ms`, `64 KiB`.
    pub fn new(kind: &str, settings: &BTreeMap<String, String>) -> Result<BrokerFault, String> {
        let Some((kind, needs, _)) = KINDS.iter().find(|(name, _, _)| *name == kind) else {
            let names = KINDS.map(|(name, _, _)| name);
            let help = nearest(kind, names).map_or_else(|| names.join(", "), |meant| format!("did you mean {meant}?"));
            return Err(format!("the broker has no fault \"{kind}\": {help}"));
        };
        check_names(kind, needs, settings)?;
        let what = match *kind {
            "crash" => What::Crash { node: number(settings, "node", 1)? },
            "move-leaders" => What::MoveLeaders {
                topic: settings.get("topic").cloned(),
                partition: number(settings, "partition", 0)?,
            },
            "clock" => What::Clock { by: duration(settings, "by")?, ahead: is_ahead(settings)? },
            kind => What::Requests(Fault {
                matcher: matcher(kind, settings)?,
                times: number(settings, "times", 1)?,
                effect: effect(kind, settings)?,
            }),
        };
        let words = settings.iter().map(|(name, value)| format!(" {name}={value}"));
        Ok(BrokerFault { what, label: format!("{kind}{}", words.collect::<String>()) })
    }

    /// Reads `delay by=200ms api=Fetch`.
    pub fn parse(text: &str) -> Result<BrokerFault, String> {
        let mut words = text.split_whitespace();
        let kind = words.next().ok_or("a fault begins with its kind, such as `delay by=200ms api=Fetch`")?;
        let setting = |word: &str| {
            let (name, value) = word.split_once('=').ok_or_else(|| format!("`{word}` is no NAME=VALUE"))?;
            Ok::<_, String>((name.to_owned(), value.to_owned()))
        };
        BrokerFault::new(kind, &words.map(setting).collect::<Result<_, _>>()?)
    }

    /// The topic that it is limited to.
    pub fn topic(&self) -> Option<&str> {
        match &self.what {
            What::Requests(fault) => fault.matcher.topic.as_deref(),
            What::MoveLeaders { topic, .. } => topic.as_deref(),
            What::Crash { .. } | What::Clock { .. } => None,
        }
    }

    /// The node that it is limited to, from 1.
    pub fn node(&self) -> Option<i32> {
        if let What::Crash { node } = self.what { node } else { None }
    }

    /// Every kind, for help texts: name, settings that it needs, meaning.
    pub fn kinds() -> impl Iterator<Item = (&'static str, &'static [&'static str], &'static str)> {
        KINDS.into_iter()
    }
}

impl fmt::Display for BrokerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

fn check_names(kind: &str, needs: &[&str], settings: &BTreeMap<String, String>) -> Result<(), String> {
    let scope: &[&str] = match kind {
        "crash" => &["node"],
        "move-leaders" => &["topic", "partition"],
        "clock" => &["direction"],
        _ => &SCOPE,
    };
    if let Some(needed) = needs.iter().find(|name| !settings.contains_key(**name)) {
        return Err(format!("fault {kind} needs {needed}"));
    }
    let known: Vec<&str> = needs.iter().chain(scope).copied().collect();
    match settings.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(unknown) => {
            let help = match nearest(unknown, known.iter().copied()) {
                Some(meant) => format!("did you mean {meant}?"),
                None if known.is_empty() => "it has none".to_owned(),
                None => format!("there are {}", known.join(", ")),
            };
            Err(format!("fault {kind} has no setting {unknown}: {help}"))
        }
    }
}

/// Whom it meets. What becomes of acknowledgements and records is met by those who produce, and a corrupt batch one of fetches unless more is said.
fn matcher(kind: &str, settings: &BTreeMap<String, String>) -> Result<Match, String> {
    let usual = match kind {
        "lose-acknowledgement" | "lose-records" | "repeat-records" | "alter-records" => Some("Produce"),
        "corrupt" => Some("Fetch"),
        _ => None,
    };
    let api = settings.get("api").map(String::as_str).or(usual);
    let client_id = settings.get("client").cloned();
    Ok(Match {
        api: api.map(Api::from_name).transpose().map_err(|error| error.to_string())?,
        topic: settings.get("topic").cloned(),
        partition: number(settings, "partition", 0)?,
        spared: client_id.is_none().then(|| OBSERVERS.to_owned()),
        client_id,
    })
}

fn effect(kind: &str, settings: &BTreeMap<String, String>) -> Result<Effect, String> {
    Ok(match kind {
        "delay" => Effect::Delay(duration(settings, "by")?),
        "error" => {
            let name = settings.get("error").map(String::as_str).unwrap_or_default();
            let unknown =
                || format!("Kafka's protocol has no error {name}; NOT_LEADER_OR_FOLLOWER is one, for example");
            Effect::Error(error_code(name).ok_or_else(unknown)?)
        }
        "disconnect" => Effect::Disconnect,
        "silence" => Effect::Silence,
        "lose-acknowledgement" => Effect::AppliedNotAcknowledged,
        "lose-records" => Effect::Keep(Kept::Nothing),
        "repeat-records" => Effect::Keep(Kept::Twice),
        "alter-records" => Effect::Keep(Kept::Altered),
        "corrupt" => Effect::CorruptBatch,
        _ => {
            let rate = settings.get("rate").map(String::as_str).unwrap_or_default();
            Effect::Throttle { bytes_per_sec: units::parse_size(rate.trim_end_matches("/s").trim())? }
        }
    })
}

fn duration(settings: &BTreeMap<String, String>, name: &str) -> Result<Duration, String> {
    units::parse_duration(settings.get(name).map(String::as_str).unwrap_or_default())
}

/// A number of at least so much: with less the fault would meet nothing, and nobody would know.
fn number<T: std::str::FromStr + PartialOrd + fmt::Display>(
    settings: &BTreeMap<String, String>,
    name: &str,
    least: T,
) -> Result<Option<T>, String> {
    let Some(text) = settings.get(name) else { return Ok(None) };
    match text.parse::<T>() {
        Err(_) => Err(format!("{name}={text} is no whole number")),
        Ok(number) if number < least => Err(format!("{name}={text}: {least} is the least")),
        Ok(number) => Ok(Some(number)),
    }
}

fn is_ahead(settings: &BTreeMap<String, String>) -> Result<bool, String> {
    match settings.get("direction").map(String::as_str) {
        None | Some("ahead") => Ok(true),
        Some("behind") => Ok(false),
        Some(other) => Err(format!("direction={other}: a clock is ahead or behind")),
    }
}

/// Starts and ends faults of a running broker.
#[derive(Clone, Debug)]
pub struct FaultControl {
    handle: FaultsHandle,
}

/// A fault that has been started.
#[derive(Debug)]
pub struct ActiveFault {
    what: Active,
    /// The fault's words.
    pub label: String,
}

#[derive(Debug)]
enum Active {
    Requests(FaultId),
    Crash {
        node: Option<i32>,
    },
    /// How many leaders moved.
    MovedLeaders(u64),
    Clock,
}

/// What a fault met while it was in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    Requests(u64),
    Leaders(u64),
    /// A crash or a shifted clock meets everybody.
    Everything,
}

impl Met {
    /// A fault that met nothing proved nothing.
    pub fn is_nothing(self) -> bool {
        matches!(self, Met::Requests(0) | Met::Leaders(0))
    }
}

impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Met::Requests(0) => f.write_str("met no request"),
            Met::Requests(count) => write!(f, "met {count} requests"),
            Met::Leaders(0) => f.write_str("moved no leader"),
            Met::Leaders(count) => write!(f, "moved {count} leaders"),
            Met::Everything => f.write_str("is over"),
        }
    }
}

impl FaultControl {
    /// The control of an embedded broker.
    pub fn new(handle: FaultsHandle) -> FaultControl {
        FaultControl { handle }
    }

    /// Puts a fault in force. May block for some milliseconds.
    pub fn start(&self, fault: &BrokerFault) -> Result<ActiveFault, BrokerError> {
        let what = match &fault.what {
            What::Requests(fault) => Active::Requests(self.handle.inject(fault.clone())),
            What::Crash { node } => {
                let crashed = node.map_or_else(|| self.handle.crash(), |node| self.handle.crash_node(node));
                crashed.map_err(failed)?;
                Active::Crash { node: *node }
            }
            What::MoveLeaders { topic, partition } => {
                let moved = self.handle.move_leaders(topic.as_deref(), *partition).map_err(failed)?;
                Active::MovedLeaders(moved)
            }
            What::Clock { by, ahead } => {
                self.handle.shift_clock(*by, *ahead);
                Active::Clock
            }
        };
        Ok(ActiveFault { what, label: fault.label.clone() })
    }

    /// Ends it, and tells what it met.
    pub fn end(&self, active: ActiveFault) -> Result<Met, BrokerError> {
        match active.what {
            Active::Requests(id) => Ok(Met::Requests(self.handle.clear(id))),
            Active::Crash { node } => {
                let restarted = node.map_or_else(|| self.handle.restart(), |node| self.handle.restart_node(node));
                restarted.map_err(failed).map(|()| Met::Everything)
            }
            Active::MovedLeaders(moved) => self.handle.restore_leaders().map_err(failed).map(|_| Met::Leaders(moved)),
            Active::Clock => {
                self.handle.shift_clock(Duration::ZERO, true);
                Ok(Met::Everything)
            }
        }
    }
}

fn failed(error: StartError) -> BrokerError {
    BrokerError::Embedded(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_as_people_write_them() {
        let fault = BrokerFault::parse("delay by=200ms api=fetch topic=posts partition=2 client=feed times=3").unwrap();
        let matcher = Match {
            api: Some(Api::FETCH),
            topic: Some("posts".into()),
            partition: Some(2),
            client_id: Some("feed".into()),
            spared: None,
        };
        let effect = Effect::Delay(Duration::from_millis(200));
        assert_eq!(fault.what, What::Requests(Fault { matcher, times: Some(3), effect }));
        let what = |text: &str| BrokerFault::parse(text).unwrap().what;
        assert_eq!(what("clock by=1h direction=behind"), What::Clock { by: Duration::from_secs(3600), ahead: false });
        assert_eq!(what("crash node=2"), What::Crash { node: Some(2) });
        let topic = |text: &str| BrokerFault::parse(text).unwrap().topic().map(str::to_owned);
        assert_eq!([topic("delay by=1s topic=a"), topic("move-leaders topic=b")], [Some("a".into()), Some("b".into())]);
        assert_eq!([topic("silence"), topic("crash")], [None, None]);
        assert_eq!(what("move-leaders topic=t"), What::MoveLeaders { topic: Some("t".into()), partition: None });
        let spared = Some(OBSERVERS.to_owned());
        let lost = Match { api: Some(Api::PRODUCE), spared, ..Match::default() };
        let effect = Effect::AppliedNotAcknowledged;
        assert_eq!(what("lose-acknowledgement"), What::Requests(Fault { matcher: lost, times: None, effect }));
    }

    #[test]
    fn a_wrong_fault_says_what_to_write() {
        let error = |text: &str| BrokerFault::parse(text).unwrap_err();
        assert_eq!(error("dely by=1s"), "the broker has no fault \"dely\": did you mean delay?");
        assert_eq!(error("delay"), "fault delay needs by");
        assert_eq!(error("delay by=1s topc=x"), "fault delay has no setting topc: did you mean topic?");
        assert_eq!(error("crash times=2"), "fault crash has no setting times: there are node");
        assert_eq!(error("silence times=x"), "times=x is no whole number");
        assert_eq!(error("silence times=0"), "times=0: 1 is the least");
        assert_eq!(error("crash node=0"), "node=0: 1 is the least");
        assert_eq!(error("delay by=1s partition=-1"), "partition=-1: 0 is the least");
        assert_eq!(error("clock by=1h direction=behnd"), "direction=behnd: a clock is ahead or behind");
        assert!(error("error error=NOPE").contains("no error NOPE"));
        assert!(error("delay by=soon").contains("soon"));
    }
}
