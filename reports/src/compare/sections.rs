//! A figure of a time series and its uncertainty, where neighbouring intervals resemble each other.
//!
//! The method is *sectioning*: the figure is taken from all the data, its variance from the scatter of the same figure in
//! consecutive sections of the run (Asmussen and Glynn, *Stochastic Simulation*, 2007, III.5; for quantiles of dependent
//! data: Nakayama, "Confidence intervals for quantiles using sectioning", ACM TOMACS 24(4), 2014). Sections much longer than
//! the time over which intervals resemble each other scatter as if they were independent. As far as they still resemble each
//! other, the variance is enlarged by (1 + r) / (1 - r), r the correlation of neighbouring sections, as in Skart (Tafazzoli,
//! Wilson, Lada and Steiger, INFORMS J. Computing 23(2), 2011), with r corrected for its bias of about one over the number of sections. It
//! is never made smaller. Everything is in logarithms, so a change is a ratio.
//!
//! Where the load has a planned course, sections differ by the plan. Then each is set against the same one of the other run, and the
//! variance is that of their ratios. Sections do not decide a figure equally there (most events of a ramp are at its top): with
//! shares w of it, they are worth as much as 1 / sum(w²) equal ones.

/// So many sections: few, so that each is long; enough for their scatter to be known.
pub(super) const SECTIONS: usize = 10;
/// The correlation of sections beyond which nothing is believed to be better known.
const GREATEST_CORRELATION: f64 = 0.8;
/// 97.5 % of a normal distribution lie below.
const Z: f64 = 1.959_964;
/// And of a Student's t with one degree of freedom: all that is known comes from two sections, or less.
const OF_TWO: f64 = 12.706;
/// Sections of both runs that have anything in them, at least.
const LEAST_PAIRS: usize = SECTIONS / 2;

/// A figure, as its logarithm, with the variance of that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    pub log: f64,
    variance: f64,
}

impl Estimate {
    /// From the figure of the whole and those of its sections, in their order. A section far below the whole counts as a
    /// thousandth of it: a stop, not an infinity.
    pub fn of(whole: f64, sections: &[f64]) -> Estimate {
        let off: Vec<f64> = sections.iter().map(|section| log_of(*section, whole) - whole.ln()).collect();
        Estimate { log: whole.ln(), variance: scatter(&off) / off.len() as f64 }
    }
}

/// The logarithm of a section's figure, which is never less than a thousandth of the whole.
fn log_of(section: f64, whole: f64) -> f64 {
    section.max(whole / 1e3).ln()
}

/// How far sections scatter about the whole, as a variance, enlarged as far as neighbours resemble each other.
fn scatter(off: &[f64]) -> f64 {
    let count = off.len() as f64;
    let scatter: f64 = off.iter().map(|one| one * one).sum::<f64>() / (count - 1.0);
    let correlation = (neighbours(off) + 1.0 / count).clamp(0.0, GREATEST_CORRELATION);
    scatter * (1.0 + correlation) / (1.0 - correlation)
}

/// The correlation of neighbours about their mean; zero where nothing varies.
fn neighbours(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let all: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let pairs: f64 = values.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    if all > 0.0 { pairs / all } else { 0.0 }
}

/// The logarithm of after / before, and half the width of its 95 % interval (Welch's, by Student's t).
pub(super) fn ratio(before: Estimate, after: Estimate) -> (f64, f64) {
    let variance = before.variance + after.variance;
    if variance <= 0.0 {
        return (after.log - before.log, 0.0);
    }
    let each = (SECTIONS - 1) as f64;
    let freedom = variance.powi(2) / (before.variance.powi(2) / each + after.variance.powi(2) / each);
    (after.log - before.log, student(freedom) * variance.sqrt())
}

/// A section of a run that has a planned course.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Section {
    pub value: f64,
    /// How much of the whole figure it decides, in any unit.
    pub weight: f64,
}

/// The same from the sections of both, each set against that of the other run; none where too few of them have anything in them.
pub(super) fn paired(before: (f64, &[Section]), after: (f64, &[Section])) -> Option<(f64, f64)> {
    let ((was, before), (is, after)) = (before, after);
    let both = || before.iter().zip(after).filter(|(was, is)| was.value.max(is.value) > 0.0);
    if both().count() < LEAST_PAIRS {
        return None;
    }
    let log = is.ln() - was.ln();
    let off: Vec<f64> = both().map(|(one, other)| log_of(other.value, is) - log_of(one.value, was) - log).collect();
    let all = |sections: &[Section]| sections.iter().map(|section| section.weight).sum::<f64>();
    let (all_before, all_after) = (all(before), all(after));
    let share = |(was, is): (&Section, &Section)| (was.weight / all_before + is.weight / all_after) / 2.0;
    let worth = 1.0 / both().map(|pair| share(pair).powi(2)).sum::<f64>();
    Some((log, student(worth - 1.0) * (scatter(&off) / worth).sqrt()))
}

/// The 97.5 % quantile of Student's t, by its expansion about the normal one (Abramowitz and Stegun, 26.7.5).
fn student(freedom: f64) -> f64 {
    if freedom < 2.0 {
        // The expansion is too small there.
        return OF_TWO;
    }
    let power = |exponent: i32| Z.powi(exponent);
    let first = (power(3) + Z) / 4.0;
    let second = (5.0 * power(5) + 16.0 * power(3) + 3.0 * Z) / 96.0;
    let third = (3.0 * power(7) + 19.0 * power(5) + 17.0 * power(3) - 15.0 * Z) / 384.0;
    Z + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_t_is_that_of_the_tables() {
        for (freedom, table) in [(9.0, 2.2622), (12.0, 2.1788), (18.0, 2.1009), (30.0, 2.0423)] {
            assert!((student(freedom) - table).abs() < 0.001, "{freedom}: {} {table}", student(freedom));
        }
    }

    #[test]
    fn sections_that_resemble_their_neighbours_know_less() {
        let whole = 100.0;
        let drifting: Vec<f64> = (0..SECTIONS).map(|index| 95.0 + index as f64 * 1.1).collect();
        let mut mixed = drifting.clone();
        // The same values with no order in them.
        mixed.sort_by_key(|value| (value * 7919.0) as u64 % 97);
        let width = |sections: &[f64]| ratio(Estimate::of(whole, sections), Estimate::of(whole, sections)).1;
        assert!(width(&drifting) > width(&mixed) * 1.3, "{} {}", width(&drifting), width(&mixed));
        assert_eq!(width(&[whole; SECTIONS]), 0.0);
    }
}
