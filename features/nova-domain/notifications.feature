Feature: Eight types of events notify somebody

  Background:
    Given the system is running

  Scenario: who registers is welcomed by e-mail
    When action "register" is done as "ann"
      | email | {mail}@example.org |
      | name  | {name}             |
    Then "user.created" follows within 5s
    And view "noted by notification-service" shows "user.created" within 5s
      | subject | {ann.user} |
    And stub "mail" is called for "ann" exactly 1 time, watched for 500ms
    # Who is followed is told by push, so push messages go out.
    When action "follow" is done as "follow"
      | user | {bob}      |
      | whom | {ann.user} |
    Then stub "push" is called for "follow" exactly 1 time, watched for 500ms
    And stub "push" is called for "ann" exactly 0 times, watched for 500ms

  Scenario: followers hear of a post, by push and e-mail
    Given user "bob" follows user "ann"
    And user "cem" follows user "ann"
    When user "ann" posts "good news" as "post"
    Then view "noted by notification-service" shows "post.created" within 5s
      | subject | {post.post} |
    And stub "push" is called for "post" exactly 2 times, watched for 500ms
    And stub "mail" is called for "post" exactly 2 times, watched for 500ms
    And view "sent by push" shows "{bob}" within 5s
    And view "sent by push" shows "{cem}" within 5s

  # The post that notifies shows that a notification would have been seen.
  Scenario: nobody hears of drafts and private posts
    Given user "bob" follows user "ann"
    When user "ann" keeps "not yet" as a "draft" "public" post "draft"
    Then group "notification-service" has processed it within 5s
    When user "ann" keeps "for nobody" as a "published" "private" post "diary"
    Then group "notification-service" has processed it within 5s
    When user "ann" posts "for all" as "post"
    Then stub "push" is called for "post" exactly 1 time, watched for 500ms
    And stub "push" is called for "draft" exactly 0 times, watched for 500ms
    And stub "push" is called for "diary" exactly 0 times, watched for 500ms
    And stub "mail" is called for "post" exactly 1 time, watched for 500ms
    And stub "mail" is called for "draft" exactly 0 times, watched for 500ms
    And stub "mail" is called for "diary" exactly 0 times, watched for 500ms

  Scenario: likes and comments notify the author
    When user "ann" posts "what do you think" as "post"
    Then group "notification-service" has processed it within 5s
    When action "like post" is done as "like"
      | post | {post.post} |
      | user | {bob}       |
    Then stub "push" is called for "like" exactly 1 time, watched for 500ms
    And stub "mail" is called for "like" exactly 1 time, watched for 500ms
    When action "comment" is done as "comment"
      | post  | {post.post} |
      | user  | {bob}       |
      | words | well said   |
    Then stub "push" is called for "comment" exactly 1 time, watched for 500ms
    And stub "mail" is called for "comment" exactly 1 time, watched for 500ms

  Scenario: a like that is seen before its post notifies the author once the post is known
    When "post.liked" is published as "like"
    Then group "notification-service" has processed it within 5s
    When "post.created" is published as "post"
      | /data/post_id   | {like.data.post_id} |
      | /data/author_id | {ann}               |
      | /data/status    | draft               |
    Then stub "push" is called for "like" exactly 1 time, watched for 500ms
    And view "sent by push" shows "{ann}" within 5s

  Scenario: messages notify the others in the conversation
    Given user "ann" has a conversation with "bob" as "talk"
    When user "ann" writes "hello" in "talk" as "message"
    Then stub "push" is called for "message" exactly 1 time, watched for 500ms
    And stub "mail" is called for "message" exactly 1 time, watched for 500ms
    And view "sent by push" shows "{bob}" within 5s

  Scenario: who is followed hears of it by push, once, and of the end of it never
    When "user.unfollowed" is published as "end"
    Then group "notification-service" has processed it within 5s
    When "user.followed" is published as "follow"
    And the same event is published again 3 times
    And the same event is published again once it was handled
    Then view "remembered by notification-service" shows "2592000" within 30s
      | event | {follow.id} |
    And service "notification-service" handles it exactly once
    And stub "push" is called for "follow" exactly 1 time, watched for 500ms
    And stub "push" is called for "end" exactly 0 times, watched for 500ms
    When "video.processing_complete" is published as "ready"
    Then stub "mail" is called for "ready" exactly 1 time, watched for 500ms
    And stub "mail" is called for "follow" exactly 0 times, watched for 500ms
    And stub "mail" is called for "end" exactly 0 times, watched for 500ms

  Scenario: followers hear of a stream by push, owners of a video that is ready by e-mail
    Given user "bob" follows user "ann"
    When action "start stream" is done as "live"
      | user | {ann} |
    Then stub "push" is called for "live" exactly 1 time, watched for 500ms
    When action "upload video" is done as "clip"
      | user | {ann} |
    Then group "notification-service" has processed it within 5s
    When action "complete processing" is done as "ready"
      | video | {clip.video} |
      | user  | {ann}        |
    Then stub "mail" is called for "ready" exactly 1 time, watched for 500ms
    And stub "mail" is called for "clip" exactly 0 times, watched for 500ms
    And stub "mail" is called for "live" exactly 0 times, watched for 500ms
    When "user.followed" is published as "follow"
    Then stub "push" is called for "follow" exactly 1 time, watched for 500ms
    And stub "push" is called for "clip" exactly 0 times, watched for 500ms
    And stub "push" is called for "ready" exactly 0 times, watched for 500ms

  Scenario: what fails twice is sent with the third attempt
    Given stub "mail" answers 503 2 times
      | /to | {ann} |
    When "user.created" is published as "new"
      | /data/user_id | {ann} |
    Then view "noted by notification-service" shows "user.created" within 5s
      | subject | {ann} |
    And it is tried 3 times at stub "mail", with the backoff that the contract declares

  Scenario: what fails three times is dead-lettered and logged
    Given stub "push" answers 503 5 times
      | /to | {ann} |
    When "user.followed" is published as "follow"
      | /data/followee_id | {ann} |
    Then service "notification-service" logs "event_id={follow.id}: not sent after 3 attempts" within 5s
    And it is tried 3 times at stub "push", with the backoff that the contract declares
    And it is dead-lettered within 5s
    When "user.verified" is published as "other"
    Then view "noted by notification-service" shows "user.verified" within 5s
      | subject | {other.data.user_id} |

  # Through the services, so that each of them has held it. Every event is on the topic of the Protobuf form as well.
  Scenario: e-mail addresses, devices and messages are in no log and on no other topic
    When action "register" is done as "ann"
      | email | {secret}@example.org |
      | name  | {name}               |
    Then group "notification-service" has processed it within 5s
    When action "log in" is done
      | user    | {ann.user}     |
      | address | from {secret}  |
      | agent   | with {secret}  |
      | city    | near {secret}  |
    Then view "noted by security-service" shows "user.login" within 5s
      | subject | {ann.user} |
    Given user "bob" has a conversation with "cem" as "talk"
    When user "bob" writes "{secret}" in "talk" as "message"
    Then search for "{secret}" finds "{message.message}" within 5s
    And stub "mail" is called for "message" exactly 1 time, watched for 500ms
    And "{secret}" is in no log and on no topic
      | except | nova.user.created  |
      | except | nova.user.login    |
      | except | nova.message.sent  |
      | except | nova.domain-events |

  Scenario: what is handled is measured
    When "user.verified" is published as "verified"
    Then view "noted by notification-service" shows "user.verified" within 5s
      | subject | {verified.data.user_id} |
    And metric "events_handled_total" of service "notification-service" is shown within 2s
      | event_type | user.verified |
    And metric "events_failed_total" of service "notification-service" is shown within 2s
    And metric "event_processing_duration_seconds_bucket" of service "notification-service" is shown within 2s
      | le | 5 |
    And metric "kafka_consumer_lag" of service "notification-service" is shown within 5s
      | topic | nova.user.verified |

  # user.verified, user.password_changed, user.unfollowed and video.uploaded have scenarios of their own.
  Scenario Outline: the Notification Service takes <event>, which tells nobody
    When "<event>" is published
      | /data/<field> | {key} |
    Then view "noted by notification-service" shows "<event>" within 5s
      | subject | {key} |

    Examples:
      | event                     | field           |
      | user.updated              | user_id         |
      | user.deleted              | user_id         |
      | user.login                | user_id         |
      | user.failed_login         | user_id         |
      | user.blocked              | blocker_id      |
      | user.unblocked            | blocker_id      |
      | message.edited            | message_id      |
      | message.deleted           | message_id      |
      | message.read              | message_id      |
      | conversation.created      | conversation_id |
      | conversation.member_added | conversation_id |
      | post.updated              | post_id         |
      | post.deleted              | post_id         |
      | post.unliked              | post_id         |
      | post.shared               | post_id         |
      | comment.deleted           | comment_id      |
      | video.processing_started  | video_id        |
      | video.published           | video_id        |
      | video.viewed              | video_id        |
      | stream.ended              | stream_id       |
      | stream.viewer_joined      | stream_id       |
      | stream.viewer_left        | stream_id       |
      | media.uploaded            | media_id        |
      | media.processing_complete | media_id        |
      | media.deleted             | media_id        |
      | service.call              | caller_service  |
      | cache.hit                 | service         |
