//! From starting a broker to the first record that a group consumed.

use std::error::Error;
use std::time::{Duration, Instant};

use eventproof_broker::{Broker, BrokerChoice};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Message};

use crate::load::Failed;

const LONG: Duration = Duration::from_secs(60);

pub async fn compare() -> Result<(), Box<dyn Error>> {
    println!("{:>5} {:>10} {:>10}", "round", "broker", "ms");
    let mut fastest = [f64::INFINITY; 2];
    for round in 0..3 {
        for (index, name, choice) in
            [(0, "embedded", BrokerChoice::Embedded { nodes: 1 }), (1, "container", BrokerChoice::Container)]
        {
            let began = Instant::now();
            let broker = Broker::start(&choice).await?;
            let servers = broker.bootstrap().to_owned();
            tokio::task::spawn_blocking(move || first_record(&servers)).await?.map_err(|error| error.to_string())?;
            let ms = began.elapsed().as_secs_f64() * 1e3;
            println!("{round:>5} {name:>10} {ms:>10.0}");
            fastest[index] = fastest[index].min(ms);
            broker.stop().await?;
        }
    }
    let times = fastest[1] / fastest[0];
    println!(
        "\nfastest: embedded {:.0} ms, container {:.0} ms: {times:.1} times faster (bar: 10) {}",
        fastest[0],
        fastest[1],
        if times >= 10.0 { "met" } else { "MISSED" }
    );
    Ok(())
}

fn first_record(servers: &str) -> Result<(), Failed> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("broker.address.family", "v4");
    let producer: BaseProducer = config.clone().set("linger.ms", "0").create()?;
    producer.send(BaseRecord::to("first").key("k").payload("v")).map_err(|(error, _)| error)?;
    producer.flush(LONG)?;
    let consumer: BaseConsumer = config.set("group.id", "first").set("auto.offset.reset", "earliest").create()?;
    consumer.subscribe(&["first"])?;
    let deadline = Instant::now() + LONG;
    while Instant::now() < deadline {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) if message.payload() == Some(b"v") => return Ok(()),
            // A group that is just being made answers with errors that pass.
            Some(_) | None => {}
        }
    }
    Err("no record came".into())
}
