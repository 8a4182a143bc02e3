//! Where Kafka is: in this process, in a container, or running already.

mod container;
mod embedded;
mod external;

use std::collections::BTreeMap;

use eventproof_embedded::EmbeddedBroker;

use crate::client::ClientSettings;
use crate::{BrokerError, FaultControl, Sasl};
use container::ContainerBroker;
use embedded::LoginWatch;

/// Which broker a run should use.
#[derive(Clone, Debug, PartialEq)]
pub enum BrokerChoice {
    /// In this process, so many nodes: for laptops and quick builds.
    Embedded { nodes: usize },
    /// Apache Kafka in a container: the gate's recipe.
    Container,
    /// One that runs already: addresses and librdkafka options.
    External { bootstrap: String, options: BTreeMap<String, String> },
}

impl Default for BrokerChoice {
    fn default() -> BrokerChoice {
        BrokerChoice::Embedded { nodes: 1 }
    }
}

/// What kind of broker it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerKind {
    Embedded,
    Container,
    External,
}

/// A running broker. Ours are stopped with [`stop`](Broker::stop).
pub struct Broker {
    kind: BrokerKind,
    label: String,
    nodes: usize,
    pub(crate) settings: ClientSettings,
    owned: Owned,
}

/// What has to be stopped at the end.
enum Owned {
    Embedded(EmbeddedBroker, LoginWatch),
    Container(Box<ContainerBroker>),
    Nothing,
}

impl Broker {
    /// Starts the broker, or makes sure that the one that should run answers.
    pub async fn start(choice: &BrokerChoice) -> Result<Broker, BrokerError> {
        Broker::start_guarded(choice, None).await
    }

    /// The same; where the broker is one that can be told whom to let in, it asks everybody who they are.
    pub async fn start_guarded(choice: &BrokerChoice, sasl: Option<&Sasl>) -> Result<Broker, BrokerError> {
        match choice {
            BrokerChoice::Embedded { nodes } => embedded::start(*nodes, sasl),
            BrokerChoice::Container => container::start().await,
            BrokerChoice::External { bootstrap, options } => external::connect(bootstrap, options).await,
        }
    }

    /// Addresses for the clients of the host: `127.0.0.1:41234`.
    pub fn bootstrap(&self) -> &str {
        &self.settings.bootstrap
    }

    /// What kind of broker it is.
    pub fn kind(&self) -> BrokerKind {
        self.kind
    }

    /// The protocol in which services must speak to it, in Kafka's words: `PLAINTEXT`, `SASL_PLAINTEXT`.
    pub fn protocol(&self) -> String {
        self.option(&["security.protocol"]).unwrap_or("plaintext").to_uppercase()
    }

    /// The SASL mechanism in which eventproof itself comes, if it has to say who it is.
    pub fn mechanism(&self) -> Option<&str> {
        self.option(&["sasl.mechanism", "sasl.mechanisms"]).filter(|_| self.asks_who())
    }

    /// Whether it asks everybody who they are.
    pub fn asks_who(&self) -> bool {
        self.protocol().starts_with("SASL")
    }

    fn option(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.settings.options.get(*name)).map(String::as_str)
    }

    /// Tells of every login of a service from now on: its name, and what was answered if it was not let in. `tell` must
    /// not wait. Only the embedded broker can.
    pub fn on_login(&self, tell: impl Fn(&str, Option<&str>) + Send + 'static) {
        if let Owned::Embedded(_, logins) = &self.owned {
            logins.set(tell);
        }
    }

    /// For people: "embedded broker", "Apache Kafka 4.2.0 (container)".
    pub fn label(&self) -> &str {
        &self.label
    }

    /// How many nodes it had when the run began.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// Whether we started it, so that everything on it comes from this run.
    pub fn is_ours(&self) -> bool {
        self.kind != BrokerKind::External
    }

    /// The faults that it can be made to show, where it can.
    pub fn faults(&self) -> Option<FaultControl> {
        match &self.owned {
            Owned::Embedded(broker, _) => Some(FaultControl::new(broker.faults())),
            Owned::Container(_) | Owned::Nothing => None,
        }
    }

    /// Stops what we started.
    pub async fn stop(self) -> Result<(), BrokerError> {
        match self.owned {
            Owned::Embedded(broker, _) => {
                broker.stop();
                Ok(())
            }
            Owned::Container(container) => container.stop().await,
            Owned::Nothing => Ok(()),
        }
    }
}

impl BrokerKind {
    /// The word in results and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            BrokerKind::Embedded => "embedded",
            BrokerKind::Container => "container",
            BrokerKind::External => "external",
        }
    }
}
