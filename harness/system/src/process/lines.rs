//! The last lines that a service printed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Lines that are kept of each service.
const KEPT: usize = 200;
/// Characters that are kept of one line.
const LINE: usize = 2000;

/// A bounded memory of lines, shared by clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(Arc<Mutex<VecDeque<String>>>);

impl Lines {
    /// Adds a line, forgetting the oldest beyond the bound.
    pub fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line.chars().take(LINE).collect());
    }

    /// The last `count` lines.
    pub fn last(&self, count: usize) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().skip(lines.len().saturating_sub(count)).cloned().collect()
    }

    /// Reads a stream to its end.
    pub async fn read(self, stream: impl AsyncRead + Unpin) {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        // A stream that fails has nothing more to say.
        while matches!(reader.read_until(b'\n', &mut line).await, Ok(count) if count > 0) {
            self.push(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
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
        let text: Vec<u8> = (0..300).flat_map(|n| format!("line {n}\n").into_bytes()).chain([0xff, b'\n']).collect();
        lines.clone().read(&text[..]).await;
        assert_eq!(lines.last(2), ["line 299", "\u{fffd}"]);
        assert_eq!(lines.last(1000).len(), KEPT);
    }
}
