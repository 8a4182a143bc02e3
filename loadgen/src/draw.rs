//! What event number n is: its message, its key, its size. Each is a function of the seed and the number, so that no table
//! grows with events sent, and whoever sees a number again knows the rest. That is why nothing here draws from a stream of
//! random figures, as the usual libraries do. Of a replay nothing is drawn: a table says what was.

use std::sync::Arc;

/// How keys are spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keys {
    /// Each as often as any other.
    Uniform(u64),
    /// The n-th most frequent key comes in proportion to 1 / n^exponent.
    Zipf { count: u64, exponent: f64 },
    /// One key has this share, the others share the rest evenly.
    Hot { count: u64, share: f64 },
}

/// How long payloads are, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PayloadSize {
    Exactly(usize),
    Uniform {
        from: usize,
        to: usize,
    },
    /// Log-normal, with this median and 99th percentile.
    LogNormal {
        p50: usize,
        p99: usize,
    },
}

/// The standard normal distribution's 99th percentile.
const Z99: f64 = 2.326_347_874_040_841;

/// What is drawn for a number; kept apart, so that no draw says anything of another.
#[derive(Clone, Copy)]
enum Of {
    Lane = 1,
    Key = 2,
    Size = 3,
}

/// All draws of a load.
#[derive(Clone, Debug)]
pub(crate) struct Draw {
    seed: u64,
    /// Shares of the lanes, each added to those before.
    shares: Vec<f64>,
    keys: Keys,
    /// Shares of the keys where they differ, each added to those before.
    ranks: Arc<[f64]>,
    size: Option<PayloadSize>,
    /// No payload is longer.
    longest: usize,
    /// Where nothing is drawn, because it was all before.
    traced: Option<Traced>,
}

/// A trace, record by record.
#[derive(Clone, Debug)]
struct Traced {
    first: u64,
    steps: Arc<[Step]>,
}

/// A record of a trace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub lane: u32,
    pub key: u64,
}

impl Traced {
    fn step(&self, number: u64) -> Option<&Step> {
        self.steps.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }
}

impl Keys {
    /// How many there are.
    pub fn count(&self) -> u64 {
        match self {
            Keys::Uniform(count) | Keys::Zipf { count, .. } | Keys::Hot { count, .. } => *count,
        }
    }
}

impl Draw {
    pub fn new(seed: u64, weights: &[f64], keys: Keys, size: Option<PayloadSize>, longest: usize) -> Draw {
        let ranks = match keys {
            Keys::Zipf { count, exponent } => added_up((1..=count).map(|rank| (rank as f64).powf(-exponent))),
            Keys::Uniform(_) | Keys::Hot { .. } => Vec::new(),
        };
        let shares = added_up(weights.iter().copied());
        Draw { seed, shares, keys, ranks: ranks.into(), size, longest, traced: None }
    }

    /// The records of a trace, of which the first is event `first`.
    pub fn traced(first: u64, steps: Arc<[Step]>) -> Draw {
        let nothing = Draw::new(0, &[], Keys::Uniform(1), None, usize::MAX);
        Draw { traced: Some(Traced { first, steps }), ..nothing }
    }

    /// Which of the messages it is.
    pub fn lane(&self, number: u64) -> usize {
        if let Some(traced) = &self.traced {
            return traced.step(number).map_or(0, |step| step.lane as usize);
        }
        if self.shares.len() < 2 { 0 } else { chosen(&self.shares, share(self.mixed(number, Of::Lane))) }
    }

    /// Which of the keys it has.
    pub fn key(&self, number: u64) -> u64 {
        if let Some(traced) = &self.traced {
            return traced.step(number).map_or(0, |step| step.key);
        }
        let mixed = self.mixed(number, Of::Key);
        match self.keys {
            Keys::Uniform(count) => mixed % count.max(1),
            Keys::Hot { count, share: hot } => match share(mixed) < hot {
                true => 0,
                false if count < 2 => 0,
                false => 1 + self.mixed(mixed, Of::Key) % (count - 1),
            },
            Keys::Zipf { .. } => chosen(&self.ranks, share(mixed)) as u64,
        }
    }

    /// How long its payload is; as generated if nothing is said.
    pub fn size(&self, number: u64) -> Option<usize> {
        let mixed = self.mixed(number, Of::Size);
        let size = match self.size? {
            PayloadSize::Exactly(size) => return Some(size),
            PayloadSize::Uniform { from, to } => from + (mixed % (to.saturating_sub(from) as u64 + 1)) as usize,
            PayloadSize::LogNormal { p50, p99 } => {
                let spread = (p99.max(p50) as f64 / p50.max(1) as f64).ln() / Z99;
                let normal = normal(share(mixed), share(self.mixed(mixed, Of::Size)));
                (p50 as f64 * (spread * normal).exp()).round() as usize
            }
        };
        Some(size.min(self.longest))
    }

    /// SplitMix64's finaliser: neighbouring numbers come to unrelated figures.
    fn mixed(&self, number: u64, of: Of) -> u64 {
        let begun = self.seed.wrapping_add((of as u64).wrapping_mul(0xd1b5_4a32_d192_ed03));
        let mut mixed = (number ^ begun).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Shares of one, each added to those before.
fn added_up(weights: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let whole: f64 = weights.clone().sum();
    let mut so_far = 0.0;
    let add = |weight| {
        so_far += weight / whole;
        so_far
    };
    weights.map(add).collect()
}

/// Whose share this figure from 0 to 1 lies in.
fn chosen(shares: &[f64], at: f64) -> usize {
    shares.partition_point(|upper| *upper <= at).min(shares.len().saturating_sub(1))
}

/// A figure of the standard normal distribution from two that are even (Box and Muller).
fn normal(one: f64, other: f64) -> f64 {
    (-2.0 * (1.0 - one).ln()).sqrt() * (std::f64::consts::TAU * other).cos()
}

/// A figure from 0 to 1, by its upper 53 bits.
fn share(mixed: u64) -> f64 {
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: u64 = 100_000;

    fn keys(keys: Keys) -> Vec<u64> {
        let draw = Draw::new(7, &[1.0], keys, None, usize::MAX);
        let mut counts = vec![0; keys.count() as usize];
        (0..MANY).for_each(|number| counts[draw.key(number) as usize] += 1);
        counts
    }

    /// Within five standard deviations of a count with this share.
    fn is_near(count: u64, share: f64) -> bool {
        let expected = MANY as f64 * share;
        (count as f64 - expected).abs() <= 5.0 * (expected * (1.0 - share)).sqrt()
    }

    #[test]
    fn uniform_keys_come_equally_often() {
        assert!(keys(Keys::Uniform(50)).into_iter().all(|count| is_near(count, 1.0 / 50.0)));
    }

    #[test]
    fn zipf_keys_come_by_their_rank() {
        let (count, exponent) = (500, 1.1);
        let whole: f64 = (1..=count).map(|rank| (rank as f64).powf(-exponent)).sum();
        let counts = keys(Keys::Zipf { count, exponent });
        for (index, seen) in counts.into_iter().enumerate() {
            let share = ((index + 1) as f64).powf(-exponent) / whole;
            assert!(is_near(seen, share), "rank {}: {seen}, expected {}", index + 1, MANY as f64 * share);
        }
    }

    #[test]
    fn a_hot_key_has_its_share_and_the_others_the_rest_evenly() {
        let counts = keys(Keys::Hot { count: 41, share: 0.2 });
        assert!(is_near(counts[0], 0.2), "{}", counts[0]);
        assert!(counts[1..].iter().all(|count| is_near(*count, 0.8 / 40.0)));
    }

    #[test]
    fn messages_come_by_their_weights_independently_of_keys() {
        let draw = Draw::new(3, &[8.0, 2.0], Keys::Uniform(10), None, usize::MAX);
        let second = (0..MANY).filter(|number| draw.lane(*number) == 1);
        let (count, of_key_0) =
            second.fold((0, 0), |(count, zero), number| (count + 1, zero + u64::from(draw.key(number) == 0)));
        assert!(is_near(count, 0.2) && is_near(of_key_0, 0.02), "{count} {of_key_0}");
    }

    #[test]
    fn sizes_are_spread_as_they_should_be_and_bounded() {
        let sizes = |size, longest| {
            let draw = Draw::new(11, &[1.0], Keys::Uniform(1), Some(size), longest);
            let mut sizes: Vec<usize> = (0..MANY).filter_map(|number| draw.size(number)).collect();
            sizes.sort_unstable();
            sizes
        };
        let even = sizes(PayloadSize::Uniform { from: 200, to: 4096 }, usize::MAX);
        assert_eq!((even[0], even[even.len() - 1]), (200, 4096));
        assert!(even[even.len() / 2].abs_diff(2148) < 50);
        let log = sizes(PayloadSize::LogNormal { p50: 1024, p99: 10_240 }, 20_000);
        let (p50, p99) = (log[log.len() / 2], log[log.len() * 99 / 100]);
        assert!(p50.abs_diff(1024) < 30 && p99.abs_diff(10_240) < 600, "{p50} {p99}");
        assert_eq!(log[log.len() - 1], 20_000, "bounded by the topic's longest record");
    }

    #[test]
    fn another_seed_draws_otherwise() {
        let keys = |seed| {
            let draw = Draw::new(seed, &[1.0], Keys::Uniform(100), None, usize::MAX);
            (0..50).map(|number| draw.key(number)).collect::<Vec<_>>()
        };
        assert_eq!(keys(1), keys(1));
        assert_ne!(keys(1), keys(2));
    }
}
