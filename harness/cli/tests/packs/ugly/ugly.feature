# What eventproof must say of each kind of consumer: a tag says which outcome, the test of this pack which words.
Feature: Ugly consumers

  Rule: it commits first

    @broken
    Scenario: commits first, and is killed with jobs in hand
      When 60 "commits-first.job" events are published at 60/s in the background
        | takes_ms | 100 |
      And service "commits-first" is killed after it handled 5 of them
      And service "commits-first" is started again
      Then group "commits-first" loses none of them within 15s

    @held
    Scenario: commits first, and a duplicate has no second effect
      When "commits-first.job" is published
      And the same event is published again 2 times
      Then service "commits-first" handles it exactly once

    @held
    Scenario: commits first, so it has read what it has not done
      When "commits-first.job" is published
        | takes_ms | 2500 |
      Then group "commits-first" has processed it within 2s

  Rule: it handles in parallel

    @broken
    Scenario: parallel, and a later job overtakes
      When "parallel.job" is published as "slow"
        | subject  | {one} |
        | takes_ms | 1500  |
      And "parallel.job" is published as "quick"
        | subject | {one} |
      Then service "parallel" handles the events of key "{one}" in order

    @held
    Scenario: parallel, and a duplicate has no second effect
      When "parallel.job" is published
        | takes_ms | 500 |
      And the same event is published again 2 times
      Then service "parallel" handles it exactly once

  Rule: it assigns partitions by hand

    @held
    Scenario: by hand, and its commits say what it has read
      When "by-hand.job" is published
      Then group "by-hand" has processed it within 5s

    @held
    Scenario: by hand, and a duplicate has no second effect
      When "by-hand.job" is published
      And the same event is published again 2 times
      Then service "by-hand" handles it exactly once

    @held
    Scenario: by hand, in order
      When "by-hand.job" is published as "slow"
        | subject  | {one} |
        | takes_ms | 500   |
      And "by-hand.job" is published as "quick"
        | subject | {one} |
      Then service "by-hand" handles the events of key "{one}" in order

    @held
    Scenario: by hand, killed and started again
      When 40 "by-hand.job" events are published at 60/s in the background
        | takes_ms | 20 |
      And service "by-hand" is killed after it handled 5 of them
      And service "by-hand" is started again
      Then group "by-hand" loses none of them within 15s

  Rule: it keeps its offsets elsewhere

    @cannot-tell
    Scenario: elsewhere, so nothing shows what it has read
      When "elsewhere.job" is published
      Then group "elsewhere" has processed it within 5s

    @held
    Scenario: elsewhere, and a sentinel shows that the duplicate was handled
      When "elsewhere.job" is published
      And the same event is published again 2 times
      Then service "elsewhere" handles it exactly once

    @held
    Scenario: elsewhere, killed and started again
      When 40 "elsewhere.job" events are published at 60/s in the background
        | takes_ms | 20 |
      And service "elsewhere" is killed after it handled 5 of them
      And service "elsewhere" is started again
      Then group "elsewhere" loses none of them within 15s

  Rule: it begins at the end

    @cannot-tell
    Scenario: latest, and nothing shows that the duplicate was handled
      When "latest.job" is published
      And the same event is published again 2 times
      Then service "latest" handles it exactly once

    @held
    Scenario: latest, in order while it runs
      When "latest.job" is published as "slow"
        | subject  | {one} |
        | takes_ms | 500   |
      And "latest.job" is published as "quick"
        | subject | {one} |
      Then service "latest" handles the events of key "{one}" in order

    @broken
    Scenario: latest, and what came while it was gone is skipped
      When service "latest" is killed
      And 10 "latest.job" events are published at 100/s in the background
      And 1s pass
      And service "latest" is started again
      Then group "latest" loses none of them within 15s
