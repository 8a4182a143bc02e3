Feature: A database that fails

  The content-service of nova-bus keeps posts and its outbox in PostgreSQL, a store of system.yaml; the test lays this file into a copy of that pack.

  Background:
    Given the system is running

  Scenario: while the database is down posts are refused, and none that was taken is lost
    When user "alice" creates a post as "before"
    And store "posts-db" is down
    And action "create post in vain" is done
    And store "posts-db" is up again
    Then "content.post.created" follows within 30s
    When user "alice" creates a post as "after"
    Then "content.post.created" follows within 30s

  Scenario: a slow database makes every post slow
    Given store "posts-db" answers 200ms late
    When user "carl" creates a post as "post"
    And store "posts-db" is up again
    Then "content.post.created" follows within 30s

  Scenario: connections that are broken off are made again
    Given store "posts-db" breaks off 2 connections
    # The outbox asks again and again.
    And 2s pass
    And store "posts-db" is up again
    When user "emil" creates a post as "post"
    Then "content.post.created" follows within 30s

  Scenario: a post cannot be taken while the database is down
    Given store "posts-db" is down
    When user "finn" creates a post as "post"
