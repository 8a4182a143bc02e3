@needs:sasl
Feature: Who may connect

  Background:
    Given the system is running

  Scenario: who shows who it is may publish, and who cannot is turned away
    # What it says of its first attempt is looked for.
    Given service "todo-api-stranger" is killed
    And service "todo-api-stranger" is started again
    When action "create task as a stranger" is done
      | title | of a stranger |
    Then service "todo-api-stranger" logs "Authentication failed" within 10s
    When user "ann" creates a task as "milk"
    Then "task.created" follows within 2s
    And no "task.created" came before it
      | /data/payload/title | of a stranger |
