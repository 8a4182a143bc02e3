//! Lines over time.

use maud::{Markup, html};

use super::scale::{Scale, label};
use super::{BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH};

/// One line: points of (seconds, value).
pub(in crate::html) struct Line {
    pub name: String,
    /// The class that gives it its colour: `a`, `b`, `c`, `d`.
    pub class: &'static str,
    pub points: Vec<(f64, f64)>,
}

impl Line {
    pub fn new(name: &str, class: &'static str, points: Vec<(f64, f64)>) -> Line {
        Line { name: name.to_owned(), class, points }
    }
}

/// A limit that an objective sets.
pub(in crate::html) struct Threshold {
    pub text: String,
    pub value: f64,
}

/// What a picture shows.
#[derive(Default)]
pub(in crate::html) struct Picture {
    pub title: String,
    pub unit: &'static str,
    pub logarithmic: bool,
    pub lines: Vec<Line>,
    pub thresholds: Vec<Threshold>,
    /// Where the warm-up ends. Seconds.
    pub warm_up_to: f64,
    /// Where the run ends, so that all pictures have one axis. Seconds.
    pub until: f64,
    /// Spans of disturbance: from, to (seconds), what.
    pub spans: Vec<(f64, f64, String)>,
}

/// A limit further above the values than this factor is said, not drawn: it would press the lines flat.
const NEAR: f64 = 4.0;

/// Draws it.
pub(in crate::html) fn lines(picture: &Picture) -> Markup {
    let points = || picture.lines.iter().flat_map(|line| line.points.iter());
    let most = points().map(|point| point.1).fold(0.0, f64::max);
    let (near, far): (Vec<_>, Vec<_>) =
        picture.thresholds.iter().partition(|threshold| most == 0.0 || threshold.value <= most * NEAR);
    let values = points().map(|point| point.1).chain(near.iter().map(|threshold| threshold.value));
    let y = if picture.logarithmic { Scale::log(values) } else { Scale::linear(values) };
    let x = Scale::Linear { from: 0.0, to: points().map(|point| point.0).fold(picture.until.max(1.0), f64::max) };
    html! {
        figure {
            figcaption { strong { (picture.title) } " " span class="soft" { "(" (picture.unit) @if picture.logarithmic { ", logarithmic" } ")" } (legend(picture)) }
            @for threshold in far { p class="soft" { "Far above the picture: " code { (threshold.text) } } }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(picture.title) {
                @if picture.warm_up_to > 0.0 { (warm_up(x, picture.warm_up_to)) }
                @for (from, to, what) in &picture.spans { (span(x, *from, *to, what)) }
                (grid(x, y))
                @for threshold in near { (limit(y, threshold)) }
                @for line in &picture.lines { (one(x, y, line, picture.unit)) }
            }
        }
    }
}

fn legend(picture: &Picture) -> Markup {
    html! {
        span class="legend" {
            @for line in &picture.lines { span class={ "key " (line.class) } { (line.name) } }
            @if !picture.thresholds.is_empty() { span class="key limit" { "objective" } }
            @if picture.warm_up_to > 0.0 { span class="key shade" { "warm-up" } }
            @if !picture.spans.is_empty() { span class="key span" { "disturbed" } }
        }
    }
}

pub(super) fn across(x: Scale, value: f64) -> f64 {
    LEFT + x.share(value) * (WIDTH - LEFT - RIGHT)
}

pub(super) fn up(y: Scale, value: f64) -> f64 {
    HEIGHT - BOTTOM - y.share(value) * (HEIGHT - TOP - BOTTOM)
}

fn warm_up(x: Scale, to: f64) -> Markup {
    html! { rect class="shade" x=(LEFT) y=(TOP) width=(format!("{:.1}", across(x, to) - LEFT)) height=(HEIGHT - TOP - BOTTOM) { title { "warm-up: in no figure" } } }
}

fn span(x: Scale, from: f64, to: f64, what: &str) -> Markup {
    let (left, right) = (across(x, from), across(x, to));
    html! { rect class="span" x=(format!("{left:.1}")) y=(TOP) width=(format!("{:.1}", (right - left).max(2.0))) height=(HEIGHT - TOP - BOTTOM) { title { (what) } } }
}

fn grid(x: Scale, y: Scale) -> Markup {
    let to = match x {
        Scale::Linear { to, .. } | Scale::Log { to, .. } => to,
    };
    html! {
        @for tick in y.ticks() {
            line class="grid" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(format!("{:.1}", up(y, tick))) y2=(format!("{:.1}", up(y, tick))) {}
            text class="tick" x=(LEFT - 6.0) y=(format!("{:.1}", up(y, tick) + 4.0)) text-anchor="end" { (label(tick)) }
        }
        @for tick in seconds(to) {
            text class="tick" x=(format!("{:.1}", across(x, tick))) y=(HEIGHT - 8.0) text-anchor="middle" { (label(tick)) " s" }
        }
    }
}

/// Round seconds, at most seven.
fn seconds(to: f64) -> Vec<f64> {
    let steps = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21_600.0];
    let step = steps.into_iter().find(|step| to / step <= 7.0).unwrap_or(to / 7.0);
    (0..=(to / step) as u32).map(|number| f64::from(number) * step).collect()
}

fn limit(y: Scale, threshold: &Threshold) -> Markup {
    let at = format!("{:.1}", up(y, threshold.value));
    html! {
        line class="limit" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(at) y2=(at) { title { (threshold.text) } }
        text class="tick limit" x=(WIDTH - RIGHT) y=(format!("{:.1}", up(y, threshold.value) - 4.0)) text-anchor="end" { (threshold.text) }
    }
}

/// Where an interval has no value the line is interrupted: nothing was measured there.
fn pieces(points: &[(f64, f64)]) -> Vec<&[(f64, f64)]> {
    let step = points.windows(2).map(|pair| pair[1].0 - pair[0].0).fold(f64::INFINITY, f64::min);
    points.chunk_by(|one, next| next.0 - one.0 <= step * 1.5).collect()
}

fn one(x: Scale, y: Scale, line: &Line, unit: &str) -> Markup {
    let place = |point: &(f64, f64)| format!("{:.1},{:.1}", across(x, point.0), up(y, point.1));
    // A dot for each point would only blacken a long run.
    let dots = line.points.len() <= 120;
    html! {
        @for piece in pieces(&line.points) {
            polyline class={ "line " (line.class) } points=(piece.iter().map(place).collect::<Vec<_>>().join(" ")) {}
        }
        @if dots {
            @for point in &line.points {
                circle class={ "dot " (line.class) } cx=(format!("{:.1}", across(x, point.0))) cy=(format!("{:.1}", up(y, point.1))) r="2.5" {
                    title { (line.name) " at " (label(point.0)) " s: " (label(point.1)) " " (unit) }
                }
            }
        }
    }
}
