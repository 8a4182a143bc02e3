//! Consumers with a loop of their own: partitions assigned by hand with commits to Kafka, the same with positions kept elsewhere,
//! and one in a group that begins at the end and never commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::runtime::Handle;

use super::gentle::Reading;
use super::job::Job;
use super::ledger::Ledger;
use crate::ServeError;
use crate::serve::Context;
use crate::shared::clock::Clock;
use crate::shared::kafka::{LogContext, Record, on_a_thread};
use crate::shared::log::Log;
use crate::shared::settings::Settings;
use crate::shared::stop::Stop;

const POLL: Duration = Duration::from_millis(50);
const ASK: Duration = Duration::from_secs(5);

/// How it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    ByHand,
    Elsewhere,
    Latest,
}

struct Loop {
    way: Way,
    topics: Vec<String>,
    consumer: BaseConsumer<LogContext>,
    ledger: Ledger,
    clock: Clock,
    log: Log,
    stop: Stop,
    runtime: Handle,
    ready: Arc<AtomicBool>,
}

pub(super) fn read(way: Way, name: &str, context: &Context, ledger: Ledger) -> Result<Reading, ServeError> {
    let settings = &context.settings;
    let consumer = config(way, name, settings)
        .create_with_context(LogContext(context.log))
        .map_err(|source| ServeError::Kafka { what: "consumer", source })?;
    let ready = Arc::new(AtomicBool::new(false));
    let work = Loop {
        way,
        topics: settings.topics.clone(),
        consumer,
        ledger,
        clock: context.clock.clone(),
        log: context.log,
        stop: context.stop.clone(),
        runtime: Handle::current(),
        ready: ready.clone(),
    };
    let check = Arc::new(move || -> futures::future::BoxFuture<'static, Result<(), String>> {
        let is_ready = ready.load(Ordering::SeqCst);
        Box::pin(async move { if is_ready { Ok(()) } else { Err("no partition is read yet".to_owned()) } })
    });
    Ok((check, Box::pin(on_a_thread(move || work.run()))))
}

fn config(way: Way, name: &str, settings: &Settings) -> ClientConfig {
    let mut config = settings.brokers.client();
    config
        .set("client.id", name)
        .set("group.id", &settings.group_id)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", if way == Way::Latest { "latest" } else { "earliest" })
        .set("session.timeout.ms", settings.session_timeout.as_millis().to_string())
        .set("heartbeat.interval.ms", (settings.session_timeout.as_millis() / 4).max(1).to_string())
        .set("topic.metadata.refresh.interval.ms", "2000")
        .set("reconnect.backoff.max.ms", "1000")
        .set("fetch.wait.max.ms", "100");
    config
}

impl Loop {
    fn run(self) -> Result<(), ServeError> {
        while let Err(error) = self.begin() {
            self.log.warn(format_args!("beginning: {error}"));
            self.runtime.block_on(self.stop.sleep(POLL * 4));
            if self.stop.is_set() {
                return Ok(());
            }
        }
        while !self.stop.is_set() {
            let polled = self.consumer.poll(POLL).map(|polled| polled.map(|message| Record::from(&message)));
            self.note_ready();
            match polled {
                Some(Ok(record)) => self.take(&record)?,
                Some(Err(error)) => self.log.warn(format_args!("reading: {error}")),
                None => {}
            }
        }
        Ok(())
    }

    /// In a group, or with every partition at hand.
    fn begin(&self) -> Result<(), String> {
        let topics: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        match self.way {
            Way::Latest => self.consumer.subscribe(&topics).map_err(|error| error.to_string()),
            Way::ByHand | Way::Elsewhere => {
                let mut all = TopicPartitionList::new();
                for topic in topics {
                    self.add_partitions(topic, &mut all)?;
                }
                if self.way == Way::ByHand {
                    all = self.committed(all)?;
                }
                self.consumer.assign(&all).map_err(|error| error.to_string())
            }
        }
    }

    fn add_partitions(&self, topic: &str, all: &mut TopicPartitionList) -> Result<(), String> {
        let told = |error: KafkaError| error.to_string();
        let metadata = self.consumer.fetch_metadata(Some(topic), ASK).map_err(told)?;
        let found = metadata.topics().first().map(|topic| topic.partitions()).unwrap_or_default();
        if found.is_empty() {
            return Err(format!("there is no topic {topic}"));
        }
        for partition in found {
            let kept = self.runtime.block_on(self.ledger.position(topic.to_owned(), partition.id()));
            let offset = match (self.way, kept.map_err(|error| error.to_string())?) {
                (Way::Elsewhere, Some(next)) => Offset::Offset(next),
                _ => Offset::Beginning,
            };
            all.add_partition_offset(topic, partition.id(), offset).map_err(told)?;
        }
        Ok(())
    }

    /// Where the group has committed to; asked for here, since a coordinator that is not there yet would end an assignment by
    /// `Offset::Stored` for good.
    fn committed(&self, all: TopicPartitionList) -> Result<TopicPartitionList, String> {
        let told = |error: KafkaError| error.to_string();
        let known = self.consumer.committed_offsets(all, ASK).map_err(told)?;
        let mut from = TopicPartitionList::new();
        for element in known.elements() {
            element.error().map_err(told)?;
            let offset =
                if let Offset::Offset(next) = element.offset() { Offset::Offset(next) } else { Offset::Beginning };
            from.add_partition_offset(element.topic(), element.partition(), offset).map_err(told)?;
        }
        Ok(from)
    }

    fn note_ready(&self) {
        let has_any = || self.consumer.assignment().is_ok_and(|held| held.count() > 0);
        if !self.ready.load(Ordering::SeqCst) && has_any() {
            self.ready.store(true, Ordering::SeqCst);
        }
    }

    fn take(&self, record: &Record) -> Result<(), ServeError> {
        let next = (record.topic.clone(), record.partition, record.offset + 1);
        let kept = (self.way == Way::Elsewhere).then(|| next.clone());
        let done = match Job::read(record) {
            Ok(job) => self.runtime.block_on(async {
                job.work().await;
                self.ledger.done(&job, self.clock.now_ms(), kept).await
            }),
            Err(reason) => {
                self.log.error(format_args!("no job: {reason}"));
                kept.map_or(Ok(()), |next| self.runtime.block_on(self.ledger.skipped(next)))
            }
        };
        done.map_err(|error| ServeError::Ended { part: "the consumer", reason: error.to_string() })?;
        if self.way == Way::ByHand {
            self.commit(&next.0, next.1, next.2);
        }
        Ok(())
    }

    fn commit(&self, topic: &str, partition: i32, next: i64) {
        let mut offsets = TopicPartitionList::new();
        let added = offsets.add_partition_offset(topic, partition, Offset::Offset(next));
        if let Err(error) = added.and_then(|()| self.consumer.commit(&offsets, CommitMode::Sync)) {
            self.log.error(format_args!("commit of {topic}[{partition}] at {next}: {error}"));
        }
    }
}
