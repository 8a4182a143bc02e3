Feature: The mail service fails, and recovers

  Background:
    Given the system is running

  Scenario: an e-mail that fails is tried again
    Given stub "mail" answers 503 2 times
      | /project_id | {autumn} |
    When "file.media.processed" is published
      | /aggregateId | {autumn} |
    Then it is tried 3 times at stub "mail", with the backoff that the contract declares

  # Three attempts open the breaker; of two trials the first fails, and what waited comes out in its order.
  Scenario: while the mail service is down nothing is lost, reordered or dead-lettered
    Given stub "mail" answers 503 4 times
      | /project_id | {autumn} |
    When "file.media.processed" is published as "first"
      | /aggregateId | {autumn} |
    And "file.media.processed" is published as "second"
      | /aggregateId | {autumn} |
    And "file.media.processed" is published as "third"
      | /aggregateId | {autumn} |
    Then stub "mail" is called for "first" exactly 5 times, watched for 1s
    And stub "mail" is called for "second" exactly 1 time, watched for 1s
    And stub "mail" is called for "third" exactly 1 time, watched for 1s
    And service "notification-service" handles the events of key "{autumn}" in order
    When "file.media.processed" is published as "last"
      | /aggregateId | {autumn} |
    Then stub "mail" is called for it exactly 1 time, watched for 500ms
    And no "fileDeadOfMails" came before it
      | /aggregateId | {autumn} |

  Scenario: an e-mail that is refused is dead-lettered, and sent once somebody has it tried again
    Given stub "mail" answers 422 1 time
      | /project_id | {autumn} |
    When "auth.access.granted" is published as "grant"
      | /aggregateId | {autumn} |
    Then it is dead-lettered within 5s
    When action "replay refused mail" is done
      | event | {grant.id} |
    Then stub "mail" is called for "grant" exactly 2 times, watched for 1s
    And service "notification-service" handles "grant" exactly once

  Scenario: what is refused stays refused while what came with it is tried again
    Given service "notification-service" is paused
    # The answer to what it has asked for already: the two behind it come together.
    When "auth.access.granted" is published
      | /aggregateId | {autumn} |
    And "auth.access.granted" is published as "first"
      | /aggregateId | {autumn} |
    And "auth.access.granted" is published as "second"
      | /aggregateId | {autumn} |
    And stub "mail" answers 422 1 time
      | /event_id | {first.id} |
    And stub "mail" answers 503 4 times
      | /event_id | {second.id} |
    And service "notification-service" goes on
    Then "first" is dead-lettered within 20s
    And service "notification-service" handles "second" exactly once
    And stub "mail" is called for "first" exactly 1 time, watched for 1s

  Scenario: an upload ends in an e-mail, and an invitation too
    When photographer "photographer-1" uploads photo "sunset" of 1000 bytes to project "autumn"
    Then view "mails" shows "{autumn}" within 8s
    When photographer "photographer-1" invites a client to project "winter" as "invite"
    Then view "mails" shows "{winter}" within 8s
