Feature: Schemas

  Scenario: the registry has every schema
    Then the schemas are registered as the contract declares them

  Scenario: records are framed with their schema's id
    When "OrderPlaced" is published
      | org_id | 539019926 |
    And "UserSeen" is published

  Scenario: a key without absolute hash has a partition
    Given a key of "OrderPlaced" that hashes to Integer.MIN_VALUE, called "org"
    When "OrderPlaced" is published
      | org_id | {org} |

  Scenario: a record against the contract is not held against the system
    When an invalid "UserSeen" is published
      | rule  | pattern  |
      | place | /user_id |
