//! The contract's topics on the broker: made as declared, and compared with what is declared.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use eventproof_contract::{Channel, Contract};
use eventproof_evidence::Cause;
use rdkafka::admin::{AdminClient, AdminOptions, ConfigEntry, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;

use crate::{Broker, BrokerError};

const ANSWER: Duration = Duration::from_secs(15);
/// Partitions of a topic whose contract names no number.
const DEFAULT_PARTITIONS: u32 = 1;

/// Questions and orders about topics.
pub struct Topics<'a> {
    broker: &'a Broker,
    admin: AdminClient<DefaultClientContext>,
}

/// What the broker says of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicFacts {
    pub partitions: u32,
    pub replicas: usize,
    pub config: BTreeMap<String, String>,
}

impl<'a> Topics<'a> {
    /// Topics of `broker`.
    pub fn of(broker: &'a Broker) -> Result<Topics<'a>, BrokerError> {
        let admin = broker
            .settings
            .base("eventproof-admin")
            .create()
            .map_err(|error| BrokerError::Client(error.to_string()))?;
        Ok(Topics { broker, admin })
    }

    /// Makes every topic of the contract that is not there. On a broker of ours replication is what is declared, as far
    /// as there are nodes; where nothing is declared, every node has a replica, up to three.
    pub async fn create_declared(&self, contract: &Contract) -> Result<(), BrokerError> {
        let topics: Vec<NewTopic<'_>> = contract.topics().map(|channel| self.new_topic(channel)).collect();
        if topics.is_empty() {
            return Ok(());
        }
        let options = AdminOptions::new().operation_timeout(Some(ANSWER)).request_timeout(Some(ANSWER));
        let results = self
            .admin
            .create_topics(&topics, &options)
            .await
            .map_err(|error| BrokerError::asked("creating topics", error))?;
        for result in results {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) => return Err(BrokerError::Topic { topic, detail: code.to_string() }),
            }
        }
        Ok(())
    }

    fn new_topic<'c>(&self, channel: &'c Channel) -> NewTopic<'c> {
        let replicas = match self.broker.is_ours() {
            true => usize::from(channel.replicas.unwrap_or(3)).min(self.broker.nodes()) as i32,
            false => channel.replicas.map_or(-1, i32::from),
        };
        let partitions = channel.partitions.unwrap_or(DEFAULT_PARTITIONS);
        let topic = NewTopic::new(
            &channel.topic,
            i32::try_from(partitions).unwrap_or(i32::MAX),
            TopicReplication::Fixed(replicas),
        );
        channel.config.iter().fold(topic, |topic, (key, value)| topic.set(key, value))
    }

    /// What the broker says of a topic; `None` if there is no such topic.
    pub async fn describe(&self, topic: &str) -> Result<Option<TopicFacts>, BrokerError> {
        let metadata = self
            .admin
            .inner()
            .fetch_metadata(Some(topic), ANSWER)
            .map_err(|error| BrokerError::asked(format!("asking for topic \"{topic}\""), error))?;
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else { return Ok(None) };
        if found.error().is_some() || found.partitions().is_empty() {
            return Ok(None);
        }
        Ok(Some(TopicFacts {
            partitions: found.partitions().len() as u32,
            replicas: found.partitions().iter().map(|partition| partition.replicas().len()).min().unwrap_or(0),
            config: self.config_of(topic).await?,
        }))
    }

    /// Every setting of a topic, with where it comes from.
    pub(crate) async fn entries_of(&self, topic: &str) -> Result<Vec<ConfigEntry>, BrokerError> {
        let options = AdminOptions::new().request_timeout(Some(ANSWER));
        let described = self
            .admin
            .describe_configs([&ResourceSpecifier::Topic(topic)], &options)
            .await
            .map_err(|error| BrokerError::asked(format!("asking for the configuration of \"{topic}\""), error))?;
        Ok(described.into_iter().flatten().flat_map(|resource| resource.entries).collect())
    }

    async fn config_of(&self, topic: &str) -> Result<BTreeMap<String, String>, BrokerError> {
        let entries = self.entries_of(topic).await?.into_iter();
        Ok(entries.filter_map(|entry| entry.value.map(|value| (entry.name, value))).collect())
    }

    /// Every way in which the broker's topics differ from the contract. Replication is compared on brokers that are not
    /// ours: few nodes of our own cannot have more replicas.
    pub async fn differences(&self, contract: &Contract) -> Result<Vec<Cause>, BrokerError> {
        let mut differences = Vec::new();
        for channel in contract.topics() {
            let facts = self.describe(&channel.topic).await?;
            differences.extend(differences_of(channel, facts.as_ref(), !self.broker.is_ours()));
        }
        Ok(differences)
    }
}

impl Topics<'_> {
    /// The same for a broker whose topics are known: one that is not there is not asked for, lest it be made.
    pub(crate) async fn differences_among(
        &self,
        contract: &Contract,
        there: &BTreeSet<&str>,
    ) -> Result<Vec<Cause>, BrokerError> {
        let mut differences = Vec::new();
        for channel in contract.topics() {
            let facts = match there.contains(channel.topic.as_str()) {
                true => self.describe(&channel.topic).await?,
                false => None,
            };
            differences.extend(differences_of(channel, facts.as_ref(), !self.broker.is_ours()));
        }
        Ok(differences)
    }
}

fn differences_of(channel: &Channel, facts: Option<&TopicFacts>, with_replicas: bool) -> Vec<Cause> {
    let differs = |property: &str, expected: String, actual: String| Cause::TopicDiffers {
        topic: channel.topic.clone(),
        property: property.to_owned(),
        expected,
        actual,
    };
    let Some(facts) = facts else {
        return vec![differs("existence", "a topic".to_owned(), "no topic".to_owned())];
    };
    let partitions = channel
        .partitions
        .filter(|declared| *declared != facts.partitions)
        .map(|declared| differs("partitions", declared.to_string(), facts.partitions.to_string()));
    let replicas = channel
        .replicas
        .filter(|declared| with_replicas && usize::from(*declared) != facts.replicas)
        .map(|declared| differs("replicas", declared.to_string(), facts.replicas.to_string()));
    let config = channel.config.iter().filter_map(|(key, declared)| {
        let actual = facts.config.get(key).map_or("not set", String::as_str);
        (actual != declared).then(|| differs(key, declared.clone(), actual.to_owned()))
    });
    partitions.into_iter().chain(replicas).chain(config).collect()
}
