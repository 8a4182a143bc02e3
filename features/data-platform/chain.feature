Feature: From raw data to a notification

  Background:
    Given the system is running

  Scenario: raw data becomes a notification with one correlation id
    When organisation "456" sends "some  raw   data" as "raw"
    Then "connector.data.raw" follows within 3s
    And "bronze.data.cleaned" follows from it within 3s
    And "silver.data.processed" follows from it within 5s
    And "gold.data.ready" follows from it within 7s
    And "rules.alerts.triggered" follows from it within 9s
    And view "notifications" shows "{raw.correlation}" within 12s
      | correlation | {raw.correlation} |

  Scenario: a key whose hash has no absolute value has a partition
    Given a key of "connector.data.raw" that hashes to Integer.MIN_VALUE, called "org"
    When organisation "{org}" sends "data" as "raw"
    Then "connector.data.raw" follows within 5s
    And "bronze.data.cleaned" follows from it within 3s

  Scenario: organisations are on the partitions of their hash
    When organisation "1" sends "data" as "first"
    Then "connector.data.raw" follows within 3s
    When organisation "14" sends "data" as "second"
    Then "connector.data.raw" follows within 3s
    When organisation "-27" sends "data" as "third"
    Then "connector.data.raw" follows within 3s
    When organisation "40" sends "data" as "fourth"
    Then "connector.data.raw" follows within 3s
    When organisation "2147483647" sends "data" as "fifth"
    Then "connector.data.raw" follows within 3s

  Scenario: configuration changes and pipeline runs are told
    When action "change configuration" is done as "change"
      | org | 7 |
      | value | 3 |
      | correlation | {change of configuration} |
    Then "config.changes" follows within 3s
    When action "run pipeline" is done as "run"
      | org | 7 |
      | pipeline | nightly |
      | correlation | {run of nightly} |
    Then "etl.execution" follows within 3s

  Scenario: what is audited is in the audit store
    When action "audit" is done as "entry"
      | org | 7 |
      | correlation | {audited} |
    Then "audit.events" follows within 3s
    And view "audit store" shows "{audited}" within 10s
      | correlation | {audited} |

  Scenario: topics, retention and partitions are as declared
    Then the topics are as the contract declares them

  Scenario: the registry has every schema, compatible backward
    Then the schemas are registered as the contract declares them
