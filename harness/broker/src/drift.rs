//! What a broker has, beside what the contract declares: topics, their settings, and the groups that should be there.
//! Only asks; nothing is made or changed.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use eventproof_contract::Contract;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::own::is_own;
use crate::{Broker, BrokerError, Topics};

const ANSWER: Duration = Duration::from_secs(15);

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Stable, kebab case: `topic-differs`, `topic-undeclared`, `group-missing`.
    pub code: &'static str,
    pub message: String,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}

/// Every difference between a broker and a contract.
///
/// # Errors
/// If the broker does not answer.
pub async fn drift(broker: &Broker, contract: &Contract) -> Result<Vec<Drift>, BrokerError> {
    let consumer: BaseConsumer =
        broker.settings.base("eventproof-drift").create().map_err(|error| BrokerError::Client(error.to_string()))?;
    let metadata =
        consumer.fetch_metadata(None, ANSWER).map_err(|error| BrokerError::asked("listing topics", error))?;
    let there: BTreeSet<&str> = metadata.topics().iter().map(|topic| topic.name()).collect();
    let mut found = Vec::new();
    for cause in Topics::of(broker)?.differences_among(contract, &there).await? {
        found.push(Drift { code: "topic-differs", message: cause.to_string() });
    }
    found.extend(undeclared(contract, &there));
    found.extend(missing_groups(contract, &consumer)?);
    Ok(found)
}

/// Topics that begin as the contract's do, up to their first dot, and are not in it.
fn undeclared(contract: &Contract, there: &BTreeSet<&str>) -> Vec<Drift> {
    let declared: BTreeSet<&str> = contract.channels.iter().map(|channel| channel.topic.as_str()).collect();
    let spaces: BTreeSet<&str> =
        declared.iter().filter_map(|topic| topic.split_once('.')).map(|(space, _)| space).collect();
    let of_space = |topic: &&&str| topic.split_once('.').is_some_and(|(space, _)| spaces.contains(space));
    let strangers = there.iter().filter(of_space).filter(|topic| !declared.contains(**topic) && !is_own(topic));
    let drift = |topic: &&str| Drift {
        code: "topic-undeclared",
        message: format!("topic \"{topic}\" is on the broker, and the contract does not declare it"),
    };
    strangers.map(drift).collect()
}

fn missing_groups(contract: &Contract, consumer: &BaseConsumer) -> Result<Vec<Drift>, BrokerError> {
    let groups =
        consumer.fetch_group_list(None, ANSWER).map_err(|error| BrokerError::asked("listing groups", error))?;
    let there: BTreeSet<&str> = groups.groups().iter().map(|group| group.name()).collect();
    let declared = contract.groups();
    let missing = declared.keys().filter(|group| !there.contains(group.as_str()));
    let drift = |group: &String| Drift {
        code: "group-missing",
        message: format!("group \"{group}\" is not on the broker: nobody has joined it or committed for it"),
    };
    Ok(missing.map(drift).collect())
}

#[cfg(test)]
mod tests {
    use eventproof_source::Source;

    use super::*;
    use crate::BrokerChoice;

    fn contract(text: &str) -> Contract {
        Contract::parse(&Source::inline("asyncapi.yaml", text)).unwrap().0
    }

    const SHOP: &str = "\
asyncapi: 3.0.0
info: {title: t, version: '1'}
channels:
  orders: {address: shop.orders, bindings: {kafka: {partitions: 3, topicConfiguration: {retention.ms: 1000}}}}
  bills: {address: shop.bills}
operations:
  bill: {action: receive, channel: {$ref: '#/channels/orders'}, bindings: {kafka: {groupId: {const: billing}}}}
";

    #[tokio::test(flavor = "multi_thread")]
    async fn every_difference_is_told_and_nothing_is_made() {
        let broker = Broker::start(&BrokerChoice::default()).await.unwrap();
        let other = SHOP.replace("partitions: 3", "partitions: 2").replace("bills", "returns").replace("1000", "2000");
        Topics::of(&broker).unwrap().create_declared(&contract(&other)).await.unwrap();
        let told = async || {
            let found = drift(&broker, &contract(SHOP)).await.unwrap();
            found.iter().map(|drift| format!("{drift}\n")).collect::<String>()
        };
        let first = told().await;
        let expected = "\
topic \"shop.orders\": partitions is 2, the contract declares 3 [topic-differs]
topic \"shop.orders\": retention.ms is 2000, the contract declares 1000 [topic-differs]
topic \"shop.bills\": existence is no topic, the contract declares a topic [topic-differs]
topic \"shop.returns\" is on the broker, and the contract does not declare it [topic-undeclared]
group \"billing\" is not on the broker: nobody has joined it or committed for it [group-missing]
";
        assert_eq!(first, expected);
        assert_eq!(told().await, first, "asking changes nothing");
        broker.stop().await.unwrap();
    }
}
