//! The language of a feature file. Gherkin has the keywords of many; sentences are built in for English and Chinese, and a pack's
//! phrases may be in any.

use eventproof_source::{Diagnostic, Diagnostics, Source, nearest};
use gherkin::GherkinEnv;

use super::feature::line_span;

/// Languages that are likely to be meant.
const COMMON: [&str; 16] =
    ["en", "zh-CN", "zh-TW", "fr", "de", "es", "it", "pt", "nl", "pl", "sv", "da", "ru", "ja", "ko", "tr"];
/// Keywords of the languages in which sentences are built in: what a mistyped one was to be.
const ENGLISH: [&str; 10] =
    ["Feature", "Background", "Rule", "Scenario", "Examples", "Given", "When", "Then", "And", "But"];
const CHINESE: [&str; 14] =
    ["功能", "背景", "规则", "场景", "场景大纲", "例子", "假如", "假设", "当", "那么", "而且", "并且", "同时", "但是"];
/// The headings of those languages, each as Gherkin reads it.
const ENGLISH_READ: [&str; 11] = [
    "Feature",
    "Business Need",
    "Ability",
    "Background",
    "Rule",
    "Scenario Outline",
    "Scenario Template",
    "Scenario",
    "Example",
    "Examples",
    "Scenarios",
];
const CHINESE_READ: [&str; 8] = ["功能", "背景", "Rule", "场景", "剧本", "场景大纲", "剧本大纲", "例子"];
const TRADITIONAL_READ: [&str; 8] = ["功能", "背景", "Rule", "場景", "劇本", "場景大綱", "劇本大綱", "例子"];
/// Those before a colon within a feature.
const ENGLISH_HEADINGS: [&str; 5] = ["Background", "Scenario", "Scenario Outline", "Examples", "Rule"];
const CHINESE_HEADINGS: [&str; 5] = ["背景", "场景", "场景大纲", "例子", "规则"];

/// What a file says of its language, and in which line (from 1): in a comment above everything else.
fn said(source: &Source) -> Option<(&str, usize)> {
    let lines = source.text().trim_start_matches('\u{feff}').lines().enumerate();
    let above = lines.map(|(index, line)| (index + 1, line.trim())).filter(|(_, line)| !line.is_empty());
    let comments = above.map_while(|(number, line)| Some((number, line.strip_prefix('#')?)));
    let mut named = comments.filter_map(|(number, line)| {
        let (word, name) = line.split_once(':')?;
        (word.trim() == "language").then(|| (name.trim(), number))
    });
    named.next()
}

/// The language of a file: English if it says nothing.
pub(super) fn of(source: &Source) -> &str {
    said(source).map_or("en", |(name, _)| name)
}

/// Tells a language that Gherkin does not know or would pass over. What stands in such a file means nothing: it is not read on.
pub(super) fn is_known(source: &Source, faults: &mut Diagnostics) -> bool {
    let Some((name, line)) = said(source) else { return true };
    let first =
        source.text().lines().position(|line| !line.trim_matches('\u{feff}').trim().is_empty()).unwrap_or(0) + 1;
    let (message, help) = match GherkinEnv::new(name) {
        Ok(_) if line == first => return true,
        Ok(_) => {
            let message =
                format!("the language `{name}` is said below another comment, where Gherkin does not read it");
            (message, "make `# language: …` the first line".to_owned())
        }
        Err(_) => {
            let help = match chinese(name).or_else(|| nearest(name, COMMON)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("write it as Gherkin does, such as {}", COMMON.join(", ")),
            };
            (format!("`{name}` is no language of Gherkin"), help)
        }
    };
    faults.push(Diagnostic::error("feature/language", message).at(source, line_span(source, line)).help(help));
    false
}

/// Chinese is written in two ways, and Gherkin has no keywords for Chinese as such. Sentences are built in for the simplified one.
fn chinese(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let traditional = ["tw", "hk", "hant"].iter().any(|part| name.contains(part));
    let is_chinese = name.starts_with("zh") || ["cn", "chinese", "中文"].contains(&name.as_str());
    is_chinese.then_some(if traditional { "zh-TW" } else { "zh-CN" })
}

/// Tells a Chinese file that does not say so: nothing in it means what was meant, and one line mends all of it.
pub(super) fn is_unsaid(source: &Source, faults: &mut Diagnostics) -> bool {
    if said(source).is_some() {
        return false;
    }
    let lines = source.text().trim_start_matches('\u{feff}').lines().map(str::trim).enumerate();
    let mut written = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with(['#', '@'])).peekable();
    let first = written.peek().map_or(0, |(index, _)| *index);
    // `背景:` may well stand in the description of an English feature.
    let begins = |(index, line): (usize, &str)| {
        let (language, heading) = chinese_heading(line)?;
        (index == first || heading != "背景").then_some((index + 1, language, heading))
    };
    let Some((line, language, heading)) = written.find_map(begins) else { return false };
    let message = format!("`{heading}` is a keyword in Chinese, and this file does not say that it is Chinese");
    let fault = Diagnostic::error("feature/language", message).at(source, line_span(source, line));
    faults.push(fault.help(format!("make `# language: {language}` the first line")));
    true
}

/// The Chinese heading with which a line begins, and the language that has it.
fn chinese_heading(line: &str) -> Option<(&'static str, &'static str)> {
    let (word, _) = line.split_once([':', '：'])?;
    let of = |language, headings: &'static [&'static str]| {
        let found = headings.iter().find(|one| **one == word && !one.is_ascii())?;
        Some((language, *found))
    };
    of("zh-CN", &CHINESE_READ).or_else(|| of("zh-TW", &TRADITIONAL_READ))
}

/// The text with its language said as Gherkin reads it: no space stands behind the name. Every letter keeps its place.
pub(super) fn trimmed(source: &Source, text: String) -> String {
    let Some((_, number)) = said(source) else { return text };
    let Some(line) = text.lines().nth(number - 1) else { return text };
    let spaces = line.len() - line.trim_end().len();
    if spaces == 0 {
        return text;
    }
    let moved = line.trim_end().replacen('#', &format!("#{}", " ".repeat(spaces)), 1);
    text.replacen(line, &moved, 1)
}

/// The keywords of a language, as far as they are known here.
pub(super) fn keywords(language: &str) -> Vec<&'static str> {
    match language {
        "en" => ENGLISH.to_vec(),
        "zh-CN" => CHINESE.to_vec(),
        _ => Vec::new(),
    }
}

/// The headings that Gherkin reads in a language, as far as they are known here.
pub(super) fn headings_read(language: &str) -> &'static [&'static str] {
    match language {
        "en" => &ENGLISH_READ,
        "zh-CN" => &CHINESE_READ,
        "zh-TW" => &TRADITIONAL_READ,
        _ => &[],
    }
}

/// The keywords of a language that stand before a colon within a feature, as far as they are known here.
pub(crate) fn headings(language: &str) -> Vec<&'static str> {
    match language {
        "en" => ENGLISH_HEADINGS.to_vec(),
        "zh-CN" => CHINESE_HEADINGS.to_vec(),
        _ => Vec::new(),
    }
}

/// With what steps begin, for whoever wrote something else.
pub(crate) fn step_keywords(language: &str) -> String {
    match language {
        "en" | "zh-CN" => {
            "steps begin with Given, When, Then, And, But or *; in Chinese 假如, 当, 那么, 而且, 但是".to_owned()
        }
        other => format!("steps begin with a keyword that Gherkin has in language `{other}`, or with *"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::FeatureFile;
    use super::*;

    fn told(text: &str) -> (Option<FeatureFile>, Vec<String>) {
        let mut faults = Diagnostics::default();
        let file = FeatureFile::parse(Source::inline("a.feature", text), &mut faults);
        let line = |one: &Diagnostic| {
            let help = one.help.as_ref().map_or_else(String::new, |help| format!("; {help}"));
            format!("{} [{}] {}{help}", one.place().map_or(0, |place| place.1), one.code, one.message)
        };
        (file, faults.iter().map(line).collect())
    }

    const FRENCH: &str = "Fonctionnalité: f\n\n  Scénario: s\n    Quand 1s pass\n";

    #[test]
    fn a_language_is_known_however_it_is_spaced() {
        for first in ["# language: fr", "#language:fr", "\u{feff}# language : fr  ", "\n  # language: fr\t"] {
            let (file, faults) = told(&format!("{first}\n{FRENCH}"));
            let file = file.unwrap_or_else(|| panic!("{first}: {faults:?}"));
            assert!(faults.is_empty(), "{first}: {faults:?}");
            assert_eq!((file.language(), file.steps().count()), ("fr", 1), "{first}");
        }
        assert_eq!(
            told("Feature: f\n  # language: fr\n").0.unwrap().language(),
            "en",
            "it stands above everything else"
        );
    }

    #[test]
    fn a_language_that_gherkin_would_pass_over_is_told_and_nothing_else() {
        let wrong = |first: &str| told(&format!("{first}\n{FRENCH}")).1;
        assert_eq!(
            wrong("# language: zh_CN"),
            ["1 [feature/language] `zh_CN` is no language of Gherkin; did you mean `zh-CN`?"]
        );
        assert!(wrong("# language: klingon")[0].contains("write it as Gherkin does, such as en, zh-CN, zh-TW, fr,"));
        assert_eq!(
            wrong("# Commandes\n# language: fr"),
            [
                "2 [feature/language] the language `fr` is said below another comment, where Gherkin does not read it; make `# language: …` the first line"
            ]
        );
        let (_, faults) = told(FRENCH);
        assert_eq!(
            faults[0],
            "1 [feature/syntax] this is no Gherkin; without `# language: …` (such as `# language: fr`) in the first line keywords are English"
        );
    }

    #[test]
    fn a_chinese_file_that_does_not_say_so_is_told_once() {
        let unsaid = |text: &str| told(text).1;
        let expected = |line: usize, word: &str, language: &str| {
            format!(
                "{line} [feature/language] `{word}` is a keyword in Chinese, and this file does not say that it is Chinese; make `# language: {language}` the first line"
            )
        };
        let chinese = "# 支付\n功能: f\n\n  场景: s\n    假如系统正在运行\n    当经过1s\n      | a |\n";
        assert_eq!(unsaid(chinese), [expected(2, "功能", "zh-CN")]);
        assert_eq!(unsaid("Feature: f\n\n  场景：s\n    假如系统正在运行\n"), [expected(3, "场景", "zh-CN")]);
        assert_eq!(unsaid("Feature: f\n\n  場景: s\n    假如x\n"), [expected(3, "場景", "zh-TW")]);
        assert_eq!(unsaid("Feature: f\n  背景：一些说明\n\n  Scenario: s\n    When 1s pass\n"), [""; 0]);
    }

    #[test]
    fn chinese_is_the_one_that_sentences_are_built_in_for() {
        let meant = |name: &str| told(&format!("# language: {name}\n功能: f\n")).1[0].clone();
        for name in ["zh", "zh-Hans", "cn", "zh_CN"] {
            assert!(meant(name).ends_with("did you mean `zh-CN`?"), "{}", meant(name));
        }
        assert!(meant("zh-Hant").ends_with("did you mean `zh-TW`?"));
    }

    #[test]
    fn words_of_one_language_are_not_proposed_in_another() {
        let (_, faults) = told(&format!("# language: fr\n{FRENCH}    Thn 1s pass\n"));
        assert_eq!(
            faults,
            [
                "6 [feature/syntax] this is no Gherkin; keywords are those that Gherkin has in language `fr`, as the first line says"
            ]
        );
        let outline = "# language: fr\nFonctionnalité: f\n\n  Plan du scénario: s\n    Quand <t> pass\n";
        assert_eq!(
            told(outline).1,
            [
                "5 [feature/outline-no-examples] <t> stands for nothing: scenario \"s\" has no Examples; add Examples with a header and at least one row, or write a value in its place; a text that is to hold `<` and `>` is given by Examples too"
            ]
        );
    }

    #[test]
    fn every_common_language_and_keyword_is_one_of_gherkins() {
        assert!(COMMON.iter().all(|name| GherkinEnv::new(name).is_ok()));
    }
}
