//! What is sent again: `replay: {file: trace.jsonl, speed: 2}` or `replay: {topic: orders, from: 2026-11-20T10:00:00Z, speed: 0.5}`.

use chrono::DateTime;
use eventproof_broker::SenderSettings;
use eventproof_source::{Diagnostic, Diagnostics, Fields, Node, Source};

use super::Replay;
use crate::trace::Replayed;

/// Reads a `replay`; its producer stands beside it.
pub(super) fn replay(
    node: &Node,
    producer: Option<SenderSettings>,
    source: &Source,
    faults: &mut Diagnostics,
) -> Option<Replay> {
    let mut fields = Fields::of(node, source, "a replay", faults)?;
    let (file, topic) = (fields.string("file", faults), fields.string("topic", faults));
    let mut instant = |key| {
        let instant = |text: &str| DateTime::parse_from_rfc3339(text).map(|at| at.timestamp_millis());
        let wrong = |text: &str| format!("`{text}` is no instant: write such as 2026-11-20T10:00:00Z");
        fields.parsed(key, faults, |text| instant(text).map_err(|_| wrong(text)))
    };
    let (from_ms, to_ms) = (instant("from"), instant("to"));
    let speed = fields.parsed("speed", faults, |text| {
        let speed = text.parse::<f64>().ok().filter(|speed| *speed > 0.0 && speed.is_finite());
        speed.ok_or_else(|| format!("`{text}` is no factor above 0: 2 is twice as fast"))
    });
    let bounded = fields.node("from").is_some() || fields.node("to").is_some();
    fields.finish(faults);
    let of = match (file, topic) {
        (Some(file), None) if !bounded => {
            Some(Replayed::File(source.path().parent().unwrap_or(std::path::Path::new(".")).join(file)))
        }
        (None, Some(topic)) if from_ms.zip(to_ms).is_none_or(|(from, to)| from < to) => {
            Some(Replayed::Topic { topic, from_ms, to_ms })
        }
        _ => None,
    };
    if of.is_none() {
        let message = "a replay is of a file, or of a topic between two instants";
        let help = "write {file: trace.jsonl} or {topic: orders, from: 2026-11-20T10:00:00Z, to: 2026-11-20T11:00:00Z}";
        faults.push(Diagnostic::error("load/replay", message).at(source, node.span).help(help));
    }
    Some(Replay { of: of?, speed: speed.unwrap_or(1.0), producer: producer? })
}

#[cfg(test)]
mod tests {
    use eventproof_source::parse_yaml;

    use super::*;

    fn read(text: &str) -> Result<Replay, String> {
        let source = Source::inline("load/replay.yaml", text);
        let node = parse_yaml(&source).unwrap();
        let mut faults = Diagnostics::default();
        let replay = replay(&node, Some(SenderSettings::default()), &source, &mut faults);
        if faults.has_errors() { Err(faults.render(false)) } else { Ok(replay.unwrap()) }
    }

    #[test]
    fn a_replay_is_of_a_file_or_of_a_stretch_of_a_topic() {
        let file = read("{file: trace.jsonl, speed: 2}").unwrap();
        assert_eq!((file.of, file.speed), (Replayed::File("load/trace.jsonl".into()), 2.0));
        let topic = read("{topic: orders, from: 2026-11-20T10:00:00Z}").unwrap();
        let expected = Replayed::Topic { topic: "orders".to_owned(), from_ms: Some(1_795_168_800_000), to_ms: None };
        assert_eq!((topic.of, topic.speed), (expected, 1.0));
    }

    #[test]
    fn what_is_no_replay_says_what_to_write() {
        let texts = [
            "{file: a, topic: b}",
            "{speed: 2}",
            "{file: a, from: 2026-11-20T10:00:00Z}",
            "{topic: a, from: yesterday}",
            "{topic: a, from: 2026-11-20T10:00:00Z, to: 2026-11-20T09:00:00Z}",
            "{file: a, speed: 0}",
            "{file: a, sped: 2}",
        ];
        for text in texts {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read("{file: a, speed: 0}").unwrap_err().contains("2 is twice as fast"));
    }
}
