# What disturbs a service or the broker runs alone, so it stands at the end.
Feature: When something fails

  Background:
    Given the system is running

  Scenario: a history outlives the service that keeps it
    When "auth.access.granted" is published as "grant"
    Then view "history" shows "auth.access.granted" within 5s
      | project | {grant.aggregateId} |
    When service "analytics-service" is stopped
    And service "analytics-service" is started again
    And "file.media.uploaded" is published
      | /aggregateId | {grant.aggregateId} |
    Then view "history" shows "auth.access.granted" within 5s
      | project | {grant.aggregateId} |

  Scenario: of two instances that share the topics one is killed and nothing is lost
    When 300 "file.media.processed" events are published at 200/s in the background
    And 500ms pass
    And service "analytics-service-two" is killed
    Then group "analytics-service" loses none of them within 20s
    And service "analytics-service-two" is started again

  Scenario: a service that is killed while it works loses nothing
    When 300 "file.media.processed" events are published at 400/s in the background
    And service "notification-service" is killed after it handled 40 of them
    And service "notification-service" is started again
    Then group "notification-service" loses none of them within 20s

  Scenario: who watches is told that the mail service is away, and not before
    When "file.media.processed" is published
    Then stub "mail" is called for it exactly 1 time, watched for 500ms
    And alert "mail is away" does not fire, watched for 1500ms
    Given stub "mail" answers 503 7 times
      | /project_id | {autumn} |
    When "file.media.processed" is published
      | /aggregateId | {autumn} |
    Then alert "mail is away" fires within 8s
    And stub "mail" is called for it exactly 8 times, watched for 500ms

  Scenario: who watches is told of a service that falls behind, and not before
    When "file.media.deletion-requested" is published
    Then "file.media.deleted" follows from it within 5s
    And alert "consumer lag" does not fire, watched for 1500ms
    Given service "file-service" is stopped
    When 1200 "file.media.deletion-requested" events are published at 3000/s in the background
    Then alert "consumer lag" fires within 20s
    When service "file-service" is started again
    Then group "file-service" loses none of them within 30s

  @needs:broker-faults
  Scenario: a page view never waits, may be lost, and then is counted
    Given the broker answers "Produce" requests with "NOT_LEADER_OR_FOLLOWER"
      | client | user-service-views |
    When action "view page" is done
      | project | {autumn} |
    Then metric "page_views_lost_total" of service "user-service" is shown within 8s
      | reason | not_acknowledged |
    When the broker is healthy again
    And action "view page" is done
      | project | {winter} |
    Then "analytics.page.viewed" follows within 8s

  @needs:broker-faults
  Scenario: a photo is published once its event is, also after a crash in between
    Given the broker answers "Produce" requests with "NOT_LEADER_OR_FOLLOWER"
      | client | file-service |
    When photographer "photographer-1" uploads photo "sunset" of 1000 bytes to project "autumn"
    Then view "media" keeps not showing "published" for 1s
      | media | {sunset.media} |
    When service "file-service" is killed
    And the broker is healthy again
    And service "file-service" is started again
    Then "file.media.uploaded" follows within 20s
    And photo "sunset" is known as "published" within 10s

  @needs:broker-faults
  Scenario: a crash between publishing and marking leaves nothing open and doubles nothing
    Given the broker loses the acknowledgement of 10000 requests
      | client | file-service |
    When photographer "photographer-1" uploads photo "sunset" of 1000 bytes to project "autumn"
    Then "file.media.uploaded" follows within 10s
    And view "media" keeps not showing "published" for 1s
      | media | {sunset.media} |
    When service "file-service" is killed
    And the broker is healthy again
    And service "file-service" is started again
    Then photo "sunset" is known as "published" within 20s
    And service "analytics-service" handles it exactly once

  @needs:broker-faults
  Scenario: an acknowledgement that is lost undoes no upload
    Given the broker loses the acknowledgement of 1 request
      | client | file-service |
    When photographer "photographer-1" uploads photo "sunset" of 1000 bytes to project "autumn"
    Then "file.media.uploaded" follows within 10s
    And photo "sunset" is known as "published" within 10s
