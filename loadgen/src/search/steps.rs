//! Loads, one after another, until the hunt is over.

use std::sync::Arc;
use std::time::Duration;

use eventproof_contract::Contract;
use eventproof_evidence::{Percentile, samples_needed};
use eventproof_reports::model::{Finding, Interval, LoadResult, Outcome, SearchResult, SearchStep};
use tokio::sync::watch;

use super::hunt::{Hunt, Next};
use super::limit::{is_missed, limit};
use super::neighbours::Neighbours;
use crate::objective::Metric;
use crate::profile::{Pace, Profile, Traffic};
use crate::run::{LoadError, LoadSetup, run};

/// How long what a step left behind is waited for: nothing of it may be in the next one.
const DRAIN: Duration = Duration::from_secs(60);
/// How many runs a search has at most: one that changes its mind for ever says nothing.
const RUNS: usize = 60;
/// Time at a rate before a step is measured.
const WARM_UP: Duration = Duration::from_secs(1);
/// A step is measured over at least two intervals with sends: one alone does not show whether a queue grows.
const SHORTEST: Duration = Duration::from_secs(2);

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
        last = run(setup, &at_rate(&setup.contract, profile, rate, lasting), &mut progress).await?;
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
fn at_rate(contract: &Contract, profile: &Profile, rate: f64, lasting: Duration) -> Profile {
    let lasting = lasting.max(SHORTEST).as_secs_f64();
    let events = (rate * lasting).ceil().max(2.0).max(samples(contract, profile)) as u64;
    let mut step = profile.clone();
    step.pace = Pace::Steady { rate, events };
    step.warm_up = profile.warm_up.max(WARM_UP);
    step.settle = profile.settle.max(DRAIN);
    step
}

/// How many events the profile's percentiles need.
fn samples(contract: &Contract, profile: &Profile) -> f64 {
    let needed = profile.objectives.iter().map(|objective| match &objective.metric {
        Metric::Percentile { percentile, stage, .. } => {
            sent_for(samples_needed(*percentile), share(contract, profile, stage))
        }
        Metric::Difference { percentile, stage, less, other, .. } => {
            let needed = samples_needed(Percentile(percentile.0.max(less.0)));
            sent_for(needed, share(contract, profile, stage).min(share(contract, profile, other)))
        }
        _ => 1.0,
    });
    needed.fold(1.0, f64::max) * profile.arms().len() as f64
}

/// How many events are sent so that as many as needed come to a stage, if each does with this share. Which ones do is drawn: five
/// standard deviations more are enough.
fn sent_for(needed: u64, share: f64) -> f64 {
    let needed = needed as f64;
    match share {
        share if share >= 1.0 => needed,
        // None comes there, however many are sent.
        share if share <= 0.0 => needed,
        share => ((needed + 5.0 * needed.sqrt()) / share).ceil(),
    }
}

/// The share of a mix of messages that comes to a stage or part: of a group's, what the contract says that it consumes.
fn share(contract: &Contract, profile: &Profile, stage: &str) -> f64 {
    let Traffic::Records(stream) = &profile.traffic else { return 1.0 };
    let group = ["processed(", "visible_to_processed("].iter().find_map(|of| stage.strip_prefix(of)?.strip_suffix(')'));
    let Some(group) = group.filter(|group| !profile.follows.iter().any(|follows| follows == group)) else { return 1.0 };
    let consumes = |message: &str| contract.receivers(message).any(|one| one.group.as_deref() == Some(group));
    let weights = |all: bool| {
        let counted = stream.messages.iter().filter(|(message, _)| all || consumes(message));
        counted.map(|(_, weight)| *weight).sum::<f64>()
    };
    weights(false) / weights(true)
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

#[cfg(test)]
mod tests {
    use eventproof_source::Source;

    use super::*;
    use crate::draw::{Draw, Keys};

    /// Two messages, of which a group consumes only the second.
    fn contract() -> Contract {
        crate::testing::contract(
            "\
channels:
  t:
    address: t
    messages: {a: {name: a, payload: {type: object}}, b: {name: b, payload: {type: object}}}
operations:
  g:
    action: receive
    channel: {$ref: '#/channels/t'}
    messages: [{$ref: '#/channels/t/messages/b'}]
    bindings: {kafka: {groupId: {type: string, const: g}}}
",
        )
    }

    fn needed(objective: &str) -> f64 {
        let text = format!(
            "name: n\npack: .\nmessages: {{a: 8, b: 2}}\nkeys: 10\nrate: 100/s\nevents: 10\nobjectives: [\"{objective}\"]\n"
        );
        let profile = Profile::parse(Source::inline("load.yaml", &text)).map_err(|faults| faults.render(false));
        samples(&contract(), &profile.unwrap())
    }

    #[test]
    fn as_many_events_are_sent_as_a_percentile_needs_of_those_that_come_to_its_stage() {
        assert_eq!(needed("p99(end_to_end) < 1s"), 1000.0);
        assert_eq!(needed("lost(topic) = 0"), 1.0);
        let of_group = needed("p99(processed(g)) < 1s");
        assert!((5000.0..6000.0).contains(&of_group), "{of_group}");
        assert_eq!(needed("p99(visible_to_processed(g)) < 1s"), of_group);
        assert_eq!(needed("p99(processed(g)) - p50(end_to_end) < 1s"), of_group);
        // Whatever is drawn, as many as needed are of the second message.
        for seed in 0..50 {
            let draw = Draw::new(seed, &[8.0, 2.0], Keys::Uniform(10), None, usize::MAX);
            let come = (0..of_group as u64).filter(|number| draw.lane(*number) == 1).count();
            assert!(come >= 1000, "{come} with seed {seed}");
        }
    }
}
