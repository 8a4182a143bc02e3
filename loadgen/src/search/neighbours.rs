//! Whoever else works on the broker must not suffer from a search: a group that is none of the pack's and falls behind ends it.
//!
//! How much a group lags by itself is looked at before the first step. It falls behind where its lag is more than twice what it
//! was then, and by so many records more, in two looks one behind the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use eventproof_broker::{Broker, foreign_lags};
use eventproof_contract::Contract;
use tokio::sync::watch;

/// How often their lags are asked for.
const EVERY: Duration = Duration::from_secs(1);
/// How long they are looked at before the first step: longer than the usual time between two commits.
const BEFORE: Duration = Duration::from_secs(6);
/// A lag that rises by fewer records is none.
const LEAST: u64 = 100;
/// Looks in a row that must agree.
const AGREE: u32 = 2;

/// What is known of the lags of others.
#[derive(Debug, Default)]
struct Lags {
    /// The greatest lag of each group before the search.
    before: BTreeMap<String, u64>,
    /// How often in a row it was far above that.
    above: BTreeMap<String, u32>,
}

impl Lags {
    /// Before the search.
    fn usual(&mut self, lags: BTreeMap<String, u64>) {
        for (group, lag) in lags {
            let most = self.before.entry(group).or_default();
            *most = lag.max(*most);
        }
    }

    /// During the search; returns which group falls behind, if one does.
    fn now(&mut self, lags: BTreeMap<String, u64>) -> Option<String> {
        let mut found = None;
        for (group, lag) in lags {
            // One that came later had no time to show what is usual: its first lag counts.
            let before = *self.before.entry(group.clone()).or_insert(lag);
            let looks = self.above.entry(group.clone()).or_default();
            *looks = if lag > before * 2 + LEAST { *looks + 1 } else { 0 };
            if *looks >= AGREE && found.is_none() {
                found = Some(format!(
                    "group \"{group}\", which is none of this pack's, falls behind: its lag rose from {before} to {lag} records"
                ));
            }
        }
        found
    }
}

/// A watch over the groups of others; ends when it is dropped.
pub(super) struct Neighbours {
    found: Arc<Mutex<Option<String>>>,
    over: Arc<AtomicBool>,
}

impl Neighbours {
    /// Looks at what is usual, then watches. `halt` becomes true when one falls behind.
    pub async fn watch(broker: Arc<Broker>, contract: &Contract, halt: Arc<watch::Sender<bool>>) -> Neighbours {
        let ours: BTreeSet<String> =
            contract.operations.iter().filter_map(|operation| operation.group.clone()).collect();
        let (found, over) = (Arc::new(Mutex::new(None)), Arc::new(AtomicBool::new(false)));
        let (tell, ended) = (found.clone(), over.clone());
        let (ready, begun) = tokio::sync::oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let lags = usual(&broker, &ours);
            // Whoever waits for it has given up, if nobody does.
            let _ = ready.send(());
            if let Some(why) = look(&broker, &ours, lags, &ended) {
                *tell.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                halt.send_replace(true);
            }
        });
        // It is told whatever it finds.
        let _ = begun.await;
        Neighbours { found, over }
    }

    /// Which group falls behind, if one does.
    pub fn found(&self) -> Option<String> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

/// What is usual, where there is anybody at all.
fn usual(broker: &Broker, ours: &BTreeSet<String>) -> Lags {
    let (mut lags, began) = (Lags::default(), Instant::now());
    loop {
        // What the broker does not answer says nothing of anybody.
        let asked = foreign_lags(broker, ours).unwrap_or_default();
        let alone = asked.is_empty();
        lags.usual(asked);
        if alone || began.elapsed() >= BEFORE {
            return lags;
        }
        std::thread::sleep(EVERY);
    }
}

fn look(broker: &Broker, ours: &BTreeSet<String>, mut lags: Lags, over: &AtomicBool) -> Option<String> {
    while !over.load(Ordering::SeqCst) {
        std::thread::sleep(EVERY);
        // The same holds here.
        if let Some(why) = foreign_lags(broker, ours).ok().and_then(|asked| lags.now(asked)) {
            return Some(why);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lag: u64) -> BTreeMap<String, u64> {
        BTreeMap::from([("billing".to_owned(), lag)])
    }

    #[test]
    fn a_lag_that_comes_and_goes_as_it_did_before_is_nobodys_fault() {
        let mut lags = Lags::default();
        [0, 1000, 2000, 3000, 0, 900].into_iter().for_each(|lag| lags.usual(of(lag)));
        assert!(
            [2900, 0, 6100, 6099, 7000, 10].into_iter().all(|lag| lags.now(of(lag)).is_none()),
            "never twice in a row"
        );
    }

    #[test]
    fn a_lag_that_rises_far_above_what_it_was_is_told_with_its_group() {
        let mut lags = Lags::default();
        lags.usual(of(12));
        assert_eq!([124, 125, 90, 125].map(|lag| lags.now(of(lag))), [None, None, None, None]);
        let told = lags.now(of(4310)).unwrap();
        assert_eq!(
            told,
            "group \"billing\", which is none of this pack's, falls behind: its lag rose from 12 to 4310 records"
        );
    }

    #[test]
    fn a_group_that_comes_later_begins_with_what_it_has() {
        let mut lags = Lags::default();
        assert_eq!([9000, 9000, 9000].map(|lag| lags.now(of(lag))), [None, None, None]);
        assert!(lags.now(of(20_000)).is_none() && lags.now(of(20_000)).is_some());
    }
}
