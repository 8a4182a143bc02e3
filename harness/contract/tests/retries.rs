#![allow(clippy::unwrap_used, clippy::expect_used)]
//! `retry` of an operation: over topics, what links a waiting record to its event, and what is wrong with it.

use std::time::Duration;

use eventproof_contract::{Contract, Link, Property};
use eventproof_source::Source;

const HEAD: &str = "\
asyncapi: 3.0.0
info: {title: shop, version: '1'}
x-eventproof: {envelope: {id: $message.payload#/event_id}}
channels:
  orders: {address: shop.orders, messages: {placed: {name: order.placed, payload: {type: object}}}}
  retry5s: {address: shop.orders.retry.5s, messages: {again: {name: order.again, payload: {type: object}}}}
  retry1m: {address: shop.orders.retry.1m, messages: {later: {name: order.later, payload: {type: object}}}}
operations:
";

const READERS: &str = "  takeAgain: {action: receive, channel: {$ref: '#/channels/retry5s'}, bindings: {kafka: {groupId: bank-retry}}, x-eventproof: {service: bank}}
  takeLater: {action: receive, channel: {$ref: '#/channels/retry1m'}, bindings: {kafka: {groupId: bank}}, x-eventproof: {service: other}}
";

/// The contract of a bank that retries so.
fn with(retry: &str, readers: &str) -> Result<Contract, String> {
    let take = format!(
        "  take: {{action: receive, channel: {{$ref: '#/channels/orders'}}, bindings: {{kafka: {{groupId: bank}}}}, x-eventproof: {{service: bank, retry: {retry}}}}}\n"
    );
    let source = Source::inline("asyncapi.yaml", &format!("{HEAD}{take}{readers}"));
    Contract::parse(&source).map(|(contract, _)| contract).map_err(|faults| faults.render(false))
}

#[test]
fn retries_over_topics_say_where_a_record_waits_who_reads_it_and_what_links_it() {
    let retry = "{mode: topics, attempts: 3, backoff: {initial: 5s, factor: 12}, channels: [retry5s, {$ref: '#/channels/retry1m'}], link: {original: $message.header#/original_id}}";
    let contract = with(retry, READERS).unwrap();
    let (operation, topics) = contract.retries().next().unwrap();
    assert_eq!(topics.channels, ["retry5s", "retry1m"]);
    assert!(matches!(&topics.link, Link::Original(place) if place.to_string() == "$message.header#/original_id"));
    let groups: Vec<_> = topics.channels.iter().map(|name| contract.retry_group(operation, name)).collect();
    assert_eq!(groups, [Some("bank-retry"), Some("bank")], "of the same service, or the same group");
    assert_eq!(contract.links_on("shop.orders.retry.1m").len(), 1);
    assert!(contract.links_on("shop.orders").is_empty());
    let pauses = operation.retry.as_ref().unwrap().pauses(2);
    assert_eq!(pauses, [Duration::from_secs(5), Duration::from_secs(60)]);
}

#[test]
fn bytes_link_what_has_no_id_and_the_recorder_is_told_where_to_keep_them() {
    let contract = with("{mode: topics, attempts: 2, channels: [retry5s], link: bytes}", READERS).unwrap();
    let told =
        ["shop.orders", "shop.orders.retry.5s", "shop.orders.retry.1m"].map(|topic| contract.is_told_by_bytes(topic));
    assert_eq!(told, [true, true, false]);
}

#[test]
fn what_waits_is_the_promise_of_what_it_was() {
    let contract = with("{mode: topics, attempts: 2, channels: [retry5s]}", READERS).unwrap();
    let promised: Vec<(String, Property)> =
        contract.promises().into_iter().map(|promise| (promise.message, promise.property)).collect();
    assert!(promised.contains(&("order.placed".to_owned(), Property::Retry)), "{promised:?}");
    assert!(!promised.iter().any(|(message, _)| message == "order.again"), "{promised:?}");
    assert!(promised.contains(&("order.later".to_owned(), Property::Delivery)), "no retry channel: {promised:?}");
}

#[test]
fn without_topics_the_partition_waits() {
    for retry in ["{attempts: 3}", "{mode: blocking, attempts: 3}"] {
        assert!(with(retry, "").unwrap().retries().next().is_none());
    }
}

#[test]
fn every_mistake_is_told_with_its_remedy() {
    let told = [
        "{mode: topic, attempts: 3}",
        "{mode: topics, attempts: 3}",
        "{attempts: 3, channels: [retry5s]}",
        "{mode: topics, attempts: 3, channels: [retry5, {$ref: '#/channels/retry1min'}]}",
        "{mode: topics, attempts: 3, channels: [retry5s], link: byte}",
        "{mode: topics, attempts: 3, channels: [retry5s], link: {orignal: $message.header#/id}}",
        "{mode: topics, attempts: 3, channels: [retry5s]}",
    ]
    .map(|retry| format!("retry: {retry}\n{}\n", with(retry, "").unwrap_err()));
    insta::assert_snapshot!(told.concat());
}
