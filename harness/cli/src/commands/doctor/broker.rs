//! What a broker can do: whether it answers, and, where it is ours, whether a record goes there and back.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use eventproof_broker::{Broker, BrokerChoice, Published, Publisher, RawRecord, Recorder, Sink, Topics, sample};
use eventproof_contract::{Contract, Record};
use eventproof_evidence::{At, Blind, Clock, Journal, RunClock};
use eventproof_source::Source;

use super::Finding;

/// A topic of our own, on a broker of ours.
const TOPIC: &str = "eventproof.doctor";
const CONTRACT: &str = "\
asyncapi: 3.0.0
info: {title: doctor, version: '1'}
channels:
  doctor:
    address: eventproof.doctor
    bindings: {kafka: {partitions: 1}}
";
/// How long the record may take.
const THERE_AND_BACK: Duration = Duration::from_secs(10);

/// Looks at everything; returns what is looked at, too.
pub(super) async fn look(choice: &BrokerChoice) -> (String, Vec<Finding>) {
    let broker = match Broker::start(choice).await {
        Ok(broker) => broker,
        Err(error) => return ("the broker".to_owned(), vec![unreachable(choice, &error.to_string())]),
    };
    let nodes = broker.nodes();
    let mut findings =
        vec![Finding::yes(format!("it answers, with {nodes} node{}", if nodes == 1 { "" } else { "s" }))];
    match broker.is_ours() {
        true => findings.push(there_and_back(&broker).await),
        false => findings.push(topics(&broker).await),
    }
    findings.push(faults(&broker));
    let title = format!("the {}", broker.label());
    if let Err(error) = broker.stop().await {
        findings.push(Finding::no(format!("it did not stop: {error}"), "look for a container that is left over"));
    }
    (title, findings)
}

fn unreachable(choice: &BrokerChoice, error: &str) -> Finding {
    let remedy = match choice {
        BrokerChoice::Embedded { .. } => "this machine's loopback address must be free to listen on",
        BrokerChoice::Container => "Docker must run and be able to pull the image; `docker info` says what it lacks",
        BrokerChoice::External { .. } => {
            "check address and port from this machine, and what the broker asks for: --broker-option security.protocol=…, sasl.…"
        }
    };
    Finding::needed(format!("it does not answer: {error}"), remedy)
}

/// A record goes to the broker and comes back through the recorder.
async fn there_and_back(broker: &Broker) -> Finding {
    let remedy = "a defect, or a machine under great load: try again when nothing else runs";
    match round(broker).await {
        Ok(took) => Finding::yes(format!("a record goes there and back in {:.1} ms", took.as_secs_f64() * 1e3)),
        Err(error) => Finding::needed(format!("no record goes there and back: {error}"), remedy),
    }
}

async fn round(broker: &Broker) -> Result<Duration, String> {
    let (contract, _) = Contract::parse(&Source::inline("doctor", CONTRACT)).map_err(|faults| faults.render(false))?;
    let topics = Topics::of(broker).map_err(|error| error.to_string())?;
    topics.create_declared(&contract).await.map_err(|error| error.to_string())?;
    let clock: Arc<dyn Clock> = Arc::new(RunClock::start());
    let (tell, told) = channel();
    let started =
        tokio::task::block_in_place(|| Recorder::start(broker, &[TOPIC.to_owned()], Arrivals(tell), clock.clone()));
    let recorder = started.map_err(|error| error.to_string())?;
    let publisher = Publisher::new(broker, Journal::default(), clock.clone()).map_err(|error| error.to_string())?;
    let payload = Some("is anybody there".into());
    let record = Record { topic: TOPIC.to_owned(), key: None, headers: Vec::new(), payload };
    let mut took = Err("nothing was sent".to_owned());
    // The first one also finds its way: connections, leaders, a producer's id.
    for _ in 0..2 {
        let sent = clock.now();
        let arrived = match publisher.publish(&record, None, "doctor").await {
            Published::At { .. } => tokio::task::block_in_place(|| told.recv_timeout(THERE_AND_BACK))
                .map_err(|_| format!("it was acknowledged and not seen within {} s", THERE_AND_BACK.as_secs())),
            Published::Refused(error) | Published::TooLarge(error) | Published::Unknown(error) => Err(error),
        };
        took = arrived.map(|at| at.since(sent));
    }
    recorder.stop();
    took
}

/// Tells when a record arrives.
struct Arrivals(Sender<At>);

impl Sink for Arrivals {
    fn record(&mut self, record: &RawRecord<'_>, at: At) {
        if record.topic == TOPIC {
            // Nobody waits any more once it took too long.
            let _ = self.0.send(at);
        }
    }

    fn blind(&mut self, _: Blind) {}

    fn caught_up(&mut self, _: &str, _: At) {}
}

/// What may be seen of a broker that is not ours. Nothing is written to it.
async fn topics(broker: &Broker) -> Finding {
    match sample(broker, &[], 0).await {
        Ok(topics) if topics.is_empty() => Finding::no(
            "no topic can be seen",
            "it has none, or this user may not see them: the contract's topics need Describe, Read and Write",
        ),
        Ok(topics) => {
            let groups: usize = topics.iter().map(|topic| topic.groups.len()).sum();
            Finding::yes(format!(
                "{} topics and {groups} positions of groups on them can be seen (nothing was written)",
                topics.len()
            ))
        }
        Err(error) => Finding::needed(
            format!("its topics cannot be asked for: {error}"),
            "this user needs Describe on the cluster, and Describe, Read and Write on the contract's topics",
        ),
    }
}

fn faults(broker: &Broker) -> Finding {
    match broker.faults() {
        Some(_) => Finding::yes("it can be made to misbehave (docs/faults.md)"),
        None => Finding::no(
            "it cannot be made to misbehave",
            "scenarios with @needs:broker-faults are skipped there: run them on the embedded broker, or allow it with --allow-skipped broker-faults",
        ),
    }
}
