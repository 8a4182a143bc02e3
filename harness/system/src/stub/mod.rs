//! Recording stubs: what the services under test call outside (mail, push), played by eventproof. Every call is kept, told to
//! the journal, and answered 200, or as a scenario wants it.
//!
//! A stub is a view too: `GET /_calls?after=0&limit=100` lists the calls, so lists and journals can be declared on it.

mod calls;
mod http;
mod line;
mod stall;

use std::net::Ipv4Addr;
use std::sync::Arc;

use eventproof_broker::lasting_listener;
use eventproof_evidence::{Clock, Journal};
use tokio::sync::oneshot;

use calls::Calls;
pub use calls::{Failing, Instead};
use line::{Cut, Lines};

use crate::{StubSpec, SystemError};

/// A stub that listens. It ends once it is dropped.
pub(crate) struct Stub {
    pub url: String,
    calls: Arc<Calls>,
    /// It listens as long as this is there.
    _serving: oneshot::Sender<()>,
}

impl Stub {
    /// Listens on a free port of this machine.
    ///
    /// # Errors
    /// If there is no port.
    pub fn start(spec: &StubSpec, journal: Journal, clock: Arc<dyn Clock>) -> Result<Stub, SystemError> {
        let no_port = |error: std::io::Error| SystemError::Machine {
            what: format!("a free port for stub \"{}\"", spec.name),
            detail: error.to_string(),
        };
        let listener = lasting_listener(Ipv4Addr::LOCALHOST.into()).map_err(no_port)?;
        listener.set_nonblocking(true).map_err(no_port)?;
        let url = format!("http://{}", listener.local_addr().map_err(no_port)?);
        let calls = Arc::new(Calls::new(spec.clone(), journal.clone(), clock.clone()));
        let (serving, ended) = oneshot::channel();
        let (routes, name) = (http::routes(calls.clone()), spec.name.clone());
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::select! {
                // An accept that fails is the caller's to see.
                served = axum::serve(Lines(listener), routes.into_make_service_with_connect_info::<Cut>()) => served,
                () = stall::watch(&name, &journal, clock.as_ref()) => Ok(()),
                _ = ended => Ok(()),
            }
        };
        // A thread of its own: whatever else eventproof is busy with, a caller does not wait for it.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(no_port)?;
        let thread = std::thread::Builder::new().name("eventproof-stub".to_owned());
        thread.spawn(move || drop(runtime.block_on(serve))).map_err(no_port)?;
        Ok(Stub { url, calls, _serving: serving })
    }

    /// Calls that fit are answered otherwise, so many times; returns the number by which that is ended.
    pub fn fail(&self, failing: Failing) -> u64 {
        self.calls.fail(failing)
    }

    /// What is left of failing answers is over.
    pub fn mend(&self, number: u64) {
        self.calls.mend(number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use eventproof_evidence::RunClock;

    use super::*;

    fn stub() -> Stub {
        let spec = StubSpec { name: "mail".into(), ..StubSpec::default() };
        Stub::start(&spec, Journal::default(), Arc::new(RunClock::start())).unwrap()
    }

    #[tokio::test]
    async fn a_call_that_is_broken_off_has_no_answer_and_the_next_one_has() {
        let stub = stub();
        stub.fail(Failing { instead: Instead::BreakOff, times: 1, only: Vec::new() });
        let send = || reqwest::Client::new().post(&stub.url).body("{}").send();
        let broken = send().await.unwrap_err();
        assert!(!broken.is_connect() && broken.is_request(), "{broken:?}");
        assert_eq!(send().await.unwrap().status(), 200);
        let listed: serde_json::Value =
            reqwest::get(format!("{}/_calls", stub.url)).await.unwrap().json().await.unwrap();
        let statuses: Vec<_> = listed["items"].as_array().unwrap().iter().map(|call| call["status"].clone()).collect();
        assert_eq!(statuses, [0, 200]);
    }

    #[tokio::test]
    async fn a_slow_answer_comes_so_much_later() {
        let stub = stub();
        stub.fail(Failing { instead: Instead::After(Duration::from_millis(200)), times: 1, only: Vec::new() });
        let began = Instant::now();
        assert_eq!(reqwest::Client::new().post(&stub.url).body("{}").send().await.unwrap().status(), 200);
        assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
    }
}
