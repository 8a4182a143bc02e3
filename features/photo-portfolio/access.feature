Feature: Clients

  Background:
    Given the system is running

  Scenario: an invitation becomes a magic link
    When photographer "photographer-1" invites a client to project "autumn" as "invite"
    Then "project.invite.sent" follows within 5s
    And "auth.magic-link.created" follows from it within 5s

  Scenario: a link says which invitation caused it
    When "project.invite.sent" is published as "invitation"
    Then view "caused by" shows "auth.magic-link.created" within 5s
      | event | {invitation.id} |

  Scenario: who opens a link is welcome, and is known to have been there
    When a link to project "autumn" is made as "link"
    Then "auth.magic-link.created" follows within 5s
    When a client opens link "link"
    Then "auth.project.accessed" follows within 5s
    And "auth.access.granted" follows from it within 5s
    And the history of project "autumn" shows "auth.access.granted" within 5s

  Scenario: a token, an address and a browser are in their events and nowhere else
    When action "make link" is done as "link"
      | project      | {autumn}          |
      | email        | {who}@example.org |
      | photographer | photographer-1    |
    Then "auth.magic-link.created" follows within 5s
    And view "mails" shows "{autumn}" within 8s
    When action "open link" is done
      | token   | {link.token} |
      | project | {autumn}     |
      | agent   | {client}     |
      | address | {client}     |
    Then "auth.project.accessed" follows within 5s
    And the history of project "autumn" shows "auth.project.accessed" within 5s
    And "{link.token}" is in no log and on no topic
      | except | auth.magic-link.created |
    And "{who}" is in no log and on no topic
      | except | auth.magic-link.created |
      | except | auth.access.granted     |
      | except | auth.project.accessed   |
    # Browser and address at once.
    And "{client}" is in no log and on no topic
      | except | auth.project.accessed |

  Scenario: an unknown link opens nothing
    When action "open an unknown link" is done
      | token | {nobody's} |

  Scenario: logins and visits are told
    When action "log in" is done
      | user  | {ann}                    |
      | agent | Mozilla/5.0 of a browser |
    Then "auth.user.logged-in" follows within 5s
    When action "visit" is done
      | project | {autumn}                 |
      | email   | client@example.org       |
      | agent   | Mozilla/5.0 of a browser |
      | address | 203.0.113.7              |
    Then "auth.project.accessed" follows within 5s

  Scenario: the older name of an invitation leads to a link as well
    When "invite.created" is published as "old"
    Then "auth.magic-link.created" follows from it within 5s

  Scenario: an invitation under both of its names leads to one link
    When "project.invite.sent" is published as "new"
    And "invite.created" is published
      | /id          | {new.id}          |
      | /aggregateId | {new.aggregateId} |
    Then service "user-service" handles "new" exactly once
    # 30 days, as long as business events are on their topics. The time counts from the event, and looking for a second link took some.
    And view "remembered by user-service" shows "2592000" within 30s
      | event | {new.id} |

  Scenario: events about a project are told under the project
    When photographer "photographer-1" creates project "autumn"
    Then "project.project.created" follows within 5s
    When action "invite" is done as "invite"
      | project      | {autumn.project}   |
      | email        | client@example.org |
      | photographer | photographer-1     |
      | request      | {invitation}       |
    Then "project.invite.sent" follows within 5s
    And view "history" shows "project.project.created" within 5s
      | project | {autumn.project} |
    And view "history" shows "project.invite.sent" within 5s
      | project | {autumn.project} |

  Scenario: an invitation is on its topic once
    When photographer "photographer-1" invites a client to project "autumn" as "invite"
    Then "project.invite.sent" is on its topic only once, watched for 1s

  Scenario: a dead letter names what is wrong, quotes nothing, and waits for somebody to look at it
    When an invalid "project.invite.sent" is published as "broken"
      | rule  | required       |
      | place | /data/inviteId |
    Then it is dead-lettered by service "user-service" within 5s
    And it is dead-lettered by service "analytics-service" within 5s
    And view "dead letters" shows "waiting" within 5s
      | event | {broken.id} |
    And view "dead letters of analytics-service" shows "waiting" within 5s
      | event | {broken.id} |
    When "project.invite.sent" is published as "good"
    Then "auth.magic-link.created" follows from it within 5s
