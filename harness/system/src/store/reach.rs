//! Whether the store itself can be reached: told when that changes, and not for each connection.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whom it is told.
pub(super) type Tell = Box<dyn Fn(&str) + Send + Sync>;

/// What is known of a store behind its proxy.
pub(super) struct Reach {
    store: String,
    address: String,
    tell: Tell,
    unreached: Mutex<Option<String>>,
}

impl Reach {
    pub fn new(store: &str, address: &str, tell: Tell) -> Reach {
        Reach { store: store.to_owned(), address: address.to_owned(), tell, unreached: Mutex::default() }
    }

    /// Where the store is.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Why it could not be reached when it was last tried.
    pub fn unreached(&self) -> Option<String> {
        self.lock().clone()
    }

    /// It was tried, with this outcome.
    pub fn tried(&self, outcome: Result<(), String>) {
        let now = outcome.err().map(|why| format!("{} cannot be reached: {why}", self.address));
        let before = std::mem::replace(&mut *self.lock(), now.clone());
        if before != now {
            let is_there = || format!("{} is reached again", self.address);
            (self.tell)(&format!("store \"{}\": {}", self.store, now.unwrap_or_else(is_there)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.unreached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_stays_as_it_is_is_told_once() {
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let keeper = told.clone();
        let reach = Reach::new("db", "h:1", Box::new(move |text| keeper.lock().unwrap().push(text.to_owned())));
        for outcome in [Ok(()), Err("refused"), Err("refused"), Ok(()), Ok(())] {
            reach.tried(outcome.map_err(str::to_owned));
        }
        let told = told.lock().unwrap();
        assert_eq!(*told, ["store \"db\": h:1 cannot be reached: refused", "store \"db\": h:1 is reached again"]);
    }
}
