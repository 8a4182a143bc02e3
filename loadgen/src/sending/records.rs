//! Records: one thread makes them ahead of time, one sends them at their instants.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender as To, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use eventproof_broker::{Delivery, Failure, SendError, Sender};
use eventproof_contract::{Contract, Draft, event_number};
use eventproof_evidence::Clock;
use tokio::sync::watch;

use super::instant::wait_until;
use super::{SendReport, spawn};
use crate::collector::Message;
use crate::pacer::Pacer;
use crate::plan::{Plan, Records};
use crate::run::{LoadError, LoadSetup};
use crate::sink::hash;

/// Records made ahead of their instants.
const AHEAD: usize = 2000;

pub(super) fn start(
    setup: &LoadSetup<'_>,
    plan: &Plan,
    records: Records,
    to: To<Message>,
    clock: Arc<dyn Clock>,
    tell: To<SendReport>,
) -> Result<(), LoadError> {
    let (made, take) = sync_channel(AHEAD);
    let fates = to.clone();
    let fate_clock = clock.clone();
    let sender = Sender::new(&setup.rig.broker, &records.producer, move |number, delivery| {
        let at = fate_clock.now();
        let message = match delivery {
            Delivery::Acknowledged { .. } => Message::Acknowledged { number, at },
            Delivery::Failed(Failure::Refused(why)) => Message::Refused { number, why },
            Delivery::Failed(Failure::Unknown(why)) => Message::Unknown { number, why },
        };
        // The collector ends last; if it is gone, nobody wants to know.
        let _ = fates.send(message);
    })?;
    let (contract, run_id) = (setup.contract.clone(), setup.run_id.clone());
    let stop = setup.stop.clone();
    let (pacer, plan) = (plan.pacer.clone(), plan.clone());
    spawn("eventproof-maker", move || make(&contract, &plan, records, &run_id, &made))?;
    spawn("eventproof-sender", move || {
        let report = send_all(&take, &sender, &pacer, clock.as_ref(), &to, &stop);
        // The maker ends when nobody takes any more.
        drop(take);
        sender.flush(Duration::from_secs(35));
        // The run may have been given up.
        let _ = tell.send(report);
    })
}

/// A record on its way to the sender: with its number, partition and hash.
type Made = Result<(u64, Draft, Option<i32>, u64), String>;

/// Makes records ahead of time, so that making one never delays the plan.
fn make(contract: &Contract, plan: &Plan, mut records: Records, run_id: &str, to: &SyncSender<Made>) {
    let partitioners: Vec<_> = records
        .kinds
        .iter()
        .map(|kind| contract.message(&kind.message).map(|message| contract.partitioner_of(message)).unwrap_or_default())
        .collect();
    let most = plan.pacer.total().unwrap_or(u64::MAX);
    for next in (plan.first_number..).take(usize::try_from(most).unwrap_or(usize::MAX)) {
        let lane = plan.draw.lane(next);
        let made = records.draft(contract, lane, plan.draw.key(next), plan.draw.size(next));
        let made = made.map_err(|error| error.to_string()).and_then(|draft| {
            let number = draft.event.id.as_deref().and_then(|id| event_number(id, run_id));
            // What a number says of its event was taken for granted when the event was made.
            let number = number.filter(|number| *number == next).ok_or("the ids of events are not in a row")?;
            let partition = partitioners[lane].partition(draft.record.key.as_deref(), records.kinds[lane].partitions);
            let hash = hash(draft.record.payload.as_deref().unwrap_or_default());
            Ok((number, draft, partition.and_then(|partition| i32::try_from(partition).ok()), hash))
        });
        let failed = made.is_err();
        if to.send(made).is_err() || failed {
            return;
        }
    }
}

fn send_all(
    take: &Receiver<Made>,
    sender: &Sender,
    pacer: &Pacer,
    clock: &dyn Clock,
    to: &To<Message>,
    stop: &watch::Receiver<bool>,
) -> SendReport {
    let mut report = SendReport::default();
    let mut measured = 0;
    while measured < pacer.measured() && !*stop.borrow() {
        let Some(made) = next(take, &mut report) else { break };
        let (number, draft, partition, hash) = match made {
            Ok(made) => made,
            Err(error) => {
                report.error = Some(error);
                break;
            }
        };
        let planned = pacer.due(report.sent);
        wait_until(planned.unwrap_or(pacer.start()), clock);
        let sent = clock.now();
        let planned = planned.unwrap_or(sent);
        measured += u64::from(planned >= pacer.measured_from());
        // Told before it is sent, so that no acknowledgement comes to an unknown event.
        let _ = to.send(Message::Sent { number, planned, sent, hash: Some(hash) });
        report.sent += 1;
        let mut waited = false;
        loop {
            match sender.send(&draft.record, partition, number) {
                Ok(()) => break,
                Err(SendError::QueueFull) => {
                    report.backpressure += u64::from(!std::mem::replace(&mut waited, true));
                    std::thread::sleep(Duration::from_millis(1));
                    if !pacer.is_planned() {
                        let _ = to.send(Message::SentAgain { number, sent: clock.now() });
                    }
                }
                Err(SendError::Refused(why)) => {
                    let _ = to.send(Message::Refused { number, why });
                    break;
                }
            }
        }
    }
    report
}

/// The next record; counted if it was not made in time.
fn next(take: &Receiver<Made>, report: &mut SendReport) -> Option<Made> {
    match take.try_recv() {
        Ok(made) => Some(made),
        Err(TryRecvError::Disconnected) => None,
        Err(TryRecvError::Empty) => {
            report.starved += 1;
            take.recv().ok()
        }
    }
}
