//! Counts on a leg against their limits, and what leaves them without a verdict.

use eventproof_evidence::ledger::LegCounts;
use eventproof_evidence::{Reason, Verdict};

use super::figures::legs;
use super::judge::{Figure, no_such, verdict};
use crate::collector::{Collector, WINDOW};
use crate::objective::{Count, Objective};

/// A count on a leg.
pub(super) fn count(objective: &Objective, collector: &Collector, what: Count, (leg, most): (&str, u64)) -> Figure {
    let Some(counts) = counts_of(collector, leg) else { return no_such(leg) };
    let found = counted(what, &counts);
    let actual = format!("{found} of {}{}", collector.ledger.counts().planned, elsewhere(what, &counts));
    let doubt = match found <= most {
        true => doubt_of_few(collector, what, &counts, (leg, most)),
        false => doubt_of_many(collector, what, found, (leg, most)),
    };
    match doubt {
        Some(doubt) => (actual, Verdict::CannotTell(doubt)),
        None => verdict(objective, actual, found <= most),
    }
}

/// Why a count that is small enough may be larger.
fn doubt_of_few(collector: &Collector, what: Count, counts: &LegCounts, (leg, most): (&str, u64)) -> Option<Reason> {
    doubt_of_count(collector, counts)
        .or_else(|| undecided(what, counts, leg, most))
        .or_else(|| beyond(collector, what))
        .or_else(|| unlinked(collector, what, counted(what, counts), most).filter(|_| leg != "topic"))
}

/// Why one that is too large may be smaller.
fn doubt_of_many(collector: &Collector, what: Count, found: u64, (leg, most): (&str, u64)) -> Option<Reason> {
    match what {
        Count::Phantom => beyond(collector, what),
        Count::Lost => nameless(collector, found, most, "what seems to be lost may be there")
            .filter(|_| leg != "topic")
            .or_else(|| done_beyond(collector, found, most)),
        Count::Reordered => nameless(collector, found, most, "what was overtaken may have been put off")
            .filter(|_| collector.may_put_off(leg)),
        _ => None,
    }
}

/// Why a count that is small enough says nothing: there was nothing to be counted, or nothing tells events apart.
fn doubt_of_count(collector: &Collector, counts: &LegCounts) -> Option<Reason> {
    let detail = match (counts.seen + counts.dead_lettered, collector.alike()) {
        (0, _) if collector.ledger.counts().acknowledged == 0 => "no event was acknowledged".to_owned(),
        (0, _) => "nothing arrived there at all".to_owned(),
        (_, 0) => return None,
        (_, alike) => format!("{alike} requests had the same link as another: nothing tells their events apart"),
    };
    Some(Reason::NoPositiveControl { detail })
}

/// What of the lost was told apart, for people.
fn elsewhere(what: Count, counts: &LegCounts) -> String {
    match (what, counts.dead_lettered, counts.undecided) {
        (Count::Lost, 0, 0) => String::new(),
        (Count::Lost, dead, 0) => format!("; {dead} dead-lettered"),
        (Count::Lost, dead, open) => format!("; {dead} dead-lettered, {open} undecided"),
        _ => String::new(),
    }
}

/// What is undecided may still be lost, or given up.
fn undecided(what: Count, counts: &LegCounts, leg: &str, most: u64) -> Option<Reason> {
    let open = counts.undecided;
    let is_near = matches!(what, Count::Lost | Count::DeadLettered) && counted(what, counts) + open > most;
    let detail = format!(
        "{open} events of {leg} still waited in a retry topic when the run ended, or lie in a dead-letter topic that several groups write to: they are neither done nor lost; a longer `settle` may tell"
    );
    is_near.then_some(Reason::NoPositiveControl { detail })
}

/// What may be of requests that are forgotten is neither a duplicate nor a phantom: nobody can say which.
fn beyond(collector: &Collector, what: Count) -> Option<Reason> {
    let beyond = collector.beyond_window();
    let detail = format!(
        "{beyond} records or effects are of none of the latest {WINDOW} requests: duplicates of older ones are not judged"
    );
    (beyond > 0 && matches!(what, Count::Duplicated | Count::Phantom)).then_some(Reason::NoPositiveControl { detail })
}

/// What seems to be missing, if it may be among the effects of requests that are forgotten: they were done, long after.
pub(super) fn done_beyond(collector: &Collector, missing: u64, most: u64) -> Option<Reason> {
    let beyond = collector.beyond_window();
    let detail = format!(
        "{beyond} records or effects are of none of the latest {WINDOW} requests: what seems to be missing may be among them"
    );
    (beyond > 0 && missing.saturating_sub(beyond) <= most).then_some(Reason::NoPositiveControl { detail })
}

/// Records in retry or dead-letter topics that may be those of events that a count accuses: nobody knows any more which events they
/// were.
fn nameless(collector: &Collector, found: u64, most: u64, why: &str) -> Option<Reason> {
    let nameless = collector.asides.strangers();
    (nameless > 0 && found.saturating_sub(nameless) <= most).then(|| not_linked(nameless, why))
}

/// The same of a count of what lies in those topics: each of them may be one more.
fn unlinked(collector: &Collector, what: Count, found: u64, most: u64) -> Option<Reason> {
    let nameless = collector.asides.strangers();
    let is_near = matches!(what, Count::DeadLettered | Count::Undecided) && found + nameless > most;
    is_near.then(|| not_linked(nameless, "each of them may be one more"))
}

fn not_linked(nameless: u64, why: &str) -> Reason {
    let detail = format!("{nameless} records in retry or dead-letter topics could not be linked to an event: {why}");
    Reason::NoPositiveControl { detail }
}

pub(super) fn counts_of(collector: &Collector, leg: &str) -> Option<LegCounts> {
    legs(collector, &[]).into_iter().find(|known| known.name == leg).map(|leg| leg.counts)
}

pub(super) fn counted(what: Count, counts: &LegCounts) -> u64 {
    match what {
        Count::Lost => counts.lost,
        Count::DeadLettered => counts.dead_lettered,
        Count::Undecided => counts.undecided,
        Count::Late => counts.late,
        Count::Duplicated => counts.duplicated,
        Count::Reordered => counts.reordered,
        Count::Phantom => counts.phantom,
        Count::Corrupted => counts.corrupted,
    }
}
