Feature: Feed

  Background:
    Given the system is running

  Scenario: post.created reaches feed within 5s
    Given user "bob" follows user "alice"
    When user "alice" creates a post as "post"
    Then "content.post.created" follows within 6s
    And the feed of "bob" shows post "post" within 5s
    And group "feed-service-group" has processed it

  Scenario: a duplicate event_id is ignored
    Given user "bob" follows user "alice"
    When the post event of "alice" is published as "post"
    And the same event is published again 3 times
    And the same event is published again once it was handled
    Then service "feed-service" handles it exactly once
    And the feed of "bob" shows post "post" within 5s
