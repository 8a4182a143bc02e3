//! Latencies in an HdrHistogram, with percentiles that say when they rest on too few samples.

mod encoded;

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::Reason;
pub use encoded::NoHistogram;

/// Highest latency that is kept apart; anything above is counted as out of range, and is at least so long.
const HIGHEST: Duration = Duration::from_secs(3600);
/// Samples that must lie beyond a percentile before it is worth quoting.
const SAMPLES_BEYOND: f64 = 10.0;

/// A distribution of latencies, to three significant digits, from 1 microsecond to one hour.
#[derive(Clone, Debug)]
pub struct Latencies {
    micros: Histogram<u64>,
    out_of_range: u64,
    total: Duration,
}

/// A percentile that a person asks for, such as 99.9.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Percentile(pub f64);

/// The value of a percentile, and whether it may be quoted.
#[derive(Clone, Debug, PartialEq)]
pub struct PercentileValue {
    pub value: Duration,
    /// Why the value says nothing, if so.
    pub doubt: Option<Reason>,
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

impl Latencies {
    /// An empty distribution.
    #[allow(clippy::expect_used)] // constant bounds: it either always or never fails
    pub fn new() -> Latencies {
        let micros = Histogram::new_with_bounds(1, HIGHEST.as_micros() as u64, 3).expect("constant bounds");
        Latencies { micros, out_of_range: 0, total: Duration::ZERO }
    }

    /// Takes in one latency. Below a microsecond counts as one.
    pub fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).max(1);
        match self.micros.record(micros) {
            Ok(()) => self.total += latency,
            Err(_) => self.out_of_range += 1,
        }
    }

    /// Takes in all of another distribution, exactly.
    pub fn merge(&mut self, other: &Latencies) {
        // Equal bounds: adding cannot fail.
        let _ = self.micros.add(&other.micros);
        self.out_of_range += other.out_of_range;
        self.total += other.total;
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.micros.reset();
        self.out_of_range = 0;
        self.total = Duration::ZERO;
    }

    /// How many latencies were recorded, those out of range included.
    pub fn count(&self) -> u64 {
        self.micros.len() + self.out_of_range
    }

    /// How many were longer than can be kept apart: more than an hour.
    pub fn out_of_range(&self) -> u64 {
        self.out_of_range
    }

    /// The longest latency, to three digits; zero if there is none. Of what is out of range only the least that it can be is known.
    pub fn max(&self) -> Duration {
        let in_range = Duration::from_micros(self.micros.max());
        if self.out_of_range > 0 { in_range.max(HIGHEST) } else { in_range }
    }

    /// The shortest latency, to three digits; zero if there is none.
    pub fn min(&self) -> Duration {
        if self.micros.is_empty() { Duration::ZERO } else { Duration::from_micros(self.micros.min()) }
    }

    /// The mean of the latencies in range.
    pub fn mean(&self) -> Duration {
        let mean = self.total.as_nanos().checked_div(u128::from(self.micros.len())).unwrap_or_default();
        Duration::from_nanos(u64::try_from(mean).unwrap_or(u64::MAX))
    }

    /// The value below which the percentile's share of samples lies, with a doubt where there are too few.
    pub fn percentile(&self, percentile: Percentile) -> PercentileValue {
        let value = self.value_at(percentile.quantile());
        let (samples, needed) = (self.count(), samples_needed(percentile));
        let doubt =
            (samples < needed).then(|| Reason::TooFewSamples { percentile: percentile.to_string(), samples, needed });
        PercentileValue { value, doubt }
    }

    /// The value at a share of all samples. Those out of range are longer than all others.
    fn value_at(&self, quantile: f64) -> Duration {
        let (all, in_range) = (self.count(), self.micros.len());
        let rank = ((quantile * all as f64 - 1e-6).ceil() as u64).max(1);
        // Halfway between two ranks, so that no rounding makes it the next one.
        let of_those_in_range = (rank as f64 - 0.5) / in_range.max(1) as f64;
        match self.out_of_range {
            0 if in_range == 0 => Duration::ZERO,
            0 => Duration::from_micros(self.micros.value_at_quantile(quantile)),
            _ if rank > in_range => self.max(),
            _ => Duration::from_micros(self.micros.value_at_quantile(of_those_in_range)),
        }
    }

    /// How many samples lie in each of `bins` bins of equal width on a logarithmic scale, from the shortest to the
    /// longest: (lower edge, upper edge, count), empty bins included.
    pub fn log_bins(&self, bins: usize) -> Vec<(Duration, Duration, u64)> {
        if self.micros.is_empty() || bins == 0 {
            return Vec::new();
        }
        let low = (self.micros.min().max(1) as f64).ln();
        let high = ((self.micros.max() + 1) as f64).ln();
        let edge = |index: usize| (low + (high - low) * index as f64 / bins as f64).exp();
        let mut counts = vec![0; bins];
        for step in self.micros.iter_recorded() {
            let place = ((step.value_iterated_to().max(1) as f64).ln() - low) / (high - low) * bins as f64;
            counts[(place as usize).min(bins - 1)] += step.count_at_value();
        }
        let micros = |value: f64| Duration::from_secs_f64(value / 1e6);
        let edges = (0..bins).map(|index| (micros(edge(index)), micros(edge(index + 1))));
        edges.zip(counts).map(|((from, to), count)| (from, to, count)).collect()
    }
}

impl Percentile {
    /// As a share of one.
    pub fn quantile(self) -> f64 {
        self.0 / 100.0
    }
}

impl std::fmt::Display for Percentile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "p{}", self.0)
    }
}

/// How many samples a percentile needs before it may be quoted: ten beyond it.
pub fn samples_needed(percentile: Percentile) -> u64 {
    let beyond = 1.0 - percentile.quantile();
    if beyond <= 0.0 { 1 } else { (SAMPLES_BEYOND / beyond - 1e-6).ceil() as u64 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(millis: &[u64]) -> Latencies {
        let mut latencies = Latencies::new();
        millis.iter().for_each(|ms| latencies.record(Duration::from_millis(*ms)));
        latencies
    }

    #[test]
    fn a_percentile_of_too_few_samples_says_so() {
        assert_eq!(samples_needed(Percentile(99.9)), 10_000);
        assert_eq!(samples_needed(Percentile(95.0)), 200);
        let few = of(&[1; 199]).percentile(Percentile(95.0));
        assert!(matches!(few.doubt, Some(Reason::TooFewSamples { samples: 199, needed: 200, .. })));
        assert_eq!(of(&[1; 200]).percentile(Percentile(95.0)).doubt, None);
    }

    #[test]
    fn a_latency_beyond_the_range_is_counted_and_is_longer_than_all_others() {
        let mut latencies = of(&[5; 900]);
        (0..100).for_each(|_| latencies.record(Duration::from_secs(7200)));
        assert_eq!((latencies.count(), latencies.out_of_range()), (1000, 100));
        assert_eq!(latencies.max(), HIGHEST, "at least that");
        let at = |percentile| latencies.percentile(Percentile(percentile)).value;
        assert!([1.0, 50.0, 90.0].into_iter().all(|percentile| at(percentile) < Duration::from_millis(6)));
        assert_eq!((at(90.1), at(95.0)), (HIGHEST, HIGHEST));
        let mut nothing_else = Latencies::new();
        nothing_else.record(Duration::from_secs(7200));
        assert_eq!((nothing_else.percentile(Percentile(0.0)).value, nothing_else.max()), (HIGHEST, HIGHEST));
    }

    #[test]
    fn a_known_delay_is_found_again() {
        let latencies = of(&[200; 1000]);
        let p95 = latencies.percentile(Percentile(95.0)).value;
        assert!(p95.abs_diff(Duration::from_millis(200)) <= Duration::from_micros(200), "{p95:?}");
    }

    proptest! {
        #[test]
        fn merging_is_the_same_as_recording_everything_in_one(
            left in prop::collection::vec(1u64..100_000, 0..50),
            right in prop::collection::vec(1u64..100_000, 0..50),
        ) {
            let mut merged = of(&left);
            merged.merge(&of(&right));
            let whole = of(&[left, right].concat());
            prop_assert_eq!(merged.count(), whole.count());
            prop_assert_eq!(merged.mean(), whole.mean());
            for percentile in [50.0, 95.0, 99.0, 100.0] {
                prop_assert_eq!(merged.percentile(Percentile(percentile)), whole.percentile(Percentile(percentile)));
            }
        }

        #[test]
        fn bins_hold_every_sample_once(millis in prop::collection::vec(1u64..100_000, 1..50)) {
            let latencies = of(&millis);
            let binned: u64 = latencies.log_bins(20).iter().map(|(_, _, count)| count).sum();
            prop_assert_eq!(binned, latencies.count());
        }
    }
}
