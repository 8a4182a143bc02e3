//! Latencies as text and back: HdrHistogram's own compressed V2 form in base64, which its tools in other languages read,
//! in microseconds. What lies out of range is in no histogram and has to be kept beside it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};

use super::Latencies;

/// A text that is no histogram of latencies.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("this is no histogram in HdrHistogram's compressed form: {0}")]
pub struct NoHistogram(String);

impl Latencies {
    /// The distribution as text; empty if there is nothing in range.
    pub fn encode(&self) -> String {
        let mut bytes = Vec::new();
        let written = V2DeflateSerializer::new().serialize(&self.micros, &mut bytes);
        // Writing into memory cannot fail, and these bounds are within what the form can hold.
        if self.micros.is_empty() || written.is_err() { String::new() } else { STANDARD.encode(bytes) }
    }

    /// Reads what [`encode`](Latencies::encode) wrote. The mean is that of the histogram, to three digits.
    ///
    /// # Errors
    /// If it is something else, or has samples that latencies cannot have.
    pub fn decode(text: &str) -> Result<Latencies, NoHistogram> {
        let mut latencies = Latencies::new();
        if text.is_empty() {
            return Ok(latencies);
        }
        let bytes = STANDARD.decode(text).map_err(|error| NoHistogram(error.to_string()))?;
        let read: Histogram<u64> =
            Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|error| NoHistogram(error.to_string()))?;
        latencies.total = Duration::from_secs_f64(read.mean() * read.len() as f64 / 1e6);
        let bounds = |of: &Histogram<u64>| (of.low(), of.high(), of.sigfig());
        if bounds(&read) == bounds(&latencies.micros) {
            latencies.micros = read;
        } else {
            latencies.micros.add(&read).map_err(|error| NoHistogram(error.to_string()))?;
        }
        Ok(latencies)
    }

    /// Takes in latencies that are longer than can be kept apart.
    pub fn add_out_of_range(&mut self, count: u64) {
        self.out_of_range += count;
    }

    /// The same with what was kept beside the text: how long all of them were together, to the nanosecond, and how many
    /// were out of range. The mean is then exact.
    ///
    /// # Errors
    /// As [`decode`](Latencies::decode).
    pub fn decode_exactly(text: &str, total: Duration, out_of_range: u64) -> Result<Latencies, NoHistogram> {
        Ok(Latencies { total, out_of_range, ..Latencies::decode(text)? })
    }

    /// How many are not longer than `limit`, to three digits.
    pub fn count_up_to(&self, limit: Duration) -> u64 {
        self.micros.count_between(0, u64::try_from(limit.as_micros()).unwrap_or(u64::MAX))
    }

    /// All of them together.
    pub fn total(&self) -> Duration {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Percentile;

    proptest! {
        #[test]
        fn what_is_written_is_read_back_with_every_percentile(micros in prop::collection::vec(1u64..3_000_000_000, 0..80)) {
            let mut latencies = Latencies::new();
            micros.iter().for_each(|micros| latencies.record(Duration::from_micros(*micros)));
            let read = Latencies::decode(&latencies.encode()).unwrap();
            prop_assert_eq!(read.count(), latencies.count());
            for percentile in [0.1, 50.0, 95.0, 99.9, 100.0] {
                prop_assert_eq!(read.percentile(Percentile(percentile)), latencies.percentile(Percentile(percentile)));
            }
            let (mean, expected) = (read.mean().as_secs_f64(), latencies.mean().as_secs_f64());
            prop_assert!((mean - expected).abs() <= expected * 0.001 + 1e-6, "{mean} {expected}");
        }
    }

    #[test]
    fn a_histogram_of_another_program_is_read() {
        // As the compressed form begins in every language.
        let mut one = Latencies::new();
        one.record(Duration::from_millis(1));
        assert!(one.encode().starts_with("HISTFAAAA"), "{}", one.encode());
        let mut narrow = Histogram::<u64>::new_with_bounds(1, 10_000, 2).unwrap();
        narrow.record_n(100, 7).unwrap();
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&narrow, &mut bytes).unwrap();
        let read = Latencies::decode(&STANDARD.encode(bytes)).unwrap();
        assert_eq!((read.count(), read.max()), (7, Duration::from_micros(100)));
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        for text in ["x", "AAAA", "HISTFAAAABl42pNpmSzMwMDAxAABzFCaEURcW7yEwf4DRITJhIkBAJ"] {
            assert!(Latencies::decode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn samples_up_to_a_limit_are_counted() {
        let mut latencies = Latencies::new();
        [1, 5, 5, 10, 50].iter().for_each(|millis| latencies.record(Duration::from_millis(*millis)));
        latencies.add_out_of_range(2);
        let up_to = |millis| latencies.count_up_to(Duration::from_millis(millis));
        assert_eq!((up_to(0), up_to(1), up_to(5), up_to(49), up_to(60)), (0, 1, 3, 4, 5));
        assert_eq!((latencies.count(), latencies.total()), (7, Duration::from_millis(71)));
    }
}
