//! `eventproof steps [WORDS]`: the catalogue for people.

use super::{Kind, Sentence, sentences};

/// The sentences that have all the words in any of their texts; all sentences for no words.
pub fn search(words: &[String]) -> Vec<&'static Sentence> {
    let has = |sentence: &&Sentence| {
        let text = full_text(sentence);
        words.iter().all(|word| text.contains(&word.to_lowercase()))
    };
    sentences().filter(has).collect()
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

/// The whole catalogue as a page: docs/steps.md.
pub fn document() -> String {
    let mut text = BEGINNING.to_owned();
    for kind in Kind::all() {
        text.push_str(&format!("| `{{{}}}` | {} |\n", kind.name(), kind.meaning()));
    }
    text.push_str("\n## Sentences\n");
    for sentence in sentences() {
        text.push_str(&format!("\n{}", describe(sentence, None)));
    }
    text
}

const BEGINNING: &str = "\
# Sentences

Every built-in sentence, as `eventproof steps` prints it: this page is made of the same catalogue (`eventproof steps --markdown`). A sentence
means the same after Given, When, Then, And, But and `*`. A pack's `phrases.yaml` makes sentences of its own from these, in any language.

Quotes are `\"…\"`, `“…”` or `「…」`. `{name}` in a text or a table stands for a fresh identity of the scenario, `{name.field}` for a field of what
an earlier step called so, `{it.field}` for one of the last event.

## Parameters

| parameter | is |
|---|---|
";

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::catalogue::{Matched, Matcher, built_in};
    use crate::phrases::Phrases;

    #[test]
    fn every_sentence_says_what_it_is_worth_in_both_languages() {
        let mut names = HashSet::new();
        for sentence in built_in() {
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
        for sentence in built_in() {
            let (_, step) = sentence.example.split_once(' ').unwrap();
            let matches = matcher.all_matches(step);
            assert!(
                matches!(&matches[..], [Matched::Sentence(found, _)] if found.id == sentence.id),
                "{step}: {matches:?}"
            );
        }
    }

    #[test]
    fn the_page_of_all_sentences_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/steps.md");
        let page = std::fs::read_to_string(path).unwrap();
        assert!(page == document(), "write it anew: eventproof steps --markdown > docs/steps.md");
    }

    #[test]
    fn words_find_sentences_in_either_language() {
        let found = |word: &str| search(&[word.to_owned()]).iter().map(|sentence| sentence.name).collect::<Vec<_>>();
        assert!(found("SIGKILL").contains(&"service-is-killed"));
        assert!(found("强制终止").contains(&"service-is-killed"));
        assert!(found("no such word anywhere").is_empty());
    }
}
