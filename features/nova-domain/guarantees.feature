Feature: Guarantees of every subscriber

  Background:
    Given the system is running

  Scenario: a post that comes again has no second effect in the feed
    When "post.created" is published as "post"
    And the same event is published again 3 times
    And the same event is published again once it was handled
    # As long as events are on their topics: 30 days.
    Then view "remembered by feed-service" shows "2592000" within 30s
      | event | {post.id} |
    And service "feed-service" handles it exactly once

  Scenario: a post that comes again has no second effect in search
    When "post.created" is published as "post"
    And the same event is published again 3 times
    And the same event is published again once it was handled
    Then view "remembered by search-service" shows "2592000" within 30s
      | event | {post.id} |
    And service "search-service" handles it exactly once

  Scenario Outline: group <service> handles an event once however often it comes
    When "<event>" is published as "first"
      | <field> | {key} |
    And the same event is published again 2 times
    And the same event is published again once it was handled
    # As long as events are on their topics: 30 days.
    Then view "remembered by <service>" shows "2592000" within 30s
      | event | {first.id} |
    And service "<service>" handles it exactly once

    Examples:
      | service           | event                 | field                |
      | user-service      | user.created          | /data/user_id        |
      | messaging-service | user.updated          | /data/user_id        |
      | video-service     | video.viewed          | /data/video_id       |
      | analytics-service | stream.ended          | /data/stream_id      |
      | security-service  | user.password_changed | /data/user_id        |
      | rate-limiter      | user.failed_login     | /data/user_id        |
      | cdn-service       | media.uploaded        | /data/media_id       |

  Scenario: an account that is deleted again cleans up once
    When "user.deleted" is published as "end"
    And the same event is published again 2 times
    And the same event is published again once it was handled
    Then view "remembered by content-service" shows "2592000" within 30s
      | event | {end.id} |
    And service "content-service" handles it exactly once

  Scenario: a record without what it needs is dead-lettered and blocks nobody
    Given user "bob" follows user "ann"
    When an invalid "post.created" is published
      | rule            | required        |
      | place           | /data/author_id |
      | /data/post_id   | {post}          |
      | /data/author_id | {ann}           |
    Then it is dead-lettered within 5s
    # The same key, so it stands behind the other on its partition.
    When "post.created" is published as "behind"
      | /data/post_id   | {post}    |
      | /data/author_id | {ann}     |
      | /data/status    | published |
      | /data/privacy   | public    |
    Then the feed of "bob" shows "{post}" within 5s
    And stub "push" is called for "behind" exactly 1 time, watched for 500ms

  Scenario Outline: what <service> cannot read is dead-lettered by it
    When an invalid "<event>" is published
      | rule  | required  |
      | place | /metadata |
    Then it is dead-lettered by service "<service>" within 5s

    Examples:
      | service           | event                 |
      | feed-service      | stream.started        |
      | search-service    | comment.created       |
      | user-service      | user.created          |
      | messaging-service | user.unblocked        |
      | content-service   | media.uploaded        |
      | video-service     | video.viewed          |
      | analytics-service | cache.hit             |
      | security-service  | user.password_changed |
      | rate-limiter      | user.failed_login     |
      | cdn-service       | media.deleted         |
      | reader-v1         | user.created          |
      | reader-v2         | user.created          |
      | reader-v3         | user.created          |

  Scenario: what has no effect is checked all the same
    When an invalid "message.read" is published
      | rule  | required  |
      | place | /metadata |
    Then it is dead-lettered within 5s

  Scenario: a record of an unknown type is dead-lettered
    When an invalid "post.liked" is published
      | rule  | const       |
      | place | /event_type |
    Then it is dead-lettered within 5s

  Scenario: a record of an unknown version is dead-lettered
    When an invalid "user.followed" is published
      | rule  | enum     |
      | place | /version |
    Then it is dead-lettered within 5s

  # It was required in versions 1 and 2; version 3 removed it.
  Scenario: a user.created of version 1 without its source is dead-lettered
    When an invalid "user.created" is published
      | rule         | required     |
      | place        | /data/source |
      | /version     | 1            |
      | /data/source | web          |
    Then it is dead-lettered within 5s
    And it is dead-lettered by service "analytics-service" within 5s

  Scenario: three versions are read side by side
    When action "register" is done as "first"
      | email | first-{mail}@example.org |
      | name  | {first name}             |
    Then view "noted by analytics-service" shows "user.created" within 5s
      | subject | {first.user} |
    And view "noted by notification-service" shows "user.created" within 5s
      | subject | {first.user} |
    When "user.created" is published as "second"
      | /version     | 2   |
      | /data/locale | de  |
      | /data/source | web |
    Then view "noted by analytics-service" shows "user.created" within 5s
      | subject | {second.data.user_id} |
    And view "noted by notification-service" shows "user.created" within 5s
      | subject | {second.data.user_id} |
    When action "register with the next release" is done as "third"
      | email | third-{mail}@example.org |
      | name  | {third name}             |
    Then "user.created" follows within 5s
    And view "noted by analytics-service" shows "user.created" within 5s
      | subject | {third.user} |
    And view "noted by notification-service" shows "user.created" within 5s
      | subject | {third.user} |

  Scenario: a feed that is killed while it works loses nothing
    When 300 "post.created" events are published at 400/s in the background
    And service "feed-service" is killed after it handled 40 of them
    And service "feed-service" is started again
    Then group "feed-service" loses none of them within 20s

  Scenario: of two instances that share the partitions one is killed and nothing is lost
    When 300 "post.created" events are published at 200/s in the background
    And 500ms pass
    And service "feed-service-two" is killed
    Then group "feed-service" loses none of them within 20s
    And service "feed-service-two" is started again
