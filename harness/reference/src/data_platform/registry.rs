//! The schema registry: schemas are registered when first written, and fetched by id when first read.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use apache_avro::Schema;
use serde_json::{Value, json};

use super::avro;
use super::stages::{COMMON, Topic};

/// A client that remembers what it learnt: ids never change.
pub(super) struct Registry {
    url: String,
    http: reqwest::Client,
    by_id: Mutex<HashMap<u32, Schema>>,
    ids: Mutex<HashMap<&'static str, u32>>,
}

impl Registry {
    pub(super) fn new(url: &str) -> Registry {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap_or_default();
        Registry { url: url.trim_end_matches('/').to_owned(), http, by_id: Mutex::default(), ids: Mutex::default() }
    }

    /// The id of a schema of a topic, which is registered if it is not; a service writes a topic by one schema only.
    pub(super) async fn id_of(&self, topic: Topic, schema: &str) -> Result<u32, String> {
        if let Some(id) = lock(&self.ids).get(topic.name) {
            return Ok(*id);
        }
        let mut references = Vec::new();
        for (name, text) in COMMON.iter().filter(|(name, _)| schema.contains(name)) {
            self.register(name, json!({"schema": text})).await?;
            references.push(json!({"name": name, "subject": name, "version": 1}));
        }
        let body = json!({"schema": schema, "references": references});
        let id = self.register(&format!("{}-value", topic.name), body).await?;
        lock(&self.ids).insert(topic.name, id);
        Ok(id)
    }

    /// How many schemas there are: every version of every subject.
    pub(super) async fn count(&self) -> Result<usize, Missing> {
        let mut count = 0;
        let subjects = self.get("/subjects").await?.unwrap_or_default();
        for subject in subjects.as_array().into_iter().flatten().filter_map(Value::as_str) {
            let versions = self.get(&format!("/subjects/{subject}/versions")).await?.unwrap_or_default();
            count += versions.as_array().map_or(0, Vec::len);
        }
        Ok(count)
    }

    async fn register(&self, subject: &str, body: Value) -> Result<u32, String> {
        let answer = self.ask(reqwest::Method::POST, &format!("/subjects/{subject}/versions"), Some(body)).await?;
        let id = answer["id"].as_u64().and_then(|id| u32::try_from(id).ok());
        id.ok_or_else(|| format!("the registry gave no id for {subject}: {answer}"))
    }

    /// The schema of an id.
    pub(super) async fn by_id(&self, id: u32) -> Result<Schema, Missing> {
        if let Some(known) = lock(&self.by_id).get(&id) {
            return Ok(known.clone());
        }
        let answer = self.get(&format!("/schemas/ids/{id}")).await?.ok_or(Missing::Unknown(id))?;
        let mut named = Vec::new();
        for reference in answer["references"].as_array().into_iter().flatten() {
            let text = |field: &str| reference[field].as_str().unwrap_or_default().to_owned();
            let path = format!("/subjects/{}/versions/{}", text("subject"), reference["version"]);
            let found = self.get(&path).await?.ok_or(Missing::Unknown(id))?;
            named.push((text("name"), found["schema"].as_str().unwrap_or_default().to_owned()));
        }
        let schema = avro::whole(answer["schema"].as_str().unwrap_or_default(), &named).map_err(Missing::Unusable)?;
        lock(&self.by_id).insert(id, schema.clone());
        Ok(schema)
    }

    async fn get(&self, path: &str) -> Result<Option<Value>, Missing> {
        let answer =
            self.http.get(format!("{}{path}", self.url)).send().await.map_err(|e| Missing::Away(e.to_string()))?;
        match answer.status().as_u16() {
            404 => Ok(None),
            200..300 => answer.json().await.map(Some).map_err(|e| Missing::Away(e.to_string())),
            status => Err(Missing::Away(format!("the registry answered {status}"))),
        }
    }

    async fn ask(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Result<Value, String> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.header("content-type", "application/vnd.schemaregistry.v1+json").body(body.to_string());
        }
        let answer = request.send().await.map_err(|e| e.to_string())?;
        let status = answer.status();
        let body: Value = answer.json().await.map_err(|e| e.to_string())?;
        if status.is_success() { Ok(body) } else { Err(format!("{path}: {status}: {}", body["message"])) }
    }
}

/// Why a schema cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum Missing {
    #[error("schema id {0} is not registered")]
    Unknown(u32),
    #[error("the schema cannot be used: {0}")]
    Unusable(String),
    /// It may be had later.
    #[error("the registry does not answer: {0}")]
    Away(String),
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
