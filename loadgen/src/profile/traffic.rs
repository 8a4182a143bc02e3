//! What is sent: one message or several by weight, their keys and sizes; or an action, or arms of it.

use eventproof_broker::SenderSettings;
use eventproof_source::{Diagnostic, Diagnostics, Fields, Node, Source, units};

use super::{Arm, Requests, Stream, Traffic, replay};
use crate::draw::{Keys, PayloadSize};

const COMPRESSIONS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
/// How many keys there are where a profile says nothing.
const KEYS: u64 = 1000;
/// How many requests may be under way where a profile says nothing.
const IN_FLIGHT: u64 = 1000;
/// What is said of records, and means nothing of requests.
const OF_RECORDS: [&str; 4] = ["keys", "payload_size", "producer", "follows"];

/// What a replay has from what was.
const OF_OTHERS: [&str; 5] = ["keys", "payload_size", "with", "in_flight", "follows"];

/// Reads `message`, `messages`, `action`, `arms` or `replay`, with what belongs to it.
pub(super) fn traffic(fields: &mut Fields<'_>, source: &Source, faults: &mut Diagnostics) -> Option<Traffic> {
    let stream = stream(fields, source, faults);
    let requests = requests(fields, source, faults);
    let named = ["message", "messages", "action", "arms", "replay"].map(|key| fields.node(key).is_some());
    if named.iter().filter(|named| **named).count() != 1 {
        let message = "a load profile has exactly one of `message`, `messages`, `action`, `arms` and `replay`";
        let help = "write `message: order.created`, `messages: {order.created: 8, order.deleted: 2}`, `action: create order`, `arms: {off: {action: …}, on: {action: …}}`, or `replay: {file: trace.jsonl}`";
        faults.push(Diagnostic::error("load/traffic", message).at(source, fields.span()).help(help));
        return None;
    }
    if named[0] || named[1] {
        let misplaced = ["with", "in_flight"];
        return refuse(fields, &misplaced, "requests", source, faults).then_some(Traffic::Records(stream?));
    }
    if named[4] {
        let node = fields.node("replay")?;
        let producer = fields
            .node("producer")
            .map_or_else(|| Some(SenderSettings::default()), |node| producer(node, source, faults));
        let replay = replay::replay(node, producer, source, faults);
        return refuse(fields, &OF_OTHERS, "a load that is made anew", source, faults)
            .then_some(Traffic::Replay(replay?));
    }
    refuse(fields, &OF_RECORDS, "records", source, faults).then_some(Traffic::Actions(requests?))
}

/// Notes what is said of the other kind of load.
fn refuse(fields: &mut Fields<'_>, keys: &[&'static str], of: &str, source: &Source, faults: &mut Diagnostics) -> bool {
    let there: Vec<_> = keys.iter().filter_map(|key| Some((key, fields.node(key)?))).collect();
    for (key, node) in &there {
        let message = format!("`{key}` is said of {of}, and there are none in this profile");
        faults
            .push(Diagnostic::error("load/traffic", message).at(source, node.span).help(format!("leave `{key}` out")));
    }
    there.is_empty()
}

fn stream(fields: &mut Fields<'_>, source: &Source, faults: &mut Diagnostics) -> Option<Stream> {
    let one = fields.string("message", faults).map(|name| vec![(name, 1.0)]);
    let several = fields.node("messages").and_then(|node| weights(node, source, faults));
    let payload_size = fields.node("payload_size").and_then(|node| size(node, source, faults));
    let keys = fields.node("keys").map_or(Some(Keys::Uniform(KEYS)), |node| keys(node, source, faults));
    let producer =
        fields.node("producer").map_or_else(|| Some(SenderSettings::default()), |node| producer(node, source, faults));
    Some(Stream { messages: one.or(several)?, payload_size, keys: keys?, producer: producer? })
}

/// `{content.post.created: 8, content.post.deleted: 2}`
fn weights(node: &Node, source: &Source, faults: &mut Diagnostics) -> Option<Vec<(String, f64)>> {
    let mut wrong = |node: &Node, message: String| {
        let help = "write each message with its share: {order.created: 8, order.deleted: 2}";
        faults.push(Diagnostic::error("load/messages", message).at(source, node.span).help(help));
    };
    let Some(entries) = node.entries().filter(|entries| !entries.is_empty()) else {
        wrong(node, format!("`messages` must be a mapping from names to weights, this is {}", node.kind()));
        return None;
    };
    let mut weights = Vec::new();
    for entry in entries {
        let weight = entry.value.scalar_text().and_then(|text| text.parse::<f64>().ok());
        match weight.filter(|weight| weight.is_finite() && *weight > 0.0) {
            Some(weight) => weights.push((entry.key.clone(), weight)),
            None => wrong(&entry.value, format!("the weight of `{}` must be a number above 0", entry.key)),
        }
    }
    (weights.len() == entries.len()).then_some(weights)
}

/// `500`, `{count: 500, skew: zipf, exponent: 1.1}`, `{count: 500, hot: 20 %}`
fn keys(node: &Node, source: &Source, faults: &mut Diagnostics) -> Option<Keys> {
    let whole = |text: &str| {
        let count = text.parse().ok().filter(|count| *count > 0 && *count <= MOST_KEYS);
        count.ok_or_else(|| format!("`{text}` is no whole number from 1 to {MOST_KEYS}"))
    };
    if let Some(text) = node.scalar_text() {
        return whole(&text)
            .map_err(|message| faults.push(Diagnostic::error("load/keys", message).at(source, node.span)))
            .ok()
            .map(Keys::Uniform);
    }
    let mut fields = Fields::of(node, source, "a space of keys", faults)?;
    fields.required("count", faults);
    let count = fields.parsed("count", faults, whole);
    let skew = fields.choice("skew", &["zipf"], faults);
    let exponent = fields.parsed("exponent", faults, |text| {
        let exponent = text.parse::<f64>().ok().filter(|exponent| *exponent > 0.0 && *exponent <= 10.0);
        exponent.ok_or_else(|| format!("`{text}` is no exponent above 0, up to 10"))
    });
    let hot = fields.parsed("hot", faults, |text| {
        let share = units::parse_percent(text)?;
        if share > 0.0 && share < 1.0 { Ok(share) } else { Err(format!("`{text}` is no share between 0 % and 100 %")) }
    });
    let both = (skew.is_some() || exponent.is_some()) && hot.is_some();
    if both || exponent.is_some() && skew.is_none() {
        let help = "write {count: 500, skew: zipf, exponent: 1.1} or {count: 500, hot: 20 %}";
        let message = "keys are spread either by `skew: zipf`, which may have an `exponent`, or by a `hot` one";
        faults.push(Diagnostic::error("load/keys", message).at(source, node.span).help(help));
    }
    fields.finish(faults);
    let count = count?;
    Some(match (skew, hot) {
        (Some(_), _) => Keys::Zipf { count, exponent: exponent.unwrap_or(1.0) },
        (None, Some(share)) => Keys::Hot { count, share },
        (None, None) => Keys::Uniform(count),
    })
}

/// More keys than that are a table of their own in memory.
const MOST_KEYS: u64 = 10_000_000;

/// `1000 B`, `{from: 200 B, to: 4 KiB}`, `{p50: 1 KiB, p99: 10 KiB}`
fn size(node: &Node, source: &Source, faults: &mut Diagnostics) -> Option<PayloadSize> {
    if let Some(text) = node.scalar_text() {
        return units::parse_size(&text)
            .map_err(|message| faults.push(Diagnostic::error("load/payload-size", message).at(source, node.span)))
            .ok()
            .map(|size| PayloadSize::Exactly(size as usize));
    }
    let mut fields = Fields::of(node, source, "a payload size", faults)?;
    let mut bound = |key| fields.size(key, faults).map(|size| size as usize);
    let (from, to, p50, p99) = (bound("from"), bound("to"), bound("p50"), bound("p99"));
    fields.finish(faults);
    let size = match (from, to, p50, p99) {
        (Some(from), Some(to), None, None) if from <= to => Some(PayloadSize::Uniform { from, to }),
        (None, None, Some(p50), Some(p99)) if p50 <= p99 && p50 > 0 => Some(PayloadSize::LogNormal { p50, p99 }),
        _ => None,
    };
    if size.is_none() {
        let message = "a payload size is one size, a range, or a median with a 99th percentile above it";
        let help = "write 1000 B, {from: 200 B, to: 4 KiB} or {p50: 1 KiB, p99: 10 KiB}";
        faults.push(Diagnostic::error("load/payload-size", message).at(source, node.span).help(help));
    }
    size
}

/// Kafka's own settings of a producer; what is left out is as [`SenderSettings::default`] says.
fn producer(node: &Node, source: &Source, faults: &mut Diagnostics) -> Option<SenderSettings> {
    let mut fields = Fields::of(node, source, "a producer", faults)?;
    let usual = SenderSettings::default();
    let settings = SenderSettings {
        linger: fields.duration("linger", faults),
        batch_bytes: fields.size("batch_size", faults).map_or(usual.batch_bytes, |size| size as usize),
        queue_records: fields.u64("queue_records", faults).map(|records| records as usize),
        compression: fields.choice("compression", &COMPRESSIONS, faults).unwrap_or(usual.compression),
        idempotent: fields.bool("idempotence", faults).unwrap_or(usual.idempotent),
    };
    fields.finish(faults);
    Some(settings)
}

fn requests(fields: &mut Fields<'_>, source: &Source, faults: &mut Diagnostics) -> Option<Requests> {
    let action = fields.string("action", faults);
    let with = fields.texts("with", faults).into_iter().collect();
    let in_flight = fields.u64("in_flight", faults).unwrap_or(IN_FLIGHT).max(1) as usize;
    let arms = match (action, fields.node("arms")) {
        (Some(action), _) => vec![Arm { name: String::new(), action, with, follow: true }],
        (None, Some(node)) => arms(node, &with, source, faults)?,
        (None, None) => return None,
    };
    Some(Requests { arms, in_flight })
}

/// `{off: {action: create task quietly}, on: {action: create task, with: {flag: "1"}}}`
fn arms(
    node: &Node,
    shared: &eventproof_system::Params,
    source: &Source,
    faults: &mut Diagnostics,
) -> Option<Vec<Arm>> {
    let entries = node.entries().unwrap_or_default();
    if entries.len() < 2 {
        let message = "`arms` are two or more ways to make a request, side by side";
        let help = "write such as {off: {action: create task quietly}, on: {action: create task}}";
        faults.push(Diagnostic::error("load/arms", message).at(source, node.span).help(help));
        return None;
    }
    let arms = entries.iter().map(|entry| {
        let mut fields = Fields::of(&entry.value, source, "an arm", faults)?;
        let action = fields.required_string("action", faults);
        let mut with = shared.clone();
        with.extend(fields.texts("with", faults));
        let follow = fields.bool("follow", faults).unwrap_or(true);
        fields.finish(faults);
        Some(Arm { name: entry.key.clone(), action: action?, with, follow })
    });
    arms.collect::<Vec<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use eventproof_source::parse_yaml;

    use super::*;

    fn read(text: &str) -> Result<Traffic, String> {
        let source = Source::inline("load.yaml", text);
        let node = parse_yaml(&source).unwrap();
        let mut faults = Diagnostics::default();
        let mut fields = Fields::of(&node, &source, "a load profile", &mut faults).unwrap();
        let traffic = traffic(&mut fields, &source, &mut faults);
        if faults.has_errors() { Err(faults.render(false)) } else { Ok(traffic.unwrap()) }
    }

    #[test]
    fn records_have_messages_keys_and_sizes() {
        let text = "messages: {a: 8, b: 2}\nkeys: {count: 500, skew: zipf, exponent: 1.1}\npayload_size: {p50: 1 KiB, p99: 10 KiB}\n";
        let Ok(Traffic::Records(stream)) = read(text) else { panic!("no records") };
        assert_eq!(stream.messages, [("a".to_owned(), 8.0), ("b".to_owned(), 2.0)]);
        assert_eq!(stream.keys, Keys::Zipf { count: 500, exponent: 1.1 });
        assert_eq!(stream.payload_size, Some(PayloadSize::LogNormal { p50: 1024, p99: 10_240 }));
        let Ok(Traffic::Records(stream)) = read("message: a\nkeys: {count: 5, hot: 20 %}\npayload_size: 9 B") else {
            panic!("no records")
        };
        assert_eq!(
            (stream.keys, stream.payload_size),
            (Keys::Hot { count: 5, share: 0.2 }, Some(PayloadSize::Exactly(9)))
        );
    }

    #[test]
    fn requests_have_arms() {
        let text =
            "with: {user: bob}\narms: {off: {action: quietly, follow: false}, on: {action: loudly, with: {user: eve}}}";
        let Ok(Traffic::Actions(requests)) = read(text) else { panic!("no requests") };
        let arms: Vec<_> =
            requests.arms.iter().map(|arm| (&*arm.name, &*arm.action, &*arm.with["user"], arm.follow)).collect();
        assert_eq!(arms, [("off", "quietly", "bob", false), ("on", "loudly", "eve", true)]);
    }

    #[test]
    fn what_cannot_be_sent_says_what_to_write() {
        let texts = [
            "keys: 5",
            "message: a\nmessages: {a: 1}",
            "messages: {a: 1, b: none}",
            "messages: a",
            "message: a\nkeys: {count: 5, hot: 20 %, skew: zipf}",
            "message: a\nkeys: {count: 0, hot: 120 %}",
            "message: a\npayload_size: {from: 2 KB, to: 1 KB}",
            "action: x\nkeys: 5",
            "arms: {on: {action: x}}",
            "message: a\nin_flight: 5",
        ];
        let text = texts.map(|text| format!("{text}\n{}\n", read(text).unwrap_err()));
        insta::assert_snapshot!(text.concat());
    }
}
