use proptest::prelude::*;

use super::*;

const EFFECT: Leg = 1;

fn ledger() -> Ledger {
    Ledger::new(["feed-service-group".to_owned()])
}

fn leg(ledger: &Ledger, leg: Leg) -> LegCounts {
    ledger.legs()[leg].1
}

/// Events 0..count over `keys` keys, all planned and acknowledged.
fn acknowledged(count: u64, keys: u64) -> Ledger {
    let mut ledger = ledger();
    (0..count).for_each(|number| ledger.planned(number % keys, number));
    (0..count).for_each(|number| ledger.acknowledged(number % keys, number));
    ledger
}

#[test]
fn an_acknowledged_event_that_is_never_seen_is_lost_on_the_topic_and_only_there() {
    let mut ledger = acknowledged(2, 1);
    ledger.seen(TOPIC, 0, 0);
    ledger.seen(EFFECT, 0, 0);
    assert_eq!(leg(&ledger, TOPIC).lost, 1);
    assert_eq!(leg(&ledger, EFFECT).lost, 0);
}

#[test]
fn an_event_on_the_topic_without_effect_is_lost_on_the_group_s_leg() {
    let mut ledger = acknowledged(2, 1);
    (0..2).for_each(|number| _ = ledger.seen(TOPIC, 0, number));
    ledger.seen(EFFECT, 0, 1);
    assert_eq!((leg(&ledger, TOPIC).lost, leg(&ledger, EFFECT).lost), (0, 1));
}

#[test]
fn an_event_of_unknown_outcome_is_neither_lost_nor_sent_unless_it_is_seen() {
    let mut ledger = ledger();
    (0..2).for_each(|number| ledger.planned(0, number));
    (0..2).for_each(|number| ledger.unknown(0, number));
    ledger.seen(TOPIC, 0, 1);
    let topic = leg(&ledger, TOPIC);
    assert_eq!((topic.lost, topic.unknown, topic.seen), (0, 1, 1));
    assert_eq!(leg(&ledger, EFFECT).lost, 1, "the one that was seen owes its effect");
}

#[test]
fn events_without_an_order_are_in_none_that_could_be_broken() {
    let mut ledger = acknowledged(10, 1);
    (0..10).rev().for_each(|number| assert!(ledger.seen_anywhere(TOPIC, 0, number)));
    assert!(!ledger.seen_anywhere(TOPIC, 0, 3));
    let topic = leg(&ledger, TOPIC);
    assert_eq!((topic.seen, topic.reordered, topic.duplicated, topic.lost), (10, 0, 1, 0));
    assert_eq!(ledger.outstanding(EFFECT), 10);
}

#[test]
fn a_refused_event_is_owed_nowhere() {
    let mut ledger = ledger();
    ledger.planned(0, 0);
    ledger.refused(0, 0);
    assert_eq!(leg(&ledger, TOPIC), LegCounts::default());
    assert_eq!(ledger.counts(), Counts { planned: 1, refused: 1, ..Counts::default() });
}

#[test]
fn an_event_is_owed_only_where_it_was_planned() {
    let mut ledger = ledger();
    ledger.planned_on(0, 0, &[true, false]);
    ledger.planned_on(0, 1, &[false, false]);
    (0..2).for_each(|number| ledger.acknowledged(0, number));
    ledger.seen(TOPIC, 0, 0);
    assert_eq!((leg(&ledger, TOPIC).lost, leg(&ledger, EFFECT).lost), (0, 0));
    assert_eq!(ledger.counts().acknowledged, 2);
}

#[test]
fn without_order_nothing_overtakes_and_no_key_outlives_its_event() {
    let mut ledger = Ledger::without_order(["g".to_owned()]);
    (0..10).for_each(|number| ledger.planned(number, number));
    (0..10).for_each(|number| ledger.acknowledged(number, number));
    (0..10).rev().for_each(|number| _ = ledger.seen(TOPIC, number, number));
    (0..9).rev().for_each(|number| _ = ledger.seen(EFFECT, number, number));
    assert!(!ledger.seen(TOPIC, 3, 3));
    let topic = leg(&ledger, TOPIC);
    assert_eq!((topic.seen, topic.reordered, topic.duplicated, leg(&ledger, EFFECT).lost), (10, 0, 1, 1));
    assert_eq!(ledger.legs.iter().map(|leg| leg.keys.len()).sum::<usize>(), 1, "what is lost is remembered");
}

#[test]
fn a_redelivered_stretch_is_duplicates_not_disorder() {
    let mut ledger = acknowledged(3, 1);
    [0, 1, 2, 1, 2].into_iter().for_each(|number| _ = ledger.seen(TOPIC, 0, number));
    let topic = leg(&ledger, TOPIC);
    assert_eq!((topic.seen, topic.duplicated, topic.reordered), (3, 2, 0));
}

#[test]
fn a_fault_of_order_says_whose_it_is() {
    // Whoever wrote them: on one partition, and where the key's partition changed.
    let written = |places: [i32; 3]| {
        let mut ledger = acknowledged(3, 1);
        let _ = [(0, places[0]), (2, places[1]), (1, places[2])]
            .map(|(number, at)| ledger.seen_on(TOPIC, 0, number, Some(at)));
        ledger
    };
    let of = |ledger: &Ledger, at: Leg| {
        let counts = leg(ledger, at);
        (counts.reordered, counts.reordered_by_partition, counts.reordered_on_topic)
    };
    assert_eq!(of(&written([0, 0, 0]), TOPIC), (1, 0, 0));
    assert_eq!(of(&written([0, 1, 0]), TOPIC), (1, 1, 0));
    // A group that keeps to the log, and one that does not.
    let mut kept = written([0, 0, 0]);
    let _ = [0, 2, 1].map(|number| kept.seen(EFFECT, 0, number));
    assert_eq!(of(&kept, EFFECT), (1, 0, 1));
    let mut own = acknowledged(3, 1);
    let _ = [0, 1, 2].map(|number| own.seen_on(TOPIC, 0, number, Some(0)));
    let _ = [0, 2, 1].map(|number| own.seen(EFFECT, 0, number));
    assert_eq!((of(&own, TOPIC), of(&own, EFFECT)), ((0, 0, 0), (1, 0, 0)));
}

#[test]
fn what_is_taken_back_as_put_off_is_taken_back_as_it_was_counted() {
    let mut ledger = acknowledged(4, 1);
    ledger.may_put_off(EFFECT);
    let effects = |ledger: &mut Ledger, numbers: [u64; 2]| _ = numbers.map(|number| ledger.seen(EFFECT, 0, number));
    let topic = |ledger: &mut Ledger, numbers: [u64; 2]| _ = numbers.map(|number| ledger.seen(TOPIC, 0, number));
    // 0 is overtaken with the group before anybody sees that it stands on the topic so, 2 after that.
    effects(&mut ledger, [1, 0]);
    topic(&mut ledger, [1, 0]);
    topic(&mut ledger, [3, 2]);
    effects(&mut ledger, [3, 2]);
    let of = |ledger: &Ledger| (leg(ledger, EFFECT).reordered, leg(ledger, EFFECT).reordered_on_topic);
    assert_eq!(of(&ledger), (2, 1));
    ledger.put_off(EFFECT, 0, 0);
    assert_eq!(of(&ledger), (1, 1));
    ledger.put_off(EFFECT, 0, 2);
    assert_eq!(of(&ledger), (0, 0));
}

#[test]
fn an_event_never_planned_is_a_phantom() {
    let mut ledger = acknowledged(1, 1);
    ledger.seen(TOPIC, 0, 7);
    assert_eq!(leg(&ledger, TOPIC).phantom, 1);
}

#[test]
fn memory_follows_what_is_in_flight() {
    let mut ledger = ledger();
    for number in 0..10_000 {
        ledger.planned(0, number);
        ledger.acknowledged(0, number);
        ledger.seen(TOPIC, 0, number);
        ledger.seen(EFFECT, 0, number);
        assert_eq!(ledger.outstanding(TOPIC) + ledger.outstanding(EFFECT), 0);
    }
}

proptest! {
    /// Every anomaly that is put into a history comes out of it, with its exact count.
    #[test]
    fn injected_anomalies_are_found_at_their_exact_count(
        count in 20u64..200,
        keys in 1u64..8,
        lost in prop::collection::hash_set(0u64..200, 0..10),
        twice in prop::collection::hash_set(0u64..200, 0..10),
        phantoms in 0u64..5,
    ) {
        let mut ledger = acknowledged(count, keys);
        for number in (0..count).filter(|number| !lost.contains(number)) {
            ledger.seen(TOPIC, number % keys, number);
            if twice.contains(&number) {
                ledger.seen(TOPIC, number % keys, number);
            }
        }
        (0..phantoms).for_each(|extra| _ = ledger.seen(TOPIC, 0, count + extra));
        let in_range = |set: &std::collections::HashSet<u64>| set.iter().filter(|n| **n < count).count() as u64;
        let seen_twice = twice.iter().filter(|n| **n < count && !lost.contains(n)).count() as u64;
        let expected = LegCounts {
            seen: count - in_range(&lost),
            lost: in_range(&lost),
            duplicated: seen_twice,
            phantom: phantoms,
            ..LegCounts::default()
        };
        prop_assert_eq!(leg(&ledger, TOPIC), expected);
    }

    /// Order is judged per key: an exchange of neighbours of one key is found, of different keys is not.
    #[test]
    fn one_exchange_within_a_key_is_one_reordered_event(count in 2u64..100, at in 0u64..98) {
        let at = at % (count - 1);
        let mut numbers: Vec<u64> = (0..count).collect();
        numbers.swap(at as usize, at as usize + 1);
        let (mut one_key, mut two_keys) = (acknowledged(count, 1), acknowledged(count, 2));
        for number in &numbers {
            one_key.seen(TOPIC, 0, *number);
            two_keys.seen(TOPIC, number % 2, *number);
        }
        prop_assert_eq!(leg(&one_key, TOPIC).reordered, 1);
        prop_assert_eq!(leg(&two_keys, TOPIC).reordered, 0);
    }
}

#[test]
fn what_was_given_up_is_dead_lettered_and_not_lost() {
    let mut ledger = acknowledged(4, 2);
    (0..4).for_each(|number| _ = ledger.seen(TOPIC, number % 2, number));
    ledger.seen(EFFECT, 0, 0);
    assert!(ledger.dead_lettered(EFFECT, 1, 1), "that is news");
    assert!(!ledger.dead_lettered(EFFECT, 1, 1), "a second copy of the dead letter is none");
    assert!(!ledger.dead_lettered(EFFECT, 0, 0), "what had its effect is done");
    let found = leg(&ledger, EFFECT);
    assert_eq!((found.seen, found.lost, found.dead_lettered), (1, 2, 1));
    assert_eq!(ledger.outstanding(EFFECT), 2);
    ledger.seen(EFFECT, 1, 1);
    let found = leg(&ledger, EFFECT);
    assert_eq!((found.seen, found.lost, found.dead_lettered), (2, 2, 0), "an effect that comes after all counts");
}

#[test]
fn what_was_put_off_is_not_reordered_whenever_that_is_known() {
    let mut ledger = acknowledged(5, 1);
    ledger.may_put_off(EFFECT);
    (0..5).for_each(|number| _ = ledger.seen(TOPIC, 0, number));
    ledger.put_off(EFFECT, 0, 0);
    [4, 0, 1, 2].iter().for_each(|number| _ = ledger.seen(EFFECT, 0, *number));
    assert_eq!(leg(&ledger, EFFECT).reordered, 2, "0 was put off; 1 and 2 were overtaken by 4");
    ledger.put_off(EFFECT, 0, 2);
    assert_eq!(leg(&ledger, EFFECT).reordered, 1, "that 2 was put off is known only now");
    ledger.put_off(EFFECT, 0, 2);
    assert_eq!(leg(&ledger, EFFECT).reordered, 1);
}

#[test]
fn what_was_overtaken_on_another_partition_is_told_by_where_the_overtaking_event_stands() {
    let mut ledger = acknowledged(4, 1);
    for (number, partition) in [(0, 0), (3, 1), (1, 0), (2, 0)] {
        ledger.seen_on(TOPIC, 0, number, Some(partition));
    }
    let topic = leg(&ledger, TOPIC);
    assert_eq!((topic.reordered, topic.reordered_by_partition), (2, 2));
    let mut same = acknowledged(3, 1);
    [0, 2, 1].into_iter().for_each(|number| _ = same.seen_on(TOPIC, 0, number, Some(0)));
    assert_eq!((leg(&same, TOPIC).reordered, leg(&same, TOPIC).reordered_by_partition), (1, 0));
}

#[test]
fn what_a_group_did_twice_is_told_apart_by_whether_it_was_told_twice() {
    let mut ledger = acknowledged(4, 1);
    (0..4).for_each(|number| _ = ledger.seen(TOPIC, 0, number));
    ledger.seen(TOPIC, 0, 1);
    [0, 1, 2, 3, 0, 1, 2].iter().for_each(|number| _ = ledger.seen(EFFECT, 0, *number));
    let of = |ledger: &Ledger| (leg(ledger, EFFECT).duplicated, leg(ledger, EFFECT).duplicated_on_topic);
    assert_eq!(of(&ledger), (3, 1));
    // The copy of 2 is read only after it was handled.
    ledger.seen(TOPIC, 0, 2);
    assert_eq!(of(&ledger), (3, 2));
    assert_eq!(leg(&ledger, TOPIC).duplicated, 2);
}

#[test]
fn what_was_undecided_in_an_account_that_is_closed_is_still_owed_and_not_lost() {
    let mut ledger = ledger();
    let closed = LegCounts { seen: 90, lost: 2, dead_lettered: 3, undecided: 5, ..LegCounts::default() };
    ledger.absorb(Counts { planned: 100, acknowledged: 100, ..Counts::default() }, &[LegCounts::default(), closed]);
    assert_eq!((ledger.outstanding(TOPIC), ledger.outstanding(EFFECT)), (0, 7));
    assert_eq!(leg(&ledger, EFFECT), closed);
}
