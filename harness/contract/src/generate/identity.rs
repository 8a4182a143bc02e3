//! Identities: UUIDs of version 8 that are unique in and across runs, and carry the number of their event.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

/// Where a run's identities come from; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Identities {
    run: u64,
    events: Arc<AtomicU64>,
    others: Arc<AtomicU64>,
    /// The number of the first of the others, and from one to the next: several processes of one run take turns.
    first: u64,
    step: u64,
}

#[derive(Clone, Copy)]
enum Use {
    Event = 1,
    Other = 2,
}

impl Identities {
    pub fn of_run(run: &str) -> Identities {
        Identities { run: tag(run), events: Arc::default(), others: Arc::default(), first: 0, step: 1 }
    }

    /// From here on the identities of process `number` (from 1) of `of`: what was made before is the same in all of
    /// them, what comes is in none of the others.
    pub fn of_process(&self, number: u64, of: u64) -> Identities {
        let first = self.first + self.step * self.others.load(Ordering::Relaxed) + number.saturating_sub(1);
        Identities { others: Arc::default(), first, step: of.max(1), ..self.clone() }
    }

    /// The next event has this number.
    pub fn continue_at(&self, number: u64) {
        self.events.store(number, Ordering::Relaxed);
    }

    /// The id of the next event.
    pub fn event(&self) -> String {
        self.id(Use::Event, self.events.fetch_add(1, Ordering::Relaxed))
    }

    /// Any other fresh identity.
    pub fn other(&self) -> String {
        self.id(Use::Other, self.first + self.step * self.others.fetch_add(1, Ordering::Relaxed))
    }

    /// The same identities once more.
    pub fn anew(&self) -> Identities {
        Identities { events: Arc::default(), others: Arc::default(), ..self.clone() }
    }

    /// How many others were made.
    pub fn others_made(&self) -> u64 {
        self.others.load(Ordering::Relaxed)
    }

    /// 48 bits of the run, 12 bits of use, 62 bits of number: RFC 9562 leaves all of them to us.
    fn id(&self, purpose: Use, number: u64) -> String {
        let high = (u128::from(self.run) << 80) | (8 << 76) | ((purpose as u128) << 64);
        Uuid::from_u128(high | (2 << 62) | u128::from(number & (u64::MAX >> 2))).to_string()
    }
}

/// 20 bits of a run's tag, for numeric ids: with 32 bits of the event's number they are whole in every reader of JSON.
fn short(tag: u64) -> u64 {
    // Fibonacci hashing: names that differ in their last letter differ in all bits.
    tag.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44
}

/// The same id for a system whose ids are numbers.
pub(crate) fn numeric_id(id: &str) -> Option<u64> {
    let bits = Uuid::parse_str(id).ok()?.as_u128();
    let run = short((bits >> 80) as u64);
    Some((run << 32) | (bits as u64 & u64::from(u32::MAX)))
}

/// The number of an event of this run, from its id; `None` for an id of anything else.
pub fn event_number(id: &str, run: &str) -> Option<u64> {
    if let Ok(number) = id.parse::<u64>() {
        return (number >> 32 == short(tag(run))).then_some(number & u64::from(u32::MAX));
    }
    let bits = Uuid::parse_str(id).ok()?.as_u128();
    let is_ours = bits >> 80 == u128::from(tag(run)) && (bits >> 64) & 0xffff == (8 << 12) | Use::Event as u128;
    is_ours.then_some(bits as u64 & (u64::MAX >> 2))
}

/// How the texts of a run's identities begin: those of events, and all others.
pub(crate) fn marks(run: &str) -> [String; 2] {
    let tag = format!("{:012x}", tag(run));
    [Use::Event, Use::Other].map(|purpose| format!("{}-{}-8{:03x}-", &tag[..8], &tag[8..], purpose as u128))
}

/// 48 bits of a run's name (FNV-1a).
fn tag(run: &str) -> u64 {
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    run.bytes().fold(0xcbf2_9ce4_8422_2325, hash) >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_one_run_share_what_was_made_before_and_nothing_after() {
        let all: Vec<Vec<String>> = (1..=3)
            .map(|number| {
                let run = Identities::of_run("run-1");
                let before = run.other();
                let own = run.of_process(number, 3);
                [vec![before], (0..50).map(|_| own.other()).collect()].concat()
            })
            .collect();
        assert!(all.iter().all(|ids| ids[0] == all[0][0]));
        let distinct: std::collections::HashSet<&String> = all.iter().flatten().collect();
        assert_eq!(distinct.len(), 1 + 3 * 50);
        let run = Identities::of_run("run-1");
        run.continue_at(70);
        assert_eq!(event_number(&run.event(), "run-1"), Some(70));
    }

    #[test]
    fn an_event_id_gives_its_number_back_to_its_own_run_only() {
        let identities = Identities::of_run("run-1");
        let ids = [identities.event(), identities.event()];
        assert_eq!(event_number(&ids[1], "run-1"), Some(1));
        assert_eq!(event_number(&ids[1], "run-2"), None);
        assert_eq!(event_number(&identities.other(), "run-1"), None);
        assert_eq!(event_number("not an id", "run-1"), None);
        let number = numeric_id(&ids[1]).unwrap();
        assert!(number < 1 << 53, "whole in every reader of JSON");
        assert_eq!(event_number(&number.to_string(), "run-1"), Some(1));
        assert_eq!(event_number(&number.to_string(), "run-2"), None);
        assert_eq!(Uuid::parse_str(&ids[0]).unwrap().get_version_num(), 8);
        let [event, other] = marks("run-1");
        assert!(ids.iter().all(|id| id.starts_with(&event)) && identities.other().starts_with(&other));
    }
}
