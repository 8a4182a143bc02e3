//! The shards' meeting on the control topic: everyone announces itself, and all come to one start.
//!
//! The start is a time of the broker's clock: so much after the announcement that completed the run. Each shard places it on its
//! own monotonic clock, so no machine's wall clock matters; how exactly it could is in the result.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use eventproof_broker::{Board, Broker, BrokerError, CONTROL, Note, Posted, ReadFrom};
use eventproof_evidence::{At, Clock};
use eventproof_reports::model::{Aborted, Provenance, Shard};
use eventproof_source::units::format_duration;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::clock::{Located, Offset};
use super::gather::{Gathered, Gathering, Ready};
use crate::plan::Plan;
use crate::run::LoadError;

/// The time from the last announcement to the start: for everyone to hear of it, and to make records ahead.
const LEAD: Duration = Duration::from_secs(3);
/// Records by which the broker's clock is found.
const PROBES: usize = 5;
/// How long one look at the board takes.
const LOOK: Duration = Duration::from_millis(100);

/// Which part of a load this process sends, and with whom.
#[derive(Clone, Debug)]
pub struct Sharding {
    pub shard: Shard,
    /// The name that all shards of this run have in common, and no other run.
    pub run: String,
    /// This machine, for people.
    pub host: String,
    /// What all shards must have in common, by name: the profile's hash, the contract's.
    pub facts: BTreeMap<String, String>,
    /// Where its result comes from, as far as that is known before it begins.
    pub provenance: Provenance,
    /// How long the others are waited for.
    pub wait: Duration,
}

/// Why a load in shards came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// They are not of one run.
    #[error("the shards of this run do not belong together:\n  {}", .0.join("\n  "))]
    Refused(Vec<String>),
    /// The load cannot be sent in shards.
    #[error("this load cannot be sent in shards: {0}")]
    Unfit(String),
    /// Some never came.
    #[error("no verdict: {} of {of} did not announce {} within {}", shards(.missing), if .missing.len() == 1 { "itself" } else { "themselves" }, format_duration(*.waited))]
    Absent { missing: Vec<u64>, of: u64, waited: Duration },
    /// The broker's clock could not be placed on ours.
    #[error("no common start: the broker's clock was set, or another node took the control topic over, meanwhile")]
    Clock,
    #[error("interrupted before all shards were there")]
    Interrupted,
    /// Results that cannot be put together.
    #[error(transparent)]
    Part(#[from] super::PartError),
}

impl ShardError {
    /// Whether whoever started the shards has to change something.
    pub fn is_usage(&self) -> bool {
        matches!(self, ShardError::Refused(_) | ShardError::Unfit(_))
    }
}

/// `shard 3`, `shards 3, 4`
pub(super) fn shards(numbers: &[u64]) -> String {
    let all = numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    if numbers.len() == 1 { format!("shard {all}") } else { format!("shards {all}") }
}

/// What stands on the control topic.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Notice {
    /// Its only use is the time that the broker gives it.
    Probe,
    Ready(Ready),
    /// A shard found out that an objective is missed whatever comes: nobody sends any more.
    Ended(Aborted),
    /// How the whole ended.
    Verdict {
        exit_code: i32,
    },
}

/// A shard's side of the meeting.
pub(crate) struct Meeting {
    sharding: Sharding,
    control: Board,
    clock: Arc<dyn Clock>,
    stop: watch::Receiver<bool>,
    tell: Box<dyn Fn(&str) + Send + Sync>,
    start: Option<Located>,
    /// How the whole ended, if that was read while something else was looked for.
    verdict: Cell<Option<i32>>,
}

impl Meeting {
    pub async fn open(
        broker: &Broker,
        sharding: Sharding,
        clock: Arc<dyn Clock>,
        stop: watch::Receiver<bool>,
        tell: Box<dyn Fn(&str) + Send + Sync>,
    ) -> Result<Meeting, BrokerError> {
        let control = Board::open(broker, CONTROL, ReadFrom::Beginning, clock.clone()).await?;
        Ok(Meeting { sharding, control, clock, stop, tell, start: None, verdict: Cell::new(None) })
    }

    pub fn shard(&self) -> Shard {
        self.sharding.shard
    }

    pub fn sharding(&self) -> &Sharding {
        &self.sharding
    }

    /// How exactly the common start is known here; none before it is.
    pub fn start_error(&self) -> Option<Duration> {
        self.start.map(|start| start.error)
    }

    /// Announces this shard and waits until all are there. Returns the start that all have in common.
    pub async fn meet(&mut self, plan: &Plan) -> Result<At, LoadError> {
        let mut posted = HashMap::new();
        for _ in 0..PROBES {
            self.post(&Notice::Probe, &mut posted).await?;
        }
        let own = self.ready(plan);
        self.post(&Notice::Ready(own.clone()), &mut posted).await?;
        let complete = self.gather(Gathering::new(own), &posted)?;
        self.start = Some(complete);
        Ok(complete.at)
    }

    fn ready(&self, plan: &Plan) -> Ready {
        let mut facts = self.sharding.facts.clone();
        facts.insert("number of events".to_owned(), plan.pacer.total().unwrap_or_default().to_string());
        facts.insert("number of the first event".to_owned(), plan.first_number.to_string());
        facts.extend(
            plan.partitions.iter().map(|(topic, count)| (format!("partition count of {topic}"), count.to_string())),
        );
        let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let instance = format!("{}-{}-{:x}", self.sharding.host, std::process::id(), started.as_nanos());
        Ready { shard: self.sharding.shard, instance, host: self.sharding.host.clone(), facts }
    }

    async fn post(&self, notice: &Notice, posted: &mut HashMap<i64, Posted>) -> Result<(), BrokerError> {
        let one = self.control.post(&self.sharding.run, &text(notice)).await?;
        posted.insert(one.offset, one);
        Ok(())
    }

    fn gather(&self, mut gathering: Gathering, posted: &HashMap<i64, Posted>) -> Result<Located, LoadError> {
        let (mut offset, mut told) = (Offset::default(), Vec::new());
        let deadline = self.clock.now() + self.sharding.wait;
        loop {
            if let Some((note, notice)) = self.next(LOOK)? {
                posted.get(&note.offset).into_iter().for_each(|posted| offset.learn(posted, note.appended_ms));
                if let Notice::Ready(ready) = notice {
                    gathering.take(ready, note.appended_ms);
                }
            }
            let missing = match gathering.state() {
                Gathered::Refused(why) => return Err(ShardError::Refused(why).into()),
                Gathered::Complete(at) => {
                    let start = at.saturating_add(LEAD.as_millis() as i64);
                    return Ok(offset.locate(start).ok_or(ShardError::Clock)?);
                }
                Gathered::Waiting(missing) => missing,
            };
            let of = self.sharding.shard.of;
            if *self.stop.borrow() {
                return Err(ShardError::Interrupted.into());
            }
            if self.clock.now() > deadline {
                return Err(ShardError::Absent { missing, of, waited: self.sharding.wait }.into());
            }
            // What others announced long ago is read first: not everyone who seems to be missing is.
            if missing != told && !missing.contains(&self.sharding.shard.number) {
                (self.tell)(&format!("waiting for {} of {of}", shards(&missing)));
                told = missing;
            }
        }
    }

    /// The next notice of this run, if there is one within so long.
    fn next(&self, patience: Duration) -> Result<Option<(Note, Notice)>, BrokerError> {
        let note = tokio::task::block_in_place(|| self.control.read(patience))?;
        let note = note.filter(|note| note.key == self.sharding.run);
        Ok(note.and_then(|note| serde_json::from_str(&note.text).ok().map(|notice| (note, notice))))
    }

    /// Tells every shard that the load is over. One that does not hear it ends when its plan does.
    pub fn tell_ended(&self, aborted: &Aborted) {
        // Where there is no room for it, there is nothing else to do.
        let _ = self.control.post_soon(&self.sharding.run, &text(&Notice::Ended(aborted.clone())));
    }

    /// Whether a shard told by now that the load is over, and why. Does not wait.
    pub fn ended(&self) -> Option<Aborted> {
        // What cannot be read now is read at the next look.
        match self.next(Duration::ZERO).ok().flatten()? {
            (_, Notice::Ended(aborted)) => Some(aborted),
            (_, Notice::Verdict { exit_code }) => {
                self.verdict.set(Some(exit_code));
                None
            }
            _ => None,
        }
    }

    /// Tells every shard how the whole ended.
    pub async fn tell_verdict(&self, exit_code: i32) -> Result<(), BrokerError> {
        self.control.post(&self.sharding.run, &text(&Notice::Verdict { exit_code })).await.map(drop)
    }

    /// How the whole ended, as shard 1 says; none if it says nothing for so long.
    pub fn verdict(&self, patience: Duration) -> Result<Option<i32>, BrokerError> {
        if let Some(exit_code) = self.verdict.get() {
            return Ok(Some(exit_code));
        }
        let deadline = self.clock.now() + patience;
        // Whoever asks for the end while this waits does not want to wait on.
        let stopped = *self.stop.borrow();
        while self.clock.now() < deadline && *self.stop.borrow() == stopped {
            if let Some((_, Notice::Verdict { exit_code })) = self.next(LOOK)? {
                return Ok(Some(exit_code));
            }
        }
        Ok(None)
    }
}

fn text(notice: &Notice) -> String {
    // It has text keys only, so it cannot fail to be JSON.
    serde_json::to_string(notice).unwrap_or_default()
}
