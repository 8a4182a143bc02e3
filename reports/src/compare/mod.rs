//! Compares two results of the same load: a later one with an earlier one.
//!
//! For each percentile that an objective limits, and for throughput: the change with its 95 % confidence interval
//! ([`sections`]), set against the tolerance. "Worse" is said only where the whole interval lies beyond the tolerance,
//! "no difference" only where all of it lies within; what lies across is "cannot tell". Results of different loads are
//! refused, with every difference.
//!
//! ```text
//! LoadResult, LoadResult --> comparable --> course --> series --> sections --> judge --> Comparison --> renderers
//! ```

mod comparable;
mod course;
mod judge;
mod sections;
mod series;
#[cfg(test)]
mod truth;

use eventproof_evidence::Percentile;

use crate::model::{Comparison, CountChange, Figure, LoadResult, Objective, Side, StagePair, Tolerance};
use course::Course;
use judge::Kind;
use series::{Measured, Series, throughput};

/// The percentiles that are shown beside those that objectives limit.
const SHOWN: [f64; 3] = [50.0, 95.0, 99.0];

/// Compares a result with one of before, each with the name of its file.
pub fn compare(before: (&str, &LoadResult), after: (&str, &LoadResult), tolerance: Tolerance) -> Comparison {
    let measured = |result: &LoadResult| result.intervals.iter().filter(|interval| !interval.warm_up).count();
    let side = |(file, result): (&str, &LoadResult)| Side::of(file, &result.provenance, measured(result));
    let mut comparison = Comparison {
        title: after.1.title.clone(),
        before: side(before),
        after: side(after),
        tolerance,
        refused: comparable::differences(before.1, after.1),
        notes: comparable::notes(before.1, after.1),
        figures: Vec::new(),
        counts: Vec::new(),
        stages: Vec::new(),
    };
    if comparison.refused.is_empty() {
        comparison.figures = figures(before.1, after.1, tolerance);
        comparison.counts = counts(before.1, after.1);
        comparison.stages = stages(before.1, after.1);
    }
    comparison
}

/// First what objectives limit, then the usual percentiles of every stage. Without an objective on latency, p95 decides.
fn figures(before: &LoadResult, after: &LoadResult, tolerance: Tolerance) -> Vec<Figure> {
    // What an earlier version did not measure cannot be set against it.
    let parts = after.spans.iter().filter(|part| before.spans.iter().any(|other| other.name == part.name));
    let course = Course::of(before, after);
    let stages = after.stages.iter().chain(parts).map(|stage| StageSeries::of(before, after, &stage.name, &course));
    let stages: Vec<StageSeries> = stages.collect();
    let deciding = deciding(after);
    let doubt = comparable::saturated(before, after);
    let of_stage = |(stage, percentile): &(String, f64), decides: bool| {
        let stage = stages.iter().find(|known| known.name == *stage)?;
        let name = format!("{}({})", Percentile(*percentile), stage.name);
        let pair = stage.at(Percentile(*percentile));
        let mut objectives = objectives(before, after, &stage.name, *percentile);
        let met = objectives.find_map(|objectives| judge::by_what_never_came(&pair, objectives));
        let figure = judge::figure(name, Kind::Latency, decides, pair, doubt.as_deref(), tolerance);
        Some(match met {
            Some((change, why)) => Figure { change, why, ..figure },
            None => figure,
        })
    };
    // A load of which nothing was ever acknowledged has no rate; one of which nothing is any more has.
    let rates = (throughput(before, course.pairs()), throughput(after, course.pairs()));
    let rate = Some(rates).filter(|(was, is)| was.value.max(is.value) > 0.0);
    let told = course.apart().is_none();
    let doubt = doubt.as_deref().or(course.apart());
    let rate = rate.map(|pair| judge::figure("throughput".to_owned(), Kind::Rate, told, pair, doubt, tolerance));
    let all = stages.iter().flat_map(|stage| SHOWN.map(|percentile| (stage.name.clone(), percentile)));
    let others = all.filter(|other| !deciding.contains(other));
    let limited = deciding.iter().filter_map(|figure| of_stage(figure, true));
    limited.chain(rate).chain(others.filter_map(|figure| of_stage(&figure, false))).collect()
}

/// The figures that decide: (stage, percentile).
fn deciding(after: &LoadResult) -> Vec<(String, f64)> {
    let mut found: Vec<(String, f64)> = Vec::new();
    for limited in after.objectives.iter().filter_map(|one| Some((one.stage.clone()?, one.percentile?))) {
        if !found.contains(&limited) {
            found.push(limited);
        }
    }
    match found.is_empty() {
        true => after.stages.iter().map(|stage| (stage.name.clone(), 95.0)).collect(),
        false => found,
    }
}

/// The objectives of both that limit a figure.
fn objectives<'a>(
    before: &'a LoadResult,
    after: &'a LoadResult,
    stage: &str,
    percentile: f64,
) -> impl Iterator<Item = (&'a Objective, &'a Objective)> {
    let limits = move |one: &&Objective| one.stage.as_deref() == Some(stage) && one.percentile == Some(percentile);
    let pair = |one: &'a Objective| Some((before.objectives.iter().find(|was| was.text == one.text)?, one));
    after.objectives.iter().filter(limits).filter_map(pair)
}

/// A stage of both results.
struct StageSeries<'a> {
    name: String,
    before: Result<Series<'a>, String>,
    after: Result<Series<'a>, String>,
}

impl<'a> StageSeries<'a> {
    fn of(before: &'a LoadResult, after: &'a LoadResult, name: &str, course: &Course) -> StageSeries<'a> {
        let series = |result: &'a LoadResult| Series::of(result, name, course.pairs());
        StageSeries { name: name.to_owned(), before: series(before), after: series(after) }
    }

    fn at(&self, percentile: Percentile) -> (Measured, Measured) {
        let of = |series: &Result<Series<'_>, String>| match series {
            Ok(series) => series.percentile(percentile),
            Err(error) => Measured::none(error.clone()),
        };
        let (mut before, mut after) = (of(&self.before), of(&self.after));
        if before.estimate.is_err() || after.estimate.is_err() {
            let range = |series: &Result<Series<'_>, String>| series.as_ref().ok()?.range(percentile);
            (before.range, after.range) = (range(&self.before), range(&self.after));
        }
        (before, after)
    }
}

/// Counts and whatever else an objective limits: worse where it was met before and is missed now.
fn counts(before: &LoadResult, after: &LoadResult) -> Vec<CountChange> {
    let count = |leg: &crate::model::ConsumerLeg| {
        let was = before.legs.iter().find(|other| other.name == leg.name)?;
        Some(judge::counts(leg, was, &before.objectives, &after.objectives))
    };
    let counted = after.legs.iter().filter_map(count).flatten();
    counted.chain(judge::others(&before.objectives, &after.objectives)).collect()
}

fn stages(before: &LoadResult, after: &LoadResult) -> Vec<StagePair> {
    let pair = |stage: &crate::model::Stage| {
        let was = before.stages.iter().find(|other| other.name == stage.name)?;
        let (before, after) = (was.distribution.clone(), stage.distribution.clone());
        Some(StagePair { name: stage.name.clone(), before, after })
    };
    after.stages.iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::load;
    use crate::model::Change;

    const TOLERANCE: Tolerance = Tolerance { percent: 5.0, floor_ms: 0.0 };

    /// The fixture, in which so many are acknowledged in each of ten seconds after the warm-up.
    fn acknowledged(each: u64) -> LoadResult {
        let mut result = load();
        let interval = |number: u32| crate::model::Interval {
            from_ms: f64::from(number) * 1e3,
            to_ms: f64::from(number + 1) * 1e3,
            acknowledged: each,
            warm_up: false,
            ..result.intervals[1].clone()
        };
        result.intervals = (0..11).map(interval).collect();
        result
    }

    fn throughput_of(before: u64, after: u64) -> Option<(f64, Change, String)> {
        let (before, after) = (acknowledged(before), acknowledged(after));
        let found = compare(("before", &before), ("after", &after), TOLERANCE);
        let figure = found.figures.into_iter().find(|figure| figure.name == "throughput")?;
        Some((figure.after, figure.change, figure.why))
    }

    #[test]
    fn a_throughput_of_nothing_is_a_figure_and_worse() {
        let (after, change, why) = throughput_of(998, 0).unwrap();
        assert_eq!((after, change), (0.0, Change::Worse), "{why}");
        assert!(why.contains("nothing was acknowledged"), "{why}");
        assert_eq!(throughput_of(0, 998).unwrap().1, Change::Better);
        assert_eq!(throughput_of(998, 998).unwrap().1, Change::Same);
        assert_eq!(throughput_of(0, 0), None);
    }

    #[test]
    fn a_generator_that_did_not_keep_its_plan_tells_nothing_of_a_rate() {
        let (before, mut after) = (acknowledged(998), acknowledged(500));
        after.generator.saturated = Some("slow".to_owned());
        let found = compare(("before", &before), ("after", &after), TOLERANCE);
        assert!(found.figures.iter().all(|figure| figure.change == Change::CannotTell), "{:?}", found.figures);
    }
}
