@needs:broker-faults
Feature: When it is cut off in between

  Background:
    Given the system is running

  # The broker has the records and says nothing, so they are published and not marked when the service dies. The deletion leaves behind the copy.
  Scenario: events-service that is killed between publishing and marking makes a duplicate without effect
    Given the broker loses the acknowledgement of 10000 requests
      | client | events-service |
    When user "ann" posts "twice on its topic" as "post"
    Then "post.created" follows within 10s
    When service "events-service" is killed
    And the broker is healthy again
    And service "events-service" is started again
    And action "delete post" is done
      | post | {post.post} |
      | user | {ann}       |
    Then "post.deleted" follows within 15s
    And service "feed-service" handles "post" exactly once
