Feature: Guarantees of every group

  Background:
    Given the system is running

  Scenario: a raw record that comes again has no second effect
    When "connector.data.raw" is published as "raw"
    And the same event is published again 3 times
    And the same event is published again once it was handled
    # As long as its topic keeps records: 7 days.
    Then view "remembered by bronze-processor" shows "604800" within 30s
      | event | {raw.event_id} |
    And service "bronze-processor" handles it exactly once

  Scenario: an alert that comes again sends no second notification
    When "rules.alerts.triggered" is published as "alert"
    And the same event is published again 3 times
    And the same event is published again once it was handled
    # As long as its topic keeps records: 30 days.
    Then view "remembered by notification-sender" shows "2592000" within 30s
      | event | {alert.event_id} |
    And service "notification-sender" handles it exactly once

  Scenario: a redelivered raw record makes nothing new behind the stage
    When "connector.data.raw" is published as "raw"
    And the same event is published again once it was handled
    Then "bronze.data.cleaned" follows from it within 3s
    And service "bronze-processor" handles it exactly once
    # What came of it is told by the correlation id, which all of it has.
    And view "handlings of silver-processor" shows "1" within 15s
      | correlation | {raw.correlation_id} |
    And view "handlings of silver-processor" keeps not showing "2" for 1s
      | correlation | {raw.correlation_id} |

  Scenario: a record with an unknown schema id is dead-lettered
    When an invalid "connector.data.raw" is published
      | rule | unknown-schema-id |
    Then it is dead-lettered within 5s

  Scenario: a record without magic byte is dead-lettered
    When an invalid "bronze.data.cleaned" is published
      | rule | no-magic-byte |
    Then it is dead-lettered within 5s

  Scenario: the poison record of one organisation does not block another on its partition
    When an invalid "connector.data.raw" is published
      | rule   | not-decodable |
      | org_id | 5             |
    Then it is dead-lettered within 5s
    When "connector.data.raw" is published as "other"
      | org_id | 17 |
    Then "bronze.data.cleaned" follows from it within 3s

  Scenario: one organisation's backlog does not hold up another
    When 1500 "connector.data.raw" events are published at 1000/s in the background
      | org_id | 5 |
    And 1s pass
    And "connector.data.raw" is published as "other"
      | org_id | 6 |
    Then "bronze.data.cleaned" follows from "other" within 3s
    And group "bronze-processor" loses none of them within 20s

  Scenario: the records of an organisation are handled in the order in which they were sent
    When organisation "61" sends "first" as "first"
    And organisation "61" sends "second" as "second"
    And organisation "61" sends "third" as "third"
    Then the events of key "61" keep their order on the topic
    And service "bronze-processor" handles the events of key "61" in order

  Scenario Outline: group <group> handles the events of an organisation in order
    When "<event>" is published as "first"
      | org_id | 77 |
    And "<event>" is published as "second"
      | org_id | 77 |
    And "<event>" is published as "third"
      | org_id | 77 |
    Then the events of key "77" keep their order on the topic
    And service "<group>" handles the events of key "77" in order

    Examples:
      | group               | event                  |
      | silver-processor    | bronze.data.cleaned    |
      | gold-processor      | silver.data.processed  |
      | rule-evaluator      | gold.data.ready        |
      | notification-sender | rules.alerts.triggered |
      | audit-writer        | audit.events           |

  Scenario: an alert that cannot be read is dead-lettered
    When an invalid "rules.alerts.triggered" is published
      | rule | unknown-schema-id |
    Then it is dead-lettered within 5s

  Scenario: of two instances that share the partitions one is killed and nothing is lost
    When 300 "bronze.data.cleaned" events are published at 200/s in the background
    And 500ms pass
    And service "silver-processor-two" is killed
    Then group "silver-processor" loses none of them within 20s
    And service "silver-processor-two" is started again

  Scenario: a stage that is killed while it works loses nothing
    When 300 "bronze.data.cleaned" events are published at 400/s in the background
    And service "silver-processor" is killed after it handled 40 of them
    And service "silver-processor" is started again
    Then group "silver-processor" loses none of them within 20s

  Scenario Outline: group <group> handles an event once however often it comes
    When "<event>" is published as "first"
    And the same event is published again 2 times
    And the same event is published again once it was handled
    # As long as its topic keeps records.
    Then view "remembered by <group>" shows "<seconds>" within 30s
      | event | {first.event_id} |
    And service "<group>" handles it exactly once

    Examples:
      | group            | event                 | seconds |
      | silver-processor | bronze.data.cleaned   | 604800  |
      | gold-processor   | silver.data.processed | 604800  |
      | rule-evaluator   | gold.data.ready       | 604800  |
      | audit-writer     | audit.events          | 7776000 |

  Scenario Outline: what group <group> cannot read is dead-lettered, and what comes behind it is handled
    When an invalid "<event>" is published
      | rule   | not-decodable |
      | org_id | 9             |
    Then it is dead-lettered within 5s
    When "<event>" is published as "behind"
      | org_id | 9 |
    And the same event is published again once it was handled
    Then service "<group>" handles it exactly once

    Examples:
      | group               | event                  |
      | silver-processor    | bronze.data.cleaned    |
      | gold-processor      | silver.data.processed  |
      | rule-evaluator      | gold.data.ready        |
      | notification-sender | rules.alerts.triggered |
      | audit-writer        | audit.events           |
