Feature: Where events stand

  Background:
    Given the system is running

  Scenario: every event is on its topic once
    When user "alice" creates a post as "post"
    Then "content.post.created" is on its topic only once, watched for 1s

  # Each of them is on the partition of its key: of so many, one at least would be elsewhere by any other rule.
  Scenario: posts are on the partitions of their keys
    When user "alice" creates a post as "first"
    Then "content.post.created" follows within 6s
    When user "alice" creates a post as "second"
    Then "content.post.created" follows within 6s
    When user "alice" creates a post as "third"
    Then "content.post.created" follows within 6s
    When user "alice" creates a post as "fourth"
    Then "content.post.created" follows within 6s
    When user "alice" creates a post as "fifth"
    Then "content.post.created" follows within 6s
    When user "alice" creates a post as "sixth"
    Then "content.post.created" follows within 6s
    When user "alice" creates a post as "seventh"
    Then "content.post.created" follows within 6s
    When user "alice" creates a post as "eighth"
    Then "content.post.created" follows within 6s

  # The pause is a second, so whoever pauses behind each batch is four seconds late with the fifth.
  Scenario: the outbox publishes batch behind batch, and pauses only when nothing is due
    When action "create post in a batch of its own" is done as "first"
      | user | {alice} |
    And action "create post in a batch of its own" is done as "second"
      | user | {alice} |
    And action "create post in a batch of its own" is done as "third"
      | user | {alice} |
    And action "create post in a batch of its own" is done as "fourth"
      | user | {alice} |
    And action "create post in a batch of its own" is done as "fifth"
      | user | {alice} |
    Then "content.post.created" follows within 2500ms
