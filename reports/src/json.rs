//! The result as JSON: the model itself, with its kind and the version of its schema.

use serde::{Deserialize, Serialize};

use crate::model::RunResult;

const SCHEMA: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Document<T> {
    kind: String,
    schema: u32,
    #[serde(flatten)]
    result: T,
}

/// Why a file is no result.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// It is not the JSON of a result.
    #[error("this is no result of eventproof: {0}")]
    Json(#[from] serde_json::Error),
    /// It is a result of another kind or time.
    #[error("expected a `run` result of schema {SCHEMA}, this is `{kind}` of schema {schema}")]
    Other { kind: String, schema: u32 },
}

/// Indented JSON with a final line end.
pub fn json_run(result: &RunResult) -> String {
    let document = Document { kind: "run".to_owned(), schema: SCHEMA, result };
    // The model has text keys only, so it cannot fail to be JSON.
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    format!("{text}\n")
}

/// Reads what [`json_run`] wrote.
pub fn parse_run(text: &str) -> Result<RunResult, ParseError> {
    let document: Document<RunResult> = serde_json::from_str(text)?;
    match (document.kind.as_str(), document.schema) {
        ("run", SCHEMA) => Ok(document.result),
        (kind, schema) => Err(ParseError::Other { kind: kind.to_owned(), schema }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::mixed;

    #[test]
    fn what_is_written_is_read_back_the_same() {
        assert_eq!(parse_run(&json_run(&mixed())).unwrap(), mixed());
    }

    #[test]
    fn another_file_is_refused() {
        assert!(parse_run("{}").is_err());
        let other = json_run(&mixed()).replace("\"schema\": 1", "\"schema\": 9");
        assert_eq!(
            parse_run(&other).unwrap_err().to_string(),
            "expected a `run` result of schema 1, this is `run` of schema 9"
        );
    }
}
