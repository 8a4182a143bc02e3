//! A load in words: what was asked for.

use std::time::Duration;

use eventproof_reports::model::{Aborted, Finding, Outcome, Sizes};
use eventproof_source::units::format_duration;

use crate::draw::{Keys, PayloadSize};
use crate::plan::{Plan, What};
use crate::profile::{Pace, Profile, Requests, Stream, Traffic};
use crate::sending::SendReport;
use crate::shape::Phase;

/// `400 events of 1000 B of "content.post.created" at 200/s over 20 keys, after 500 ms of warm-up`
pub(crate) fn plan(profile: &Profile, plan: &Plan, report: &SendReport, sizes: Option<&Sizes>) -> String {
    let what = match &profile.traffic {
        Traffic::Records(stream) => of_stream(stream),
        Traffic::Replay(replay) => format!(" of {}, as new events", replay.of),
        Traffic::Actions(requests) => of_requests(requests),
    };
    let noun = if matches!(profile.traffic, Traffic::Actions(_)) { "requests" } else { "events" };
    let keys = match &profile.traffic {
        Traffic::Records(stream) => format!(" over {}", of_keys(stream.keys)),
        Traffic::Replay(_) | Traffic::Actions(_) => String::new(),
    };
    let warm_up = format_duration(profile.warm_up);
    let pace = match &profile.traffic {
        Traffic::Replay(replay) if replay.speed != 1.0 => format!("at {} times their own pace", replay.speed),
        _ => pace(&profile.pace),
    };
    let events = plan.measured(profile);
    let text = format!("{events} {noun}{what} {pace}{keys}, after {warm_up} of warm-up{}", of_sizes(sizes));
    // What limits all shards together one of them cannot say.
    let alone = !plan.pacer.is_planned() && plan.split.is_none();
    if alone { format!("{text}; {}", limit(plan, report)) } else { text }
}

/// Why a load was ended before its plan was done.
pub(crate) fn ended_early(aborted: &Aborted) -> Finding {
    let at = format_duration(Duration::from_secs_f64(aborted.at_ms / 1e3));
    let Aborted { objective, actual, sent, .. } = aborted;
    let text = format!(
        "ended after {at} and {sent} events, by an objective that was missed for certain: {objective} was {actual}"
    );
    Finding { outcome: Outcome::Broken, code: "ended-early".to_owned(), text, took_ms: None }
}

/// What a send had to wait for.
pub(crate) fn waited_for(plan: &Plan) -> String {
    match &plan.what {
        What::Records(_) => "a full queue".to_owned(),
        What::Requests(asked) => format!("one of {} requests under way to be answered", asked.in_flight),
    }
}

/// What kept a load without a plan from being faster.
fn limit(plan: &Plan, report: &SendReport) -> String {
    let share = |count: u64| 100.0 * count as f64 / report.sent.max(1) as f64;
    format!(
        "{:.0} % of the sends waited for {}, {:.0} % for their record to be made",
        share(report.backpressure),
        waited_for(plan),
        share(report.starved)
    )
}

fn of_stream(stream: &Stream) -> String {
    let size = match stream.payload_size {
        None => String::new(),
        Some(PayloadSize::Exactly(size)) => format!(" of {size} B"),
        Some(PayloadSize::Uniform { from, to }) => format!(" of {from} to {to} B"),
        Some(PayloadSize::LogNormal { p50, p99 }) => format!(" of {p50} B (p50) and {p99} B (p99)"),
    };
    let whole: f64 = stream.messages.iter().map(|(_, weight)| weight).sum();
    let message = |(name, weight): &(String, f64)| match stream.messages.len() {
        1 => format!("\"{name}\""),
        _ => format!("{:.0} % \"{name}\"", 100.0 * weight / whole),
    };
    format!("{size} of {}", stream.messages.iter().map(message).collect::<Vec<_>>().join(" and "))
}

/// What was seen of sizes that were drawn.
fn of_sizes(sizes: Option<&Sizes>) -> String {
    let seen = |sizes: &Sizes| {
        format!("; payloads of {} to {} B were seen, p50 {} B, p99 {} B", sizes.min, sizes.max, sizes.p50, sizes.p99)
    };
    sizes.map(seen).unwrap_or_default()
}

fn of_requests(requests: &Requests) -> String {
    let arm = |arm: &crate::profile::Arm| match arm.name.is_empty() {
        true => format!("\"{}\"", arm.action),
        false => format!("\"{}\" [{}]", arm.action, arm.name),
    };
    let arms = requests.arms.iter().map(arm).collect::<Vec<_>>().join(" and ");
    if requests.arms.len() > 1 { format!(" of {arms} in turn") } else { format!(" of {arms}") }
}

fn of_keys(keys: Keys) -> String {
    match keys {
        Keys::Uniform(count) => format!("{count} keys"),
        Keys::Zipf { count, exponent } => format!("{count} keys (zipf {exponent})"),
        Keys::Hot { count, share } => format!("{count} keys ({:.0} % to one)", share * 100.0),
    }
}

fn pace(pace: &Pace) -> String {
    match pace {
        Pace::Steady { rate, .. } => format!("at {rate}/s"),
        Pace::Max { .. } => "as fast as they are taken".to_owned(),
        Pace::Traced => "at their own pace".to_owned(),
        Pace::Shape(phases) => format!("in phases: {}", phases.iter().map(phase).collect::<Vec<_>>().join(", ")),
    }
}

fn phase(phase: &Phase) -> String {
    let lasting = format_duration(phase.lasting);
    match phase.from == phase.to {
        true => format!("{:.0}/s for {lasting}", phase.from),
        false => format!("{:.0}/s to {:.0}/s for {lasting}", phase.from, phase.to),
    }
}
