Feature: The feed shows what those whom a user follows have posted

  Background:
    Given the system is running

  Scenario: a post reaches the followers' feed within 5s
    Given user "bob" follows user "ann"
    When user "ann" posts "good news" as "post"
    Then "post.created" follows within 5s
    And the feed of "bob" shows "{post.post}" within 5s
    And group "feed-service" has processed it within 5s

  Scenario: shares, videos and streams reach the feed
    Given user "bob" follows user "ann"
    When user "cem" posts "to be shared" as "post"
    And action "share post" is done as "share"
      | post | {post.post} |
      | user | {ann}       |
    Then the feed of "bob" shows "{share.share}" within 5s
    When action "upload video" is done as "clip"
      | user | {ann} |
    And action "publish video" is done
      | video | {clip.video} |
      | user  | {ann}        |
      | title | {words}      |
    Then the feed of "bob" shows "{clip.video}" within 5s
    And search for "{words}" finds "{clip.video}" within 5s
    When action "start stream" is done as "live"
      | user | {ann} |
    Then the feed of "bob" shows "{live.stream}" within 5s

  # The post that is seen afterwards shows that the feed was alive all the time.
  Scenario: drafts and private posts reach no feed and no search
    Given user "bob" follows user "ann"
    When user "ann" keeps "{hidden}" as a "draft" "public" post "draft"
    Then group "feed-service" has processed it within 5s
    And group "search-service" has processed it within 5s
    When user "ann" keeps "{hidden}" as a "published" "private" post "diary"
    Then group "feed-service" has processed it within 5s
    And group "search-service" has processed it within 5s
    And the feed of "bob" keeps not showing "{draft.post}" for 500ms
    And the feed of "bob" keeps not showing "{diary.post}" for 500ms
    And search for "{hidden}" keeps not finding "{draft.post}" for 500ms
    And search for "{hidden}" keeps not finding "{diary.post}" for 500ms
    When user "ann" posts "{hidden}" as "post"
    Then the feed of "bob" shows "{post.post}" within 5s
    And search for "{hidden}" finds "{post.post}" within 5s

  Scenario: what is for friends reaches the followers' feed and no search
    Given user "bob" follows user "ann"
    When user "ann" keeps "{close}" as a "published" "friends" post "post"
    Then the feed of "bob" shows "{post.post}" within 5s
    And group "search-service" has processed it within 5s
    And search for "{close}" keeps not finding "{post.post}" for 500ms

  Scenario: a post that is deleted before its creation is consumed never appears
    Given user "bob" follows user "ann"
    When "post.deleted" is published as "gone"
      | /data/author_id | {ann} |
    Then group "feed-service" has processed it within 5s
    And group "search-service" has processed it within 5s
    When "post.created" is published as "late"
      | /data/post_id   | {gone.data.post_id} |
      | /data/author_id | {ann}               |
      | /data/title     | {words}             |
      | /data/status    | published           |
      | /data/privacy   | public              |
    Then group "feed-service" has processed it within 5s
    And group "search-service" has processed it within 5s
    And the feed of "bob" keeps not showing "{gone.data.post_id}" for 500ms
    And search for "{words}" keeps not finding "{gone.data.post_id}" for 500ms
    When "post.created" is published as "other"
      | /data/author_id | {ann}     |
      | /data/title     | {words}   |
      | /data/status    | published |
      | /data/privacy   | public    |
    Then the feed of "bob" shows "{other.data.post_id}" within 5s
    And search for "{words}" finds "{other.data.post_id}" within 5s

  Scenario: a change that is consumed before the creation counts
    Given user "bob" follows user "ann"
    When "post.updated" is published as "change"
      | /data/author_id          | {ann}     |
      | /data/new_values/status  | published |
      | /data/new_values/privacy | public    |
      | /data/new_values/title   | {better}  |
    Then group "feed-service" has processed it within 5s
    And group "search-service" has processed it within 5s
    When "post.created" is published as "post"
      | /data/post_id   | {change.data.post_id} |
      | /data/author_id | {ann}                 |
      | /data/status    | draft                 |
      | /data/privacy   | public                |
    Then the feed of "bob" shows "{post.data.post_id}" within 5s
    And search for "{better}" finds "{post.data.post_id}" within 5s

  Scenario: a draft appears once it is published, and goes when it is deleted
    Given user "bob" follows user "ann"
    When user "ann" keeps "ripening" as a "draft" "public" post "post"
    And action "publish draft" is done
      | post | {post.post} |
      | user | {ann}       |
    Then the feed of "bob" shows "{post.post}" within 5s
    When action "delete post" is done
      | post | {post.post} |
      | user | {ann}       |
    Then the feed of "bob" no longer shows "{post.post}" within 5s

  Scenario: nobody sees whom they no longer follow
    Given user "bob" follows user "ann"
    When user "ann" posts "still here" as "post"
    Then the feed of "bob" shows "{post.post}" within 5s
    When action "unfollow" is done
      | user | {bob} |
      | whom | {ann} |
    Then the feed of "bob" no longer shows "{post.post}" within 5s

  Scenario: who is blocked sees nothing until unblocked
    Given user "bob" follows user "ann"
    When user "ann" posts "for some" as "post"
    Then the feed of "bob" shows "{post.post}" within 5s
    When action "block" is done
      | user | {ann} |
      | whom | {bob} |
    Then the feed of "bob" no longer shows "{post.post}" within 5s
    When action "unblock" is done
      | user | {ann} |
      | whom | {bob} |
    Then the feed of "bob" shows "{post.post}" within 5s
