//! Scales: from values to coordinates, with round ticks.

/// How values are spread over an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::html) enum Scale {
    Linear { from: f64, to: f64 },
    Log { from: f64, to: f64 },
}

impl Scale {
    /// From zero to a round number that holds all values.
    pub fn linear(values: impl Iterator<Item = f64>) -> Scale {
        let most = values.fold(0.0, f64::max);
        Scale::Linear { from: 0.0, to: if most > 0.0 { round_up(most) } else { 1.0 } }
    }

    /// Over whole decades or their 1-2-5 parts that hold all values; what is not above zero is left out.
    pub fn log(values: impl Iterator<Item = f64>) -> Scale {
        let (least, most) = values
            .filter(|value| *value > 0.0)
            .fold((f64::INFINITY, 0.0), |(least, most): (f64, f64), value| (least.min(value), most.max(value)));
        if most == 0.0 {
            return Scale::Log { from: 1.0, to: 10.0 };
        }
        let (from, to) = (round_down(least), round_up(most));
        Scale::Log { from, to: if to > from { to } else { from * 10.0 } }
    }

    /// Where a value lies, from 0 to 1.
    pub fn share(self, value: f64) -> f64 {
        let share = match self {
            Scale::Linear { from, to } => (value - from) / (to - from),
            Scale::Log { from, to } => (value.max(from) / from).ln() / (to / from).ln(),
        };
        share.clamp(0.0, 1.0)
    }

    /// Round values to write at the axis.
    pub fn ticks(self) -> Vec<f64> {
        match self {
            Scale::Linear { from, to } => (0..=4).map(|part| from + (to - from) * f64::from(part) / 4.0).collect(),
            Scale::Log { from, to } => log_ticks(from, to),
        }
    }
}

fn log_ticks(from: f64, to: f64) -> Vec<f64> {
    let decades = from.log10().floor() as i32..=to.log10().ceil() as i32;
    let parts: &[f64] = if (to / from).log10() > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let all = decades.flat_map(|decade| parts.iter().map(move |part| part * 10f64.powi(decade)));
    all.filter(|tick| *tick >= from * 0.999 && *tick <= to * 1.001).collect()
}

/// The next round number.
pub(super) fn round_up(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let part = [1.0, 2.0, 4.0, 5.0, 8.0, 10.0].into_iter().find(|part| part * decade >= value * 0.999_999);
    part.unwrap_or(10.0) * decade
}

fn round_down(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let part = [5.0, 2.0, 1.0].into_iter().find(|part| part * decade <= value * 1.000_001);
    part.unwrap_or(1.0) * decade
}

/// A number without needless digits: `0.05`, `2.5`, `1,000`.
pub(in crate::html) fn label(value: f64) -> String {
    if value >= 1000.0 {
        return crate::text::grouped(value.round() as u64);
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_hold_every_value_and_their_ticks_are_round() {
        let scale = Scale::log([0.3, 7.0, 180.0].into_iter());
        assert_eq!(scale, Scale::Log { from: 0.2, to: 200.0 });
        assert_eq!(scale.ticks().iter().map(|tick| label(*tick)).collect::<Vec<_>>(), ["1", "10", "100"]);
        assert_eq!(Scale::linear([1010.0].into_iter()), Scale::Linear { from: 0.0, to: 2000.0 });
        assert_eq!(Scale::log(std::iter::empty()), Scale::Log { from: 1.0, to: 10.0 });
    }

    proptest::proptest! {
        #[test]
        fn no_value_leaves_the_picture(values in proptest::collection::vec(0.0f64..1e9, 0..20)) {
            for scale in [Scale::linear(values.iter().copied()), Scale::log(values.iter().copied())] {
                for value in &values {
                    let share = scale.share(*value);
                    proptest::prop_assert!((0.0..=1.0).contains(&share), "{scale:?} {value} {share}");
                }
            }
        }
    }
}
