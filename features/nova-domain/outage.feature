Feature: When it is cut off in between

  Background:
    Given the system is running

  # The broker has the records and says nothing, so they are published and not marked when the service dies. The deletion leaves behind the copy.
  @needs:broker-faults
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

  Scenario: the alert on the lag fires while nobody consumes
    Given service "feed-service" is stopped
    And service "feed-service-two" is stopped
    When 1500 "post.created" events are published at 3000/s in the background
    Then alert "consumer lag" fires within 20s
    When service "feed-service" is started again
    And service "feed-service-two" is started again
    Then group "feed-service" loses none of them within 30s

  Scenario: the alert on the lag stays silent while the feed keeps up
    When 100 "post.created" events are published at 100/s in the background
    Then alert "consumer lag" does not fire, watched for 1500ms
    And group "feed-service" loses none of them within 20s

  # Every record that is taken meanwhile is this one, or one of few.
  @needs:broker-faults
  Scenario: the alert on failures fires when records cannot be handled
    Given the broker delays "Produce" requests by 300ms
      | client | notification-service |
    When an invalid "user.verified" is published
      | rule  | enum     |
      | place | /version |
    Then alert "failures" fires within 10s
    And it is dead-lettered within 10s

  @needs:broker-faults
  Scenario: the alert on failures stays silent while all is only slow
    Given the broker delays "Fetch" requests by 100ms
      | client | notification-service |
    When "user.verified" is published as "verified"
    Then view "noted by notification-service" shows "user.verified" within 5s
      | subject | {verified.data.user_id} |
    And alert "failures" does not fire, watched for 1s
