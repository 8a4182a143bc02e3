//! A topic as a notice board: everyone posts, and everyone reads everything in the same order.
//!
//! The topic has one partition, so its order is one order, and it stamps records with the broker's clock
//! (`LogAppendTime`), so that readers on different machines know of one time. Posting tells between which instants of
//! the own clock the broker must have stamped it: from that an offset between the two clocks follows, with its bounds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eventproof_evidence::{At, Clock};
use eventproof_producer::Awaited;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::{FutureRecord, Producer};
use rdkafka::{Message, Offset, Timestamp, TopicPartitionList};

use crate::own::OwnTopic;
use crate::{Broker, BrokerError};

const ANSWER: Duration = Duration::from_secs(15);
/// The pause before a question is asked again.
const AGAIN: Duration = Duration::from_millis(100);

/// From where a board is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFrom {
    /// Everything that is still kept.
    Beginning,
    /// What is posted after it was opened.
    Now,
}

/// A record of the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub offset: i64,
    /// The broker's clock when it was written. Milliseconds since 1970.
    pub appended_ms: i64,
    pub key: String,
    pub text: String,
}

/// Where a record was written, and the instants of the own clock between which that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    pub offset: i64,
    pub before: At,
    pub after: At,
}

/// An open board.
pub struct Board {
    topic: &'static str,
    producer: Awaited,
    consumer: BaseConsumer,
    clock: Arc<dyn Clock>,
}

impl Board {
    /// Opens a board, making its topic if it is not there.
    ///
    /// # Errors
    /// If the topic can neither be made nor read.
    pub async fn open(
        broker: &Broker,
        topic: OwnTopic,
        from: ReadFrom,
        clock: Arc<dyn Clock>,
    ) -> Result<Board, BrokerError> {
        make(broker, topic).await?;
        let client = |error: KafkaError| BrokerError::Client(error.to_string());
        let mut settings = broker.settings.producer("eventproof-board");
        let producer = settings.set("linger.ms", "0").set("compression.type", "gzip").create().map_err(client)?;
        let mut settings = broker.settings.observer("eventproof-observer-board", "eventproof-board");
        let consumer: BaseConsumer = settings
            .set("fetch.wait.max.ms", "100")
            // Between a run's start and its end nobody looks at the board.
            .set("max.poll.interval.ms", "86400000")
            .create()
            .map_err(client)?;
        tokio::task::block_in_place(|| stand(&consumer, topic.name, from))?;
        Ok(Board { topic: topic.name, producer, consumer, clock })
    }

    /// Writes a record and waits until the broker has it.
    ///
    /// # Errors
    /// If the broker did not take it, or nobody knows.
    pub async fn post(&self, key: &str, text: &str) -> Result<Posted, BrokerError> {
        let before = self.clock.now();
        let written = self.producer.write(self.record(key, text), ANSWER).await;
        let after = self.clock.now();
        let written = written.map_err(|error| self.failed(error))?;
        Ok(Posted { offset: written.offset, before, after })
    }

    /// Writes a record without waiting. Whether the broker has it shows on the board only.
    ///
    /// # Errors
    /// If there is no room for more.
    pub fn post_soon(&self, key: &str, text: &str) -> Result<(), BrokerError> {
        self.producer.send(self.record(key, text)).map(drop).map_err(|error| self.failed(error))
    }

    fn record<'r>(&self, key: &'r str, text: &'r str) -> FutureRecord<'r, str, str> {
        FutureRecord::to(self.topic).key(key).payload(text)
    }

    fn failed(&self, error: KafkaError) -> BrokerError {
        BrokerError::asked(format!("writing to {}", self.topic), error)
    }

    /// The next record, waiting for it at most so long. Blocks.
    ///
    /// # Errors
    /// If the topic does not keep the broker's time: then there is no time that all readers know of.
    pub fn read(&self, patience: Duration) -> Result<Option<Note>, BrokerError> {
        match self.consumer.poll(patience) {
            Some(Ok(record)) => note(self.topic, &record).map(Some),
            // What keeps it from being read now may pass; whoever waits has a limit of its own.
            Some(Err(_)) | None => Ok(None),
        }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // What was posted soon and is not there yet is missed by whoever reads.
        let _ = self.producer.flush(Duration::from_secs(5));
    }
}

fn note(topic: &str, record: &BorrowedMessage<'_>) -> Result<Note, BrokerError> {
    let Timestamp::LogAppendTime(appended_ms) = record.timestamp() else {
        let detail = "its records keep the producer's time; set message.timestamp.type=LogAppendTime".to_owned();
        return Err(BrokerError::Topic { topic: topic.to_owned(), detail });
    };
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    Ok(Note { offset: record.offset(), appended_ms, key: text(record.key()), text: text(record.payload()) })
}

async fn make(broker: &Broker, topic: OwnTopic) -> Result<(), BrokerError> {
    let settings = broker.settings.base("eventproof-admin");
    let admin: AdminClient<DefaultClientContext> =
        settings.create().map_err(|error| BrokerError::Client(error.to_string()))?;
    let retention = topic.retention.as_millis().to_string();
    let new = NewTopic::new(topic.name, 1, TopicReplication::Fixed(-1))
        .set("cleanup.policy", "delete")
        .set("retention.ms", &retention)
        .set("message.timestamp.type", "LogAppendTime");
    let options = AdminOptions::new().operation_timeout(Some(ANSWER)).request_timeout(Some(ANSWER));
    let made = admin.create_topics([&new], &options).await;
    let made = made.map_err(|error| BrokerError::asked(format!("creating {}", topic.name), error))?;
    match made.into_iter().next() {
        // One that is there and cannot be made again is as good.
        Some(Err((_, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => {
            let there = tokio::task::block_in_place(|| admin.inner().fetch_metadata(Some(topic.name), ANSWER));
            match there.is_ok_and(|found| found.topics().iter().any(|one| !one.partitions().is_empty())) {
                true => Ok(()),
                false => Err(BrokerError::Topic { topic: topic.name.to_owned(), detail: code.to_string() }),
            }
        }
        _ => Ok(()),
    }
}

/// Stands at a fixed offset, so that nothing written from now on is missed. A topic that was only just made may have no
/// leader yet.
fn stand(consumer: &BaseConsumer, topic: &str, from: ReadFrom) -> Result<(), BrokerError> {
    let asked = Instant::now();
    let (low, high) = loop {
        match consumer.fetch_watermarks(topic, 0, ANSWER) {
            Ok(ends) => break ends,
            Err(_) if asked.elapsed() < ANSWER => std::thread::sleep(AGAIN),
            Err(error) => return Err(BrokerError::asked(format!("asking for the end of {topic}"), error)),
        }
    };
    let reading = |error| BrokerError::asked(format!("reading {topic}"), error);
    let offset = Offset::Offset(if from == ReadFrom::Beginning { low } else { high });
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, offset).map_err(reading)?;
    consumer.assign(&assignment).map_err(reading)
}

#[cfg(test)]
mod tests {
    use eventproof_contract::Contract;
    use eventproof_evidence::RunClock;
    use eventproof_source::Source;

    use super::*;
    use crate::own::{CONTROL, RESULTS};
    use crate::{BrokerChoice, drift, sample};

    async fn next(board: &Board) -> Note {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(note) = tokio::task::block_in_place(|| board.read(Duration::from_millis(100))).unwrap() {
                return note;
            }
            assert!(Instant::now() < deadline, "nothing came");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn everyone_reads_everything_in_one_order_with_the_brokers_time() {
        let broker = Broker::start(&BrokerChoice::default()).await.unwrap();
        let clock = Arc::new(RunClock::start());
        let one = Board::open(&broker, CONTROL, ReadFrom::Now, clock.clone()).await.unwrap();
        let posted = one.post("run", "first").await.unwrap();
        assert!(posted.before <= posted.after);
        // Opened twice, made once; what was there before is read only by who wants it.
        let other = Board::open(&broker, CONTROL, ReadFrom::Beginning, clock.clone()).await.unwrap();
        let late = Board::open(&broker, CONTROL, ReadFrom::Now, clock).await.unwrap();
        other.post_soon("run", "second").unwrap();
        for board in [&one, &other] {
            let (first, second) = (next(board).await, next(board).await);
            assert_eq!((first.key.as_str(), first.text.as_str(), second.text.as_str()), ("run", "first", "second"));
            assert_eq!(first.offset, posted.offset);
            assert!(first.appended_ms > 1_600_000_000_000 && first.appended_ms <= second.appended_ms);
        }
        assert_eq!(next(&late).await.text, "second");
        drop((one, other, late));
        broker.stop().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_eventproof_makes_for_itself_is_no_topic_of_the_system() {
        let broker = Broker::start(&BrokerChoice::default()).await.unwrap();
        let clock = Arc::new(RunClock::start());
        for topic in [CONTROL, RESULTS] {
            let board = Board::open(&broker, topic, ReadFrom::Now, clock.clone()).await.unwrap();
            board.post("run", "hello").await.unwrap();
        }
        // A contract whose own topics begin with the same word.
        let text = "asyncapi: 3.0.0\ninfo: {title: t, version: '1'}\nchannels: {a: {address: eventproof.other}}\n";
        let contract = Contract::parse(&Source::inline("asyncapi.yaml", text)).unwrap().0;
        let found = drift(&broker, &contract).await.unwrap();
        assert!(found.iter().all(|drift| drift.code != "topic-undeclared"), "{found:?}");
        assert_eq!(sample(&broker, &[], 10).await.unwrap(), Vec::new());
        broker.stop().await.unwrap();
    }
}
