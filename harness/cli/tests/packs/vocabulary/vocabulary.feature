Feature: Sentences that the packs have no need of

  What each of them does is shown on the services of the photo portfolio; the test lays this file into a copy of that pack.

  Background:
    Given the system is running

  Scenario: a record that is delivered again has no second effect
    When "file.media.uploaded" is published as "upload"
    Then service "analytics-service" handles it exactly once
    When service "analytics-service" is stopped
    And service "analytics-service-two" is stopped
    And group "analytics-service" is rewound to "upload"
    And service "analytics-service" is started again
    Then service "analytics-service" handles "upload" exactly once

  Scenario: a paused service takes up its work when it goes on
    When service "notification-service" is paused
    And "file.media.processed" is published
    And 300ms pass
    And service "notification-service" goes on
    Then stub "mail" is called for it exactly 1 time, watched for 500ms

  Scenario: a rebalance loses nothing
    When 100 "file.media.uploaded" events are published at 100/s in the background
    And group "analytics-service" rebalances
    Then group "analytics-service" loses none of them within 20s
    And the lag of group "analytics-service" is below 1 within 10s

  Scenario: a further instance joins and loses nothing
    When 100 "file.media.uploaded" events are published at 100/s in the background
    And service "analytics-service-later" joins as another instance
    Then group "analytics-service" loses none of them within 20s

  Scenario: a slow mail service is waited for
    Given stub "mail" answers after 300ms 1 time
      | /project_id | {autumn} |
    When "file.media.processed" is published
      | /aggregateId | {autumn} |
    Then stub "mail" is called for it exactly 1 time, watched for 1s

  Scenario: a call that is broken off is made again
    Given stub "mail" breaks off 2 calls
      | /project_id | {winter} |
    When "file.media.processed" is published
      | /aggregateId | {winter} |
    Then it is tried 3 times at stub "mail", with the backoff that the contract declares

  Scenario: while the mail service is down nothing is lost
    Given stub "mail" is down
    When "file.media.processed" is published
    And 300ms pass
    And stub "mail" is up again
    Then service "notification-service" handles it exactly once

  Scenario: an invitation leads to a link, and a photo to none
    When "invite.created" is published as "first"
    Then "auth.magic-link.created" follows from it within 5s
    And it conforms to the contract

  Scenario: a large event is taken
    When "file.replay" of "64 KiB" is published
    Then it conforms to the contract

  Scenario: an event that is too large is refused, and the next one is taken
    Then "file.replay" of "2 MiB" is refused as too large
    When "file.replay" of "1000 KiB" is published
    Then it conforms to the contract

  Scenario: an event that is not too large is not refused
    Then "file.replay" of "64 KiB" is refused as too large

  Scenario: an alert is over once the mail service is back
    Given stub "mail" answers 503 7 times
      | /project_id | {spring} |
    # Two mails that are sent close the breaker; after one it is half open, and that is away still.
    When "file.media.processed" is published
      | /aggregateId | {spring} |
    And "file.media.processed" is published
      | /aggregateId | {spring} |
    Then alert "mail is away" fires within 20s
    And alert "mail is away" is silent again within 30s

  Scenario: an alert is not over while nobody works
    Given service "file-service" is stopped
    When 1200 "file.media.deletion-requested" events are published at 3000/s in the background
    Then alert "consumer lag" fires within 30s
    And alert "consumer lag" is silent again within 300ms

  Scenario: a small load passes
    Then load profile "short" passes

  Scenario: an event of which nothing must follow, and nothing shows that it would
    When "invite.created" is published as "first"
    Then no "auth.magic-link.created" follows from "first", watched for 200ms

  Scenario: an invalid event does not conform
    When an invalid "file.media.uploaded" is published
      | rule  | const   |
      | place | /source |
    Then it conforms to the contract

  Scenario: a group that is stopped does not catch up
    When service "analytics-service" is stopped
    And service "analytics-service-two" is stopped
    And "file.media.uploaded" is published
    Then the lag of group "analytics-service" is below 1 within 500ms

  Scenario: a counter that nobody counts
    Then metric "outbox_published_total" of service "file-service" grows by 1 within 300ms

  Scenario: a load that cannot pass
    Then load profile "hopeless" passes
