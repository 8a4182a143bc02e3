//! Sentences that expect something.

use std::time::Duration;

use eventproof_broker::Topics;
use eventproof_contract::{Handling, SentinelField};
use eventproof_evidence::oracle::{
    ExactlyOnce, Handler, NeverOlder, NoneLost, OnTopic, OnTopicOnce, Processed, RetryPath, ShareInTime, Target,
    ViewBecomes, ViewKeeps,
};
use eventproof_evidence::{Proof, Reason, Verdict};
use eventproof_system::Params;

use serde_json::Value;

use super::world::{Background, Event, Running, broken, by_id, environment};
use crate::catalogue::Arguments;
use crate::needs::receives;

/// How long all of a duplicate's proof may take.
const ONCE: Duration = Duration::from_secs(20);
/// How long after its scenario's time publishing in the background may go on: the step that waits for it is ended first.
const OVERTIME: Duration = Duration::from_secs(2);
/// How long a group may take to commit where the step says nothing.
const PROCESSED: Duration = Duration::from_secs(15);

impl Running {
    /// `the topics are as the contract declares them`.
    pub async fn topics_as_declared(&self) -> Result<Verdict, Verdict> {
        let topics = Topics::of(&self.context.rig.broker).map_err(environment)?;
        let differences = topics.differences(&self.context.pack.contract).await.map_err(environment)?;
        match differences.into_iter().next() {
            Some(first) => Err(broken(first)),
            None => Ok(Verdict::Held(Proof::of(format!("{} topics", self.context.pack.contract.channels.len())))),
        }
    }

    /// `"…" follows within …`.
    pub async fn follows(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let message = arguments.text("event").unwrap_or_default();
        let event = self.last_of(message)?;
        let limit = arguments.duration("limit").unwrap_or(event.appears);
        Ok(self.await_verdict(self.appears_within(event, limit)).await)
    }

    /// `"…" is on its topic only once, watched for …`.
    pub async fn on_topic_once(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let message = arguments.text("event").unwrap_or_default();
        let event = self.last_of(message)?;
        let watch = arguments.duration("watch").unwrap_or(event.appears);
        let once = OnTopicOnce::new(self.appears_within(event, event.appears), watch);
        Ok(self.await_verdict(once.asked_at(self.now())).await)
    }

    /// The last event of a message that this scenario caused.
    fn last_of(&self, message: &str) -> Result<&Event, Verdict> {
        let found = self.events.iter().rev().find(|event| event.message == message).ok_or_else(|| {
            let detail = format!("nothing in this scenario causes \"{message}\" before this step");
            Verdict::CannotTell(Reason::NoPositiveControl { detail })
        })?;
        found.can_be_told()?;
        Ok(found)
    }

    /// That an event is on its topic in time; where it is not, the service that sends it is asked for.
    pub(super) fn appears_within(&self, event: &Event, limit: Duration) -> OnTopic {
        let mut senders = self.context.pack.contract.senders(&event.message);
        let service = senders.next().and_then(|operation| operation.service.clone());
        OnTopic::new(event.target.clone(), event.since, limit, service)
    }

    /// `view "…" shows / no longer shows "…" within …`.
    pub async fn view_becomes(
        &self,
        arguments: &Arguments,
        table: &[(String, String)],
        want: bool,
    ) -> Result<Verdict, Verdict> {
        let (view, item) = (arguments.text("view").unwrap_or_default(), arguments.text("item").unwrap_or_default());
        let limit = arguments.duration("limit").unwrap_or_default();
        let event = self.event(None)?;
        let handler = self.view_handler(view)?;
        let params: Params = table.iter().cloned().collect();
        let subject = subject(view, &params, item);
        let what = format!("\"{item}\" in view \"{view}\"");
        let path = self.retry_path(&event.message, &handler.group);
        let oracle =
            ViewBecomes::new(&what, self.appears_within(event, event.appears), handler, view, &subject, want, limit)
                .looking_from(self.now())
                .retried_over(path);
        Ok(self.await_verdict_looking(oracle, view, &params, item, &subject).await)
    }

    /// `view "…" keeps not showing "…" for …`.
    pub async fn view_keeps_not_showing(&self, arguments: &Arguments, table: &[(String, String)]) -> Verdict {
        let (view, item) = (arguments.text("view").unwrap_or_default(), arguments.text("item").unwrap_or_default());
        let lasting = arguments.duration("limit").unwrap_or_default();
        let params: Params = table.iter().cloned().collect();
        let subject = subject(view, &params, item);
        let what = format!("\"{item}\"");
        let mut oracle = ViewKeeps::new(&what, view, &subject, false, self.now(), lasting);
        // What its last event may still do after another try is not known to stay away.
        if let Some(event) = self.events.last() {
            let handler = self.view_handler(view);
            let path = handler.map(|who| self.retry_path(&event.message, &who.group)).unwrap_or_default();
            oracle = oracle.retried_over(event.target.clone(), path);
        }
        self.await_verdict_looking(oracle, view, &params, item, &subject).await
    }

    /// `view "…" never goes back to an older version of "…", watched for …`.
    pub async fn view_never_goes_back(
        &self,
        arguments: &Arguments,
        table: &[(String, String)],
    ) -> Result<Verdict, Verdict> {
        let (view, item) = (arguments.text("view").unwrap_or_default(), arguments.text("item").unwrap_or_default());
        let watch = arguments.duration("watch").unwrap_or_default();
        let event = self.event(None)?;
        let handler = self.view_handler(view)?;
        let params: Params = table.iter().cloned().collect();
        let subject = subject(view, &params, item);
        let path = self.retry_path(&event.message, &handler.group);
        let what = format!("\"{item}\"");
        let others = self.also_handled(event, &handler.group);
        let by = (event.target.clone(), handler);
        let oracle = NeverOlder::new(&what, (view, &subject), by, self.now(), watch, PROCESSED).retried_over(path);
        let oracle = oracle.beside(others);
        Ok(self.await_verdict_looking(oracle, view, &params, item, &subject).await)
    }

    /// The other events of the scenario that a group reads.
    fn also_handled(&self, event: &Event, group: &str) -> Vec<(Target, RetryPath)> {
        let contract = &self.context.pack.contract;
        let reads = |one: &&Event| {
            one.target.id() != event.target.id() && contract.group_reads(group, &one.message) != Some(false)
        };
        let others = self.events.iter().filter(|one| one.target.id().is_some()).filter(reads);
        others.map(|one| (one.target.clone(), self.retry_path(&one.message, group))).collect()
    }

    fn view_handler(&self, view: &str) -> Result<Handler, Verdict> {
        let spec = self.context.rig.system.view(view).map_err(environment)?;
        Ok(Handler { service: spec.service.clone(), group: spec.group.clone() })
    }

    /// `group "…" has processed it`.
    pub async fn group_has_processed(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let group = arguments.text("group").unwrap_or_default();
        let event = self.event(arguments.text("name"))?;
        let spec = self.context.pack.system.group(group);
        let service = spec.map(|spec| spec.service.clone()).unwrap_or_default();
        let handler = Handler { service, group: group.to_owned() };
        if self.keeps_offsets_elsewhere(group) {
            let detail = "only an effect does (system.yaml: `offsets: elsewhere`)".to_owned();
            return Err(Verdict::CannotTell(Reason::OffsetsElsewhere { group: group.to_owned(), detail }));
        }
        if self.context.pack.contract.group_reads(group, &event.message) == Some(false) {
            return Err(refuted(&format!("group \"{group}\" does not read the topic of \"{}\"", event.message)));
        }
        let limit = arguments.duration("limit").unwrap_or(PROCESSED);
        Ok(self.await_verdict(Processed::new(event.target.clone(), event.since, event.appears, handler, limit)).await)
    }

    /// `service "…" handles it exactly once`: a sentinel is published behind the copies where the contract names one.
    pub async fn handled_exactly_once(&mut self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let service = arguments.text("service").unwrap_or_default().to_owned();
        let event = self.event(arguments.text("name"))?.clone();
        self.must_have_id(&event)?;
        if receives(&self.context.pack, &service, &event.message) == Some(false) {
            return Err(refuted(&format!("service \"{service}\" does not receive \"{}\"", event.message)));
        }
        let handler = self.handler_of(&service, &event.message)?;
        let view = self.counting_view(&service)?;
        let path = self.retry_path(&event.message, &handler.group);
        let elsewhere = self.keeps_offsets_elsewhere(&handler.group);
        let settling = self.deadline(&event.message, &handler.group);
        let sentinel = self.publish_sentinel(&event, &handler.group).await?;
        let since = self.now();
        let oracle = ExactlyOnce::new(event.target, event.copies, sentinel, handler, &view, settling, since, ONCE);
        let oracle = oracle.retried_over(path);
        let oracle = if elsewhere { oracle.offsets_elsewhere() } else { oracle };
        Ok(self.await_verdict(oracle).await)
    }

    /// Publishes a later event of the same key, whose effect shows that everything before it was handled.
    async fn publish_sentinel(&mut self, event: &Event, group: &str) -> Result<Option<Target>, Verdict> {
        let context = self.context.clone();
        let contract = &context.pack.contract;
        let mut receivers = contract.receivers(&event.message);
        let operation = receivers.find(|operation| operation.group.as_deref() == Some(group));
        let serial = operation.filter(|operation| operation.handling == Handling::SerialPerKey);
        let Some((operation, name)) = serial.and_then(|operation| Some((operation, operation.sentinel.as_deref()?)))
        else {
            return Ok(None);
        };
        let (Some(message), Some((draft, partition))) = (contract.message(name), &event.draft) else { return Ok(None) };
        let Some(rule) = &message.envelope.key else { return Ok(None) };
        let value = |name: &str, field: &SentinelField| match field {
            SentinelField::Text(text) => Some(super::publish::typed(message, name, text)),
            SentinelField::Copied(place) => draft.value_at(place),
        };
        let set = operation.sentinel_with.iter();
        let given: Vec<(String, Value)> = set
            .filter_map(|(name, field)| Some((name.clone(), value(name, field)?)))
            .chain(event.key.clone().map(|key| (rule.pointer.clone(), key.into())))
            .collect();
        let made = self.generator.record(contract, message, &given, None).map_err(environment)?;
        let id = made.event.id.clone().unwrap_or_default();
        context.rig.publisher.publish(&made.record, *partition, &id).await;
        Ok(Some(by_id(name, &made.record.topic, &id, event.key.clone(), *partition)))
    }

    /// `group "…" loses none of them within …`.
    pub async fn none_is_lost(&mut self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let group = arguments.text("group").unwrap_or_default().to_owned();
        let limit = arguments.duration("limit").unwrap_or_default();
        self.finish_background().await;
        if self.background.is_empty() {
            return Err(none_published());
        }
        let service = self.context.pack.system.group(&group).map(|spec| spec.service.clone()).unwrap_or_default();
        let view = self.counting_view(&service)?;
        let of_one = |background: &Background| {
            let events = &background.events;
            let path = events.first().map(|event| self.retry_path(&event.message, &group)).unwrap_or_default();
            let targets = events.iter().map(|event| event.target.clone()).collect();
            let handler = Handler { service: service.clone(), group: group.clone() };
            NoneLost::new(targets, handler, &view, background.since, limit).retried_over(&path)
        };
        let all = self.published_for(&group).into_iter().map(of_one).reduce(NoneLost::and);
        Ok(self.await_verdict(all.ok_or_else(none_published)?).await)
    }

    /// `group "…" handles at least … of them within … each`.
    pub async fn share_in_time(&mut self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let group = arguments.text("group").unwrap_or_default().to_owned();
        let limit = arguments.duration("limit").unwrap_or_default();
        let share = arguments.percentage("share").ok_or_else(|| environment("there is no percentage in the step"))?;
        self.finish_background().await;
        let background = self.published_for(&group);
        let since = background.iter().map(|background| background.since).min().ok_or_else(none_published)?;
        let service = self.context.pack.system.group(&group).map(|spec| spec.service.clone()).unwrap_or_default();
        let view = self.counting_view(&service)?;
        let events = background.iter().flat_map(|background| &background.events);
        let targets = events.map(|event| event.target.clone()).collect();
        let handler = Handler { service, group };
        let oracle = ShareInTime::new(targets, handler, &view, share, since, limit);
        Ok(self.await_verdict(oracle.seen_within(self.context.rig.system.longest_look(&view))).await)
    }

    /// What was published in the background for this group: all that it reads, or all where it reads nothing of it.
    fn published_for(&self, group: &str) -> Vec<&Background> {
        let groups = self.context.pack.contract.groups();
        let reads = |background: &&Background| {
            let topic = background.events.first().map(|event| &event.target.topic);
            groups
                .get(group)
                .is_none_or(|topics| topics.iter().any(|read| topic.is_some_and(|topic| **topic == **read)))
        };
        let its: Vec<&Background> = self.background.iter().filter(reads).collect();
        if its.is_empty() { self.background.iter().collect() } else { its }
    }

    /// Waits until every background event has its fate. Once the scenario's time is over, nothing more is published; a step
    /// that waits for it was ended before.
    pub async fn finish_background(&mut self) {
        let end = self.began + self.scenario.asks.limit() + OVERTIME;
        let clock = self.context.rig.clock.clone();
        for task in self.background.iter_mut().filter_map(|background| background.task.as_mut()) {
            // A panic in the task would leave events without fate, which the oracle then says.
            if tokio::time::timeout(end.since(clock.now()), &mut *task).await.is_err() {
                task.abort();
            }
        }
        self.background.iter_mut().for_each(|background| background.task = None);
    }
}

fn none_published() -> Verdict {
    let detail = "no events were published in the background".to_owned();
    Verdict::CannotTell(Reason::NoPositiveControl { detail })
}

fn subject(view: &str, params: &Params, item: &str) -> String {
    let params: Vec<String> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{view}({}) {item}", params.join(","))
}

/// What a step asks for and the contract rules out: whatever is seen then, nobody did anything wrong.
fn refuted(what: &str) -> Verdict {
    environment(format!("by the contract {what}: correct the step, or the contract's operations"))
}
