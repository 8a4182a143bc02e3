//! The last lines that a service printed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Lines that are kept of each service.
const KEPT: usize = 20_000;
/// Characters that are kept of one line.
const LINE: usize = 2000;

/// A bounded memory of lines, shared by clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<String>,
    /// How many there were, the forgotten ones among them.
    count: u64,
}

impl Lines {
    /// Adds a line, forgetting the oldest beyond the bound.
    pub fn push(&self, line: &str) {
        let mut kept = self.lock();
        if kept.lines.len() == KEPT {
            kept.lines.pop_front();
        }
        kept.lines.push_back(line.chars().take(LINE).collect());
        kept.count += 1;
    }

    /// The last `count` lines.
    pub fn last(&self, count: usize) -> Vec<String> {
        let kept = self.lock();
        kept.lines.iter().skip(kept.lines.len().saturating_sub(count)).cloned().collect()
    }

    /// How many lines there were so far.
    pub fn count(&self) -> u64 {
        self.lock().count
    }

    /// The last `most` of the lines after so many.
    pub fn since(&self, after: u64, most: usize) -> Vec<String> {
        let kept = self.lock();
        let fresh = usize::try_from(kept.count.saturating_sub(after)).unwrap_or(usize::MAX);
        kept.lines.iter().skip(kept.lines.len().saturating_sub(fresh.min(most))).cloned().collect()
    }

    /// The first line with this text, after so many lines.
    pub fn find(&self, after: u64, text: &str) -> Option<String> {
        let kept = self.lock();
        let forgotten = kept.count - kept.lines.len() as u64;
        let skip = usize::try_from(after.saturating_sub(forgotten)).unwrap_or(usize::MAX);
        kept.lines.iter().skip(skip).find(|line| line.contains(text)).cloned()
    }

    /// Whether some of the lines after so many are kept no more.
    pub fn forgot(&self, after: u64) -> bool {
        let kept = self.lock();
        kept.count - kept.lines.len() as u64 > after
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a stream to its end; `told` hears every line, also what is kept no more.
    pub async fn read(self, stream: impl AsyncRead + Unpin, told: impl Fn(&str)) {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        // A stream that fails has nothing more to say.
        while matches!(reader.read_until(b'\n', &mut line).await, Ok(count) if count > 0) {
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end_matches(['\n', '\r']);
            told(text);
            self.push(text);
            line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn the_last_lines_are_kept_and_bytes_that_are_no_text_do_no_harm() {
        let lines = Lines::default();
        let text: Vec<u8> =
            (0..KEPT + 100).flat_map(|n| format!("line {n}\n").into_bytes()).chain([0xff, b'\n']).collect();
        lines.clone().read(&text[..], |_| ()).await;
        assert_eq!(lines.last(2), [format!("line {}", KEPT + 99), "\u{fffd}".to_owned()]);
        assert_eq!(lines.last(KEPT + 1000).len(), KEPT);
        assert_eq!(lines.count(), KEPT as u64 + 101);
        assert_eq!(lines.since(lines.count() - 1, 10), ["\u{fffd}"]);
        assert_eq!(lines.since(0, 2).len(), 2);
        assert!(lines.forgot(100) && !lines.forgot(101));
        assert_eq!(lines.find(0, "line 0"), None, "forgotten");
        assert_eq!(lines.find(20_000, "line 20").as_deref(), Some("line 20000"));
        assert_eq!(lines.find(20_050, "line 20000"), None);
    }
}
