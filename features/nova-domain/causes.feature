Feature: Events cause others, and services clean up

  Background:
    Given the system is running

  Scenario: the posts of a deleted user are deleted, by a chain that can be followed
    When action "register" is done as "account"
      | email | {mail}@example.org |
      | name  | {name}             |
    And action "follow" is done
      | user | {bob}          |
      | whom | {account.user} |
    And action "create post" is done as "post"
      | user    | {account.user} |
      | title   | soon gone      |
      | status  | published      |
      | privacy | public         |
    Then the feed of "bob" shows "{post.post}" within 5s
    When action "delete account" is done as "end"
      | user | {account.user} |
    Then "user.deleted" follows within 5s
    And "post.deleted" follows from it within 5s
    And view "caused by, as the feed sees it" shows "post.deleted" within 5s
      | event | {end.event} |
    And the feed of "bob" no longer shows "{post.post}" within 5s

  Scenario: the messages of a deleted user are deleted
    When action "register" is done as "account"
      | email | {mail}@example.org |
      | name  | {name}             |
    And action "start conversation" is done as "talk"
      | user | {account.user} |
      | whom | {bob}          |
    And action "send message" is done as "message"
      | user         | {account.user}      |
      | words        | {words}             |
      | conversation | {talk.conversation} |
    Then search for "{words}" finds "{message.message}" within 5s
    When action "delete account" is done as "end"
      | user | {account.user} |
    Then "user.deleted" follows within 5s
    And "message.deleted" follows from it within 5s
    And view "caused by, as search sees it" shows "message.deleted" within 5s
      | event | {end.event} |

  Scenario: nobody follows a deleted user, nor is followed by one
    When action "register" is done as "account"
      | email | {mail}@example.org |
      | name  | {name}             |
    And action "follow" is done
      | user | {account.user} |
      | whom | {bob}          |
    And action "follow" is done
      | user | {bob}          |
      | whom | {account.user} |
    Then "user.followed" follows within 5s
    When action "delete account" is done as "end"
      | user | {account.user} |
    Then "user.deleted" follows within 5s
    And "user.unfollowed" follows from it within 5s
    # Both of them: what the deleted user followed, and who followed the deleted user.
    And view "caused for, as the feed sees it" shows "{account.user}" within 5s
      | event | {end.event} |
    And view "caused for, as the feed sees it" shows "{bob}" within 5s
      | event | {end.event} |

  Scenario: who is blocked cannot write until unblocked
    Given user "ann" has a conversation with "bob" as "talk"
    When action "block" is done
      | user | {ann} |
      | whom | {bob} |
    Then view "denied" shows "{ann}" within 5s
      | user | {bob} |
    When action "send message to who has blocked the sender" is done
      | user         | {bob}               |
      | conversation | {talk.conversation} |
      | words        | unheard             |
    And action "unblock" is done
      | user | {ann} |
      | whom | {bob} |
    Then view "denied" no longer shows "{ann}" within 5s
      | user | {bob} |
    When user "bob" writes "heard" in "talk" as "message"
    Then "message.sent" follows within 5s

  Scenario: user-service notes new users
    When "user.created" is published as "new"
    Then view "noted by user-service" shows "user.created" within 5s
      | subject | {new.data.user_id} |
