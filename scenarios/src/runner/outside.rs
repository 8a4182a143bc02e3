//! Sentences about attempts at an event, one by one: calls to the outside, which stubs record, and lines that a service prints.

use std::time::Duration;

use eventproof_contract::Handling;
use eventproof_evidence::oracle::{Attempts, AttemptsSeen, Expected, Handler, Target};
use eventproof_evidence::{Proof, Verdict};
use eventproof_system::{Failing, Instead};

use super::world::{Event, Running, environment};
use crate::catalogue::Arguments;

/// How long after the last attempt no further one may come, beside what the next pause would be.
const WATCH: Duration = Duration::from_millis(500);
/// How long a first call may take where nobody says who calls.
const UNSTATED: Duration = Duration::from_secs(10);

impl Running {
    /// `stub "…" answers 503 2 times`.
    pub fn stub_answers(&mut self, arguments: &Arguments, only: Vec<(String, String)>) -> Result<Verdict, Verdict> {
        let stub = arguments.text("stub").unwrap_or_default();
        let (status, times) =
            (arguments.count("status").unwrap_or_default(), arguments.count("times").unwrap_or_default());
        let status = u16::try_from(status).ok().filter(|status| (100..600).contains(status));
        let status = status.ok_or_else(|| environment("a status of HTTP is a number from 100 to 599"))?;
        self.fail(stub, Instead::Status(status), times, only)?;
        Ok(Verdict::Held(Proof::of(format!("the next {times} calls that fit are answered {status}"))))
    }

    /// `stub "…" answers after … times`.
    pub fn stub_delays(&mut self, arguments: &Arguments, only: Vec<(String, String)>) -> Result<Verdict, Verdict> {
        let (by, times) = (arguments.duration("by").unwrap_or_default(), arguments.count("times").unwrap_or_default());
        self.fail(arguments.text("stub").unwrap_or_default(), Instead::After(by), times, only)?;
        Ok(Verdict::Held(Proof::of(format!(
            "the next {times} calls that fit are answered {} ms later",
            by.as_millis()
        ))))
    }

    /// `stub "…" breaks off … calls`.
    pub fn stub_breaks_off(&mut self, arguments: &Arguments, only: Vec<(String, String)>) -> Result<Verdict, Verdict> {
        let times = arguments.count("times").unwrap_or_default();
        self.fail(arguments.text("stub").unwrap_or_default(), Instead::BreakOff, times, only)?;
        Ok(Verdict::Held(Proof::of(format!("the next {times} calls that fit are broken off"))))
    }

    /// `stub "…" is down`.
    pub fn stub_is_down(&mut self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        self.fail(arguments.text("stub").unwrap_or_default(), Instead::BreakOff, usize::MAX, Vec::new())?;
        Ok(Verdict::Held(Proof::of("every call is broken off from now on")))
    }

    /// `stub "…" is up again`.
    pub fn stub_is_up(&mut self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let stub = arguments.text("stub").unwrap_or_default();
        let (ended, others): (Vec<_>, Vec<_>) = self.failing.drain(..).partition(|(name, _)| name == stub);
        self.failing = others;
        if ended.is_empty() {
            return Err(environment(format!("stub \"{stub}\" was not down")));
        }
        ended.iter().for_each(|(stub, number)| self.context.rig.system.mend_stub(stub, *number));
        Ok(Verdict::Held(Proof::of("calls are answered from now on")))
    }

    fn fail(&mut self, stub: &str, instead: Instead, times: usize, only: Vec<(String, String)>) -> Result<(), Verdict> {
        if times > 0 {
            let failing = Failing { instead, times, only };
            let number = self.context.rig.system.fail_stub(stub, failing).map_err(environment)?;
            self.failing.push((stub.to_owned(), number));
        }
        Ok(())
    }

    /// Answers that nobody asked for are not left to the scenarios after this one.
    pub fn mend_stubs(&mut self) {
        for (stub, number) in self.failing.drain(..) {
            self.context.rig.system.mend_stub(&stub, number);
        }
    }

    /// `stub "…" is called for it exactly … times, watched for …`.
    pub async fn stub_is_called(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let event = self.event(arguments.text("name"))?;
        let watch = arguments.duration("watch").unwrap_or(WATCH);
        self.count_calls(arguments, event, Vec::new(), watch).await
    }

    /// `it is tried … times at stub "…", with the backoff that the contract declares`.
    pub async fn tried_at_stub(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let event = self.event(arguments.text("name"))?;
        let stub = self.stub_service(arguments);
        let contract = &self.context.pack.contract;
        let mut receivers = contract.receivers(&event.message).filter(|one| one.present && one.retry.is_some());
        let receiver = receivers.find(|one| stub.is_none() || one.service == stub);
        let retry = receiver.and_then(|one| one.retry.as_ref()).ok_or_else(|| {
            environment(format!("no receiver of \"{}\" states a `retry` in the contract", event.message))
        })?;
        let times = arguments.count("times").unwrap_or_default();
        let mut pauses = retry.pauses(times);
        let next = pauses.pop().unwrap_or_default();
        self.count_calls(arguments, event, pauses, next * 2 + WATCH).await
    }

    async fn count_calls(
        &self,
        arguments: &Arguments,
        event: &Event,
        pauses: Vec<Duration>,
        watch: Duration,
    ) -> Result<Verdict, Verdict> {
        let handler = self.stub_service(arguments).and_then(|service| self.handler_of(&service, &event.message).ok());
        let seen_in = AttemptsSeen::AtStub(arguments.text("stub").unwrap_or_default().into());
        let times = arguments.count("times").unwrap_or_default();
        self.count_attempts(seen_in, times, event, handler, pauses, watch).await
    }

    /// `service "…" logs … attempts at it, with the backoff that the contract declares`.
    pub async fn tried_in_log(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let event = self.event(arguments.text("name"))?;
        self.must_have_id(event)?;
        let service = arguments.text("service").unwrap_or_default();
        let mut receivers = self.context.pack.contract.receivers(&event.message);
        let retry = receivers.find(|one| one.service.as_deref() == Some(service)).and_then(|one| one.retry.as_ref());
        let retry = retry.ok_or_else(|| {
            environment(format!(
                "the contract states no `retry` for service \"{service}\" as receiver of \"{}\"",
                event.message
            ))
        })?;
        let times = arguments.count("times").unwrap_or_default();
        let mut pauses = retry.pauses(times);
        let next = pauses.pop().unwrap_or_default();
        let handler = Some(self.handler_of(service, &event.message)?);
        self.count_attempts(AttemptsSeen::InLog(service.into()), times, event, handler, pauses, next * 2 + WATCH).await
    }

    async fn count_attempts(
        &self,
        seen_in: AttemptsSeen,
        times: usize,
        event: &Event,
        handler: Option<Handler>,
        pauses: Vec<Duration>,
        watch: Duration,
    ) -> Result<Verdict, Verdict> {
        let path = handler.as_ref().map(|who| self.retry_path(&event.message, &who.group)).unwrap_or_default();
        let limit = handler.as_ref().map_or(UNSTATED, |who| self.deadline(&event.message, &who.group));
        let expected = Expected { seen_in, times, pauses, appears: event.appears, limit, watch };
        let (behind, others) = self.later_than(event, handler.as_ref());
        let oracle = Attempts::new(event.target.clone(), handler, expected, behind, event.since).shown_by(others);
        Ok(self.await_verdict(oracle.asked_at(self.now()).retried_over(path)).await)
    }

    /// Later events of the scenario: those that are handled behind this one, and all others.
    fn later_than(&self, event: &Event, handler: Option<&Handler>) -> (Vec<Target>, Vec<Target>) {
        let mut receivers = self.context.pack.contract.receivers(&event.message);
        let receiver = receivers.find(|one| handler.is_none_or(|who| one.group.as_deref() == Some(&who.group)));
        let is_serial = receiver.is_none_or(|one| one.handling == Handling::SerialPerKey);
        let is_behind = |other: &&Event| {
            is_serial && other.message == event.message && other.key.is_some() && other.key == event.key
        };
        let later = self.events.iter().filter(|other| other.since > event.since);
        let (behind, others): (Vec<_>, Vec<_>) = later.partition(is_behind);
        let targets = |events: Vec<&Event>| events.into_iter().map(|one| one.target.clone()).collect();
        (targets(behind), targets(others))
    }

    fn stub_service(&self, arguments: &Arguments) -> Option<String> {
        self.context.pack.system.stub(arguments.text("stub")?)?.service.clone()
    }
}
