//! From a load result to figures with their uncertainty: percentiles of stages, and throughput.

use std::ops::Range;
use std::time::Duration;

use eventproof_evidence::{Latencies, Percentile};

use super::course::sending;
use super::sections::{Estimate, SECTIONS, Section};
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
    /// Where the load has a planned course: its sections, to be set against those of the other.
    pub sections: Vec<Section>,
    /// Where events never came: what the value is with them.
    pub all: Option<All>,
}

/// A percentile of all events, of which some never came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct All {
    pub never_came: u64,
    pub of: u64,
    /// If they were the quickest, and if they were the slowest; infinite where it lies among them.
    pub least: f64,
    pub most: f64,
}

impl Measured {
    /// Nothing, and why.
    pub fn none(why: String) -> Measured {
        Measured { value: 0.0, estimate: Err(why), range: None, sections: Vec::new(), all: None }
    }

    /// The least and the most that it may be.
    pub fn reach(&self) -> (f64, f64) {
        self.all.map_or((self.value, self.value), |all| (all.least, all.most))
    }
}

/// How near to a percentile the events lie by which it is decided, as a factor.
const NEAR: f64 = 1.25;

/// Intervals whose range says something.
const A_FEW: usize = 5;

/// A stage of a result. A long run has hundreds of intervals, each a histogram: they are read one after another.
pub(super) struct Series<'a> {
    /// The histogram of every interval in which something was measured, with the interval's place.
    encoded: Vec<(usize, &'a str)>,
    whole: Latencies,
    sections: Option<Vec<Latencies>>,
    is_planned: bool,
    never_came: u64,
}

impl<'a> Series<'a> {
    /// The stage's latencies; the error says why they cannot be read. `course`: the intervals of a planned one.
    pub fn of(result: &'a LoadResult, stage: &str, course: Option<&Range<usize>>) -> Result<Series<'a>, String> {
        let slices = result.intervals.iter().enumerate().filter_map(|(place, interval)| {
            let mut all = interval.stages.iter().chain(&interval.spans).chain([&interval.slip]);
            let slice = all.find(|slice| slice.name == stage && slice.count > slice.out_of_range)?;
            Some((place, slice.histogram.as_str()))
        });
        let encoded: Vec<(usize, &str)> = slices.collect();
        let cut = match course {
            Some(course) => cut_at(&encoded, course),
            None => cut(&encoded),
        };
        let sections = cut.map(|sections| sections.into_iter().map(read).collect::<Result<Vec<_>, _>>());
        let sections = sections.transpose()?;
        let whole = match &sections {
            Some(sections) => merged(sections),
            None => read(&encoded)?,
        };
        let stages = result.stages.iter().chain(&result.spans).find(|known| known.name == stage);
        let never_came = stages.map_or(0, |stage| stage.never_came);
        Ok(Series { encoded, whole, sections, is_planned: course.is_some(), never_came })
    }

    /// A percentile, in milliseconds.
    pub fn percentile(&self, percentile: Percentile) -> Measured {
        let whole = self.whole.percentile(percentile);
        let value = ms(&self.whole, percentile);
        let (estimate, sections) = match (whole.doubt, &self.sections) {
            (Some(doubt), _) => (Err(doubt.to_string()), Vec::new()),
            (None, None) => (Err(too_few(self.encoded.len())), Vec::new()),
            (None, Some(sections)) => {
                let values: Vec<f64> = sections.iter().map(|section| ms(section, percentile)).collect();
                let weights = sections.iter().filter(|_| self.is_planned).map(|section| near(section, whole.value));
                let of = |(value, weight): (&f64, f64)| Section { value: *value, weight };
                (Ok(Estimate::of(value, &values)), values.iter().zip(weights).map(of).collect())
            }
        };
        Measured { value, estimate, range: None, sections, all: self.all(percentile) }
    }

    /// The percentile of all that had to come.
    fn all(&self, percentile: Percentile) -> Option<All> {
        let (came, never_came) = (self.whole.count(), self.never_came);
        let of = came + never_came;
        let rank = (percentile.quantile() * of as f64).ceil() as u64;
        let at = |rank: u64| ms(&self.whole, Percentile(100.0 * rank as f64 / came.max(1) as f64));
        let most = if rank > came { f64::INFINITY } else { at(rank) };
        (never_came > 0).then(|| All { never_came, of, least: at(rank.saturating_sub(never_came)), most })
    }

    /// The least and the greatest of a percentile over the intervals, where there are at least a few and all came.
    pub fn range(&self, percentile: Percentile) -> Option<(f64, f64)> {
        let each = self.encoded.iter().map(|(_, text)| Some(ms(&Latencies::decode(text).ok()?, percentile)));
        range(&each.collect::<Option<Vec<f64>>>()?).filter(|_| self.never_came == 0)
    }
}

/// How many events lie about a value: by those of a section it is moved, and by no others.
fn near(section: &Latencies, value: Duration) -> f64 {
    (section.count_up_to(value.mul_f64(NEAR)) - section.count_up_to(value.div_f64(NEAR))) as f64
}

fn ms(latencies: &Latencies, percentile: Percentile) -> f64 {
    latencies.percentile(percentile).value.as_secs_f64() * 1e3
}

/// All of some intervals.
fn read(encoded: &[(usize, &str)]) -> Result<Latencies, String> {
    let mut whole = Latencies::new();
    for (_, text) in encoded {
        whole.merge(&Latencies::decode(text).map_err(|error| error.to_string())?);
    }
    Ok(whole)
}

fn range(values: &[f64]) -> Option<(f64, f64)> {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    (values.len() >= A_FEW).then(|| (least, values.iter().copied().fold(0.0, f64::max)))
}

/// Acknowledged events per second while events were sent, the interval in which that ended left out. Zero is a figure too, and
/// one that no interval about a ratio can be given for. `course`: the intervals of a planned one.
pub(super) fn throughput(result: &LoadResult, course: Option<&Range<usize>>) -> Measured {
    let Range { start, end } = course.cloned().unwrap_or_else(|| sending(result));
    let whole = result.intervals.get(start..end.saturating_sub(1)).unwrap_or_default();
    let rates: Vec<f64> = whole.iter().map(rate).collect();
    let value = mean(&rates);
    let cut = cut(&rates);
    let estimate = match &cut {
        _ if value <= 0.0 => Err("nothing was acknowledged while events were sent".to_owned()),
        Some(sections) => Ok(Estimate::of(value, &sections.iter().map(|rates| mean(rates)).collect::<Vec<_>>())),
        None => Err(too_few(rates.len())),
    };
    let of = |rates: &[f64]| Section { value: mean(rates), weight: rates.iter().sum() };
    let sections = cut.into_iter().flatten().filter(|_| course.is_some()).map(of).collect();
    Measured { value, estimate, range: range(&rates), sections, all: None }
}

fn mean(rates: &[f64]) -> f64 {
    rates.iter().sum::<f64>() / rates.len().max(1) as f64
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

/// The same by time: sections of a planned course, those of both runs alike. What came before it or behind it belongs to the first or
/// the last.
fn cut_at<'a, T>(values: &'a [(usize, T)], course: &Range<usize>) -> Option<Vec<&'a [(usize, T)]>> {
    let place = |index: usize| course.start + index * course.len() / SECTIONS;
    let edge = |index: usize| match index {
        0 => 0,
        SECTIONS => values.len(),
        _ => values.partition_point(|(at, _)| *at < place(index)),
    };
    (course.len() >= SECTIONS).then(|| (0..SECTIONS).map(|index| &values[edge(index)..edge(index + 1)]).collect())
}

fn too_few(intervals: usize) -> String {
    format!(
        "how much it varies is not known from {} intervals: at least {SECTIONS} are needed",
        grouped(intervals as u64)
    )
}
