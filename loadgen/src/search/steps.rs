//! Loads, one after another, until the hunt is over.

use std::sync::Arc;
use std::time::Duration;

use eventproof_evidence::{Percentile, samples_needed};
use eventproof_reports::model::{Finding, Interval, LoadResult, Outcome, SearchResult, SearchStep};
use tokio::sync::watch;

use super::hunt::{Hunt, Next};
use super::limit::{is_missed, limit};
use super::neighbours::Neighbours;
use crate::objective::Metric;
use crate::profile::{Pace, Profile};
use crate::run::{LoadError, LoadSetup, run};

/// How long what a step left behind is waited for: nothing of it may be in the next one.
const DRAIN: Duration = Duration::from_secs(60);
/// How many runs a search has at most: one that changes its mind for ever says nothing.
const RUNS: usize = 60;
/// Time at a rate before a step is measured.
const WARM_UP: Duration = Duration::from_secs(1);

/// How to search.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// No rate above it is tried. Events per second.
    pub ceiling: Option<f64>,
    /// How long a step lasts, at least: a percentile may need more events than that.
    pub step: Duration,
}

/// Searches the highest rate at which a profile's objectives hold, from its own rate on, and confirms it with a run as long as the
/// profile says. `tell` is called with every step. A profile without a steady rate is run as it is.
pub async fn find_max(
    setup: &LoadSetup<'_>,
    profile: &Profile,
    search: &Search,
    mut tell: impl FnMut(&SearchStep),
    mut progress: impl FnMut(&[Interval]),
) -> Result<LoadResult, LoadError> {
    let Pace::Steady { rate, events } = profile.pace else { return run(setup, profile, progress).await };
    let soak = Duration::from_secs_f64(events as f64 / rate).max(search.step);
    let mut hunt = Hunt::new(rate, search.ceiling);
    let mut found = SearchResult::default();
    let mut last = LoadResult::default();
    // Whether the hunt came to its own end, and whether anything was really missed on the way.
    let (mut ended, mut missed) = (false, false);
    let (halt, halted) = watch::channel(false);
    let halt = Arc::new(halt);
    let heeding = tokio::spawn(heed(setup.stop.clone(), halt.clone()));
    let neighbours = Neighbours::watch(setup.rig.broker.clone(), &setup.contract, halt).await;
    let setup = &LoadSetup { stop: halted, contract: setup.contract.clone(), run_id: setup.run_id.clone(), ..*setup };
    while !*setup.stop.borrow() && found.steps.len() < RUNS {
        let next = hunt.next();
        let (rate, lasting, soak) = match next {
            Next::Step(rate) => (rate, search.step, false),
            Next::Soak(rate) => (rate, soak, true),
            Next::Done(rate) => {
                (found.rate, ended) = (rate, true);
                break;
            }
        };
        last = run(setup, &at_rate(profile, rate, lasting), &mut progress).await?;
        let step = SearchStep { rate, soak, limit: limit(&last) };
        // One that was ended from outside says nothing of its rate.
        if !*setup.stop.borrow() {
            tell(&step);
            hunt.told(next, step.limit.is_none());
            missed |= is_missed(&last);
            found.steps.push(step);
        }
    }
    heeding.abort();
    let stopped = neighbours.found().filter(|_| !ended);
    found.limit = stopped.clone().or_else(|| bottleneck(&hunt, &found));
    last.findings.extend(match stopped {
        Some(why) => Some(stopped_for(&why, &found)),
        None => in_words(&found, ended && missed),
    });
    last.search = Some(found);
    Ok(last)
}

/// Passes on that somebody asked for the end.
async fn heed(mut asked: watch::Receiver<bool>, halt: Arc<watch::Sender<bool>>) {
    if asked.wait_for(|asked| *asked).await.is_ok() {
        halt.send_replace(true);
    }
}

/// The profile at another rate, for so long.
fn at_rate(profile: &Profile, rate: f64, lasting: Duration) -> Profile {
    let events = (rate * lasting.as_secs_f64()).ceil().max(samples(profile) as f64) as u64;
    let mut step = profile.clone();
    step.pace = Pace::Steady { rate, events };
    step.warm_up = profile.warm_up.max(WARM_UP);
    step.settle = profile.settle.max(DRAIN);
    step
}

/// How many events the profile's percentiles need.
fn samples(profile: &Profile) -> u64 {
    let arms = profile.arms().len() as u64;
    let needed = profile.objectives.iter().map(|objective| match &objective.metric {
        Metric::Percentile { percentile, .. } => samples_needed(*percentile),
        Metric::Difference { percentile, less, .. } => samples_needed(Percentile(percentile.0.max(less.0))),
        _ => 1,
    });
    needed.max().unwrap_or(1) * arms
}

/// What kept the lowest rate that failed from holding.
fn bottleneck(hunt: &Hunt, found: &SearchResult) -> Option<String> {
    if hunt.is_at_ceiling() {
        return Some("the ceiling that was given".to_owned());
    }
    let held = found.rate.unwrap_or(0.0);
    let above = found.steps.iter().filter(|step| step.rate > held);
    let failed = above.filter_map(|step| Some((step.rate, step.limit.as_ref()?)));
    failed.min_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, why)| why.clone())
}

/// The search was ended for the sake of others.
fn stopped_for(why: &str, found: &SearchResult) -> Finding {
    let held = found.steps.iter().filter(|step| step.limit.is_none()).map(|step| step.rate).fold(0.0, f64::max);
    let held = match held > 0.0 {
        true => format!("the highest rate that held for a step is {held:.1}/s, not confirmed"),
        false => "no step held before".to_owned(),
    };
    let text = format!("the search was stopped after {} runs: {why}; {held}", found.steps.len());
    Finding { outcome: Outcome::NoVerdict, code: "neighbour-behind".to_owned(), text, took_ms: None }
}

/// `sure`: that no rate holds was seen, not only not disproved.
fn in_words(found: &SearchResult, sure: bool) -> Option<Finding> {
    let steps = found.steps.len();
    let limit = found.limit.as_deref().unwrap_or("nothing");
    let (outcome, code, text) = match found.rate {
        Some(rate) => {
            let text = format!("highest rate found: {rate:.1}/s, confirmed, in {steps} runs; limited by: {limit}");
            (Outcome::Held, "highest-rate", text)
        }
        None => {
            let text = format!("no rate was found that holds, in {steps} runs; limited by: {limit}");
            (if sure { Outcome::Broken } else { Outcome::NoVerdict }, "no-rate-holds", text)
        }
    };
    (steps > 0).then_some(Finding { outcome, code: code.to_owned(), text, took_ms: None })
}
