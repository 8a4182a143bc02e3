@needs:broker-faults
Feature: When the broker does not answer

  Background:
    Given the system is running

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

  Scenario: an acknowledgement that is lost undoes no upload
    Given the broker loses the acknowledgement of 1 request
      | client | file-service |
    When photographer "photographer-1" uploads photo "sunset" of 1000 bytes to project "autumn"
    Then "file.media.uploaded" follows within 10s
    And photo "sunset" is known as "published" within 10s
