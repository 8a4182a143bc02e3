//! Texts from outside, made safe to show: control characters and bidirectional overrides become visible.

use crate::model::Figure;

/// The text with everything invisible that could mislead made visible. Line ends and tabs stay.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\n' | '\t' => letter.to_string(),
            letter if letter.is_control() || is_override(letter) => format!("\\u{{{:x}}}", letter as u32),
            letter => letter.to_string(),
        })
        .collect()
}

fn is_override(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Milliseconds for people: `200 ms`, `1.25 s`.
pub(crate) fn millis(ms: f64) -> String {
    if ms < 1000.0 { format!("{ms:.0} ms") } else { format!("{:.1} s", ms / 1e3) }
}

/// Milliseconds with the digits that a latency deserves: `0.31 ms`, `12.4 ms`, `1.25 s`.
pub(crate) fn latency(ms: f64) -> String {
    match ms {
        ms if ms < 1.0 => format!("{ms:.2} ms"),
        ms if ms < 100.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.2} s", ms / 1e3),
    }
}

/// Milliseconds as seconds: `12 s`, `0.5 s`.
pub(crate) fn seconds(ms: f64) -> String {
    format!("{} s", (ms / 100.0).round() / 10.0)
}

/// Both values of a compared figure.
pub(crate) fn shown(figure: &Figure) -> (String, String) {
    let text = |value: f64| if figure.unit == "ms" { latency(value) } else { format!("{value:.1}/s") };
    (text(figure.before), text(figure.after))
}

/// By how much it changed: `+10.2 %`.
pub(crate) fn change_of(figure: &Figure) -> String {
    figure.by.map_or_else(|| "–".to_owned(), |by| format!("{:+.1} %", by.value))
}

/// The interval of the change: `+8.1 to +12.4 %`.
pub(crate) fn within(figure: &Figure) -> String {
    figure.by.map_or_else(|| "–".to_owned(), |by| format!("{:+.1} to {:+.1} %", by.low, by.high))
}

/// A whole number with its thousands apart: `10,000`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [grouped(0), grouped(999), grouped(10_000), grouped(1_234_567)],
            ["0", "999", "10,000", "1,234,567"]
        );
        assert_eq!(
            [latency(0.314), latency(12.44), latency(250.0), latency(1250.0)],
            ["0.31 ms", "12.4 ms", "250 ms", "1.25 s"]
        );
    }

    #[test]
    fn what_could_mislead_becomes_visible_and_chinese_stays() {
        assert_eq!(clean("a\u{0}b\u{202e}c\n动态"), "a\\u{0}b\\u{202e}c\n动态");
    }
}
