//! Results of one pack that was run in shards, merged into one: `eventproof run --shard i/n`, n times.
//!
//! What does not belong together is refused, with every reason at once. A shard that is missing leaves the whole without
//! a verdict: what it would have run may be broken.

use std::collections::HashMap;
use std::fmt;

use crate::model::{Coverage, Finding, Outcome, Provenance, RunResult, ScenarioResult, Shard};

/// Why results do not belong together. `file` is the name by which the caller knows a result.
#[derive(Clone, Debug, PartialEq)]
pub enum MergeFault {
    /// It is no part of anything.
    NotSharded {
        file: String,
    },
    OtherPack {
        file: String,
        pack: String,
        expected: String,
    },
    /// The pack was cut into another number of parts.
    OtherCut {
        file: String,
        shard: Shard,
        expected: u64,
    },
    /// Its scenarios were chosen otherwise, or the pack has others: some may be in no part.
    OtherChoice {
        file: String,
        chosen: String,
        first: String,
        expected: String,
    },
    /// Other rules for what may be skipped, or how much must be covered.
    OtherRules {
        file: String,
        first: String,
    },
    /// The same scenario in two results.
    Twice {
        scenario: String,
        one: String,
        other: String,
    },
}

impl fmt::Display for MergeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MergeFault::NotSharded { file } => {
                write!(f, "{file} is a whole run, not a part of one: only results of `run --shard I/N` are merged")
            }
            MergeFault::OtherPack { file, pack, expected } => {
                write!(f, "{file} is of the pack \"{pack}\", the first is of \"{expected}\"")
            }
            MergeFault::OtherCut { file, shard, expected } => {
                write!(f, "{file} is shard {shard}, but the first was one of {expected}")
            }
            MergeFault::OtherChoice { file, chosen, first, expected } => write!(
                f,
                "{file} is a part of {chosen}, {first} of {expected}: run every shard of the same pack with the same --tag, --name, --service and lines"
            ),
            MergeFault::OtherRules { file, first } => {
                write!(f, "{file} was run with another --allow-skipped or --min-coverage than {first}")
            }
            MergeFault::Twice { scenario, one, other } => {
                write!(f, "{scenario} is in {one} and in {other}: leave one of them out")
            }
        }
    }
}

/// Merges results, each with the name of its file. The exit code is still to be set.
///
/// # Errors
/// Everything by which they do not belong together.
pub fn merge_runs(results: Vec<(String, RunResult)>) -> Result<RunResult, Vec<MergeFault>> {
    let faults: Vec<MergeFault> = strangers(&results).into_iter().chain(repeated(&results)).collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut merged =
        RunResult { provenance: provenance(results.iter().map(|(_, result)| result)), ..RunResult::default() };
    let missing = missing(&results);
    for (_, mut result) in results {
        // Each shard judged the coverage of its own part; the whole is judged below.
        let own_coverage = result.too_little_coverage();
        result.findings.retain(|finding| Some(finding) != own_coverage.as_ref());
        take(&mut merged, result);
    }
    merged.scenarios.sort_by(|one, other| place(one).cmp(&place(other)));
    merged.findings.extend(missing);
    merged.findings.extend(merged.too_little_coverage());
    Ok(merged)
}

/// Results that are of something else than the first.
fn strangers(results: &[(String, RunResult)]) -> Vec<MergeFault> {
    let Some((first_file, first)) = results.first() else { return Vec::new() };
    let fault = |(file, result): &(String, RunResult)| {
        let file = file.clone();
        let Some(shard) = result.shard else { return Some(MergeFault::NotSharded { file }) };
        if result.pack != first.pack {
            return Some(MergeFault::OtherPack { file, pack: result.pack.clone(), expected: first.pack.clone() });
        }
        if let Some(expected) = first.shard.map(|shard| shard.of).filter(|of| *of != shard.of) {
            return Some(MergeFault::OtherCut { file, shard, expected });
        }
        if let (Some(chosen), Some(expected)) = (&result.chosen, &first.chosen)
            && chosen != expected
        {
            let (chosen, expected, first) = (chosen.clone(), expected.clone(), first_file.clone());
            return Some(MergeFault::OtherChoice { file, chosen, first, expected });
        }
        let rules = |of: &RunResult| (of.allow_skipped.clone(), of.min_coverage);
        (rules(result) != rules(first)).then(|| MergeFault::OtherRules { file, first: first_file.clone() })
    };
    results.iter().filter_map(fault).collect()
}

/// Scenarios that are in more than one result. Within one they may be repeated (`--repeat`).
fn repeated(results: &[(String, RunResult)]) -> Vec<MergeFault> {
    let mut seen: HashMap<(&str, usize, &str), usize> = HashMap::new();
    let mut faults = Vec::new();
    for (index, (file, result)) in results.iter().enumerate() {
        for scenario in &result.scenarios {
            let first = *seen.entry(place(scenario)).or_insert(index);
            if first != index {
                let one = results[first].0.clone();
                let scenario = format!("{}:{} {}", scenario.file, scenario.line, scenario.name);
                faults.push(MergeFault::Twice { scenario, one, other: file.clone() });
            }
        }
    }
    faults
}

fn place(scenario: &ScenarioResult) -> (&str, usize, &str) {
    (&scenario.file, scenario.line, &scenario.name)
}

/// The parts that are not here.
fn missing(results: &[(String, RunResult)]) -> Option<Finding> {
    let here: Vec<u64> = results.iter().filter_map(|(_, result)| result.shard).map(|shard| shard.number).collect();
    let of = results.first().and_then(|(_, result)| result.shard)?.of;
    let missing: Vec<String> =
        (1..=of).filter(|number| !here.contains(number)).map(|number| format!("{number}/{of}")).collect();
    (!missing.is_empty()).then(|| Finding {
        outcome: Outcome::NoVerdict,
        code: "shard-missing".to_owned(),
        text: format!("the results of these shards are missing: {}; what they run has no verdict", missing.join(", ")),
        took_ms: None,
    })
}

fn take(merged: &mut RunResult, result: RunResult) {
    let part = result.shard.map(|shard| format!(" (shard {shard})")).unwrap_or_default();
    merged.pack = result.pack;
    merged.allow_skipped = result.allow_skipped;
    merged.min_coverage = result.min_coverage;
    merged.scenarios.extend(result.scenarios);
    merged.findings.extend(result.findings);
    merged.services.extend(result.services.into_iter().map(|mut service| {
        service.name.push_str(&part);
        service
    }));
    merged.conformance.add(result.conformance);
    coverage(&mut merged.coverage, result.coverage);
}

/// A promise is touched if any part touched it.
fn coverage(merged: &mut Coverage, part: Coverage) {
    for row in part.rows {
        let same = |known: &&mut crate::model::CoverageRow| {
            (&known.channel, &known.message, &known.property) == (&row.channel, &row.message, &row.property)
        };
        match merged.rows.iter_mut().find(same) {
            Some(known) => known.by.extend(row.by),
            None => merged.rows.push(row),
        }
    }
}

/// Where it all comes from. Shards run side by side: the longest is the whole's time.
pub(crate) fn provenance<'a>(results: impl ExactSizeIterator<Item = &'a RunResult> + Clone) -> Provenance {
    let all = || results.clone().map(|result| &result.provenance);
    let joined = |pick: fn(&Provenance) -> &str, between: &str| {
        let mut found: Vec<&str> = Vec::new();
        all().map(pick).for_each(|text| {
            if !found.contains(&text) {
                found.push(text)
            }
        });
        found.join(between)
    };
    let first = all().next().cloned().unwrap_or_default();
    Provenance {
        version: joined(|of| &of.version, ", "),
        command: joined(|of| &of.command, "\n"),
        started_at: all().map(|of| of.started_at.clone()).min().unwrap_or_default(),
        duration_ms: all().map(|of| of.duration_ms).fold(0.0, f64::max),
        run_id: joined(|of| &of.run_id, ", "),
        broker: crate::model::BrokerInfo {
            kind: joined(|of| &of.broker.kind, ", "),
            label: joined(|of| &of.broker.label, ", "),
        },
        machine: joined(|of| &of.machine, "; "),
        interrupted: all().any(|of| of.interrupted),
        merged: results.len(),
        ..first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::mixed;
    use crate::model::CoverageRow;

    /// The fixture's scenarios number `from` to `to`, as one part of two; every counter with a value of its own.
    fn part(number: u64, from: usize, to: usize) -> (String, RunResult) {
        let mut result = mixed();
        result.scenarios = result.scenarios[from..to].to_vec();
        result.shard = Some(Shard { number, of: 2 });
        result.conformance.records = 10 * number;
        result.conformance.nonconforming = 100 * number;
        result.conformance.seen = vec![("a".into(), number), (format!("b{number}"), 7)];
        result.provenance.duration_ms = 1000.0 * number as f64;
        result.provenance.started_at = format!("2025-01-0{}T00:00:00Z", 9 - number);
        result.provenance.run_id = format!("run-{number}");
        let row = |property: &str, by: &[&str]| CoverageRow {
            property: property.into(),
            by: by.iter().map(|name| (*name).to_owned()).collect(),
            ..CoverageRow::default()
        };
        result.coverage.rows = vec![
            row("both", &[["x", "y"][number as usize - 1]]),
            row("one", if number == 2 { &["z"] } else { &[] }),
            row("none", &[]),
        ];
        (format!("{number}.json"), result)
    }

    #[test]
    fn the_parts_of_a_run_become_the_whole() {
        let merged = merge_runs(vec![part(2, 1, 3), part(1, 0, 1)]).unwrap();
        assert_eq!(merged.scenarios, mixed().scenarios, "in the order of the file");
        let conformance = &merged.conformance;
        assert_eq!((conformance.records, conformance.nonconforming), (30, 300));
        let seen: Vec<(&str, u64)> =
            conformance.seen.iter().map(|(message, count)| (message.as_str(), *count)).collect();
        assert_eq!(seen, [("a", 3), ("b2", 7), ("b1", 7)]);
        let by: Vec<usize> = merged.coverage.rows.iter().map(|row| row.by.len()).collect();
        assert_eq!((by, merged.coverage.touched()), (vec![2, 1, 0], 2));
        let names: Vec<&str> = merged.services.iter().map(|service| service.name.as_str()).collect();
        assert_eq!(names, ["feed-service (shard 2/2)", "feed-service (shard 1/2)"]);
        let of = &merged.provenance;
        assert_eq!((of.duration_ms, of.started_at.as_str(), of.merged), (2000.0, "2025-01-07T00:00:00Z", 2));
        assert_eq!((of.run_id.as_str(), merged.findings.len()), ("run-2, run-1", 0));
    }

    #[test]
    fn a_shard_that_is_missing_leaves_no_verdict() {
        let merged = merge_runs(vec![part(2, 1, 3)]).unwrap();
        assert_eq!(
            (merged.findings[0].outcome, merged.findings[0].code.as_str()),
            (Outcome::NoVerdict, "shard-missing")
        );
        assert!(merged.findings[0].text.contains("1/2"), "{}", merged.findings[0].text);
    }

    #[test]
    fn coverage_is_judged_over_the_whole() {
        let mut parts = vec![part(1, 0, 1), part(2, 1, 3)];
        for (_, result) in &mut parts {
            result.min_coverage = Some(60);
            let own = result.too_little_coverage();
            result.findings.extend(own);
        }
        assert_eq!(parts[0].1.findings.len(), 1, "a third of the promises by itself");
        assert_eq!(merge_runs(parts.clone()).unwrap().findings, [], "two thirds together");
        parts.iter_mut().for_each(|(_, result)| result.min_coverage = Some(90));
        let findings = merge_runs(parts).unwrap().findings;
        assert!(findings.iter().any(|finding| finding.text.contains("coverage >= 90 %")), "{findings:?}");
    }

    #[test]
    fn parts_that_were_chosen_otherwise_are_refused() {
        let chosen = |mut part: (String, RunResult), word: &str| {
            part.1.chosen = Some(word.to_owned());
            part
        };
        let smoke = || chosen(part(1, 0, 0), "12 scenarios (0000aaaa)");
        assert!(merge_runs(vec![smoke(), chosen(part(2, 1, 1), "12 scenarios (0000aaaa)")]).is_ok());
        assert!(merge_runs(vec![smoke(), part(2, 1, 1)]).is_ok(), "a result of before says nothing of it");
        let faults = merge_runs(vec![smoke(), chosen(part(2, 1, 1), "55 scenarios (0000bbbb)")]).unwrap_err();
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("is a part of 55 scenarios (0000bbbb), "), "{told:?}");
        assert!(told[0].contains(" of 12 scenarios (0000aaaa): run every shard of the same pack"), "{told:?}");
    }

    #[test]
    fn what_does_not_belong_together_is_refused_with_every_reason() {
        let (mut whole, mut other, mut cut, mut rules) = (part(1, 0, 0), part(1, 0, 0), part(1, 0, 0), part(1, 0, 0));
        whole.1.shard = None;
        other.1.pack = "todo".into();
        cut.1.shard = Some(Shard { number: 3, of: 5 });
        rules.1.allow_skipped = vec!["transactions".into()];
        let named = |name: &str, (_, result)| (name.to_owned(), result);
        let parts = vec![
            part(1, 0, 2),
            named("whole", whole),
            named("other", other),
            named("cut", cut),
            named("rules", rules),
            part(2, 1, 3),
        ];
        let faults: Vec<String> = merge_runs(parts).unwrap_err().iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(faults.join("\n"));
    }
}
