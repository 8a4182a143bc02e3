//! What tags mean to the runner: `@needs:…`, `@flaky(n)`, `@limit:30s`, `@known-issue:ID` with `@until:DATE`.

use std::time::Duration;

use chrono::NaiveDate;
use eventproof_source::{nearest, units};

/// How long a scenario may take whose tags do not say.
const USUAL_LIMIT: Duration = Duration::from_secs(300);

/// What a scenario may say by `@needs:…` that the broker must be able to do.
pub(crate) const NEEDS: [&str; 3] = ["broker-faults", "nodes", "sasl"];

/// Tags that say something to the runner.
const WORDS: [&str; 5] = ["known-issue", "until", "limit", "flaky", "needs"];

/// What the tags of a scenario ask for. Tags that are none of these only choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// How often a scenario that does not hold is tried again.
    pub retries: Option<u32>,
    /// How long the scenario may take, where it says so.
    pub limit: Option<Duration>,
    /// A defect that is known and not mended yet: until then the scenario is expected to fail.
    pub known_issue: Option<KnownIssue>,
}

/// A defect that somebody has promised to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownIssue {
    pub id: String,
    /// The last day on which the scenario may fail.
    pub until: NaiveDate,
}

impl Tags {
    /// How long the scenario may take: what hangs then is ended and named.
    pub fn limit(&self) -> Duration {
        self.limit.unwrap_or(USUAL_LIMIT)
    }

    /// Reads the tags of a scenario, its feature and its rule; or says what is wrong with each, tag first, with what to write.
    pub(crate) fn read(tags: &[String]) -> (Tags, Vec<(String, String)>) {
        let mut read = Tags::default();
        let mut faults: Vec<(String, String)> = Vec::new();
        let mut wrong = |message: String, help: &str| faults.push((message, help.to_owned()));
        let (mut issue, mut until, mut named) = (None, None, true);
        for tag in tags.iter().map(|tag| tag.trim_start_matches('@')) {
            let (word, rest) = tag.find([':', '(']).map_or((tag, ""), |at| tag.split_at(at));
            let value = rest.trim_start_matches(':');
            match word {
                "known-issue" if !value.is_empty() => issue = Some(value.to_owned()),
                "known-issue" => {
                    named = false;
                    wrong(format!("@{tag} names no issue"), "write @known-issue:ID @until:2026-12-31");
                }
                "until" => match value.parse::<NaiveDate>() {
                    Ok(date) => until = Some(date),
                    Err(_) => {
                        named = false;
                        wrong(format!("@{tag} is no date"), "write @until:2026-12-31");
                    }
                },
                "limit" => match units::parse_duration(value).ok().filter(|limit| !limit.is_zero()) {
                    Some(limit) => read.limit = Some(limit),
                    None => wrong(format!("@{tag} is no time"), "write @limit:30s or @limit:10min"),
                },
                "flaky" => match times(rest) {
                    Some(times) => read.retries = Some(times),
                    None => wrong(format!("@{tag} says no number of retries"), "write @flaky(1) to @flaky(10)"),
                },
                "needs" if !NEEDS.contains(&value) => {
                    wrong(
                        format!("@{tag} is nothing that a broker may have or not"),
                        &instead(value, &NEEDS, "needs:"),
                    );
                }
                _ if !rest.is_empty() && !WORDS.contains(&word) => {
                    if let Some(meant) = nearest(word, WORDS) {
                        wrong(format!("@{tag} means nothing to eventproof"), &format!("did you mean @{meant}{rest}?"));
                    }
                }
                _ => {}
            }
        }
        match (issue, until) {
            (Some(id), Some(until)) => read.known_issue = Some(KnownIssue { id, until }),
            (Some(id), None) if named => {
                let message = format!("@known-issue:{id} says not until when it may fail");
                wrong(message, "add @until:2026-12-31: after that day it fails the run again");
            }
            (None, Some(_)) if named => {
                wrong("@until: without @known-issue:ID means nothing".to_owned(), "name the issue, or leave it out");
            }
            _ => {}
        }
        (read, faults)
    }
}

/// `(n)` with a number from 1 to 10.
fn times(text: &str) -> Option<u32> {
    let times = text.strip_prefix('(')?.strip_suffix(')')?.parse().ok()?;
    (1..=10).contains(&times).then_some(times)
}

fn instead(value: &str, known: &[&str], before: &str) -> String {
    match nearest(value, known.iter().copied()) {
        Some(meant) => format!("did you mean @{before}{meant}?"),
        None => format!("there are: {}; a tag that only chooses may have any other name", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Tags, Vec<String>) {
        let tags: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let (read, faults) = Tags::read(&tags);
        (read, faults.into_iter().map(|(message, _)| message).collect())
    }

    #[test]
    fn tags_say_what_the_runner_does() {
        let (tags, faults) =
            read("@smoke @limit:10min @limit:30s @flaky(2) @known-issue:SHOP-7 @until:2026-12-31 @needs:broker-faults");
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(tags.retries, Some(2));
        assert_eq!(tags.limit(), Duration::from_secs(30), "the nearest to the scenario counts");
        assert_eq!(read("@smoke").0.limit(), Duration::from_secs(300));
        let until = NaiveDate::from_ymd_opt(2026, 12, 31).unwrap();
        assert_eq!(tags.known_issue, Some(KnownIssue { id: "SHOP-7".to_owned(), until }));
    }

    #[test]
    fn what_means_nothing_is_told() {
        assert_eq!(read("@limit:soon").1, ["@limit:soon is no time"]);
        assert_eq!(read("@limit:0s").1, ["@limit:0s is no time"]);
        assert_eq!(read("@flaky").1, ["@flaky says no number of retries"]);
        assert_eq!(read("@flaky(0)").1, ["@flaky(0) says no number of retries"]);
        assert_eq!(read("@known-issue:A-1").1, ["@known-issue:A-1 says not until when it may fail"]);
        assert_eq!(read("@known-issue:A-1 @until:soon").1, ["@until:soon is no date"]);
        assert_eq!(read("@until:2026-12-31").1, ["@until: without @known-issue:ID means nothing"]);
        assert_eq!(read("@known-issue").1, ["@known-issue names no issue"]);
        assert_eq!(read("@needs:broker-fault").1, ["@needs:broker-fault is nothing that a broker may have or not"]);
        assert_eq!(read("@flakey(2)").1, ["@flakey(2) means nothing to eventproof"]);
        assert_eq!(read("@team:stock @smoke @slow(ish)").1, [""; 0], "such tags only choose");
    }
}
