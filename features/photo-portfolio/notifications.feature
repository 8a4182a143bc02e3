Feature: Notifications

  Background:
    Given the system is running

  Scenario: photos that are ready are announced once
    When "file.media.processed" is published as "ready"
    And the same event is published again 3 times
    And the same event is published again once it was handled
    # 30 days, as long as business events are on their topics.
    Then view "remembered by notification-service" shows "2592000" within 30s
      | event | {ready.id} |
    And service "notification-service" handles it exactly once
    And stub "mail" is called for it exactly 1 time, watched for 1s

  Scenario Outline: <event> under both of its names is one e-mail
    When "<event>" is published as "new"
    And "<older name>" is published
      | /id          | {new.id}          |
      | /aggregateId | {new.aggregateId} |
    Then service "notification-service" handles "new" exactly once
    And stub "mail" is called for "new" exactly 1 time, watched for 1s

    Examples:
      | event                | older name          |
      | auth.access.granted  | auth.access-granted |
      | file.media.processed | file.processed      |

  Scenario: a link that cannot be read is dead-lettered without its token
    When an invalid "auth.magic-link.created" is published as "broken"
      | rule        | required        |
      | place       | /data/expiresAt |
      | /data/token | {token}         |
    Then it is dead-lettered by service "notification-service" within 5s
    And it is dead-lettered by service "analytics-service" within 5s
    And view "dead letters of notification-service" shows "waiting" within 5s
      | event | {broken.id} |
    And view "dead letters of analytics-service" shows "waiting" within 5s
      | event | {broken.id} |
    # As it came, it stands on the dead letters' topics: in the value, and in no header.
    And "{token}" is in no log and on no topic
      | except | auth.magic-link.created       |
      | except | auth.notification-service.dlq |
      | except | auth.analytics-service.dlq    |

  Scenario: a replay tells nobody again
    When "auth.magic-link.created" is published as "link"
    And the same event is published again once it was handled
    # By what it kept, not by what it remembers; and alone: a breaker that another scenario has opened would refuse the replay.
    And service "notification-service" is stopped
    And service "notification-service" is started again
    And action "replay notifications" is done
      | time | 2020-01-01T00:00:00Z |
    Then stub "mail" is called for it exactly 1 time, watched for 1s
    And service "notification-service" handles it exactly once

  Scenario: what the services do is measured
    When photographer "photographer-1" uploads photo "sunset" of 1000 bytes to project "autumn"
    Then "file.media.processed" follows from it within 5s
    And metric "upload_to_notification_seconds_bucket" of service "notification-service" is shown within 5s
      | le | 10 |
    And metric "outbox_published_total" of service "file-service" is shown within 5s
    And metric "circuit_breaker_state" of service "notification-service" is shown within 5s
    And metric "kafka_consumer_lag" of service "notification-service" is shown within 5s
