//! A client of Confluent's schema registry API.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eventproof_contract::{SchemaImport, SchemaKind, SchemaText};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::RegistryError;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(15);
/// How deep schemas may name each other.
const DEEP: usize = 32;

/// A client; clones share connections and what they learnt. Schemas by id never change: each is asked for once.
#[derive(Clone, Debug)]
pub struct RegistryClient {
    base: Url,
    http: reqwest::Client,
    by_id: Arc<Mutex<HashMap<u32, SchemaText>>>,
}

/// A version of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub version: u32,
    pub id: u32,
    pub text: SchemaText,
}

impl RegistryClient {
    /// A client of the registry at `url`, such as `http://localhost:8081` or `http://localhost:8080/apis/ccompat/v7`. A user and
    /// password in it are sent along.
    ///
    /// # Errors
    /// If that is no address.
    pub fn new(url: &str) -> Result<RegistryClient, RegistryError> {
        let wrong = || RegistryError::Address { url: without_secrets(url) };
        let base = Url::parse(url.trim_end_matches('/')).map_err(|_| wrong())?;
        if base.cannot_be_a_base() || !matches!(base.scheme(), "http" | "https") {
            return Err(wrong());
        }
        Ok(RegistryClient { http: connections(&base)?, base, by_id: Arc::default() })
    }

    /// The same with connections of its own: those of a client are served by the runtime that made them, and wait with it.
    pub(crate) fn apart(&self) -> Result<RegistryClient, RegistryError> {
        Ok(RegistryClient { http: connections(&self.base)?, ..self.clone() })
    }

    /// Its address, without user and password.
    pub fn url(&self) -> String {
        without_secrets(self.base.as_str())
    }

    /// The names of all subjects.
    pub async fn subjects(&self) -> Result<Vec<String>, RegistryError> {
        let answer = self.ask(Method::GET, &["subjects"], None).await?;
        serde_json::from_value(answer).map_err(|error| strange("subjects", &error))
    }

    /// The last version of a subject; `None` if there is no such subject.
    pub async fn latest(&self, subject: &str) -> Result<Option<Version>, RegistryError> {
        let answer = self.ask(Method::GET, &["subjects", subject, "versions", "latest"], None).await;
        let Some(answer) = present(answer)? else { return Ok(None) };
        let (version, id) = (number(&answer, "version")?, number(&answer, "id")?);
        Ok(Some(Version { version, id, text: self.text(&answer, DEEP).await? }))
    }

    /// The schema of an id; `None` if there is none.
    pub async fn by_id(&self, id: u32) -> Result<Option<SchemaText>, RegistryError> {
        if let Some(known) = self.known().get(&id).cloned() {
            return Ok(Some(known));
        }
        let answer = self.ask(Method::GET, &["schemas", "ids", &id.to_string()], None).await;
        let Some(answer) = present(answer)? else { return Ok(None) };
        let text = self.text(&answer, DEEP).await?;
        self.known().insert(id, text.clone());
        Ok(Some(text))
    }

    /// The id of a schema within a subject; `None` if the subject does not have it.
    pub async fn lookup(&self, subject: &str, text: &SchemaText) -> Result<Option<u32>, RegistryError> {
        let Some(body) = self.body(text, false).await? else { return Ok(None) };
        let answer = self.ask(Method::POST, &["subjects", subject], Some(body)).await;
        present(answer)?.map(|answer| number(&answer, "id")).transpose()
    }

    /// Registers a schema, and those that it names under subjects of their names; returns its id. Registered again, it
    /// keeps its id.
    pub async fn register(&self, subject: &str, text: &SchemaText) -> Result<u32, RegistryError> {
        let body = self.body(text, true).await?.unwrap_or_default();
        let answer = self.ask(Method::POST, &["subjects", subject, "versions"], Some(body)).await?;
        number(&answer, "id")
    }

    /// Whether a schema is compatible with the last version of a subject, by the subject's rule; a subject that is not
    /// there takes anything.
    pub async fn is_compatible(&self, subject: &str, text: &SchemaText) -> Result<bool, RegistryError> {
        // Some registries fail to compare a schema that refers to others: it is asked for whole.
        let text = &text.whole();
        let Some(body) = self.body(text, false).await? else { return Ok(true) };
        let path = ["compatibility", "subjects", subject, "versions", "latest"];
        let Some(answer) = present(self.ask(Method::POST, &path, Some(body)).await)? else { return Ok(true) };
        answer["is_compatible"].as_bool().ok_or_else(|| missing("compatibility", "is_compatible"))
    }

    /// The compatibility level that counts for a subject: its own, or else the registry's.
    pub async fn level(&self, subject: &str) -> Result<String, RegistryError> {
        let own = present(self.ask(Method::GET, &["config", subject], None).await)?;
        let found = match own {
            Some(own) => own,
            None => self.ask(Method::GET, &["config"], None).await?,
        };
        let level = found["compatibilityLevel"].as_str().or(found["compatibility"].as_str());
        level.map(str::to_owned).ok_or_else(|| missing("config", "compatibilityLevel"))
    }

    /// Sets a subject's own compatibility level.
    pub async fn set_level(&self, subject: &str, level: &str) -> Result<(), RegistryError> {
        self.ask(Method::PUT, &["config", subject], Some(json!({"compatibility": level}))).await.map(drop)
    }

    /// The body that says a schema. References are registered first, or else looked up: `None` if one is not there.
    async fn body(&self, text: &SchemaText, register: bool) -> Result<Option<Value>, RegistryError> {
        let mut references: Vec<Value> = Vec::new();
        for (at, import) in text.imports.iter().enumerate() {
            // Each may name those before it.
            let imported =
                SchemaText { kind: text.kind, text: import.text.clone(), imports: text.imports[..at].to_vec() };
            let mut body = said(&imported, named_in(&import.text, &references));
            if register {
                self.ask(Method::POST, &["subjects", &import.name, "versions"], Some(body.clone())).await?;
            }
            let answer = self.ask(Method::POST, &["subjects", &import.name], Some(body.take())).await;
            let Some(answer) = present(answer)? else { return Ok(None) };
            let version = number(&answer, "version")?;
            references.push(json!({"name": import.name, "subject": import.name, "version": version}));
        }
        Ok(Some(said(text, references)))
    }

    /// The schema of an answer, with those that it names.
    async fn text(&self, answer: &Value, deep: usize) -> Result<SchemaText, RegistryError> {
        let kind = answer["schemaType"].as_str().unwrap_or(SchemaKind::Avro.name());
        let kind = SchemaKind::NAMES.iter().find(|(name, _)| *name == kind).map(|(_, kind)| *kind);
        let text = answer["schema"].as_str().ok_or_else(|| missing("schema", "schema"))?.to_owned();
        let mut imports: Vec<SchemaImport> = Vec::new();
        for reference in answer["references"].as_array().into_iter().flatten() {
            let (name, subject) = (&reference["name"], &reference["subject"]);
            let (Some(name), Some(subject), true) = (name.as_str(), subject.as_str(), deep > 0) else {
                return Err(missing("references", "name and subject"));
            };
            let version = number(reference, "version")?.to_string();
            let found = self.ask(Method::GET, &["subjects", subject, "versions", &version], None).await?;
            let found = Box::pin(self.text(&found, deep - 1)).await?;
            imports.extend(
                found
                    .imports
                    .into_iter()
                    .filter(|one| imports.iter().all(|known| known.name != one.name))
                    .collect::<Vec<_>>(),
            );
            imports.push(SchemaImport { name: name.to_owned(), text: found.text });
        }
        let kind = kind.ok_or_else(|| missing("schema", "a schemaType of AVRO, PROTOBUF or JSON"))?;
        Ok(SchemaText { kind, text, imports })
    }

    async fn ask(&self, method: Method, path: &[&str], body: Option<Value>) -> Result<Value, RegistryError> {
        let what = format!("{method} /{}", path.join("/"));
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.header("content-type", "application/vnd.schemaregistry.v1+json").body(body.to_string());
        }
        let unreachable = |error: reqwest::Error| RegistryError::Unreachable {
            url: self.url(),
            detail: error.without_url().to_string(),
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let text = answer.text().await.map_err(unreachable)?;
        let read: Result<Value, _> = serde_json::from_str(&text);
        match read {
            Ok(value) if status.is_success() => Ok(value),
            Err(error) if status.is_success() => Err(strange(&what, &error)),
            other => Err(refused(what, status.as_u16(), &other.unwrap_or_default())),
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<u32, SchemaText>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The references that a text names: by their whole name, or by its last part within the same namespace.
fn named_in(text: &str, references: &[Value]) -> Vec<Value> {
    let is_named = |reference: &&Value| {
        let name = reference["name"].as_str().unwrap_or_default();
        let is_file = name.ends_with(".proto");
        text.contains(name) || (!is_file && name.rsplit('.').next().is_some_and(|last| text.contains(last)))
    };
    references.iter().filter(is_named).cloned().collect()
}

fn connections(base: &Url) -> Result<reqwest::Client, RegistryError> {
    let unreachable = |error: reqwest::Error| RegistryError::Unreachable {
        url: without_secrets(base.as_str()),
        detail: error.without_url().to_string(),
    };
    reqwest::Client::builder().timeout(ANSWER).build().map_err(unreachable)
}

/// A schema, as requests say it.
fn said(text: &SchemaText, references: Vec<Value>) -> Value {
    let mut body = json!({"schema": text.text});
    if text.kind != SchemaKind::Avro {
        body["schemaType"] = text.kind.name().into();
    }
    if !references.is_empty() {
        body["references"] = references.into();
    }
    body
}

fn refused(what: String, status: u16, body: &Value) -> RegistryError {
    let code = body["error_code"].as_u64().and_then(|code| u32::try_from(code).ok()).unwrap_or(status.into());
    let message = body["message"].as_str().unwrap_or("without a word").to_owned();
    RegistryError::Refused { what, code, message }
}

/// `None` for what the registry says is not there.
fn present(answer: Result<Value, RegistryError>) -> Result<Option<Value>, RegistryError> {
    match answer {
        Err(error) if error.is_missing() => Ok(None),
        other => other.map(Some),
    }
}

fn number(answer: &Value, field: &str) -> Result<u32, RegistryError> {
    let found = answer[field].as_u64().and_then(|number| u32::try_from(number).ok());
    found.ok_or_else(|| missing("the request", field))
}

fn missing(what: &str, field: &str) -> RegistryError {
    RegistryError::Strange { what: what.to_owned(), detail: format!("there is no {field}") }
}

fn strange(what: &str, error: &serde_json::Error) -> RegistryError {
    RegistryError::Strange { what: what.to_owned(), detail: error.to_string() }
}

fn without_secrets(url: &str) -> String {
    let Ok(mut parsed) = Url::parse(url) else { return url.rsplit('@').next().unwrap_or_default().to_owned() };
    // An address that cannot have them has none.
    let _ = parsed.set_username("").and_then(|()| parsed.set_password(None));
    parsed.to_string().trim_end_matches('/').to_owned()
}
