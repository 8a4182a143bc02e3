//! Retries over topics: what fails is written to a retry topic with the time before which it is not to be tried again, and after
//! the last attempt to the dead-letter topic. A second group reads the retry topics, so that the first never waits.

use std::sync::Arc;
use std::time::Duration;

use super::RETRIES;
use super::gentle::Reading;
use super::job::Job;
use super::ledger::Ledger;
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::Context;
use crate::shared::clock::Clock;
use crate::shared::dead_letter::{Unreadable, dead_letter};
use crate::shared::kafka::{
    BatchHandler, Consumer, ConsumerFaults, ConsumerSettings, Header, KafkaPublisher, OutRecord, Publish, Record,
    TryAgain, on_a_thread, readiness,
};
use crate::shared::log::Log;
use crate::shared::stop::Stop;

/// In all, the first among them.
const ATTEMPTS: u32 = 3;
/// Before the second attempt; twice as long before the third.
const FIRST_BACKOFF: Duration = Duration::from_millis(600);
/// Which attempt a record in a retry topic is for, and when it is due.
const ATTEMPT: &str = "attempt";
const DUE: &str = "due_ms";

const ONE_LESS: FaultInfo = FaultInfo { name: "one-less", summary: "gives up after one attempt less" };
const ONE_MORE: FaultInfo = FaultInfo { name: "one-more", summary: "gives up after one attempt more" };
const NO_BACKOFF: FaultInfo = FaultInfo { name: "no-backoff", summary: "tries again at once" };
const LOSES_ID: FaultInfo =
    FaultInfo { name: "loses-id", summary: "writes what is to be tried again without its key and its event id" };
const WORKS_TWICE: FaultInfo =
    FaultInfo { name: "works-twice", summary: "has its effect before it fails, and again when it is tried again" };

/// The faults of this service.
pub(super) const FAULTS: &[FaultInfo] = &[ONE_LESS, ONE_MORE, NO_BACKOFF, LOSES_ID, WORKS_TWICE];

pub(super) fn read(context: &Context, ledger: Ledger) -> Result<Reading, ServeError> {
    let settings = &context.settings;
    let publisher = KafkaPublisher::new(&settings.brokers, RETRIES, settings.delivery_timeout, context.log)?;
    let trying = Trying {
        ledger,
        publisher: Arc::new(publisher),
        main: settings.topics.first().cloned().unwrap_or_default(),
        attempts: ATTEMPTS + u32::from(context.has(ONE_MORE)) - u32::from(context.has(ONE_LESS)),
        backoff: if context.has(NO_BACKOFF) { Duration::ZERO } else { FIRST_BACKOFF },
        loses_id: context.has(LOSES_ID),
        works_twice: context.has(WORKS_TWICE),
        clock: context.clock.clone(),
        log: context.log,
        stop: context.stop.clone(),
    };
    let first = ConsumerSettings::new(settings, RETRIES, ConsumerFaults::default());
    let mut again = first.clone();
    again.group = format!("{}-again", first.group);
    again.topics = vec![trying.retry_topic(1), trying.retry_topic(2)];
    again.batch = 1;
    let consume =
        |settings, trying| Consumer::new(settings, trying, context.metrics.clone(), context.log, context.stop.clone());
    let (first, again) = (consume(first, trying.clone())?, consume(again, trying)?);
    let ready = (readiness(first.assignment()), readiness(again.assignment()));
    let check = Arc::new(move || -> futures::future::BoxFuture<'static, Result<(), String>> {
        let both = (ready.0(), ready.1());
        Box::pin(async move { both.0.await.and(both.1.await) })
    });
    let work = async move {
        let (one, other) = (on_a_thread(move || first.run()), on_a_thread(move || again.run()));
        futures::future::try_join(one, other).await.map(drop)
    };
    Ok((check, Box::pin(work)))
}

/// Tries jobs.
#[derive(Clone)]
struct Trying {
    ledger: Ledger,
    publisher: Arc<dyn Publish>,
    main: String,
    attempts: u32,
    backoff: Duration,
    loses_id: bool,
    works_twice: bool,
    clock: Clock,
    log: Log,
    stop: Stop,
}

impl BatchHandler for Trying {
    async fn handle(&mut self, batch: &[Record]) -> Result<(), TryAgain> {
        for record in batch {
            self.until_due(record).await?;
            self.take(record).await?;
        }
        Ok(())
    }
}

impl Trying {
    fn retry_topic(&self, number: u32) -> String {
        format!("{}.retry-{number}", self.main)
    }

    async fn until_due(&self, record: &Record) -> Result<(), TryAgain> {
        let due = number(record, DUE).unwrap_or_default();
        let wait = u64::try_from(due.saturating_sub(self.clock.now_ms())).unwrap_or_default();
        self.stop.sleep(Duration::from_millis(wait)).await;
        if self.stop.is_set() { Err(TryAgain("stopping before it is due".to_owned())) } else { Ok(()) }
    }

    async fn take(&self, record: &Record) -> Result<(), TryAgain> {
        let attempt = number(record, ATTEMPT).and_then(|attempt| u32::try_from(attempt).ok()).unwrap_or(1);
        let again = |error: crate::shared::sqlite::DbError| TryAgain(error.to_string());
        let job = match Job::read(record) {
            Ok(job) => job,
            Err(reason) => return self.bury(record, None, reason).await,
        };
        job.work().await;
        if attempt > job.fails {
            if self.works_twice {
                return self.ledger.done_unmarked(&job).await.map_err(again);
            }
            return self.ledger.done(&job, self.clock.now_ms(), None).await.map_err(again);
        }
        if self.works_twice {
            self.ledger.done_unmarked(&job).await.map_err(again)?;
        }
        self.log.warn(format_args!("attempt {attempt} failed event_id={}", job.event_id));
        match attempt >= self.attempts {
            true => self.bury(record, Some(job.event_id), format!("failed after {attempt} attempts")).await,
            false => self.put_off(record, attempt).await,
        }
    }

    /// Into the retry topic of the next attempt; the last one has as many as are needed.
    async fn put_off(&self, record: &Record, attempt: u32) -> Result<(), TryAgain> {
        let pause = self.backoff.saturating_mul(1 << attempt.saturating_sub(1).min(10));
        let due = self.clock.now_ms().saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
        let header = |name: &str, value: String| -> Header { (name.to_owned(), Some(value.into_bytes())) };
        let mut headers: Vec<Header> =
            record.headers.iter().filter(|(name, _)| name != ATTEMPT && name != DUE).cloned().collect();
        headers.extend([header(ATTEMPT, (attempt + 1).to_string()), header(DUE, due.to_string())]);
        let (mut key, mut payload) = (record.key.clone(), record.payload.clone());
        if self.loses_id {
            (key, payload) = (None, payload.and_then(|payload| without_id(&payload)));
        }
        self.write(OutRecord { topic: self.retry_topic(attempt.min(2)), partition: None, key, payload, headers }).await
    }

    async fn bury(&self, record: &Record, event_id: Option<String>, reason: String) -> Result<(), TryAgain> {
        let topic = format!("{}.dead", self.main);
        self.write(dead_letter(&Unreadable { record, reason }, &topic, event_id)).await
    }

    async fn write(&self, record: OutRecord) -> Result<(), TryAgain> {
        let outcomes = self.publisher.publish(vec![record]).await;
        let failed = outcomes.into_iter().find_map(Result::err);
        failed.map_or(Ok(()), |error| Err(TryAgain(error.to_string())))
    }
}

fn without_id(payload: &[u8]) -> Option<Vec<u8>> {
    let mut value: serde_json::Value = serde_json::from_slice(payload).ok()?;
    value.as_object_mut()?.remove("event_id");
    serde_json::to_vec(&value).ok()
}

fn number(record: &Record, name: &str) -> Option<i64> {
    std::str::from_utf8(record.header(name)?).ok()?.parse().ok()
}
