//! How fast the broker is under librdkafka: records of 1 KB in and out, and latency at 1000 a second.
//! Run it with `--release`; the figures of an unoptimised build say nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::time::{Duration, Instant};

use eventproof_embedded::{BrokerConfig, EmbeddedBroker};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

const COUNT: usize = 300_000;
const PARTITIONS: i32 = 3;

fn client(broker: &EmbeddedBroker) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap_servers());
    config
}

fn consumer(broker: &EmbeddedBroker, topic: &str) -> BaseConsumer {
    let mut config = client(broker);
    config.set("group.id", "none");
    config.set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    consumer
}

fn main() {
    let started = Instant::now();
    let broker =
        EmbeddedBroker::start(BrokerConfig { default_partitions: PARTITIONS, ..BrokerConfig::default() }).unwrap();
    println!("started in {:?}", started.elapsed());
    throughput(&broker);
    latency(&broker);
}

fn throughput(broker: &EmbeddedBroker) {
    let producer: BaseProducer = client(broker)
        .set("acks", "all")
        .set("linger.ms", "5")
        .set("batch.size", "131072")
        .set("queue.buffering.max.messages", "1000000")
        .set("queue.buffering.max.kbytes", "1048576")
        .create()
        .unwrap();
    let payload = vec![b'x'; 1024];
    let started = Instant::now();
    for n in 0..COUNT {
        let partition = n as i32 % PARTITIONS;
        let record = BaseRecord::<(), [u8]>::to("fast").partition(partition).payload(&payload);
        producer.send(record).map_err(|(e, _)| e).unwrap();
        if n % 1000 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(Duration::from_secs(120)).unwrap();
    let rate = COUNT as f64 / started.elapsed().as_secs_f64();
    println!("produced {rate:.0} records/s");
    let consumer = consumer(broker, "fast");
    let started = Instant::now();
    let mut count = 0;
    while count < COUNT {
        if consumer.poll(Duration::from_secs(10)).unwrap().is_ok() {
            count += 1;
        }
    }
    let rate = COUNT as f64 / started.elapsed().as_secs_f64();
    println!("consumed {rate:.0} records/s");
}

fn latency(broker: &EmbeddedBroker) {
    let producer: BaseProducer = client(broker).set("acks", "all").set("linger.ms", "0").create().unwrap();
    // The topic and the reader's first fetch are there before the clock runs.
    let record = BaseRecord::<(), [u8]>::to("slow").partition(0).payload(&[0; 8]);
    producer.send(record).map_err(|(e, _)| e).unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
    let reader = consumer(broker, "slow");
    reader.poll(Duration::from_secs(30)).unwrap().unwrap();
    let epoch = Instant::now();
    let thread = std::thread::spawn(move || {
        let mut found = Vec::new();
        while found.len() < 5000 {
            if let Some(Ok(message)) = reader.poll(Duration::from_millis(100)) {
                let sent = u64::from_be_bytes(message.payload().unwrap()[..8].try_into().unwrap());
                found.push(epoch.elapsed().as_micros() as u64 - sent);
            }
        }
        found
    });
    let mut payload = vec![0; 1024];
    for n in 0..5000u32 {
        let due = Duration::from_millis(u64::from(n));
        while epoch.elapsed() < due {
            producer.poll(Duration::from_micros(200));
        }
        let now = epoch.elapsed().as_micros() as u64;
        payload[..8].copy_from_slice(&now.to_be_bytes());
        let record = BaseRecord::<(), [u8]>::to("slow").partition(n as i32 % PARTITIONS).payload(&payload);
        producer.send(record).map_err(|(e, _)| e).unwrap();
        producer.poll(Duration::ZERO);
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    let mut found = thread.join().unwrap();
    found.sort_unstable();
    let at = |share: f64| found[(found.len() as f64 * share) as usize];
    println!("end to end at 1000/s: p50 {} us, p95 {} us, p99 {} us", at(0.5), at(0.95), at(0.99));
}
