//! Phrases: do their steps mean something; a stub for a step that means nothing yet.

use std::collections::BTreeSet;

use eventproof_source::{Diagnostic, Diagnostics};

use crate::catalogue::{Kind, Matched, Matcher, Sentence, is_digit};
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

/// A phrase that would make this step mean something, ready to be pasted: what is quoted, a time or a number becomes a parameter.
/// What it does stands as an example, for the writer to correct.
pub(crate) fn phrase_stub(text: &str, example: &str) -> String {
    let mut form = String::new();
    let (mut kinds, mut count) = (Vec::new(), 0);
    for (index, part) in text.split(['"', '“', '”', '「', '」']).enumerate() {
        if index % 2 == 1 {
            count += 1;
            form.push_str(&format!("{{value{count}}}"));
        } else {
            form.push_str(&measured(&escaped(part), &mut kinds));
        }
    }
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "\'\'"));
    let parameters = match kinds.is_empty() {
        true => String::new(),
        false => {
            let list: Vec<String> = kinds.iter().map(|(name, kind)| format!("{name}: {kind}")).collect();
            format!("    parameters: {{{}}}\n", list.join(", "))
        }
    };
    let step = example.split_once(' ').map_or(example, |(_, step)| step);
    format!("  - say: {}\n    meaning: …\n{parameters}    does:\n      - {}", quoted(&form), quoted(step))
}

/// What cucumber expressions would take for an option, an alternative or a parameter.
fn escaped(text: &str) -> String {
    text.chars().flat_map(|letter| "\\(){}/".contains(letter).then_some('\\').into_iter().chain([letter])).collect()
}

/// Times, rates and counts become parameters of their kinds.
fn measured(text: &str, kinds: &mut Vec<(String, &'static str)>) -> String {
    let mut form = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_digit) {
        let (before, from) = rest.split_at(at);
        let (kind, length) = Kind::measured(from);
        let alone = !before.ends_with(|letter: char| letter.is_ascii_alphanumeric());
        let (word, after) = from.split_at(length);
        form.push_str(before);
        if alone && length > 0 {
            let name = format!("{}{}", kind.name(), kinds.len() + 1);
            form.push_str(&format!("{{{name}}}"));
            kinds.push((name, kind.name()));
        } else {
            form.push_str(word);
        }
        rest = after;
    }
    form + rest
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
    use eventproof_source::Source;

    use super::*;

    #[test]
    fn a_stub_can_be_pasted() {
        let stub = phrase_stub("“bob” likes it (or \"p 1\") 3 times within 5s", "Then 1s pass");
        assert_eq!(
            stub,
            "  - say: '{value1} likes it \\(or {value2}\\) {count1} times within {duration2}'\n    meaning: …\n    parameters: {count1: count, duration2: duration}\n    does:\n      - '1s pass'"
        );
        let mut faults = Diagnostics::default();
        let phrases = crate::phrases::Phrases::parse(
            &Source::inline("phrases.yaml", &format!("phrases:\n{stub}\n")),
            &mut faults,
        );
        assert!(!faults.has_errors(), "{}", faults.render(false));
        let matcher = Matcher::new(&phrases);
        assert_eq!(matcher.all_matches("“bob” likes it (or \"p 1\") 3 times within 5s").len(), 1);
    }
}
