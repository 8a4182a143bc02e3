//! How fast: `rate: 1000/s`, `rate: max`, or the phases of a `shape:`.

use eventproof_source::{Diagnostic, Diagnostics, Fields, Node, Source, units};

use super::Pace;
use crate::shape::Phase;

/// Reads `rate` and `events`, or `shape`.
pub(super) fn pace(fields: &mut Fields<'_>, source: &Source, faults: &mut Diagnostics) -> Option<Pace> {
    // None in the inner option: as fast as possible.
    let rate = fields.parsed("rate", faults, |text| match text {
        "max" => Ok(None),
        text => units::parse_rate(text).map(Some),
    });
    let events = fields.u64("events", faults);
    let (has_rate, shape) = (fields.node("rate").is_some(), fields.node("shape"));
    let replayed = fields.node("replay").is_some();
    let span = fields.span();
    let mut wrong = |message: &str, help: &str| {
        faults.push(Diagnostic::error("load/pace", message).at(source, span).help(help));
    };
    if replayed && (has_rate || shape.is_some() || events.is_some()) {
        wrong(
            "a replay has the instants that were",
            "leave `rate`, `shape` and `events` out; `speed: 2` is twice as fast",
        );
        return None;
    }
    match (has_rate, shape) {
        (false, None) if replayed => return Some(Pace::Traced),
        (true, Some(_)) => {
            wrong("a load profile has either `rate` or `shape`", "a steady rate can be a phase: {rate: 200/s, for: 5s}")
        }
        (false, None) => {
            wrong("a load profile has no `rate`", "write `rate: 1000/s`, `rate: max`, or the phases of a `shape`")
        }
        (false, Some(_)) if events.is_some() => {
            wrong("a shape has as many events as its rates and times make", "leave `events` out");
        }
        (true, None) if events.is_none() && fields.node("events").is_none() => {
            wrong("a load profile has no `events`", "write how many events are sent after the warm-up");
        }
        (true, None) => {
            let events = events?;
            return rate.map(|rate| rate.map_or(Pace::Max { events }, |rate| Pace::Steady { rate, events }));
        }
        (false, Some(shape)) => return Some(Pace::Shape(phases(shape, source, faults)?)),
    }
    None
}

fn phases(shape: &Node, source: &Source, faults: &mut Diagnostics) -> Option<Vec<Phase>> {
    let mut phases: Vec<Phase> = Vec::new();
    for node in shape.items().unwrap_or(std::slice::from_ref(shape)) {
        let before = phases.last().map(|phase| phase.to);
        phases.extend(phase(node, before, source, faults)?);
    }
    if phases.is_empty() {
        let message = "a shape has at least one phase";
        let help = "write such as {rate: 200/s, for: 5s}, {to: 2000/s, for: 10s}, {spike: 5000/s, for: 1s}";
        faults.push(Diagnostic::error("load/pace", message).at(source, shape.span).help(help));
        return None;
    }
    Some(phases)
}

/// `{rate, for}`, `{spike, for}`, `{from, to, for}`, `{from, to, steps, for}`; without `from`, from where the phase before ended.
fn phase(node: &Node, before: Option<f64>, source: &Source, faults: &mut Diagnostics) -> Option<Vec<Phase>> {
    let mut fields = Fields::of(node, source, "a phase of a shape", faults)?;
    let (rate, spike) = (fields.rate("rate", faults), fields.rate("spike", faults));
    let (from, to) = (fields.rate("from", faults), fields.rate("to", faults));
    let steps = fields.u64("steps", faults);
    fields.required("for", faults);
    let lasting = fields.parsed("for", faults, |text| match units::parse_duration(text)? {
        lasting if lasting.is_zero() => Err("a phase lasts longer than nothing".to_owned()),
        lasting => Ok(lasting),
    });
    fields.finish(faults);
    let lasting = lasting?;
    let read = match (rate.xor(spike), from.or(before), to, steps) {
        (Some(rate), _, None, None) if from.is_none() => Some(vec![Phase::steady(rate, lasting)]),
        (None, Some(from), Some(to), None) if rate.or(spike).is_none() => Some(vec![Phase { from, to, lasting }]),
        (None, Some(from), Some(to), Some(steps @ 2..=1000)) if rate.or(spike).is_none() => {
            Some(Phase::stairs(from, to, steps as u32, lasting))
        }
        _ => None,
    };
    if read.is_none() {
        let message = "a phase is steady, a spike, a ramp or stairs, and lasts";
        let help = "write {rate: 200/s, for: 5s}, {spike: 5000/s, for: 1s}, {from: 200/s, to: 2000/s, for: 10s} or {from: 200/s, to: 2000/s, steps: 10, for: 10s} (2 to 1000 steps); without `from` it begins where the phase before ended";
        faults.push(Diagnostic::error("load/pace", message).at(source, node.span).help(help));
    }
    read
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use eventproof_source::parse_yaml;

    use super::*;

    fn read(text: &str) -> Result<Pace, String> {
        let source = Source::inline("load.yaml", text);
        let node = parse_yaml(&source).unwrap();
        let mut faults = Diagnostics::default();
        let mut fields = Fields::of(&node, &source, "a load profile", &mut faults).unwrap();
        let pace = pace(&mut fields, &source, &mut faults);
        if faults.has_errors() { Err(faults.render(false)) } else { Ok(pace.unwrap()) }
    }

    #[test]
    fn a_pace_is_a_rate_or_a_shape() {
        assert_eq!(read("rate: 100/s\nevents: 5").unwrap(), Pace::Steady { rate: 100.0, events: 5 });
        assert_eq!(read("rate: max\nevents: 5").unwrap(), Pace::Max { events: 5 });
        let text = "shape:\n  - {rate: 200/s, for: 5s}\n  - {to: 2000/s, for: 10s}\n  - {spike: 5000/s, for: 1s}\n  - {from: 100/s, to: 300/s, steps: 2, for: 2s}\n";
        let Pace::Shape(phases) = read(text).unwrap() else { panic!("no shape") };
        let ramp = Phase { from: 200.0, to: 2000.0, lasting: Duration::from_secs(10) };
        assert_eq!((phases.len(), phases[1]), (5, ramp));
        assert_eq!(phases[4], Phase::steady(300.0, Duration::from_secs(1)));
    }

    #[test]
    fn what_is_no_pace_says_what_to_write() {
        let text = [
            "events: 5",
            "rate: 1/s",
            "rate: 1/s\nevents: 1\nshape: []",
            "events: 3\nshape: [{rate: 1/s, for: 1s}]",
            "shape: []",
        ]
        .into_iter()
        .chain(["shape: [{to: 5/s, for: 1s}]", "shape: [{rate: 5/s}]", "shape: [{rate: 1/s, spike: 2/s, for: 1s}]"])
        .chain(["shape: [{from: 1/s, to: 2/s, steps: 1, for: 1s}]", "rate: fast\nevents: 1"])
        .map(|text| format!("{text}\n{}\n", read(text).unwrap_err()));
        insta::assert_snapshot!(text.collect::<String>());
    }
}
