//! The recorder: reads every partition from a known position, without any group, and stamps every arrival.
//!
//! It stands at its positions before `start` returns, takes up partitions and topics that come later from their
//! start, and reports the spans in which it could not see. What it reads goes to a [`Sink`].

mod arrears;
mod positions;
mod sight;
mod sink;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use eventproof_evidence::Clock;
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers};

use crate::{Broker, BrokerError};
use arrears::Arrears;
use positions::Positions;
use sight::Sight;
pub use sink::{ContractSink, FIELDS_DEEP, FIELDS_MOST, PartitionCounts, RawRecord, Sink};

/// How long one poll waits.
const POLL: Duration = Duration::from_millis(50);
/// How long the question for the end of a partition may take.
const END: Duration = Duration::from_millis(500);
/// How often new topics and partitions are looked for.
const DISCOVERY: Duration = Duration::from_millis(500);
/// Where record comes upon record the time is looked at once in so many: the question costs as much as the record does.
const CLOCK_EVERY: u32 = 64;
/// How long reading up to the ends may take.
const READ_OUT: Duration = Duration::from_secs(5);
/// Without a record for so long there is none.
const QUIET: Duration = Duration::from_millis(500);

/// A running recorder; ends when it is stopped or dropped.
pub struct Recorder {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    asks: Sender<Sender<()>>,
    /// The next offset of every partition when the recorder began.
    began_at: HashMap<(String, i32), i64>,
}

/// Which topics a recorder reads.
#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    /// All but Kafka's own, those that come later too: on brokers of ours.
    Everything,
    /// These, or of each of them the partitions of a share.
    Topics { topics: Vec<String>, share: Option<Share> },
}

/// Every `of`-th partition, where several processes share the reading: number 1 has 0, `of`, 2 `of`, and so on, those that
/// come later too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// From 1.
    pub number: u32,
    pub of: u32,
}

impl Share {
    /// Whether a partition is in it.
    pub fn has(self, partition: i32) -> bool {
        u32::try_from(partition).is_ok_and(|partition| partition % self.of.max(1) + 1 == self.number)
    }
}

impl Recorder {
    /// Starts reading `topics` (and on a broker of ours every other topic too) at their present ends. Blocks until
    /// every position is known, so nothing published after it returns can be missed.
    pub fn start(
        broker: &Broker,
        topics: &[String],
        sink: impl Sink + 'static,
        clock: Arc<dyn Clock>,
    ) -> Result<Recorder, BrokerError> {
        let scope = match broker.is_ours() {
            true => Scope::Everything,
            false => Scope::Topics { topics: topics.to_vec(), share: None },
        };
        Recorder::read(broker, scope, sink, clock)
    }

    /// The same for a share of the partitions of `topics`, and nothing else.
    pub fn start_share(
        broker: &Broker,
        topics: &[String],
        share: Share,
        sink: impl Sink + 'static,
        clock: Arc<dyn Clock>,
    ) -> Result<Recorder, BrokerError> {
        Recorder::read(broker, Scope::Topics { topics: topics.to_vec(), share: Some(share) }, sink, clock)
    }

    fn read(
        broker: &Broker,
        scope: Scope,
        sink: impl Sink + 'static,
        clock: Arc<dyn Clock>,
    ) -> Result<Recorder, BrokerError> {
        let client = || -> Result<BaseConsumer, BrokerError> {
            let mut settings = broker.settings.observer("eventproof-observer-recorder", "eventproof-recorder");
            settings.set("fetch.wait.max.ms", "100").set("fetch.min.bytes", "1").set("fetch.error.backoff.ms", "50");
            // Where much comes at once the queue of what is read ahead fills, and the client then waits before it fetches again:
            // by its own default a whole second, by which every record behind would be stamped late.
            settings.set("queued.min.messages", "20000").set("fetch.queue.backoff.ms", "5");
            // What is read ahead is memory of ours: enough for a tenth of a second of all that a broker can send.
            settings.set("queued.max.messages.kbytes", "16384");
            settings.create().map_err(|error| BrokerError::Client(error.to_string()))
        };
        let (consumer, asking) = (client()?, client()?);
        let positions = Positions::at_the_ends(&consumer, scope)?;
        let began_at = positions.known().clone();
        let stop = Arc::new(AtomicBool::new(false));
        let (asks, asked) = channel();
        let tail = Tail {
            consumer,
            asking,
            arrears: Arrears::default(),
            positions,
            sight: Sight::new(clock.clone()),
            sink: Box::new(sink),
            clock,
            stop: stop.clone(),
            asked,
        };
        let thread = std::thread::Builder::new()
            .name("eventproof-recorder".to_owned())
            .spawn(move || tail.run())
            .map_err(|error| BrokerError::Client(format!("no thread for the recorder: {error}")))?;
        Ok(Recorder { stop, thread: Some(thread), asks, began_at })
    }

    /// The offset from which a partition is read; zero for one that came later.
    pub fn began_at(&self, topic: &str, partition: i32) -> i64 {
        self.began_at.get(&(topic.to_owned(), partition)).copied().unwrap_or(0)
    }

    /// Blocks until everything is with the sink that is on the topics now: so that what was written last is judged too. Ends
    /// without it after [`READ_OUT`], and where the broker does not answer.
    pub fn read_out(&self) {
        let (done, told) = channel();
        // A recorder that has ended has nothing more to read.
        let _ = self.asks.send(done).map(|()| told.recv_timeout(READ_OUT * 2));
    }

    /// Stops and waits until everything polled so far is with the sink.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // A panic in the sink was printed where it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end();
    }
}

/// The reading side, on its own thread.
struct Tail {
    consumer: BaseConsumer,
    /// Asks about topics and ends. A broker answers the requests of a connection one after the other, so on the consumer's
    /// own each question would wait for a fetch to end, and records behind it would be stamped late.
    asking: BaseConsumer,
    positions: Positions,
    arrears: Arrears,
    sight: Sight,
    sink: Box<dyn Sink>,
    clock: Arc<dyn Clock>,
    stop: Arc<AtomicBool>,
    /// Who waits for everything to be read.
    asked: Receiver<Sender<()>>,
}

impl Tail {
    fn run(mut self) {
        let (mut discovered, mut in_a_row) = (Instant::now(), 0u32);
        self.arrears.begin_at(self.positions.known());
        while !self.stop.load(Ordering::SeqCst) {
            in_a_row = if self.poll() { in_a_row.wrapping_add(1) } else { 0 };
            if let Ok(done) = self.asked.try_recv() {
                self.read_out();
                // Who asked may have stopped waiting.
                let _ = done.send(());
            }
            if in_a_row.is_multiple_of(CLOCK_EVERY) && discovered.elapsed() >= DISCOVERY {
                self.discover();
                discovered = Instant::now();
            }
        }
    }

    /// Takes one record, if there is one. What is there already is taken without waiting: asking how long to wait costs as much as
    /// the record.
    fn poll(&mut self) -> bool {
        let polled = self.consumer.poll(Duration::ZERO).or_else(|| self.consumer.poll(POLL));
        let at = self.clock.now();
        self.sight.polled(at, self.sink.as_mut());
        match polled {
            Some(Ok(message)) => {
                self.arrears.read(message.topic(), message.partition(), message.offset());
                hand_over(&message, at, self.sink.as_mut());
                drop(message);
                self.note_sight();
                return true;
            }
            Some(Err(KafkaError::PartitionEOF(_))) => {}
            Some(Err(error)) => self.cannot_see(&error.to_string()),
            // What is owed besides is told once it was read.
            None if !self.arrears.owes() => self.sight.took_all(self.sink.as_mut()),
            None => {}
        }
        false
    }

    /// Reads up to the ends as they are now. Markers of transactions take offsets without being records: where nothing comes
    /// for a while, there is nothing more.
    fn read_out(&mut self) {
        self.discover();
        let asking = &self.asking;
        let ends: Option<HashMap<_, _>> =
            self.arrears.parts().map(|part| Some((part.clone(), end_of(asking, &part)?))).collect();
        self.asked();
        let Some(ends) = ends else { return };
        let (began, mut last) = (Instant::now(), Instant::now());
        while !self.arrears.has_read(&ends) && began.elapsed() < READ_OUT && last.elapsed() < QUIET {
            if self.poll() {
                last = Instant::now();
            }
        }
    }

    /// Takes up new partitions; while blind, an answer to this question ends the blindness.
    fn discover(&mut self) {
        match self.positions.take_up_new(&self.asking, &self.consumer) {
            Ok(()) => {
                self.arrears.begin_at(self.positions.known());
                self.note_sight();
                self.make_good();
            }
            Err(error) => self.cannot_see(&error.to_string()),
        }
        self.asked();
    }

    fn asked(&mut self) {
        self.sight.asked(&self.topics(), self.sink.as_mut());
    }

    fn cannot_see(&mut self, why: &str) {
        self.sight.cannot_see(why, &self.topics(), self.sink.as_mut());
    }

    /// Topics that are read, and those that are to be as soon as they are there.
    fn topics(&self) -> HashSet<String> {
        let mut topics = self.arrears.topics();
        topics.extend(self.positions.named().iter().cloned());
        topics
    }

    fn note_sight(&mut self) {
        if self.sight.is_blind() {
            self.sight.can_see(&self.topics(), self.sink.as_mut());
            self.arrears.owe();
        }
    }

    /// Tells the topics on which everything has been read that was written while nothing could be seen.
    fn make_good(&mut self) {
        let asking = &self.asking;
        for topic in self.arrears.settle(|part| end_of(asking, part)) {
            self.sink.caught_up(&topic, self.clock.now());
        }
    }
}

/// The end of a partition now; nothing if the broker does not say.
fn end_of(asking: &BaseConsumer, (topic, partition): &arrears::Part) -> Option<i64> {
    asking.fetch_watermarks(topic, *partition, END).ok().map(|(_, end)| end)
}

fn hand_over(message: &BorrowedMessage<'_>, at: eventproof_evidence::At, sink: &mut dyn Sink) {
    borrowed(message, |record| sink.record(record, at));
}

/// Lends a record as it came.
pub(crate) fn borrowed(message: &BorrowedMessage<'_>, take: impl FnOnce(&RawRecord<'_>)) {
    let headers: Vec<(&str, Option<&[u8]>)> = message
        .headers()
        .map(|headers| headers.iter().map(|header| (header.key, header.value)).collect())
        .unwrap_or_default();
    let record = RawRecord {
        topic: message.topic(),
        partition: message.partition(),
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis(),
        key: message.key(),
        payload: message.payload(),
        headers: &headers,
    };
    take(&record);
}
