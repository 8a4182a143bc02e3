Feature: Versions of a schema, side by side

  The connector and its stages are released one by one: connector-service-v1 still writes version 1 of raw data, silver-processor
  still reads version 1 of cleaned data.

  Background:
    Given the system is running

  Scenario: what the release before wrote is read by the new one
    When action "ingest by the release before" is done as "old"
      | org         | 31            |
      | body        | some old data |
      | correlation | {old request} |
    Then "connector.data.raw" follows within 5s
    And "bronze.data.cleaned" follows from it within 3s
    # Version 1 says nothing of the format; version 2 has a default for it.
    And view "read by bronze-processor" shows "plain" within 5s
      | correlation | {old request} |

  Scenario: what the new release writes is read by the one before
    When "bronze.data.cleaned" is published as "new"
      | /payload/body   | {new body} |
      | /payload/format | csv        |
    Then view "read by silver-processor" shows "{new.payload.body}" within 5s
      | correlation | {new.correlation_id} |
    And "silver.data.processed" follows from "new" within 3s

  Scenario: both releases of the connector feed one chain
    When organisation "32" sends "new data" as "raw"
    Then "connector.data.raw" follows within 5s
    And "silver.data.processed" follows from it within 6s
    When action "ingest by the release before" is done as "old"
      | org         | 32       |
      | body        | old data |
      | correlation | {older}  |
    Then "connector.data.raw" follows within 5s
    And "silver.data.processed" follows from it within 6s
