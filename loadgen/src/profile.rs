//! Load profiles: what to send, how fast, what to watch, what to hold.

use std::path::{Path, PathBuf};
use std::time::Duration;

use eventproof_broker::SenderSettings;
use eventproof_contract::Contract;
use eventproof_source::{Diagnostic, Diagnostics, Fields, Node, Source, nearest, parse_yaml};
use eventproof_system::SystemSpec;

use crate::disturbance::{Disturbance, disturbance};
use crate::objective::{Metric, Objective};

/// How far sends may slip where a profile says nothing.
const SLIP_LIMIT: Duration = Duration::from_millis(20);

const COMPRESSIONS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

/// A load profile.
#[derive(Clone, Debug)]
pub struct Profile {
    pub name: String,
    pub path: PathBuf,
    /// The pack's folder.
    pub pack: PathBuf,
    pub message: String,
    /// Bytes of every payload; as the generator makes them if nothing is said.
    pub payload_size: Option<usize>,
    /// How many keys the events are spread over.
    pub keys: u64,
    /// Events per second.
    pub rate: f64,
    pub warm_up: Duration,
    /// Events after the warm-up.
    pub events: u64,
    /// Journal views whose entries are effects.
    pub effects: Vec<String>,
    /// How long stragglers are waited for.
    pub settle: Duration,
    /// How far 99 % of the sends may slip behind their plan before figures of time and rate have no verdict.
    pub slip_limit: Duration,
    /// How the events are sent.
    pub producer: SenderSettings,
    /// What is done to broker and services while the load runs.
    pub timeline: Vec<Disturbance>,
    pub objectives: Vec<Objective>,
    source: Source,
    objective_nodes: Vec<Node>,
}

impl Profile {
    /// Reads a profile: or every fault.
    pub fn read(path: &Path) -> Result<Profile, Diagnostics> {
        Profile::parse(Source::read(path)?)
    }

    /// Reads a profile from a text; the pack's folder is taken relative to the text's path.
    pub fn parse(source: Source) -> Result<Profile, Diagnostics> {
        let root = parse_yaml(&source)?;
        let mut faults = Diagnostics::default();
        let profile = read(&root, &source, &mut faults);
        profile.filter(|_| !faults.has_errors()).ok_or(faults)
    }

    /// Names that only the pack can know.
    pub fn check(&self, contract: &Contract, system: &SystemSpec) -> Diagnostics {
        let mut faults = Diagnostics::default();
        let messages: Vec<&str> = contract.messages.iter().map(|message| message.name.as_str()).collect();
        if !messages.contains(&self.message.as_str()) {
            faults.push(self.unknown("message", &self.message, &messages, None));
        }
        let journals: Vec<&str> =
            system.views.iter().filter(|view| view.counts()).map(|view| view.name.as_str()).collect();
        for view in self.effects.iter().filter(|view| !journals.contains(&view.as_str())) {
            faults.push(self.unknown("journal view", view, &journals, None));
        }
        let services: Vec<&str> = system.services.iter().map(|service| service.name.as_str()).collect();
        for service in self.timeline.iter().filter_map(Disturbance::service) {
            if !services.contains(&service) {
                faults.push(self.unknown("service", service, &services, None));
            }
        }
        let groups: Vec<&str> = self.groups(system);
        let legs: Vec<&str> = ["topic"].into_iter().chain(groups.iter().copied()).collect();
        let stages: Vec<String> = ["acknowledgement".to_owned(), "end_to_end".to_owned()]
            .into_iter()
            .chain(groups.iter().map(|group| format!("processed({group})")))
            .collect();
        let stages: Vec<&str> = stages.iter().map(String::as_str).collect();
        for (objective, node) in self.objectives.iter().zip(&self.objective_nodes) {
            let (what, name, known) = match &objective.metric {
                Metric::Percentile { stage, .. } | Metric::Max { stage, .. } => ("stage", stage, &stages),
                Metric::Count { leg, .. } => ("leg", leg, &legs),
                Metric::Lag { group, .. } => ("group", group, &groups),
                Metric::Throughput { .. } => continue,
            };
            if !known.contains(&name.as_str()) {
                faults.push(self.unknown(what, name, known, Some(node)));
            }
        }
        faults
    }

    /// The groups whose effects are watched, in the order of the views.
    pub fn groups<'a>(&self, system: &'a SystemSpec) -> Vec<&'a str> {
        self.effects.iter().filter_map(|view| system.view(view)).map(|view| view.group.as_str()).collect()
    }

    fn unknown(&self, what: &str, name: &str, known: &[&str], node: Option<&Node>) -> Diagnostic {
        let help = match nearest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are: {}", known.join(", ")),
        };
        let at = node.map_or(eventproof_source::Span { start: 0, end: 0 }, |node| node.span);
        Diagnostic::error("load/unknown-name", format!("there is no {what} `{name}`")).at(&self.source, at).help(help)
    }
}

fn read(root: &Node, source: &Source, faults: &mut Diagnostics) -> Option<Profile> {
    let mut fields = Fields::of(root, source, "a load profile", faults)?;
    let name = fields.required_string("name", faults);
    let pack = fields.required_string("pack", faults);
    let message = fields.required_string("message", faults);
    let payload_size = fields.size("payload_size", faults).map(|size| size as usize);
    let keys = fields.u64("keys", faults).unwrap_or(1000).max(1);
    fields.required("rate", faults);
    let rate = fields.rate("rate", faults);
    let warm_up = fields.duration("warm_up", faults).unwrap_or_default();
    fields.required("events", faults);
    let events = fields.u64("events", faults);
    let effects = fields.strings("effects", faults);
    let settle = fields.duration("settle", faults).unwrap_or(Duration::from_secs(10));
    let slip_limit = fields.duration("slip_limit", faults).unwrap_or(SLIP_LIMIT);
    let producer = fields.node("producer").and_then(|node| producer(node, source, faults)).unwrap_or_default();
    let timeline = fields.list("timeline").iter().filter_map(|node| disturbance(node, source, faults)).collect();
    let objective_nodes = fields.list("objectives").to_vec();
    fields.finish(faults);
    let objectives = objective_nodes.iter().filter_map(|node| objective(node, source, faults)).collect();
    let folder = source.path().parent().unwrap_or(Path::new("."));
    Some(Profile {
        name: name?,
        path: source.path().to_owned(),
        pack: folder.join(pack?),
        message: message?,
        payload_size,
        keys,
        rate: rate?,
        warm_up,
        events: events?,
        effects,
        settle,
        slip_limit,
        producer,
        timeline,
        objectives,
        source: source.clone(),
        objective_nodes,
    })
}

/// Kafka's own settings of a producer; what is left out is as [`SenderSettings::default`] says.
fn producer(node: &Node, source: &Source, faults: &mut Diagnostics) -> Option<SenderSettings> {
    let mut fields = Fields::of(node, source, "a producer", faults)?;
    let usual = SenderSettings::default();
    let settings = SenderSettings {
        linger: fields.duration("linger", faults).unwrap_or(usual.linger),
        batch_bytes: fields.size("batch_size", faults).map_or(usual.batch_bytes, |size| size as usize),
        queue_records: fields.u64("queue_records", faults).map_or(usual.queue_records, |records| records as usize),
        compression: fields.choice("compression", &COMPRESSIONS, faults).unwrap_or(usual.compression),
        idempotent: fields.bool("idempotence", faults).unwrap_or(usual.idempotent),
    };
    fields.finish(faults);
    Some(settings)
}

fn objective(node: &Node, source: &Source, faults: &mut Diagnostics) -> Option<Objective> {
    let text = node.scalar_text().unwrap_or_default();
    Objective::parse(&text)
        .map_err(|message| faults.push(Diagnostic::error("load/objective", message).at(source, node.span)))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_a_profile_is_reported_with_its_remedy() {
        let text = "name: x\npack: ..\nmessage: m\nrate: fast\nwarmup: 2s\nevents: 10\nobjectives:\n  - lost = 0\n  - p95(end_to_end) < 100ms\n";
        insta::assert_snapshot!(Profile::parse(Source::inline("load.yaml", text)).unwrap_err().render(false));
    }
}
