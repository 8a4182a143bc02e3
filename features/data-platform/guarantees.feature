Feature: Guarantees of every group

  Background:
    Given the system is running

  Scenario: a raw record that comes again has no second effect
    When "connector.data.raw" is published as "raw"
    And the same event is published again 3 times
    And the same event is published again once it was handled
    Then service "bronze-processor" handles it exactly once

  Scenario: an alert that comes again sends no second notification
    When "rules.alerts.triggered" is published as "alert"
    And the same event is published again 3 times
    And the same event is published again once it was handled
    Then service "notification-sender" handles it exactly once

  Scenario: a redelivered raw record makes nothing new behind the stage
    When "connector.data.raw" is published as "raw"
    And the same event is published again once it was handled
    Then "bronze.data.cleaned" follows from it within 3s
    And service "bronze-processor" handles it exactly once

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
    Then service "<group>" handles it exactly once

    Examples:
      | group            | event                 |
      | silver-processor | bronze.data.cleaned   |
      | gold-processor   | silver.data.processed |
      | rule-evaluator   | gold.data.ready       |
      | audit-writer     | audit.events          |

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
      | group            | event                 |
      | gold-processor   | silver.data.processed |
      | rule-evaluator   | gold.data.ready       |
      | audit-writer     | audit.events          |
