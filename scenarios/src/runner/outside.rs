//! Sentences about calls to the outside, which stubs record.

use std::time::Duration;

use eventproof_contract::Retry;
use eventproof_evidence::oracle::{Attempts, Expected, Target};
use eventproof_evidence::{Proof, Verdict};

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
        if times > 0 {
            let number = self.context.rig.system.fail_stub(stub, status, times, only).map_err(environment)?;
            self.failing.push((stub.to_owned(), number));
        }
        Ok(Verdict::Held(Proof::of(format!("the next {times} calls that fit are answered {status}"))))
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
        let mut pauses = pauses(retry, times);
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
        let handler = self.stub_service(arguments).and_then(|service| self.handler_in(&service).ok());
        let expected = Expected {
            stub: arguments.text("stub").unwrap_or_default().into(),
            times: arguments.count("times").unwrap_or_default(),
            pauses,
            appears: event.appears,
            limit: handler.as_ref().map_or(UNSTATED, |who| self.deadline(&event.message, &who.group)),
            watch,
        };
        let later = self.events.iter().filter(|other| other.since > event.since);
        let controls: Vec<Target> = later.map(|other| other.target.clone()).collect();
        Ok(self.await_verdict(Attempts::new(event.target.clone(), handler, expected, controls, event.since)).await)
    }

    fn stub_service(&self, arguments: &Arguments) -> Option<String> {
        self.context.pack.system.stub(arguments.text("stub")?)?.service.clone()
    }
}

/// The pauses of so many attempts, and the one that a further attempt would have.
fn pauses(retry: &Retry, times: usize) -> Vec<Duration> {
    let Some(backoff) = &retry.backoff else { return vec![Duration::ZERO; times] };
    let longest = backoff.longest.unwrap_or(Duration::MAX);
    let pause = |attempt: usize| {
        let factor = backoff.factor.powi(i32::try_from(attempt).unwrap_or(i32::MAX));
        Duration::try_from_secs_f64(backoff.initial.as_secs_f64() * factor).unwrap_or(longest).min(longest)
    };
    (0..times).map(pause).collect()
}

#[cfg(test)]
mod tests {
    use eventproof_contract::Backoff;

    use super::*;

    #[test]
    fn each_pause_is_longer_by_the_factor_up_to_the_longest() {
        let ms = Duration::from_millis;
        let backoff = Backoff { initial: ms(100), factor: 2.0, longest: Some(ms(300)) };
        let retry = Retry { attempts: 4, backoff: Some(backoff) };
        assert_eq!(pauses(&retry, 4), [ms(100), ms(200), ms(300), ms(300)]);
        assert_eq!(pauses(&Retry { attempts: 2, backoff: None }, 2), [Duration::ZERO; 2]);
    }
}
