//! Photos over HTTP: uploading, looking, downloading, asking for deletion; and bringing in a kind of event that is new.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use uuid::Uuid;

use super::kinds::Kinds;
use super::sample::Sample;
use super::store::{self, Upload};
use super::{Faults, NAME};
use crate::photo_portfolio::event::{self, About};
use crate::photo_portfolio::http::{correlation, count, text};
use crate::photo_portfolio::topics;
use crate::shared::clock::Clock;
use crate::shared::form::Form;
use crate::shared::http::ApiError;
use crate::shared::log::Log;
use crate::shared::outbox::{self, NewEvent};
use crate::shared::sql::{Store, vals};

type Answer = Result<(StatusCode, Json<Value>), ApiError>;

#[derive(Clone)]
pub(super) struct Api {
    pub(super) db: Store,
    pub(super) clock: Clock,
    pub(super) kinds: Arc<Kinds>,
    /// Only with a fault that needs it.
    pub(super) sample: Option<Sample>,
    pub(super) faults: Faults,
    pub(super) log: Log,
}

/// `POST /projects/{project}/media`, `GET` and `DELETE /media/{id}`, `POST /media/{id}/downloads`, `POST /event-types`.
pub(super) fn routes(api: Api) -> Router {
    Router::new()
        .route("/projects/{project}/media", post(upload))
        .route("/media/{media}", get(look).delete(delete))
        .route("/media/{media}/downloads", post(download))
        .route("/event-types", post(new_kind))
        .with_state(api)
}

async fn upload(State(api): State<Api>, Path(project): Path<String>, headers: HeaderMap, body: Bytes) -> Answer {
    let mut form = Form::read(&body)?;
    let upload = Upload {
        id: Uuid::new_v4().to_string(),
        project,
        file_name: text(&mut form, "originalFileName"),
        size_bytes: count(&mut form, "fileSizeBytes"),
        by: text(&mut form, "uploadedBy"),
    };
    form.finish(())?;
    let told = upload.told(correlation(&headers), api.clock.now());
    let answer = json!({"id": upload.id, "eventId": told.event_id});
    api.store(upload, told).await?;
    Ok((StatusCode::CREATED, Json(answer)))
}

async fn look(State(api): State<Api>, Path(media): Path<String>) -> Answer {
    let asked = media.clone();
    let mut states = api.db.read(move |sql| store::states(sql, &asked)).await.map_err(ApiError::store)?;
    let early = api.faults.published_at_once && !states.is_empty() && !states.iter().any(|state| state == "published");
    states.extend(early.then(|| "published".to_owned()));
    let items: Vec<Value> = states.into_iter().map(|state| json!({"state": state})).collect();
    Ok((StatusCode::OK, Json(json!({"id": media, "items": items}))))
}

async fn delete(State(api): State<Api>, Path(media): Path<String>, headers: HeaderMap) -> Answer {
    let (project, _) = api.media(&media).await?;
    let data = json!({"projectId": project, "mediaId": media, "requestedBy": "owner"});
    api.tell(topics::DELETION_REQUESTED, &project, &headers, data).await
}

async fn download(State(api): State<Api>, Path(media): Path<String>, headers: HeaderMap) -> Answer {
    let (project, size) = api.media(&media).await?;
    let data = json!({"projectId": project, "mediaId": media, "sizeBytes": size});
    api.tell(topics::DOWNLOADED, &project, &headers, data).await
}

async fn new_kind(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Answer {
    let mut form = Form::read(&body)?;
    let (name, project) = (text(&mut form, "name"), text(&mut form, "projectId"));
    if !name.starts_with("file.") {
        form.refuse("name", "must be of the domain that this service owns: file.entity.action");
    }
    form.finish(())?;
    let about = About::project(NAME, &project, "owner", correlation(&headers));
    let now = api.clock.now();
    let made = event::make(topics::UPLOADED, about, &json!({"projectId": project}), now);
    let payload = made.payload.replacen(topics::UPLOADED, &name, 1);
    let told = NewEvent { event_type: "an event of a new kind", topic: name.clone(), payload, ..made };
    api.kinds.create(&name).await.map_err(ApiError::Unavailable)?;
    let id = told.event_id.clone();
    let written = api.db.write(move |tx| outbox::insert(tx, &told, now.timestamp_millis()));
    written.await.map_err(ApiError::store)?;
    Ok((StatusCode::CREATED, Json(json!({"topic": name, "eventId": id}))))
}

impl Api {
    /// The photo and its event; the answer does not wait for Kafka.
    async fn store(&self, upload: Upload, told: NewEvent) -> Result<(), ApiError> {
        let now_ms = self.clock.now_ms();
        let by_sample = self.sample.is_some();
        let (media, row) = (upload.clone(), told.clone());
        let written = self.db.write(move |tx| {
            store::insert(tx, &media, &row.event_id)?;
            if by_sample { Ok(()) } else { outbox::insert(tx, &row, now_ms) }
        });
        written.await.map_err(ApiError::store)?;
        self.log.info(format_args!("stored media={} project={}", upload.id, upload.project));
        match &self.sample {
            Some(sample) if self.faults.no_outbox => self.publish_aside(sample.clone(), upload, told),
            Some(sample) => self.publish_or_roll_back(sample, &upload, &told).await?,
            None => {}
        }
        Ok(())
    }

    /// Fault: the event is only in memory until Kafka has it.
    fn publish_aside(&self, sample: Sample, upload: Upload, told: NewEvent) {
        let (db, log) = (self.db.clone(), self.log);
        tokio::spawn(async move {
            while let Err(error) = sample.publish(&told).await {
                log.warn(format_args!("not published yet event_id={}: {error}", told.event_id));
            }
            if let Err(error) = db.write(move |tx| store::mark_told(tx, &upload.id)).await {
                log.error(error);
            }
        });
    }

    /// Fault: an acknowledgement that does not come undoes the upload, though the event may be on its topic.
    async fn publish_or_roll_back(&self, sample: &Sample, upload: &Upload, told: &NewEvent) -> Result<(), ApiError> {
        let id = upload.id.clone();
        let Err(error) = sample.publish(told).await else {
            return self.db.write(move |tx| store::mark_told(tx, &id)).await.map_err(ApiError::store);
        };
        let undo = self.db.write(move |tx| tx.run("DELETE FROM media WHERE id = ?1", vals![&id]));
        undo.await.map_err(ApiError::store)?;
        Err(ApiError::Unavailable(format!("the upload was rolled back: {error}")))
    }

    async fn media(&self, media: &str) -> Result<(String, i64), ApiError> {
        let asked = media.to_owned();
        let found = self.db.read(move |sql| store::find(sql, &asked)).await.map_err(ApiError::store)?;
        found.ok_or_else(|| ApiError::NotFound(format!("there is no media {media}")))
    }

    async fn tell(&self, kind: &'static str, project: &str, headers: &HeaderMap, data: Value) -> Answer {
        let now = self.clock.now();
        let told = event::make(kind, About::project(NAME, project, "owner", correlation(headers)), &data, now);
        let id = told.event_id.clone();
        let written = self.db.write(move |tx| outbox::insert(tx, &told, now.timestamp_millis()));
        written.await.map_err(ApiError::store)?;
        Ok((StatusCode::ACCEPTED, Json(json!({"eventId": id}))))
    }
}
