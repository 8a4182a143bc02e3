//! Where in a file the words of a step stand: a fault is told at its word, not at its line.

use eventproof_source::{Diagnostic, Source, Span};

use crate::pack::Pack;
use crate::phrases::Phrase;
use crate::plan::{PlannedStep, line_span};

/// The places of one step.
pub(super) struct StepPlace<'a> {
    source: &'a Source,
    line: usize,
    /// What the step stands for, where it is a phrase: a word may be the phrase's own.
    phrase: Option<&'a Phrase>,
}

impl<'a> StepPlace<'a> {
    pub fn of(pack: &'a Pack, source: &'a Source, step: &PlannedStep) -> StepPlace<'a> {
        let phrase = step.phrase.and_then(|index| pack.phrases.list.get(index));
        StepPlace { source, line: step.line, phrase }
    }

    /// Puts a fault at a word of the step: of its text, of its table, or of the phrase that it is. The whole step otherwise.
    pub fn tell(&self, fault: Diagnostic, word: &str) -> Diagnostic {
        let whole = line_span(self.source, self.line);
        if let Some(at) = self.lines().find_map(|line| word_in(self.source, line_span(self.source, line), word)) {
            return fault.at(self.source, at);
        }
        match self.phrase.and_then(|phrase| Some((phrase, word_in(&phrase.source, block(phrase), word)?))) {
            Some((phrase, at)) => fault.at(&phrase.source, at),
            None => fault.at(self.source, whole),
        }
    }

    /// Puts a fault at the whole step.
    pub fn tell_whole(&self, fault: Diagnostic) -> Diagnostic {
        fault.at(self.source, line_span(self.source, self.line))
    }

    /// The step's own line, and those of its table or text.
    fn lines(&self) -> impl Iterator<Item = usize> {
        let under = argument_lines(self.source, self.line);
        [self.line].into_iter().chain(under)
    }
}

/// The lines of the table that stands under a step, comments left out.
pub(crate) fn argument_lines(source: &Source, step: usize) -> Vec<usize> {
    let below = source.text().lines().enumerate().skip(step);
    let rows = below.map(|(index, line)| (index + 1, line.trim())).filter(|(_, line)| !line.starts_with('#'));
    rows.take_while(|(_, line)| line.starts_with('|')).map(|(line, _)| line).collect()
}

/// All of a phrase: up to where the next one begins.
fn block(phrase: &Phrase) -> Span {
    let text = phrase.source.text();
    let after = phrase.does.last().map_or(phrase.span.end, |step| step.span.end).max(phrase.span.end);
    let end = text[after..].find('\n').map_or(text.len(), |at| after + at);
    Span { start: phrase.span.start, end }
}

/// Where a word stands by itself, in quotes if it can be; anywhere otherwise.
fn word_in(source: &Source, within: Span, word: &str) -> Option<Span> {
    if word.is_empty() {
        return None;
    }
    let text = &source.text()[within.start..within.end];
    let is_part = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
    let quoted = ["\"", "“", "「"].iter().find_map(|open| Some(text.find(&format!("{open}{word}"))? + open.len()));
    let alone = || {
        let found = text.match_indices(word).map(|(at, _)| at);
        let mut alone =
            found.filter(|at| !text[..*at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part));
        alone.next()
    };
    let at = quoted.or_else(alone).or_else(|| text.find(word))?;
    Some(Span { start: within.start + at, end: within.start + at + word.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_in_quotes_first_then_by_itself() {
        let source = Source::inline("a.feature", "view feed shows \"feed\" of feeder");
        let all = Span { start: 0, end: source.text().len() };
        assert_eq!(word_in(&source, all, "feed"), Some(Span { start: 17, end: 21 }));
        assert_eq!(word_in(&source, all, "view"), Some(Span { start: 0, end: 4 }));
        assert_eq!(word_in(&source, all, "none"), None);
    }

    #[test]
    fn rows_of_a_table_are_found_past_comments() {
        let source = Source::inline("a.feature", "Given x\n  | a | 1 |\n  # why\n  | b | 2 |\nThen y\n  | c | 3 |\n");
        assert_eq!(argument_lines(&source, 1), [2, 4]);
        assert_eq!(argument_lines(&source, 5), [6]);
    }
}
