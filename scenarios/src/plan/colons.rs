//! The wide colon of Chinese texts. Gherkin does not read it behind a heading: the line would be a description, or the end of the reading.

use eventproof_source::{Diagnostic, Diagnostics, Source};

use super::language;
use super::tables::word_in;

/// Tells every heading that ends with a wide colon, and gives it a narrow one, so that what stands below it is read. Every letter
/// keeps its place.
pub(super) fn narrowed(source: &Source, text: &str, faults: &mut Diagnostics) -> String {
    let mut narrow = String::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        match heading(line.trim(), language::of(source)) {
            Some(heading) => {
                let message = format!("a wide colon stands behind `{heading}`, which Gherkin does not read");
                let fault =
                    Diagnostic::error("feature/wide-colon", message).at(source, word_in(source, index + 1, "："));
                faults.push(fault.label("write `:` instead of `：`"));
                narrow.push_str(&line.replacen('：', ":  ", 1));
            }
            None => narrow.push_str(line),
        }
    }
    narrow
}

/// The heading before a wide colon.
fn heading<'a>(line: &'a str, language: &str) -> Option<&'a str> {
    let (word, _) = line.split_once('：')?;
    language::headings_read(language).contains(&word).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::super::FeatureFile;
    use super::*;

    fn told(text: &str) -> (Option<FeatureFile>, Vec<String>) {
        let mut faults = Diagnostics::default();
        let file = FeatureFile::parse(Source::inline("a.feature", text), &mut faults);
        let place = |one: &Diagnostic| one.place().map_or((0, 0), |(_, line, column)| (line, column));
        let line = |one: &Diagnostic| format!("{:?} [{}] {}; {}", place(one), one.code, one.message, one.label);
        (file, faults.iter().map(line).collect())
    }

    #[test]
    fn each_wide_colon_is_told_once_with_what_to_write_and_the_file_is_read() {
        let text = "# language: zh-CN\n功能：支付\n\n  背景：\n    假如系统正在运行\n\n  场景：一\n    当经过1s\n\n  场景大纲：二\n    当经过<t>\n\n    例子：\n      | t  |\n      | 1s |\n";
        let (file, faults) = told(text);
        let wide = |place: &str, heading: &str| {
            format!(
                "{place} [feature/wide-colon] a wide colon stands behind `{heading}`, which Gherkin does not read; write `:` instead of `：`"
            )
        };
        assert_eq!(
            faults,
            [
                wide("(2, 3)", "功能"),
                wide("(4, 5)", "背景"),
                wide("(7, 5)", "场景"),
                wide("(10, 7)", "场景大纲"),
                wide("(13, 7)", "例子"),
            ]
        );
        let feature = file.unwrap().feature;
        let names: Vec<&str> = feature.scenarios.iter().map(|one| one.name.as_str()).collect();
        assert_eq!((feature.name.as_str(), names), ("支付", vec!["一", "二"]));
    }

    #[test]
    fn a_mistyped_heading_with_a_wide_colon_is_told_once() {
        let (file, faults) = told(
            "# language: zh-CN\n功能: f\n\n  场景大刚：一\n    当经过<t>\n\n    例子:\n      | t  |\n      | 1s |\n",
        );
        assert_eq!(faults, ["(4, 3) [feature/syntax] `场景大刚` is no keyword of Gherkin; did you mean `场景大纲:`?"]);
        assert!(file.is_some());
    }

    #[test]
    fn english_headings_and_texts_with_wide_colons() {
        let text = "Feature: f\n  注意：一\n\n  Scenario：s\n    When 1s pass\n";
        let (file, faults) = told(text);
        assert_eq!(
            faults,
            [
                "(4, 11) [feature/wide-colon] a wide colon stands behind `Scenario`, which Gherkin does not read; write `:` instead of `：`"
            ]
        );
        assert_eq!(file.unwrap().feature.scenarios.len(), 1);
    }
}
