//! Consumers that read as all reference services do, but commit before the work is done: one after the other, or each record in a
//! task of its own.

use std::time::Duration;

use futures::future::BoxFuture;

use super::job::Job;
use super::ledger::Ledger;
use super::{COMMITS_FIRST, PARALLEL};
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::Context;
use crate::shared::clock::Clock;
use crate::shared::http::ReadyCheck;
use crate::shared::kafka::{
    BatchHandler, Consumer, ConsumerFaults, ConsumerSettings, Record, TryAgain, on_a_thread, readiness,
};
use crate::shared::log::Log;

pub(super) const SKIP_DEDUP: FaultInfo =
    FaultInfo { name: "skip-dedup", summary: "does a job again however often it comes" };

/// When the service is ready, and its work.
pub(super) type Reading = (ReadyCheck, BoxFuture<'static, Result<(), ServeError>>);

pub(super) fn commits_first(context: &Context, ledger: Ledger) -> Result<Reading, ServeError> {
    let faults = ConsumerFaults { commit_first: Some(Duration::ZERO), ..ConsumerFaults::default() };
    let worker = Worker { ledger, clock: context.clock.clone(), log: context.log };
    consume(context, ConsumerSettings::new(&context.settings, COMMITS_FIRST, faults), worker)
}

pub(super) fn parallel(context: &Context, ledger: Ledger) -> Result<Reading, ServeError> {
    let settings = ConsumerSettings::new(&context.settings, PARALLEL, ConsumerFaults::default());
    consume(context, settings, Spawning(Worker { ledger, clock: context.clock.clone(), log: context.log }))
}

fn consume(
    context: &Context,
    settings: ConsumerSettings,
    handler: impl BatchHandler + Send + 'static,
) -> Result<Reading, ServeError> {
    let consumer = Consumer::new(settings, handler, context.metrics.clone(), context.log, context.stop.clone())?;
    let ready = readiness(consumer.assignment());
    Ok((ready, Box::pin(on_a_thread(move || consumer.run()))))
}

/// Does jobs.
#[derive(Clone)]
struct Worker {
    ledger: Ledger,
    clock: Clock,
    log: Log,
}

impl Worker {
    async fn take(&self, record: &Record) -> Result<(), TryAgain> {
        let job = match Job::read(record) {
            Ok(job) => job,
            Err(reason) => {
                self.log.error(format_args!(
                    "no job at {}[{}]@{}: {reason}",
                    record.topic, record.partition, record.offset
                ));
                return Ok(());
            }
        };
        job.work().await;
        let done = self.ledger.done(&job, self.clock.now_ms(), None).await;
        done.map_err(|error| TryAgain(error.to_string()))
    }
}

impl BatchHandler for Worker {
    async fn handle(&mut self, batch: &[Record]) -> Result<(), TryAgain> {
        for record in batch {
            self.take(record).await?;
        }
        Ok(())
    }
}

/// Hands every record to a task, and takes it for handled.
struct Spawning(Worker);

impl BatchHandler for Spawning {
    async fn handle(&mut self, batch: &[Record]) -> Result<(), TryAgain> {
        for record in batch {
            let (worker, record) = (self.0.clone(), record.clone());
            tokio::spawn(async move {
                if let Err(error) = worker.take(&record).await {
                    worker.log.error(error);
                }
            });
        }
        Ok(())
    }
}
