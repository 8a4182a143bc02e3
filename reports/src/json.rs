//! The result as JSON: the model itself, with its kind and the version of its schema.

use eventproof_evidence::NoHistogram;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::intervals::{Recovered, are_intervals, parse_intervals};
use crate::model::{Comparison, LoadResult, ProveResult, RunResult};

pub(crate) const SCHEMA: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Document<T> {
    kind: String,
    schema: u32,
    #[serde(flatten)]
    result: T,
}

/// Only what says which kind of document it is.
#[derive(Deserialize)]
pub(crate) struct Head {
    pub kind: String,
    schema: u32,
}

/// Why a file is no result.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// It is not the JSON of a result.
    #[error("this is no result of eventproof: {0}")]
    Json(#[from] serde_json::Error),
    /// It is a result of another kind or time.
    #[error("expected a `{expected}` result of schema {SCHEMA}, this is `{kind}` of schema {schema}")]
    Other { expected: &'static str, kind: String, schema: u32 },
    /// A line of a load's intervals.
    #[error("line {number}: {error}")]
    Line { number: usize, error: serde_json::Error },
    /// Not even a first line.
    #[error("there is no whole line in it")]
    NoLine,
    /// A histogram in it.
    #[error(transparent)]
    Histogram(#[from] NoHistogram),
}

/// A result of any kind.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyResult {
    Run(RunResult),
    Load(LoadResult),
    Intervals(Recovered),
    Prove(ProveResult),
}

/// Reads a result, whichever kind it is.
pub fn parse_any(text: &str) -> Result<AnyResult, ParseError> {
    if are_intervals(text) {
        return parse_intervals(text).map(AnyResult::Intervals);
    }
    let head: Head = serde_json::from_str(text)?;
    match head.kind.as_str() {
        "load" => parse_load(text).map(AnyResult::Load),
        "prove" => read("prove", text).map(AnyResult::Prove),
        _ => parse_run(text).map(AnyResult::Run),
    }
}

/// The result of a scenario run as indented JSON with a final line end.
pub fn json_run(result: &RunResult) -> String {
    write("run", result)
}

/// Reads what [`json_run`] wrote.
pub fn parse_run(text: &str) -> Result<RunResult, ParseError> {
    read("run", text)
}

/// The result of a proof as indented JSON with a final line end.
pub fn json_prove(result: &ProveResult) -> String {
    write("prove", result)
}

/// The result of a load run as indented JSON with a final line end.
pub fn json_load(result: &LoadResult) -> String {
    write("load", result)
}

/// A comparison of two load results as indented JSON with a final line end.
pub fn json_compare(comparison: &Comparison) -> String {
    write("compare", comparison)
}

/// Reads what [`json_load`] wrote.
pub fn parse_load(text: &str) -> Result<LoadResult, ParseError> {
    read("load", text)
}

fn write<T: Serialize>(kind: &str, result: T) -> String {
    let document = Document { kind: kind.to_owned(), schema: SCHEMA, result };
    // The model has text keys only, so it cannot fail to be JSON.
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    format!("{text}\n")
}

fn read<T: DeserializeOwned>(expected: &'static str, text: &str) -> Result<T, ParseError> {
    let head: Head = serde_json::from_str(text)?;
    if head.kind != expected || head.schema != SCHEMA {
        return Err(ParseError::Other { expected, kind: head.kind, schema: head.schema });
    }
    Ok(serde_json::from_str::<Document<T>>(text)?.result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{load, mixed, proof};

    #[test]
    fn what_is_written_is_read_back_the_same() {
        assert_eq!(parse_run(&json_run(&mixed())).unwrap(), mixed());
        assert_eq!(parse_load(&json_load(&load())).unwrap(), load());
        assert_eq!(parse_any(&json_run(&mixed())).unwrap(), AnyResult::Run(mixed()));
        assert_eq!(parse_any(&json_load(&load())).unwrap(), AnyResult::Load(load()));
        assert_eq!(parse_any(&json_prove(&proof())).unwrap(), AnyResult::Prove(proof()));
    }

    #[test]
    fn another_file_is_refused() {
        assert!(parse_run("{}").is_err());
        assert!(parse_run(&json_load(&load())).unwrap_err().to_string().contains("this is `load`"));
        let other = json_run(&mixed()).replace("\"schema\": 1", "\"schema\": 9");
        assert_eq!(
            parse_run(&other).unwrap_err().to_string(),
            "expected a `run` result of schema 1, this is `run` of schema 9"
        );
    }
}
