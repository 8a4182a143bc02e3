Feature: Transactions within one partition

  A batch of one organisation, and so of one partition, is on its topic as a whole or not at all.

  Background:
    Given the system is running

  Scenario: a batch comes as a whole
    When action "ingest a batch" is done as "batch"
      | org         | 41           |
      | last        | {last body}  |
      | correlation | {full batch} |
    Then "connector.data.raw" follows within 5s
    And "bronze.data.cleaned" follows from it within 3s

  Scenario: of a batch that breaks off nothing is there, and nothing is made of it
    When action "ingest a batch that breaks off" is done as "batch"
      | org         | 42             |
      | correlation | {broken batch} |
    And organisation "42" sends "whole" as "after"
    Then "connector.data.raw" follows within 5s
    And no "connector.data.raw" came before it
      | /correlation_id | {broken batch} |
    And "bronze.data.cleaned" follows from it within 3s
    # The group has come past the batch: what it made of it would be there.
    And view "read by bronze-processor" keeps not showing "plain" for 1s
      | correlation | {broken batch} |
