//! The built-in sentences: their forms in English and Chinese, their parameters, and what they are worth as evidence.

mod broker_fault;
mod expression;
mod matching;
mod search;
mod sentence;
mod sentences;

pub(crate) use broker_fault::{broker_fault, disturbs_broker};
pub(crate) use expression::{Compiled, is_digit, narrow};
pub use expression::{Kind, Parameter};
pub use matching::{Arguments, Matched, Matcher};
pub use search::{describe, document, search};
pub use sentence::{Form, Sentence, SentenceId};
pub use sentences::built_in;

/// Every sentence: the built-in ones, then those of linked crates.
pub fn sentences() -> impl Iterator<Item = &'static Sentence> {
    built_in().chain(crate::own::sentences())
}
