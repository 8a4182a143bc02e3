Feature: Dead letters once more

  What could not be sent three times is dead-lettered. Once the outside works again somebody asks notification-service to replay it: the
  record goes back to its topic as it was, each letter at most once.

  Background:
    Given the system is running

  Scenario: a push message that fails three times is dead-lettered, and sent once it is replayed
    Given stub "push" answers 503 3 times
      | /to | {ann} |
    When "user.followed" is published as "follow"
      | /data/followee_id | {ann} |
    Then it is dead-lettered within 5s
    When action "replay the dead letters of notification-service" is done
      | event | {follow.id} |
    Then view "noted by notification-service" shows "user.followed" within 20s
      | subject | {follow.data.follower_id} |
    When action "replay what notification-service has replayed" is done
      | event | {follow.id} |
    Then stub "push" is called for "follow" exactly 4 times, watched for 500ms
    And service "notification-service" handles "follow" exactly once

  Scenario: a letter whose event was handled meanwhile sends nothing when it is replayed
    Given stub "push" answers 503 3 times
      | /to | {ann} |
    When "user.followed" is published as "follow"
      | /data/followee_id | {ann} |
    Then it is dead-lettered within 5s
    When "follow" is published again 1 time
    Then view "noted by notification-service" shows "user.followed" within 20s
      | subject | {follow.data.follower_id} |
    When action "replay the dead letters of notification-service" is done
      | event | {follow.id} |
    Then stub "push" is called for "follow" exactly 4 times, watched for 500ms
    And service "notification-service" handles "follow" exactly once

  Scenario: what fails again after a replay is dead-lettered again, and goes round no further
    Given stub "push" answers 503 6 times
      | /to | {ann} |
    When "user.followed" is published as "follow"
      | /data/followee_id | {ann} |
    Then it is dead-lettered within 5s
    When action "replay the dead letters of notification-service" is done
      | event | {follow.id} |
    Then service "notification-service" logs "failed again after a replay event_id={follow.id}" within 20s
    When action "replay what notification-service has replayed" is done
      | event | {follow.id} |
    Then stub "push" is called for "follow" exactly 6 times, watched for 500ms
