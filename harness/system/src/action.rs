//! Actions: what a user of the system would do, over HTTP.

use std::collections::BTreeSet;
use std::time::Duration;

use eventproof_evidence::{At, Cause, Observation};
use serde_json::Value;

use crate::template::{fill, fill_json, placeholders};
use crate::view::{chain, text};
use crate::{ActionSpec, Params, System, SystemError};

/// Characters of a body that a message shows.
const SHOWN: usize = 300;

/// What an action was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Method and address.
    pub request: String,
    /// What was sent with it.
    pub sent: Option<Value>,
    pub status: u16,
    pub body: Value,
    /// The named parts of the answer.
    pub captures: Params,
    pub asked: At,
    pub took: Duration,
    /// How the answer departs from what was expected, if it does.
    pub broken: Option<Cause>,
}

impl System {
    /// Does an action with these values for its placeholders.
    pub async fn act(&self, action: &str, params: &Params) -> Result<Answer, SystemError> {
        let answer = self.request_once(action, params).await?;
        // One that was not answered in time has no status.
        if answer.status > 0 {
            // As system.yaml has it: what was filled in may be nobody else's business.
            let spec = self.action(action)?;
            let text = format!("{} {} answered {}", spec.method, spec.http, answer.status);
            self.journal.push(Observation::Note { text, at: self.clock.now() });
        }
        Ok(answer)
    }

    /// The same without a note in the journal: for loads, whose requests are too many to be remembered one by one.
    pub async fn request_once(&self, action: &str, params: &Params) -> Result<Answer, SystemError> {
        let spec = self.action(action)?;
        let all = self.with_settings(params);
        let request = self.request(spec, &all)?;
        let asked = self.clock.now();
        let shown = format!("{} {}", spec.method, fill(&spec.http, &all)?);
        let body = spec.json.as_ref().map(|json| fill_body(json, &all)).transpose()?;
        let failed = |detail: String| SystemError::Request { request: shown.clone(), detail };
        let sent = async { request.send().await.map(|answer| (answer.status().as_u16(), answer)) };
        let answered = async {
            let (status, answer) = sent.await?;
            Ok::<_, reqwest::Error>((status, answer.text().await?))
        };
        let (status, answer) = match spec.within {
            None => answered.await.map_err(|error| failed(chain(&error)))?,
            Some(within) => match tokio::time::timeout(within, answered).await {
                Ok(answer) => answer.map_err(|error| failed(chain(&error)))?,
                Err(_) => return Ok(self.unanswered(spec, (shown, body), within, asked)),
            },
        };
        let took = self.clock.now().since(asked);
        let json = serde_json::from_str(&answer).unwrap_or(Value::String(answer));
        let broken = unexpected(spec, status, &json);
        let captures = match &broken {
            None => captures(spec, &json).map_err(failed)?,
            Some(_) => Params::new(),
        };
        Ok(Answer { request: shown, sent: body, status, body: json, captures, asked, took, broken })
    }

    /// What an action comes to that was not answered in time.
    fn unanswered(
        &self,
        spec: &ActionSpec,
        (request, sent): (String, Option<Value>),
        within: Duration,
        asked: At,
    ) -> Answer {
        let text = |what: &str| format!("{what} within {} s", within.as_secs_f64());
        let (expected, actual) = (text("an answer"), text("none"));
        let broken = Some(Cause::ActionFailed { action: spec.name.clone(), expected, actual });
        let took = self.clock.now().since(asked);
        Answer { request, sent, status: 0, body: Value::Null, captures: Params::new(), asked, took, broken }
    }

    /// The text of a service's `/metrics`.
    pub async fn metrics(&self, service: &str) -> Result<String, SystemError> {
        let address = fill(&format!("{{{service}.url}}/metrics"), &self.settings)?;
        let failed =
            |error: reqwest::Error| SystemError::Request { request: format!("GET {address}"), detail: chain(&error) };
        let answer = self.http.get(&address).send().await.and_then(reqwest::Response::error_for_status);
        answer.map_err(failed)?.text().await.map_err(failed)
    }

    /// The action of that name.
    pub fn action(&self, name: &str) -> Result<&ActionSpec, SystemError> {
        self.spec().action(name).ok_or_else(|| SystemError::Unknown {
            kind: "action",
            name: name.to_owned(),
            known: self.spec().actions.iter().map(|action| action.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// Placeholders of an action that the run's settings have no value for.
    pub fn open_placeholders(&self, action: &str) -> Result<Vec<String>, SystemError> {
        let names = self.action(action)?.placeholders();
        Ok(names.into_iter().filter(|name| !self.settings.contains_key(name)).collect())
    }

    fn request(&self, spec: &ActionSpec, params: &Params) -> Result<reqwest::RequestBuilder, SystemError> {
        let address = fill(&spec.http, params)?;
        let method = reqwest::Method::from_bytes(spec.method.as_bytes()).map_err(|error| SystemError::Request {
            request: format!("{} {address}", spec.method),
            detail: error.to_string(),
        })?;
        let mut request = self.http.request(method, address);
        for (name, value) in &spec.headers {
            request = request.header(name, fill(value, params)?);
        }
        if let Some(json) = &spec.json {
            request = request.json(&fill_body(json, params)?);
        }
        Ok(request)
    }
}

/// Every text within a JSON value.
impl ActionSpec {
    /// What is to be filled in: in its address, its headers and its body.
    pub fn placeholders(&self) -> BTreeSet<String> {
        let mut texts = vec![self.http.as_str()];
        texts.extend(self.headers.values().map(String::as_str));
        self.json.iter().for_each(|json| texts_of(json, &mut texts));
        texts.into_iter().flat_map(placeholders).map(str::to_owned).collect()
    }
}

fn texts_of<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, texts)),
        Value::Object(fields) => fields.values().for_each(|field| texts_of(field, texts)),
        _ => {}
    }
}

/// The body to send. A field whose placeholders come to nothing is left out: a scenario that gives nothing sends nothing. A text
/// that is empty as it is written is sent.
fn fill_body(template: &Value, params: &Params) -> Result<Value, SystemError> {
    let mut body = fill_json(template, params)?;
    if let (Value::Object(fields), Value::Object(written)) = (&mut body, template) {
        fields.retain(|name, value| *value != "" || written[name] == "");
    }
    Ok(body)
}

fn unexpected(spec: &ActionSpec, status: u16, body: &Value) -> Option<Cause> {
    let (as_expected, expected) = match spec.status {
        Some(expected) => (status == expected, format!("status {expected}")),
        None => ((200..300).contains(&status), "a 2xx status".to_owned()),
    };
    let actual = || format!("status {status}: {}", text(body).chars().take(SHOWN).collect::<String>());
    (!as_expected).then(|| Cause::ActionFailed { action: spec.name.clone(), expected, actual: actual() })
}

fn captures(spec: &ActionSpec, body: &Value) -> Result<Params, String> {
    let capture = |(name, pointer): (&String, &String)| match body.pointer(pointer) {
        Some(value) => Ok((name.clone(), text(value))),
        None => Err(format!("the answer has nothing at {pointer} for \"{name}\": {body}")),
    };
    spec.captures.iter().map(capture).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use eventproof_evidence::{Journal, RunClock};
    use eventproof_source::Source;
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::{Environment, SystemSpec};

    /// A system whose one service runs already, and answers everything with this.
    async fn answering(head: &'static str) -> System {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            loop {
                let (mut caller, _) = listener.accept().await.unwrap();
                let _ = caller.read(&mut [0; 4096]).await.unwrap();
                let answer = format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}");
                caller.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let text = format!(
            "system: shop\nservices: {{shop: {{url: '{url}'}}}}\nactions:\n  order: {{request: 'POST {{shop.url}}/orders'}}\n  book: {{request: 'POST {{shop.url}}/books', status: 303}}\n"
        );
        let spec = SystemSpec::parse(&Source::inline("system.yaml", &text)).map_err(|faults| faults.render(false));
        System::prepare(spec.unwrap(), &Environment::default(), Journal::default(), Arc::new(RunClock::start()))
            .unwrap()
    }

    #[tokio::test]
    async fn a_redirect_is_the_answer_and_is_not_followed() {
        // To where everything is well, as a page to log in at is.
        let system = answering("303 See Other\r\nlocation: /").await;
        let ordered = system.request_once("order", &Params::new()).await.unwrap();
        assert_eq!(ordered.status, 303);
        assert!(ordered.broken.unwrap().to_string().contains("303"));
        let booked = system.request_once("book", &Params::new()).await.unwrap();
        assert_eq!((booked.status, booked.broken), (303, None));
    }

    #[tokio::test]
    async fn an_error_page_is_no_metrics() {
        assert_eq!(answering("200 OK").await.metrics("shop").await.unwrap(), "{}");
        let error = answering("503 Service Unavailable").await.metrics("shop").await.unwrap_err().to_string();
        assert!(error.contains("503"), "{error}");
    }

    #[test]
    fn only_what_a_scenario_does_not_give_is_left_out() {
        let params = Params::from([("user".to_owned(), "ann".to_owned()), ("note".to_owned(), String::new())]);
        let body = fill_body(&json!({"title": "", "user": "{user}", "note": "{note}"}), &params).unwrap();
        assert_eq!(body, json!({"title": "", "user": "ann"}));
    }
}
