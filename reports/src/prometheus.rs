//! A load while it runs, as Prometheus reads it: counters of events by leg, latencies by stage, lag by group.
//! Names and units follow Prometheus' conventions: base units, `_total` for counters, `_seconds` for time.

use std::fmt::Write;
use std::time::Duration;

use eventproof_evidence::Latencies;

use crate::model::{Interval, StageSlice};

/// Upper limits of the buckets, in seconds.
const BUCKETS: [f64; 15] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0];

/// Everything that was told so far.
#[derive(Default)]
pub struct LoadMetrics {
    title: String,
    /// Every stage with all its latencies after the warm-up.
    stages: Vec<(String, Latencies)>,
    /// The parts of the way, likewise.
    spans: Vec<(String, Latencies)>,
    slip: Latencies,
    last: Interval,
    intervals: u64,
}

impl LoadMetrics {
    /// Nothing yet, of a load with this name.
    pub fn new(title: &str) -> LoadMetrics {
        LoadMetrics { title: title.to_owned(), ..LoadMetrics::default() }
    }

    /// Takes in an interval that has ended.
    pub fn take(&mut self, interval: &Interval) {
        if let Ok(slip) = Latencies::decode(&interval.slip.histogram) {
            self.slip.merge(&slip);
        }
        interval.stages.iter().for_each(|slice| add(&mut self.stages, slice));
        interval.spans.iter().for_each(|slice| add(&mut self.spans, slice));
        self.intervals += 1;
        self.last = interval.clone();
    }

    /// The page, in the text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.events(&mut text);
        self.latency(&mut text);
        self.lag(&mut text);
        let phase = u8::from(self.last.warm_up);
        head(&mut text, "eventproof_load_intervals_total", "counter", "Intervals that have ended.");
        line(&mut text, "eventproof_load_intervals_total", &[("load", &self.title)], self.intervals);
        head(
            &mut text,
            "eventproof_load_warm_up",
            "gauge",
            "1 while the load warms up: nothing of that is in its latencies.",
        );
        line(&mut text, "eventproof_load_warm_up", &[("load", &self.title)], phase);
        let name = "process_resident_memory_bytes";
        head(&mut text, name, "gauge", "Memory of the generator's process at the end of the last interval.");
        line(&mut text, name, &[("load", &self.title)], (self.last.resident_mb * 1024.0 * 1024.0).round());
        text
    }

    fn events(&self, text: &mut String) {
        let name = "eventproof_load_events_total";
        head(text, name, "counter", "Events by leg and outcome, up to the last interval, warm-up included.");
        let counts = &self.last.counts;
        let sent = [
            ("planned", counts.planned),
            ("acknowledged", counts.acknowledged),
            ("refused", counts.refused),
            ("unknown", counts.unknown),
        ];
        for (outcome, count) in sent {
            line(text, name, &[("leg", "producer"), ("outcome", outcome)], count);
        }
        for leg in &self.last.legs {
            let seen = [
                ("seen", leg.seen),
                ("duplicated", leg.duplicated),
                ("phantom", leg.phantom),
                ("corrupted", leg.corrupted),
            ];
            for (outcome, count) in seen {
                line(text, name, &[("leg", &leg.name), ("outcome", outcome)], count);
            }
        }
        self.so_far(text);
        let name = "eventproof_load_owed";
        head(
            text,
            name,
            "gauge",
            "Events that were sent and have not come to the end of the leg: lost only if they never do.",
        );
        self.last.legs.iter().for_each(|leg| line(text, name, &[("leg", &leg.name)], leg.owed));
    }

    /// What may become fewer: what is put off was not out of order, and what was given up may be done all the same.
    fn so_far(&self, text: &mut String) {
        let name = "eventproof_load_events_so_far";
        head(text, name, "gauge", "Events by leg of which this is known so far: it may become fewer.");
        for leg in &self.last.legs {
            for (outcome, count) in [("reordered", leg.reordered), ("dead_lettered", leg.dead_lettered)] {
                line(text, name, &[("leg", &leg.name), ("outcome", outcome)], count);
            }
        }
    }

    fn latency(&self, text: &mut String) {
        let name = "eventproof_load_latency_seconds";
        let help = "Latency by stage of what came there, from the planned instant (without a plan: from the send), after the warm-up.";
        head(text, name, "histogram", help);
        self.stages.iter().for_each(|(stage, of)| histogram(text, name, ("stage", stage), of));
        let name = "eventproof_load_part_seconds";
        head(text, name, "histogram", "Latency of the parts of the way, from station to station, after the warm-up.");
        self.spans.iter().for_each(|(part, of)| histogram(text, name, ("part", part), of));
        let name = "eventproof_load_slip_seconds";
        let help = "How far sends slipped behind their planned instants, where they have some, after the warm-up.";
        head(text, name, "histogram", help);
        histogram(text, name, ("load", &self.title), &self.slip);
    }

    fn lag(&self, text: &mut String) {
        let name = "eventproof_load_lag_records";
        head(
            text,
            name,
            "gauge",
            "Records behind the end of the topic, by committed offsets, at the end of the last interval.",
        );
        self.last.lag.iter().for_each(|point| line(text, name, &[("group", &point.group)], point.records));
        let name = "eventproof_load_lag_offsets";
        head(text, name, "gauge", "The same in offsets, markers of transactions and aborted records among them.");
        let offsets = self.last.lag.iter().filter_map(|point| Some((point, point.offsets?)));
        offsets.for_each(|(point, offsets)| line(text, name, &[("group", &point.group)], offsets));
    }
}

/// Adds what an interval has of a stage to all that it had before.
fn add(all: &mut Vec<(String, Latencies)>, slice: &StageSlice) {
    // What was written a moment ago can be read.
    let Ok(mut new) = Latencies::decode(&slice.histogram) else { return };
    new.add_out_of_range(slice.out_of_range);
    match all.iter_mut().find(|(name, _)| *name == slice.name) {
        Some((_, whole)) => whole.merge(&new),
        None => all.push((slice.name.clone(), new)),
    }
}

fn histogram(text: &mut String, name: &str, label: (&str, &str), of: &Latencies) {
    let buckets = format!("{name}_bucket");
    for limit in BUCKETS {
        line(text, &buckets, &[label, ("le", &limit.to_string())], of.count_up_to(Duration::from_secs_f64(limit)));
    }
    line(text, &buckets, &[label, ("le", "+Inf")], of.count());
    line(text, &format!("{name}_sum"), &[label], of.total().as_secs_f64());
    line(text, &format!("{name}_count"), &[label], of.count());
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing into memory cannot fail.
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

fn line(text: &mut String, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
    let labels: Vec<String> = labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
    // The same holds here.
    let _ = writeln!(text, "{name}{{{}}} {value}", labels.join(","));
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::load;

    #[test]
    fn a_load_reads_as_prometheus_text() {
        let mut metrics = LoadMetrics::new("steady \"1000/s\"");
        load().intervals.iter().for_each(|interval| metrics.take(interval));
        insta::assert_snapshot!(metrics.text());
    }

    #[test]
    fn before_the_first_interval_there_is_nothing_but_zeros() {
        let text = LoadMetrics::new("x").text();
        assert!(text.contains("eventproof_load_events_total{leg=\"producer\",outcome=\"planned\"} 0\n"), "{text}");
        assert!(!text.contains("latency_seconds_bucket"));
    }
}
