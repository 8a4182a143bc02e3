//! Holds on services: shared by those who use them, exclusive for those who disturb them.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::plan::Touches;

/// One lock for each service.
pub(super) struct Holds {
    locks: BTreeMap<String, Arc<RwLock<()>>>,
}

/// What a scenario holds until it ends.
#[derive(Default)]
pub(super) struct Held {
    _shared: Vec<OwnedRwLockReadGuard<()>>,
    _exclusive: Vec<OwnedRwLockWriteGuard<()>>,
}

impl Holds {
    pub fn new(services: Vec<String>) -> Holds {
        Holds { locks: services.into_iter().map(|service| (service, Arc::default())).collect() }
    }

    /// Waits for everything that a scenario touches, always in the order of names, so that no two wait for each other.
    pub async fn acquire(&self, touches: &Touches) -> Held {
        let mut held = Held::default();
        for (service, lock) in &self.locks {
            if touches.exclusive.contains(service) {
                held._exclusive.push(lock.clone().write_owned().await);
            } else if touches.shared.contains(service) {
                held._shared.push(lock.clone().read_owned().await);
            }
        }
        held
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn touches(shared: &[&str], exclusive: &[&str]) -> Touches {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Touches { shared: set(shared), exclusive: set(exclusive) }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn who_disturbs_a_service_waits_for_those_who_use_it() {
        let holds = Holds::new(vec!["feed".to_owned(), "graph".to_owned()]);
        let user = holds.acquire(&touches(&["feed"], &[])).await;
        let other = holds.acquire(&touches(&["feed", "graph"], &[])).await;
        let disturbing = touches(&[], &["feed"]);
        let mut waiting = Box::pin(holds.acquire(&disturbing));
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut waiting).await.is_err());
        drop((user, other));
        tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap();
    }
}
