//! What the benches have in common: a small pack without services.

use std::path::Path;

const CONTRACT: &str = "\
asyncapi: 3.0.0
info: {title: shop, version: '1'}
x-eventproof: {envelope: {id: $message.payload#/event_id}}
channels:
  orders:
    address: shop.orders
    bindings: {kafka: {partitions: 4}}
    messages:
      placed:
        name: order.placed
        payload:
          type: object
          required: [event_id, order_id]
          properties: {event_id: {type: string, format: uuid}, order_id: {type: string}}
        x-eventproof: {key: $message.payload#/order_id}
operations:
  tell: {action: send, channel: {$ref: '#/channels/orders'}, x-eventproof: {service: shop, present: false}}
";

/// Writes a pack of so many scenarios of three immediate steps into a folder.
///
/// # Errors
/// If a file cannot be written.
pub fn write_pack(folder: &Path, many: usize) -> std::io::Result<()> {
    let scenario = |number| {
        format!(
            "\n  Scenario: order {number}\n    When \"order.placed\" is published\n    Then \"order.placed\" follows within 10s\n    And \"order.placed\" is on its topic only once, watched for 1ms\n"
        )
    };
    let scenarios: String = (0..many).map(scenario).collect();
    let feature = format!("Feature: many\n{scenarios}");
    let files = [("asyncapi.yaml", CONTRACT), ("system.yaml", "system: shop\n"), ("a.feature", &feature)];
    files.into_iter().try_for_each(|(name, text)| std::fs::write(folder.join(name), text))
}
