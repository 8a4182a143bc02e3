//! What both brokers are asked to do, by the same clients.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{ClientConfig, ClientContext, Message, Offset, TopicPartitionList};

pub type Failed = Box<dyn Error + Send + Sync>;

const PARTITIONS: i32 = 3;
const RECORD: usize = 1024;
const RECORDS: usize = 300_000;
const RATE: u32 = 1000;
const SECONDS: u32 = 5;
const LONG: Duration = Duration::from_secs(30);

fn client(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers);
    config
}

/// One topic for each measurement.
pub fn create_topics(servers: &str) -> Result<(), Failed> {
    let admin: AdminClient<DefaultClientContext> = client(servers).create()?;
    let topics = ["rate", "latency"].map(|name| NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let results = runtime.block_on(admin.create_topics(&topics, &AdminOptions::new()))?;
    for result in results {
        result.map_err(|(topic, code)| format!("{topic}: {code}"))?;
    }
    Ok(())
}

fn settings(servers: &str, linger_ms: &str) -> ClientConfig {
    let mut config = client(servers);
    config.set("acks", "all").set("linger.ms", linger_ms).set("queue.buffering.max.messages", "1000000");
    config
}

/// Notes when the last record was acknowledged: a flush returns up to 100 ms later.
struct Acknowledgements {
    began: Instant,
    last_ns: AtomicU64,
}

impl ClientContext for Acknowledgements {}

impl ProducerContext for Acknowledgements {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, _: ()) {
        self.last_ns.store(self.began.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }
}

/// Records per second, from the first send to the last acknowledgement.
pub fn produce_rate(servers: &str) -> Result<f64, Failed> {
    let context = Acknowledgements { began: Instant::now(), last_ns: AtomicU64::new(0) };
    let producer: BaseProducer<Acknowledgements> = settings(servers, "5").create_with_context(context)?;
    // Connected before the clock starts.
    producer.client().fetch_metadata(Some("rate"), LONG)?;
    let payload = vec![b'x'; RECORD];
    let began = producer.context().began.elapsed();
    for number in 0..RECORDS {
        let mut record = BaseRecord::to("rate").partition(number as i32 % PARTITIONS).key("k").payload(&payload);
        while let Err((error, again)) = producer.send(record) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            producer.poll(Duration::from_millis(1));
            record = again;
        }
        if number % 1000 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(LONG)?;
    let last = Duration::from_nanos(producer.context().last_ns.load(Ordering::Relaxed));
    let rate = RECORDS as f64 / (last - began).as_secs_f64();
    let watcher: BaseConsumer = client(servers).create()?;
    let mut stored = 0;
    for partition in 0..PARTITIONS {
        let (low, high) = watcher.fetch_watermarks("rate", partition, LONG)?;
        stored += high - low;
    }
    if stored != RECORDS as i64 {
        return Err(format!("{stored} of {RECORDS} records are on the topic").into());
    }
    Ok(rate)
}

/// From the planned instant of a record to its arrival at a consumer, in milliseconds.
pub fn end_to_end_p95(servers: &str) -> Result<f64, Failed> {
    let origin = Instant::now();
    let total = RATE * SECONDS;
    let consumer: BaseConsumer = client(servers).set("group.id", "bench").set("fetch.wait.max.ms", "500").create()?;
    let mut all = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        all.add_partition_offset("latency", partition, Offset::Beginning)?;
    }
    consumer.assign(&all)?;
    let reading = std::thread::spawn(move || read(&consumer, total, origin));
    // The consumer stands before the first record is sent.
    std::thread::sleep(Duration::from_secs(1));
    let producer: BaseProducer = settings(servers, "0").create()?;
    let start = origin.elapsed();
    for number in 0..total {
        let planned = start + Duration::from_secs(1) * number / RATE;
        std::thread::sleep(planned.saturating_sub(origin.elapsed()));
        let mut payload = vec![b'x'; RECORD];
        payload[..16].copy_from_slice(&planned.as_nanos().to_be_bytes());
        let record = BaseRecord::to("latency").partition(number as i32 % PARTITIONS).key("k").payload(&payload);
        producer.send(record).map_err(|(error, _)| error)?;
        producer.poll(Duration::ZERO);
    }
    producer.flush(LONG)?;
    let histogram = reading.join().map_err(|_| "the reading thread panicked")??;
    Ok(histogram.value_at_quantile(0.95) as f64 / 1e6)
}

fn read(consumer: &BaseConsumer, total: u32, origin: Instant) -> Result<Histogram<u64>, Failed> {
    let mut histogram = Histogram::new_with_bounds(1, 60_000_000_000, 3)?;
    let deadline = Instant::now() + LONG;
    while histogram.len() < u64::from(total) {
        if Instant::now() > deadline {
            return Err(format!("{} of {total} records arrived", histogram.len()).into());
        }
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message?;
        let mut planned = [0; 16];
        planned.copy_from_slice(message.payload().and_then(|payload| payload.get(..16)).ok_or("a payload is short")?);
        let latency = origin.elapsed().as_nanos().saturating_sub(u128::from_be_bytes(planned));
        histogram.record(u64::try_from(latency)?.max(1))?;
    }
    Ok(histogram)
}
