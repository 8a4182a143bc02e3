//! Objectives: what is promised of a load, as people write it.

use std::time::Duration;

use eventproof_evidence::Percentile;
use eventproof_source::units;

/// An objective of a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// As written.
    pub text: String,
    pub metric: Metric,
    /// Whether it ends the load once it is missed for certain, and so long after the warm-up at the earliest.
    pub abort_after: Option<Duration>,
}

/// What is measured, and its limit.
#[derive(Clone, Debug, PartialEq)]
pub enum Metric {
    /// Acknowledged events per second, at least.
    Throughput { least: f64 },
    /// A percentile of a stage, below.
    Percentile { percentile: Percentile, stage: String, below: Duration },
    /// The longest of a stage, below.
    Max { stage: String, below: Duration },
    /// A percentile of one stage less that of another, below.
    Difference { percentile: Percentile, stage: String, less: Percentile, other: String, below: Duration },
    /// Events that failed at the first stage, refused or without a known outcome, at most.
    Failed { stage: String, most: u64 },
    /// A count on a leg, at most.
    Count { what: Count, leg: String, most: u64 },
    /// How long after the last send the last effect of a group came, below.
    Drained { group: String, below: Duration },
    /// The greatest lag of a group after the warm-up, below; with a time, at or above it for less than that without a break.
    Lag { group: String, below: u64, lasting: Option<Duration> },
    /// By how many records a second the lag of a group rises while events are sent, below.
    Slope { group: String, below: f64 },
}

/// What is counted on a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    Lost,
    DeadLettered,
    Undecided,
    Late,
    Duplicated,
    Reordered,
    Phantom,
    Corrupted,
}

impl Count {
    const ALL: [(&'static str, Count); 8] = [
        ("lost", Count::Lost),
        ("dead_lettered", Count::DeadLettered),
        ("undecided", Count::Undecided),
        ("late", Count::Late),
        ("duplicated", Count::Duplicated),
        ("reordered", Count::Reordered),
        ("phantom", Count::Phantom),
        ("corrupted", Count::Corrupted),
    ];
}

impl Objective {
    /// Reads an objective; the error says what is expected.
    pub fn parse(text: &str) -> Result<Objective, String> {
        let (left, operator, right) = split(text).ok_or_else(|| {
            format!(
                "`{text}` is no objective: write such as p95(end_to_end) < 100ms, lost(topic) = 0, throughput >= 950/s"
            )
        })?;
        let metric = match left.split_once(") - ") {
            Some((minuend, subtrahend)) => difference(&format!("{minuend})"), subtrahend, operator, right)?,
            None => {
                let (name, argument) = call(left)?;
                metric(name, argument, operator, right)?
            }
        };
        Ok(Objective { text: text.trim().to_owned(), metric, abort_after: None })
    }
}

/// A name, and what stands in brackets behind it.
fn call(text: &str) -> Result<(&str, Option<String>), String> {
    match text.split_once('(') {
        Some((name, rest)) => {
            let argument = rest.strip_suffix(')').ok_or_else(|| format!("`{text}` has no closing bracket"))?;
            Ok((name.trim(), Some(argument.trim().to_owned())))
        }
        None => Ok((text, None)),
    }
}

/// `p95(answered[on]) - p95(answered[off]) < 50ms`
fn difference(minuend: &str, subtrahend: &str, operator: &str, right: &str) -> Result<Metric, String> {
    let of = |text: &str| match call(text.trim())? {
        (name, Some(stage)) if name.starts_with('p') => Ok((percentile(name)?, stage)),
        _ => Err(format!("`{text}` is no percentile: a difference is written p95(STAGE) - p95(STAGE) < 50ms")),
    };
    let ((percentile, stage), (less, other)) = (of(minuend)?, of(subtrahend)?);
    Ok(Metric::Difference { percentile, stage, less, other, below: below(right, operator)? })
}

fn percentile(name: &str) -> Result<Percentile, String> {
    let percentile: Option<f64> = name[1..].parse().ok().filter(|percentile| (0.0..=100.0).contains(percentile));
    match percentile {
        // Hardly anything is quicker than that, so whoever means a share would limit nothing.
        Some(share) if share > 0.0 && share < 1.0 => {
            Err(format!("`{name}` is less than the first percentile: did you mean p{}?", (share * 1e5).round() / 1e3))
        }
        Some(percentile) => Ok(Percentile(percentile)),
        None => Err(format!("`{name}` is no percentile: write p50, p95, p99 or p99.9")),
    }
}

fn split(text: &str) -> Option<(&str, &str, &str)> {
    ["<=", ">=", "<", "=", ">"].iter().find_map(|operator| {
        let (left, right) = text.split_once(operator)?;
        Some((left.trim(), *operator, right.trim()))
    })
}

fn metric(name: &str, argument: Option<String>, operator: &str, right: &str) -> Result<Metric, String> {
    if let Some((_, what)) = Count::ALL.iter().find(|(known, _)| *known == name) {
        let leg = argument
            .ok_or_else(|| format!("a bare `{name}` does not say where: write {name}(topic) or {name}(GROUP)"))?;
        return Ok(Metric::Count { what: *what, leg, most: count(right, operator)? });
    }
    match (name, argument) {
        ("throughput", None) if operator == ">=" => Ok(Metric::Throughput { least: units::parse_rate(right)? }),
        ("throughput", _) => Err("throughput is written `throughput >= 950/s`".to_owned()),
        ("lag", Some(group)) if operator == "<" => {
            let (records, lasting) = match right.split_once(" for ") {
                Some((records, time)) => (records.trim(), Some(units::parse_duration(time)?)),
                None => (right, None),
            };
            let below = records.parse().map_err(|_| format!("`{records}` is no number of records"))?;
            Ok(Metric::Lag { group, below, lasting })
        }
        ("slope", Some(of)) if operator == "<" => {
            let group = of.strip_prefix("lag(").and_then(|group| group.strip_suffix(')'));
            let group = group.ok_or_else(|| format!("`{of}` has no slope: write slope(lag(GROUP)) < 5/s"))?;
            Ok(Metric::Slope { group: group.to_owned(), below: units::parse_rate(right)? })
        }
        ("drained", Some(group)) => Ok(Metric::Drained { group, below: below(right, operator)? }),
        ("max", Some(stage)) => Ok(Metric::Max { stage, below: below(right, operator)? }),
        ("failed", Some(stage)) => Ok(Metric::Failed { stage, most: count(right, operator)? }),
        ("failed", None) => {
            Err("a bare `failed` does not say where: write failed(answered) or failed(acknowledgement)".to_owned())
        }
        (name, Some(stage)) if name.starts_with('p') => {
            Ok(Metric::Percentile { percentile: percentile(name)?, stage, below: below(right, operator)? })
        }
        _ => Err(format!(
            "`{name}` is not measured; there are throughput, pNN(stage), max(stage), pNN(stage) - pNN(stage), failed(stage), lag(group), slope(lag(group)), drained(group), lost, dead_lettered, undecided, late, duplicated, reordered, phantom and corrupted(leg)"
        )),
    }
}

fn below(text: &str, operator: &str) -> Result<Duration, String> {
    if operator != "<" {
        return Err(format!("a latency is compared with `<`, not `{operator}`"));
    }
    units::parse_duration(text)
}

fn count(text: &str, operator: &str) -> Result<u64, String> {
    let number: u64 = text.parse().map_err(|_| format!("`{text}` is no whole number"))?;
    match operator {
        "=" if number == 0 => Ok(0),
        "<=" => Ok(number),
        "<" if number > 0 => Ok(number - 1),
        _ => Err(format!("write `= 0`, `<= {number}` or `< {number}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_are_read_as_people_write_them() {
        let metric = |text| Objective::parse(text).unwrap().metric;
        assert_eq!(metric("throughput >= 950/s"), Metric::Throughput { least: 950.0 });
        let processed = "processed(feed-service-group)".to_owned();
        assert_eq!(
            metric("p99.9(processed(feed-service-group)) < 1s"),
            Metric::Percentile { percentile: Percentile(99.9), stage: processed, below: Duration::from_secs(1) }
        );
        assert_eq!(metric("lost(topic) = 0"), Metric::Count { what: Count::Lost, leg: "topic".into(), most: 0 });
        let answered = |arm: &str| format!("answered[{arm}]");
        let (p95, below) = (Percentile(95.0), Duration::from_millis(50));
        assert_eq!(
            metric("p95(answered[on]) - p95(answered[off]) < 50ms"),
            Metric::Difference { percentile: p95, stage: answered("on"), less: p95, other: answered("off"), below }
        );
        assert_eq!(metric("failed(answered) = 0"), Metric::Failed { stage: "answered".into(), most: 0 });
        let below = Duration::from_secs(5);
        assert_eq!(metric("drained(g) < 5s"), Metric::Drained { group: "g".into(), below });
        assert_eq!(metric("lag(g) < 100"), Metric::Lag { group: "g".into(), below: 100, lasting: None });
        let lasting = Some(Duration::from_secs(300));
        assert_eq!(metric("lag(g) < 1000 for 5m"), Metric::Lag { group: "g".into(), below: 1000, lasting });
        assert_eq!(metric("slope(lag(g)) < 5/s"), Metric::Slope { group: "g".into(), below: 5.0 });
    }

    #[test]
    fn a_wrong_objective_says_what_to_write() {
        let error = |text| Objective::parse(text).unwrap_err();
        assert_eq!(error("lost = 0"), "a bare `lost` does not say where: write lost(topic) or lost(GROUP)");
        assert_eq!(error("p951(end_to_end) < 1s"), "`p951` is no percentile: write p50, p95, p99 or p99.9");
        let share =
            |name: &str, meant: &str| format!("`{name}` is less than the first percentile: did you mean {meant}?");
        assert_eq!(error("p0.95(processed(event-service)) < 100ms"), share("p0.95", "p95"));
        assert_eq!(error("p0.57(answered[on]) - p95(answered[off]) < 50ms"), share("p0.57", "p57"));
        assert_eq!(error("p0.999(end_to_end) < 1s"), share("p0.999", "p99.9"));
        assert!(error("speed > 3").starts_with("`speed` is not measured"));
        assert!(error("p95(end_to_end) > 1s").contains("compared with `<`"));
        assert!(error("hello").contains("is no objective"));
        assert!(error("p95(a) - lost(b) < 1s").contains("`lost(b)` is no percentile"));
        assert!(error("failed = 0").contains("does not say where"));
    }
}
