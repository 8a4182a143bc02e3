//! Sentences that disturb services.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use eventproof_broker::{rebalance, rewind};
use eventproof_evidence::{Observation, Place, Proof, Reason, Verdict};

use super::world::{Running, environment};
use crate::catalogue::Arguments;

/// How long the effects that a kill waits for may take.
const EFFECTS: Duration = Duration::from_secs(30);
/// How long a member of ours may wait for its part of a group.
const GUEST: Duration = Duration::from_secs(20);
/// How long a killed member may stay one: Kafka's usual session time-out, and a little.
const MEMBERS_LEAVE: Duration = Duration::from_secs(50);

impl Running {
    /// `service "…" is killed`.
    pub async fn kill(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let service = arguments.text("service").unwrap_or_default();
        self.context.rig.system.kill(service).await.map_err(environment)?;
        Ok(Verdict::Held(Proof::of(format!("\"{service}\" was killed"))))
    }

    /// `service "…" is stopped`.
    pub async fn stop(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let service = arguments.text("service").unwrap_or_default();
        self.context.rig.system.stop(service).await.map_err(environment)?;
        Ok(Verdict::Held(Proof::of(format!("\"{service}\" has ended"))))
    }

    /// `service "…" is started again`.
    pub async fn start(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let service = arguments.text("service").unwrap_or_default();
        if self.context.rig.system.is_running(service).await {
            return Err(environment(format!("service \"{service}\" runs already")));
        }
        self.context.rig.system.start(service).await.map_err(environment)?;
        Ok(Verdict::Held(Proof::of(format!("\"{service}\" is ready"))))
    }

    /// `service "…" is paused`.
    pub async fn pause(&mut self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let service = arguments.text("service").unwrap_or_default();
        if !self.context.rig.system.is_running(service).await {
            return Err(environment(format!("service \"{service}\" does not run")));
        }
        self.context.rig.system.pause(service, true).await.map_err(environment)?;
        self.paused.insert(service.to_owned());
        Ok(Verdict::Held(Proof::of(format!("\"{service}\" is stopped by SIGSTOP"))))
    }

    /// `service "…" goes on`.
    pub async fn go_on(&mut self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let service = arguments.text("service").unwrap_or_default();
        if !self.paused.remove(service) {
            return Err(environment(format!("service \"{service}\" is not paused")));
        }
        self.context.rig.system.pause(service, false).await.map_err(environment)?;
        Ok(Verdict::Held(Proof::of(format!("\"{service}\" goes on"))))
    }

    /// Nobody is left paused for the scenarios after this one.
    pub async fn end_pauses(&mut self) {
        for service in std::mem::take(&mut self.paused) {
            // One that is gone needs nothing.
            let _ = self.context.rig.system.pause(&service, false).await;
        }
    }

    /// `service "…" joins as another instance`.
    pub async fn join(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let service = arguments.text("service").unwrap_or_default();
        if self.context.rig.system.is_running(service).await {
            return Err(environment(format!("service \"{service}\" runs already")));
        }
        self.context.rig.system.start(service).await.map_err(environment)?;
        self.context.rig.await_joined(service).await.map_err(environment)?;
        Ok(Verdict::Held(Proof::of(format!("\"{service}\" is ready, and a member of its groups"))))
    }

    /// `group "…" rebalances`.
    pub async fn rebalance(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let group = arguments.text("group").unwrap_or_default().to_owned();
        let needs = self.context.rig.needs();
        let need = needs
            .iter()
            .find(|need| need.spec.name == group)
            .ok_or_else(|| environment(format!("group \"{group}\" reads nothing that the contract knows")))?;
        let topics: BTreeSet<String> = need.partitions.iter().map(|(topic, _)| topic.clone()).collect();
        let (broker, topics) = (self.context.rig.broker.clone(), topics.into_iter().collect::<Vec<_>>());
        let joined = tokio::task::spawn_blocking(move || rebalance(&broker, &group, &topics, GUEST)).await;
        joined.map_err(environment)?.map_err(environment)?;
        self.context.rig.await_groups_again().await.map_err(environment)?;
        Ok(Verdict::Held(Proof::of("a member came and went, and the group is stable again")))
    }

    /// `group "…" is rewound to it`: the service of the group is stopped.
    pub async fn rewind(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let group = arguments.text("group").unwrap_or_default().to_owned();
        if self.keeps_offsets_elsewhere(&group) {
            let detail = "so nobody can set it back from outside".to_owned();
            return Err(Verdict::CannotTell(Reason::OffsetsElsewhere { group, detail }));
        }
        let event = self.event(arguments.text("name"))?;
        let place = self.seen_in_time(event).await?.place();
        let (broker, to, name) = (self.context.rig.broker.clone(), place.clone(), group.clone());
        let set = tokio::task::spawn_blocking(move || {
            rewind(&broker, &name, (&to.topic, to.partition), to.offset, MEMBERS_LEAVE)
        });
        set.await.map_err(environment)?.map_err(|error| {
            environment(format!("{error}; a group can be set back only while its service is stopped"))
        })?;
        self.await_set_back(&group, &place).await?;
        Ok(Verdict::Held(Proof::of(format!("group \"{group}\" will read on at {place}"))))
    }

    /// Until the group is known to be back, it would look as if it had read the record again already.
    async fn await_set_back(&self, group: &str, place: &Place) -> Result<(), Verdict> {
        let mut reader = self.context.rig.journal.reader_at(&self.standpoint);
        let (deadline, mut last) = (self.now() + EFFECTS, None);
        while last != Some(place.offset) {
            if self.now() > deadline {
                return Err(environment(format!("group \"{group}\" was not seen to be back at {place}")));
            }
            let _ = tokio::time::timeout(Duration::from_millis(50), reader.changed()).await;
            for observation in reader.take() {
                if let Observation::Committed { group: of, topic, partition, offset, .. } = &*observation
                    && (&**of, &**topic, *partition) == (group, place.topic.as_str(), place.partition)
                {
                    last = Some(*offset);
                }
            }
        }
        Ok(())
    }

    /// `service "…" is killed after it handled … of them`.
    pub async fn kill_after(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let service = arguments.text("service").unwrap_or_default();
        let wanted = arguments.count("times").unwrap_or_default();
        let handled = self.await_effects(service, wanted).await?;
        self.context.rig.system.kill(service).await.map_err(environment)?;
        Ok(Verdict::Held(Proof::of(format!("\"{service}\" was killed when {handled} had had their effect"))))
    }

    async fn await_effects(&self, service: &str, wanted: usize) -> Result<usize, Verdict> {
        let no_control = |detail: String| Verdict::CannotTell(Reason::NoPositiveControl { detail });
        if self.background.is_empty() {
            return Err(no_control("no events are published in the background".into()));
        }
        let view = self.counting_view(service)?;
        let events = self.background.iter().flat_map(|background| &background.events);
        let mut open: HashSet<&str> = events.filter_map(|event| event.target.id().map(|id| &**id)).collect();
        let all = open.len();
        let mut reader = self.context.rig.journal.reader(self.standpoint.from());
        let deadline = self.now() + EFFECTS;
        while all - open.len() < wanted {
            if self.now() > deadline {
                let detail = format!("only {} of {wanted} had their effect before the kill", all - open.len());
                return Err(no_control(detail));
            }
            // Effects come, or the deadline is looked at again.
            let _ = tokio::time::timeout(Duration::from_millis(50), reader.changed()).await;
            for observation in reader.take() {
                if let Observation::Effect { view: of, event, .. } = &*observation
                    && **of == *view
                {
                    open.remove(&**event);
                }
            }
        }
        Ok(all - open.len())
    }
}
