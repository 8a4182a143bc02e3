//! Everything that is printed: progress and errors to standard error, results to standard output.

use std::io::{IsTerminal, Write};

/// Whether progress goes to a terminal.
pub fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether colours are welcome: a terminal, and NO_COLOR is not set.
pub fn color() -> bool {
    is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Columns of the terminal; 100 where there is none.
pub fn width() -> usize {
    std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(100)
}

/// A line of progress.
pub fn progress(text: &str) {
    // Nobody may be listening any more; the run goes on.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A line of progress in place of the one before; only for a terminal.
pub fn over(text: &str) {
    // The same holds here.
    let _ = write!(std::io::stderr().lock(), "\r\u{1b}[2K{text}");
}

/// What went wrong.
pub fn error(text: &str) {
    progress(&format!("error: {text}"));
}

/// A result.
pub fn result(text: &str) {
    // The same holds here.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
