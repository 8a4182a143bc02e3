//! The sending side: one thread makes records ahead of time, one sends them at their instants.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender as To, SyncSender, channel, sync_channel};
use std::time::Duration;

use eventproof_broker::{Delivery, Failure, SendError, Sender};
use eventproof_contract::{Contract, Draft, event_number};
use eventproof_evidence::{At, Clock};
use tokio::sync::watch;

use crate::collector::{Collector, Message};
use crate::pacer::Pacer;
use crate::plan::Plan;
use crate::run::{LoadError, LoadSetup};
use crate::sink::hash;

/// Records made ahead of their instants.
const AHEAD: usize = 2000;
/// How long before an instant the sender stops sleeping and watches the clock.
const WATCH: Duration = Duration::from_millis(1);

/// What the sending side tells at its end.
pub(crate) struct Sending {
    pub done: Receiver<SendReport>,
    pub report: std::cell::RefCell<Option<SendReport>>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct SendReport {
    pub sent: u64,
    pub backpressure: u64,
    pub error: Option<String>,
}

/// Starts the thread that makes records and the one that sends them.
pub(crate) fn spawn_sending(
    setup: &LoadSetup<'_>,
    plan: &Plan,
    to: To<Message>,
    clock: Arc<dyn Clock>,
) -> Result<Sending, LoadError> {
    let (made, take) = sync_channel(AHEAD);
    let (tell, done) = channel();
    let fates = to.clone();
    let fate_clock = clock.clone();
    let sender = Sender::new(&setup.rig.broker, &plan.producer, move |number, delivery| {
        let at = fate_clock.now();
        let message = match delivery {
            Delivery::Acknowledged { .. } => Message::Acknowledged { number, at },
            Delivery::Failed(Failure::Refused(_)) => Message::Refused { number },
            Delivery::Failed(Failure::Unknown(_)) => Message::Unknown { number },
        };
        // The collector ends last; if it is gone, nobody wants to know.
        let _ = fates.send(message);
    })?;
    let (contract, plan, run_id) = (setup.contract.clone(), plan.clone(), setup.run_id.clone());
    let stop = setup.stop.clone();
    let pacer = plan.pacer;
    spawn("eventproof-maker", move || make(&contract, plan, &run_id, &made))?;
    spawn("eventproof-sender", move || {
        let report = send_all(&take, &sender, pacer, clock.as_ref(), &to, &stop);
        sender.flush(Duration::from_secs(35));
        // The run may have been given up.
        let _ = tell.send(report);
    })?;
    Ok(Sending { done, report: std::cell::RefCell::default() })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), LoadError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map(|_| ()).map_err(|error| LoadError::Thread(error.to_string()))
}

/// A record on its way to the sender: with its number, partition and hash.
type Made = Result<(u64, Draft, Option<i32>, u64), String>;

/// Makes records ahead of time, so that making one never delays the plan.
fn make(contract: &Contract, mut plan: Plan, run_id: &str, to: &SyncSender<Made>) {
    let Some(message) = contract.message(&plan.message) else { return };
    let partitioner = contract.partitioner_of(message);
    for _ in 0..plan.total {
        let next = plan.first_number;
        let key = &plan.keys[Collector::key_of(next, plan.keys.len() as u64) as usize];
        let given: Vec<_> = plan.key_field.iter().map(|field| (field.clone(), key.clone())).collect();
        let made =
            plan.generator.record(contract, message, &given, plan.payload_size).map_err(|error| error.to_string()).map(
                |draft| {
                    let number = draft.event.id.as_deref().and_then(|id| event_number(id, run_id)).unwrap_or(next);
                    let partition = partitioner.partition(draft.record.key.as_deref(), plan.partitions);
                    let hash = hash(draft.record.payload.as_deref().unwrap_or_default());
                    (number, draft, partition.and_then(|partition| i32::try_from(partition).ok()), hash)
                },
            );
        plan.first_number += 1;
        let failed = made.is_err();
        if to.send(made).is_err() || failed {
            return;
        }
    }
}

fn send_all(
    take: &Receiver<Made>,
    sender: &Sender,
    pacer: Pacer,
    clock: &dyn Clock,
    to: &To<Message>,
    stop: &watch::Receiver<bool>,
) -> SendReport {
    let mut report = SendReport::default();
    for made in take {
        if *stop.borrow() {
            break;
        }
        let (number, draft, partition, hash) = match made {
            Ok(made) => made,
            Err(error) => {
                report.error = Some(error);
                break;
            }
        };
        let planned = pacer.due(report.sent);
        wait_until(planned, clock);
        // Told before it is sent, so that no acknowledgement comes to an unknown event.
        let _ = to.send(Message::Sent { number, planned, sent: clock.now(), hash });
        report.sent += 1;
        loop {
            match sender.send(&draft.record, partition, number) {
                Ok(()) => break,
                Err(SendError::QueueFull) => {
                    report.backpressure += 1;
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(SendError::Refused(_)) => {
                    let _ = to.send(Message::Refused { number });
                    break;
                }
            }
        }
    }
    report
}

fn wait_until(due: At, clock: &dyn Clock) {
    loop {
        let left = due.since(clock.now());
        if left.is_zero() {
            return;
        }
        match left.checked_sub(WATCH) {
            Some(sleep) if !sleep.is_zero() => std::thread::sleep(sleep),
            _ => std::thread::sleep(Duration::from_micros(50)),
        }
    }
}
