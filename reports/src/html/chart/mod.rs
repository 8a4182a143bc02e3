//! Pictures as SVG without scripts: lines over time and bars over a logarithmic axis.
//!
//! A picture is drawn in a fixed coordinate system and scales with its column; every mark has a title, so that a pointer
//! resting on it shows the figure.

mod bars;
mod lines;
mod scale;
mod steps;
mod whiskers;

pub(super) use bars::{Mark, bars};
pub(super) use lines::{Line, Picture, Threshold, lines};
pub(super) use steps::{Steps, steps};
pub(super) use whiskers::whiskers;

/// Width of the coordinate system.
const WIDTH: f64 = 720.0;
/// Height of the coordinate system.
const HEIGHT: f64 = 220.0;
/// Space for labels: left, right, top, bottom.
const LEFT: f64 = 58.0;
const RIGHT: f64 = 26.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 28.0;
