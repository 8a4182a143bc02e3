//! Where Kafka is, and everything that eventproof itself does with it.
//!
//! A [`Broker`] is embedded (the default), a container, or one that runs already. On it stand: the topics of the
//! contract ([`topics`]), a [`Publisher`] for single records and a [`Sender`] for streams, the [`Recorder`] that reads
//! every partition without any group, and the [`GroupWatch`] that follows the positions and members of the
//! application's own groups without ever joining them. What they find leaves as observations of `eventproof-evidence`.
//!
//! Only this part (and the reference services, which play a user's own) names `rdkafka`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod board;
mod client;
mod client_times;
mod drift;
mod error;
mod faults;
mod group_acts;
mod groups;
mod login;
mod neighbours;
mod own;
mod provider;
mod publisher;
mod range;
mod recorder;
mod sample;
mod scan;
mod sender;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod steady;
mod topics;
mod uncommitted;

pub use board::{Board, Note, Posted, ReadFrom};
pub use client_times::{ClientTime, ClientTimes};
pub use drift::{Drift, drift};
pub use error::BrokerError;
pub use eventproof_embedded::lasting_listener;
pub use faults::{ActiveFault, BrokerFault, FaultControl, Met};
pub use group_acts::{rebalance, rewind};
pub use groups::{GroupEvent, GroupWatch};
pub use login::{Credentials, Sasl, Secret};
pub use neighbours::foreign_lags;
pub use own::{CONTROL, OwnTopic, RESULTS};
pub use provider::{Broker, BrokerChoice, BrokerKind};
pub use publisher::{Published, Publisher};
pub use range::{Recorded, read_at, read_range};
pub use recorder::{ContractSink, FIELDS_DEEP, FIELDS_MOST, PartitionCounts, RawRecord, Recorder, Share, Sink};
pub use sample::sample;
pub use scan::{Found, search};
pub use sender::{Delivery, Failure, SendError, Sender, SenderSettings};
pub use topics::{TopicFacts, Topics};
pub use uncommitted::{Uncommitted, uncommitted};
