//! Who may connect: PLAIN through librdkafka. SCRAM is tried by the Java client in java.rs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::*;
use eventproof_embedded::{BrokerConfig, EmbeddedBroker, LoginOutcome, OnLogin, User};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::FutureRecord;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn guarded() -> EmbeddedBroker {
    let users = vec![User { name: "alice".into(), password: "secret".into() }];
    EmbeddedBroker::start(BrokerConfig { users, ..BrokerConfig::default() }).unwrap()
}

fn as_user(password: &str) -> Vec<(&'static str, String)> {
    vec![
        ("security.protocol", "sasl_plaintext".to_owned()),
        ("sasl.mechanisms", "PLAIN".to_owned()),
        ("sasl.username", "alice".to_owned()),
        ("sasl.password", password.to_owned()),
    ]
}

#[tokio::test]
async fn who_knows_the_password_may_produce_and_consume() {
    let broker = guarded();
    let options = as_user("secret");
    let options: Vec<(&str, &str)> = options.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let producer = producer(&broker, &options);
    producer.send(FutureRecord::to("guarded").key("k").payload("v"), LONG).await.unwrap();
    let consumer = consumer(&broker, &options);
    assert_eq!(consumer.fetch_watermarks("guarded", 0, LONG).unwrap(), (0, 1));
}

#[test]
fn each_who_comes_is_told_and_whether_they_were_let_in() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (hears, users) = (heard.clone(), vec![User { name: "alice".into(), password: "secret".into() }]);
    let on_login: OnLogin = Arc::new(move |one: &LoginOutcome| hears.lock().unwrap().push(one.clone()));
    let broker =
        EmbeddedBroker::start(BrokerConfig { users, on_login: Some(on_login), ..BrokerConfig::default() }).unwrap();
    let refused = Some("Authentication failed: Invalid username or password".to_owned());
    for (password, expected) in [("wrong", refused), ("secret", None)] {
        let options = as_user(password);
        let options: Vec<(&str, &str)> = options.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let consumer: BaseConsumer = consumer(&broker, &options);
        assert_eq!(consumer.fetch_metadata(None, Duration::from_secs(3)).is_ok(), expected.is_none());
        let last = heard.lock().unwrap().last().cloned();
        assert_eq!(last, Some(LoginOutcome { user: "alice".into(), refused: expected }));
    }
}

#[test]
fn who_does_not_is_let_in_to_nothing() {
    let broker = guarded();
    let wrong = as_user("wrong");
    let wrong: Vec<(&str, &str)> = wrong.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for options in [&wrong[..], &[]] {
        let consumer: BaseConsumer = consumer(&broker, options);
        assert!(consumer.fetch_metadata(None, Duration::from_secs(3)).is_err());
    }
}
