//! How every Kafka client of eventproof is configured.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

/// Address and options that every client of a run shares.
#[derive(Clone, Debug)]
pub(crate) struct ClientSettings {
    pub bootstrap: String,
    /// librdkafka options for an external broker: security, timeouts.
    pub options: BTreeMap<String, String>,
}

impl ClientSettings {
    /// The base of every client.
    pub fn base(&self, client_id: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", client_id)
            // A broker that comes back is found again at once, not after ten seconds.
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "500")
            .set("topic.metadata.refresh.interval.ms", "10000")
            .set_log_level(RDKafkaLogLevel::Emerg);
        for (key, value) in &self.options {
            config.set(key, value);
        }
        config
    }

    /// A producer that neither loses nor reorders what it was given.
    pub fn producer(&self, client_id: &str) -> ClientConfig {
        let mut config = self.base(client_id);
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("partitioner", "murmur2_random")
            .set("message.timeout.ms", "30000");
        config
    }

    /// A consumer that never joins `group` and never commits for it.
    pub fn observer(&self, client_id: &str, group: &str) -> ClientConfig {
        let mut config = self.base(client_id);
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed");
        config
    }
}
