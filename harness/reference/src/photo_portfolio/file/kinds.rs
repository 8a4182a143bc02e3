//! Kinds of events that come later: each gets a topic of its own, when it is brought in.

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;

use crate::ServeError;
use crate::serve::Context;

/// Partitions of a new topic.
const PARTITIONS: i32 = 3;

/// Makes topics.
pub(super) struct Kinds(AdminClient<DefaultClientContext>);

impl Kinds {
    pub(super) fn new(context: &Context) -> Result<Kinds, ServeError> {
        let admin = context.settings.brokers.client().create();
        Ok(Kinds(admin.map_err(|source| ServeError::Kafka { what: "admin client", source })?))
    }

    /// Makes the topic of that name, if there is none.
    pub(super) async fn create(&self, name: &str) -> Result<(), String> {
        let topic = NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1));
        let made = self.0.create_topics([&topic], &AdminOptions::new()).await.map_err(|e| e.to_string())?;
        match made.into_iter().next() {
            Some(Err((_, error))) if error != RDKafkaErrorCode::TopicAlreadyExists => Err(format!("{name}: {error}")),
            _ => Ok(()),
        }
    }
}
