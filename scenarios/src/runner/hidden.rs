//! What must be in no output: values of fields that the contract calls sensitive, wherever in a scenario's result they stand.

use std::collections::{BTreeSet, HashSet};

use eventproof_contract::Contract;
use eventproof_evidence::Observation;
use eventproof_reports::model::{Finding, ScenarioResult};
use eventproof_system::Params;
use regex::{Captures, Regex};
use serde_json::Value;

use super::world::Running;

/// What stands in place of a value that nobody may read.
pub(super) const HIDDEN: &str = "(hidden)";

/// Characters of a body that are kept.
const LONGEST: usize = 4000;

/// A value of fewer characters stands in other words too: it is hidden where its name is beside it, and not everywhere.
const SHORTEST: usize = 4;

/// The names of fields that the contract calls sensitive, in whatever message: a text may hold them anywhere.
pub(super) struct Hidden {
    names: HashSet<String>,
    /// `"name": "value"`, also where the end is cut off, and `name=value`.
    beside: Option<Regex>,
}

impl Hidden {
    pub fn of(contract: &Contract) -> Hidden {
        let pointers = contract.messages.iter().flat_map(|message| &message.sensitive);
        Hidden::new(pointers.filter_map(|pointer| pointer.rsplit('/').next()).map(str::to_owned).collect())
    }

    fn new(names: HashSet<String>) -> Hidden {
        let any: Vec<String> = names.iter().filter(|name| !name.is_empty()).map(|name| regex::escape(name)).collect();
        let any = any.join("|");
        let pattern = format!(
            r#"(?<json>\\?"(?:{any})\\?"\s*:\s*)(?:\\?"(?:[^"\\]|\\[^"])*(?:\\?"|$)|[^\s",}}\]]+)|(?<plain>\b(?:{any})=)[^\s&,;"]+"#
        );
        let beside = if any.is_empty() { None } else { Regex::new(&pattern).ok() };
        Hidden { names, beside }
    }

    /// Whether the contract calls nothing sensitive.
    pub fn is_nothing(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether a pointer, or a name such as `post.email`, leads to such a field.
    pub fn is_pointer(&self, pointer: &str) -> bool {
        pointer.split(['/', '.']).any(|part| self.names.contains(part))
    }

    /// A text in which no parameter of such a name is to be read.
    pub fn without(&self, text: &str, params: &Params) -> String {
        let secret = params.iter().filter(|(name, value)| self.is_pointer(name) && !value.is_empty());
        let text = secret.fold(text.to_owned(), |text, (_, value)| text.replace(value.as_str(), HIDDEN));
        self.beside_names(&text)
    }

    /// A text in which what stands beside such a name is not to be read.
    pub fn beside_names(&self, text: &str) -> String {
        let replaced = |found: &Captures<'_>| match (found.name("json"), found.name("plain")) {
            (Some(name), _) => format!("{}\"{HIDDEN}\"", name.as_str()),
            (_, name) => format!("{}{HIDDEN}", name.map_or("", |name| name.as_str())),
        };
        self.beside.as_ref().map_or_else(|| text.to_owned(), |regex| regex.replace_all(text, replaced).into_owned())
    }

    /// A body as it may be shown. What is no JSON cannot be looked through, so it is shown only where nothing is sensitive.
    pub fn body(&self, body: &Value) -> String {
        let text = match body {
            Value::Null => String::new(),
            Value::String(text) if self.is_nothing() => text.clone(),
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
            let value = if self.names.contains(name) { HIDDEN.into() } else { self.masked(inner) };
            (name.clone(), value)
        };
        match json {
            Value::Object(fields) => Value::Object(fields.iter().map(field).collect()),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.masked(item)).collect()),
            other => other.clone(),
        }
    }

    /// Every text within such a field of a body.
    pub fn values_in(&self, json: &Value, within: bool, found: &mut BTreeSet<String>) {
        match json {
            Value::Object(fields) => fields
                .iter()
                .for_each(|(name, inner)| self.values_in(inner, within || self.names.contains(name), found)),
            Value::Array(items) => items.iter().for_each(|item| self.values_in(item, within, found)),
            Value::String(text) if within => drop(found.insert(text.clone())),
            Value::Number(number) if within => drop(found.insert(number.to_string())),
            _ => {}
        }
    }
}

/// What is to be read nowhere in one scenario's result.
struct Secrets<'a> {
    hidden: &'a Hidden,
    /// The longest first: one may be within another.
    values: Vec<String>,
}

impl Secrets<'_> {
    fn hide(&self, text: &mut String) {
        for value in &self.values {
            if text.contains(value.as_str()) {
                *text = text.replace(value.as_str(), HIDDEN);
            }
        }
        let without = self.hidden.beside_names(text);
        if without != *text {
            *text = without;
        }
    }

    fn finding(&self, finding: Option<&mut Finding>) {
        finding.into_iter().for_each(|finding| self.hide(&mut finding.text));
    }

    fn everywhere(&self, result: &mut ScenarioResult) {
        self.finding(result.note.as_mut());
        for step in &mut result.steps {
            self.hide(&mut step.text);
            for row in &mut step.table {
                let is_secret = row.first().is_some_and(|name| self.hidden.is_pointer(name));
                for cell in row.iter_mut().skip(usize::from(is_secret)) {
                    if is_secret { HIDDEN.clone_into(cell) } else { self.hide(cell) }
                }
            }
            self.finding(step.finding.as_mut());
            for sub in &mut step.under {
                self.hide(&mut sub.text);
                self.finding(sub.finding.as_mut());
            }
        }
        result.timeline.iter_mut().for_each(|entry| self.hide(&mut entry.text));
        result.logs.iter_mut().flat_map(|log| &mut log.lines).for_each(|line| self.hide(line));
        for record in &mut result.attachments.records {
            let texts = record.fields.iter_mut().map(|(_, text)| text);
            texts.chain(&mut record.violations).chain(&mut record.key).for_each(|text| self.hide(text));
        }
        for one in &mut result.attachments.exchanges {
            [&mut one.request, &mut one.sent, &mut one.answer].into_iter().for_each(|text| self.hide(text));
        }
        for look in &mut result.attachments.looks {
            [&mut look.question, &mut look.answer].into_iter().for_each(|text| self.hide(text));
        }
    }
}

impl Running {
    /// Hides in a result what the contract calls sensitive: what was published, given and answered under such a name.
    pub(super) fn hide(&self, mut result: ScenarioResult) -> ScenarioResult {
        let hidden = Hidden::of(&self.context.pack.contract);
        if hidden.is_nothing() {
            return result;
        }
        let values = self.secret_values(&hidden);
        Secrets { hidden: &hidden, values }.everywhere(&mut result);
        result
    }

    fn secret_values(&self, hidden: &Hidden) -> Vec<String> {
        let mut found = self.secrets.clone();
        let named = self.values.iter().filter(|(name, _)| hidden.is_pointer(name));
        found.extend(named.map(|(_, value)| value.clone()));
        let background = self.background.iter().flat_map(|background| &background.events);
        for (draft, _) in self.events.iter().chain(background).filter_map(|event| event.draft.as_ref()) {
            hidden.values_in(&draft.event.payload, false, &mut found);
        }
        for observation in self.context.rig.journal.since(self.standpoint.from()) {
            let Observation::Seen(seen) = &*observation else { continue };
            if self.is_secret_key(seen, hidden) {
                found.extend(seen.key.as_deref().map(str::to_owned));
            }
        }
        let mut values: Vec<String> = found.into_iter().filter(|value| value.chars().count() >= SHORTEST).collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn email() -> Hidden {
        Hidden::new(HashSet::from(["email".to_owned()]))
    }

    #[test]
    fn nothing_of_a_sensitive_field_is_kept_wherever_it_stands() {
        let hidden = email();
        let body = json!({"user": {"email": "a@b.c", "name": "ann"}, "list": [{"email": ["d@e.f"]}]});
        assert_eq!(hidden.body(&body), r#"{"list":[{"email":"(hidden)"}],"user":{"email":"(hidden)","name":"ann"}}"#);
        assert_eq!(hidden.body(&json!("mail a@b.c")), "(10 characters that are no JSON)");
        let params = Params::from([("email".to_owned(), "a@b.c".to_owned()), ("name".to_owned(), "ann".to_owned())]);
        assert_eq!(hidden.without("GET /users/a@b.c?name=ann", &params), "GET /users/(hidden)?name=ann");
        assert!(
            hidden.is_pointer("/data/email/0") && hidden.is_pointer("it.email") && !hidden.is_pointer("/data/emails")
        );
        let mut found = BTreeSet::new();
        hidden.values_in(&body, false, &mut found);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a@b.c", "d@e.f"]);
    }

    #[test]
    fn what_stands_beside_such_a_name_in_a_text_is_hidden_also_where_it_is_cut_off() {
        let told = |text: &str| email().beside_names(text);
        assert_eq!(
            told(r#"answered 500: {"email": "a b@c", "n": 1}"#),
            r#"answered 500: {"email": "(hidden)", "n": 1}"#
        );
        assert_eq!(told(r#"no list in {"n":1,"email":"a b@"#), r#"no list in {"n":1,"email":"(hidden)""#);
        assert_eq!(told(r#"{"email":17}"#), r#"{"email":"(hidden)"}"#);
        assert_eq!(told(r#"{\"email\":\"a b@c\",\"n\":1}"#), r#"{\"email\":"(hidden)",\"n\":1}"#);
        assert_eq!(told("GET /u?email=a@b.c&n=1"), "GET /u?email=(hidden)&n=1");
        assert_eq!(told("sent to the email of ann"), "sent to the email of ann");
        assert_eq!(Hidden::new(HashSet::new()).beside_names(r#""email":"x""#), r#""email":"x""#);
    }
}
