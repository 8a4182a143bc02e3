Feature: Readers of three versions side by side

  Three releases of one reader, each in a group of its own. Version 2 added `locale`, version 3 removed `source`, which was deprecated before:
  a release leaves what it does not know, and has a default for what is missing.

  Background:
    Given the system is running

  # The first and the third are written by two releases of the auth-service, the second as a release in between would.
  Scenario Outline: <reader> reads a record of each version once, by what it knows of it
    When action "register" is done as "first"
      | email | first-{mail}@example.org |
      | name  | {first name}             |
    And "user.created" is published as "second"
      | /version     | 2      |
      | /data/source | mobile |
      | /data/locale | de     |
    And "second" is published again 2 times
    And action "register with the next release in another language" is done as "third"
      | email  | third-{mail}@example.org |
      | name   | {third name}             |
      | locale | fr                       |
    Then view "read by <reader>" shows "<of version 1>" within 5s
      | user | {first.user} |
    And view "read by <reader>" shows "<of version 2>" within 5s
      | user | {second.data.user_id} |
    And view "read by <reader>" shows "<of version 3>" within 5s
      | user | {third.user} |
    And view "remembered by <reader>" shows "2592000" within 30s
      | event | {second.id} |
    And service "<reader>" handles "first" exactly once
    And service "<reader>" handles "second" exactly once
    And service "<reader>" handles "third" exactly once

    Examples:
      | reader    | of version 1         | of version 2            | of version 3             |
      | reader-v1 | source=web           | source=mobile           | source=unknown           |
      | reader-v2 | source=web locale=en | source=mobile locale=de | source=unknown locale=fr |
      | reader-v3 | locale=en            | locale=de               | locale=fr                |
