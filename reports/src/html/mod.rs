//! HTML reports: one self-contained file each, without scripts and without requests.

mod parts;
mod run;

pub use run::html_run;
