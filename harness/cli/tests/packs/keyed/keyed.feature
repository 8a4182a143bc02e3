Feature: Without event ids

  Scenario: an event is known by its key
    When "MeterRead" is published as "reading"
    Then "MeterRead" follows within 5s

  Scenario: an event without anything is known by nothing
    When "Note" is published
    Then "Note" follows within 5s

  Scenario: many without an id cannot be told apart
    When 10 "MeterRead" events are published at 100/s in the background
