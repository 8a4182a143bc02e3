//! What stands beside a sensitive name in a text: `"email": "…"`, also within JSON within JSON and where the end is cut off,
//! `email=…`, `email: "…"`.

use std::collections::HashSet;

use regex::Regex;

use super::names::HIDDEN;

/// Finds such names.
pub(super) struct Beside {
    head: Option<Regex>,
    containers: HashSet<String>,
}

impl Beside {
    pub fn new(names: &HashSet<String>, containers: &HashSet<String>) -> Beside {
        let mut any: Vec<&String> = names.union(containers).filter(|name| !name.is_empty()).collect();
        // The longest first: the first alternative that fits is taken.
        any.sort_by_key(|name| (std::cmp::Reverse(name.len()), name.as_str()));
        let any: Vec<String> = any.into_iter().map(|name| regex::escape(name)).collect();
        let any = any.join("|");
        let pattern = format!(r#"(?<slashes>\\*)"(?<quoted>{any})\\*"\s*:\s*|\b(?<plain>{any})(?<sign>\s*[:=]\s*)"#);
        let head = if any.is_empty() { None } else { Regex::new(&pattern).ok() };
        Beside { head, containers: containers.clone() }
    }

    /// The text without what stands there.
    pub fn hide(&self, text: &str) -> String {
        let Some(head) = &self.head else { return text.to_owned() };
        let (mut told, mut rest) = (String::new(), text);
        while let Some(found) = head.captures(rest) {
            let end = found.get(0).map_or(rest.len(), |all| all.end());
            let (before, after) = rest.split_at(end);
            told.push_str(before);
            let slashes = found.name("slashes").map(|slashes| slashes.len());
            let name = found.name("quoted").or(found.name("plain")).map_or("", |name| name.as_str());
            let length = self.length(after, slashes, name, found.name("sign").map(|sign| sign.as_str()));
            if length > 0 {
                told.push_str(&if slashes.is_some() { format!("\"{HIDDEN}\"") } else { HIDDEN.to_owned() });
            }
            rest = &after[length..];
        }
        told + rest
    }

    /// How many bytes of what follows a name are its value; 0 where it is none that has to be hidden.
    fn length(&self, after: &str, slashes: Option<usize>, name: &str, sign: Option<&str>) -> usize {
        let may_be_object = self.containers.contains(name);
        let opens = after.trim_start_matches('\\').chars().next();
        match (slashes, opens) {
            (None, _) if sign.is_none_or(|sign| sign.trim() != "=") && opens != Some('"') => 0,
            (_, Some('{')) if may_be_object => 0,
            (_, Some('[')) if may_be_object && after[1..].trim_start().starts_with('{') => 0,
            (None, Some('"')) => text_length(after),
            (None, _) => after.find(|one: char| one.is_whitespace() || "&,;\"".contains(one)).unwrap_or(after.len()),
            (Some(_), Some('"')) => text_length(after),
            (Some(slashes), Some('{' | '[')) => bracket_length(after, slashes),
            _ => after.find(|one: char| one.is_whitespace() || "\",}]".contains(one)).unwrap_or(after.len()),
        }
    }
}

/// Where a quoted text ends that begins here, with as many backslashes before its quote as the JSON around it demands; all, where
/// its end is cut off.
fn text_length(text: &str) -> usize {
    let slashes = text.len() - text.trim_start_matches('\\').len();
    let from = slashes + 1;
    quotes(&text[from..]).find(|(_, before)| closes(*before, slashes)).map_or(text.len(), |(at, _)| from + at + 1)
}

/// Where the bracket ends that is opened here.
fn bracket_length(text: &str, slashes: usize) -> usize {
    let (mut depth, mut within, mut before) = (0usize, false, 0usize);
    for (at, one) in text.char_indices() {
        match one {
            '"' if closes(before, slashes) => within = !within,
            '{' | '[' if !within => depth += 1,
            '}' | ']' if !within => depth -= 1,
            _ => {}
        }
        before = if one == '\\' { before + 1 } else { 0 };
        if depth == 0 {
            return at + one.len_utf8();
        }
    }
    text.len()
}

/// The quotes of a text, each with how many backslashes stand before it.
fn quotes(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    text.match_indices('"').map(|(at, _)| (at, at - text[..at].trim_end_matches('\\').len()))
}

/// Whether a quote with so many backslashes before it delimits texts of JSON whose own quotes have `slashes`.
fn closes(before: usize, slashes: usize) -> bool {
    before >= slashes && (before - slashes).is_multiple_of(2 * (slashes + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> HashSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn told(text: &str) -> String {
        Beside::new(&names(&["email", "place"]), &names(&["data"])).hide(text)
    }

    #[test]
    fn what_stands_beside_such_a_name_is_hidden_also_where_it_is_cut_off() {
        for (text, expected) in [
            (r#"answered 500: {"email": "a b@c", "n": 1}"#, r#"answered 500: {"email": "(hidden)", "n": 1}"#),
            (r#"no list in {"n":1,"email":"a b@"#, r#"no list in {"n":1,"email":"(hidden)""#),
            (r#"{"email":17}"#, r#"{"email":"(hidden)"}"#),
            (r#"{\"email\":\"a b@c\",\"n\":1}"#, r#"{\"email\":"(hidden)",\"n\":1}"#),
            ("GET /u?email=a@b.c&n=1", "GET /u?email=(hidden)&n=1"),
            ("sent to the email of ann", "sent to the email of ann"),
            ("email: ann is told", "email: ann is told"),
        ] {
            assert_eq!(told(text), expected);
        }
        assert_eq!(Beside::new(&names(&[]), &names(&[])).hide(r#""email":"x""#), r#""email":"x""#);
    }

    #[test]
    fn quotes_within_a_text_do_not_end_it() {
        for (text, expected) in [
            (r#"{"email":"a\"b\\","n":1}"#, r#"{"email":"(hidden)","n":1}"#),
            (r#"{\"email\":\"a\\\"b\\\\\",\"n\":1}"#, r#"{\"email\":"(hidden)",\"n\":1}"#),
            (r#"{\\\"email\\\":\\\"a b\\\",\\\"n\\\":1}"#, r#"{\\\"email\\\":"(hidden)",\\\"n\\\":1}"#),
            (r#"sent email="a \"b" n=1"#, r#"sent email=(hidden) n=1"#),
            (r#"User { email: "a b", n: 1 }"#, r#"User { email: (hidden), n: 1 }"#),
        ] {
            assert_eq!(told(text), expected);
        }
    }

    #[test]
    fn all_of_an_object_and_of_a_list_is_hidden() {
        for (text, expected) in [
            (r#"{"place":{"city":"Ulm}","c":["DE"]},"n":1}"#, r#"{"place":"(hidden)","n":1}"#),
            (r#"{\"place\":{\"city\":\"Ulm}\"},\"n\":1}"#, r#"{\"place\":"(hidden)",\"n\":1}"#),
            (r#"{"email":["a","b"],"n":1}"#, r#"{"email":"(hidden)","n":1}"#),
            (r#"{"place":{"city":"Ul"#, r#"{"place":"(hidden)""#),
        ] {
            assert_eq!(told(text), expected);
        }
    }

    #[test]
    fn of_what_is_named_as_a_container_only_objects_are_shown() {
        for (text, expected) in [
            (r#"{"data":{"state":"published","email":"x"}}"#, r#"{"data":{"state":"published","email":"(hidden)"}}"#),
            (r#"{"data":[{"state":"published"}]}"#, r#"{"data":[{"state":"published"}]}"#),
            (r#"{"data":["a"],"n":1}"#, r#"{"data":"(hidden)","n":1}"#),
            (r#"{"data":"blob","n":1}"#, r#"{"data":"(hidden)","n":1}"#),
            ("data=blob n=1", "data=(hidden) n=1"),
        ] {
            assert_eq!(told(text), expected);
        }
    }
}
