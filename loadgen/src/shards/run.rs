//! A shard's run: the load, its part published, and what shard 1 makes of all parts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventproof_broker::{Board, Broker, BrokerError, RESULTS, ReadFrom};
use eventproof_evidence::{At, Clock};
use eventproof_reports::model::{Interval, LoadResult};
use serde::{Deserialize, Serialize};

use super::meeting::{Meeting, ShardError, Sharding};
use super::merge::merge_parts;
use super::part::Part;
use crate::profile::Profile;
use crate::run::{LoadError, LoadSetup, perform};

/// A shard of which nothing was heard for so long, or for three intervals where they are longer, is gone.
const SILENCE: Duration = Duration::from_secs(20);
/// What a shard may take beside the plan: the last acknowledgements, and putting everything together.
const BESIDE: Duration = Duration::from_secs(60);
/// Where nothing comes for so long, everything was read.
const QUIET: Duration = Duration::from_secs(3);
/// How long one look at the board takes.
const LOOK: Duration = Duration::from_millis(100);

/// What stands on the results topic.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Published {
    Interval {
        shard: u64,
        index: usize,
        interval: Box<Interval>,
    },
    /// The shard's end; its intervals stand before it.
    Part(Box<Part>),
}

/// What a shard's run came to.
pub struct ShardRun {
    pub part: Part,
    /// The result of all shards, with its verdicts, where this is the shard that puts it together.
    pub whole: Option<LoadResult>,
    meeting: Meeting,
    patience: Duration,
}

impl ShardRun {
    /// Tells every shard how the whole ended.
    ///
    /// # Errors
    /// If the broker does not take it.
    pub async fn tell(&self, exit_code: i32) -> Result<(), BrokerError> {
        self.meeting.tell_verdict(exit_code).await
    }

    /// How the whole ended, as shard 1 says; none if it does not say so in time.
    ///
    /// # Errors
    /// If the control topic cannot be read.
    pub fn told(&self) -> Result<Option<i32>, BrokerError> {
        self.meeting.verdict(self.patience)
    }
}

/// Runs a shard of a profile. Shard 1 then waits for all others and judges the whole. `tell` is told who is waited for.
pub async fn run_shard(
    setup: &LoadSetup<'_>,
    profile: &Profile,
    sharding: Sharding,
    tell: impl Fn(&str) + Send + Sync + 'static,
    mut progress: impl FnMut(&[Interval]),
) -> Result<ShardRun, LoadError> {
    let (broker, clock) = (&setup.rig.broker, setup.rig.clock.clone());
    let first = sharding.shard.number == 1;
    // Opened before anybody is ready, so that nothing of this run is missed.
    let results = Board::open(broker, RESULTS, ReadFrom::Now, clock.clone()).await?;
    let (run, number) = (sharding.run.clone(), sharding.shard.number);
    let mut meeting = Meeting::open(broker, sharding, clock.clone(), setup.stop.clone(), Box::new(tell)).await?;
    let mut published = 0;
    let mut publish = |so_far: &[Interval]| {
        for (index, interval) in so_far.iter().enumerate().skip(published) {
            // One that does not get there is missed when the part is read.
            let _ = results.post_soon(
                &run,
                &text(&Published::Interval { shard: number, index, interval: Box::new(interval.clone()) }),
            );
        }
        published = published.max(so_far.len());
    };
    let performed = perform(setup, profile, Some(&mut meeting), |so_far| {
        publish(so_far);
        progress(so_far);
    });
    let performed = performed.await?;
    publish(&performed.result.intervals);
    let part = Part::of(&meeting, profile, &performed, *setup.stop.borrow());
    results.post(&run, &text(&Published::Part(Box::new(part.without_intervals())))).await?;
    let longest = performed.collector.interval() * 3;
    let pacer = &performed.plan.pacer;
    // Whoever was told from outside to end waits for nobody's plan.
    let ends = if part.interrupted { At::START } else { pacer.start() + pacer.lasts() };
    let patience = patience(clock.now(), ends, profile.settle, longest);
    let whole = match first {
        true => Some(whole(&results, &part, SILENCE.max(longest), &setup.stop)?),
        false => None,
    };
    Ok(ShardRun { part, whole, meeting, patience })
}

/// How long a shard that is done by `now` waits for the whole: the others send until the plan `ends`, and are silent for at most three
/// intervals, which take `longest`.
fn patience(now: At, ends: At, settle: Duration, longest: Duration) -> Duration {
    ends.since(now) + settle + BESIDE + SILENCE.max(longest)
}

fn text(published: &Published) -> String {
    // It has text keys only, so it cannot fail to be JSON.
    serde_json::to_string(published).unwrap_or_default()
}

/// Waits for all parts, and puts them together.
fn whole(
    results: &Board,
    own: &Part,
    silence: Duration,
    stop: &tokio::sync::watch::Receiver<bool>,
) -> Result<LoadResult, LoadError> {
    let mut heard = Heard::of_run(&own.run);
    let mut last = Instant::now();
    while heard.whole().len() < own.shard.of as usize && last.elapsed() < silence && !*stop.borrow() {
        let Some(note) = tokio::task::block_in_place(|| results.read(LOOK))? else { continue };
        if heard.take(&note.key, &note.text) {
            last = Instant::now();
        }
    }
    let gone = heard.gone(own.shard.of);
    merge_parts(heard.whole(), &gone).map_err(|error| ShardError::from(error).into())
}

/// The parts of a run that are on the results topic, those that are whole.
///
/// # Errors
/// If it cannot be read.
pub async fn in_parts(broker: &Broker, run: &str, clock: Arc<dyn Clock>) -> Result<Vec<Part>, BrokerError> {
    let results = Board::open(broker, RESULTS, ReadFrom::Beginning, clock).await?;
    let mut heard = Heard::of_run(run);
    let mut last = Instant::now();
    while last.elapsed() < QUIET {
        if let Some(note) = tokio::task::block_in_place(|| results.read(LOOK))? {
            heard.take(&note.key, &note.text);
            last = Instant::now();
        }
    }
    Ok(heard.whole())
}

/// What was read of a run's results.
struct Heard {
    run: String,
    parts: BTreeMap<u64, Part>,
    intervals: BTreeMap<u64, BTreeMap<usize, Interval>>,
}

impl Heard {
    fn of_run(run: &str) -> Heard {
        Heard { run: run.to_owned(), parts: BTreeMap::new(), intervals: BTreeMap::new() }
    }

    /// Takes in a record; says whether it is one of this run.
    fn take(&mut self, key: &str, text: &str) -> bool {
        let published = (key == self.run).then(|| serde_json::from_str(text).ok()).flatten();
        match published {
            Some(Published::Part(part)) => drop(self.parts.insert(part.shard.number, *part)),
            Some(Published::Interval { shard, index, interval }) => {
                self.intervals.entry(shard).or_default().insert(index, *interval);
            }
            None => return false,
        }
        true
    }

    /// The parts of which everything is there.
    fn whole(&self) -> Vec<Part> {
        let whole = |(number, part): (&u64, &Part)| {
            let intervals: Vec<Interval> =
                self.intervals.get(number).map(|known| known.values().cloned().collect()).unwrap_or_default();
            (intervals.len() == part.interval_count).then(|| part.with_intervals(intervals))
        };
        self.parts.iter().filter_map(whole).collect()
    }

    /// What became of those of whom there is no part.
    fn gone(&self, of: u64) -> BTreeMap<u64, String> {
        let whole: Vec<u64> = self.whole().into_iter().map(|part| part.shard.number).collect();
        let told = |number: u64| {
            let intervals = self.intervals.get(&number).map_or(0, BTreeMap::len);
            match self.parts.get(&number) {
                Some(part) => format!("only {intervals} of the {} intervals of its result came", part.interval_count),
                None => format!("its last sign was interval {intervals}"),
            }
        };
        (1..=of).filter(|number| !whole.contains(number)).map(|number| (number, told(number))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_that_is_done_early_waits_until_the_others_can_be() {
        let after = |seconds| At::from_start(Duration::from_secs(seconds));
        let waits = |now| patience(after(now), after(300), Duration::from_secs(10), Duration::from_secs(3)).as_secs();
        assert_eq!((waits(20), waits(300), waits(305)), (370, 90, 90));
        let long = patience(after(9), after(0), Duration::ZERO, Duration::from_secs(60));
        assert_eq!(long.as_secs(), 120, "three intervals, where they are long");
    }
}
