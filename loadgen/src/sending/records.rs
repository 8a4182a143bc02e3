//! Records: one thread makes them ahead of time, one sends them at their instants.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender as To, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;
use std::vec::IntoIter;

use eventproof_broker::{Delivery, Failure, SendError, Sender};
use eventproof_contract::{Contract, Record, event_number};
use eventproof_evidence::Clock;
use tokio::sync::watch;

use super::instant::wait_until;
use super::{SendReport, spawn};
use crate::collector::Message;
use crate::pacer::Pacer;
use crate::plan::{Plan, Records};
use crate::run::{LoadError, LoadSetup};
use crate::sink::hash;

/// Records made ahead of their instants, and how many of them change hands at once: a thread that is woken for each by itself
/// costs more than the record.
const AHEAD: usize = 2000;
const HANDFUL: usize = 50;

pub(super) fn start(
    setup: &LoadSetup<'_>,
    plan: &Plan,
    records: Records,
    to: To<Message>,
    clock: Arc<dyn Clock>,
    tell: To<SendReport>,
) -> Result<(), LoadError> {
    let (made, take) = sync_channel(AHEAD / HANDFUL);
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
    let (pacer, first, plan) = (plan.pacer.clone(), plan.first_number, plan.clone());
    spawn("eventproof-maker", move || make(&contract, &plan, records, &run_id, &made))?;
    spawn("eventproof-sender", move || {
        let mut report = send_all(&take, &sender, &pacer, first, clock.as_ref(), &to, &stop);
        // The maker ends when nobody takes any more.
        drop(take);
        sender.flush(Duration::from_secs(35));
        report.client = Some(sender.times());
        // The run may have been given up.
        let _ = tell.send(report);
    })
}

/// A record on its way to the sender: with its number, partition and hash.
type Made = Result<(u64, Record, Option<i32>, u64), String>;

/// Made records on their way to who sends them.
struct Hands<'a> {
    to: &'a SyncSender<Vec<Made>>,
    made: Vec<Made>,
}

impl Hands<'_> {
    /// Adds one. Whether somebody still takes them, and it was made.
    fn add(&mut self, made: Made) -> bool {
        let failed = made.is_err();
        self.made.push(made);
        let taken = (self.made.len() < HANDFUL && !failed) || self.hand_over();
        taken && !failed
    }

    fn hand_over(&mut self) -> bool {
        self.to.send(std::mem::replace(&mut self.made, Vec::with_capacity(HANDFUL))).is_ok()
    }
}

/// Makes records ahead of time, so that making one never delays the plan.
fn make(contract: &Contract, plan: &Plan, mut records: Records, run_id: &str, to: &SyncSender<Vec<Made>>) {
    let partitioners: Vec<_> = records
        .kinds
        .iter()
        .map(|kind| contract.message(&kind.message).map(|message| contract.partitioner_of(message)).unwrap_or_default())
        .collect();
    let most = plan.pacer.total().unwrap_or(u64::MAX);
    let mut hands = Hands { to, made: Vec::with_capacity(HANDFUL) };
    for next in (plan.first_number..).take(usize::try_from(most).unwrap_or(usize::MAX)) {
        let (lane, key) = (plan.draw.lane(next), plan.draw.key(next));
        if let Some(split) = &plan.split {
            if !split.owns(lane, key) {
                continue;
            }
            records.generator.continue_at(next);
        }
        let made = records.make(contract, &plan.draw, (next, lane, key));
        let made = made.map_err(|error| error.to_string()).and_then(|(record, id)| {
            let number = id.as_deref().and_then(|id| event_number(id, run_id));
            // What a number says of its event was taken for granted when the event was made.
            let number = number.filter(|number| *number == next).ok_or("the ids of events are not in a row")?;
            let partition = partitioners[lane].partition(record.key.as_deref(), records.kinds[lane].partitions);
            let partition = partition.and_then(|partition| i32::try_from(partition).ok());
            let partition = match &plan.split {
                Some(split) => split.place(partition, next, records.kinds[lane].partitions)?,
                None => partition,
            };
            let hash = hash(record.payload.as_deref().unwrap_or_default());
            Ok((number, record, partition, hash))
        });
        if !hands.add(made) {
            return;
        }
    }
    hands.hand_over();
}

fn send_all(
    take: &Receiver<Vec<Made>>,
    sender: &Sender,
    pacer: &Pacer,
    first: u64,
    clock: &dyn Clock,
    to: &To<Message>,
    stop: &watch::Receiver<bool>,
) -> SendReport {
    let mut report = SendReport::default();
    let mut measured = 0;
    let mut at_hand = Vec::new().into_iter();
    while measured < pacer.measured() && !*stop.borrow() {
        let Some(made) = next(take, &mut at_hand, &mut report) else {
            // The maker ends when all is made.
            report.whole = true;
            break;
        };
        let (number, record, partition, hash) = match made {
            Ok(made) => made,
            Err(error) => {
                report.error = Some(error);
                break;
            }
        };
        let planned = pacer.due(number - first);
        if !wait_until(planned.unwrap_or(pacer.start()), clock, stop) {
            break;
        }
        let sent = clock.now();
        let planned = planned.unwrap_or(sent);
        measured += u64::from(planned >= pacer.measured_from());
        // Told before it is sent, so that no acknowledgement comes to an unknown event.
        let _ = to.send(Message::Sent { number, planned, sent, hash: Some(hash) });
        report.sent += 1;
        let mut waited = false;
        loop {
            match sender.send(&record, partition, number) {
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
    report.whole |= measured >= pacer.measured();
    report
}

/// The next record; counted if it was not made in time.
fn next(take: &Receiver<Vec<Made>>, at_hand: &mut IntoIter<Made>, report: &mut SendReport) -> Option<Made> {
    if let Some(made) = at_hand.next() {
        return Some(made);
    }
    *at_hand = match take.try_recv() {
        Ok(made) => made.into_iter(),
        Err(TryRecvError::Disconnected) => return None,
        Err(TryRecvError::Empty) => {
            let made = take.recv().ok()?;
            report.starved += 1;
            made.into_iter()
        }
    };
    at_hand.next()
}
