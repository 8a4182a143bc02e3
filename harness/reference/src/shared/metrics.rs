//! A small registry of counters and gauges, rendered as Prometheus text (exposition format 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

struct Family {
    kind: Kind,
    help: &'static str,
    /// Value by rendered labels: `{event_type="a"}` or nothing.
    series: BTreeMap<String, f64>,
    /// Of a histogram: how many values are in each bucket and above, how many there are, and their sum.
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum: f64,
}

/// Upper bounds, in seconds; the defaults of Prometheus' own client libraries.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// A service's metrics; clones share the same numbers.
#[derive(Clone, Default)]
pub(crate) struct Metrics(Arc<Mutex<BTreeMap<&'static str, Family>>>);

impl Metrics {
    /// Declares a counter. Without labels it is shown as 0 from the start, so that a rule over it has a first sample.
    pub(crate) fn counter(&self, name: &'static str, help: &'static str, labelled: bool) {
        self.declare(name, help, Kind::Counter, labelled);
    }

    /// Declares a gauge.
    pub(crate) fn gauge(&self, name: &'static str, help: &'static str, labelled: bool) {
        self.declare(name, help, Kind::Gauge, labelled);
    }

    /// Declares a histogram of durations.
    pub(crate) fn histogram(&self, name: &'static str, help: &'static str) {
        self.declare(name, help, Kind::Histogram, true);
    }

    /// Adds a duration to a declared histogram; an undeclared name is ignored.
    pub(crate) fn observe(&self, name: &str, duration: Duration) {
        if let Some(family) = self.lock().get_mut(name) {
            let seconds = duration.as_secs_f64();
            let within = BUCKETS.iter().zip(&mut family.buckets).filter(|(bound, _)| seconds <= **bound);
            within.for_each(|(_, count)| *count += 1);
            family.count += 1;
            family.sum += seconds;
        }
    }

    fn declare(&self, name: &'static str, help: &'static str, kind: Kind, labelled: bool) {
        let series = if labelled { BTreeMap::new() } else { BTreeMap::from([(String::new(), 0.0)]) };
        let (buckets, count, sum) = ([0; BUCKETS.len()], 0, 0.0);
        self.lock().entry(name).or_insert(Family { kind, help, series, buckets, count, sum });
    }

    /// Adds to a declared counter; an undeclared name is ignored.
    pub(crate) fn add(&self, name: &str, labels: &[(&str, &str)], by: u64) {
        if let Some(family) = self.lock().get_mut(name) {
            // Counts stay below 2^53, where a float is exact.
            *family.series.entry(render_labels(labels)).or_default() += by as f64;
        }
    }

    /// Sets a declared gauge.
    pub(crate) fn set(&self, name: &str, labels: &[(&str, &str)], value: f64) {
        if let Some(family) = self.lock().get_mut(name) {
            family.series.insert(render_labels(labels), value);
        }
    }

    /// The current value, for tests and for the service's own decisions.
    #[cfg(test)]
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.lock().get(name)?.series.get(&render_labels(labels)).copied()
    }

    /// Forgets the series of a gauge, for example of partitions that are no longer ours.
    pub(crate) fn clear(&self, name: &str) {
        if let Some(family) = self.lock().get_mut(name) {
            family.series.clear();
        }
    }

    /// The text that Prometheus scrapes.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        for (name, family) in self.lock().iter() {
            let kind = match family.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", family.help);
            if let Kind::Histogram = family.kind {
                for (bound, count) in BUCKETS.iter().zip(family.buckets) {
                    let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {count}");
                }
                let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {}", family.count);
                let _ = writeln!(text, "{name}_sum {}\n{name}_count {}", family.sum, family.count);
            }
            for (labels, value) in &family.series {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        }
        text
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Family>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn render_labels(labels: &[(&str, &str)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let metrics = Metrics::default();
        metrics.counter("handled_total", "Events handled.", true);
        metrics.counter("duplicate_total", "Duplicates skipped.", false);
        metrics.gauge("lag", "Records behind.", true);
        metrics.add("handled_total", &[("event_type", "a\"b\\c\nd")], 2);
        metrics.add("handled_total", &[("event_type", "x")], 1);
        metrics.add("never_declared", &[], 1);
        metrics.set("lag", &[("group", "g"), ("partition", "0")], 1.5);
        assert_eq!(
            metrics.render(),
            "# HELP duplicate_total Duplicates skipped.\n# TYPE duplicate_total counter\nduplicate_total 0\n\
             # HELP handled_total Events handled.\n# TYPE handled_total counter\n\
             handled_total{event_type=\"a\\\"b\\\\c\\nd\"} 2\nhandled_total{event_type=\"x\"} 1\n\
             # HELP lag Records behind.\n# TYPE lag gauge\nlag{group=\"g\",partition=\"0\"} 1.5\n"
        );
    }
}
