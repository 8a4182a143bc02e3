//! Parameters in the address of a channel.

use eventproof_source::{Diagnostic, Diagnostics, Node};

use super::reference::Document;

/// The address with every parameter that can be only one thing filled in (`default`, or an `enum` of one). What is left
/// in braces may be anything: such a channel is read, and stands for topics that nobody can name.
pub(super) fn address<'a>(
    document: &Document<'a>,
    channel: &str,
    address: String,
    parameters: Option<&'a Node>,
    at: &Node,
    faults: &mut Diagnostics,
) -> String {
    let mut filled = address;
    for entry in parameters.and_then(Node::entries).unwrap_or_default() {
        let braces = format!("{{{}}}", entry.key);
        if let Some(value) = document.follow_any(&entry.value, faults).and_then(only_value) {
            filled = filled.replace(&braces, &value);
        }
    }
    if let Some((_, rest)) = filled.split_once('{') {
        let name = rest.split('}').next().unwrap_or_default();
        let message = format!("channel `{channel}` stands for many topics: its parameter `{name}` has no single value");
        faults.push(
            Diagnostic::warning("contract/open-parameter", message)
                .at(document.source, at.span)
                .help("its records are not observed; give the parameter a `default`, or the Kafka binding a `topic`"),
        );
    }
    filled
}

fn only_value(parameter: &Node) -> Option<String> {
    let default = parameter.get("default").and_then(Node::scalar_text);
    default.or_else(|| match parameter.get("enum")?.items()? {
        [one] => one.scalar_text(),
        _ => None,
    })
}
