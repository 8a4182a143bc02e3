//! What went over the wires in a scenario, kept where it did not hold: records and HTTP exchanges, without sensitive fields.

use std::collections::HashSet;

use eventproof_contract::Contract;
use eventproof_evidence::{At, Name, Observation, Seen};
use eventproof_reports::model::{Attachments, Exchange, KeptRecord};
use eventproof_system::{Answer, Params};
use serde_json::Value;

use super::world::Running;

/// Records, and exchanges, that are kept.
const MOST: usize = 60;

/// Characters of a body that are kept.
const LONGEST: usize = 4000;

/// What stands in place of a value that nobody may read.
const HIDDEN: &str = "(hidden)";

impl Running {
    /// The records of its events and of what belongs to them by correlation, and every exchange of its actions.
    pub fn attachments(&self) -> Attachments {
        let hidden = Hidden::of(&self.context.pack.contract);
        let background = self.background.iter().flat_map(|background| &background.events);
        let targets: Vec<_> = self.events.iter().chain(background).map(|event| &event.target).collect();
        let mut correlations: HashSet<Name> = HashSet::new();
        let mut records = Vec::new();
        for observation in self.context.rig.journal.since(self.standpoint.from()) {
            let Observation::Seen(seen) = &*observation else { continue };
            let related = seen.correlation.as_ref().is_some_and(|correlation| correlations.contains(correlation));
            if related || targets.iter().any(|target| target.matches(seen)) {
                correlations.extend(seen.correlation.clone());
                records.push(self.kept(seen, &hidden));
            }
            if records.len() == MOST {
                break;
            }
        }
        Attachments { records, exchanges: self.exchanges.clone() }
    }

    fn kept(&self, seen: &Seen, hidden: &Hidden<'_>) -> KeptRecord {
        let text = |name: &Option<Name>| name.as_deref().map(str::to_owned);
        let contract = &self.context.pack.contract;
        let declared = seen.event_type.as_deref().and_then(|name| contract.message(name));
        let by = declared.and_then(|message| message.envelope.key.as_ref()).map(|rule| rule.pointer.as_str());
        let key = match by.is_some_and(|pointer| hidden.is_pointer(pointer)) {
            true => Some(HIDDEN.to_owned()),
            false => text(&seen.key),
        };
        let shown = seen.fields.iter().filter(|(pointer, _)| !hidden.is_pointer(pointer));
        KeptRecord {
            at_ms: millis(seen.at, self.began),
            place: seen.place().to_string(),
            message: text(&seen.event_type),
            id: text(&seen.id),
            correlation: text(&seen.correlation),
            key,
            fields: shown.map(|(pointer, text)| (pointer.to_string(), text.to_string())).collect(),
            violations: seen.violations.clone(),
        }
    }

    /// Keeps what an action sent and was answered.
    pub(super) fn keep_exchange(&mut self, action: &str, params: &Params, asked: At, answer: Result<&Answer, String>) {
        if self.exchanges.len() == MOST {
            return;
        }
        let context = self.context.clone();
        let hidden = Hidden::of(&context.pack.contract);
        let without = |text: &str| hidden.without(text, params);
        let at_ms = millis(asked, self.began);
        let took_ms = millis(self.now(), asked);
        self.exchanges.push(match answer {
            Ok(answer) => Exchange {
                at_ms,
                action: action.to_owned(),
                request: without(&answer.request),
                sent: answer.sent.as_ref().map(|body| without(&hidden.body(body))).unwrap_or_default(),
                status: (answer.status > 0).then_some(answer.status),
                answer: without(&hidden.body(&answer.body)),
                took_ms,
            },
            Err(error) => Exchange {
                at_ms,
                action: action.to_owned(),
                request: format!("action \"{action}\""),
                sent: String::new(),
                status: None,
                answer: without(&error),
                took_ms,
            },
        });
    }
}

/// The names of fields that the contract calls sensitive, in whatever message: a body may hold them anywhere.
struct Hidden<'a> {
    names: HashSet<&'a str>,
}

impl<'a> Hidden<'a> {
    fn of(contract: &'a Contract) -> Hidden<'a> {
        let pointers = contract.messages.iter().flat_map(|message| &message.sensitive);
        Hidden { names: pointers.filter_map(|pointer| pointer.rsplit('/').next()).collect() }
    }

    fn is_pointer(&self, pointer: &str) -> bool {
        pointer.split('/').any(|part| self.names.contains(part))
    }

    /// A text in which no parameter of such a name is to be read.
    fn without(&self, text: &str, params: &Params) -> String {
        let secret = params.iter().filter(|(name, value)| self.names.contains(name.as_str()) && !value.is_empty());
        secret.fold(text.to_owned(), |text, (_, value)| text.replace(value.as_str(), HIDDEN))
    }

    /// A body as it may be shown. What is no JSON cannot be looked through, so it is shown only where nothing is sensitive.
    fn body(&self, body: &Value) -> String {
        let text = match body {
            Value::Null => String::new(),
            Value::String(text) if self.names.is_empty() => text.clone(),
            Value::String(text) if text.is_empty() => String::new(),
            Value::String(text) => format!("({} characters that are no JSON)", text.chars().count()),
            json => self.masked(json).to_string(),
        };
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }

    fn masked(&self, json: &Value) -> Value {
        let field = |(name, inner): (&String, &Value)| {
            let value = if self.names.contains(name.as_str()) { HIDDEN.into() } else { self.masked(inner) };
            (name.clone(), value)
        };
        match json {
            Value::Object(fields) => Value::Object(fields.iter().map(field).collect()),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.masked(item)).collect()),
            other => other.clone(),
        }
    }
}

fn millis(at: At, began: At) -> f64 {
    at.since(began).as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_of_a_sensitive_field_is_kept_wherever_it_stands() {
        let hidden = Hidden { names: HashSet::from(["email"]) };
        let body = json!({"user": {"email": "a@b.c", "name": "ann"}, "list": [{"email": ["d@e.f"]}]});
        assert_eq!(hidden.body(&body), r#"{"list":[{"email":"(hidden)"}],"user":{"email":"(hidden)","name":"ann"}}"#);
        assert_eq!(hidden.body(&json!("mail a@b.c")), "(10 characters that are no JSON)");
        let params = Params::from([("email".to_owned(), "a@b.c".to_owned()), ("name".to_owned(), "ann".to_owned())]);
        assert_eq!(hidden.without("GET /users/a@b.c?name=ann", &params), "GET /users/(hidden)?name=ann");
        assert!(hidden.is_pointer("/data/email/0") && !hidden.is_pointer("/data/emails"));
    }
}
