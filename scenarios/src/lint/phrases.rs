//! Phrases: do their steps mean something; a stub for a step that means nothing yet.

use std::collections::BTreeSet;

use eventproof_source::{Diagnostic, Diagnostics};

use crate::catalogue::{Matched, Matcher, Sentence};
use crate::pack::Pack;
use crate::phrases::{Phrase, PhraseStep};
use crate::plan::PlannedScenario;

/// The built-in sentence that a step of a phrase is. Parameters may stand for anything, so they are tried as texts,
/// durations and numbers.
pub(crate) fn phrase_sentence(matcher: &Matcher, phrase: &Phrase, step: &PhraseStep) -> Option<&'static Sentence> {
    let mut text = step.text.clone();
    for (name, kind) in &phrase.kinds {
        text = text.replace(&format!("{{{name}}}"), kind.sample());
    }
    matcher.all_matches(&text).into_iter().find_map(|matched| match matched {
        Matched::Sentence(sentence, _) => Some(sentence),
        Matched::Phrase(..) => None,
    })
}

/// A phrase that would make this step mean something.
pub(crate) fn phrase_stub(text: &str) -> String {
    let mut form = String::new();
    let mut count = 0;
    for (index, part) in text.split('"').enumerate() {
        if index % 2 == 1 {
            count += 1;
            form.push_str(&format!("{{value{count}}}"));
        } else {
            form.push_str(part);
        }
    }
    format!("  - say: {form}\n    does:\n      - a built-in sentence (eventproof steps lists them)")
}

/// Phrases that no scenario says: left over, or said otherwise than was meant.
pub(crate) fn unused_phrases(pack: &Pack, scenarios: &[PlannedScenario], faults: &mut Diagnostics) {
    let used: BTreeSet<usize> =
        scenarios.iter().flat_map(|scenario| &scenario.steps).filter_map(|step| step.phrase).collect();
    for (index, phrase) in pack.phrases.list.iter().enumerate().filter(|(index, _)| !used.contains(index)) {
        let form = phrase.forms.first().map_or_else(|| format!("phrase {}", index + 1), |form| format!("`{form}`"));
        faults.push(
            Diagnostic::warning("phrases/unused", format!("{form} is said by no scenario"))
                .at(&phrase.source, phrase.span)
                .help("use it, or leave it out"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stub_turns_quoted_values_into_parameters() {
        assert!(phrase_stub("user \"bob\" likes \"p1\"").starts_with("  - say: user {value1} likes {value2}\n"));
    }
}
