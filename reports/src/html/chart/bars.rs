//! A distribution: bars over a logarithmic axis, with marks at percentiles.

use maud::{Markup, html};

use super::lines::{across, up};
use super::scale::{Scale, label};
use super::{BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH};

/// A vertical line with a name: a percentile.
pub(in crate::html) struct Mark {
    pub name: String,
    pub value: f64,
}

/// Draws bars of (lower edge, upper edge, count) in milliseconds.
pub(in crate::html) fn bars(title: &str, bins: &[(f64, f64, u64)], marks: &[Mark]) -> Markup {
    let shown: Vec<_> = bins.iter().filter(|bin| bin.2 > 0).collect();
    let x = Scale::log(shown.iter().flat_map(|bin| [bin.0, bin.1]).chain(marks.iter().map(|mark| mark.value)));
    let y = Scale::linear(shown.iter().map(|bin| bin.2 as f64));
    html! {
        figure {
            figcaption { strong { (title) } " " span class="soft" { "(events by latency in ms, logarithmic)" } }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(title) {
                @for tick in y.ticks() {
                    line class="grid" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(format!("{:.1}", up(y, tick))) y2=(format!("{:.1}", up(y, tick))) {}
                    text class="tick" x=(LEFT - 6.0) y=(format!("{:.1}", up(y, tick) + 4.0)) text-anchor="end" { (label(tick)) }
                }
                @for tick in x.ticks() {
                    text class="tick" x=(format!("{:.1}", across(x, tick))) y=(HEIGHT - 8.0) text-anchor="middle" { (label(tick)) " ms" }
                }
                @for bin in shown { (bar(x, y, bin)) }
                @for (index, mark) in marks.iter().enumerate() { (one(x, index, mark)) }
            }
        }
    }
}

fn bar(x: Scale, y: Scale, (from, to, count): &(f64, f64, u64)) -> Markup {
    let (left, right) = (across(x, *from), across(x, *to));
    let top = up(y, *count as f64);
    html! {
        rect class="bar" x=(format!("{left:.1}")) width=(format!("{:.1}", (right - left - 0.5).max(1.0)))
            y=(format!("{top:.1}")) height=(format!("{:.1}", HEIGHT - BOTTOM - top)) {
            title { (label(*from)) " to " (label(*to)) " ms: " (count) " events" }
        }
    }
}

fn one(x: Scale, index: usize, mark: &Mark) -> Markup {
    let at = format!("{:.1}", across(x, mark.value));
    // Neighbouring percentiles often lie close: their names are set at different heights.
    let height = TOP - 4.0 + 12.0 * (index % 3) as f64;
    html! {
        line class="mark" x1=(at) x2=(at) y1=(TOP) y2=(HEIGHT - BOTTOM) { title { (mark.name) ": " (label(mark.value)) " ms" } }
        text class="tick" x=(at) y=(format!("{height:.1}")) text-anchor="middle" { (mark.name) }
    }
}
