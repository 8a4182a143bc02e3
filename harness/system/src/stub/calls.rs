//! The calls that a stub took, and how the next ones are answered.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eventproof_evidence::{At, Clock, Journal, Name, Observation};
use serde::Serialize;
use serde_json::Value;

use crate::StubSpec;
use crate::view::text;

/// Calls that are kept for views; the journal has the id of every one.
const KEPT: usize = 100_000;
/// What a call is answered where nobody wants it otherwise.
const OK: u16 = 200;

/// A call as views show it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Call {
    pub seq: u64,
    /// Since the run began, in milliseconds.
    pub at_ms: u64,
    pub method: String,
    pub path: String,
    pub status: u16,
    pub body: Value,
}

/// How a call is answered instead of at once and with 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// With this status.
    Status(u16),
    /// With 200, so much later.
    After(Duration),
    /// Not at all: its connection is closed.
    BreakOff,
}

impl Instead {
    /// As calls are listed; 0 where there is no answer.
    fn status(self) -> u16 {
        match self {
            Instead::Status(status) => status,
            Instead::After(_) => OK,
            Instead::BreakOff => 0,
        }
    }
}

/// The next calls that fit are answered otherwise.
#[derive(Clone, Debug)]
pub struct Failing {
    pub instead: Instead,
    pub times: usize,
    /// JSON pointers into the call's body, with the texts that must stand there.
    pub only: Vec<(String, String)>,
}

/// What a stub remembers.
pub(super) struct Calls {
    spec: StubSpec,
    journal: Journal,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: VecDeque<Call>,
    taken: u64,
    /// With the numbers by which they are ended.
    failing: Vec<(u64, Failing)>,
    told: u64,
}

impl Calls {
    pub fn new(spec: StubSpec, journal: Journal, clock: Arc<dyn Clock>) -> Calls {
        Calls { spec, journal, clock, state: Mutex::default() }
    }

    /// Returns the number by which it is ended.
    pub fn fail(&self, failing: Failing) -> u64 {
        let mut state = self.lock();
        state.told += 1;
        let number = state.told;
        state.failing.push((number, failing));
        number
    }

    /// What is left of it is over.
    pub fn mend(&self, number: u64) {
        self.lock().failing.retain(|(other, _)| *other != number);
    }

    /// Takes a call and says how it is answered.
    pub fn take(&self, method: &str, path: &str, body: Value) -> Instead {
        let at = self.clock.now();
        let event = self.spec.event.as_deref().and_then(|pointer| body.pointer(pointer)).map(text);
        let mut state = self.lock();
        let instead = state.answer(&body);
        let status = instead.status();
        state.taken += 1;
        if state.calls.len() == KEPT {
            state.calls.pop_front();
        }
        let seq = state.taken;
        let at_ms = u64::try_from(at.since(At::START).as_millis()).unwrap_or(u64::MAX);
        state.calls.push_back(Call { seq, at_ms, method: method.to_owned(), path: path.to_owned(), status, body });
        drop(state);
        let stub = self.spec.name.as_str().into();
        self.journal.push(Observation::Called { stub, event: event.map(Name::from), status, at });
        instead
    }

    /// The calls after this one, in order.
    pub fn after(&self, seq: u64, limit: usize) -> Vec<Call> {
        let state = self.lock();
        let first = state.calls.front().map_or(0, |call| call.seq);
        let skip = usize::try_from((seq + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        state.calls.iter().skip(skip).take(limit).cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn answer(&mut self, body: &Value) -> Instead {
        let stands = |(pointer, wanted): &(String, String)| body.pointer(pointer).map(text).as_ref() == Some(wanted);
        let fits = |(_, failing): &(u64, Failing)| failing.only.iter().all(stands);
        let Some(at) = self.failing.iter().position(fits) else { return Instead::Status(OK) };
        let (_, failing) = &mut self.failing[at];
        let instead = failing.instead;
        failing.times -= 1;
        if failing.times == 0 {
            self.failing.remove(at);
        }
        instead
    }
}

#[cfg(test)]
mod tests {
    use eventproof_evidence::ManualClock;
    use serde_json::json;

    use super::*;

    fn calls() -> Calls {
        let spec = StubSpec { name: "mail".into(), event: Some("/event_id".into()), ..StubSpec::default() };
        Calls::new(spec, Journal::default(), Arc::new(ManualClock::default()))
    }

    #[test]
    fn what_is_mended_fails_no_more_and_nothing_else_is_mended() {
        let calls = calls();
        let failing = |status| Failing { instead: Instead::Status(status), times: 5, only: Vec::new() };
        let (first, _) = (calls.fail(failing(503)), calls.fail(failing(500)));
        assert_eq!(calls.take("POST", "/", json!({})), Instead::Status(503));
        calls.mend(first);
        assert_eq!(calls.take("POST", "/", json!({})), Instead::Status(500));
    }

    #[test]
    fn the_next_calls_that_fit_are_answered_as_wanted_and_no_others() {
        let calls = calls();
        calls.fail(Failing { instead: Instead::Status(503), times: 2, only: vec![("/to".into(), "bob".into())] });
        let statuses: Vec<u16> =
            ["ann", "bob", "bob", "bob"].iter().map(|to| calls.take("POST", "/", json!({"to": to})).status()).collect();
        assert_eq!(statuses, [200, 503, 503, 200]);
    }

    #[test]
    fn calls_are_listed_after_a_cursor_and_told_to_the_journal() {
        let calls = calls();
        for n in 0..5 {
            calls.take("POST", "/send", json!({"event_id": format!("e{n}")}));
        }
        let listed: Vec<u64> = calls.after(2, 2).iter().map(|call| call.seq).collect();
        assert_eq!(listed, [3, 4]);
        assert!(calls.after(5, 10).is_empty());
        let told = calls.journal.since(0);
        let last = told.last().map(|observation| (**observation).clone());
        let Some(Observation::Called { stub, event, status, .. }) = last else { panic!("{last:?}") };
        assert_eq!((&*stub, event.as_deref(), status), ("mail", Some("e4"), 200));
    }
}
