Feature: Publishing

  Background:
    Given the system is running

  Scenario: every route tells what it did, and the audit trail has it
    When user "ann" creates a task as "milk"
    Then "task.created" follows within 2s
    And the audit trail of task "milk" shows "task.created" within 2s
    When task "milk" is renamed to "buy oat milk"
    Then "task.updated" follows within 2s
    And the audit trail of task "milk" shows "task.updated" within 2s
    When task "milk" is completed
    Then "task.completed" follows within 2s
    And the audit trail of task "milk" shows "task.completed" within 2s
    And task "milk" is known as "complete" within 2s
    When task "milk" is deleted
    Then "task.deleted" follows within 2s
    And task "milk" is known as "deleted" within 2s
    # What analytics knows of the user: an event of each type.
    And view "counts of user" shows "task.created: 1" within 10s
      | user | {ann} |
    And view "counts of user" shows "task.updated: 1" within 10s
      | user | {ann} |
    And view "counts of user" shows "task.completed: 1" within 10s
      | user | {ann} |
    And view "counts of user" shows "task.deleted: 1" within 10s
      | user | {ann} |

  Scenario: the request's correlation id arrives with the event
    When user "ann" creates a task as "milk"
    Then "task.created" follows within 2s
    And view "correlations" shows "{ann}" within 2s
      | task | {milk.task} |

  Scenario: a completion tells of a completion only
    When user "ann" creates a task as "milk"
    And task "milk" is completed
    Then "task.completed" follows within 2s
    When task "milk" is renamed to "drunk"
    Then "task.updated" follows within 2s
    And no "task.updated" came before it
      | /data/payload/task_id | {milk.task} |
      | /data/payload/title   | buy milk    |

  Scenario: an update tells truly what was changed
    When user "ann" creates a task as "milk"
    And action "rename task" is done
      | task  | {milk.task} |
      | title | oat milk    |
    Then "task.updated" follows within 2s
    And no "task.updated" came before it
      | /data/payload/task_id        | {milk.task} |
    When task "milk" is renamed to "soy milk"
    Then "task.updated" follows within 2s
    And no "task.updated" came before it
      | /data/payload/task_id        | {milk.task} |
      | /data/payload/changes/status | true        |
    And no "task.updated" came before it
      | /data/payload/task_id       | {milk.task} |
      | /data/payload/changes/title | false       |

  Scenario: a status that is set by an update tells of an update only
    When user "ann" creates a task as "milk"
    And action "set the status" is done
      | task   | {milk.task} |
      | status | complete    |
    Then "task.updated" follows within 2s
    When user "ann" creates a task as "bread"
    And task "bread" is completed
    Then "task.completed" follows within 2s
    And no "task.completed" came before it
      | /data/payload/task_id | {milk.task} |

  Scenario: what is refused tells nothing
    When action "rename a task that is not there" is done
      | task | 999999999 |
    And action "complete a task that is not there" is done
      | task | 999999999 |
    And action "delete a task that is not there" is done
      | task | 999999999 |
    And action "create a task without a title" is done
      | user | whoever left out the title |
    And user "ann" creates a task as "milk"
    Then "task.created" follows within 2s
    And no "task.created" came before it
      | /data/payload/user_id | whoever left out the title |
    When task "milk" is renamed to "oat milk"
    Then "task.updated" follows within 2s
    And no "task.updated" came before it
      | /data/payload/task_id | 999999999 |
    When task "milk" is completed
    Then "task.completed" follows within 2s
    And no "task.completed" came before it
      | /data/payload/task_id | 999999999 |
    When task "milk" is deleted
    Then "task.deleted" follows within 2s
    And no "task.deleted" came before it
      | /data/payload/task_id | 999999999 |

  # A task that would be a part of another one is refused only once it was written.
  Scenario: a write that is rolled back tells nothing
    When action "create a part of a task that is not there" is done
      | title | {undone} |
    # What is in one batch of the outbox goes out together: the one after the next is surely behind it.
    And user "ann" creates a task as "next"
    Then "task.created" follows within 10s
    When user "ann" creates a task as "last"
    Then "task.created" follows within 10s
    And no "task.created" came before it
      | /data/payload/title | {undone} |

  Scenario: with the feature flag off the answer is the same and nothing is told
    When action "create task quietly" is done as "quiet"
      | title | told by nobody |
    And action "rename task quietly" is done
      | task  | {quiet.task}         |
      | title | still told by nobody |
    # Tasks of both services are numbered from 1, so their ids do not tell them apart.
    And action "complete task quietly" is done
      | task    | {quiet.task}       |
      | request | {quiet completion} |
    And action "delete task quietly" is done
      | task    | {quiet.task}     |
      | request | {quiet deletion} |
    # As often as its publisher would have looked many times.
    And 500ms pass
    And user "ann" creates a task as "milk"
    Then "task.created" follows within 2s
    And no "task.created" came before it
      | /data/payload/title | told by nobody |
    When task "milk" is renamed to "oat milk"
    Then "task.updated" follows within 2s
    And no "task.updated" came before it
      | /data/payload/title | still told by nobody |
    When action "complete task by request" is done
      | task    | {milk.task}  |
      | request | {completion} |
    Then "task.completed" follows within 2s
    And no "task.completed" came before it
      | /data/correlation_id | {quiet completion} |
    When action "delete task by request" is done
      | task    | {milk.task} |
      | request | {deletion}  |
    Then "task.deleted" follows within 2s
    And no "task.deleted" came before it
      | /data/correlation_id | {quiet deletion} |

  Scenario: the events of a task are told, and handled, in their order
    When user "ann" creates a task as "milk"
    And task "milk" is renamed to "oat milk"
    And task "milk" is renamed to "soy milk"
    And task "milk" is renamed to "rice milk"
    Then "task.updated" follows within 2s
    And the events of key "{milk.task}" keep their order on the topic
    And service "event-service" handles the events of key "{milk.task}" in order

  Scenario: an event is on its topic once
    When user "ann" creates a task as "milk"
    Then "task.created" is on its topic only once, watched for 1s

  Scenario: the publisher is measured
    When user "ann" creates a task as "milk"
    Then "task.created" follows within 2s
    And metric "events_published_total" of service "todo-api" is shown within 2s
      | event_type | task.created |
    And metric "events_published_failures_total" of service "todo-api" is shown within 2s
    And metric "event_publish_duration_seconds_bucket" of service "todo-api" is shown within 2s
      | le | 0.05 |

  Scenario: the topics are as declared
    Then the topics are as the contract declares them
