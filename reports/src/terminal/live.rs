//! A load while it goes on: one line that is written over, or a line for each interval.

use super::Style;
use crate::model::{Interval, LegPoint, Outcome, StageSlice};
use crate::text::{clean, latency, millis};

/// Steps of a bar.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Intervals that the live line shows.
const SHOWN: usize = 24;

/// One line while a load goes on: time, pace, lag, events owed (on their way, or lost), what is wrong, percentiles of the
/// stages in the last interval, and the last intervals' p95 of the last stage as bars. Where not all of it fits, earlier
/// stages are left out first.
pub fn load_line(so_far: &[Interval], style: Style) -> String {
    let Some(last) = so_far.last() else { return String::new() };
    let owed = last.legs.iter().map(|leg| leg.owed).max().unwrap_or(0);
    let begin = format!("{:>6} {:>6.0}/s  lag {:<4} owed {owed:<4} ", millis(last.to_ms), rate(last), lag(last));
    let wrong = wrong(&last.legs).map(|wrong| format!("{wrong}  ")).unwrap_or_default();
    let bars = format!("{}  ", sparkline(so_far));
    let taken: usize = [&begin, &wrong, &bars].map(|text| text.chars().count()).iter().sum();
    let figures = figures(last, style.width.saturating_sub(taken));
    let line = match style.color {
        true => format!("{begin}{}{bars}{figures}", style.paint(Outcome::Broken, &wrong)),
        false => format!("{begin}{wrong}{bars}{figures}").chars().take(style.width).collect(),
    };
    line.trim_end().to_owned()
}

/// The stages from the last to the first, as many as there is room for.
fn figures(interval: &Interval, room: usize) -> String {
    if interval.warm_up {
        return "warm-up".to_owned();
    }
    let mut text = "p50/p95/p99".to_owned();
    for slice in interval.stages.iter().rev().filter(|slice| slice.count > 0) {
        let stage = stage(slice);
        if text.chars().count() + stage.chars().count() + 2 <= room {
            text.push_str(&format!("  {stage}"));
        }
    }
    text
}

/// One line for each interval, as key=value pairs for logs.
pub fn tail_line(interval: &Interval) -> String {
    let mut pairs = vec![
        format!("at={:.1}s", interval.to_ms / 1e3),
        format!("phase={}", if interval.warm_up { "warm-up" } else { "load" }),
        format!("rate={:.1}/s", rate(interval)),
        format!("planned={}", interval.planned),
        format!("acknowledged={}", interval.acknowledged),
        format!("seen={}", interval.seen),
        format!("resident={:.0}MB", interval.resident_mb),
    ];
    for slice in interval.stages.iter().filter(|slice| slice.count > 0) {
        for (name, value) in [("p50", slice.p50_ms), ("p95", slice.p95_ms), ("p99", slice.p99_ms)] {
            pairs.push(format!("{name}({})={value:.2}ms", clean(&slice.name)));
        }
    }
    pairs.extend(interval.lag.iter().map(|point| format!("lag({})={}", clean(&point.group), point.records)));
    for leg in &interval.legs {
        pairs.push(format!("owed({})={}", clean(&leg.name), leg.owed));
        let wrong = anomalies(leg).filter(|(_, count)| *count > 0);
        pairs.extend(wrong.map(|(name, count)| format!("{name}({})={count}", clean(&leg.name))));
    }
    pairs.join(" ")
}

fn stage(slice: &StageSlice) -> String {
    let figures = [slice.p50_ms, slice.p95_ms, slice.p99_ms].map(latency);
    format!("{} {}", clean(&slice.name), figures.join(" / "))
}

fn rate(interval: &Interval) -> f64 {
    let seconds = (interval.to_ms - interval.from_ms) / 1e3;
    if seconds > 0.0 { interval.acknowledged as f64 / seconds } else { 0.0 }
}

fn lag(interval: &Interval) -> i64 {
    interval.lag.iter().map(|point| point.records).sum()
}

/// Every anomaly so far, leg by leg; none if there is none.
fn wrong(legs: &[LegPoint]) -> Option<String> {
    let of = |leg: &LegPoint| {
        let found: Vec<String> =
            anomalies(leg).filter(|(_, count)| *count > 0).map(|(name, count)| format!("{count} {name}")).collect();
        (!found.is_empty()).then(|| format!("{}: {}", clean(&leg.name), found.join(", ")))
    };
    let found: Vec<String> = legs.iter().filter_map(of).collect();
    (!found.is_empty()).then(|| found.join("; "))
}

fn anomalies(leg: &LegPoint) -> impl Iterator<Item = (&'static str, u64)> {
    let all = [
        ("duplicated", leg.duplicated),
        ("reordered", leg.reordered),
        ("phantom", leg.phantom),
        ("corrupted", leg.corrupted),
        ("dead-lettered", leg.dead_lettered),
    ];
    all.into_iter()
}

fn sparkline(intervals: &[Interval]) -> String {
    let p95 = |interval: &Interval| interval.stages.last().filter(|slice| slice.count > 0).map(|slice| slice.p95_ms);
    let values: Vec<f64> = intervals.iter().rev().take(SHOWN).rev().filter_map(p95).collect();
    let most = values.iter().copied().fold(0.0, f64::max);
    let bar = |value: &f64| if most > 0.0 { BARS[((value / most) * 7.0).round() as usize] } else { BARS[0] };
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::load;

    const PLAIN: Style = Style { color: false, width: 160 };

    #[test]
    fn the_live_line_fits_its_terminal() {
        let intervals = load().intervals;
        insta::assert_snapshot!(load_line(&intervals, PLAIN));
        for width in [20, 40, 80, 120] {
            assert!(load_line(&intervals, Style { color: false, width }).chars().count() <= width);
        }
        assert_eq!(load_line(&[], PLAIN), "");
    }

    #[test]
    fn what_is_wrong_is_coloured_only_where_colours_are_welcome() {
        let intervals = load().intervals;
        let coloured = load_line(&intervals, Style { color: true, width: 160 });
        assert!(coloured.contains("\u{1b}[31mtopic: 4 duplicated  \u{1b}[0m"), "{coloured}");
        assert!(!load_line(&intervals, PLAIN).contains('\u{1b}'));
    }

    #[test]
    fn a_line_of_a_log_has_every_figure() {
        insta::assert_snapshot!(tail_line(load().intervals.last().unwrap()));
    }
}
