//! The catalogue itself. Documentation, lint, search and the runner all read these lists.

mod acting;
mod breaking;
mod disturbing;
mod expecting;
mod failing;
mod looking;

use super::sentence::{Form, Sentence};

const fn en(expression: &'static str) -> Form {
    Form { language: "en", expression }
}

const fn zh(expression: &'static str) -> Form {
    Form { language: "zh-CN", expression }
}

/// Every built-in sentence.
pub fn built_in() -> impl Iterator<Item = &'static Sentence> {
    let lists = [
        acting::ACTING,
        failing::FAILING,
        expecting::EXPECTING,
        looking::LOOKING,
        disturbing::DISTURBING,
        breaking::BREAKING,
    ];
    lists.into_iter().flatten()
}
