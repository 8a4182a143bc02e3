//! HTML reports: one self-contained file each, without scripts and without requests.

mod chart;
mod load;
mod parts;
mod run;

pub use load::html_load;
pub use run::html_run;
