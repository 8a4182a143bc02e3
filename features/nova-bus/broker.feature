@needs:broker-faults
Feature: When Kafka misbehaves

  The document asks for an outbox and for consumers that take an event once; this is what they are for.

  Background:
    Given the system is running

  Scenario: an acknowledgement that is lost doubles nothing
    Given user "bob" follows user "alice"
    And the broker loses the acknowledgement of 1 request
      | client | content-service |
    When user "alice" creates a post as "post"
    Then "content.post.created" follows within 15s
    And the feed of "bob" shows post "post" within 5s
    And service "feed-service" handles it exactly once

  Scenario: a post that is created while the broker is gone arrives when it is back
    Given user "bob" follows user "alice"
    And the broker crashes
    When user "alice" creates a post as "post"
    And the broker is started again
    Then "content.post.created" follows within 30s
    And the feed of "bob" shows post "post" within 15s

  Scenario: a slow broker loses nothing
    Given user "bob" follows user "alice"
    And the broker delays "Fetch" requests by 300ms
      | client | feed-service |
    When user "alice" creates a post as "post"
    Then "content.post.created" follows within 6s
    And the feed of "bob" shows post "post" within 5s
    And the broker is healthy again

  # The broker has the record and says nothing, so it is published and not marked when the service dies.
  Scenario: content-service that is killed between publishing and marking makes a duplicate without effect
    Given the broker loses the acknowledgement of 10000 requests
      | client | content-service |
    When user "alice" creates a post as "post"
    Then "content.post.created" follows within 15s
    When service "content-service" is killed
    And the broker is healthy again
    And service "content-service" is started again
    And post "post" is deleted as "deletion"
    Then "content.post.deleted" follows within 15s
    And service "feed-service" handles "post" exactly once

  # The broker carries nothing out: the row waits when the service dies.
  Scenario: content-service that is killed while a row waits publishes it when it is back
    Given user "bob" follows user "alice"
    And the broker does not answer "Produce" requests
      | client | content-service |
    When user "alice" creates a post as "post"
    And 1s pass
    And service "content-service" is killed
    And the broker is healthy again
    And service "content-service" is started again
    Then "content.post.created" follows within 20s
    And the feed of "bob" shows post "post" within 5s

  # The document's limit is five retries; here they are made on a faster clock.
  Scenario: after the fifth retry a row stays, marked failed, until it is released
    Given the broker crashes
    When action "create post hastily" is done as "post"
      | user | {alice} |
    Then service "content-service-hasty" logs "after 5 retries" within 20s
    And alert "outbox rows failed" fires within 10s
    When the broker is started again
    And action "look at the failed row" is done as "failed"
    And action "release the row" is done
      | row     | {failed.row}   |
      | post_id | {post.post_id} |
    Then "content.post.created" follows within 20s
