//! A latency distribution in the figures that a report shows.

use std::time::Duration;

use eventproof_evidence::{Latencies, Percentile};
use serde::{Deserialize, Serialize};

/// Bars of a latency picture.
const BINS: usize = 48;
/// The percentiles that a result shows.
const SHOWN: [f64; 4] = [50.0, 95.0, 99.0, 99.9];

/// A latency distribution in figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    pub count: u64,
    pub out_of_range: u64,
    pub min_ms: f64,
    pub mean_ms: f64,
    pub max_ms: f64,
    /// p50, p95, p99, p99.9, each with its doubt.
    pub percentiles: Vec<PercentileFigure>,
    /// (lower edge, upper edge, count); logarithmic, for the picture. Milliseconds.
    pub bins: Vec<(f64, f64, u64)>,
}

/// One percentile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PercentileFigure {
    /// 99.9 for p99.9.
    pub percentile: f64,
    pub value_ms: f64,
    /// Why the value says nothing, if so: too few samples.
    pub doubt: Option<String>,
}

impl Distribution {
    /// The figures of what was measured.
    pub fn of(latencies: &Latencies) -> Distribution {
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        let figure = |percentile: f64| {
            let found = latencies.percentile(Percentile(percentile));
            let doubt = found.doubt.map(|doubt| doubt.to_string());
            PercentileFigure { percentile, value_ms: ms(found.value), doubt }
        };
        Distribution {
            count: latencies.count(),
            out_of_range: latencies.out_of_range(),
            min_ms: ms(latencies.min()),
            mean_ms: ms(latencies.mean()),
            max_ms: ms(latencies.max()),
            percentiles: SHOWN.map(figure).to_vec(),
            bins: latencies.log_bins(BINS).into_iter().map(|(from, to, count)| (ms(from), ms(to), count)).collect(),
        }
    }
}
