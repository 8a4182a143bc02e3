//! Markdown: for the summary of a build, or a comment on a change.

mod compare;

pub(crate) use compare::headline;
pub use compare::markdown_compare;

/// A text that stays within its cell.
fn cell(text: &str) -> String {
    crate::text::clean(text).replace('|', "\\|").replace('\n', " ")
}
