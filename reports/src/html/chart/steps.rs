//! Distributions over one logarithmic axis, as outlines: what share of the events lies where.

use maud::{Markup, html};

use super::lines::{across, up};
use super::scale::{Scale, label};
use super::{BOTTOM, HEIGHT, LEFT, RIGHT, WIDTH};

/// One distribution: bins of (lower edge, upper edge, count) in milliseconds.
pub(in crate::html) struct Steps {
    pub name: &'static str,
    /// The class that gives it its colour.
    pub class: &'static str,
    pub bins: Vec<(f64, f64, u64)>,
    pub count: u64,
}

/// Lower edge, upper edge, share of the events for each doubling of the latency: comparable whatever the bins' width.
type Share = (f64, f64, f64);

impl Steps {
    fn shares(&self) -> Vec<Share> {
        let share = |&(from, to, count): &(f64, f64, u64)| {
            let doublings = (to / from).log2();
            let share = if doublings > 0.0 { count as f64 * 100.0 / self.count.max(1) as f64 / doublings } else { 0.0 };
            (from, to, share)
        };
        self.bins.iter().filter(|bin| bin.0 > 0.0).map(share).collect()
    }
}

/// Draws them over each other.
pub(in crate::html) fn steps(title: &str, all: &[Steps]) -> Markup {
    let shares: Vec<Vec<Share>> = all.iter().map(Steps::shares).collect();
    let values = || shares.iter().flatten();
    let x = Scale::log(values().flat_map(|bin| [bin.0, bin.1]));
    let y = Scale::linear(values().map(|bin| bin.2));
    html! {
        figure {
            figcaption { strong { (title) } " " span class="soft" { "(% of the events for each doubling of the latency; ms, logarithmic)" }
                span class="legend" { @for one in all { span class={ "key " (one.class) } { (one.name) } } } }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(title) {
                @for tick in y.ticks() {
                    line class="grid" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(format!("{:.1}", up(y, tick))) y2=(format!("{:.1}", up(y, tick))) {}
                    text class="tick" x=(LEFT - 6.0) y=(format!("{:.1}", up(y, tick) + 4.0)) text-anchor="end" { (label(tick)) }
                }
                @for tick in x.ticks() {
                    text class="tick" x=(format!("{:.1}", across(x, tick))) y=(HEIGHT - 8.0) text-anchor="middle" { (label(tick)) " ms" }
                }
                @for (one, shares) in all.iter().zip(&shares) {
                    polyline class={ "line " (one.class) } points=(outline(x, y, shares)) { title { (one.name) } }
                }
            }
        }
    }
}

/// Up at the left edge of each bin, down at the last.
fn outline(x: Scale, y: Scale, shares: &[Share]) -> String {
    let bottom = HEIGHT - BOTTOM;
    let (Some(first), Some(last)) = (shares.first(), shares.last()) else { return String::new() };
    let corner = |edge: f64, height: f64| format!("{:.1},{height:.1}", across(x, edge));
    let tops = shares.iter().flat_map(|bin| [corner(bin.0, up(y, bin.2)), corner(bin.1, up(y, bin.2))]);
    let ends = (corner(first.0, bottom), corner(last.1, bottom));
    std::iter::once(ends.0).chain(tops).chain([ends.1]).collect::<Vec<_>>().join(" ")
}
