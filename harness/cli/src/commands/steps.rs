//! `steps`: the sentences, for people.

use eventproof_scenarios::catalogue::{describe, document, search};

use crate::{exit, output};

pub fn steps(words: &[String], language: Option<&str>) -> u8 {
    let found = search(words);
    if found.is_empty() {
        output::error(&format!("no sentence has all of: {}", words.join(" ")));
        return exit::USAGE;
    }
    for sentence in found {
        output::result(&describe(sentence, language));
    }
    exit::HELD
}

/// All of them as a page.
pub fn page() -> u8 {
    output::result(document().trim_end());
    exit::HELD
}
