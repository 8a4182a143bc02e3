//! `eventproof steps [WORDS]`: the catalogue for people.

use super::{SENTENCES, Sentence};

/// The sentences that have all the words in any of their texts; all sentences for no words.
pub fn search(words: &[String]) -> Vec<&'static Sentence> {
    let has = |sentence: &&Sentence| {
        let text = full_text(sentence);
        words.iter().all(|word| text.contains(&word.to_lowercase()))
    };
    SENTENCES.iter().filter(has).collect()
}

fn full_text(sentence: &Sentence) -> String {
    let forms = sentence.forms.iter().map(|form| form.expression);
    let texts = [sentence.name, sentence.meaning, sentence.observes, sentence.proves, sentence.example];
    forms.chain(texts).collect::<Vec<_>>().join("\n").to_lowercase()
}

/// One sentence in Markdown; `language` chooses the forms (`None`: all).
pub fn describe(sentence: &Sentence, language: Option<&str>) -> String {
    let forms: String = sentence
        .forms
        .iter()
        .filter(|form| language.is_none_or(|language| form.language.starts_with(language)))
        .map(|form| format!("- `{}` ({})\n", form.expression, form.language))
        .collect();
    let mut text = format!("### {}\n\n{}\n\n{forms}\n", sentence.name, sentence.meaning);
    let lines = [
        ("Observes", sentence.observes),
        ("Proves", sentence.proves),
        ("Cannot prove", sentence.cannot_prove),
        ("Table", sentence.table),
    ];
    for (title, line) in lines.iter().filter(|(_, line)| !line.is_empty()) {
        text.push_str(&format!("*{title}:* {line}.\n\n"));
    }
    text.push_str(&format!("    {}\n", sentence.example));
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::catalogue::{Matched, Matcher};
    use crate::phrases::Phrases;

    #[test]
    fn every_sentence_says_what_it_is_worth_in_both_languages() {
        let mut names = HashSet::new();
        for sentence in SENTENCES {
            assert!(names.insert(sentence.name), "{} twice", sentence.name);
            for text in [sentence.meaning, sentence.observes, sentence.proves, sentence.example] {
                assert!(!text.is_empty(), "{} leaves something unsaid", sentence.name);
            }
            for language in ["en", "zh-CN"] {
                assert!(sentence.forms.iter().any(|form| form.language == language), "{} in {language}", sentence.name);
            }
        }
    }

    #[test]
    fn every_example_is_its_own_sentence_and_no_other() {
        let matcher = Matcher::new(&Phrases::default());
        for sentence in SENTENCES {
            let (_, step) = sentence.example.split_once(' ').unwrap();
            let matches = matcher.all_matches(step);
            assert!(
                matches!(&matches[..], [Matched::Sentence(found, _)] if found.id == sentence.id),
                "{step}: {matches:?}"
            );
        }
    }

    #[test]
    fn words_find_sentences_in_either_language() {
        let found = |word: &str| search(&[word.to_owned()]).iter().map(|sentence| sentence.name).collect::<Vec<_>>();
        assert!(found("SIGKILL").contains(&"service-is-killed"));
        assert!(found("强制终止").contains(&"service-is-killed"));
        assert!(found("no such word anywhere").is_empty());
    }
}
