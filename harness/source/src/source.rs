//! A file as it was read, and places in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Diagnostic;

/// A text and where it comes from. Clones share the text.
#[derive(Clone, Debug)]
pub struct Source {
    path: Arc<PathBuf>,
    text: Arc<str>,
    /// Other files that belong to it, with where their spans begin.
    included: Arc<Vec<(usize, Source)>>,
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
        Ok(Source { path: Arc::new(path.to_owned()), text: text.into(), included: Arc::default() })
    }

    /// A text that is in no file.
    pub fn inline(name: &str, text: &str) -> Source {
        Source { path: Arc::new(name.into()), text: text.into(), included: Arc::default() }
    }

    /// The same file together with others that it refers to. Spans of another file are moved by the number beside it,
    /// which lies behind the end of every file before it; [`part`](Source::part) finds the file back.
    pub fn including(&self, others: Vec<(usize, Source)>) -> Source {
        Source { included: Arc::new(others), ..self.clone() }
    }

    /// The file in which a span stands, and where in it.
    pub fn part(&self, span: Span) -> (&Source, Span) {
        let behind = self.included.iter().rev().find(|(from, _)| *from <= span.start);
        behind.map_or((self, span), |(from, source)| {
            (source, Span { start: span.start - from, end: span.end.saturating_sub(*from) })
        })
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

    #[test]
    fn a_span_of_an_included_file_finds_its_file() {
        let (main, other) = (Source::inline("main", "abc"), Source::inline("other", "defg"));
        let both = main.including(vec![(4, other)]);
        let (part, span) = both.part(Span { start: 5, end: 7 });
        assert_eq!((part.path().to_str(), &part.text()[span.start..span.end]), (Some("other"), "ef"));
        assert_eq!(both.part(Span { start: 1, end: 2 }).0.path().to_str(), Some("main"));
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
