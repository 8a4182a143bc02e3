//! Retries over topics: where an event may wait, by the contract, and the sentence that counts and measures its tries there.

use std::time::Duration;

use eventproof_contract::{Action, Link, Operation, Retry};
use eventproof_evidence::Verdict;
use eventproof_evidence::oracle::{ExpectedTries, Handler, RecordLink, RetryPath, RetryStop, Tries};
use eventproof_system::Offsets;

use super::world::{Running, environment};
use crate::catalogue::Arguments;

/// How long after the last try no further one may come, beside what the next pause would be.
const WATCH: Duration = Duration::from_millis(500);

impl Running {
    /// Where a message waits for another try when this group cannot handle it, and where it ends; nowhere where the contract says nothing of it.
    pub(super) fn retry_path(&self, message: &str, group: &str) -> RetryPath {
        let mut receivers = self.context.pack.contract.receivers(message);
        let Some(receiver) = receivers.find(|one| one.group.as_deref() == Some(group)) else {
            return RetryPath::default();
        };
        let path = self.path_of(receiver).unwrap_or_default();
        RetryPath { dead: self.own_dead_letters_of(receiver, message), ..path }
    }

    /// Another group that puts dead letters of a message where this one does.
    pub(super) fn buries_there_too<'a>(&'a self, receiver: &Operation, message: &'a str) -> Option<&'a Operation> {
        let channel = |one: &Operation| one.dead_letter.as_ref().map(|letter| letter.channel.clone());
        let mut others = self.context.pack.contract.receivers(message).filter(|one| one.present);
        others.find(|one| one.group != receiver.group && channel(one).is_some() && channel(one) == channel(receiver))
    }

    /// Where its dead letters are, if nobody else's of this message are there, too.
    fn own_dead_letters_of(
        &self,
        receiver: &Operation,
        message: &str,
    ) -> Option<(eventproof_evidence::Name, RecordLink)> {
        if self.buries_there_too(receiver, message).is_some() { None } else { self.dead_letters_of(receiver) }
    }

    fn path_of(&self, operation: &Operation) -> Option<RetryPath> {
        let contract = &self.context.pack.contract;
        let retry = operation.retry.as_ref()?;
        let topics = retry.topics.as_ref()?;
        let stop = |name: &String| {
            let topic = contract.channel(name)?.topic.as_str().into();
            Some(RetryStop { topic, group: contract.retry_group(operation, name)?.to_owned() })
        };
        let pauses = retry.pauses(retry.attempts.saturating_sub(1) as usize).iter().sum();
        let stops = topics.channels.iter().filter_map(stop).collect();
        Some(RetryPath { stops, link: link(&topics.link), pauses, dead: None })
    }

    /// Who handles a message in a service: the group that receives it, or else any of the service's.
    pub(super) fn handler_of(&self, service: &str, message: &str) -> Result<Handler, Verdict> {
        let system = &self.context.pack.system;
        let is_its = |group: &str| system.group(group).is_some_and(|spec| spec.service == service);
        let mut groups = self.context.pack.contract.receivers(message).filter_map(|one| one.group.as_deref());
        match groups.find(|group| is_its(group)) {
            Some(group) => Ok(Handler { service: service.to_owned(), group: group.to_owned() }),
            None => self.handler_in(service),
        }
    }

    /// Whether what Kafka knows of a group's offsets says nothing.
    pub(super) fn keeps_offsets_elsewhere(&self, group: &str) -> bool {
        self.context.pack.system.group(group).is_some_and(|spec| spec.offsets == Offsets::Elsewhere)
    }

    /// `service "…" tries it … times over its retry topics, with the backoff that the contract declares`.
    pub async fn tried_over_topics(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let service = arguments.text("service").unwrap_or_default();
        let event = self.event(arguments.text("name"))?;
        self.must_have_id(event)?;
        let receiver = self.retrying(service, &event.message)?;
        let path = self.path_of(receiver).unwrap_or_default();
        let handler = self.handler_of(service, &event.message)?;
        let times = arguments.count("times").unwrap_or_default();
        let mut pauses = receiver.retry.as_ref().map(|retry| retry.pauses(times)).unwrap_or_default();
        let next = pauses.pop().unwrap_or_default();
        let expected = ExpectedTries {
            times,
            pauses,
            appears: event.appears,
            limit: self.deadline(&event.message, &handler.group),
            watch: next + WATCH,
            view: self.counting_view(service).ok().map(Into::into),
            dead: self.own_dead_letters_of(receiver, &event.message),
        };
        if expected.view.is_none() && expected.dead.is_none() {
            return Err(environment(format!(
                "nothing would show how the last try of service \"{service}\" ends: the contract states no `dead_letter` that is its alone, and no view counts its effects"
            )));
        }
        let oracle = Tries::new(event.target.clone(), path, handler, expected, event.since).asked_at(self.now());
        Ok(self.await_verdict(oracle).await)
    }

    /// The operation by which a service receives a message, if its retries go over topics.
    fn retrying<'a>(&'a self, service: &str, message: &'a str) -> Result<&'a Operation, Verdict> {
        let over_topics = |retry: &Retry| retry.topics.is_some();
        let mut receivers = self.context.pack.contract.receivers(message);
        let found = receivers.find(|one| {
            one.action == Action::Receive
                && one.service.as_deref() == Some(service)
                && one.retry.as_ref().is_some_and(over_topics)
        });
        found.ok_or_else(|| {
            environment(format!(
                "the contract does not say that service \"{service}\" retries \"{message}\" over topics (`retry: {{mode: topics, …}}`)"
            ))
        })
    }

    fn dead_letters_of(&self, receiver: &Operation) -> Option<(eventproof_evidence::Name, RecordLink)> {
        let letter = receiver.dead_letter.as_ref()?;
        let channel = self.context.pack.contract.channel(&letter.channel)?;
        Some((channel.topic.as_str().into(), link(&letter.link())))
    }
}

fn link(of: &Link) -> RecordLink {
    match of {
        Link::SameId => RecordLink::SameId,
        Link::Bytes => RecordLink::Bytes,
        Link::Original(original) => RecordLink::Original(original.to_string().into()),
        Link::Position(position) => RecordLink::Position {
            topic: position.topic.to_string().into(),
            partition: position.partition.to_string().into(),
            offset: position.offset.to_string().into(),
        },
    }
}
