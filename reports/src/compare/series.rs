//! From a load result to figures with their uncertainty: percentiles of stages, and throughput.

use eventproof_evidence::{Latencies, Percentile};

use super::sections::{Estimate, SECTIONS};
use crate::model::{Interval, LoadResult};
use crate::text::grouped;

/// A figure of one result.
pub(super) struct Measured {
    /// In milliseconds, or events per second.
    pub value: f64,
    /// Its uncertainty, or why that is not known.
    pub estimate: Result<Estimate, String>,
}

/// A stage of a result.
pub(super) struct Series {
    /// Intervals in which something was measured.
    intervals: usize,
    whole: Latencies,
    sections: Option<Vec<Latencies>>,
}

impl Series {
    /// The stage's latencies; the error says why they cannot be read.
    pub fn of(result: &LoadResult, stage: &str) -> Result<Series, String> {
        let slices = result.intervals.iter().filter_map(|interval| {
            interval.stages.iter().find(|slice| slice.name == stage && slice.count > slice.out_of_range)
        });
        let decoded = slices.map(|slice| Latencies::decode(&slice.histogram).map_err(|error| error.to_string()));
        let intervals: Vec<Latencies> = decoded.collect::<Result<_, _>>()?;
        let sections = cut(&intervals).map(|sections| sections.into_iter().map(merged).collect::<Vec<_>>());
        let whole = merged(sections.as_deref().unwrap_or(&intervals));
        Ok(Series { intervals: intervals.len(), whole, sections })
    }

    /// A percentile, in milliseconds.
    pub fn percentile(&self, percentile: Percentile) -> Measured {
        let whole = self.whole.percentile(percentile);
        let ms = |latencies: &Latencies| latencies.percentile(percentile).value.as_secs_f64() * 1e3;
        let value = ms(&self.whole);
        let estimate = match (whole.doubt, &self.sections) {
            (Some(doubt), _) => Err(doubt.to_string()),
            (None, None) => Err(too_few(self.intervals)),
            (None, Some(sections)) => Ok(Estimate::of(value, &sections.iter().map(ms).collect::<Vec<_>>())),
        };
        Measured { value, estimate }
    }
}

/// Acknowledged events per second while events were sent, the interval in which that ended left out.
pub(super) fn throughput(result: &LoadResult) -> Option<Measured> {
    let sending: Vec<&Interval> =
        result.intervals.iter().filter(|interval| !interval.warm_up && interval.planned > 0).collect();
    let whole = &sending[..sending.len().saturating_sub(1)];
    let rates: Vec<f64> = whole.iter().map(|interval| rate(interval)).collect();
    let mean = |rates: &[f64]| rates.iter().sum::<f64>() / rates.len().max(1) as f64;
    let value = mean(&rates);
    if value <= 0.0 {
        return None;
    }
    let sections = cut(&rates).map(|sections| sections.into_iter().map(mean).collect::<Vec<_>>());
    let estimate = sections.map(|sections| Estimate::of(value, &sections)).ok_or_else(|| too_few(rates.len()));
    Some(Measured { value, estimate })
}

fn rate(interval: &Interval) -> f64 {
    let seconds = (interval.to_ms - interval.from_ms) / 1e3;
    if seconds > 0.0 { interval.acknowledged as f64 / seconds } else { 0.0 }
}

fn merged(parts: &[Latencies]) -> Latencies {
    let mut whole = Latencies::new();
    parts.iter().for_each(|part| whole.merge(part));
    whole
}

/// Sections of consecutive values, as equal as can be; none where there are fewer values than sections.
fn cut<T>(values: &[T]) -> Option<Vec<&[T]>> {
    let edge = |index: usize| index * values.len() / SECTIONS;
    (values.len() >= SECTIONS).then(|| (0..SECTIONS).map(|index| &values[edge(index)..edge(index + 1)]).collect())
}

fn too_few(intervals: usize) -> String {
    format!(
        "how much it varies is not known from {} intervals: at least {SECTIONS} are needed",
        grouped(intervals as u64)
    )
}
