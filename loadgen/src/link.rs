//! What links a request to the event that follows: the fields that system.yaml says, as one text from either side.

use eventproof_contract::Facts;
use eventproof_system::{Params, SystemError, fill};
use serde_json::Value;

use crate::plan::Link;

/// Between the parts of a link; no name or value has it.
const BETWEEN: char = '\u{1f}';

/// The link as the request and its answer have it; an error if they lack what it is made of.
pub(crate) fn link_of_answer(link: &Link, params: &Params) -> Result<String, SystemError> {
    let value = |(pointer, template): (&'_ String, &String)| Ok((pointer.clone(), fill(template, params)?));
    let values: Vec<(String, String)> = link.fields.iter().map(value).collect::<Result<_, SystemError>>()?;
    Ok(joined(&link.message, values.iter().map(|(pointer, text)| (pointer.as_str(), text.clone()))))
}

/// The same as a record has it; none if the record is another message, or lacks a field.
pub(crate) fn link_of_record(link: &Link, facts: &Facts) -> Option<String> {
    if facts.message.as_deref() != Some(link.message.as_str()) {
        return None;
    }
    let values: Option<Vec<(&str, String)>> =
        link.fields.keys().map(|pointer| Some((pointer.as_str(), text(facts.payload.pointer(pointer)?)))).collect();
    Some(joined(&link.message, values?.into_iter()))
}

fn joined<'a>(message: &str, values: impl Iterator<Item = (&'a str, String)>) -> String {
    let mut link = message.to_owned();
    for (pointer, value) in values {
        link.extend([BETWEEN]);
        link.push_str(pointer);
        link.extend([BETWEEN]);
        link.push_str(&value);
    }
    link
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn answer_and_record_have_the_same_link_and_others_another() {
        let fields = BTreeMap::from([
            ("/data/task_id".to_owned(), "{task}".to_owned()),
            ("/data/title".to_owned(), "{title}".to_owned()),
        ]);
        let link = Link { message: "task.created".to_owned(), fields };
        let params = Params::from([("task".to_owned(), "7".to_owned()), ("title".to_owned(), "buy".to_owned())]);
        let facts = |message: &str, task: Value| Facts {
            message: Some(message.to_owned()),
            payload: json!({"data": {"task_id": task, "title": "buy"}}),
            ..Facts::default()
        };
        let ours = link_of_answer(&link, &params).unwrap();
        assert_eq!(link_of_record(&link, &facts("task.created", json!(7))), Some(ours.clone()));
        assert_ne!(link_of_record(&link, &facts("task.created", json!(8))), Some(ours));
        assert_eq!(link_of_record(&link, &facts("task.deleted", json!(7))), None);
    }
}
