//! The run's one log of observations: everyone appends, everyone may read from where they stand.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::Observation;

/// An append-only log of observations, shared by clones.
#[derive(Clone)]
pub struct Journal {
    entries: Arc<Mutex<Vec<Arc<Observation>>>>,
    length: watch::Sender<usize>,
}

impl Default for Journal {
    fn default() -> Self {
        Journal { entries: Arc::default(), length: watch::Sender::new(0) }
    }
}

impl Journal {
    /// Appends an observation and wakes the readers.
    pub fn push(&self, observation: Observation) {
        let length = {
            let mut entries = self.lock();
            entries.push(Arc::new(observation));
            entries.len()
        };
        self.length.send_replace(length);
    }

    /// Where the log ends now.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether nothing was observed yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A reader that begins at entry `from` (0: the beginning of the run).
    pub fn reader(&self, from: usize) -> JournalReader {
        JournalReader { journal: self.clone(), next: from, length: self.length.subscribe() }
    }

    /// The entries from `from` on, as they are now.
    pub fn since(&self, from: usize) -> Vec<Arc<Observation>> {
        self.lock().get(from..).map(<[_]>::to_vec).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Observation>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One reader's place in the journal.
pub struct JournalReader {
    journal: Journal,
    next: usize,
    length: watch::Receiver<usize>,
}

impl JournalReader {
    /// What came since the last call.
    pub fn take(&mut self) -> Vec<Arc<Observation>> {
        let fresh = self.journal.since(self.next);
        self.next += fresh.len();
        fresh
    }

    /// Returns once there is something that [`take`](Self::take) has not given yet. Cancel-safe.
    pub async fn changed(&mut self) {
        let next = self.next;
        // The sender lives in our own journal, so it cannot be gone.
        let _ = self.length.wait_for(|length| *length > next).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::At;

    fn note(text: &str) -> Observation {
        Observation::Note { text: text.into(), at: At::START }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_reader_sees_every_entry_once_and_wakes_for_new_ones() {
        let journal = Journal::default();
        journal.push(note("first"));
        let mut reader = journal.reader(0);
        assert_eq!(reader.take().len(), 1);
        assert!(reader.take().is_empty());
        let (_, ()) = tokio::join!(reader.changed(), async { journal.push(note("second")) });
        assert_eq!(*reader.take()[0], note("second"));
    }

    #[test]
    fn a_reader_can_begin_in_the_middle() {
        let journal = Journal::default();
        journal.push(note("first"));
        let mut reader = journal.reader(journal.len());
        journal.push(note("second"));
        assert_eq!(reader.take().len(), 1);
    }
}
