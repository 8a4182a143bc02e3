//! A trace from a file of JSON lines: `{"at_ms": 12.5, "message": "order.placed", "key": "o1", "headers": {}, "value": {}}`.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use eventproof_contract::{Contract, Message, Record};
use eventproof_source::{Diagnostic, Diagnostics, Source, Span, nearest};
use serde_json::{Map, Value};

use super::model::{MOST, Trace, Traced};

/// What a line may have.
const KEYS: [&str; 6] = ["at_ms", "message", "key", "headers", "value", "payload_base64"];

/// Reads a file: or every fault.
pub(crate) fn read_file(path: &Path, contract: &Contract) -> Result<Trace, Diagnostics> {
    parse(&Source::read(path)?, contract)
}

fn parse(source: &Source, contract: &Contract) -> Result<Trace, Diagnostics> {
    let (mut faults, mut records, mut start) = (Diagnostics::default(), Vec::new(), 0);
    let (mut first, mut before) = (None, 0.0);
    for (number, text) in source.text().split_inclusive('\n').enumerate() {
        let span = Span { start, end: start + text.trim_end().len() };
        start += text.len();
        if text.trim().is_empty() {
            continue;
        }
        match line(text, contract) {
            Ok((at, _, _)) if at < before => {
                let message = format!("this record was before the one above it ({at} ms, {before} ms)");
                let help = "records stand in the order in which they were";
                faults.push(Diagnostic::error("trace/order", message).at(source, span).help(help));
            }
            Ok((at, message, record)) => {
                before = at;
                let at = Duration::from_secs_f64((at - *first.get_or_insert(at)) / 1e3);
                records.push(Traced { at, message, record, place: format!("line {}", number + 1) });
            }
            Err(fault) => faults.push(fault.at(source, span)),
        }
    }
    if records.is_empty() && !faults.has_errors() {
        let message = "a trace has at least one record".to_owned();
        faults.push(Diagnostic::error("trace/empty", message).at(source, Span { start: 0, end: 0 }));
    }
    if records.len() > MOST {
        let message = format!("a trace of {} records is more than is kept in memory ({MOST})", records.len());
        faults.push(Diagnostic::error("trace/too-long", message).at(source, Span { start: 0, end: 0 }));
    }
    if faults.has_errors() { Err(faults) } else { Ok(Trace { records }) }
}

/// When it was, its message, and the record.
fn line(text: &str, contract: &Contract) -> Result<(f64, String, Record), Diagnostic> {
    let wrong = |message: String| Diagnostic::error("trace/record", message);
    let read: Value = serde_json::from_str(text).map_err(|error| wrong(format!("this is no JSON: {error}")))?;
    let fields = read.as_object().ok_or_else(|| wrong("a record of a trace is a JSON object".to_owned()))?;
    if let Some(unknown) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let help = nearest(unknown, KEYS)
            .map_or_else(|| format!("there are: {}", KEYS.join(", ")), |meant| format!("did you mean `{meant}`?"));
        return Err(wrong(format!("a record of a trace has no `{unknown}`")).help(help));
    }
    let at = fields.get("at_ms").and_then(Value::as_f64).filter(|at| at.is_finite());
    let at = at.ok_or_else(|| wrong("`at_ms` must be the record's instant in milliseconds".to_owned()))?;
    let name = fields.get("message").and_then(Value::as_str).unwrap_or_default();
    let message = contract.message(name).ok_or_else(|| {
        let known = contract.messages.iter().map(|message| message.name.as_str());
        let help = nearest(name, known).map_or_else(
            || "write the name of one of the contract's messages".to_owned(),
            |meant| format!("did you mean `{meant}`?"),
        );
        wrong(format!("there is no message `{name}`")).help(help)
    })?;
    Ok((at, name.to_owned(), record(fields, message).map_err(wrong)?))
}

fn record(fields: &Map<String, Value>, message: &Message) -> Result<Record, String> {
    let bytes = |what: &str, value: &Value| match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(Bytes::from(text.clone()))),
        other => Err(format!("{what} must be a text, this is {other}")),
    };
    let headers = match fields.get("headers") {
        None => Vec::new(),
        Some(headers) => {
            let headers = headers.as_object().ok_or("`headers` must be an object of texts")?;
            let header =
                |(name, value): (&String, &Value)| Ok((name.clone(), bytes(&format!("header `{name}`"), value)?));
            headers.iter().map(header).collect::<Result<_, String>>()?
        }
    };
    let payload = match (fields.get("value"), fields.get("payload_base64")) {
        (Some(_), Some(_)) => return Err("a record has either a `value` or a `payload_base64`".to_owned()),
        (Some(Value::Null), None) | (None, None) => None,
        (Some(value), None) => Some(Bytes::from(message.payload.encode(value)?)),
        (None, Some(text)) => {
            let text = text.as_str().ok_or("`payload_base64` must be a text")?;
            Some(Bytes::from(STANDARD.decode(text).map_err(|error| format!("`payload_base64`: {error}"))?))
        }
    };
    let key = fields.get("key").map(|key| bytes("`key`", key)).transpose()?.flatten();
    Ok(Record { topic: message.topic.clone(), key, headers, payload })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract() -> Contract {
        crate::testing::contract(
            "\
channels:
  orders: {address: orders, messages: {placed: {name: order.placed, payload: {type: object}}}}
",
        )
    }

    #[test]
    fn a_trace_is_a_record_a_line_with_its_instant() {
        let text = "{\"at_ms\": 1000, \"message\": \"order.placed\", \"key\": \"o1\", \"headers\": {\"h\": \"v\", \"n\": null}, \"value\": {\"a\": 1}}\n\n{\"at_ms\": 1012.5, \"message\": \"order.placed\", \"payload_base64\": \"e30=\"}\n";
        let trace = parse(&Source::inline("trace.jsonl", text), &contract()).unwrap();
        let [first, second] = trace.records.as_slice() else { panic!("{trace:?}") };
        assert_eq!((first.at, second.at), (Duration::ZERO, Duration::from_micros(12_500)));
        assert_eq!(
            (first.record.key.as_deref(), first.record.payload.as_deref()),
            (Some(b"o1".as_slice()), Some(b"{\"a\":1}".as_slice()))
        );
        assert_eq!(first.record.headers, [("h".to_owned(), Some(Bytes::from("v"))), ("n".to_owned(), None)]);
        assert_eq!((second.place.as_str(), second.record.payload.as_deref()), ("line 3", Some(b"{}".as_slice())));
    }

    #[test]
    fn every_fault_of_a_trace_is_reported_with_its_line() {
        let text = "{\"at_ms\": 5, \"message\": \"order.plced\"}\n{\"at_ms\": 5, \"mesage\": \"order.placed\"}\nnonsense\n{\"message\": \"order.placed\"}\n{\"at_ms\": 9, \"message\": \"order.placed\"}\n{\"at_ms\": 8, \"message\": \"order.placed\"}\n{\"at_ms\": 9, \"message\": \"order.placed\", \"value\": 1, \"payload_base64\": \"\"}\n";
        let faults = parse(&Source::inline("trace.jsonl", text), &contract()).unwrap_err().render(false);
        insta::assert_snapshot!(faults);
        assert!(
            parse(&Source::inline("trace.jsonl", "\n"), &contract())
                .unwrap_err()
                .render(false)
                .contains("at least one record")
        );
    }
}
