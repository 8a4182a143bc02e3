//! What tags mean to the runner: `@needs:…`, `@flaky(n)`, `@limit:30s`, `@known-issue:ID` with `@until:DATE`.

use std::time::Duration;

use chrono::NaiveDate;
use eventproof_source::units;

/// How long a scenario may take whose tags do not say.
const USUAL_LIMIT: Duration = Duration::from_secs(300);

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

    /// Reads the tags of a scenario, its feature and its rule; or says what is wrong with each, with what to write.
    pub fn read(tags: &[String]) -> (Tags, Vec<(String, &'static str)>) {
        let mut read = Tags::default();
        let mut faults = Vec::new();
        let (mut issue, mut until) = (None, None);
        for tag in tags.iter().map(|tag| tag.trim_start_matches('@')) {
            if let Some(id) = tag.strip_prefix("known-issue:").filter(|id| !id.is_empty()) {
                issue = Some(id.to_owned());
            } else if tag.starts_with("known-issue") {
                faults.push((format!("@{tag} names no issue"), "write @known-issue:ID @until:2026-12-31"));
            } else if let Some(date) = tag.strip_prefix("until:") {
                match date.parse::<NaiveDate>() {
                    Ok(date) => until = Some(date),
                    Err(_) => faults.push((format!("@{tag} is no date"), "write @until:2026-12-31")),
                }
            } else if let Some(limit) = tag.strip_prefix("limit:") {
                match units::parse_duration(limit).ok().filter(|limit| !limit.is_zero()) {
                    Some(limit) => read.limit = Some(limit),
                    None => faults.push((format!("@{tag} is no time"), "write @limit:30s or @limit:10min")),
                }
            } else if let Some(rest) = tag.strip_prefix("flaky") {
                let times = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).and_then(|n| n.parse().ok());
                match times.filter(|times| (1..=10).contains(times)) {
                    Some(times) => read.retries = Some(times),
                    None => faults.push((format!("@{tag} says no number of retries"), "write @flaky(1) to @flaky(10)")),
                }
            }
        }
        match (issue, until) {
            (Some(id), Some(until)) => read.known_issue = Some(KnownIssue { id, until }),
            (Some(id), None) if faults.is_empty() => {
                let message = format!("@known-issue:{id} says not until when it may fail");
                faults.push((message, "add @until:2026-12-31: after that day it fails the run again"));
            }
            (None, Some(_)) => {
                faults.push((
                    "@until: without @known-issue:ID means nothing".to_owned(),
                    "name the issue, or leave it out",
                ));
            }
            _ => {}
        }
        (read, faults)
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
    }
}
