//! The run's one log of observations: everyone appends, everyone may read from where they stand. Who begins in the middle
//! takes a [`Standpoint`]: what was observed before of groups, services and our own blindness, which still holds then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::{Name, Observation, Surroundings};

/// An append-only log of observations, shared by clones.
#[derive(Clone)]
pub struct Journal {
    entries: Arc<Mutex<Entries>>,
    length: watch::Sender<usize>,
}

/// The log, and beside it what of it still matters to those who begin now.
#[derive(Default)]
struct Entries {
    all: Vec<Arc<Observation>>,
    lasting: Lasting,
}

/// What explains an absence, whenever it was observed. Of positions only the last counts; everything else is kept, in order.
#[derive(Default)]
struct Lasting {
    committed: BTreeMap<(Name, Name, i32), Arc<Observation>>,
    rest: Vec<Arc<Observation>>,
}

impl Lasting {
    fn take(&mut self, observation: &Arc<Observation>) {
        match &**observation {
            Observation::Committed { group, topic, partition, .. } => {
                self.committed.insert((group.clone(), topic.clone(), *partition), observation.clone());
            }
            other if Surroundings::concerns(other) => self.rest.push(observation.clone()),
            _ => {}
        }
    }
}

/// A place in the journal, with what was known there of groups, services and our own blindness. A reader that begins here
/// learns that first, so that nobody has to read the run from its beginning.
#[derive(Clone, Default)]
pub struct Standpoint {
    from: usize,
    known: Arc<[Arc<Observation>]>,
}

impl Standpoint {
    /// The first entry that is read in full.
    pub fn from(&self) -> usize {
        self.from
    }
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
            let observation = Arc::new(observation);
            entries.lasting.take(&observation);
            entries.all.push(observation);
            entries.all.len()
        };
        self.length.send_replace(length);
    }

    /// Where the log ends now.
    pub fn len(&self) -> usize {
        self.lock().all.len()
    }

    /// Whether nothing was observed yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A reader that begins at entry `from` (0: the beginning of the run).
    pub fn reader(&self, from: usize) -> JournalReader {
        JournalReader { journal: self.clone(), next: from, known: Vec::new(), length: self.length.subscribe() }
    }

    /// Where the journal ends now, with what is known there.
    pub fn standpoint(&self) -> Standpoint {
        let entries = self.lock();
        let Lasting { committed, rest } = &entries.lasting;
        Standpoint { from: entries.all.len(), known: committed.values().chain(rest).cloned().collect() }
    }

    /// A reader that is first given what was known at a standpoint, then everything from there on.
    pub fn reader_at(&self, standpoint: &Standpoint) -> JournalReader {
        JournalReader { known: standpoint.known.to_vec(), ..self.reader(standpoint.from) }
    }

    /// The entries from `from` on, as they are now.
    pub fn since(&self, from: usize) -> Vec<Arc<Observation>> {
        self.lock().all.get(from..).map(<[_]>::to_vec).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One reader's place in the journal.
pub struct JournalReader {
    journal: Journal,
    next: usize,
    /// What was known where it began, until that was taken.
    known: Vec<Arc<Observation>>,
    length: watch::Receiver<usize>,
}

impl JournalReader {
    /// What came since the last call.
    pub fn take(&mut self) -> Vec<Arc<Observation>> {
        let fresh = self.journal.since(self.next);
        self.next += fresh.len();
        if self.known.is_empty() {
            return fresh;
        }
        let mut all = std::mem::take(&mut self.known);
        all.extend(fresh);
        all
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

    fn committed(offset: i64) -> Observation {
        Observation::Committed { group: "g".into(), topic: "t".into(), partition: 0, offset, at: At::START }
    }

    #[test]
    fn a_standpoint_knows_the_last_of_each_position_and_what_lasts_but_nothing_that_came_later() {
        let journal = Journal::default();
        let started = Observation::Started { service: "s".into(), like: None, at: At::START };
        for observation in [committed(1), started.clone(), note("a"), committed(2)] {
            journal.push(observation);
        }
        let standpoint = journal.standpoint();
        journal.push(committed(3));
        let mut reader = journal.reader_at(&standpoint);
        let told: Vec<Observation> = reader.take().iter().map(|one| (**one).clone()).collect();
        assert_eq!(told, [committed(2), started, committed(3)]);
        assert!(reader.take().is_empty());
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
