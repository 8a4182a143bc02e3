Feature: The four metrics of broker and registry

  Background:
    Given the system is running

  Scenario: every metric is shown
    Then metric "kafka_consumer_lag" of service "metrics-exporter" is shown within 5s
      | group | bronze-processor   |
      | topic | connector.data.raw |
    And metric "kafka_consumer_lag" of service "metrics-exporter" is shown within 5s
      | group | silver-processor |
    And metric "kafka_consumer_lag" of service "metrics-exporter" is shown within 5s
      | group | gold-processor |
    And metric "kafka_consumer_lag" of service "metrics-exporter" is shown within 5s
      | group | rule-evaluator |
    And metric "kafka_consumer_lag" of service "metrics-exporter" is shown within 5s
      | group | notification-sender |
    And metric "kafka_consumer_lag" of service "metrics-exporter" is shown within 5s
      | group | audit-writer |
    And metric "kafka_messages_in_per_sec" of service "metrics-exporter" is shown within 5s
      | topic | etl.execution |
    And metric "kafka_bytes_in_per_sec" of service "metrics-exporter" is shown within 5s
      | topic | etl.execution |
    And metric "schema_registry_schemas_total" of service "metrics-exporter" is shown within 5s

  Scenario: the lag of a group that nobody works for is shown
    Given service "silver-processor" is stopped
    And service "silver-processor-two" is stopped
    When 300 "bronze.data.cleaned" events are published at 1000/s in the background
    Then alert "silver falls behind" fires within 20s
    When service "silver-processor" is started again
    And service "silver-processor-two" is started again
    Then group "silver-processor" loses none of them within 30s

  Scenario: a group that keeps up is not behind
    When 300 "rules.alerts.triggered" events are published at 100/s in the background
    Then alert "alerts pile up" does not fire, watched for 3s
    And group "notification-sender" loses none of them within 20s
    # In this order: what an exporter shows is a little behind.
    When service "notification-sender" is stopped
    And 300 "rules.alerts.triggered" events are published at 1000/s in the background
    Then alert "alerts pile up" fires within 20s
    When service "notification-sender" is started again
    Then group "notification-sender" loses none of them within 30s

  Scenario: records and bytes per second are those of the topic
    When 1000 "connector.data.raw" events are published at 200/s in the background
    Then alert "records pour in" fires within 10s
    And alert "bytes pour in" fires within 10s
    And alert "audit pours in" does not fire, watched for 1s
    And group "bronze-processor" loses none of them within 20s
    When 400 "audit.events" events are published at 200/s in the background
    Then alert "audit pours in" fires within 10s
    And group "audit-writer" loses none of them within 20s

  Scenario: every schema is counted, and no other is there
    When organisation "33" sends "data" as "raw"
    Then "connector.data.raw" follows within 5s
    And alert "schemas are there" fires within 10s
    And alert "a schema too many" does not fire, watched for 2s
