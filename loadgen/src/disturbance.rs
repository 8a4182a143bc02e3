//! A profile's timeline: faults of the broker, of services and of stores, at their instants, for their time.

use std::collections::BTreeMap;
use std::time::Duration;

use eventproof_broker::{ActiveFault, BrokerFault, FaultControl, Met};
use eventproof_evidence::At;
use eventproof_reports::model::Disturbed;
use eventproof_source::{Diagnostic, Diagnostics, Fields, Node, Source, units};
use eventproof_system::{Rig, StoreFault, System};

/// One entry of a timeline.
#[derive(Clone, Debug)]
pub struct Disturbance {
    /// Since the first planned event, the warm-up included.
    pub at: Duration,
    /// Until it is undone; to the last event sent if nothing is said.
    pub lasting: Option<Duration>,
    pub what: What,
}

/// What is done.
#[derive(Clone, Debug)]
pub enum What {
    Broker(BrokerFault),
    /// A service is ended with SIGKILL, and started again afterwards.
    Killed(String),
    /// A service is stopped with SIGSTOP, and continued afterwards.
    Paused(String),
    /// A store fails at the proxy before it.
    Store(String, StoreFault),
}

impl Disturbance {
    /// The service that it is about.
    pub fn service(&self) -> Option<&str> {
        match &self.what {
            What::Broker(_) | What::Store(..) => None,
            What::Killed(service) | What::Paused(service) => Some(service),
        }
    }

    /// The store that it is about.
    pub fn store(&self) -> Option<&str> {
        if let What::Store(store, _) = &self.what { Some(store) } else { None }
    }

    /// The topic that it is limited to.
    pub fn topic(&self) -> Option<&str> {
        if let What::Broker(fault) = &self.what { fault.topic() } else { None }
    }

    /// The broker's node that it is about.
    pub fn node(&self) -> Option<i32> {
        if let What::Broker(fault) = &self.what { fault.node() } else { None }
    }

    fn label(&self) -> String {
        match &self.what {
            What::Broker(fault) => format!("broker: {fault}"),
            What::Killed(service) => format!("service \"{service}\" killed"),
            What::Paused(service) => format!("service \"{service}\" paused"),
            What::Store(store, StoreFault::Down) => format!("store \"{store}\" down"),
            What::Store(store, StoreFault::Late(by)) => format!("store \"{store}\" {} ms late", by.as_millis()),
            What::Store(store, StoreFault::BreaksOff(times)) => {
                format!("store \"{store}\" breaks {times} connection(s) off")
            }
        }
    }
}

/// Settings of a broker's fault, besides its kind.
const SETTINGS: [&str; 10] =
    ["node", "by", "error", "rate", "direction", "api", "topic", "partition", "client", "times"];

/// Reads `{at: 5s, for: 2s, broker: delay, by: 200ms, api: Fetch}`, `{at: 5s, for: 2s, service: feed, fault: killed}` or
/// `{at: 5s, for: 2s, store: db, fault: late, by: 300ms}`.
pub(crate) fn disturbance(node: &Node, source: &Source, faults: &mut Diagnostics) -> Option<Disturbance> {
    let mut fields = Fields::of(node, source, "an entry of a timeline", faults)?;
    fields.required("at", faults);
    let at = fields.duration("at", faults);
    let lasting = fields.duration("for", faults);
    let (broker, service, store) =
        (fields.string("broker", faults), fields.string("service", faults), fields.string("store", faults));
    let what = match (broker, service, store) {
        (Some(kind), None, None) => broker_fault(&kind, &mut fields, node, source, faults).map(What::Broker),
        (None, Some(service), None) => {
            fields.required("fault", faults);
            let fault = fields.choice("fault", &["killed", "paused"], faults);
            fault.map(|fault| if fault == "killed" { What::Killed(service) } else { What::Paused(service) })
        }
        (None, None, Some(store)) => store_fault(&mut fields, faults).map(|fault| What::Store(store, fault)),
        _ => {
            let message = "an entry of a timeline names either `broker`, `service` or `store`".to_owned();
            faults.push(Diagnostic::error("load/timeline", message).at(source, node.span));
            None
        }
    };
    fields.finish(faults);
    Some(Disturbance { at: at?, lasting, what: what? })
}

/// `fault: down`, `fault: late, by: 300ms`, `fault: breaks off, times: 3`
fn store_fault(fields: &mut Fields<'_>, faults: &mut Diagnostics) -> Option<StoreFault> {
    fields.required("fault", faults);
    match fields.choice("fault", &["down", "late", "breaks off"], faults)?.as_str() {
        "down" => Some(StoreFault::Down),
        "late" => {
            fields.required("by", faults);
            let by = fields.parsed("by", faults, |text| match units::parse_duration(text)? {
                Duration::ZERO => Err("what comes 0 ms late is not late".to_owned()),
                by => Ok(by),
            });
            by.map(StoreFault::Late)
        }
        _ => {
            fields.required("times", faults);
            let times = fields.parsed("times", faults, |text| {
                let times = text.parse().ok().filter(|times| *times > 0);
                times.ok_or_else(|| format!("`{text}` is no whole number from 1"))
            });
            times.map(StoreFault::BreaksOff)
        }
    }
}

fn broker_fault(
    kind: &str,
    fields: &mut Fields<'_>,
    node: &Node,
    source: &Source,
    faults: &mut Diagnostics,
) -> Option<BrokerFault> {
    let mut settings = BTreeMap::new();
    for name in SETTINGS {
        if let Some(text) = fields.node(name).and_then(Node::scalar_text) {
            settings.insert(name.to_owned(), text);
        }
    }
    BrokerFault::new(kind, &settings)
        .map_err(|message| faults.push(Diagnostic::error("load/timeline", message).at(source, node.span)))
        .ok()
}

/// Carries a timeline out; returns what was done, when, once all of it is undone. An entry lasts as long as it says,
/// also beyond the last event sent; one that says nothing ends with it; all end when the run is stopped.
pub(crate) async fn carry_out(
    timeline: &[Disturbance],
    rig: &Rig,
    start: At,
    all_sent: impl Future<Output = ()>,
    stop: &Flag,
) -> Vec<Disturbed> {
    let (sending, sent) = tokio::sync::watch::channel(false);
    let each = timeline.iter().map(|disturbance| one(disturbance, rig, start, sent.clone(), stop.clone()));
    let wait = async {
        all_sent.await;
        // The receivers live as long as the disturbances do.
        let _ = sending.send(true);
    };
    tokio::join!(futures::future::join_all(each), wait).0
}

/// Becomes true once.
type Flag = tokio::sync::watch::Receiver<bool>;

/// Waits for its instant, does it, waits for its end, undoes it.
async fn one(disturbance: &Disturbance, rig: &Rig, start: At, mut sent: Flag, mut stop: Flag) -> Disturbed {
    let mut told = Disturbed { text: disturbance.label(), at_ms: ms(disturbance.at), ..Disturbed::default() };
    if !sleep_until(start + disturbance.at, rig, &mut sent).await {
        told.outcome = "not done: the load was over before".to_owned();
        return told;
    }
    told.at_ms = ms(rig.clock.now().since(start));
    let active = match begin(disturbance, rig).await {
        Ok(active) => active,
        Err(error) => {
            told.outcome = format!("not done: {error}");
            return told;
        }
    };
    match disturbance.lasting {
        Some(lasting) => drop(sleep_until(start + disturbance.at + lasting, rig, &mut stop).await),
        None => drop(sent.wait_for(|sent| *sent).await.map(|_| ())),
    }
    (told.done, told.outcome) =
        end(active, rig).await.unwrap_or_else(|error| (false, format!("could not be undone: {error}")));
    told.until_ms = Some(ms(rig.clock.now().since(start)));
    told
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Returns false if `over` was true before.
async fn sleep_until(instant: At, rig: &Rig, over: &mut Flag) -> bool {
    let left = instant.since(rig.clock.now());
    tokio::select! {
        () = tokio::time::sleep(left) => true,
        _ = over.wait_for(|over| *over) => false,
    }
}

enum Active {
    Fault(FaultControl, ActiveFault),
    Killed(String),
    Paused(String),
    /// By the number that ends it.
    Store(String, u64),
}

async fn begin(disturbance: &Disturbance, rig: &Rig) -> Result<Active, String> {
    let system: &System = &rig.system;
    match &disturbance.what {
        What::Broker(fault) => {
            let control = rig.broker.faults().ok_or_else(|| format!("the {} shows no faults", rig.broker.label()))?;
            let active = control.start(fault).map_err(|error| error.to_string())?;
            Ok(Active::Fault(control, active))
        }
        What::Killed(service) => {
            system.kill(service).await.map_err(|error| error.to_string())?;
            Ok(Active::Killed(service.clone()))
        }
        What::Paused(service) => {
            system.pause(service, true).await.map_err(|error| error.to_string())?;
            Ok(Active::Paused(service.clone()))
        }
        What::Store(store, fault) => {
            let number = system.fail_store(store, *fault).map_err(|error| error.to_string())?;
            Ok(Active::Store(store.clone(), number))
        }
    }
}

/// Undoes it. Returns whether it met anything, and what came of it.
async fn end(active: Active, rig: &Rig) -> Result<(bool, String), String> {
    match active {
        Active::Fault(control, fault) => match control.end(fault).map_err(|error| error.to_string())? {
            met if met.is_nothing() => Ok((false, format!("it {met}, so it proved nothing"))),
            Met::Everything => Ok((true, "undone".to_owned())),
            met => Ok((true, format!("it {met}"))),
        },
        Active::Killed(service) => {
            let began = rig.clock.now();
            rig.system.start(&service).await.map_err(|error| error.to_string())?;
            Ok((true, format!("ready again {:.0} ms after its start", ms(rig.clock.now().since(began)))))
        }
        Active::Paused(service) => {
            rig.system.pause(&service, false).await.map_err(|error| error.to_string())?;
            Ok((true, "continued".to_owned()))
        }
        Active::Store(store, number) => {
            let mended = rig.system.mend_store(&store, number).ok_or("it was mended before")?;
            Ok(match mended.told(&store) {
                Ok(whom) => (true, whom),
                Err(void) => (false, void),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use eventproof_source::parse_yaml;

    use super::*;

    fn read(text: &str) -> Result<Disturbance, String> {
        let source = Source::inline("load.yaml", text);
        let mut faults = Diagnostics::default();
        let node = parse_yaml(&source).unwrap();
        let found = disturbance(&node, &source, &mut faults);
        if faults.has_errors() { Err(faults.render(false)) } else { Ok(found.unwrap()) }
    }

    #[test]
    fn an_entry_is_about_the_broker_a_service_or_a_store() {
        let fault = read("{at: 5s, for: 2s, broker: delay, by: 200ms, api: Fetch}").unwrap();
        assert_eq!((fault.at, fault.lasting), (Duration::from_secs(5), Some(Duration::from_secs(2))));
        assert_eq!(fault.label(), "broker: delay api=Fetch by=200ms");
        assert_eq!(read("{at: 1s, service: feed, fault: killed}").unwrap().label(), "service \"feed\" killed");
        assert_eq!(read("{at: 1s, store: db, fault: down}").unwrap().label(), "store \"db\" down");
        let late = read("{at: 1s, store: db, fault: late, by: 300ms}").unwrap();
        assert_eq!((late.store(), late.label().as_str()), (Some("db"), "store \"db\" 300 ms late"));
        let broken = read("{at: 1s, store: db, fault: breaks off, times: 3}").unwrap();
        assert_eq!(broken.label(), "store \"db\" breaks 3 connection(s) off");
        assert!(read("{at: 1s}").unwrap_err().contains("either `broker`, `service` or `store`"));
        assert!(read("{at: 1s, store: db, service: feed, fault: down}").unwrap_err().contains("either `broker`"));
        assert!(read("{at: 1s, store: db, fault: late}").unwrap_err().contains("no `by`"));
        assert!(read("{at: 1s, store: db, fault: late, by: 0s}").unwrap_err().contains("is not late"));
        assert!(read("{at: 1s, store: db, fault: breaks off, times: 0}").unwrap_err().contains("from 1"));
        assert!(read("{at: 1s, store: db, fault: down, by: 3s}").unwrap_err().contains("`by`"));
        assert!(read("{at: 1s, broker: dely, by: 1s}").unwrap_err().contains("did you mean delay?"));
        assert!(read("{at: 1s, service: feed, fault: drowned}").is_err());
    }
}
