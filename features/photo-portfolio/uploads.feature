Feature: Photos

  Background:
    Given the system is running

  Scenario: what is uploaded is told, processed and announced
    When photographer "photographer-1" uploads photo "sunset" of 1000 bytes to project "autumn"
    Then "file.media.uploaded" follows within 5s
    And "file.media.processed" follows from it within 5s
    And photo "sunset" is known as "published" within 5s
    And photo "sunset" is known as "processed" within 5s
    And the history of project "autumn" shows "file.media.uploaded" within 5s
    And the history of project "autumn" shows "file.media.processed" within 5s
    And view "caused by" shows "file.media.processed" within 5s
      | event | {sunset.event} |

  Scenario: a photo that is to be deleted is deleted
    When photographer "photographer-1" uploads photo "sunset" of 1000 bytes to project "autumn"
    Then photo "sunset" is known as "processed" within 5s
    When action "ask for deletion" is done
      | media   | {sunset.media} |
      | project | {autumn}       |
    Then "file.media.deletion-requested" follows within 5s
    And "file.media.deleted" follows from it within 5s
    And photo "sunset" is known as "deleted" within 5s

  Scenario: a download is told
    When photographer "photographer-1" uploads photo "sunset" of 1000 bytes to project "autumn"
    And action "download" is done
      | media   | {sunset.media} |
      | project | {autumn}       |
    Then "analytics.download.completed" follows within 5s

  Scenario: older names are taken for their events
    When "file.uploaded" is published as "old"
    Then "file.media.processed" follows from it within 5s
    When "file.deletion-requested" is published as "older"
    Then "file.media.deleted" follows from it within 5s
    When "file.processed" is published
      | /aggregateId | {autumn} |
    Then view "mails" shows "{autumn}" within 5s
    When "auth.access-granted" is published
      | /aggregateId | {winter} |
    Then view "mails" shows "{winter}" within 5s
    When "auth.project-accessed" is published
      | /aggregateId | {autumn} |
    Then the history of project "autumn" shows "auth.project.accessed" within 5s
    When "analytics.page-viewed" is published
      | /aggregateId | {winter} |
    Then the history of project "winter" shows "analytics.page.viewed" within 5s

  Scenario: uploads to a project keep their order
    When photographer "photographer-1" uploads photo "first" of 1000 bytes to project "autumn"
    And photographer "photographer-1" uploads photo "second" of 2000 bytes to project "autumn"
    And photographer "photographer-1" uploads photo "third" of 3000 bytes to project "autumn"
    Then the events of key "{autumn}" keep their order on the topic
    And service "analytics-service" handles the events of key "{autumn}" in order

  Scenario: an uploaded photo that comes again is processed once
    When "file.media.uploaded" is published as "upload"
    And the same event is published again 3 times
    And the same event is published again once it was handled
    # 30 days, as long as business events are on their topics.
    Then view "remembered by file-service" shows "2592000" within 30s
      | event | {upload.id} |
    And service "file-service" handles it exactly once

  Scenario Outline: <event> under its older name as well is handled once
    When "<event>" is published as "new"
    And "<older name>" is published
      | /id          | {new.id}          |
      | /aggregateId | {new.aggregateId} |
    Then service "file-service" handles "new" exactly once

    Examples:
      | event                         | older name              |
      | file.media.uploaded           | file.uploaded           |
      | file.media.deletion-requested | file.deletion-requested |

  Scenario: an upload that cannot be read is dead-lettered and blocks nobody
    When an invalid "file.media.uploaded" is published as "broken"
      | rule         | required      |
      | place        | /data/mediaId |
      | /aggregateId | {autumn}      |
    Then it is dead-lettered by service "file-service" within 5s
    And it is dead-lettered by service "analytics-service" within 5s
    And view "dead letters of file-service" shows "waiting" within 5s
      | event | {broken.id} |
    And view "dead letters of analytics-service" shows "waiting" within 5s
      | event | {broken.id} |
    When "file.media.uploaded" is published as "good"
      | /aggregateId | {autumn} |
    Then "file.media.processed" follows from it within 5s

  Scenario: a version that is no text is against the schema
    When an invalid "file.media.uploaded" is published
      | rule  | type              |
      | place | /metadata/version |
    Then it is dead-lettered within 5s
