//! Requests: one thread waits for their instants, each is then made by itself, so that a slow answer delays no other request.

use std::sync::Arc;
use std::sync::mpsc::Sender as To;
use std::time::Duration;

use eventproof_contract::Generator;
use eventproof_evidence::Clock;
use eventproof_system::{Params, Rig, System};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, watch};

use super::instant::wait_until;
use super::{SendReport, spawn};
use crate::collector::Message;
use crate::link::link_of_answer;
use crate::pacer::Pacer;
use crate::plan::{Asked, Plan};
use crate::run::{LoadError, LoadSetup};

/// How long an answer may take where the action says nothing.
const ANSWER: Duration = Duration::from_secs(30);

pub(super) fn start(
    setup: &LoadSetup<'_>,
    plan: &Plan,
    asked: Asked,
    to: To<Message>,
    clock: Arc<dyn Clock>,
    tell: To<SendReport>,
) -> Result<(), LoadError> {
    let maker = Maker::new(setup.rig, &asked)?;
    let (pacer, stop) = (plan.pacer.clone(), setup.stop.clone());
    let runtime = tokio::runtime::Handle::current();
    let gate = Arc::new(Semaphore::new(asked.in_flight));
    let in_flight = u32::try_from(asked.in_flight).unwrap_or(u32::MAX);
    spawn("eventproof-requests", move || {
        let sending = Requests { maker, asked: Arc::new(asked), to, clock, gate: gate.clone(), runtime };
        let report = sending.all(&pacer, &stop);
        // Everything is sent once every answer is there.
        drop(sending.runtime.block_on(gate.acquire_many(in_flight)));
        // The run may have been given up.
        let _ = tell.send(report);
    })
}

/// Makes the values of a request's placeholders.
struct Maker {
    system: Arc<System>,
    /// By lane: placeholders that nobody gives a value.
    open: Vec<Vec<String>>,
    generator: Generator,
}

impl Maker {
    fn new(rig: &Rig, asked: &Asked) -> Result<Maker, LoadError> {
        let open = asked.arms.iter().map(|arm| {
            let names = rig.system.open_placeholders(&arm.action)?;
            Ok(names.into_iter().filter(|name| !arm.with.contains_key(name)).collect())
        });
        let open = open.collect::<Result<_, eventproof_system::SystemError>>()?;
        Ok(Maker { system: rig.system.clone(), open, generator: asked.generator.clone() })
    }

    fn params(&self, asked: &Asked, lane: usize) -> Params {
        let mut params = asked.arms[lane].with.clone();
        params.extend(self.open[lane].iter().map(|name| (name.clone(), self.generator.identity())));
        params
    }
}

struct Requests {
    maker: Maker,
    asked: Arc<Asked>,
    to: To<Message>,
    clock: Arc<dyn Clock>,
    gate: Arc<Semaphore>,
    runtime: tokio::runtime::Handle,
}

impl Requests {
    fn all(&self, pacer: &Pacer, stop: &watch::Receiver<bool>) -> SendReport {
        let mut report = SendReport::default();
        let mut measured = 0;
        while measured < pacer.measured() && !*stop.borrow() {
            let due = pacer.due(report.sent);
            if !wait_until(due.unwrap_or(pacer.start()), self.clock.as_ref(), stop) {
                break;
            }
            let Some(permit) = self.permit(&mut report) else { break };
            let sent = self.clock.now();
            let planned = due.unwrap_or(sent);
            measured += u64::from(planned >= pacer.measured_from());
            let number = report.sent;
            // The collector ends last; if it is gone, nobody wants to know.
            let _ = self.to.send(Message::Sent { number, planned, sent, hash: None });
            report.sent += 1;
            self.ask(number, permit);
        }
        report
    }

    /// Leave for one more request; counted if it had to be waited for.
    fn permit(&self, report: &mut SendReport) -> Option<OwnedSemaphorePermit> {
        match self.gate.clone().try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(TryAcquireError::Closed) => None,
            Err(TryAcquireError::NoPermits) => {
                report.backpressure += 1;
                self.runtime.block_on(self.gate.clone().acquire_owned()).ok()
            }
        }
    }

    fn ask(&self, number: u64, permit: OwnedSemaphorePermit) {
        let lane = number as usize % self.asked.arms.len();
        let params = self.maker.params(&self.asked, lane);
        let (system, asked) = (self.maker.system.clone(), self.asked.clone());
        let (to, clock) = (self.to.clone(), self.clock.clone());
        self.runtime.spawn(async move {
            // The same holds here: where this task had to wait for its turn, that is the generator's doing.
            let _ = to.send(Message::Began { number, at: clock.now() });
            let message = answer(&system, &asked, lane, number, params, clock.as_ref()).await;
            let _ = to.send(message);
            drop(permit);
        });
    }
}

/// Makes a request; says what became of it.
async fn answer(
    system: &System,
    asked: &Asked,
    lane: usize,
    number: u64,
    mut params: Params,
    clock: &dyn Clock,
) -> Message {
    let made = tokio::time::timeout(ANSWER, system.request_once(&asked.arms[lane].action, &params)).await;
    let at = clock.now();
    match made {
        Err(_) => Message::Unknown { number, why: format!("no answer within {} s", ANSWER.as_secs()) },
        Ok(Err(error)) => Message::Unknown { number, why: error.to_string() },
        Ok(Ok(answer)) => match answer.broken {
            // Not answered within the time that the action has: it may have been done all the same.
            Some(cause) if answer.status == 0 => Message::Unknown { number, why: cause.to_string() },
            Some(cause) => Message::Refused { number, why: cause.to_string() },
            None => {
                params.extend(answer.captures);
                match asked.links[lane].as_ref().map(|link| link_of_answer(link, &params)).transpose() {
                    Ok(link) => Message::Answered { number, link, at },
                    // Nothing tells its event: neither lost nor sent.
                    Err(error) => Message::Unknown { number, why: error.to_string() },
                }
            }
        },
    }
}
