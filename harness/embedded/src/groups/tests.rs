//! The group state machine, told in requests and answers.

use std::collections::BTreeSet;

use bytes::Bytes;
use proptest::prelude::*;
use tokio::sync::oneshot::{self, Receiver};

use super::*;
use crate::codes;

const LIMITS: GroupLimits =
    GroupLimits { min_session_timeout_ms: 6_000, max_session_timeout_ms: 1_800_000, initial_rebalance_delay_ms: 0 };

fn group() -> Group {
    Group::new("g", LIMITS)
}

fn request(member_id: &str, client: &str) -> JoinRequest {
    JoinRequest {
        member_id: member_id.to_owned(),
        instance_id: None,
        client_id: client.to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![("range".to_owned(), Bytes::from_static(b"meta"))],
        requires_known_member_id: true,
        may_skip_assignment: true,
    }
}

fn join(group: &mut Group, request: JoinRequest, now: i64) -> Receiver<JoinResult> {
    let (reply, answer) = oneshot::channel();
    group.join(request, now, reply);
    answer
}

fn sync(group: &mut Group, member: &str, assignments: &[(&str, &str)], now: i64) -> Receiver<SyncResult> {
    let (reply, answer) = oneshot::channel();
    let request = SyncRequest {
        member_id: member.to_owned(),
        instance_id: None,
        generation: group.generation,
        protocol_type: None,
        protocol: None,
        assignments: assignments
            .iter()
            .map(|(id, a)| ((*id).to_owned(), Bytes::copy_from_slice(a.as_bytes())))
            .collect(),
    };
    group.sync(request, now, reply);
    answer
}

/// A new member's id, by the first of its two joins.
fn id_of(group: &mut Group, client: &str) -> String {
    let refused = join(group, request("", client), 0).try_recv().unwrap();
    assert_eq!(refused.error, codes::MEMBER_ID_REQUIRED);
    refused.member_id
}

/// A stable group of so many members; their ids, the leader first.
fn stable(count: usize) -> (Group, Vec<String>) {
    let mut group = group();
    let ids: Vec<String> = (0..count).map(|n| id_of(&mut group, &n.to_string())).collect();
    let mut answers: Vec<_> = ids.iter().map(|id| join(&mut group, request(id, "c"), 0)).collect();
    for answer in &mut answers {
        assert_eq!(answer.try_recv().unwrap().error, 0);
    }
    let assignments: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), "share")).collect();
    for id in ids.iter().skip(1) {
        assert!(sync(&mut group, id, &[], 0).try_recv().is_err());
    }
    let answer = sync(&mut group, &ids[0], &assignments, 0).try_recv().unwrap();
    assert_eq!(answer.assignment, "share");
    assert_eq!(group.state, GroupState::Stable);
    (group, ids)
}

#[test]
fn a_new_member_first_gets_an_id_and_then_leads_alone() {
    let mut group = group();
    let id = id_of(&mut group, "app");
    assert!(id.starts_with("app-"));
    let joined = join(&mut group, request(&id, "app"), 0).try_recv().unwrap();
    assert_eq!((joined.error, joined.generation, joined.leader.as_str()), (0, 1, id.as_str()));
    assert_eq!(joined.members.len(), 1);
    let synced = sync(&mut group, &id, &[(&id, "all")], 0).try_recv().unwrap();
    assert_eq!((synced.error, synced.assignment), (0, Bytes::from_static(b"all")));
    assert_eq!(group.state, GroupState::Stable);
}

#[test]
fn a_member_id_that_was_never_given_out_is_unknown() {
    let (mut group, _) = stable(1);
    let answer = join(&mut group, request("stranger", "c"), 0).try_recv().unwrap();
    assert_eq!(answer.error, codes::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_join_makes_the_others_join_again() {
    let (mut group, ids) = stable(2);
    let new = id_of(&mut group, "new");
    let mut waiting = join(&mut group, request(&new, "new"), 0);
    assert_eq!(group.state, GroupState::PreparingRebalance);
    assert!(waiting.try_recv().is_err());
    assert_eq!(group.heartbeat(&ids[0], None, 1, 0), codes::REBALANCE_IN_PROGRESS);
    let mut first = join(&mut group, request(&ids[0], "c"), 0);
    let mut second = join(&mut group, request(&ids[1], "c"), 0);
    for answer in [&mut waiting, &mut first, &mut second] {
        assert_eq!(answer.try_recv().unwrap().generation, 2);
    }
    assert_eq!(group.state, GroupState::CompletingRebalance);
}

#[test]
fn who_does_not_join_again_in_time_is_left_out() {
    let (mut group, ids) = stable(2);
    let new = id_of(&mut group, "new");
    let mut new_answer = join(&mut group, request(&new, "new"), 1_000);
    let mut old_answer = join(&mut group, request(&ids[1], "c"), 1_000);
    // The first member lives, its heartbeats come, but it does not join.
    for now in [9_000, 18_000, 27_000, 36_000, 45_000, 54_000, 60_999] {
        assert_eq!(group.heartbeat(&ids[0], None, 1, now), codes::REBALANCE_IN_PROGRESS);
        group.tick(now);
        assert!(new_answer.try_recv().is_err());
    }
    group.tick(61_000);
    let (new_answer, old_answer) = (new_answer.try_recv().unwrap(), old_answer.try_recv().unwrap());
    assert_eq!((new_answer.generation, old_answer.generation), (2, 2));
    // The leader was left out: another leads.
    assert_eq!(new_answer.leader, ids[1]);
    assert_eq!(old_answer.members.len(), 2);
    assert_eq!(group.heartbeat(&ids[0], None, 1, 61_000), codes::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_silent_member_is_dead_after_its_session_and_not_before() {
    let (mut group, ids) = stable(2);
    group.tick(9_999);
    assert_eq!(group.heartbeat(&ids[0], None, 1, 9_999), 0);
    assert_eq!(group.members.len(), 2);
    group.tick(10_000);
    assert_eq!(group.members.len(), 1);
    assert_eq!(group.state, GroupState::PreparingRebalance);
    let alone = join(&mut group, request(&ids[0], "c"), 10_000).try_recv().unwrap();
    assert_eq!((alone.generation, alone.members.len()), (2, 1));
}

#[test]
fn requests_of_a_generation_that_is_over_are_refused() {
    let (mut group, ids) = stable(1);
    assert_eq!(group.heartbeat(&ids[0], None, 0, 0), codes::ILLEGAL_GENERATION);
    assert_eq!(group.validate_commit(&ids[0], None, 0, false), Err(codes::ILLEGAL_GENERATION));
    assert_eq!(group.validate_commit("other", None, 1, false), Err(codes::UNKNOWN_MEMBER_ID));
    assert_eq!(group.validate_commit("", None, -1, false), Err(codes::UNKNOWN_MEMBER_ID));
    assert_eq!(group.validate_commit(&ids[0], None, 1, false), Ok(()));
    let (reply, mut answer) = oneshot::channel();
    let request = SyncRequest {
        member_id: ids[0].clone(),
        instance_id: None,
        generation: 0,
        protocol_type: None,
        protocol: None,
        assignments: Vec::new(),
    };
    group.sync(request, 0, reply);
    assert_eq!(answer.try_recv().unwrap().error, codes::ILLEGAL_GENERATION);
}

#[test]
fn commits_wait_until_the_assignment_is_known() {
    let mut group = group();
    let id = id_of(&mut group, "c");
    assert_eq!(join(&mut group, request(&id, "c"), 0).try_recv().unwrap().error, 0);
    assert_eq!(group.validate_commit(&id, None, 1, false), Err(codes::REBALANCE_IN_PROGRESS));
}

#[test]
fn a_static_member_takes_the_place_of_its_former_self() {
    let mut group = group();
    let fixed = |member: &str| JoinRequest { instance_id: Some("one".to_owned()), ..request(member, "c") };
    let first = join(&mut group, fixed(""), 0).try_recv().unwrap();
    assert_eq!(first.error, 0);
    sync(&mut group, &first.member_id, &[(&first.member_id, "mine")], 0);
    let second = join(&mut group, fixed(""), 0).try_recv().unwrap();
    assert_eq!((second.error, second.generation), (0, 1));
    assert_ne!(second.member_id, first.member_id);
    assert!(second.skip_assignment, "the leader keeps the assignment");
    assert_eq!(sync(&mut group, &second.member_id, &[], 0).try_recv().unwrap().assignment, "mine");
    assert_eq!(group.heartbeat(&first.member_id, Some("one"), 1, 0), codes::FENCED_INSTANCE_ID);
    assert_eq!(group.validate_commit(&first.member_id, Some("one"), 1, false), Err(codes::FENCED_INSTANCE_ID));
    assert_eq!(group.leave(&first.member_id, Some("one"), 0), codes::FENCED_INSTANCE_ID);
    assert_eq!(group.leave("", Some("one"), 0), 0);
    assert_eq!(group.state, GroupState::Empty);
}

#[test]
fn members_without_a_common_assignor_do_not_mix() {
    let (mut group, _) = stable(1);
    let other = JoinRequest { protocols: vec![("sticky".to_owned(), Bytes::new())], ..request("", "c") };
    assert_eq!(join(&mut group, other, 0).try_recv().unwrap().error, codes::INCONSISTENT_GROUP_PROTOCOL);
    let kind = JoinRequest { protocol_type: "connect".to_owned(), ..request("", "c") };
    assert_eq!(join(&mut group, kind, 0).try_recv().unwrap().error, codes::INCONSISTENT_GROUP_PROTOCOL);
}

#[test]
fn the_assignor_that_most_prefer_is_taken() {
    let mut group = group();
    let of = |id: &str, names: [&str; 2]| JoinRequest {
        protocols: names.iter().map(|n| ((*n).to_owned(), Bytes::new())).collect(),
        ..request(id, "c")
    };
    let ids: Vec<String> = (0..3).map(|n| id_of(&mut group, &n.to_string())).collect();
    let mut last = None;
    for (id, names) in ids.iter().zip([["a", "b"], ["b", "a"], ["b", "a"]]) {
        last = Some(join(&mut group, of(id, names), 0));
    }
    assert_eq!(last.unwrap().try_recv().unwrap().protocol.as_deref(), Some("b"));
}

#[test]
fn a_leader_that_dies_before_assigning_is_replaced() {
    let mut group = group();
    let ids: Vec<String> = (0..2).map(|n| id_of(&mut group, &n.to_string())).collect();
    let _first = join(&mut group, request(&ids[0], "c"), 0);
    let _second = join(&mut group, request(&ids[1], "c"), 0);
    let mut waiting = sync(&mut group, &ids[1], &[], 0);
    group.tick(10_000);
    assert_eq!(waiting.try_recv().unwrap().error, codes::REBALANCE_IN_PROGRESS);
    let again = join(&mut group, request(&ids[1], "c"), 10_000).try_recv().unwrap();
    assert_eq!((again.generation, again.leader), (2, ids[1].clone()));
}

#[test]
fn a_member_id_that_is_never_used_holds_a_rebalance_up_only_for_its_session() {
    let (mut group, ids) = stable(1);
    let _unused = id_of(&mut group, "ghost");
    let mut waiting = join(&mut group, request(&ids[0], "c"), 0);
    assert!(waiting.try_recv().is_err());
    group.tick(10_000);
    assert_eq!(waiting.try_recv().unwrap().generation, 2);
}

#[test]
fn a_restart_finds_the_last_complete_generation() {
    let (mut group, ids) = stable(2);
    let new = id_of(&mut group, "new");
    let mut lost = join(&mut group, request(&new, "new"), 0);
    group.reload(50_000);
    assert!(matches!(lost.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
    assert_eq!((group.state, group.generation), (GroupState::Stable, 1));
    assert_eq!(group.heartbeat(&ids[1], None, 1, 55_000), 0);
    assert_eq!(sync(&mut group, &ids[0], &[], 55_000).try_recv().unwrap().assignment, "share");
    group.tick(60_000);
    assert_eq!(group.members.len(), 2, "sessions start again");
}

/// What members of a model do.
#[derive(Debug, Clone)]
enum Step {
    New,
    Join(usize),
    Sync(usize),
    Leave(usize),
    Pass(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::New),
        (0..5usize).prop_map(Step::Join),
        (0..5usize).prop_map(Step::Sync),
        (0..5usize).prop_map(Step::Leave),
        (0..20_000i64).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 0..60)
}

/// What must hold of a group at any time.
fn check_invariants(group: &Group) {
    let ids: BTreeSet<&str> = group.members.iter().map(|m| m.core.id.as_str()).collect();
    assert_eq!(ids.len(), group.members.len(), "a member twice");
    assert_eq!(group.members.is_empty(), group.leader.is_none());
    if let Some(leader) = &group.leader {
        assert!(ids.contains(leader.as_str()), "a leader that is no member");
    }
    match group.state {
        GroupState::Empty => assert!(group.members.is_empty()),
        GroupState::PreparingRebalance => {
            assert!(group.join_deadline_ms.is_some(), "nothing would end the rebalance");
        }
        GroupState::CompletingRebalance => {
            assert!(group.sync_deadline_ms.is_some(), "nothing would end the rebalance");
        }
        GroupState::Stable => assert!(group.members.iter().all(|m| m.awaiting_sync.is_none())),
    }
}

proptest! {
    #[test]
    fn whatever_members_do_nobody_waits_for_ever(steps in steps()) {
        let mut group = group();
        let mut ids: Vec<String> = Vec::new();
        let mut now = 0;
        let mut joins = Vec::new();
        let mut syncs = Vec::new();
        for step in steps {
            let at = |n: usize, ids: &[String]| ids.get(n % ids.len().max(1)).cloned();
            match step {
                Step::New => {
                    let refused = join(&mut group, request("", "c"), now).try_recv().unwrap();
                    ids.push(refused.member_id);
                }
                Step::Join(n) => if let Some(id) = at(n, &ids) {
                    joins.push(join(&mut group, request(&id, "c"), now));
                },
                Step::Sync(n) => if let Some(id) = at(n, &ids) {
                    syncs.push(sync(&mut group, &id, &[(&id, "x")], now));
                },
                Step::Leave(n) => if let Some(id) = at(n, &ids) {
                    group.leave(&id, None, now);
                },
                Step::Pass(by) => {
                    now += by;
                    group.tick(now);
                }
            }
            check_invariants(&group);
        }
        for _ in 0..100 {
            now += 30_000;
            group.tick(now);
            check_invariants(&group);
        }
        for mut answer in joins {
            prop_assert!(answer.try_recv().is_ok(), "a join without an answer");
        }
        for mut answer in syncs {
            prop_assert!(answer.try_recv().is_ok(), "a sync without an answer");
        }
        prop_assert!(group.members.is_empty(), "the silent are dead");
    }
}
