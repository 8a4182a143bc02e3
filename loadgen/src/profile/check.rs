//! What of a profile only its pack can say: whether the names are there, and go together.

use std::collections::BTreeMap;

use eventproof_contract::Contract;
use eventproof_source::{Diagnostic, Diagnostics, Node, Span};
use eventproof_system::SystemSpec;

use super::{Arm, Profile, Replay, Traffic};
use crate::abort::known_at_the_end_only;
use crate::draw::PayloadSize;
use crate::objective::{Count, Metric, Objective};
use crate::plan::longest_payload;
use crate::stages;
use crate::trace::{Replayed, read_file};

/// Where messages to send are named.
const MESSAGES: [&str; 2] = ["message", "messages"];

impl Profile {
    /// Names that only the pack can know.
    pub fn check(&self, contract: &Contract, system: &SystemSpec) -> Diagnostics {
        let mut faults = Diagnostics::default();
        self.check_traffic(contract, system, &mut faults);
        self.check_views(contract, system, &mut faults);
        self.check_follows(contract, &mut faults);
        self.check_twice(&mut faults);
        self.check_timeline(contract, system, &mut faults);
        self.check_objectives(contract, system, &mut faults);
        faults
    }

    fn check_timeline(&self, contract: &Contract, system: &SystemSpec, faults: &mut Diagnostics) {
        let topics: Vec<&str> = contract.topics().map(|channel| channel.topic.as_str()).collect();
        let services: Vec<&str> = system.services.iter().map(|service| service.name.as_str()).collect();
        let stores: Vec<&str> = system.stores.iter().map(|store| store.name.as_str()).collect();
        let nodes = self.root.get("timeline").and_then(Node::items).unwrap_or_default();
        for (entry, node) in self.timeline.iter().zip(nodes) {
            let named = [
                ("service", entry.service(), &services),
                ("store", entry.store(), &stores),
                ("topic", entry.topic(), &topics),
            ];
            for (what, name, known) in named.into_iter().filter_map(|(what, name, known)| Some((what, name?, known))) {
                if !known.contains(&name) {
                    let at = node.get(what).map_or(node.span, |node| node.span);
                    faults.push(self.unknown(what, name, known, at));
                }
            }
        }
    }

    fn check_traffic(&self, contract: &Contract, system: &SystemSpec, faults: &mut Diagnostics) {
        match &self.traffic {
            Traffic::Records(stream) => {
                let messages: Vec<&str> = contract.messages.iter().map(|message| message.name.as_str()).collect();
                for (name, _) in stream.messages.iter().filter(|(name, _)| !messages.contains(&name.as_str())) {
                    faults.push(self.unknown("message", name, &messages, self.place(&MESSAGES, name)));
                }
                for (name, _) in &stream.messages {
                    self.too_long(contract, name, stream.payload_size).into_iter().for_each(|fault| faults.push(fault));
                }
            }
            Traffic::Replay(replay) => faults.extend(self.check_replay(replay, contract)),
            Traffic::Actions(requests) => {
                let actions: Vec<&str> = system.actions.iter().map(|action| action.name.as_str()).collect();
                for arm in requests.arms.iter().filter(|arm| !actions.contains(&arm.action.as_str())) {
                    let at = self.place_of_action(arm);
                    faults.push(self.unknown("action", &arm.action, &actions, at));
                }
                self.check_links(&requests.arms, system, faults);
                self.check_given(&requests.arms, system, faults);
            }
        }
    }

    /// A topic of the contract, or a file whose every record can be read.
    fn check_replay(&self, replay: &Replay, contract: &Contract) -> Diagnostics {
        match &replay.of {
            Replayed::File(path) => read_file(path, contract).err().unwrap_or_default(),
            Replayed::Topic { topic, .. } => {
                let topics: Vec<&str> = contract.topics().map(|channel| channel.topic.as_str()).collect();
                let mut faults = Diagnostics::default();
                if !topics.contains(&topic.as_str()) {
                    faults.push(self.unknown("topic", topic, &topics, self.place(&["replay"], topic)));
                }
                faults
            }
        }
    }

    /// Events of one message are known by the same fields: one that came before its answer would wait under the wrong ones.
    fn check_links(&self, arms: &[Arm], system: &SystemSpec, faults: &mut Diagnostics) {
        let mut known: BTreeMap<&str, (&str, Vec<&String>)> = BTreeMap::new();
        for arm in arms.iter().filter(|arm| arm.follow) {
            let Some(follows) = system.action(&arm.action).and_then(|action| action.publishes.as_ref()) else {
                continue;
            };
            let fields: Vec<&String> = follows.fields.keys().collect();
            let (first, its) = known.entry(&follows.message).or_insert((&arm.action, fields.clone()));
            if *its != fields {
                let message = format!(
                    "actions \"{first}\" and \"{}\" know \"{}\" by different fields",
                    arm.action, follows.message
                );
                let help =
                    "give both the same `publishes.fields` in system.yaml, or leave one out with `follow: false`";
                let at = self.place_of_action(arm);
                faults.push(Diagnostic::error("load/links-differ", message).at(&self.source, at).help(help));
            }
        }
    }

    /// A size that the topic would refuse is no load.
    fn too_long(&self, contract: &Contract, name: &str, size: Option<PayloadSize>) -> Option<Diagnostic> {
        let most = match size? {
            PayloadSize::Exactly(size) => size,
            PayloadSize::Uniform { to, .. } => to,
            PayloadSize::LogNormal { p99, .. } => p99,
        };
        let longest = longest_payload(contract, contract.message(name)?);
        (most > longest).then(|| {
            let message = format!("payloads of {most} B are longer than the topic of \"{name}\" takes");
            Diagnostic::error("load/payload-size", message)
                .at(
                    &self.source,
                    self.root.get("payload_size").map_or_else(|| self.place(&MESSAGES, name), |node| node.span),
                )
                .help(format!("at most {longest} B, by its max.message.bytes and the producer's own limit"))
        })
    }

    fn check_views(&self, contract: &Contract, system: &SystemSpec, faults: &mut Diagnostics) {
        let journals: Vec<&str> =
            system.views.iter().filter(|view| view.counts()).map(|view| view.name.as_str()).collect();
        for view in self.effects.iter().filter(|view| !journals.contains(&view.as_str())) {
            faults.push(self.unknown("journal view", view, &journals, self.place(&["effects"], view)));
        }
        let known = contract.groups();
        let names: Vec<&str> = known.keys().map(|name| &**name).collect();
        for group in self.watched.iter().filter(|group| !names.contains(&group.as_str())) {
            faults.push(self.unknown("group of the contract", group, &names, self.place(&["groups"], group)));
        }
        // Which messages a trace has is seen when it is read.
        if matches!(self.traffic, Traffic::Replay(_)) {
            return;
        }
        let messages = self.messages(system);
        for group in self.groups(system) {
            let consumes = |message| contract.receivers(message).any(|one| one.group.as_deref() == Some(group));
            if !messages.iter().copied().any(consumes) {
                let message = format!("group \"{group}\" consumes none of: {}", messages.join(", "));
                let help = "by the contract's receiving operations it has no effect to wait for: take its view out of `effects`";
                let at = self.root.get("effects").map_or(Span { start: 0, end: 0 }, |node| node.span);
                faults.push(Diagnostic::error("load/no-effect", message).at(&self.source, at).help(help));
            }
        }
    }

    /// What follows must be known, tell what it follows from, and stand on a topic of its own.
    fn check_follows(&self, contract: &Contract, faults: &mut Diagnostics) {
        let known: Vec<&str> = contract.messages.iter().map(|message| message.name.as_str()).collect();
        let Traffic::Records(stream) = &self.traffic else { return };
        let sent: Vec<&str> =
            stream.messages.iter().filter_map(|(name, _)| Some(contract.message(name)?.topic.as_str())).collect();
        for name in &self.follows {
            let Some(message) = contract.message(name) else {
                faults.push(self.unknown("message", name, &known, self.place(&["follows"], name)));
                continue;
            };
            let (wrong, help) = if message.envelope.causation.is_none() && message.envelope.correlation.is_none() {
                (
                    "carries neither a causation nor a correlation id",
                    "say under `x-eventproof` where it does, or watch a view under `effects`",
                )
            } else if sent.contains(&message.topic.as_str()) {
                (
                    "stands on a topic that this load sends to",
                    "watch a view under `effects`: its records and ours would be told apart by nothing",
                )
            } else {
                continue;
            };
            let fault = Diagnostic::error("load/follows", format!("`{name}` {wrong}"));
            faults.push(fault.at(&self.source, self.place(&["follows"], name)).help(help));
        }
    }

    fn check_objectives(&self, contract: &Contract, system: &SystemSpec, faults: &mut Diagnostics) {
        let groups: Vec<&str> = self.owed(system);
        let lagging: Vec<&str> = self.lagging(system);
        let legs: Vec<&str> = ["topic"].into_iter().chain(groups.iter().copied()).collect();
        let shown: Vec<&str> = groups.iter().copied().chain(self.committing(system)).collect();
        let mut stages = stages::names(self.first_stage(), &self.arms(), &shown);
        stages.extend(stages::spans(self.first_stage(), &self.arms(), &shown));
        // Without a plan nothing can be behind it.
        stages.extend(self.slip_limit_ms().map(|_| stages::SLIP.to_owned()));
        let stages: Vec<&str> = stages.iter().map(String::as_str).collect();
        let firsts: Vec<String> = self.arms().iter().map(|arm| stages::with_arm(self.first_stage(), arm)).collect();
        let firsts: Vec<&str> = firsts.iter().map(String::as_str).collect();
        for (objective, node) in self.objectives.iter().zip(&self.objective_nodes) {
            self.check_count(&objective.metric, node, faults);
            self.check_difference(&objective.metric, node, faults);
            self.check_deadline(contract, system, &objective.metric, node, faults);
            self.check_abort(objective, node, faults);
            let (what, names, known) = match &objective.metric {
                Metric::Percentile { stage, .. } | Metric::Max { stage, .. } => ("stage", vec![stage], &stages),
                Metric::Difference { stage, other, .. } => ("stage", vec![stage, other], &stages),
                Metric::Failed { stage, .. } => ("first stage", vec![stage], &firsts),
                Metric::Count { leg, .. } => ("leg", vec![leg], &legs),
                Metric::Lag { group, .. } | Metric::Slope { group, .. } => ("group", vec![group], &lagging),
                Metric::Drained { group, .. } => ("group", vec![group], &groups),
                Metric::Throughput { .. } => continue,
            };
            for name in names.into_iter().filter(|name| !known.contains(&name.as_str())) {
                faults.push(self.unknown(what, name, known, node.span));
            }
        }
    }

    /// A count of what nobody looks at would always hold.
    fn check_count(&self, metric: &Metric, node: &Node, faults: &mut Diagnostics) {
        let Metric::Count { what, leg, .. } = metric else { return };
        let requests = matches!(self.traffic, Traffic::Actions(_));
        let why = match what {
            Count::Reordered if requests => "the order of requests is not that of their events",
            Count::Corrupted if requests => "what a service makes of a request is not known here",
            Count::Late if leg == "topic" => {
                "deadlines are those of the groups that receive; limit a percentile or max(end_to_end)"
            }
            Count::DeadLettered | Count::Undecided if leg == "topic" || self.follows.contains(leg) => {
                "it is a group that puts off or gives up"
            }
            Count::Phantom if self.follows.contains(leg) => "what follows from none of these events is not looked at",
            Count::Corrupted if leg != "topic" => "an effect has no bytes to compare; the topic has",
            _ => return,
        };
        let message = format!("this cannot be judged on {leg}: {why}");
        let help = "take the objective out: it would hold whatever happens";
        faults.push(Diagnostic::error("load/cannot-be-judged", message).at(&self.source, node.span).help(help));
    }

    /// A percentile of a stage is never above a higher one of the same stage.
    fn check_difference(&self, metric: &Metric, node: &Node, faults: &mut Diagnostics) {
        let Metric::Difference { percentile, stage, less, other, .. } = metric else { return };
        if stage == other && percentile.0 <= less.0 {
            let message = format!("{percentile}({stage}) is never above {less}({other})");
            let help = "it would hold whatever happens: compare two stages, or a higher percentile with a lower one";
            let fault = Diagnostic::error("load/cannot-be-judged", message).help(help);
            faults.push(fault.at(&self.source, node.span));
        }
    }

    /// Without a deadline nothing is late.
    fn check_deadline(
        &self,
        contract: &Contract,
        system: &SystemSpec,
        metric: &Metric,
        node: &Node,
        faults: &mut Diagnostics,
    ) {
        let Metric::Count { what: Count::Late, leg: group, .. } = metric else { return };
        let has = |message: &str| {
            let mut receivers = contract.receivers(message);
            receivers.any(|one| one.group.as_deref() == Some(group) && one.deadline.is_some())
        };
        let messages = self.messages(system);
        // Which messages a trace has is seen when it is read.
        if matches!(self.traffic, Traffic::Replay(_)) || group == "topic" || messages.iter().any(|message| has(message))
        {
            return;
        }
        let message = format!("group \"{group}\" has no deadline for: {}", messages.join(", "));
        let help =
            "give its receiving operation a `deadline` under x-eventproof, or limit a percentile or max(processed(…))";
        faults.push(Diagnostic::error("load/no-deadline", message).at(&self.source, node.span).help(help));
    }

    /// What is not known before the end would never end the load, and whoever relies on it would wait in vain.
    fn check_abort(&self, objective: &Objective, node: &Node, faults: &mut Diagnostics) {
        let requests = matches!(self.traffic, Traffic::Actions(_));
        let why = objective.abort_after.and_then(|_| known_at_the_end_only(&objective.metric, requests));
        let Some(why) = why else { return };
        let message = format!("`{}` cannot end the load: {why}", objective.text);
        let help = "leave `abort_on_fail` out, or let failed(…), pNN(…), max(…), lag(…), duplicated, reordered or corrupted(…) end it";
        faults.push(Diagnostic::error("load/cannot-abort", message).at(&self.source, node.span).help(help));
    }
}
