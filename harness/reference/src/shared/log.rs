//! One line per event on stderr: `2025-01-15T10:30:00.123Z INFO feed-service handled …`.

use std::fmt::Display;
use std::io::Write;

use chrono::{DateTime, Utc};

use super::clock::rfc3339;

/// A service's log.
#[derive(Clone, Copy)]
pub(crate) struct Log {
    service: &'static str,
    silent: bool,
}

impl Log {
    pub(crate) fn new(service: &'static str) -> Log {
        Log { service, silent: false }
    }

    /// A log that writes nothing: tests judge what was done, not what was said.
    #[cfg(test)]
    pub(crate) fn silent() -> Log {
        Log { service: "test", silent: true }
    }

    pub(crate) fn info(&self, message: impl Display) {
        self.write("INFO", &message);
    }

    pub(crate) fn warn(&self, message: impl Display) {
        self.write("WARN", &message);
    }

    pub(crate) fn error(&self, message: impl Display) {
        self.write("ERROR", &message);
    }

    fn write(&self, level: &str, message: &dyn Display) {
        if self.silent {
            return;
        }
        let line = line(Utc::now(), level, self.service, message);
        // A log that cannot be written must not end the service.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

/// One line, whatever the message holds: control characters, which could forge a second line, are escaped.
fn line(at: DateTime<Utc>, level: &str, service: &str, message: &dyn Display) -> String {
    let mut line = format!("{} {level} {service} ", rfc3339(at));
    for c in message.to_string().chars() {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_forge_a_second_line() {
        let at = DateTime::from_timestamp_millis(1_736_937_000_123).unwrap();
        assert_eq!(
            line(at, "INFO", "feed-service", &"caption=a\nb 你好"),
            "2025-01-15T10:30:00.123Z INFO feed-service caption=a\\nb 你好\n"
        );
    }
}
