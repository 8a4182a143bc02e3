//! What a profile says of the load itself, setting by setting: two results are compared only if all of it is the same.

use std::collections::BTreeMap;
use std::path::Path;

use eventproof_source::{Node, Source, Value, parse_yaml};

/// Settings that say how long is sent and what is asked of it, not what is sent and how.
const ASIDE: [&str; 7] = ["name", "pack", "events", "duration", "settle", "slip_limit", "objectives"];

/// The settings of a profile's file, as it writes them; empty if it cannot be read.
pub fn workload(profile: &Path) -> BTreeMap<String, String> {
    Source::read(profile).map(|source| settings(&source)).unwrap_or_default()
}

fn settings(source: &Source) -> BTreeMap<String, String> {
    let Ok(Node { value: Value::Map(entries), .. }) = parse_yaml(source) else { return BTreeMap::new() };
    let told = entries.iter().filter(|entry| !ASIDE.contains(&entry.key.as_str()));
    told.map(|entry| (entry.key.clone(), text(&entry.value))).collect()
}

/// A value on one line, whichever way it was written.
fn text(node: &Node) -> String {
    match &node.value {
        Value::Seq(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let mut pairs: Vec<String> =
                entries.iter().map(|entry| format!("{}: {}", entry.key, text(&entry.value))).collect();
            pairs.sort();
            format!("{{{}}}", pairs.join(", "))
        }
        _ => node.scalar_text().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> BTreeMap<String, String> {
        settings(&Source::inline("load.yaml", text))
    }

    #[test]
    fn the_same_load_is_the_same_however_it_is_written() {
        let one =
            of("name: a\nrate: 100/s\nkeys: 50\nproducer: {linger: 5ms, compression: none}\neffects: [handled]\n");
        let other = of(
            "name: b\nevents: 7\neffects:\n  - handled\nkeys: 50\nproducer:\n  compression: none\n  linger: 5ms\nrate: 100/s\nobjectives: [x]\n",
        );
        assert_eq!(one, other);
        assert_eq!(one["producer"], "{compression: none, linger: 5ms}");
        assert_ne!(one, of("rate: 200/s\nkeys: 50\nproducer: {linger: 5ms, compression: none}\neffects: [handled]\n"));
    }
}
