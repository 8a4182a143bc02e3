//! Changes with their intervals, one under the other, on one axis about "no change".

use maud::{Markup, html};

use super::scale::{label, round_up};
use super::{RIGHT, WIDTH};
use crate::model::Span;

/// Height of a row, and of the axis.
const ROW: f64 = 26.0;
const AXIS: f64 = 24.0;
/// Space for the names.
const NAMES: f64 = 290.0;

/// Draws (name, change, class) rows; the band is the tolerance. All in percent.
pub(in crate::html) fn whiskers(title: &str, rows: &[(String, Span, &'static str)], tolerance: f64) -> Markup {
    // What lies far out is cut off at the edge: it would press everything else together.
    let most = rows.iter().flat_map(|row| [row.1.low.abs(), row.1.high.abs()]).fold(tolerance * 2.0, f64::max);
    let most = round_up(most.max(1.0)).min(200.0);
    let at = |percent: f64| NAMES + (percent.clamp(-most, most) + most) / (2.0 * most) * (WIDTH - RIGHT - NAMES);
    let place = |percent: f64| format!("{:.1}", at(percent));
    let height = ROW * rows.len() as f64 + AXIS;
    let end = height - AXIS;
    html! {
        @if !rows.is_empty() { figure {
            figcaption { strong { (title) } " " span class="soft" { "(%, with its 95 % interval; the band is the tolerance)" } }
            svg viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label=(title) {
                rect class="shade" x=(place(-tolerance)) y="0" width=(format!("{:.1}", at(tolerance) - at(-tolerance))) height=(end) {}
                line class="grid" x1=(place(0.0)) x2=(place(0.0)) y1="0" y2=(end) {}
                @for tick in [-most, -most / 2.0, 0.0, most / 2.0, most] {
                    text class="tick" x=(place(tick)) y=(height - 6.0) text-anchor="middle" { (signed(tick)) }
                }
                @for (index, (name, change, class)) in rows.iter().enumerate() {
                    g class=(class) transform={ "translate(0 " (ROW * (index as f64 + 0.5)) ")" } {
                        text class="tick" x=(NAMES - 12.0) y="4" text-anchor="end" { (name) }
                        line class="line" x1=(place(change.low)) x2=(place(change.high)) y1="0" y2="0" {}
                        circle class="dot" cx=(place(change.value)) cy="0" r="4" {
                            title { (name) ": " (signed(change.value)) " (" (signed(change.low)) " to " (signed(change.high)) ")" }
                        }
                    }
                }
            }
        } }
    }
}

fn signed(percent: f64) -> String {
    let rounded = (percent * 10.0).round() / 10.0;
    let sign = if rounded < 0.0 {
        "−"
    } else if rounded > 0.0 {
        "+"
    } else {
        ""
    };
    format!("{sign}{} %", label(rounded.abs()))
}
