//! A load run line by line, as it goes: a head, a line for each interval as it ends, and a last line when the run ends by
//! itself. Whoever kills the run loses at most the interval that was open; what is there becomes a result without verdict.

use std::collections::BTreeMap;

use eventproof_evidence::ledger::LegCounts;
use eventproof_evidence::{Latencies, Percentile};
use serde::{Deserialize, Serialize};

use crate::json::{Head, ParseError, SCHEMA};
use crate::model::{
    ConsumerLeg, Distribution, Finding, Generator, Interval, LegPoint, LoadResult, Objective, Outcome, Provenance,
    Stage, StageSlice,
};
use crate::text::{millis, seconds};

/// The kind that the first line names.
const KIND: &str = "load-intervals";

/// What figures are of, where nothing but intervals is there.
const LEFT: &str = "from the intervals that are left";

/// What is known of a load before it begins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadHead {
    pub profile: String,
    pub title: String,
    pub pack: String,
    pub workload: BTreeMap<String, String>,
    /// As written in the profile.
    pub objectives: Vec<String>,
    /// How far 99 % of the sends may slip behind their plan; none where there is no plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slip_limit_ms: Option<f64>,
    /// Which part of a load this is, such as `2/4`; empty for a whole one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub shard: String,
    pub provenance: Provenance,
}

/// The first line.
#[derive(Serialize, Deserialize)]
struct First {
    kind: String,
    schema: u32,
    #[serde(flatten)]
    head: LoadHead,
}

/// A line after the first.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Ended { ended: Ended },
    Interval(Box<Interval>),
}

#[derive(Serialize, Deserialize)]
struct Ended {
    exit_code: i32,
    /// Why the generator's figures are none, as the result says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    saturated: Option<String>,
}

/// A load run as its intervals tell it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovered {
    pub result: LoadResult,
    /// Whether the run came to its own end, so that it has a result with verdicts elsewhere.
    pub ended: bool,
}

/// The first line.
pub fn head_line(head: &LoadHead) -> String {
    line(&First { kind: KIND.to_owned(), schema: SCHEMA, head: head.clone() })
}

/// The line of an interval that has ended.
pub fn interval_line(interval: &Interval) -> String {
    line(interval)
}

/// The last line of a run that came to its own end. `saturated`: why the generator's figures are none.
pub fn end_line(exit_code: i32, saturated: Option<&str>) -> String {
    line(&Line::Ended { ended: Ended { exit_code, saturated: saturated.map(str::to_owned) } })
}

fn line(of: &impl Serialize) -> String {
    // The model has text keys only, so it cannot fail to be JSON.
    format!("{}\n", serde_json::to_string(of).unwrap_or_default())
}

/// Whether a text begins as intervals do.
pub(crate) fn are_intervals(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    serde_json::from_str::<Head>(first).is_ok_and(|head| head.kind == KIND)
}

/// Reads what there is. A last line that was not written to its end is left out.
pub fn parse_intervals(text: &str) -> Result<Recovered, ParseError> {
    let mut lines = text.split_inclusive('\n').enumerate().filter(|(_, line)| line.ends_with('\n'));
    let (_, first) = lines.next().ok_or(ParseError::NoLine)?;
    let First { schema, head, .. } = serde_json::from_str(first)?;
    if schema != SCHEMA {
        return Err(ParseError::Other { expected: KIND, kind: KIND.to_owned(), schema });
    }
    let (mut intervals, mut end) = (Vec::new(), None);
    for (number, line) in lines {
        match serde_json::from_str(line).map_err(|error| ParseError::Line { number: number + 1, error })? {
            Line::Ended { ended } => end = Some(ended),
            Line::Interval(interval) => intervals.push(*interval),
        }
    }
    let ended = end.is_some();
    let mut result = recover(head, intervals, ended)?;
    result.generator.saturated = end.and_then(|end| end.saturated).or(result.generator.saturated);
    Ok(Recovered { result, ended })
}

/// The result of a run of which only the intervals are left. Nothing is judged: stragglers may have come later.
fn recover(head: LoadHead, intervals: Vec<Interval>, ended: bool) -> Result<LoadResult, ParseError> {
    let last = intervals.last().cloned().unwrap_or_default();
    let until = seconds(last.to_ms);
    let why = match (ended, head.shard.as_str()) {
        (true, "") => {
            format!("these are the run's intervals ({until}) by themselves; its verdicts are in its result.json")
        }
        (true, shard) => format!(
            "these are the intervals ({until}) of shard {shard} of a load, and of this part alone; the verdicts are of the whole, in the result.json of shard 1"
        ),
        (false, "") => format!("the run was ended from outside: this is what its intervals say, {until} of them"),
        (false, shard) => format!(
            "shard {shard} of a load was ended from outside: this is what its intervals say, {until} of them, of this part alone"
        ),
    };
    let finding = |text: String| Finding {
        outcome: Outcome::NoVerdict,
        code: if ended { "intervals-only" } else { "interrupted" }.to_owned(),
        text,
        took_ms: None,
    };
    let objective = |text: String| Objective {
        text,
        actual: "–".to_owned(),
        stage: None,
        percentile: None,
        limit_ms: None,
        finding: finding("it was not judged".to_owned()),
    };
    let from = if head.workload.get("rate").is_some_and(|rate| rate == "max") { "sent" } else { "planned" };
    let meaning = format!("{from} to there, {LEFT}");
    let said: Vec<String> = head.workload.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    Ok(LoadResult {
        profile: head.profile,
        title: head.title,
        pack: head.pack,
        provenance: Provenance { duration_ms: last.to_ms, exit_code: 3, interrupted: !ended, ..head.provenance },
        plan: said.join(", "),
        objectives: head.objectives.into_iter().map(objective).collect(),
        stages: stages(&intervals, &meaning, |interval| &interval.stages)?,
        spans: stages(&intervals, LEFT, |interval| &interval.spans)?,
        generator: generator(&intervals, head.slip_limit_ms)?,
        counts: last.counts,
        workload: head.workload,
        legs: last.legs.into_iter().map(leg).collect(),
        intervals,
        findings: vec![finding(why)],
        ..LoadResult::default()
    })
}

/// The stages, or the parts of the way, each with all that its intervals have.
fn stages(
    intervals: &[Interval],
    meaning: &str,
    of: fn(&Interval) -> &Vec<StageSlice>,
) -> Result<Vec<Stage>, ParseError> {
    let names = intervals.first().map(|interval| of(interval).iter().map(|slice| slice.name.clone()));
    let stage = |name: String| {
        let slices = intervals.iter().flat_map(of).filter(|slice| slice.name == name);
        let distribution = Distribution::of(&merged(slices)?);
        // What had not come when the run was cut off might have come.
        Ok(Stage { name, meaning: meaning.to_owned(), error_ms: 0.0, distribution, never_came: 0 })
    };
    names.into_iter().flatten().map(stage).collect()
}

/// How the generator kept its plan until then. Where it did not, that doubt goes with the figures wherever they go.
fn generator(intervals: &[Interval], slip_limit_ms: Option<f64>) -> Result<Generator, ParseError> {
    let slip = merged(intervals.iter().map(|interval| &interval.slip))?;
    let slipped_ms = slip.percentile(Percentile(99.0)).value.as_secs_f64() * 1e3;
    let beyond = slip_limit_ms.filter(|limit| slipped_ms > *limit);
    let saturated = beyond.map(|limit| {
        format!(
            "99 % of its sends should slip by less than {}, they slipped by up to {}",
            millis(limit),
            millis(slipped_ms)
        )
    });
    let resident = intervals.iter().map(|interval| interval.resident_mb);
    Ok(Generator {
        slip: Distribution::of(&slip),
        resident_mb: resident.clone().next_back().unwrap_or(0.0),
        resident_peak_mb: resident.fold(0.0, f64::max),
        saturated,
        ..Generator::default()
    })
}

fn merged<'a>(slices: impl Iterator<Item = &'a StageSlice>) -> Result<Latencies, ParseError> {
    let mut whole = Latencies::new();
    for slice in slices {
        whole.merge(&Latencies::decode(&slice.histogram)?);
        whole.add_out_of_range(slice.out_of_range);
    }
    Ok(whole)
}

/// A leg when the run was cut off: what had not come yet is not lost, it is not known.
fn leg(point: LegPoint) -> ConsumerLeg {
    let counts = LegCounts {
        seen: point.seen,
        duplicated: point.duplicated,
        reordered: point.reordered,
        phantom: point.phantom,
        corrupted: point.corrupted,
        dead_lettered: point.dead_lettered,
        unknown: point.owed,
        ..LegCounts::default()
    };
    ConsumerLeg { name: point.name, meaning: "up to the last interval; unknown: had not come yet".to_owned(), counts }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::load;
    use crate::html_load;

    /// The lines of the fixture's run, all of its intervals and its end.
    fn lines() -> Vec<String> {
        let result = load();
        let head = LoadHead {
            profile: result.profile,
            title: result.title,
            pack: result.pack,
            workload: BTreeMap::from([("rate".to_owned(), "1000/s".to_owned())]),
            objectives: result.objectives.into_iter().map(|objective| objective.text).collect(),
            slip_limit_ms: Some(20.0),
            shard: String::new(),
            provenance: result.provenance,
        };
        let intervals = result.intervals.iter().map(interval_line);
        std::iter::once(head_line(&head)).chain(intervals).chain([end_line(1, None)]).collect()
    }

    #[test]
    fn a_run_that_was_cut_off_has_its_figures_and_no_verdict() {
        let lines = lines();
        let half = &lines[4][..lines[4].len() / 2];
        let cut = format!("{}{half}", lines[..4].concat());
        let Recovered { result, ended } = parse_intervals(&cut).unwrap();
        assert!(!ended && result.provenance.interrupted);
        assert_eq!((result.outcome(), result.intervals.len()), (Outcome::NoVerdict, 3));
        let end_to_end = &result.stages[0].distribution;
        assert_eq!((result.stages[0].name.as_str(), end_to_end.count), ("end_to_end", 2000), "no warm-up");
        assert_eq!((result.counts.planned, result.counts.acknowledged), (3000, 2994));
        let leg = &result.legs[0].counts;
        assert_eq!((leg.seen, leg.lost, leg.unknown, leg.duplicated), (2991, 0, 3, 4));
        let page = html_load(&result);
        assert!(
            page.contains("the run was ended from outside") && page.contains("The generator sent 99 % of its events")
        );
        assert!(!page.contains("NaN") && page.contains("it was not judged"));
    }

    #[test]
    fn a_load_without_a_plan_that_was_cut_off_claims_none() {
        let head = lines()[0].replace("1000/s", "max").replace(",\"slip_limit_ms\":20.0", "");
        let mut interval = load().intervals.remove(1);
        interval.slip = StageSlice::default();
        let result = parse_intervals(&format!("{head}{}", interval_line(&interval))).unwrap().result;
        assert!(!result.is_planned() && result.generator.slip.count == 0, "{}", result.stages[0].meaning);
        let page = html_load(&result);
        assert!(page.contains("Counted from the send of each event") && !page.contains("planned instant"));
        assert!(page.contains("There was no plan to keep") && !page.contains("of their plan"));
        let style = crate::Style { color: false, width: 120 };
        assert!(!crate::terminal_load(&result, style).contains("of the plan"));
        assert!(
            html_load(&parse_intervals(&lines().concat()).unwrap().result).contains("Counted from the planned instant")
        );
    }

    #[test]
    fn the_intervals_of_a_run_that_ended_point_to_its_verdicts() {
        let Recovered { result, ended } = parse_intervals(&lines().concat()).unwrap();
        assert!(ended && !result.provenance.interrupted);
        assert_eq!(result.outcome(), Outcome::NoVerdict);
        assert_eq!(result.intervals, load().intervals);
        assert!(result.findings[0].text.contains("its verdicts are in its result.json"));
    }

    #[test]
    fn a_part_of_a_load_says_that_it_is_one() {
        let text = lines().concat().replacen("\"slip_limit_ms\"", "\"shard\":\"2/4\",\"slip_limit_ms\"", 1);
        let told = |text: &str| parse_intervals(text).unwrap().result.findings[0].text.clone();
        assert!(told(&text).contains("of shard 2/4 of a load, and of this part alone"), "{}", told(&text));
        let cut = text.lines().take(3).map(|line| format!("{line}\n")).collect::<String>();
        assert!(told(&cut).starts_with("shard 2/4 of a load was ended from outside"), "{}", told(&cut));
    }

    #[test]
    fn a_generator_that_did_not_keep_its_plan_is_in_doubt_in_its_intervals_too() {
        let slipping = |by: u64, end: Option<String>| {
            let mut slip = Latencies::new();
            (0..1000).for_each(|_| slip.record(std::time::Duration::from_millis(by)));
            let mut interval = load().intervals.remove(1);
            interval.slip = StageSlice { count: 1000, histogram: slip.encode(), ..StageSlice::default() };
            let text = format!("{}{}{}", lines()[0], interval_line(&interval), end.unwrap_or_default());
            parse_intervals(&text).unwrap().result
        };
        assert_eq!(slipping(19, None).generator.saturated, None);
        let found = slipping(50, None).generator;
        assert!(found.saturated.unwrap().contains("they slipped by up to 50"), "{:?}", found.slip.max_ms);
        let told = slipping(19, Some(end_line(3, Some("records could not be made: x")))).generator.saturated;
        assert_eq!(told.as_deref(), Some("records could not be made: x"));
    }

    #[test]
    fn a_run_that_was_killed_at_once_has_no_intervals_and_can_be_shown() {
        let result = parse_intervals(&lines()[0]).unwrap().result;
        assert_eq!((result.intervals.len(), result.stages.len()), (0, 0));
        assert!(html_load(&result).contains("no verdict"));
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        let mut lines = lines();
        lines[2] = "{\"from_ms\": 1}\n".to_owned();
        assert!(parse_intervals(&lines.concat()).unwrap_err().to_string().starts_with("line 3: "));
        assert!(parse_intervals("").is_err());
    }
}
