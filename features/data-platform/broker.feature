@needs:broker-faults
Feature: At least once, also when Kafka misbehaves

  Background:
    Given the system is running

  Scenario: a stage whose acknowledgement is lost goes on, and the chain is whole
    Given the broker loses the acknowledgement of 1 request
      | client | bronze-processor |
    When organisation "71" sends "data" as "raw"
    Then "connector.data.raw" follows within 3s
    And "bronze.data.cleaned" follows from it within 10s
    And "rules.alerts.triggered" follows from it within 20s

  Scenario: a stage whose record is refused makes it again
    Given the broker answers "Produce" requests with "TOPIC_AUTHORIZATION_FAILED"
      | client | bronze-processor |
      | times  | 1                |
    When organisation "72" sends "data" as "raw"
    Then "connector.data.raw" follows within 3s
    And "bronze.data.cleaned" follows from it within 10s

  Scenario: the broker crashes while the connector and the stages work, and nothing is lost
    When 300 "connector.data.raw" events are published at 200/s in the background
    And 500ms pass
    And the broker crashes
    And 1s pass
    And the broker is started again
    And organisation "73" sends "data" as "raw"
    Then "connector.data.raw" follows within 20s
    And "rules.alerts.triggered" follows from it within 30s
    And group "bronze-processor" loses none of them within 30s
