Feature: Search finds what may be found

  Background:
    Given the system is running

  Scenario: posts, comments and people are found by their words
    When user "ann" posts "{first}" as "post"
    Then search for "{first}" finds "{post.post}" within 5s
    When action "comment" is done as "comment"
      | post  | {post.post} |
      | user  | {bob}       |
      | words | {second}    |
    Then search for "{second}" finds "{comment.comment}" within 5s
    When action "delete comment" is done
      | post    | {post.post}       |
      | comment | {comment.comment} |
    Then view "found" no longer shows "{comment.comment}" within 5s
      | words | {second} |
    When action "register" is done as "cem"
      | email | {cem}@example.org |
      | name  | {old name}        |
    And action "change profile" is done
      | user | {cem.user} |
      | old  | {old name} |
      | new  | {new name} |
    Then search for "{new name}" finds "{cem.user}" within 5s

  Scenario: messages are found until they are edited or deleted
    Given user "ann" has a conversation with "bob" as "talk"
    When user "ann" writes "{first}" in "talk" as "message"
    Then search for "{first}" finds "{message.message}" within 5s
    When action "edit message" is done
      | conversation | {talk.conversation} |
      | message      | {message.message}   |
      | old          | {first}             |
      | new          | {second}            |
    Then search for "{second}" finds "{message.message}" within 5s
    And search for "{first}" keeps not finding "{message.message}" for 500ms
    When action "delete message" is done
      | user         | {ann}               |
      | conversation | {talk.conversation} |
      | message      | {message.message}   |
    Then view "found" no longer shows "{message.message}" within 5s
      | words | {second} |

  # The message that is seen afterwards shows that search was alive all the time.
  Scenario: what is encrypted is not found
    Given user "ann" has a conversation with "bob" as "talk"
    When action "send encrypted message" is done as "secret"
      | user         | {ann}               |
      | conversation | {talk.conversation} |
      | words        | {words}             |
    Then group "search-service" has processed it within 5s
    And search for "{words}" keeps not finding "{secret.message}" for 500ms
    When user "ann" writes "{words}" in "talk" as "open"
    Then search for "{words}" finds "{open.message}" within 5s
