Feature: A store that fails

  What the feed-service of nova-bus keeps followers in is another service, which it reaches as a store of system.yaml; the test lays this file
  into a copy of that pack.

  Background:
    Given the system is running

  Scenario: while its store is down nothing is handled, and then all of it
    Given user "bob" follows user "alice"
    And store "graph" is down
    When the post event of "alice" is published as "post"
    Then the feed of "bob" keeps not showing post "post" for 1s
    When store "graph" is up again
    Then the feed of "bob" shows post "post" within 30s

  Scenario: what a store says late comes late
    Given user "dora" follows user "carl"
    And store "graph" answers 700ms late
    When the post event of "carl" is published as "post"
    Then the feed of "dora" shows post "post" within 30s
    When store "graph" is up again

  Scenario: connections that are broken off are made again
    Given user "erin" follows user "emil"
    And store "graph" breaks off 2 connections
    When the post event of "emil" is published as "post"
    Then the feed of "erin" shows post "post" within 30s
    When store "graph" is up again

  Scenario: an effect may not wait for the store for longer than its limit
    Given user "gina" follows user "finn"
    And store "graph" answers 1s late
    When the post event of "finn" is published as "post"
    Then the feed of "gina" shows post "post" within 500ms

  Scenario: a fault that nobody meets proves nothing
    Given store "graph" breaks off 1 connection
