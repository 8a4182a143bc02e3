//! Reading from Kafka at least once: take what is there, handle it, then commit; what cannot be handled now is tried again.
//!
//! The loop has a thread of its own, because the Kafka client wants to be polled from one place: rebalances happen inside a
//! poll. A batch that keeps failing pauses the partitions, and the loop goes on polling, so that the member stays in its group.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::runtime::Handle;

use super::assignment::{GroupContext, LAG};
use super::{Assignment, Brokers, Record};
use crate::ServeError;
use crate::shared::log::Log;
use crate::shared::metrics::Metrics;
use crate::shared::settings::{OffsetReset, Settings};
use crate::shared::stop::Stop;

/// The counter of batches that had to be tried again.
const RETRIES: &str = "kafka_consumer_batch_retries_total";
/// How long an empty poll waits: the longest that a request to stop goes unnoticed.
const POLL: Duration = Duration::from_millis(100);
/// Attempts in place, before the partitions are paused.
const ATTEMPTS_IN_PLACE: u32 = 3;
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// How long the last commit may take.
const LAST_COMMIT: Duration = Duration::from_secs(5);
/// How long the batch in hand may take once the service was asked to stop.
const LAST_BATCH: Duration = Duration::from_secs(5);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);

/// The batch could not be handled now; nothing of it may be lost.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct TryAgain(pub(crate) String);

/// Handles records.
pub(crate) trait BatchHandler {
    /// Handles all of the batch, in order, or says why it has to be given again (then all of it is).
    async fn handle(&mut self, batch: &[Record]) -> Result<(), TryAgain>;

    /// After a refusal: for how long another attempt is known to be of no use. Until then the partitions are paused.
    fn rest(&self) -> Option<Duration> {
        None
    }
}

/// How to read.
#[derive(Debug, Clone)]
pub(crate) struct ConsumerSettings {
    pub(crate) brokers: Brokers,
    pub(crate) client_id: String,
    pub(crate) group: String,
    pub(crate) instance_id: Option<String>,
    /// Names; or regular expressions, where they begin with `^`: then topics that come later are found as well.
    pub(crate) topics: Vec<String>,
    /// Regular expressions of topics that are as if they were not there.
    pub(crate) ignored: Vec<String>,
    pub(crate) reset: OffsetReset,
    pub(crate) session_timeout: Duration,
    /// Most records handled in one go.
    pub(crate) batch: usize,
    /// What the system's document calls the gauge of the lag.
    pub(crate) lag: &'static str,
    pub(crate) faults: ConsumerFaults,
}

/// Ways of being wrong that belong to the loop itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ConsumerFaults {
    /// Commits first, then handles record by record with this pause before each.
    pub(crate) commit_first: Option<Duration>,
    /// Handles no batch before its newest record is this old.
    pub(crate) late: Option<Duration>,
    /// Takes what an aborted transaction wrote for real.
    pub(crate) uncommitted: bool,
    /// Handles record by record with this pause before each, and commits the batch in hand when it is asked to stop, handled or not.
    pub(crate) stop_loses: Option<Duration>,
    /// Tries what failed again at once.
    pub(crate) no_backoff: bool,
}

impl ConsumerSettings {
    pub(crate) fn new(settings: &Settings, client_id: &str, faults: ConsumerFaults) -> ConsumerSettings {
        ConsumerSettings {
            brokers: settings.brokers.clone(),
            client_id: client_id.into(),
            group: settings.group_id.clone(),
            instance_id: settings.group_instance_id.clone(),
            topics: settings.topics.clone(),
            ignored: Vec::new(),
            reset: settings.offset_reset,
            session_timeout: settings.session_timeout,
            batch: 100,
            lag: LAG,
            faults,
        }
    }

    fn client_config(&self) -> ClientConfig {
        let mut config = self.brokers.client();
        config
            .set("client.id", &self.client_id)
            .set("group.id", &self.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", if self.reset == OffsetReset::Latest { "latest" } else { "earliest" })
            .set("session.timeout.ms", self.session_timeout.as_millis().to_string())
            .set("heartbeat.interval.ms", (self.session_timeout.as_millis() / 4).max(1).to_string())
            // A topic that is created after the service has started is found within two seconds.
            .set("topic.metadata.refresh.interval.ms", "2000")
            .set("statistics.interval.ms", "1000")
            // A broker that comes back is found within a second.
            .set("reconnect.backoff.max.ms", "1000")
            // A request that was under way when the broker went keeps the client from ending for so long.
            .set("socket.timeout.ms", "10000")
            // A record is handled when it arrives; waiting for more would only add latency.
            .set("fetch.wait.max.ms", "100")
            .set("fetch.error.backoff.ms", "100");
        if self.faults.uncommitted {
            config.set("isolation.level", "read_uncommitted");
        }
        if !self.ignored.is_empty() {
            config.set("topic.blacklist", self.ignored.join(","));
        }
        if let Some(id) = &self.instance_id {
            config.set("group.instance.id", id);
        }
        config
    }
}

/// The loop and what it has in hand.
pub(crate) struct Consumer<H> {
    consumer: BaseConsumer<GroupContext>,
    handler: H,
    settings: ConsumerSettings,
    assignment: Assignment,
    metrics: Metrics,
    log: Log,
    stop: Stop,
    runtime: Handle,
    /// Records that arrived while paused, before the pause took hold.
    carried: VecDeque<Record>,
    /// The next offset of every partition that was handled, for the last commit.
    done: BTreeMap<(String, i32), i64>,
}

impl<H: BatchHandler> Consumer<H> {
    /// Makes the consumer; that the brokers can be reached is not needed for it. Must be called within the runtime.
    pub(crate) fn new(
        settings: ConsumerSettings,
        handler: H,
        metrics: Metrics,
        log: Log,
        stop: Stop,
    ) -> Result<Consumer<H>, ServeError> {
        metrics.counter(RETRIES, "Batches that could not be handled at once.", false);
        metrics.gauge(settings.lag, "Records on the log that the group has not committed.", true);
        let assignment = Assignment::default();
        let context = GroupContext {
            group: settings.group.clone(),
            reset: settings.reset,
            lag: settings.lag,
            assignment: assignment.clone(),
            metrics: metrics.clone(),
            log,
        };
        let failed = |source| ServeError::Kafka { what: "consumer", source };
        let consumer: BaseConsumer<GroupContext> =
            settings.client_config().create_with_context(context).map_err(failed)?;
        let topics: Vec<&str> = settings.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics).map_err(failed)?;
        let runtime = Handle::current();
        let (carried, done) = (VecDeque::new(), BTreeMap::new());
        Ok(Consumer { consumer, handler, settings, assignment, metrics, log, stop, runtime, carried, done })
    }

    /// The partitions held, for others to look at.
    pub(crate) fn assignment(&self) -> Assignment {
        self.assignment.clone()
    }

    /// Reads until asked to stop; then the batch in hand is finished, committed, and the group left. Blocks its thread.
    pub(crate) fn run(mut self) -> Result<(), ServeError> {
        let result = self.read();
        self.commit_done();
        result
    }

    fn read(&mut self) -> Result<(), ServeError> {
        while !self.stop.is_set() {
            let batch = self.collect()?;
            if batch.is_empty() {
                continue;
            }
            match (self.settings.faults.commit_first, self.settings.faults.stop_loses) {
                (Some(pause), _) => self.commit_then_handle(&batch, pause),
                (None, Some(pause)) => self.handle_until_stopped(&batch, pause),
                (None, None) => self.handle_then_commit(&batch),
            }
        }
        Ok(())
    }

    /// What is available now, at most a batch; waits a little for the first record.
    fn collect(&mut self) -> Result<Vec<Record>, ServeError> {
        let mut batch = Vec::new();
        while batch.len() < self.settings.batch {
            let wait = if batch.is_empty() { POLL } else { Duration::ZERO };
            let next = match self.carried.pop_front() {
                Some(record) => Some(record),
                None => self.poll(wait)?,
            };
            match next {
                Some(record) => batch.push(record),
                None => break,
            }
        }
        Ok(batch)
    }

    fn poll(&self, wait: Duration) -> Result<Option<Record>, ServeError> {
        match self.consumer.poll(wait) {
            None => Ok(None),
            Some(Ok(message)) => Ok(Some(Record::from(&message))),
            Some(Err(source @ KafkaError::MessageConsumptionFatal(_))) => {
                Err(ServeError::Kafka { what: "consumer", source })
            }
            Some(Err(error)) => {
                self.log.warn(format_args!("reading: {error}"));
                Ok(None)
            }
        }
    }

    fn handle_then_commit(&mut self, batch: &[Record]) {
        if self.handle(batch) {
            self.note(batch);
            self.commit(batch, CommitMode::Async);
        }
    }

    fn commit_then_handle(&mut self, batch: &[Record], pause: Duration) {
        self.note(batch);
        self.commit(batch, CommitMode::Sync);
        for one in batch.chunks(1) {
            std::thread::sleep(pause);
            if !self.handle(one) {
                return;
            }
        }
    }

    /// What is noted here is committed at the end, whatever became of it.
    fn handle_until_stopped(&mut self, batch: &[Record], pause: Duration) {
        self.note(batch);
        for one in batch.chunks(1) {
            std::thread::sleep(pause);
            if self.stop.is_set() || !self.handle(one) {
                return;
            }
        }
        self.commit(batch, CommitMode::Async);
    }

    /// Handles the batch, however often it takes; false if the service was asked to stop before that.
    fn handle(&mut self, batch: &[Record]) -> bool {
        let (mut attempt, mut paused) = (0, false);
        loop {
            let reason = match self.attempt(batch) {
                Ok(()) => break,
                Err(reason) => reason,
            };
            attempt += 1;
            self.metrics.add(RETRIES, &[], 1);
            if self.stop.is_set() {
                self.log
                    .warn(format_args!("stopping with {} records unhandled and uncommitted: {reason}", batch.len()));
                return false;
            }
            self.log.warn(format_args!("attempt {attempt} of {} records: {reason}", batch.len()));
            paused |= self.wait_before(attempt);
        }
        if paused {
            self.resume();
        }
        true
    }

    fn attempt(&mut self, batch: &[Record]) -> Result<(), TryAgain> {
        let (handler, stop) = (&mut self.handler, &self.stop);
        let early = self.settings.faults.late.map(|late| until_so_old(batch, late));
        self.runtime.block_on(async {
            tokio::select! {
                result = async {
                    if let Some(time) = early {
                        stop.sleep(time).await;
                    }
                    handler.handle(batch).await
                } => result,
                // Nothing of it is committed, and what was done is known to the store: it is safe to leave in the middle.
                () = stop.wait_and(LAST_BATCH) => Err(TryAgain("not finished in time".into())),
            }
        })
    }

    /// Whether the partitions were paused meanwhile.
    fn wait_before(&mut self, attempt: u32) -> bool {
        let backoff = FIRST_BACKOFF.saturating_mul(1 << attempt.min(10).saturating_sub(1)).min(LONGEST_BACKOFF);
        if self.settings.faults.no_backoff {
            return false;
        }
        let rest = self.handler.rest();
        if rest.is_none() && attempt < ATTEMPTS_IN_PLACE {
            self.runtime.block_on(self.stop.sleep(backoff));
            return false;
        }
        self.poll_paused(rest.unwrap_or(backoff));
        true
    }

    /// Stays in the group without taking more: rebalances are served, records of partitions that came new are kept for later.
    fn poll_paused(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.stop.is_set() {
            if let Err(error) = self.consumer.assignment().and_then(|held| self.consumer.pause(&held)) {
                self.log.warn(format_args!("pausing: {error}"));
            }
            match self.poll(POLL.min(time)) {
                Ok(record) => self.carried.extend(record),
                Err(error) => self.log.error(error),
            }
        }
    }

    fn resume(&self) {
        if let Err(error) = self.consumer.assignment().and_then(|held| self.consumer.resume(&held)) {
            self.log.error(format_args!("resuming: {error}"));
        }
    }

    fn note(&mut self, batch: &[Record]) {
        for record in batch {
            self.done.insert((record.topic.clone(), record.partition), record.offset + 1);
        }
    }

    /// Commits what follows the batch, for the partitions that are still ours: another member may have gone further on the rest.
    fn commit(&self, batch: &[Record], mode: CommitMode) {
        let next: BTreeMap<(&str, i32), i64> =
            batch.iter().map(|r| ((r.topic.as_str(), r.partition), r.offset + 1)).collect();
        self.commit_offsets(next.into_iter(), mode);
    }

    /// Commits what was handled and is not committed. The answer is waited for, but not for long. Nothing is committed where no broker
    /// answers: the client would not end before its request has, and what is not committed is only delivered again.
    fn commit_done(&self) {
        let open = || {
            let all = self.done.iter().map(|((topic, partition), next)| ((topic.as_str(), *partition), *next));
            all.filter(|((topic, partition), next)| !self.assignment.is_settled(topic, *partition, *next))
        };
        let ask = |within| self.ask_committed(open().map(|((topic, partition), _)| (topic, partition)), within);
        // A slow broker is waited for as long here as below: what it was not told in time is handled once more.
        if open().next().is_none() || !ask(LAST_COMMIT) {
            return;
        }
        self.commit_offsets(open(), CommitMode::Async);
        let until = Instant::now() + LAST_COMMIT;
        while open().next().is_some() && Instant::now() < until {
            ask(POLL * 10);
        }
    }

    /// Asks how far the group has committed: of commits that are not waited for the client calls nobody back. Whether there was an answer.
    fn ask_committed<'a>(&self, places: impl Iterator<Item = (&'a str, i32)>, within: Duration) -> bool {
        let mut asked = TopicPartitionList::new();
        for (topic, partition) in places {
            asked.add_partition(topic, partition);
        }
        let answer = self.consumer.committed_offsets(asked, within);
        match &answer {
            Ok(committed) => self.assignment.note_committed(committed),
            Err(error) => self.log.warn(format_args!("asking for what is committed: {error}")),
        }
        answer.is_ok()
    }

    fn commit_offsets<'a>(&self, next: impl Iterator<Item = ((&'a str, i32), i64)>, mode: CommitMode) {
        let mut offsets = TopicPartitionList::new();
        for ((topic, partition), offset) in next.filter(|((t, p), _)| self.assignment.holds(t, *p)) {
            if let Err(error) = offsets.add_partition_offset(topic, partition, Offset::Offset(offset)) {
                self.log.error(format_args!("commit of {topic}[{partition}] at {offset}: {error}"));
            }
        }
        if offsets.count() == 0 {
            return;
        }
        match (self.consumer.commit(&offsets, mode), mode) {
            (Ok(()), CommitMode::Sync) => self.assignment.note_committed(&offsets),
            // Of this one the answer comes as a callback.
            (Ok(()), CommitMode::Async) => {}
            (Err(error), _) => self.log.warn(format_args!("commit in group {}: {error}", self.settings.group)),
        }
    }
}

/// How long it is until every record of the batch is this old.
fn until_so_old(batch: &[Record], age: Duration) -> Duration {
    batch.iter().map(|record| age.saturating_sub(record.age())).max().unwrap_or_default()
}
