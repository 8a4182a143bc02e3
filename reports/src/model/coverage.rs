//! Which of a contract's promises scenarios touched.

use serde::{Deserialize, Serialize};

/// Every promise with the scenarios that touched it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    pub rows: Vec<CoverageRow>,
}

/// One promise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CoverageRow {
    pub channel: String,
    pub message: String,
    /// `schema`, `key`, `delivery`, `idempotency`, `order`, `retry`, `dead letter`, `deadline`, `privacy`.
    pub property: String,
    /// Names of scenarios that had a verdict; empty if none did.
    pub by: Vec<String>,
}

impl Coverage {
    /// How many promises are touched.
    pub fn touched(&self) -> usize {
        self.rows.iter().filter(|row| !row.by.is_empty()).count()
    }

    /// The share that is touched, 0 to 100, rounded down: 100 is all. A contract that promises nothing is touched wholly.
    pub fn percent(&self) -> u8 {
        let all = self.rows.len().max(1);
        let touched = if self.rows.is_empty() { 1 } else { self.touched() };
        u8::try_from(touched * 100 / all).unwrap_or(100)
    }

    /// The promises of a message, in the order of the contract, message by message.
    pub fn by_message(&self) -> Vec<(&str, Vec<&CoverageRow>)> {
        let mut found: Vec<(&str, Vec<&CoverageRow>)> = Vec::new();
        for row in &self.rows {
            match found.last_mut().filter(|(message, _)| *message == row.message) {
                Some((_, rows)) => rows.push(row),
                None => found.push((&row.message, vec![row])),
            }
        }
        found
    }
}
