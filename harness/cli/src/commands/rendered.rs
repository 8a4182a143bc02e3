//! Results in every form that people and programs read, for whichever command has one.

use eventproof_reports::model::{LoadResult, ProveResult, RunResult};
use eventproof_reports::{
    Style, html_load, html_prove, html_run, json_load, json_prove, json_run, junit, junit_load, junit_prove,
    terminal_load, terminal_prove, terminal_run,
};

use super::files::Rendered;
use crate::output;

fn style() -> Style {
    Style { color: output::color(), width: output::width() }
}

/// A scenario run.
pub fn run(result: &RunResult) -> Rendered {
    Rendered {
        terminal: terminal_run(result, style()),
        html: html_run(result),
        junit: junit(result).map_err(|error| error.to_string()),
        json: json_run(result),
    }
}

/// A load run.
pub fn load(result: &LoadResult) -> Rendered {
    Rendered {
        terminal: terminal_load(result, style()),
        html: html_load(result),
        junit: junit_load(result).map_err(|error| error.to_string()),
        json: json_load(result),
    }
}

/// A proof.
pub fn prove(result: &ProveResult) -> Rendered {
    Rendered {
        terminal: terminal_prove(result, style()),
        html: html_prove(result),
        junit: junit_prove(result).map_err(|error| error.to_string()),
        json: json_prove(result),
    }
}
