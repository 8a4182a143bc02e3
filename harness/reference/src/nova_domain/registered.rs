//! The Protobuf form's schema in a registry: registered when first written, and named before every record as Confluent's serialisers do.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// The document's message, as the contract has it.
const SCHEMA: &str = include_str!("../../../../features/nova-domain/schemas/domain_event.proto");

/// Where the schema is registered, and under which id once that is known: ids never change.
pub(super) struct Registered {
    url: String,
    http: reqwest::Client,
    id: OnceCell<u32>,
}

impl Registered {
    /// That the registry can be reached is not needed for it.
    pub(super) fn new(registry: &str, topic: &str) -> Registered {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap_or_default();
        let url = format!("{}/subjects/{topic}-value/versions", registry.trim_end_matches('/'));
        Registered { url, http, id: OnceCell::new() }
    }

    /// What stands before a record's bytes: a zero, the schema's id, and that its first message is meant.
    pub(super) async fn frame(&self) -> Result<Vec<u8>, String> {
        let id = self.id.get_or_try_init(|| self.register()).await?;
        Ok([&[0], &id.to_be_bytes()[..], &[0]].concat())
    }

    async fn register(&self) -> Result<u32, String> {
        let body = json!({"schemaType": "PROTOBUF", "schema": SCHEMA}).to_string();
        let request = self.http.post(&self.url).header("content-type", "application/vnd.schemaregistry.v1+json");
        let answer = request.body(body).send().await.map_err(|e| format!("the registry does not answer: {e}"))?;
        let said: Value = answer.json().await.map_err(|e| format!("the registry's answer is no JSON: {e}"))?;
        let id = said["id"].as_u64().and_then(|id| u32::try_from(id).ok());
        id.ok_or_else(|| format!("the registry gave no id: {said}"))
    }
}
