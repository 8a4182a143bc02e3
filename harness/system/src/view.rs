//! Looking at a view: one question, one sample.

use eventproof_evidence::Sample;
use serde_json::Value;

use crate::template::fill;
use crate::{ListView, Params, System, SystemError, ViewKind, ViewSpec};

/// Characters of an answer that a sample keeps.
const DETAIL: usize = 300;

/// A look at a view: what was seen of it, how it was asked, and what it answered.
#[derive(Clone, Debug)]
pub struct Looked {
    pub sample: Sample,
    pub address: String,
    /// `None`: it gave no answer that is JSON.
    pub answer: Option<Value>,
}

impl System {
    /// Asks a list view whether it shows an item, and notes the answer in the journal. `subject` is the name under
    /// which the oracle waits for it.
    pub async fn look(&self, view: &str, params: &Params, item: &str, subject: &str) -> Result<Looked, SystemError> {
        let spec = self.view(view)?;
        let ViewKind::List(list) = &spec.kind else {
            return Err(SystemError::Unknown {
                kind: "list view",
                name: view.to_owned(),
                known: self.names_of_list_views(),
            });
        };
        let address = fill(&list.http, &self.with_settings(params))?;
        let asked = self.clock.now();
        let (answer, (shown, detail)) = match self.fetch(&address).await {
            Ok(answer) => {
                let told = contains(list, &answer, item);
                (Some(answer), told)
            }
            Err(error) => (None, (None, error.to_string())),
        };
        let version = answer.as_ref().and_then(|answer| version_of(list, answer, item));
        let sample = Sample {
            view: view.into(),
            subject: subject.into(),
            shown,
            version,
            detail: detail.chars().take(DETAIL).collect(),
            asked,
            answered: self.clock.now(),
        };
        self.journal.push(eventproof_evidence::Observation::Sampled(sample.clone()));
        Ok(Looked { sample, address, answer })
    }

    /// The view of that name.
    pub fn view(&self, name: &str) -> Result<&ViewSpec, SystemError> {
        self.spec().view(name).ok_or_else(|| SystemError::Unknown {
            kind: "view",
            name: name.to_owned(),
            known: self.spec().views.iter().map(|view| view.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    fn names_of_list_views(&self) -> String {
        let lists = self.spec().views.iter().filter(|view| !view.counts());
        lists.map(|view| view.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The run's settings with the given values over them.
    pub(crate) fn with_settings(&self, params: &Params) -> Params {
        let mut all = self.settings.clone();
        all.extend(params.iter().map(|(name, value)| (name.clone(), value.clone())));
        all
    }

    pub(crate) async fn fetch(&self, address: &str) -> Result<Value, SystemError> {
        let failed = |detail: String| SystemError::Request { request: format!("GET {address}"), detail };
        let answer = self.http.get(address).send().await.map_err(|error| failed(chain(&error)))?;
        let status = answer.status();
        let body = answer.text().await.map_err(|error| failed(chain(&error)))?;
        if !status.is_success() {
            return Err(failed(format!("answered {status}: {}", body.chars().take(DETAIL).collect::<String>())));
        }
        serde_json::from_str(&body).map_err(|error| failed(format!("the answer is no JSON: {error}")))
    }
}

/// An error with its causes: reqwest keeps the telling one at the bottom.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

fn contains(list: &ListView, answer: &Value, item: &str) -> (Option<bool>, String) {
    let Some(items) = answer.pointer(&list.items).and_then(Value::as_array) else {
        return (None, format!("no list at {} in {answer}", list.items));
    };
    let shown = items.iter().filter_map(|entry| entry.pointer(&list.item)).any(|found| text(found) == item);
    (Some(shown), format!("{} items", items.len()))
}

/// The oldest version in which the list shows an item.
fn version_of(list: &ListView, answer: &Value, item: &str) -> Option<i64> {
    let place = list.version.as_ref()?;
    let items = answer.pointer(&list.items)?.as_array()?;
    let entries = items.iter().filter(|entry| entry.pointer(&list.item).is_some_and(|found| text(found) == item));
    entries.filter_map(|entry| text(entry.pointer(place)?).parse().ok()).min()
}

/// A JSON value as the text that people compare: strings without quotes.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn feed() -> ListView {
        let version = Some("/version".to_owned());
        ListView { http: String::new(), items: "/items".into(), item: "/post_id".into(), version }
    }

    #[test]
    fn a_list_shows_an_item_or_not() {
        let answer = json!({"items": [{"post_id": "p1"}, {"post_id": 2}]});
        assert_eq!(contains(&feed(), &answer, "p1").0, Some(true));
        assert_eq!(contains(&feed(), &answer, "2").0, Some(true));
        assert_eq!(contains(&feed(), &answer, "p3").0, Some(false));
    }

    #[test]
    fn the_oldest_version_of_an_item_counts() {
        let answer = json!({"items": [
            {"post_id": "p1", "version": 7}, {"post_id": "p1", "version": "5"}, {"post_id": "p2", "version": 1}, {"post_id": "p3"},
        ]});
        let of = |item| version_of(&feed(), &answer, item);
        assert_eq!((of("p1"), of("p2"), of("p3"), of("p4")), (Some(5), Some(1), None, None));
        assert_eq!(version_of(&ListView { version: None, ..feed() }, &answer, "p1"), None);
    }

    #[test]
    fn an_answer_of_another_shape_is_no_answer() {
        let (shown, detail) = contains(&feed(), &json!({"error": "no"}), "p1");
        assert_eq!(shown, None);
        assert_eq!(detail, r#"no list at /items in {"error":"no"}"#);
    }
}
