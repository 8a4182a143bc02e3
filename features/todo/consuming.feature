Feature: Consuming

  Background:
    Given the system is running

  Scenario: a duplicate event_id has no second effect
    When "task.created" is published as "created"
    And the same event is published again 3 times
    And the same event is published again once it was handled
    # As long as the topic keeps records: 7 days.
    Then view "remembered" shows "604800" within 10s
      | event | {created.id} |
    And service "event-service" handles it exactly once

  Scenario: a republished event has a new CloudEvents id and no second effect
    When "task.created" is published as "created"
    And the same event is published again in a new envelope
    And the same event is published again once it was handled
    Then service "event-service" handles it exactly once

  Scenario: a completion that is seen before the creation counts
    When "task.completed" is published as "done"
    Then view "state" shows "complete" within 2s
      | task | {done.data.payload.task_id} |
    When "task.created" is published as "created"
      | /data/payload/task_id | {done.data.payload.task_id} |
      | /data/payload/user_id | {ann}                       |
    Then view "audit" shows "task.created" within 2s
      | task | {done.data.payload.task_id} |
    And view "state" shows "complete" within 2s
      | task | {done.data.payload.task_id} |
    And view "counts of user" shows "task.completed: 1" within 5s
      | user | {ann} |

  Scenario: a record against the schema is dead-lettered and blocks nobody
    When an invalid "task.completed" is published as "broken"
      | rule  | required                   |
      | place | /data/payload/completed_at |
    Then it is dead-lettered within 5s
    When "task.completed" is published as "good"
    Then view "state" shows "complete" within 5s
      | task | {good.data.payload.task_id} |

  Scenario: two versions are read side by side
    When "task.completed" is published as "new"
      | /data/event_version | v2 |
    Then view "state" shows "complete" within 2s
      | task | {new.data.payload.task_id} |

  # The document: new fields are optional. What deletes here writes version 1.
  Scenario: a field that is new in version 2 is read by the new release, and left by the one before
    When "task.deleted" is published as "new"
      | /data/event_version      | v2    |
      | /data/payload/deleted_by | {ann} |
    Then view "deleted by" shows "{ann}" within 5s
      | task | {new.data.payload.task_id} |
    And view "state in the release before" shows "deleted" within 5s
      | task | {new.data.payload.task_id} |
    When user "ann" creates a task as "milk"
    And task "milk" is deleted
    Then "task.deleted" follows within 2s
    And view "deleted by" shows "unknown" within 5s
      | task | {milk.task} |

  Scenario: a service that is killed while it works loses nothing
    When 300 "task.created" events are published at 400/s in the background
    And service "event-service" is killed after it handled 40 of them
    And service "event-service" is started again
    Then group "event-service" loses none of them within 20s

  Scenario: of two instances that share the partitions one is killed and nothing is lost
    When 300 "task.created" events are published at 200/s in the background
    And 500ms pass
    And service "event-service-two" is killed
    Then group "event-service" loses none of them within 20s
    And service "event-service-two" is started again

  # So many that each of the two instances has some of them.
  Scenario: the consumer is measured
    When 60 "task.created" events are published at 400/s in the background
    Then group "event-service" loses none of them within 10s
    And metric "events_consumed_total" of service "event-service" is shown within 2s
      | event_type | task.created |
    And metric "event_processing_duration_seconds_bucket" of service "event-service" is shown within 2s
      | le | 0.1 |
    And metric "consumer_lag" of service "event-service" is shown within 5s
      | group | event-service      |
      | topic | todo.tasks.created |
