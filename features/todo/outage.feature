@needs:broker-faults
Feature: When the broker is gone

  Background:
    Given the system is running

  Scenario: requests succeed while the broker is gone and nothing is lost when it is back
    Given the broker crashes
    When user "ann" creates a task as "milk"
    And task "milk" is renamed to "oat milk"
    And task "milk" is renamed to "soy milk"
    And task "milk" is completed
    # Longer than the publisher waits for Kafka, so that what it does then is seen.
    And 4s pass
    Then service "todo-api" logs "not published" within 20s
    When the broker is started again
    Then "task.created" follows within 40s
    And "task.updated" follows within 40s
    And the events of key "{milk.task}" keep their order on the topic
    And "task.completed" follows within 40s
    And task "milk" is known as "complete" within 20s
    And the audit trail of task "milk" shows "task.created" within 20s

  Scenario: what was not told when the service was killed is told when it is back
    Given the broker crashes
    When user "ann" creates a task as "milk"
    And service "todo-api" is killed
    And the broker is started again
    And service "todo-api" is started again
    Then "task.created" follows within 40s
    And service "event-service" handles it exactly once

  Scenario: an acknowledgement that is lost doubles nothing
    Given the broker loses the acknowledgement of 1 request
      | client | todo-api |
    When user "ann" creates a task as "milk"
    Then "task.created" follows within 15s
    And service "event-service" handles it exactly once

  # The reason may be gone with the next attempt: what cannot be handled is neither lost nor tried without a pause.
  Scenario: a dead letter that Kafka refuses twice is tried again, with growing pauses, and held
    Given the broker answers "Produce" requests with "POLICY_VIOLATION"
      | client | event-service |
      | times  | 2             |
    When an invalid "task.completed" is published as "broken"
      | rule  | required                   |
      | place | /data/payload/completed_at |
    Then it is dead-lettered within 5s
    And service "event-service" logs 3 attempts at "broken", with the backoff that the contract declares
