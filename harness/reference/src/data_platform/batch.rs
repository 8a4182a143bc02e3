//! A batch of raw data of one organisation: all of it or nothing, in one transaction on one partition.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use rdkafka::error::KafkaError;
use serde_json::json;
use uuid::Uuid;

use super::connector::{Api, Form, NAME};
use super::envelope::Event;
use super::stages;
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::Context;
use crate::shared::http::{ApiError, FieldFault};
use crate::shared::kafka::{KafkaPublisher, OutRecord, Publish, Transaction, Transactions};

pub(super) const NO_TRANSACTION: FaultInfo = FaultInfo {
    name: "batch-without-transaction",
    summary: "publishes a batch record by record: one that is refused half way is there by half",
};

pub(super) const TAKEN_BACK: FaultInfo =
    FaultInfo { name: "batch-taken-back", summary: "takes a batch, and aborts its transaction all the same" };
pub(super) const LEFT_OPEN: FaultInfo =
    FaultInfo { name: "batch-left-open", summary: "takes a batch, and never ends its transaction" };

/// How batches are written.
#[derive(Clone)]
pub(super) enum Batches {
    Whole(Arc<Transactions>, Ending),
    /// Fault: as they come.
    Loose(Arc<KafkaPublisher>),
}

/// What becomes of a transaction once all of a batch is in it.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    Committed,
    /// Fault.
    TakenBack,
    /// Fault.
    LeftOpen,
}

impl Batches {
    pub(super) fn new(context: &Context) -> Result<Batches, ServeError> {
        let (settings, log) = (&context.settings, context.log);
        let (brokers, timeout) = (&settings.brokers, settings.delivery_timeout);
        if context.has(NO_TRANSACTION) {
            let publisher = KafkaPublisher::placing(brokers, NAME, timeout, "murmur2_random", log)?;
            return Ok(Batches::Loose(Arc::new(publisher)));
        }
        // An instance is known by where it listens.
        let id = format!("{NAME}-{}", settings.http_addr);
        let ending = match (context.has(TAKEN_BACK), context.has(LEFT_OPEN)) {
            (true, _) => Ending::TakenBack,
            (_, true) => Ending::LeftOpen,
            _ => Ending::Committed,
        };
        // Kafka ends what is left open after a time: later than anybody looks for it.
        let timeout = if context.has(LEFT_OPEN) { timeout * 20 } else { timeout };
        Ok(Batches::Whole(Arc::new(Transactions::new(brokers, &id, timeout, log)), ending))
    }
}

/// `POST /ingest/batch`: `{"org_id": 7, "bodies": ["…", "…"]}`. An empty body is refused, and with it what came before it.
pub(super) async fn ingest(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    let form = Form::read(&body)?;
    let correlation = api.correlation(&headers);
    let bodies: Vec<String> = serde_json::from_value(form.fields["bodies"].clone()).map_err(|_| {
        ApiError::Invalid(vec![FieldFault { field: "bodies".into(), reason: "must be a list of texts".into() }])
    })?;
    match &api.batches {
        Batches::Whole(transactions, ending) => {
            let transaction = whole(&api, transactions, &form, &correlation, &bodies).await?;
            ended(transaction, *ending).await?;
        }
        Batches::Loose(publisher) => {
            for (at, text) in bodies.iter().enumerate() {
                let record = record(&api, &form, &correlation, at, text).await?;
                publisher.publish(vec![record]).await;
            }
        }
    }
    api.log.info(format_args!("published a batch of {} org_id={}", bodies.len(), form.org_id));
    let said = json!({"correlation_id": correlation, "org_id": form.org_id, "records": bodies.len()});
    Ok((StatusCode::ACCEPTED, Json(said)).into_response())
}

fn unavailable(error: KafkaError) -> ApiError {
    ApiError::Unavailable(error.to_string())
}

async fn ended(transaction: Transaction<'_>, ending: Ending) -> Result<(), ApiError> {
    match ending {
        Ending::Committed => transaction.commit().await.map_err(unavailable),
        Ending::TakenBack => transaction.abort().await.map_err(unavailable),
        Ending::LeftOpen => Ok(()),
    }
}

/// Writes all of a batch into a transaction, which is still to be ended; a batch that is refused ends it.
async fn whole<'t>(
    api: &Api,
    transactions: &'t Transactions,
    form: &Form,
    correlation: &str,
    bodies: &[String],
) -> Result<Transaction<'t>, ApiError> {
    let transaction = transactions.begin().await.map_err(unavailable)?;
    for (at, text) in bodies.iter().enumerate() {
        let written = match record(api, form, correlation, at, text).await {
            Ok(record) => transaction.write(&record).await.map_err(unavailable),
            Err(refused) => Err(refused),
        };
        if let Err(error) = written {
            transaction.abort().await.map_err(unavailable)?;
            return Err(error);
        }
    }
    Ok(transaction)
}

/// All records of a batch have one organisation, and so one partition.
async fn record(api: &Api, form: &Form, correlation: &str, at: usize, text: &str) -> Result<OutRecord, ApiError> {
    if text.is_empty() {
        let fault = FieldFault { field: format!("bodies[{at}]"), reason: "must not be empty".into() };
        return Err(ApiError::Invalid(vec![fault]));
    }
    let event = Event {
        event_id: Uuid::new_v4().to_string(),
        correlation_id: correlation.to_owned(),
        org_id: form.org_id,
        payload: form.raw(text.to_owned()),
    };
    api.record(stages::RAW, &event).await.map_err(ApiError::Unavailable)
}
