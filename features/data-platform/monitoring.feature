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
    Given service "audit-writer" is stopped
    When 300 "audit.events" events are published at 1000/s in the background
    Then alert "audit falls behind" fires within 20s
    When service "audit-writer" is started again
    Then group "audit-writer" loses none of them within 30s

  Scenario: a group that keeps up is not behind
    # Twice as long as a group that does nothing would need to pile them up: a machine may stall.
    When 500 "rules.alerts.triggered" events are published at 100/s in the background
    Then alert "alerts pile up" does not fire, watched for 5s
    # So late, because what an exporter shows is a little behind: somebody may have been before us.
    And alert "audit falls behind" does not fire, watched for 300ms
    And group "notification-sender" loses none of them within 20s
    When service "notification-sender" is stopped
    And 300 "rules.alerts.triggered" events are published at 1000/s in the background
    Then alert "alerts pile up" fires within 20s
    When service "notification-sender" is started again
    Then group "notification-sender" loses none of them within 30s

  Scenario: records and bytes per second are those of the topic
    When 800 "config.changes" events are published at 200/s in the background
    Then alert "records pour in" fires within 10s
    And alert "bytes pour in" fires within 10s
    And alert "audit pours in" does not fire, watched for 500ms
    When 400 "audit.events" events are published at 200/s in the background
    Then alert "audit pours in" fires within 10s
    And group "audit-writer" loses none of them within 20s
    # What is shown is of the last second: whoever comes next looks for rates that are none.
    And alert "records pour in" is silent again within 10s
    And alert "bytes pour in" is silent again within 10s
    And alert "audit pours in" is silent again within 10s

  Scenario: every schema is counted, and no other is there
    When organisation "33" sends "data" as "raw"
    Then "connector.data.raw" follows within 5s
    And alert "a schema too many" does not fire, watched for 2s
    And alert "records pour in" does not fire, watched for 200ms
    And alert "bytes pour in" does not fire, watched for 200ms

  Scenario: one schema more is counted
    When action "register one schema more" is done
      | subject | {one more} |
    Then alert "a schema too many" fires within 10s
    When action "withdraw the schema" is done
      | subject | {one more} |
    # Whoever comes next looks for a schema too many.
    Then alert "a schema too many" is silent again within 10s
