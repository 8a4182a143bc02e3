//! Settings from environment variables, all faults reported at once.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::ServeError;
use crate::shared::kafka::{Brokers, Login};

/// One variable that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFault {
    /// The variable.
    pub name: &'static str,
    /// What it holds; nothing if it is not set.
    pub value: Option<String>,
    /// What it should hold.
    pub expected: &'static str,
}

impl fmt::Display for SettingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} is `{value}`, expected {}", self.name, self.expected),
            None => write!(f, "{} is not set, expected {}", self.name, self.expected),
        }
    }
}

/// All variables that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct SettingsError(pub Vec<SettingFault>);

/// What a reference service reads from its environment. Variables that a service does not need are ignored by it.
///
/// | variable | default | meaning |
/// |---|---|---|
/// | `KAFKA_BROKERS` | `localhost:9092` | bootstrap servers, comma-separated |
/// | `KAFKA_SECURITY_PROTOCOL` | `PLAINTEXT` | `PLAINTEXT`, `SASL_PLAINTEXT`, or with a build that has TLS `SASL_SSL` |
/// | `KAFKA_SASL_MECHANISM` | `PLAIN` | `PLAIN`, or with a build that has OpenSSL `SCRAM-SHA-256`, `SCRAM-SHA-512` |
/// | `KAFKA_SASL_USERNAME` | none | who the service is; needed with SASL |
/// | `KAFKA_SASL_PASSWORD`, `KAFKA_SASL_PASSWORD_FILE` | none | the password, or a file that holds it; needed with SASL |
/// | `KAFKA_TOPIC_PREFIX` | `nova` | first part of the topics that are written |
/// | `KAFKA_GROUP_ID` | `feed-service-group` | consumer group |
/// | `KAFKA_GROUP_INSTANCE_ID` | none | static membership of the group |
/// | `KAFKA_TOPICS` | `nova.content.events` | topics that are read, comma-separated |
/// | `KAFKA_SESSION_TIMEOUT_MS` | `6000` | after this long without a heartbeat a member is dead |
/// | `KAFKA_DELIVERY_TIMEOUT_MS` | `30000` | after this long without acknowledgement a send has failed |
/// | `AUTO_OFFSET_RESET` | `latest` | where a group without a commit begins: `latest` or `earliest` |
/// | `HTTP_ADDR` | `127.0.0.1:0` | where HTTP is served; port 0 chooses one |
/// | `STORE_URL` | `sqlite:SERVICE.db`, of nova-domain's writers `sqlite:nova-domain.db` | `sqlite::memory:`, `sqlite:/path`, or `postgres://user@host/database`; of nova-bus the feed takes SQLite or `redis://host:port/db`, the graph SQLite only |
/// | `GRAPH_URL` | none | where the feed asks for followers |
/// | `MAIL_URL`, `PUSH_URL` | none | where e-mails and push messages are sent to |
/// | `ARCHIVE_URL` | none | where the audit-writer's store is |
/// | `EVENT_VERSION` | `1` | the version in which events are written that have several; of a reader the newest that it knows |
/// | `CONTENT_URL` | none | where the feed asks for posts, if it asks |
/// | `ENABLE_DIRECT_CALL` | `false` | whether the feed asks the content-service for a post, as before events: `true` or `false` |
/// | `KAFKA_MEDIA_EVENTS_TOPIC`, `KAFKA_EVENTS_TOPIC` | `PREFIX.media.events` | media events; the first that is set counts |
/// | `KAFKA_IDENTITY_EVENTS_TOPIC` | `PREFIX.identity.events` | identity events |
/// | `KAFKA_MESSAGE_EVENTS_TOPIC` | `PREFIX.message.events` | message events |
/// | `PENDING_MEDIA_TTL_SECONDS` | `3600` | how long an upload waits for a post |
/// | `SCHEMA_REGISTRY_URL` | none | where schemas are registered and found |
/// | `OUTBOX_POLL_MS` | `5000` | pause between two looks at an empty outbox |
/// | `OUTBOX_BATCH` | `100` | rows per look |
/// | `OUTBOX_MAX_RETRIES` | `5` | retries after the first attempt before a row is marked failed |
/// | `OUTBOX_BACKOFF_MS` | `1000` | pause before the first retry, doubled for each further one, at most 60 s |
/// | `EVENTS_ENABLED` | `true` | whether changes are told at all: the feature flag |
/// | `PROCESSED_TTL_SECONDS` | `604800` | how long a handled event id is remembered |
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) brokers: Brokers,
    pub(crate) topic_prefix: String,
    pub(crate) group_id: String,
    pub(crate) group_instance_id: Option<String>,
    pub(crate) topics: Vec<String>,
    pub(crate) session_timeout: Duration,
    pub(crate) delivery_timeout: Duration,
    pub(crate) offset_reset: OffsetReset,
    pub(crate) http_addr: SocketAddr,
    pub(crate) store: Option<StoreUrl>,
    pub(crate) graph_url: Option<String>,
    pub(crate) content_url: Option<String>,
    /// Nothing: the variable is not set at all.
    pub(crate) direct_call: Option<bool>,
    pub(crate) media_topic: Option<String>,
    pub(crate) message_topic: Option<String>,
    pub(crate) identity_topic: Option<String>,
    pub(crate) pending_ttl: Duration,
    pub(crate) mail_url: Option<String>,
    pub(crate) push_url: Option<String>,
    pub(crate) archive_url: Option<String>,
    pub(crate) event_version: u32,
    pub(crate) registry_url: Option<String>,
    pub(crate) outbox: OutboxSettings,
    pub(crate) processed_ttl: Duration,
    pub(crate) events_enabled: bool,
}

/// Where a group without a committed offset begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OffsetReset {
    Latest,
    Earliest,
}

/// Where a service keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreUrl {
    SqliteMemory,
    Sqlite(PathBuf),
    Redis(String),
    Postgres(String),
}

/// How the outbox is drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutboxSettings {
    pub(crate) poll: Duration,
    pub(crate) batch: u32,
    pub(crate) max_retries: u32,
    pub(crate) backoff: Duration,
}

impl Settings {
    /// Reads the process's environment.
    pub fn from_env() -> Result<Settings, SettingsError> {
        Settings::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads variables from anywhere; an empty value counts as not set.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Settings, SettingsError> {
        let mut reader = Reader { lookup, faults: Vec::new() };
        let settings = reader.settings();
        if reader.faults.is_empty() { Ok(settings) } else { Err(SettingsError(reader.faults)) }
    }

    /// The schema registry, for a service that cannot do without.
    pub(crate) fn registry(&self) -> Result<String, SettingsError> {
        let expected = "the URL of the schema registry, such as http://127.0.0.1:8081";
        let missing = SettingFault { name: "SCHEMA_REGISTRY_URL", value: None, expected };
        self.registry_url.clone().ok_or_else(|| SettingsError(vec![missing]))
    }

    /// The store that was set, or a file in the current folder named after the service.
    pub(crate) fn store_for(&self, service: &str) -> StoreUrl {
        self.store.clone().unwrap_or_else(|| StoreUrl::Sqlite(PathBuf::from(format!("{service}.db"))))
    }
}

impl StoreUrl {
    fn parse(text: &str) -> Option<StoreUrl> {
        if text.starts_with("redis://") {
            return Some(StoreUrl::Redis(text.into()));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Some(StoreUrl::Postgres(text.into()));
        }
        match text.strip_prefix("sqlite:")? {
            "" => None,
            ":memory:" => Some(StoreUrl::SqliteMemory),
            path => Some(StoreUrl::Sqlite(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))),
        }
    }

    /// Opening this store failed for that reason.
    pub(crate) fn error(&self, reason: impl fmt::Display) -> ServeError {
        ServeError::Store { url: self.to_string(), reason: reason.to_string() }
    }
}

impl fmt::Display for StoreUrl {
    /// The URL without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreUrl::SqliteMemory => f.write_str("sqlite::memory:"),
            StoreUrl::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            StoreUrl::Redis(url) | StoreUrl::Postgres(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
                // A password may also stand among the parameters.
                let rest = rest.split_once('?').map_or(rest, |(address, _)| address);
                write!(f, "{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host))
            }
        }
    }
}

struct Reader<L> {
    lookup: L,
    faults: Vec<SettingFault>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    fn settings(&mut self) -> Settings {
        Settings {
            brokers: self.brokers(),
            topic_prefix: self.text("KAFKA_TOPIC_PREFIX").unwrap_or_else(|| "nova".into()),
            group_id: self.text("KAFKA_GROUP_ID").unwrap_or_else(|| "feed-service-group".into()),
            group_instance_id: self.text("KAFKA_GROUP_INSTANCE_ID"),
            topics: self
                .parsed("KAFKA_TOPICS", "topic names, comma-separated", topic_list)
                .unwrap_or_else(|| vec!["nova.content.events".into()]),
            session_timeout: self.millis("KAFKA_SESSION_TIMEOUT_MS", 6_000),
            delivery_timeout: self.millis("KAFKA_DELIVERY_TIMEOUT_MS", 30_000),
            offset_reset: self
                .parsed("AUTO_OFFSET_RESET", "`latest` or `earliest`", offset_reset)
                .unwrap_or(OffsetReset::Latest),
            http_addr: self
                .parsed("HTTP_ADDR", "an address and port such as 127.0.0.1:8080", |t| t.parse().ok())
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
            store: self.parsed(
                "STORE_URL",
                "sqlite::memory:, sqlite:/path, redis://host:port/db or postgres://user@host/database",
                StoreUrl::parse,
            ),
            graph_url: self.parsed("GRAPH_URL", "a URL such as http://127.0.0.1:8082", http_url),
            mail_url: self.parsed("MAIL_URL", "a URL such as http://127.0.0.1:8083", http_url),
            push_url: self.parsed("PUSH_URL", "a URL such as http://127.0.0.1:8084", http_url),
            archive_url: self.parsed("ARCHIVE_URL", "a URL such as http://127.0.0.1:8085", http_url),
            event_version: self.count("EVENT_VERSION", 1, "a number from 1", 1),
            content_url: self.parsed("CONTENT_URL", "a URL such as http://127.0.0.1:8083", http_url),
            direct_call: self.parsed("ENABLE_DIRECT_CALL", "`true` or `false`", |text| text.parse().ok()),
            media_topic: self.text("KAFKA_MEDIA_EVENTS_TOPIC").or_else(|| self.text("KAFKA_EVENTS_TOPIC")),
            message_topic: self.text("KAFKA_MESSAGE_EVENTS_TOPIC"),
            identity_topic: self.text("KAFKA_IDENTITY_EVENTS_TOPIC"),
            pending_ttl: Duration::from_secs(
                self.count("PENDING_MEDIA_TTL_SECONDS", 3_600, "seconds from 1", 1).into(),
            ),
            registry_url: self.parsed("SCHEMA_REGISTRY_URL", "a URL such as http://127.0.0.1:8081", http_url),
            outbox: OutboxSettings {
                poll: self.millis("OUTBOX_POLL_MS", 5_000),
                batch: self.count("OUTBOX_BATCH", 100, "a number from 1", 1),
                max_retries: self.count("OUTBOX_MAX_RETRIES", 5, "a number from 0", 0),
                backoff: self.millis("OUTBOX_BACKOFF_MS", 1_000),
            },
            processed_ttl: Duration::from_secs(
                self.count("PROCESSED_TTL_SECONDS", 604_800, "seconds from 1", 1).into(),
            ),
            events_enabled: self
                .parsed("EVENTS_ENABLED", "`true` or `false`", |text| text.parse().ok())
                .unwrap_or(true),
        }
    }

    /// A password is only looked for where it is asked for, and shown in no fault.
    fn brokers(&mut self) -> Brokers {
        let addresses = self.text("KAFKA_BROKERS").unwrap_or_else(|| "localhost:9092".into());
        let protocols = "`PLAINTEXT`, `SASL_PLAINTEXT` or `SASL_SSL`";
        let protocol = self.parsed("KAFKA_SECURITY_PROTOCOL", protocols, |text| one_of(&PROTOCOLS, text));
        let Some(protocol) = protocol.filter(|protocol| *protocol != "PLAINTEXT") else {
            return Brokers::open(&addresses);
        };
        let mechanisms = "`PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`";
        let mechanism = self.parsed("KAFKA_SASL_MECHANISM", mechanisms, |text| one_of(&MECHANISMS, text));
        let user = self.needed_with_sasl("KAFKA_SASL_USERNAME", self.text("KAFKA_SASL_USERNAME"));
        let file = self
            .parsed("KAFKA_SASL_PASSWORD_FILE", "a file that can be read", |file| std::fs::read_to_string(file).ok());
        let password = file.map(|text| text.trim_end_matches(['\r', '\n']).to_owned());
        let password =
            self.needed_with_sasl("KAFKA_SASL_PASSWORD", password.or_else(|| self.text("KAFKA_SASL_PASSWORD")));
        let login = Login {
            protocol: protocol.to_lowercase(),
            mechanism: mechanism.unwrap_or("PLAIN").to_owned(),
            user,
            password,
        };
        Brokers { addresses, login: Some(login) }
    }

    fn needed_with_sasl(&mut self, name: &'static str, value: Option<String>) -> String {
        let expected = "a text: KAFKA_SECURITY_PROTOCOL asks for SASL";
        value.unwrap_or_else(|| {
            self.faults.push(SettingFault { name, value: None, expected });
            String::new()
        })
    }

    fn text(&self, name: &'static str) -> Option<String> {
        (self.lookup)(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
    }

    fn parsed<T>(
        &mut self,
        name: &'static str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let value = parse(&text);
        if value.is_none() {
            self.faults.push(SettingFault { name, value: Some(text), expected });
        }
        value
    }

    fn millis(&mut self, name: &'static str, default: u32) -> Duration {
        Duration::from_millis(self.count(name, default, "milliseconds from 1", 1).into())
    }

    fn count(&mut self, name: &'static str, default: u32, expected: &'static str, least: u32) -> u32 {
        let parse = |text: &str| text.parse().ok().filter(|n| *n >= least);
        self.parsed(name, expected, parse).unwrap_or(default)
    }
}

const PROTOCOLS: [&str; 3] = ["PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL"];
const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

fn one_of(known: &[&'static str], text: &str) -> Option<&'static str> {
    known.iter().copied().find(|one| one.eq_ignore_ascii_case(text))
}

fn topic_list(text: &str) -> Option<Vec<String>> {
    let topics: Vec<String> = text.split(',').map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect();
    (!topics.is_empty()).then_some(topics)
}

fn offset_reset(text: &str) -> Option<OffsetReset> {
    match text {
        "latest" => Some(OffsetReset::Latest),
        "earliest" => Some(OffsetReset::Earliest),
        _ => None,
    }
}

fn http_url(text: &str) -> Option<String> {
    let url = reqwest::Url::parse(text).ok()?;
    (url.scheme() == "http" && url.has_host()).then(|| text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let vars: HashMap<String, String> = pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        Settings::from_lookup(|name| vars.get(name).cloned())
    }

    #[test]
    fn nothing_set_gives_the_documented_defaults() {
        let settings = read(&[("KAFKA_TOPICS", " ")]).unwrap();
        assert_eq!(settings.topic_prefix, "nova");
        assert_eq!(settings.topics, ["nova.content.events"]);
        assert_eq!(settings.group_id, "feed-service-group");
        assert_eq!(settings.offset_reset, OffsetReset::Latest);
        assert_eq!(settings.outbox.poll, Duration::from_secs(5));
        assert_eq!((settings.outbox.batch, settings.outbox.max_retries), (100, 5));
        assert_eq!(settings.processed_ttl, Duration::from_secs(7 * 24 * 3600));
        assert_eq!(settings.store_for("feed-service").to_string(), "sqlite:feed-service.db");
    }

    #[test]
    fn every_bad_variable_is_reported_at_once() {
        let error = read(&[
            ("HTTP_ADDR", "8080"),
            ("OUTBOX_BATCH", "0"),
            ("STORE_URL", "mysql://x"),
            ("AUTO_OFFSET_RESET", "newest"),
            ("GRAPH_URL", "graph:8082"),
        ])
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "AUTO_OFFSET_RESET is `newest`, expected `latest` or `earliest`; \
             HTTP_ADDR is `8080`, expected an address and port such as 127.0.0.1:8080; \
             STORE_URL is `mysql://x`, expected sqlite::memory:, sqlite:/path, redis://host:port/db or postgres://user@host/database; \
             GRAPH_URL is `graph:8082`, expected a URL such as http://127.0.0.1:8082; \
             OUTBOX_BATCH is `0`, expected a number from 1"
        );
    }

    #[test]
    fn with_sasl_who_comes_is_needed_and_the_password_is_shown_nowhere() {
        let asked = [("KAFKA_SECURITY_PROTOCOL", "sasl_plaintext"), ("KAFKA_SASL_MECHANISM", "scram-sha-512")];
        assert_eq!(
            read(&asked).unwrap_err().to_string(),
            "KAFKA_SASL_USERNAME is not set, expected a text: KAFKA_SECURITY_PROTOCOL asks for SASL; \
             KAFKA_SASL_PASSWORD is not set, expected a text: KAFKA_SECURITY_PROTOCOL asks for SASL"
        );
        let given = [("KAFKA_SASL_USERNAME", "todo-api"), ("KAFKA_SASL_PASSWORD", "hunter2")];
        let settings = read(&[asked, given].concat()).unwrap();
        assert_eq!(settings.brokers.to_string(), "localhost:9092 (as todo-api, SCRAM-SHA-512)");
        assert!(!format!("{settings:?}").contains("hunter2"));
        let client = settings.brokers.client();
        let told = ["security.protocol", "sasl.mechanism", "sasl.username", "sasl.password"].map(|key| client.get(key));
        assert_eq!(told, [Some("sasl_plaintext"), Some("SCRAM-SHA-512"), Some("todo-api"), Some("hunter2")]);
        assert_eq!(settings.brokers.with_wrong_password().client().get("sasl.password"), Some("not hunter2"));
        assert_eq!(read(&given).unwrap().brokers.client().get("sasl.username"), None, "nobody asked");
    }

    #[test]
    fn a_store_url_is_shown_without_its_password() {
        let store = StoreUrl::parse("redis://user:p@ss@host:6379/2").unwrap();
        assert_eq!(store.to_string(), "redis://host:6379/2");
        let store = StoreUrl::parse("postgres://user:p@ss@host:5432/shop?password=x").unwrap();
        assert_eq!(store.to_string(), "postgres://host:5432/shop");
        assert_eq!(StoreUrl::parse("sqlite:///tmp/a.db"), Some(StoreUrl::Sqlite("/tmp/a.db".into())));
        assert_eq!(StoreUrl::parse("sqlite:"), None);
    }
}
