//! A value as texts may write it: as it is, within JSON, within JSON within JSON and what quotes that, within an address.

use std::collections::BTreeSet;

/// A value of fewer characters stands in other words too: it is hidden where its name is beside it, and not everywhere.
const SHORTEST: usize = 4;

/// What else has four characters and is no secret.
const WORDS: [&str; 3] = ["null", "true", "false"];

/// Every form of these values, the longest first: one may be within another.
pub(super) fn forms(values: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut found = BTreeSet::new();
    let telling = |value: &String| value.chars().count() >= SHORTEST && !WORDS.contains(&value.as_str());
    for value in values.into_iter().filter(telling) {
        let json = within_json(&value);
        let deeper = within_json(&json);
        found.extend([ascii(&json), within_json(&deeper), deeper, within_address(&value), json, value]);
    }
    let mut forms: Vec<String> = found.into_iter().collect();
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms
}

fn within_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// As programs write JSON that keep to ASCII.
fn ascii(json: &str) -> String {
    let mut units = [0; 2];
    json.chars().fold(String::new(), |text, one| match one.is_ascii() {
        true => format!("{text}{one}"),
        false => one.encode_utf16(&mut units).iter().fold(text, |text, unit| format!("{text}\\u{unit:04x}")),
    })
}

fn within_address(text: &str) -> String {
    text.bytes().fold(String::new(), |text, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => format!("{text}{}", char::from(byte)),
        other => format!("{text}%{other:02X}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_known_as_json_and_addresses_write_it() {
        let found = forms(["a\"é b".to_owned(), "abc".to_owned(), "null".to_owned()]);
        let expected = ["a%22%C3%A9%20b", r#"a\"\u00e9 b"#, r#"a\\\\\\\"é b"#, r#"a\\\"é b"#, r#"a\"é b"#, "a\"é b"];
        assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(expected));
        assert!(found.windows(2).all(|two| two[0].len() >= two[1].len()), "{found:?}");
    }
}
