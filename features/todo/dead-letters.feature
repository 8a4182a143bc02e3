Feature: Dead letters once more

  Owners are told by push that a task is complete. A completion that could not be told three times is dead-lettered; once the push service
  works again somebody asks event-service to replay it: the record goes back to its topic as it was, each letter at most once.

  Background:
    Given the system is running

  Scenario: a completion that cannot be told three times is dead-lettered, and handled once it is replayed
    Given stub "push" answers 503 3 times
      | /task_id | 8300001 |
    When "task.completed" is published as "done"
      | /data/payload/task_id | 8300001 |
    Then it is dead-lettered within 5s
    And it is tried 3 times at stub "push", with the backoff that the contract declares
    When action "replay the dead letters of event-service" is done
      | event | {done.id} |
    Then view "state" shows "complete" within 20s
      | task | 8300001 |
    When action "replay what event-service has replayed" is done
      | event | {done.id} |
    Then stub "push" is called for "done" exactly 4 times, watched for 500ms
    And service "event-service" handles "done" exactly once

  Scenario: a letter whose completion was handled meanwhile has no second effect when it is replayed
    Given stub "push" answers 503 3 times
      | /task_id | 8300002 |
    When "task.completed" is published as "done"
      | /data/payload/task_id | 8300002 |
    Then it is dead-lettered within 5s
    When "done" is published again 1 time
    Then view "state" shows "complete" within 20s
      | task | 8300002 |
    When action "replay the dead letters of event-service" is done
      | event | {done.id} |
    Then stub "push" is called for "done" exactly 4 times, watched for 500ms
    And service "event-service" handles "done" exactly once

  Scenario: what fails again after a replay is dead-lettered again, and goes round no further
    Given stub "push" answers 503 6 times
      | /task_id | 8300003 |
    When "task.completed" is published as "done"
      | /data/payload/task_id | 8300003 |
    Then it is dead-lettered within 5s
    When action "replay the dead letters of event-service" is done
      | event | {done.id} |
    Then stub "push" is called for "done" exactly 6 times, watched for 500ms
    And service "event-service" logs "failed again after a replay event_id={done.id}" within 20s
    When action "replay what event-service has replayed" is done
      | event | {done.id} |
    Then stub "push" is called for "done" exactly 6 times, watched for 500ms
