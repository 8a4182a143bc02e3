//! What is refused, with Confluent's codes.

use eventproof_contract::{Mode, SchemaText};

use super::store::Version;

/// A compatibility level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    mode: Mode,
    transitive: bool,
}

impl Default for Level {
    fn default() -> Level {
        Level { mode: Mode::Backward, transitive: false }
    }
}

impl Level {
    /// `BACKWARD_TRANSITIVE`.
    pub fn parse(text: &str) -> Result<Level, Refusal> {
        let (word, transitive) = text.strip_suffix("_TRANSITIVE").map_or((text, false), |word| (word, true));
        let mode = match word {
            "NONE" if !transitive => Mode::None,
            "BACKWARD" => Mode::Backward,
            "FORWARD" => Mode::Forward,
            "FULL" => Mode::Full,
            _ => return Err(Refusal { code: 42203, message: format!("Invalid compatibility level: {text}") }),
        };
        Ok(Level { mode, transitive })
    }

    pub fn name(self) -> String {
        let word = match self.mode {
            Mode::None => "NONE",
            Mode::Backward => "BACKWARD",
            Mode::Forward => "FORWARD",
            Mode::Full | Mode::Additive => "FULL",
        };
        format!("{word}{}", if self.transitive { "_TRANSITIVE" } else { "" })
    }

    /// The versions that a new one is compared with.
    pub fn counting(self, earlier: &[Version]) -> &[Version] {
        let last = earlier.len().saturating_sub(1);
        if self.transitive { earlier } else { &earlier[last..] }
    }
}

/// Why a request was refused.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub code: u32,
    pub message: String,
}

impl Refusal {
    pub fn subject(subject: &str) -> Refusal {
        Refusal { code: 40401, message: format!("Subject '{subject}' not found.") }
    }

    pub fn version(number: &str) -> Refusal {
        Refusal { code: 40402, message: format!("Version {number} not found.") }
    }

    pub fn schema(message: &str) -> Refusal {
        Refusal { code: 40403, message: message.to_owned() }
    }

    pub fn no_level(subject: &str) -> Refusal {
        let message = format!("Subject '{subject}' does not have subject-level compatibility configured");
        Refusal { code: 40408, message }
    }

    pub fn not_deleted(subject: &str) -> Refusal {
        Refusal {
            code: 40405,
            message: format!("Subject '{subject}' was not deleted first before being permanently deleted"),
        }
    }

    pub fn version_number(text: &str) -> Refusal {
        let message = format!("The specified version '{text}' is not a valid version id: a number from 1, or latest");
        Refusal { code: 42202, message }
    }

    pub fn invalid(why: &str) -> Refusal {
        Refusal { code: 42201, message: format!("Invalid schema: {why}") }
    }

    pub fn incompatible(why: &[String]) -> Refusal {
        let message = format!("Schema being registered is incompatible with an earlier schema: {}", why.join("; "));
        Refusal { code: 409, message }
    }

    /// The HTTP status: the first three digits of the code.
    pub fn status(&self) -> u16 {
        let digits = if self.code > 999 { self.code / 100 } else { self.code };
        u16::try_from(digits).unwrap_or(500)
    }
}

/// What a level forbids of the change from one schema to the next.
pub(super) fn incompatibilities(level: Level, old: &SchemaText, new: &SchemaText) -> Result<Vec<String>, Refusal> {
    let changes = new.changes_since(old, "the schema").map_err(|error| Refusal::invalid(&error.to_string()))?;
    Ok(changes.iter().filter(|change| level.mode.forbids(change)).map(ToString::to_string).collect())
}
