//! Texts from outside, made safe to show: control characters and bidirectional overrides become visible.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_mislead_becomes_visible_and_chinese_stays() {
        assert_eq!(clean("a\u{0}b\u{202e}c\n动态"), "a\\u{0}b\\u{202e}c\n动态");
    }
}
