//! Intervals: what the fold has at the end of each.

use std::time::Duration;

use eventproof_evidence::ledger::TOPIC;
use eventproof_evidence::{At, Latencies, Percentile};
use eventproof_reports::model::{LegPoint, StageSlice};

use super::Collector;
use crate::stages;

impl Collector {
    /// How long an interval is.
    pub fn interval(&self) -> Duration {
        self.frame.interval
    }

    /// Closes every interval that ends before `now`; returns how many are closed.
    pub fn close_until(&mut self, now: At) -> usize {
        self.now = self.now.max(now);
        while now.since(self.frame.start) >= self.frame.interval * (self.intervals.len() as u32 + 1) {
            self.close();
        }
        self.intervals.len()
    }

    /// Closes the interval that is open.
    pub fn close(&mut self) {
        let (index, length) = (self.intervals.len() as f64, self.frame.interval.as_secs_f64() * 1e3);
        let mut interval = std::mem::take(&mut self.current);
        interval.from_ms = index * length;
        // The last one ends when the run does.
        let now = self.now.since(self.frame.start).as_secs_f64() * 1e3;
        interval.to_ms = now.clamp(interval.from_ms, interval.from_ms + length);
        let warm_up = self.frame.measured_from.since(self.frame.start);
        interval.warm_up = interval.from_ms < warm_up.as_secs_f64() * 1e3;
        let owed = self.owed_stages();
        let of_owed = |names: Vec<String>, slices: &[Latencies]| {
            let all = names.into_iter().zip(slices).zip(&owed).filter(|(_, owed)| **owed);
            all.map(|((name, slice), _)| slice_of(name, slice)).collect()
        };
        interval.stages = of_owed(self.stage_names(), &self.slices);
        interval.spans = of_owed(self.span_names(), &self.span_slices);
        interval.slip = slice_of(stages::SLIP.to_owned(), &self.slip_slice);
        interval.resident_mb = (self.frame.resident)();
        self.lags.forget(&self.frame.lagging);
        let end = self.frame.start + Duration::from_secs_f64(interval.to_ms / 1e3);
        interval.lag = self.lags.at(end, &self.frame.lagging);
        interval.counts = self.ledger.counts();
        interval.legs = self.owed_now();
        if !interval.warm_up {
            self.lags.measured(&interval.lag);
            self.lags.missed(&self.frame.lagging, &interval.lag);
        }
        self.spans.iter_mut().zip(&self.span_slices).for_each(|(whole, slice)| whole.merge(slice));
        self.slices.iter_mut().chain(&mut self.span_slices).chain([&mut self.slip_slice]).for_each(Latencies::clear);
        self.intervals.push(interval);
    }

    /// Every leg as it stands. What was sent to the topic and is neither acknowledged nor there is owed as well.
    fn owed_now(&self) -> Vec<LegPoint> {
        let mut legs: Vec<LegPoint> = self.legs().into_iter().map(|(name, leg)| LegPoint::of(name, &leg)).collect();
        legs.get_mut(TOPIC).into_iter().for_each(|topic| topic.owed += self.ledger.under_way());
        legs
    }

    /// For each stage whether any event can pass it.
    pub fn owed_stages(&self) -> Vec<bool> {
        let owed = |(arm, stage): (usize, usize)| {
            let lanes = self.frame.lanes.iter().filter(|lane| lane.arm == arm);
            stage == 0
                || lanes.into_iter().any(|lane| lane.legs.iter().chain(&lane.committing).nth(stage - 1) == Some(&true))
        };
        (0..self.frame.arms.len())
            .flat_map(|arm| (0..self.frame.stages()).map(move |stage| (arm, stage)))
            .map(owed)
            .collect()
    }
}

/// A stage within one interval.
pub(crate) fn slice_of(name: String, slice: &Latencies) -> StageSlice {
    let ms = |percentile: f64| slice.percentile(Percentile(percentile)).value.as_secs_f64() * 1e3;
    StageSlice {
        name,
        count: slice.count(),
        p50_ms: ms(50.0),
        p95_ms: ms(95.0),
        p99_ms: ms(99.0),
        max_ms: slice.max().as_secs_f64() * 1e3,
        out_of_range: slice.out_of_range(),
        histogram: slice.encode(),
    }
}
