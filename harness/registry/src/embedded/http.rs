//! The routes of Confluent's API.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use eventproof_contract::SchemaKind;
use serde_json::{Value, json};

use super::store::{Store, Version};
use super::verdict::{Level, Refusal};

type Shared = State<Arc<Mutex<Store>>>;
type Answer = Result<Said, Refusal>;
type Options = Query<HashMap<String, String>>;

/// An answer's body.
struct Said(Value);

impl IntoResponse for Said {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/vnd.schemaregistry.v1+json")], self.0.to_string()).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Said(json!({"error_code": self.code, "message": self.message}))).into_response()
    }
}

pub(super) fn routes(store: Arc<Mutex<Store>>) -> Router {
    Router::new()
        .route("/", get(async || Said(json!({}))))
        .route("/subjects", get(subjects))
        .route("/subjects/{subject}", post(lookup).delete(delete_subject))
        .route("/subjects/{subject}/versions", get(versions).post(register))
        .route("/subjects/{subject}/versions/{version}", get(version).delete(delete_version))
        .route("/subjects/{subject}/versions/{version}/schema", get(version_schema))
        .route("/schemas/types", get(async || Said(json!(SchemaKind::NAMES.map(|(name, _)| name)))))
        .route("/schemas/ids/{id}", get(by_id))
        .route("/schemas/ids/{id}/versions", get(uses))
        .route("/compatibility/subjects/{subject}/versions", post(compatible_with_all))
        .route("/compatibility/subjects/{subject}/versions/{version}", post(compatible))
        .route("/config", get(global).put(set_global))
        .route("/config/{subject}", get(level).put(set_level).delete(forget_level))
        .route("/mode", get(async || Said(json!({"mode": "READWRITE"}))))
        .with_state(store)
}

/// Requests never leave the store half changed: a lock whose holder panicked is as good as any.
fn locked(store: &Arc<Mutex<Store>>) -> std::sync::MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(body: &Bytes) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal { code: 400, message: error.to_string() })
}

fn flag(options: &Options, name: &str) -> bool {
    options.get(name).is_some_and(|value| value == "true")
}

fn described(store: &Store, subject: &str, version: &Version) -> Answer {
    let entry = store.entry(version.id)?;
    let mut said = json!({
        "subject": subject, "version": version.number, "id": version.id, "schema": entry.text.text,
    });
    with_kind(&mut said, entry.text.kind, &entry.references);
    Ok(Said(said))
}

/// Avro is what goes without saying.
fn with_kind(said: &mut Value, kind: SchemaKind, references: &[Value]) {
    if kind != SchemaKind::Avro {
        said["schemaType"] = kind.name().into();
    }
    if !references.is_empty() {
        said["references"] = references.into();
    }
}

async fn subjects(State(store): Shared, options: Options) -> Said {
    Said(json!(locked(&store).subjects(flag(&options, "deleted"))))
}

async fn versions(State(store): Shared, Path(subject): Path<String>) -> Answer {
    let versions = locked(&store).versions(&subject)?;
    Ok(Said(versions.iter().map(|version| version.number).collect()))
}

async fn version(State(store): Shared, Path((subject, number)): Path<(String, String)>) -> Answer {
    let store = locked(&store);
    let version = store.version(&subject, &number)?;
    described(&store, &subject, &version)
}

async fn version_schema(
    State(store): Shared,
    Path((subject, number)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let store = locked(&store);
    let version = store.version(&subject, &number)?;
    Ok(store.entry(version.id)?.text.text.clone().into_response())
}

async fn register(State(store): Shared, Path(subject): Path<String>, body: Bytes) -> Answer {
    let mut store = locked(&store);
    let entry = store.read(&read(&body)?)?;
    let id = store.register(&subject, entry)?;
    Ok(Said(json!({"id": id})))
}

async fn lookup(State(store): Shared, Path(subject): Path<String>, body: Bytes) -> Answer {
    let store = locked(&store);
    store.versions(&subject)?;
    let entry = store.read(&read(&body)?)?;
    let version = store.find(&subject, &entry)?;
    described(&store, &subject, &version)
}

async fn delete_subject(State(store): Shared, Path(subject): Path<String>, options: Options) -> Answer {
    let gone = locked(&store).delete(&subject, None, flag(&options, "permanent"))?;
    Ok(Said(json!(gone)))
}

async fn delete_version(
    State(store): Shared,
    Path((subject, number)): Path<(String, String)>,
    options: Options,
) -> Answer {
    let mut store = locked(&store);
    let permanent = flag(&options, "permanent");
    let only = match number.parse() {
        Ok(only) if permanent => only,
        _ => store.version(&subject, &number)?.number,
    };
    store.delete(&subject, Some(only), permanent)?;
    Ok(Said(json!(only)))
}

async fn by_id(State(store): Shared, Path(id): Path<String>) -> Answer {
    let store = locked(&store);
    let entry = store.entry(id.parse().map_err(|_| Refusal::schema(&format!("Schema {id} not found")))?)?;
    let mut said = json!({"schema": entry.text.text});
    with_kind(&mut said, entry.text.kind, &entry.references);
    Ok(Said(said))
}

async fn uses(State(store): Shared, Path(id): Path<u32>) -> Answer {
    let store = locked(&store);
    store.entry(id)?;
    Ok(Said(json!(store.uses(id))))
}

async fn compatible(State(store): Shared, Path((subject, number)): Path<(String, String)>, body: Bytes) -> Answer {
    let store = locked(&store);
    let is_latest = matches!(number.as_str(), "latest" | "-1");
    match store.version(&subject, &number) {
        Ok(version) => compared(&store, &subject, &[version], &body),
        // The first version of a subject follows nothing.
        Err(_) if is_latest => compared(&store, &subject, &[], &body),
        Err(refusal) => Err(refusal),
    }
}

async fn compatible_with_all(State(store): Shared, Path(subject): Path<String>, body: Bytes) -> Answer {
    let store = locked(&store);
    let versions = store.versions(&subject)?;
    compared(&store, &subject, store.level(&subject).counting(&versions), &body)
}

fn compared(store: &Store, subject: &str, versions: &[Version], body: &Bytes) -> Answer {
    let entry = store.read(&read(body)?)?;
    let why = store.judge(subject, &entry, versions)?;
    Ok(Said(json!({"is_compatible": why.is_empty(), "messages": why})))
}

async fn global(State(store): Shared) -> Said {
    Said(json!({"compatibilityLevel": locked(&store).global().name()}))
}

async fn set_global(State(store): Shared, body: Bytes) -> Answer {
    let level = level_of(&body)?;
    locked(&store).set_global(level);
    Ok(Said(json!({"compatibility": level.name()})))
}

async fn level(State(store): Shared, Path(subject): Path<String>, options: Options) -> Answer {
    let store = locked(&store);
    let inherited = flag(&options, "defaultToGlobal").then(|| store.global());
    let level = store.own_level(&subject).or(inherited).ok_or_else(|| Refusal::no_level(&subject))?;
    Ok(Said(json!({"compatibilityLevel": level.name()})))
}

async fn set_level(State(store): Shared, Path(subject): Path<String>, body: Bytes) -> Answer {
    let level = level_of(&body)?;
    locked(&store).set_level(&subject, level);
    Ok(Said(json!({"compatibility": level.name()})))
}

async fn forget_level(State(store): Shared, Path(subject): Path<String>) -> Answer {
    let level = locked(&store).forget_level(&subject).ok_or_else(|| Refusal::no_level(&subject))?;
    Ok(Said(json!({"compatibilityLevel": level.name()})))
}

fn level_of(body: &Bytes) -> Result<Level, Refusal> {
    Level::parse(read(body)?["compatibility"].as_str().unwrap_or_default())
}
