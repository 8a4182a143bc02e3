Feature: Dead letters once more

  An audit entry that the audit store does not take is dead-lettered. Once the store works again somebody asks audit-writer to replay it:
  the record goes back to its topic as it was, each letter at most once.

  Background:
    Given the system is running

  Scenario: an audit entry that its store refuses three times is dead-lettered, and written once it is replayed
    # In Avro its id begins with a byte (82) with which no character begins: a replay that does not copy bytes loses it for certain.
    Given stub "archive" answers 503 3 times
      | /org_id | 8321 |
    When "audit.events" is published as "entry"
      | org_id | 8321 |
    Then it is dead-lettered within 5s
    And it is tried 3 times at stub "archive", with the backoff that the contract declares
    When action "replay the dead letters of audit-writer" is done
      | event | {entry.event_id} |
    Then view "audit store" shows "{entry.correlation_id}" within 20s
      | correlation | {entry.correlation_id} |
    When action "replay what audit-writer has replayed" is done
      | event | {entry.event_id} |
    Then stub "archive" is called for "entry" exactly 4 times, watched for 500ms
    And service "audit-writer" handles "entry" exactly once

  Scenario: a letter whose entry was written meanwhile has no second effect when it is replayed
    Given stub "archive" answers 503 3 times
      | /org_id | 8302 |
    When "audit.events" is published as "entry"
      | org_id | 8302 |
    Then it is dead-lettered within 5s
    When "entry" is published again 1 time
    Then view "audit store" shows "{entry.correlation_id}" within 20s
      | correlation | {entry.correlation_id} |
    When action "replay the dead letters of audit-writer" is done
      | event | {entry.event_id} |
    Then stub "archive" is called for "entry" exactly 4 times, watched for 500ms
    And service "audit-writer" handles "entry" exactly once

  Scenario: what fails again after a replay is dead-lettered again, and goes round no further
    Given stub "archive" answers 503 6 times
      | /org_id | 8303 |
    When "audit.events" is published as "entry"
      | org_id | 8303 |
    Then it is dead-lettered within 5s
    When action "replay the dead letters of audit-writer" is done
      | event | {entry.event_id} |
    Then service "audit-writer" logs "failed again after a replay event_id={entry.event_id}" within 20s
    When action "replay what audit-writer has replayed" is done
      | event | {entry.event_id} |
    Then stub "archive" is called for "entry" exactly 6 times, watched for 500ms
