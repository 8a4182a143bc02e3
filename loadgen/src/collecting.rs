//! From the messages of a running load to the collector's state, until everything has come or the time for it is over.

use std::cell::Cell;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use eventproof_evidence::{At, Clock};
use eventproof_reports::model::Interval;
use tokio::sync::{Notify, watch};

use crate::abort::{self, Abort};
use crate::collector::{Collector, Message};
use crate::objective::Objective;
use crate::sending::Sending;
use crate::shards::Meeting;
use crate::spill::Spill;

/// Messages taken in one go.
const MANY: usize = 10_000;
/// How long messages gather.
const GATHERING: Duration = Duration::from_millis(20);

/// Stragglers are waited for once nothing of our own doing keeps them: everything is sent, and every disturbance undone.
pub(crate) struct Settling<'a> {
    /// Told when everything is sent.
    pub all_sent: &'a Notify,
    pub undone: &'a Cell<bool>,
    pub lasting: Duration,
}

/// What ends the sending before the plan is done.
pub(crate) struct Ending<'a> {
    /// Becomes true where somebody asks for it.
    pub asked: &'a watch::Receiver<bool>,
    /// Ends the sending.
    pub halt: &'a watch::Sender<bool>,
    pub objectives: &'a [Objective],
    /// Events that are measured in the whole plan.
    pub events: u64,
    /// Why the generator's figures are none, so far.
    pub saturated: &'a dyn Fn(&Collector) -> Option<String>,
    /// The other shards, where there are any.
    pub others: Option<&'a Meeting>,
}

impl Ending<'_> {
    /// Ends the sending if somebody asked for it.
    fn heed(&self) {
        if *self.asked.borrow() {
            // Whoever sends may have ended by now.
            self.halt.send_if_modified(|halt| !std::mem::replace(halt, true));
        }
    }

    /// Ends the sending if an objective is missed for certain: here, once another interval has `ended`, or on another shard.
    fn judge(&self, collector: &Collector, ended: bool) -> Option<Abort> {
        if self.objectives.iter().all(|objective| objective.abort_after.is_none()) {
            return None;
        }
        let abort = self.heard().or_else(|| ended.then(|| self.missed(collector)).flatten())?;
        // The same holds here.
        self.halt.send_if_modified(|halt| !std::mem::replace(halt, true));
        Some(abort)
    }

    /// Tells the other shards once more that the load is over: one that missed it would send on alone.
    fn repeat(&self, abort: &Abort) {
        self.others.into_iter().for_each(|others| others.tell_ended(&abort.told(self.objectives)));
    }

    /// What another shard found out.
    fn heard(&self) -> Option<Abort> {
        Abort::heard(self.others?.ended()?, self.objectives)
    }

    /// What was found out here; all others are told.
    fn missed(&self, collector: &Collector) -> Option<Abort> {
        let saturated = (self.saturated)(collector);
        let abort = abort::missed(self.objectives, collector, self.events, saturated.as_deref())?;
        let Some(others) = self.others else { return Some(abort) };
        let abort = abort.on(others.shard());
        others.tell_ended(&abort.told(self.objectives));
        Some(abort)
    }
}

/// What is listened to.
pub(crate) struct Heard<'a> {
    pub messages: &'a Receiver<Message>,
    pub sending: &'a Sending,
    pub clock: &'a dyn Clock,
}

/// Folds messages until everything has come, or the time for stragglers is over. Returns which objective ended the load, if one did.
pub(crate) async fn collect(
    collector: &mut Collector,
    heard: Heard<'_>,
    settling: Settling<'_>,
    ending: Ending<'_>,
    spill: &mut Spill,
    progress: &mut impl FnMut(&[Interval]),
) -> Option<Abort> {
    let Heard { messages, sending, clock } = heard;
    let mut told = 0;
    let mut since: Option<At> = None;
    let mut abort: Option<Abort> = None;
    // A little longer than complete: a duplicate comes after what it doubles.
    let at_least = settling.lasting.min(Duration::from_secs(1));
    loop {
        tokio::task::block_in_place(|| drain(collector, messages));
        ending.heed();
        let closed = collector.close_until(clock.now());
        (told + 1..=closed).for_each(|ended| progress(&collector.intervals[..ended]));
        spill.take(&mut collector.intervals);
        match &abort {
            Some(abort) if told < closed => ending.repeat(abort),
            Some(_) => {}
            // Once all is sent there is nothing left to end.
            None if sending.report.borrow().is_none() => abort = ending.judge(collector, told < closed),
            None => {}
        }
        told = closed;
        if let Ok(report) = sending.done.try_recv() {
            *sending.report.borrow_mut() = Some(report);
            settling.all_sent.notify_one();
        }
        if since.is_none() && sending.report.borrow().is_some() && settling.undone.get() {
            since = Some(clock.now());
        }
        let settled = since.map(|since| clock.now().since(since));
        if settled.is_some_and(|lasted| lasted >= settling.lasting || lasted >= at_least && collector.is_complete()) {
            return abort;
        }
        tokio::task::yield_now().await;
    }
}

/// Takes what is there. Where that is little, it lets some gather first: whoever waits for each message by itself is woken for
/// each by its sender, and that costs the sender more than the message. Instants are stamped where things happen.
fn drain(collector: &mut Collector, messages: &Receiver<Message>) {
    let mut taken = 0;
    messages.try_iter().take(MANY).for_each(|message| {
        collector.take(message);
        taken += 1;
    });
    if taken < MANY {
        std::thread::sleep(GATHERING);
    }
}
