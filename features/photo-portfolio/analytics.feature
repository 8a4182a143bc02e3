Feature: History and insights

  Background:
    Given the system is running

  Scenario: a project's history is rebuilt from its events
    When photographer "photographer-1" creates project "autumn"
    And action "upload" is done as "sunset"
      | project      | {autumn.project} |
      | file         | DSC_0042.NEF     |
      | size         | 1000             |
      | photographer | photographer-1   |
      | request      | {upload}         |
    And action "download" is done
      | media   | {sunset.media}   |
      | project | {autumn.project} |
    Then view "history" shows "project.project.created" within 5s
      | project | {autumn.project} |
    And view "history" shows "file.media.uploaded" within 5s
      | project | {autumn.project} |
    And view "history" shows "analytics.download.completed" within 5s
      | project | {autumn.project} |
    And view "facts" shows "photos: 1" within 5s
      | project | {autumn.project} |
    And view "facts" shows "downloads: 1" within 5s
      | project | {autumn.project} |
    And view "facts" shows "storage bytes: 1000" within 5s
      | project | {autumn.project} |

  Scenario: how soon a client looks is known, and how long photos took to be ready
    When "file.media.processed" is published
      | /aggregateId           | {autumn} |
      | /data/processingTimeMs | 60000    |
    Then view "facts" shows "processing ms: 60000" within 5s
      | project | {autumn} |
    When a link to project "autumn" is made as "link"
    And a client opens link "link"
    Then "auth.project.accessed" follows within 5s
    And view "known facts" shows "ms from link to first access" within 5s
      | project | {autumn} |

  Scenario: an event that comes again counts once
    When "file.media.uploaded" is published as "upload"
    And the same event is published again 3 times
    And the same event is published again once it was handled
    # A year, as long as analytics events are on their topics.
    Then view "remembered by analytics-service" shows "31536000" within 30s
      | event | {upload.id} |
    And service "analytics-service" handles it exactly once
    And view "facts" shows "photos: 1" within 5s
      | project | {upload.aggregateId} |

  Scenario Outline: <event> under its older name as well counts once
    When "<event>" is published as "new"
    And "<older name>" is published
      | /id          | {new.id}          |
      | /aggregateId | {new.aggregateId} |
    Then service "analytics-service" handles "new" exactly once

    Examples:
      | event                 | older name            |
      | analytics.page.viewed | analytics.page-viewed |
      | auth.project.accessed | auth.project-accessed |

  Scenario: wildcards take everything under a domain and nothing else
    When "file" is published
      | /aggregateId | {autumn} |
    And "profile.picture.changed" is published
      | /aggregateId | {autumn} |
    And "file.replay" is published
      | /aggregateId | {autumn} |
    And an invalid "auth.access.granted" is published
      | rule         | required         |
      | place        | /data/grantedBy  |
      | /aggregateId | {autumn}         |
    Then it is dead-lettered within 5s
    And it is dead-lettered by service "analytics-service" within 5s
    When an invalid "file.media.processed" is published
      | rule         | required      |
      | place        | /data/mediaId |
      | /aggregateId | {autumn}      |
    Then it is dead-lettered within 5s
    And it is dead-lettered by service "analytics-service" within 5s
    When "file.media.processed" is published
      | /aggregateId | {autumn} |
    Then the history of project "autumn" shows "file.media.processed" within 5s
    And view "topics read" shows "file.media.processed" within 5s
    And view "history" keeps not showing "profile.picture.changed" for 2s
      | project | {autumn} |
    # What would have come by now would be there at the first look.
    And view "topics read" keeps not showing "file" for 100ms
    And view "topics read" keeps not showing "profile.picture.changed" for 100ms
    # Its own dead letters as little as another's.
    And view "topics read" keeps not showing "file.analytics-service.dlq" for 100ms
    And view "topics read" keeps not showing "file.notification-service.dlq" for 100ms
    And view "topics read" keeps not showing "auth.analytics-service.dlq" for 100ms
    And view "topics read" keeps not showing "file.replay" for 100ms

  Scenario: a login that cannot be read keeps its key as a dead letter
    When an invalid "auth.user.logged-in" is published
      | rule  | required        |
      | place | /data/userAgent |
    Then it is dead-lettered within 5s

  Scenario: a topic that is created later is picked up
    When photographer "photographer-1" uploads photo "sunset" of 1000 bytes to project "autumn"
    And action "bring in a new kind" is done as "album"
      | kind    | {album} |
      | project | {autumn} |
    Then view "history by event" shows "{album.event}" within 15s
      | project | {autumn} |

  Scenario: a history is restored by a replay and nothing counts twice
    When "file.media.uploaded" is published as "upload"
      | /data/fileSizeBytes | 1000 |
    Then view "history" shows "file.media.uploaded" within 5s
      | project | {upload.aggregateId} |
    When 1s pass
    And "file.media.uploaded" is published as "late"
    Then view "history" shows "file.media.uploaded" within 5s
      | project | {late.aggregateId} |
    When action "damage history" is done
      | project | {upload.aggregateId} |
    And action "damage history" is done
      | project | {late.aggregateId} |
    # Nothing is as young as that, so nothing is read.
    And action "replay analytics" is done
      | time | 2099-01-01T00:00:00Z |
    Then view "history" keeps not showing "file.media.uploaded" for 500ms
      | project | {upload.aggregateId} |
    # What is older than the time stays as it is. Limits count from the later upload.
    When action "replay analytics" is done
      | time | {late.metadata.timestamp} |
    Then view "history" shows "file.media.uploaded" within 20s
      | project | {late.aggregateId} |
    And view "history" keeps not showing "file.media.uploaded" for 500ms
      | project | {upload.aggregateId} |
    When action "replay analytics" is done
      | time | 2020-01-01T00:00:00Z |
    Then view "history" shows "file.media.uploaded" within 20s
      | project | {upload.aggregateId} |
    When action "replay analytics" is done
      | time | 2020-01-01T00:00:00Z |
    Then view "facts" shows "photos: 1" within 20s
      | project | {upload.aggregateId} |

  Scenario: topics and retention are as declared
    Then the topics are as the contract declares them
