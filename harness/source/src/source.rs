//! A file as it was read, and places in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Diagnostic;

/// A text and where it comes from. Clones share the text.
#[derive(Clone, Debug)]
pub struct Source {
    path: Arc<PathBuf>,
    text: Arc<str>,
}

/// A place in a text: byte offsets, the end excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Source {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Source, Diagnostic> {
        let text = std::fs::read(path).map_err(|error| {
            Diagnostic::error("source/unreadable", format!("{} cannot be read: {error}", path.display()))
        })?;
        let text = String::from_utf8(text).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let message = format!("{} is no UTF-8: the byte at offset {at} is wrong", path.display());
            Diagnostic::error("source/not-utf-8", message).help("save the file as UTF-8")
        })?;
        Ok(Source { path: Arc::new(path.to_owned()), text: text.into() })
    }

    /// A text that is in no file.
    pub fn inline(name: &str, text: &str) -> Source {
        Source { path: Arc::new(name.into()), text: text.into() }
    }

    /// The path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column (in characters) of a byte, both from 1.
    pub fn line_column(&self, byte: usize) -> (usize, usize) {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        let before = &self.text[..byte];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The byte of a line and a column (in characters), both from 1.
    pub fn byte_at(&self, line: usize, column: usize) -> usize {
        let line_start: usize = self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let rest = &self.text[line_start.min(self.text.len())..];
        let within = rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
        line_start + within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_come_back_to_the_same_byte() {
        let source = Source::inline("x", "功能: a\n  场景: b\n");
        let at = source.text().find('b').unwrap();
        assert_eq!(source.line_column(at), (2, 7));
        assert_eq!(source.byte_at(2, 7), at);
    }

    proptest::proptest! {
        #[test]
        fn every_character_has_its_own_place(text in "[a-z功能\n ]{0,40}") {
            let source = Source::inline("x", &text);
            for (at, _) in text.char_indices() {
                let (line, column) = source.line_column(at);
                proptest::prop_assert_eq!(source.byte_at(line, column), at);
            }
        }
    }
}
