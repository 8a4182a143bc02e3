Feature: Orders

  Scenario: what a customer ordered is what it costs
    When 3 orders of "ann" are placed at 20 each
    And the same event is published again 2 times
    Then the orders of "ann" cost 60 within 5s

  Scenario: two customers do not pay for each other
    When 1 orders of "ann" are placed at 20 each
    And 2 orders of "bob" are placed at 7 each
    Then the orders of "bob" cost 14 within 5s

  Scenario: a phrase may be made of own sentences
    When "ann" fills a basket
