Feature: Jobs that are tried again over topics

  Scenario: a job that fails once is done at the second try
    When "job.given" is published
      | fails | 1 |
    Then service "retries" tries it 2 times over its retry topics, with the backoff that the contract declares
    And service "retries" handles it exactly once

  Scenario: a job that always fails is given up after three tries
    When "job.given" is published
      | fails | 9 |
    Then service "retries" tries it 3 times over its retry topics, with the backoff that the contract declares
    And it is dead-lettered within 5s

  Scenario: its log and its dead letter tell of three tries
    When "job.given" is published
      | fails | 9 |
    Then service "retries" logs 3 attempts at it, with the backoff that the contract declares
    And it is dead-lettered after 3 attempts within 5s

  Scenario: a dead letter counts the tries
    When "job.given" is published
      | fails | 9 |
    Then it is dead-lettered after 3 attempts within 10s

  Scenario: a duplicate of a job that fails has no second effect
    When "job.given" is published
      | fails | 2 |
    And the same event is published again 1 time
    Then service "retries" handles it exactly once

  Scenario: a job that is tried again may be overtaken, the others keep their order
    When "job.given" is published as "failing"
      | subject | {one} |
      | fails   | 1     |
    And "job.given" is published as "second"
      | subject | {one} |
    And "job.given" is published as "third"
      | subject | {one} |
    Then service "retries" handles the events of key "{one}" in order

  Scenario: none is lost, however often it is tried
    When 10 "job.given" events are published at 50/s in the background
      | fails | 1 |
    Then group "retries" loses none of them within 5s
