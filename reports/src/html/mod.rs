//! HTML reports: one self-contained file each, without scripts and without requests.

mod chart;
mod compare;
mod load;
mod parts;
mod prove;
mod run;

pub use compare::html_compare;
pub use load::html_load;
pub use prove::html_prove;
pub use run::html_run;
