Feature: Every service tells what it did

  Background:
    Given the system is running

  Scenario: auth-service tells seven events
    When action "register" is done as "ann"
      | email | {mail}@example.org |
      | name  | {name}             |
    Then "user.created" follows within 5s
    When action "change profile" is done
      | user | {ann.user} |
      | old  | {name}     |
      | new  | {renamed}  |
    Then "user.updated" follows within 5s
    And view "noted by messaging-service" shows "user.updated" within 5s
      | subject | {ann.user} |
    And view "noted by feed-service" shows "user.updated" within 5s
      | subject | {ann.user} |
    When action "verify" is done
      | user | {ann.user} |
    Then "user.verified" follows within 5s
    When action "log in" is done
      | user    | {ann.user}  |
      | address | 203.0.113.7 |
      | agent   | Mozilla/5.0 |
      | city    | SF          |
    Then "user.login" follows within 5s
    And view "noted by security-service" shows "user.login" within 5s
      | subject | {ann.user} |
    And view "noted by analytics-service" shows "user.login" within 5s
      | subject | {ann.user} |
    When action "fail to log in" is done
      | user | {ann.user} |
    Then "user.failed_login" follows within 5s
    And view "noted by rate-limiter" shows "user.failed_login" within 5s
      | subject | {ann.user} |
    And view "noted by security-service" shows "user.failed_login" within 5s
      | subject | {ann.user} |
    When action "change password" is done
      | user | {ann.user} |
    Then "user.password_changed" follows within 5s
    And view "noted by security-service" shows "user.password_changed" within 5s
      | subject | {ann.user} |
    And view "noted by notification-service" shows "user.password_changed" within 5s
      | subject | {ann.user} |
    When action "delete account" is done
      | user | {ann.user} |
    Then "user.deleted" follows within 5s

  Scenario: a failed log-in of an unknown user has no key
    When action "fail to log in as nobody" is done
    Then "user.failed_login" follows within 5s

  Scenario: user-service tells four events
    When action "follow" is done
      | user | {bob} |
      | whom | {ann} |
    Then "user.followed" follows within 5s
    When action "unfollow" is done
      | user | {bob} |
      | whom | {ann} |
    Then "user.unfollowed" follows within 5s
    When action "block" is done
      | user | {ann} |
      | whom | {bob} |
    Then "user.blocked" follows within 5s
    When action "unblock" is done
      | user | {ann} |
      | whom | {bob} |
    Then "user.unblocked" follows within 5s

  Scenario: messaging-service tells six events, keyed by the conversation
    When user "ann" has a conversation with "bob" as "talk"
    Then "conversation.created" follows within 5s
    When action "add member" is done
      | user         | {ann}               |
      | whom         | {cem}               |
      | conversation | {talk.conversation} |
    Then "conversation.member_added" follows within 5s
    When user "ann" writes "hello" in "talk" as "first"
    Then "message.sent" follows within 5s
    When action "edit message" is done
      | conversation | {talk.conversation} |
      | message      | {first.message}     |
      | old          | hello               |
      | new          | hello all           |
    Then "message.edited" follows within 5s
    When action "read message" is done
      | user         | {bob}               |
      | conversation | {talk.conversation} |
      | message      | {first.message}     |
    Then "message.read" follows within 5s
    When action "delete message" is done
      | user         | {ann}               |
      | conversation | {talk.conversation} |
      | message      | {first.message}     |
    Then "message.deleted" follows within 5s

  Scenario: content-service tells eight events, comments keyed by their post
    When user "ann" posts "a title" as "post"
    Then "post.created" follows within 5s
    When action "edit post" is done
      | post  | {post.post} |
      | user  | {ann}       |
      | title | another     |
    Then "post.updated" follows within 5s
    When action "like post" is done
      | post | {post.post} |
      | user | {bob}       |
    Then "post.liked" follows within 5s
    When action "unlike post" is done
      | post | {post.post} |
      | user | {bob}       |
    Then "post.unliked" follows within 5s
    When action "comment" is done as "comment"
      | post  | {post.post} |
      | user  | {bob}       |
      | words | well said   |
    Then "comment.created" follows within 5s
    When action "delete comment" is done
      | post    | {post.post}       |
      | comment | {comment.comment} |
    Then "comment.deleted" follows within 5s
    When action "share post" is done
      | post | {post.post} |
      | user | {bob}       |
    Then "post.shared" follows within 5s
    When action "delete post" is done
      | post | {post.post} |
      | user | {ann}       |
    Then "post.deleted" follows within 5s

  Scenario: video-service tells five events
    When action "upload video" is done as "clip"
      | user | {ann} |
    Then "video.uploaded" follows within 5s
    When action "start processing" is done
      | video | {clip.video} |
      | user  | {ann}        |
    Then "video.processing_started" follows within 5s
    When action "complete processing" is done
      | video | {clip.video} |
      | user  | {ann}        |
    Then "video.processing_complete" follows within 5s
    And view "noted by feed-service" shows "video.processing_complete" within 5s
      | subject | {clip.video} |
    When action "publish video" is done
      | video | {clip.video} |
      | user  | {ann}        |
      | title | a clip       |
    Then "video.published" follows within 5s
    When action "view video" is done
      | video | {clip.video} |
      | user  | {bob}        |
    Then "video.viewed" follows within 5s
    And view "noted by video-service" shows "video.viewed" within 5s
      | subject | {clip.video} |
    And view "noted by analytics-service" shows "video.viewed" within 5s
      | subject | {clip.video} |

  Scenario: streaming-service tells four events
    When action "start stream" is done as "live"
      | user | {ann} |
    Then "stream.started" follows within 5s
    When action "join stream" is done
      | stream | {live.stream} |
      | user   | {bob}         |
    Then "stream.viewer_joined" follows within 5s
    When action "leave stream" is done
      | stream | {live.stream} |
      | user   | {bob}         |
    Then "stream.viewer_left" follows within 5s
    When action "end stream" is done
      | stream | {live.stream} |
      | user   | {ann}         |
    Then "stream.ended" follows within 5s
    And view "noted by analytics-service" shows "stream.ended" within 5s
      | subject | {live.stream} |

  Scenario: media-service tells three events, and the CDN and content-service note them
    When action "upload media" is done as "image"
      | user | {ann} |
    Then "media.uploaded" follows within 5s
    And view "noted by cdn-service" shows "media.uploaded" within 5s
      | subject | {image.media} |
    And view "noted by content-service" shows "media.uploaded" within 5s
      | subject | {image.media} |
    When action "process media" is done
      | media | {image.media} |
    Then "media.processing_complete" follows within 5s
    And view "noted by content-service" shows "media.processing_complete" within 5s
      | subject | {image.media} |
    And view "noted by cdn-service" shows "media.processing_complete" within 5s
      | subject | {image.media} |
    When action "delete media" is done
      | media | {image.media} |
      | user  | {ann}         |
    Then "media.deleted" follows within 5s
    And view "noted by cdn-service" shows "media.deleted" within 5s
      | subject | {image.media} |

  Scenario: analytics has the calls and the cache hits
    When action "call auth-service" is done
    Then "service.call" follows within 5s
    And view "noted by analytics-service" shows "service.call" within 5s
      | subject | content-service |
    When action "hit the cache" is done
    Then "cache.hit" follows within 5s
    And view "noted by analytics-service" shows "cache.hit" within 5s
      | subject | content-service |

  Scenario: an event is on its topic once
    When user "ann" posts "only once" as "post"
    Then "post.created" is on its topic only once, watched for 1s

  Scenario: every event is there in Protobuf too
    When user "ann" posts "in two forms" as "post"
    Then "post.created" follows within 5s
    And "DomainEvent" follows from it within 5s
    And the schemas are registered as the contract declares them

  Scenario: what one user does keeps its order
    When action "follow" is done
      | user | {bob} |
      | whom | {ann} |
    And action "follow" is done
      | user | {bob} |
      | whom | {cem} |
    And action "follow" is done
      | user | {bob} |
      | whom | {dea} |
    Then "user.followed" follows within 5s
    And the events of key "{bob}" keep their order on the topic
    And service "feed-service" handles the events of key "{bob}" in order

  Scenario: what is rolled back or refused is told by nobody
    When action "register" is done as "first"
      | email | first-{mail}@example.org |
      | name  | {taken}                  |
    Then "user.created" follows within 5s
    When action "register a name that is taken" is done
      | email | second-{mail}@example.org |
      | name  | {taken}                   |
    And action "like a post that is not there" is done
      | post | {nowhere} |
      | user | {ann}     |
    # What is in one batch of the outbox goes out together: the one after the next is surely behind it.
    And action "register" is done as "next"
      | email | next-{mail}@example.org |
      | name  | {free}                  |
    Then "user.created" follows within 5s
    When action "register" is done as "last"
      | email | last-{mail}@example.org |
      | name  | {free too}              |
    Then "user.created" follows within 5s
    And no "user.created" came before it
      | /data/username | {taken} |
      | /data/source   | mobile  |

  Scenario: the topics are as declared
    Then the topics are as the contract declares them
