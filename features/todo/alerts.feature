Feature: Alerts

  Background:
    Given the system is running

  @needs:broker-faults
  Scenario: the alert on publish failures fires while the broker is gone
    Given the broker crashes
    When user "ann" creates a task as "milk"
    Then alert "publish failures" fires within 20s
    When the broker is started again
    Then "task.created" follows within 40s

  Scenario: the alert on publish failures stays silent while all is well
    When user "ann" creates a task as "milk"
    Then "task.created" follows within 5s
    And alert "publish failures" does not fire, watched for 1s

  Scenario: the alert on the lag fires while nobody consumes
    Given service "event-service" is stopped
    And service "event-service-two" is stopped
    When 1500 "task.created" events are published at 3000/s in the background
    Then alert "consumer lag" fires within 20s
    When service "event-service" is started again
    And service "event-service-two" is started again
    Then group "event-service" loses none of them within 30s

  Scenario: the alert on the lag stays silent under steady work
    When 200 "task.created" events are published at 100/s in the background
    Then alert "consumer lag" does not fire, watched for 2s
    And group "event-service" loses none of them within 20s

  # Handling a record that is refused waits for its dead letter.
  @needs:broker-faults
  Scenario: the alert on slow processing fires when handling takes too long
    Given the broker delays "Produce" requests by 2500ms
      | client | event-service |
    When an invalid "task.completed" is published as "broken"
      | rule  | required                   |
      | place | /data/payload/completed_at |
    Then alert "slow processing" fires within 20s
    And "broken" is dead-lettered within 10s

  Scenario: the alert on slow processing stays silent while all is well
    When "task.completed" is published as "good"
    Then view "state" shows "complete" within 5s
      | task | {good.data.payload.task_id} |
    And alert "slow processing" does not fire, watched for 1s
