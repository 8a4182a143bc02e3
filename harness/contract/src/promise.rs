//! What a contract promises of its messages, property by property.

use std::fmt;

use crate::{Action, Contract, Message, Operation};

/// What can be promised of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Property {
    /// What services publish keeps to the schema.
    Schema,
    /// What services publish has the declared key.
    Key,
    /// Whoever receives it does something with it.
    Delivery,
    /// A duplicate has no second effect.
    Idempotency,
    /// Events of one key keep their order.
    Order,
    /// So many attempts, so far apart.
    Retry,
    /// What cannot be handled ends on the dead letter's channel.
    DeadLetter,
    /// The effect comes in time.
    Deadline,
    /// Sensitive fields are seen nowhere else.
    Privacy,
}

/// One promise.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Promise {
    pub channel: String,
    pub message: String,
    pub property: Property,
}

impl Property {
    /// All, with the names that reports use.
    pub const NAMES: [(&'static str, Property); 9] = [
        ("schema", Property::Schema),
        ("key", Property::Key),
        ("delivery", Property::Delivery),
        ("idempotency", Property::Idempotency),
        ("order", Property::Order),
        ("retry", Property::Retry),
        ("dead letter", Property::DeadLetter),
        ("deadline", Property::Deadline),
        ("privacy", Property::Privacy),
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        Property::NAMES[self as usize].0
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of \"{}\" on {}", self.property.name(), self.message, self.channel)
    }
}

impl Contract {
    /// Everything that it promises of the system at hand: operations of services that are not present promise nothing.
    pub fn promises(&self) -> Vec<Promise> {
        let of = |message: &Message| {
            let promise =
                |property| Promise { channel: message.channel.clone(), message: message.name.clone(), property };
            self.properties(message).into_iter().map(promise).collect::<Vec<_>>()
        };
        self.messages.iter().flat_map(of).collect()
    }

    fn properties(&self, message: &Message) -> Vec<Property> {
        let present = |operation: &&Operation| operation.present && operation.messages.contains(&message.name);
        let all: Vec<&Operation> = self.operations.iter().filter(present).collect();
        let sent = all.iter().any(|operation| operation.action == Action::Send);
        // What waits for another try is still the event that it was: it is that one's promises that count.
        let is_retried = self.is_retry_channel(&message.channel);
        let receivers = || {
            all.iter()
                .filter(|_| !is_retried)
                .filter(|operation| operation.action == Action::Receive && operation.group.is_some())
        };
        let any = |holds: fn(&Operation) -> bool| receivers().any(|operation| holds(operation));
        let keyed = message.envelope.key.is_some();
        let promised = [
            (Property::Schema, sent),
            (Property::Key, sent && keyed),
            (Property::Delivery, any(|_| true)),
            (Property::Idempotency, any(|operation| operation.deduplication.is_some())),
            (Property::Order, keyed && any(|operation| operation.handling == crate::Handling::SerialPerKey)),
            (Property::Retry, any(|operation| operation.retry.is_some())),
            (Property::DeadLetter, any(|operation| operation.dead_letter.is_some())),
            (Property::Deadline, any(|operation| operation.deadline.is_some())),
            (Property::Privacy, !all.is_empty() && !message.sensitive.is_empty()),
        ];
        promised.into_iter().filter(|(_, is_promised)| *is_promised).map(|(property, _)| property).collect()
    }
}
