//! invite-service: projects and invitations to them, over HTTP. Both are told with guaranteed delivery.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use uuid::Uuid;

use super::event::{self, About};
use super::http::{correlation, text};
use super::{telling, topics};
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::clock::Clock;
use crate::shared::form::Form;
use crate::shared::http::ApiError;
use crate::shared::outbox::{self, outbox_routes};
use crate::shared::sql::{Store, vals};
use crate::shared::store::{answers, open};

pub(super) const NAME: &str = "invite-service";

const WRONG_KEY: FaultInfo = FaultInfo { name: "wrong-key", summary: "uses the event id as the record's key" };
const TWICE: FaultInfo = FaultInfo { name: "published-twice", summary: "publishes every event twice" };
const PERSON: FaultInfo = FaultInfo {
    name: "aggregate-is-person",
    summary: "tells of an invitation under the inviter instead of the project",
};

/// The faults of this service.
pub(super) const FAULTS: &[FaultInfo] = &[WRONG_KEY, TWICE, PERSON];

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS projects (id TEXT PRIMARY KEY, name TEXT NOT NULL, category TEXT NOT NULL, owner TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS invites (id TEXT PRIMARY KEY, project_id TEXT NOT NULL, client_email TEXT NOT NULL);
";

#[derive(Clone)]
struct Api {
    db: Store,
    clock: Clock,
    /// Fault: the inviter is the aggregate.
    person: bool,
}

/// Opens the store and makes the routes.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let db = open(context, NAME, &format!("{TABLES}{}", outbox::SCHEMA)).await?;
    let faults =
        telling::Faults { wrong_key: context.has(WRONG_KEY), twice: context.has(TWICE), ..telling::Faults::default() };
    let relay = telling::relay(&db, telling::publisher(NAME, context)?, faults, context);
    let api = Api { db: db.clone(), clock: context.clock.clone(), person: context.has(PERSON) };
    let router = Router::new()
        .route("/projects", post(create))
        .route("/projects/{project}/invites", post(invite))
        .with_state(api)
        .merge(outbox_routes(db.clone()));
    let stop = context.stop.clone();
    let work = async move {
        relay.run(stop).await;
        Ok(())
    };
    Ok(Parts { router, ready: answers(db), work: Some(("relay", Box::pin(work))) })
}

async fn create(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let mut form = Form::read(&body)?;
    let (name, category, owner) = (text(&mut form, "name"), text(&mut form, "category"), text(&mut form, "createdBy"));
    form.finish(())?;
    let (id, now) = (Uuid::new_v4().to_string(), api.clock.now());
    let data = json!({"projectId": id, "name": name, "category": category, "createdBy": owner});
    let told =
        event::make(topics::PROJECT_CREATED, About::project(NAME, &id, &owner, correlation(&headers)), &data, now);
    let answer = json!({"id": id});
    let insert = "INSERT INTO projects (id, name, category, owner) VALUES (?1, ?2, ?3, ?4)";
    let written = api.db.write(move |tx| {
        tx.run(insert, vals![&id, &name, &category, &owner])?;
        outbox::insert(tx, &told, now.timestamp_millis())
    });
    written.await.map_err(ApiError::store)?;
    Ok((StatusCode::CREATED, Json(answer)))
}

async fn invite(
    State(api): State<Api>,
    Path(project): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let mut form = Form::read(&body)?;
    let (email, inviter) = (text(&mut form, "clientEmail"), text(&mut form, "invitedBy"));
    form.finish(())?;
    let (id, now) = (Uuid::new_v4().to_string(), api.clock.now());
    let data = json!({"projectId": project, "inviteId": id, "clientEmail": email, "invitedBy": inviter});
    let aggregate = if api.person { &inviter } else { &project };
    let about = About::project(NAME, aggregate, &inviter, correlation(&headers));
    let told = event::make(topics::INVITED, about, &data, now);
    let answer = json!({"id": id});
    let insert = "INSERT INTO invites (id, project_id, client_email) VALUES (?1, ?2, ?3)";
    let written = api.db.write(move |tx| {
        tx.run(insert, vals![&id, &project, &email])?;
        outbox::insert(tx, &told, now.timestamp_millis())
    });
    written.await.map_err(ApiError::store)?;
    Ok((StatusCode::CREATED, Json(answer)))
}
