//! Lines by which a service tells that it tries to handle an event.

use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime};
use eventproof_evidence::{Clock, Journal, Name, Observation};
use regex::Regex;

use super::supervisor::Launch;

/// Looks through the lines of one service.
#[derive(Clone)]
pub(crate) struct AttemptLines {
    told: Option<(Name, Regex)>,
    journal: Journal,
    clock: Arc<dyn Clock>,
}

impl AttemptLines {
    pub fn new(launch: &Launch, journal: Journal, clock: Arc<dyn Clock>) -> AttemptLines {
        AttemptLines { told: launch.attempts.clone(), journal, clock }
    }

    /// Notes in the journal what a line tells.
    pub fn line(&self, line: &str) {
        let Some((service, pattern)) = &self.told else { return };
        let Some(found) = pattern.captures(line) else { return };
        let Some(event) = found.name("event") else { return };
        let said_ms = found.name("time").and_then(|time| millis(time.as_str()));
        let (service, event) = (service.clone(), event.as_str().into());
        self.journal.push(Observation::Attempted { service, event, said_ms, at: self.clock.now() });
    }
}

/// Milliseconds since the epoch of `2025-01-15T10:30:00.123Z`, or of `2025-01-15 10:30:00,123` in whatever zone: only differences
/// count. A time without a fraction of a second is too coarse to measure a pause by.
fn millis(text: &str) -> Option<i64> {
    let text = text.trim().replacen(' ', "T", 1).replacen(',', ".", 1);
    let fine = text.split_once('.').is_some_and(|(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count() >= 1);
    if !fine {
        return None;
    }
    let zoned = DateTime::parse_from_rfc3339(&text).map(|time| time.timestamp_millis());
    let plain =
        || NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc().timestamp_millis());
    zoned.or_else(|_| plain()).ok()
}

#[cfg(test)]
mod tests {
    use eventproof_evidence::ManualClock;

    use super::*;

    #[test]
    fn a_time_is_read_where_it_is_fine_enough() {
        let at = Some(1_736_937_000_123);
        for text in ["2025-01-15T10:30:00.123Z", "2025-01-15T11:30:00.123+01:00", "2025-01-15 10:30:00,123"] {
            assert_eq!(millis(text), at, "{text}");
        }
        for text in ["2025-01-15T10:30:00Z", "2025-01-15 10:30:00", "10:30:00.123", "1736937000123", ""] {
            assert_eq!(millis(text), None, "{text}");
        }
    }

    #[test]
    fn a_line_of_an_attempt_is_noted_with_its_event_and_no_other_line_is() {
        let journal = Journal::default();
        let pattern = Regex::new(r"^(?<time>\S+) .*attempt \d+ failed event_id=(?<event>\S+)").unwrap();
        let launch = Launch {
            service: "mail-2".into(),
            like: None,
            command: Vec::new(),
            env: Vec::new(),
            attempts: Some(("mail".into(), pattern)),
        };
        let lines = AttemptLines::new(&launch, journal.clone(), Arc::new(ManualClock::default()));
        lines.line("2025-01-15T10:30:00.123Z WARN mail attempt 1 failed event_id=e1 reason=503");
        lines.line("2025-01-15T10:30:00.200Z INFO mail handled event_id=e1");
        lines.line("x WARN mail attempt 2 failed event_id=e1");
        let told: Vec<_> = journal.since(0).iter().map(|one| (**one).clone()).collect();
        let attempt = |said_ms, at| Observation::Attempted { service: "mail".into(), event: "e1".into(), said_ms, at };
        let at = told[0].at();
        assert_eq!(told, [attempt(Some(1_736_937_000_123), at), attempt(None, at)]);
    }
}
