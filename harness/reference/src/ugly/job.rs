//! A job: what a record asks for.

use std::time::Duration;

use serde::Deserialize;

use crate::shared::kafka::Record;

/// What is to be done, and how hard it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Job {
    pub(super) event_id: String,
    pub(super) subject: String,
    #[serde(default)]
    takes_ms: u64,
    /// So many attempts fail.
    #[serde(default)]
    pub(super) fails: u32,
}

impl Job {
    /// Reads a record, or says why it is no job.
    pub(super) fn read(record: &Record) -> Result<Job, String> {
        serde_json::from_slice(record.payload.as_deref().unwrap_or_default()).map_err(|error| error.to_string())
    }

    /// The work itself.
    pub(super) async fn work(&self) {
        tokio::time::sleep(Duration::from_millis(self.takes_ms)).await;
    }
}
