//! Records: what comes back, where it is, and what is refused.

use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::message::Headers;
use rdkafka::producer::FutureRecord;
use rdkafka::{Message, Offset, Timestamp, TopicPartitionList};

use crate::Target;
use crate::common::*;

fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_millis() as i64
}

pub async fn check(target: &mut Target) {
    codecs(target).await;
    acknowledgements(target).await;
    offsets(target).await;
    refusals(target).await;
    timestamps(target).await;
    positions(target).await;
}

async fn codecs(target: &mut Target) {
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("codec-{codec}");
        create_topic(target, &topic, 1, &[]).await;
        let producer = producer(target, &[("compression.type", codec), ("linger.ms", "20")]);
        let base = now_ms() - 100_000;
        let mut sends = Vec::new();
        for n in 0..20 {
            let key = n.to_string();
            let body = "x".repeat(500);
            let mut record = FutureRecord::to(&topic).timestamp(base + n);
            record = record.headers(headers(&[("a", Some("1")), ("a", None), ("", Some(""))]));
            if n % 2 == 0 {
                record = record.key(&key);
            }
            if n % 3 == 0 {
                record = record.payload(&body);
            }
            sends.push(producer.send_result(record).map_err(|(e, _)| e).unwrap());
        }
        for send in sends {
            send.await.unwrap().unwrap();
        }
        let consumer = reader(target, &topic, 0, Offset::Beginning, &[("check.crcs", "true")]);
        let mut seen = Vec::new();
        while seen.len() < 20 {
            let message = consumer.poll(LONG).unwrap().unwrap();
            let time = message.timestamp().to_millis().unwrap() - base;
            let headers = message.headers().unwrap();
            let headers: Vec<_> = headers.iter().map(|h| (h.key.to_owned(), h.value.map(<[u8]>::len))).collect();
            let lengths = (message.key().map(<[u8]>::len), message.payload().map(<[u8]>::len));
            seen.push((message.offset(), time, lengths, headers));
        }
        target.note(&format!("records with {codec}"), seen);
    }
}

async fn acknowledgements(target: &mut Target) {
    for (name, settings) in [
        ("acks-0", &[("acks", "0")][..]),
        ("acks-1", &[("acks", "1")][..]),
        ("acks-all", &[("acks", "all")][..]),
        ("idempotent", &[("enable.idempotence", "true")][..]),
    ] {
        create_topic(target, name, 1, &[]).await;
        send_many(target, name, 0, 2000, settings);
        let consumer = reader(target, name, 0, Offset::Beginning, &[]);
        let found = read(&consumer, 2000);
        let ordered = found
            .iter()
            .enumerate()
            .all(|(n, (offset, _, value))| *offset == n as i64 && value.as_deref() == Some(n.to_string().as_str()));
        target.note(name, (found.len(), ordered));
    }
}

async fn offsets(target: &mut Target) {
    create_topic(target, "by-time", 2, &[]).await;
    let base = now_ms() - 1_000_000;
    for codec in ["none", "lz4"] {
        let producer = producer(target, &[("compression.type", codec), ("linger.ms", "100")]);
        let mut sends = Vec::new();
        for n in [0, 50, 20, 70, 70] {
            let record = FutureRecord::<str, str>::to("by-time").partition(0).payload("v").timestamp(base + n);
            sends.push(producer.send_result(record).map_err(|(e, _)| e).unwrap());
        }
        for send in sends {
            send.await.unwrap().unwrap();
        }
    }
    let consumer = consumer(target, &[]);
    for partition in 0..3 {
        let marks = consumer.fetch_watermarks("by-time", partition, Duration::from_secs(5));
        let marks = marks.map_err(|e| e.rdkafka_error_code());
        target.note(&format!("watermarks of partition {partition}"), marks);
    }
    for after in [-1, 0, 1, 50, 51, 70, 71] {
        let mut list = TopicPartitionList::new();
        for partition in 0..2 {
            list.add_partition_offset("by-time", partition, Offset::Offset(base + after)).unwrap();
        }
        let found = consumer.offsets_for_times(list, LONG).unwrap();
        let found: Vec<Offset> = found.elements().iter().map(|e| e.offset()).collect();
        target.note(&format!("offset at {after} ms"), found);
    }
}

async fn refusals(target: &mut Target) {
    create_topic(target, "small", 1, &[("max.message.bytes", "1000")]).await;
    create_topic(target, "compacted", 1, &[("cleanup.policy", "compact")]).await;
    create_topic(target, "replicated", 1, &[("min.insync.replicas", "2")]).await;
    let producer = producer(target, &[("message.timeout.ms", "4000")]);
    let large = "x".repeat(2000);
    let sent = producer.send(FutureRecord::to("small").key("k").payload(&large), LONG).await;
    target.note_error("a record over max.message.bytes", sent.map_err(|(e, _)| e));
    let sent = producer.send(FutureRecord::<str, str>::to("compacted").payload("v"), LONG).await;
    target.note_error("a record without a key on a compacted topic", sent.map_err(|(e, _)| e));
    let sent = producer.send(FutureRecord::to("no spaces").key("k").payload("v"), LONG).await;
    target.note_error("a record on a topic that no topic can be called", sent.map_err(|(e, _)| e));
    let sent = producer.send(FutureRecord::to("small").partition(5).key("k").payload("v"), LONG).await;
    target.note_error("a record on a partition that is not there", sent.map_err(|(e, _)| e));
    let sent = producer.send(FutureRecord::to("replicated").key("k").payload("v"), LONG).await;
    target.note_error("a record that too few replicas can take", sent.map_err(|(e, _)| e));
    let ahead = FutureRecord::to("small").key("k").payload("v").timestamp(now_ms() + 7_200_000);
    let sent = producer.send(ahead, LONG).await;
    target.note_error("a record from two hours ahead", sent.map_err(|(e, _)| e));
    let behind = FutureRecord::to("small").key("k").payload("v").timestamp(now_ms() - 86_400_000);
    let sent = producer.send(behind, LONG).await;
    target.note_error("a record from a day ago", sent.map_err(|(e, _)| e));
    let watcher = consumer(target, &[]);
    target.note("what was refused took no offset", watcher.fetch_watermarks("small", 0, LONG).unwrap());
    let sent = producer.send(FutureRecord::to("made-by-use").key("k").payload("v"), LONG).await;
    target.note_error("a record on a topic that nobody made", sent.map_err(|(e, _)| e));
    let metadata = watcher.fetch_metadata(Some("made-by-use"), LONG).unwrap();
    target.note("partitions of it", metadata.topics()[0].partitions().len());
}

async fn timestamps(target: &mut Target) {
    create_topic(target, "appended", 1, &[("message.timestamp.type", "LogAppendTime")]).await;
    for codec in ["none", "zstd"] {
        let producer = producer(target, &[("compression.type", codec)]);
        let body = "x".repeat(500);
        let record = FutureRecord::to("appended").key("k").payload(&body).timestamp(1000);
        producer.send(record, LONG).await.unwrap();
    }
    let consumer = reader(target, "appended", 0, Offset::Beginning, &[("check.crcs", "true")]);
    for codec in ["none", "zstd"] {
        let message = consumer.poll(LONG).unwrap().unwrap();
        let near = match message.timestamp() {
            Timestamp::LogAppendTime(time) => (now_ms() - time).abs() < 60_000,
            _ => false,
        };
        target.note(&format!("append time with {codec}"), near);
    }
}

async fn positions(target: &mut Target) {
    create_topic(target, "cut", 1, &[]).await;
    for _ in 0..10 {
        send_many(target, "cut", 0, 1, &[]);
    }
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("cut", 0, Offset::Offset(6)).unwrap();
    admin(target).delete_records(&list, &options()).await.unwrap();
    let watcher = consumer(target, &[]);
    target.note("watermarks after records were deleted", watcher.fetch_watermarks("cut", 0, LONG).unwrap());
    for from in [2, 6, 8, 99] {
        for reset in ["earliest", "latest", "error"] {
            let consumer = reader(target, "cut", 0, Offset::Offset(from), &[("auto.offset.reset", reset)]);
            let first = consumer.poll(Duration::from_secs(2));
            let first = first.map(|m| m.map(|m| m.offset()).map_err(|e| e.rdkafka_error_code()));
            target.note(&format!("reading from {from}, reset {reset}"), first);
        }
    }
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("cut", 0, Offset::Offset(50)).unwrap();
    let deleted = admin(target).delete_records(&list, &options()).await;
    let code = deleted.map(|l| l.elements()[0].error().err().and_then(|e| e.rdkafka_error_code()));
    target.note("deleting records past the end", code.map_err(|e| e.rdkafka_error_code()));
}
