//! Reading a mapping field by field: every fault is noted, and a key that nobody asked for is refused with the
//! nearest one that somebody did.

use std::time::Duration;

use crate::{Diagnostic, Diagnostics, Node, Source, Span, nearest, units};

/// The one key that begins with `x-` and is ours.
const EXTENSION: &str = "x-eventproof";

/// A mapping that is being read.
pub struct Fields<'a> {
    node: &'a Node,
    source: &'a Source,
    what: String,
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Begins to read a mapping; anything else is a fault. `what` is what messages call it: "a service".
    pub fn of(node: &'a Node, source: &'a Source, what: &str, faults: &mut Diagnostics) -> Option<Fields<'a>> {
        if node.entries().is_none() {
            faults.push(
                Diagnostic::error("yaml/not-a-mapping", format!("{what} must be a mapping, this is {}", node.kind()))
                    .at(source, node.span),
            );
            return None;
        }
        Some(Fields { node, source, what: what.to_owned(), asked: Vec::new() })
    }

    /// Where the mapping stands.
    pub fn span(&self) -> Span {
        self.node.span
    }

    /// The node of a key.
    pub fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        self.node.get(key)
    }

    /// The node of a key that must be there.
    pub fn required(&mut self, key: &'static str, faults: &mut Diagnostics) -> Option<&'a Node> {
        let node = self.node(key);
        if node.is_none() {
            let message = format!("{} has no `{key}`", self.what);
            faults.push(Diagnostic::error("yaml/missing-key", message).at(self.source, self.node.span));
        }
        node
    }

    /// A text (numbers and truth values are taken as they are written).
    pub fn string(&mut self, key: &'static str, faults: &mut Diagnostics) -> Option<String> {
        let node = self.node(key)?;
        self.text_of(key, node, faults)
    }

    /// A text that must be there.
    pub fn required_string(&mut self, key: &'static str, faults: &mut Diagnostics) -> Option<String> {
        let node = self.required(key, faults)?;
        self.text_of(key, node, faults)
    }

    fn text_of(&self, key: &str, node: &Node, faults: &mut Diagnostics) -> Option<String> {
        let text = node.scalar_text();
        if text.is_none() {
            self.wrong(node, format!("`{key}` must be a text, this is {}", node.kind()), faults);
        }
        text
    }

    /// `5s`, `200 ms`.
    pub fn duration(&mut self, key: &'static str, faults: &mut Diagnostics) -> Option<Duration> {
        self.parsed(key, faults, units::parse_duration)
    }

    /// `1000/s`, as events per second.
    pub fn rate(&mut self, key: &'static str, faults: &mut Diagnostics) -> Option<f64> {
        self.parsed(key, faults, units::parse_rate)
    }

    /// `1000 B`, in bytes.
    pub fn size(&mut self, key: &'static str, faults: &mut Diagnostics) -> Option<u64> {
        self.parsed(key, faults, units::parse_size)
    }

    /// A whole number from zero.
    pub fn u64(&mut self, key: &'static str, faults: &mut Diagnostics) -> Option<u64> {
        self.parsed(key, faults, |text| text.parse().map_err(|_| format!("`{text}` is no whole number from 0")))
    }

    /// `true` or `false`.
    pub fn bool(&mut self, key: &'static str, faults: &mut Diagnostics) -> Option<bool> {
        self.parsed(key, faults, |text| text.parse().map_err(|_| format!("`{text}` is neither true nor false")))
    }

    /// One of some words.
    pub fn choice(&mut self, key: &'static str, words: &[&str], faults: &mut Diagnostics) -> Option<String> {
        self.parsed(key, faults, |text| match words.contains(&text) {
            true => Ok(text.to_owned()),
            false => Err(format!("`{text}` is none of {}", words.join(", "))),
        })
    }

    /// A scalar, read by `read`, whose error becomes a fault at its place.
    pub fn parsed<T>(
        &mut self,
        key: &'static str,
        faults: &mut Diagnostics,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let node = self.node(key)?;
        let text = self.text_of(key, node, faults)?;
        read(&text).map_err(|message| self.wrong(node, message, faults)).ok()
    }

    /// The items of a list; a single value counts as a list of one.
    pub fn list(&mut self, key: &'static str) -> &'a [Node] {
        match self.node(key) {
            Some(node) => node.items().unwrap_or(std::slice::from_ref(node)),
            None => &[],
        }
    }

    /// The texts of a list.
    pub fn strings(&mut self, key: &'static str, faults: &mut Diagnostics) -> Vec<String> {
        self.list(key).iter().filter_map(|node| self.text_of(key, node, faults)).collect()
    }

    /// The items of a list, each read by `read`, whose error becomes a fault at its place.
    pub fn each_parsed<T>(
        &mut self,
        key: &'static str,
        faults: &mut Diagnostics,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let mut parsed = Vec::new();
        for node in self.list(key) {
            let Some(text) = self.text_of(key, node, faults) else { continue };
            parsed.extend(read(&text).map_err(|message| self.wrong(node, message, faults)));
        }
        parsed
    }

    /// A free mapping from names to texts.
    pub fn texts(&mut self, key: &'static str, faults: &mut Diagnostics) -> Vec<(String, String)> {
        self.parsed_texts(key, faults, |text| Ok(text.to_owned()))
    }

    /// A free mapping from names to texts, each read by `read`, whose error becomes a fault at its place.
    pub fn parsed_texts<T>(
        &mut self,
        key: &'static str,
        faults: &mut Diagnostics,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<(String, T)> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let Some(entries) = node.entries() else {
            self.wrong(node, format!("`{key}` must be a mapping, this is {}", node.kind()), faults);
            return Vec::new();
        };
        let mut parsed = Vec::new();
        for entry in entries {
            let Some(text) = self.text_of(&entry.key, &entry.value, faults) else { continue };
            let value = read(&text).map_err(|message| self.wrong(&entry.value, message, faults));
            parsed.extend(value.map(|value| (entry.key.clone(), value)));
        }
        parsed
    }

    /// Notes a fault at a node of this mapping.
    pub fn wrong(&self, node: &Node, message: String, faults: &mut Diagnostics) {
        faults.push(Diagnostic::error("yaml/wrong-value", message).at(self.source, node.span));
    }

    /// Refuses every key that was not asked for; keys that begin with `x-` are anybody's, but those that are nearly ours.
    pub fn finish(self, faults: &mut Diagnostics) {
        for entry in self.node.entries().unwrap_or_default() {
            if is_nearly_ours(&entry.key) {
                let message = format!("unknown key `{}`: what stands under it is not read", entry.key);
                let fault = Diagnostic::error("yaml/unknown-key", message).at(self.source, entry.key_span);
                faults.push_once(fault.help(format!("did you mean `{EXTENSION}`?")));
                continue;
            }
            if entry.key.starts_with("x-") || self.asked.contains(&entry.key.as_str()) {
                continue;
            }
            let help = match nearest(&entry.key, self.asked.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the keys are: {}", self.asked.join(", ")),
            };
            let message = format!("unknown key `{}`", entry.key);
            faults.push(
                Diagnostic::error("yaml/unknown-key", message)
                    .at(self.source, entry.key_span)
                    .label(format!("not a key of {}", self.what))
                    .help(help),
            );
        }
    }
}

/// Two letters off at most: extensions of others may be called alike.
fn is_nearly_ours(key: &str) -> bool {
    key != EXTENSION && strsim::damerau_levenshtein(&key.to_lowercase(), EXTENSION) <= 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_yaml;

    #[test]
    fn all_faults_of_a_mapping_are_reported_at_once_with_places_and_remedies() {
        let source = Source::inline("load.yaml", "rate: fast\nwarmup: 2s\nevents: -3\nsettle: [1]\nx-note: mine\n");
        let node = parse_yaml(&source).unwrap();
        let mut faults = Diagnostics::default();
        let mut fields = Fields::of(&node, &source, "a load profile", &mut faults).unwrap();
        fields.rate("rate", &mut faults);
        fields.duration("warm_up", &mut faults);
        fields.u64("events", &mut faults);
        fields.duration("settle", &mut faults);
        fields.required_string("name", &mut faults);
        fields.finish(&mut faults);
        insta::assert_snapshot!(faults.render(false));
    }

    #[test]
    fn a_slip_in_our_own_extension_is_refused_and_those_of_others_are_not() {
        for slip in ["x-eventprof", "x-evenproof", "x-event-proof", "x-eventPoof", "X-eventproof"] {
            let told = finished(slip);
            assert!(told.contains("did you mean `x-eventproof`?") && told.contains("x.yaml:2:1\n"), "{told}");
        }
        for right in ["x-eventproof", "x-events", "x-event-type", "x-proof"] {
            assert_eq!(finished(right), "0 errors, 0 warnings\n", "{right}");
        }
    }

    /// What is told of a mapping that has this key beside the one that is asked for.
    fn finished(key: &str) -> String {
        let source = Source::inline("x.yaml", &format!("a: 1\n{key}: {{b: 2}}\n"));
        let node = parse_yaml(&source).unwrap();
        let mut faults = Diagnostics::default();
        let mut fields = Fields::of(&node, &source, "it", &mut faults).unwrap();
        fields.node("a");
        fields.finish(&mut faults);
        faults.render(false)
    }

    #[test]
    fn a_tree_keeps_places_of_keys_and_values_behind_chinese_text() {
        let source = Source::inline("x.yaml", "名字: 值\nlist: [a, {b: c}]\n");
        let node = parse_yaml(&source).unwrap();
        let text = |span: Span| &source.text()[span.start..span.end];
        let entries = node.entries().unwrap();
        assert_eq!((text(entries[0].key_span), text(entries[0].value.span)), ("名字", "值"));
        let inner = &entries[1].value.items().unwrap()[1];
        let entry = &inner.entries().unwrap()[0];
        assert_eq!((text(entry.key_span), text(entry.value.span)), ("b", "c"));
    }

    #[test]
    fn a_key_that_stands_twice_is_an_error() {
        let source = Source::inline("x.yaml", "a: 1\na: 2\n");
        let faults = parse_yaml(&source).unwrap_err();
        assert_eq!(faults.iter().next().unwrap().place().unwrap().1, 2);
    }

    #[test]
    fn words_like_yes_stay_words() {
        let source = Source::inline("x.yaml", "a: yes\nb: true\n");
        let node = parse_yaml(&source).unwrap();
        assert_eq!(node.to_json(), serde_json::json!({"a": "yes", "b": true}));
    }
}
