//! The bare pair: a producer that sends the same bytes again and again, and a consumer that counts. Nothing is made, read or
//! checked: as fast as this client goes here.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::{Failed, PARTITIONS, SIZE};

const LONG: Duration = Duration::from_secs(120);

/// Prints the records per second from the first send until the last record was read.
pub fn run(servers: &str, topic: &str, records: &str, linger: &str) -> Result<(), Failed> {
    let records: usize = records.parse()?;
    let consumer = reader(servers, topic)?;
    let producer = writer(servers, linger)?;
    producer.client().fetch_metadata(Some(topic), LONG)?;
    let began = Instant::now();
    let reading = std::thread::spawn(move || read(&consumer, records));
    write(&producer, topic, records)?;
    let ended = reading.join().map_err(|_| "the reader panicked")??;
    println!("{}", records as f64 / (ended - began).as_secs_f64());
    Ok(())
}

/// The settings that eventproof's own producer has.
fn writer(servers: &str, linger: &str) -> Result<BaseProducer, KafkaError> {
    ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", linger)
        .set("batch.size", "131072")
        .set("queue.buffering.max.messages", "10000")
        .create()
}

fn reader(servers: &str, topic: &str) -> Result<BaseConsumer, KafkaError> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", "side-by-side")
        .set("enable.auto.commit", "false")
        .create()?;
    let mut partitions = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        partitions.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&partitions)?;
    Ok(consumer)
}

fn write(producer: &BaseProducer, topic: &str, records: usize) -> Result<(), Failed> {
    let payload = vec![b'x'; SIZE];
    for number in 0..records {
        let key = format!("key {}", number % 1000);
        let mut record = BaseRecord::to(topic).key(&key).payload(&payload);
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
    Ok(producer.flush(LONG)?)
}

fn read(consumer: &BaseConsumer, records: usize) -> Result<Instant, Failed> {
    let began = Instant::now();
    let mut seen = 0;
    while seen < records {
        match consumer.poll(Duration::from_millis(100)) {
            Some(record) => {
                record?;
                seen += 1;
            }
            None if began.elapsed() > LONG => return Err(format!("only {seen} of {records} came").into()),
            None => {}
        }
    }
    Ok(Instant::now())
}
