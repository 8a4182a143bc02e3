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
    /// The least and the greatest of its intervals, where there are at least a few and the uncertainty is not known.
    pub range: Option<(f64, f64)>,
}

/// Intervals whose range says something.
const A_FEW: usize = 5;

/// A stage of a result. A long run has hundreds of intervals, each a histogram: they are read one after another.
pub(super) struct Series<'a> {
    /// The histogram of every interval in which something was measured.
    encoded: Vec<&'a str>,
    whole: Latencies,
    sections: Option<Vec<Latencies>>,
}

impl<'a> Series<'a> {
    /// The stage's latencies; the error says why they cannot be read.
    pub fn of(result: &'a LoadResult, stage: &str) -> Result<Series<'a>, String> {
        let slices = result.intervals.iter().filter_map(|interval| {
            interval
                .stages
                .iter()
                .chain(&interval.spans)
                .chain([&interval.slip])
                .find(|slice| slice.name == stage && slice.count > slice.out_of_range)
        });
        let encoded: Vec<&str> = slices.map(|slice| slice.histogram.as_str()).collect();
        let sections = cut(&encoded).map(|sections| sections.into_iter().map(read).collect::<Result<Vec<_>, _>>());
        let sections = sections.transpose()?;
        let whole = match &sections {
            Some(sections) => merged(sections),
            None => read(&encoded)?,
        };
        Ok(Series { encoded, whole, sections })
    }

    /// A percentile, in milliseconds.
    pub fn percentile(&self, percentile: Percentile) -> Measured {
        let whole = self.whole.percentile(percentile);
        let value = ms(&self.whole, percentile);
        let estimate = match (whole.doubt, &self.sections) {
            (Some(doubt), _) => Err(doubt.to_string()),
            (None, None) => Err(too_few(self.encoded.len())),
            (None, Some(sections)) => {
                let sections: Vec<f64> = sections.iter().map(|section| ms(section, percentile)).collect();
                Ok(Estimate::of(value, &sections))
            }
        };
        Measured { value, estimate, range: None }
    }

    /// The least and the greatest of a percentile over the intervals, where there are at least a few.
    pub fn range(&self, percentile: Percentile) -> Option<(f64, f64)> {
        let each = self.encoded.iter().map(|text| Some(ms(&Latencies::decode(text).ok()?, percentile)));
        range(&each.collect::<Option<Vec<f64>>>()?)
    }
}

fn ms(latencies: &Latencies, percentile: Percentile) -> f64 {
    latencies.percentile(percentile).value.as_secs_f64() * 1e3
}

/// All of some intervals.
fn read(encoded: &[&str]) -> Result<Latencies, String> {
    let mut whole = Latencies::new();
    for text in encoded {
        whole.merge(&Latencies::decode(text).map_err(|error| error.to_string())?);
    }
    Ok(whole)
}

fn range(values: &[f64]) -> Option<(f64, f64)> {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    (values.len() >= A_FEW).then(|| (least, values.iter().copied().fold(0.0, f64::max)))
}

/// Acknowledged events per second while events were sent, the interval in which that ended left out. Zero is a figure too, and
/// one that no interval about a ratio can be given for.
pub(super) fn throughput(result: &LoadResult) -> Measured {
    // A pause between two sends is a part of it: a sender that waits for a full queue plans nothing.
    let measured: Vec<&Interval> = result.intervals.iter().filter(|interval| !interval.warm_up).collect();
    let last = measured.iter().rposition(|interval| interval.planned > 0).unwrap_or(0);
    let first = measured.iter().position(|interval| interval.planned > 0).unwrap_or(0);
    let whole = measured.get(first..last).unwrap_or_default();
    let rates: Vec<f64> = whole.iter().map(|interval| rate(interval)).collect();
    let mean = |rates: &[f64]| rates.iter().sum::<f64>() / rates.len().max(1) as f64;
    let value = mean(&rates);
    let sections = cut(&rates).map(|sections| sections.into_iter().map(mean).collect::<Vec<_>>());
    let estimate = match sections {
        _ if value <= 0.0 => Err("nothing was acknowledged while events were sent".to_owned()),
        Some(sections) => Ok(Estimate::of(value, &sections)),
        None => Err(too_few(rates.len())),
    };
    Measured { value, estimate, range: range(&rates) }
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
