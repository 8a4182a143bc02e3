//! Logging in, links, access and page views, over HTTP.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::NAME;
use super::store::{self, NewLink};
use super::views::Views;
use crate::photo_portfolio::event::{self, About};
use crate::photo_portfolio::http::{correlation, text};
use crate::photo_portfolio::topics;
use crate::shared::clock::Clock;
use crate::shared::form::Form;
use crate::shared::http::{ApiError, header_text};
use crate::shared::log::Log;
use crate::shared::outbox;
use crate::shared::sql::{Sql, Store};
use crate::shared::sqlite::DbError;

type Answer = Result<(StatusCode, Json<Value>), ApiError>;

#[derive(Clone)]
pub(super) struct Api {
    pub(super) db: Store,
    pub(super) clock: Clock,
    pub(super) views: Views,
    /// Fault: tells the log a link's token.
    pub(super) leaks: Option<Log>,
    /// Fault: tells the log whom a link is for.
    pub(super) tells_address: Option<Log>,
    /// Fault: tells the log what a link is opened with.
    pub(super) tells_browser: Option<Log>,
}

/// `POST /logins`, `/projects/{project}/links`, `/projects/{project}/accesses`, `/links/open`, `/projects/{project}/views`.
pub(super) fn routes(api: Api) -> Router {
    Router::new()
        .route("/logins", post(log_in))
        .route("/projects/{project}/links", post(link))
        .route("/projects/{project}/accesses", post(access))
        .route("/links/open", post(open))
        .route("/projects/{project}/views", post(view))
        .with_state(api)
}

/// What of a client's machine goes into an event, and nowhere else.
struct Client {
    agent: String,
    address: String,
}

impl Client {
    fn of(headers: &HeaderMap) -> Client {
        let or = |name: &str, other: &str| header_text(headers, name).unwrap_or_else(|| other.to_owned());
        Client { agent: or("user-agent", "unknown"), address: or("x-forwarded-for", "127.0.0.1") }
    }
}

async fn log_in(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Answer {
    let mut form = Form::read(&body)?;
    let user = text(&mut form, "userId");
    form.finish(())?;
    let client = Client::of(&headers);
    let data = json!({"userId": user, "userAgent": client.agent, "ipAddress": client.address});
    let about = About { aggregate_type: "user", ..About::project(NAME, &user, &user, correlation(&headers)) };
    let (told, now_ms) = (event::make(topics::LOGGED_IN, about, &data, api.clock.now()), api.clock.now_ms());
    let id = told.event_id.clone();
    api.db.write(move |tx| outbox::insert(tx, &told, now_ms)).await.map_err(ApiError::store)?;
    Ok((StatusCode::OK, Json(json!({"eventId": id}))))
}

/// A photographer asks for a link to pass on: the answer is the only place where its token is shown.
async fn link(State(api): State<Api>, Path(project): Path<String>, headers: HeaderMap, body: Bytes) -> Answer {
    let mut form = Form::read(&body)?;
    let link = NewLink { project, email: text(&mut form, "clientEmail"), by: text(&mut form, "createdBy") };
    form.finish(())?;
    let about = About::project(NAME, &link.project, &link.by, correlation(&headers));
    let now = api.clock.now();
    if let Some(log) = api.tells_address {
        log.info(format_args!("a link is made for {}", link.email));
    }
    let token = api.db.write(move |tx| store::make(tx, &link, about, now)).await.map_err(ApiError::store)?;
    if let Some(log) = api.leaks {
        log.info(format_args!("made a link with token={token}"));
    }
    Ok((StatusCode::CREATED, Json(json!({"token": token}))))
}

/// A client follows a link: the first time, access is granted as well.
async fn open(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Answer {
    let mut form = Form::read(&body)?;
    let token = text(&mut form, "token");
    form.finish(())?;
    let (client, correlation, now) = (Client::of(&headers), correlation(&headers), api.clock.now());
    if let Some(log) = api.tells_browser {
        log.info(format_args!("a link is opened with {} from {}", client.agent, client.address));
    }
    let opened = api.db.write(move |tx| {
        let Some(link) = store::open(tx, &token, now)? else { return Ok(None) };
        let about = About::project(NAME, &link.project, &link.created_by, correlation);
        if link.first {
            let data = json!({"projectId": link.project, "clientEmail": link.email, "grantedBy": link.created_by});
            outbox::insert(tx, &event::make(topics::GRANTED, about.clone(), &data, now), now.timestamp_millis())?;
        }
        let access = Access { project: &link.project, email: &link.email, method: "magic-link", client };
        access.tell(tx, about, now)?;
        Ok(Some(link.project))
    });
    match opened.await.map_err(ApiError::store)? {
        Some(project) => Ok((StatusCode::OK, Json(json!({"projectId": project})))),
        None => Err(ApiError::NotFound("there is no such link, or its time is over".into())),
    }
}

async fn access(State(api): State<Api>, Path(project): Path<String>, headers: HeaderMap, body: Bytes) -> Answer {
    let mut form = Form::read(&body)?;
    let email = text(&mut form, "clientEmail");
    form.finish(())?;
    let about = About::project(NAME, &project, &project, correlation(&headers));
    let (client, now) = (Client::of(&headers), api.clock.now());
    let written = api.db.write(move |tx| {
        Access { project: &project, email: &email, method: "direct-link", client }.tell(tx, about, now)
    });
    written.await.map_err(ApiError::store)?;
    Ok((StatusCode::OK, Json(json!({}))))
}

async fn view(State(api): State<Api>, Path(project): Path<String>, headers: HeaderMap, body: Bytes) -> Answer {
    let mut form = Form::read(&body)?;
    let page = text(&mut form, "page");
    form.finish(())?;
    let about = About::project(NAME, &project, &project, correlation(&headers));
    let data = json!({"projectId": project, "page": page});
    let told = event::make(topics::VIEWED, about, &data, api.clock.now());
    api.views.tell(told).await.map_err(ApiError::Unavailable)?;
    Ok((StatusCode::ACCEPTED, Json(json!({}))))
}

/// A client's access to a project.
struct Access<'a> {
    project: &'a str,
    email: &'a str,
    method: &'a str,
    client: Client,
}

impl Access<'_> {
    fn tell(self, tx: &dyn Sql, about: About, now: chrono::DateTime<chrono::Utc>) -> Result<(), DbError> {
        let data = json!({
            "projectId": self.project,
            "clientEmail": self.email,
            "accessMethod": self.method,
            "userAgent": self.client.agent,
            "ipAddress": self.client.address,
        });
        outbox::insert(tx, &event::make(topics::ACCESSED, about, &data, now), now.timestamp_millis())
    }
}
