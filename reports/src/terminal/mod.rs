//! What a terminal shows: one line as things go on, and at the end what broke and the counts.

mod compare;
mod live;
mod load;
mod prove;
mod run;

pub use compare::terminal_compare;
pub use live::{load_line, tail_line};
pub use load::terminal_load;
pub use prove::{fault_line, terminal_prove};
pub use run::{scenario_line, terminal_run};

use crate::model::{Finding, Outcome, Provenance};
use crate::text::{clean, millis};

/// How to print.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub color: bool,
    /// Columns.
    pub width: usize,
}

impl Style {
    /// The text in the colour of an outcome, where colours are welcome.
    pub fn paint(self, outcome: Outcome, text: &str) -> String {
        let code = match outcome {
            Outcome::Held => "32",
            Outcome::Broken => "31",
            Outcome::NoVerdict => "33",
            Outcome::Skipped => "2",
        };
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// The word for an outcome.
pub(crate) fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Held => "held",
        Outcome::Broken => "BROKEN",
        Outcome::NoVerdict => "no verdict",
        Outcome::Skipped => "skipped",
    }
}

/// `7 held, 1 BROKEN`: how many of each, none of what did not occur.
fn tally(outcomes: impl Iterator<Item = Outcome> + Clone, style: Style) -> String {
    let count = |of: Outcome| outcomes.clone().filter(|outcome| *outcome == of).count();
    let counted: Vec<String> = [Outcome::Held, Outcome::Broken, Outcome::NoVerdict, Outcome::Skipped]
        .into_iter()
        .filter(|outcome| count(*outcome) > 0 || *outcome == Outcome::Held)
        .map(|outcome| style.paint(outcome, &format!("{} {}", count(outcome), word(outcome))))
        .collect();
    counted.join(", ")
}

/// The last line: on what, how long, with which seed.
fn footer(provenance: &Provenance) -> String {
    let interrupted = if provenance.interrupted { ", interrupted" } else { "" };
    let lasted = millis(provenance.duration_ms);
    let seed = match provenance.merged {
        0 => format!("seed {}", provenance.seed),
        parts => format!("merged from {parts} results"),
    };
    format!("on the {}, in {lasted}, {seed}{interrupted}\n", provenance.broker.label)
}

fn indented(finding: &Finding) -> String {
    let lines = clean(&finding.text);
    let body: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    format!("{body}    [{}]\n", finding.code)
}
