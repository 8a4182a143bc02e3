//! Histograms of the intervals that have ended wait in a file of no name until the result is made: a long load has hundreds of
//! them, and memory shall not follow how long it takes. Where there is no such file they stay in memory.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use eventproof_reports::model::Interval;

/// The histograms of intervals, one interval after another.
#[derive(Default)]
pub(crate) struct Spill {
    file: Option<File>,
    /// How many intervals have their histograms there: the first ones.
    taken: usize,
    /// Nothing more is taken once something could not be written.
    broken: bool,
}

impl Spill {
    /// A spill into the machine's folder for temporary files.
    pub fn new() -> Spill {
        Spill { file: tempfile::tempfile().ok(), ..Spill::default() }
    }

    /// Takes the histograms of intervals that nobody needs to be told of any more.
    pub fn take(&mut self, intervals: &mut [Interval]) {
        for interval in intervals.iter_mut().skip(self.taken) {
            let Some(file) = self.file.as_mut().filter(|_| !self.broken) else { return };
            let histograms: String = histograms(interval).map(|histogram| format!("{histogram}\n")).collect();
            match file.write_all(histograms.as_bytes()) {
                Ok(()) => histograms_of(interval).for_each(|histogram| *histogram = String::new()),
                Err(_) => self.broken = true,
            }
            self.taken += usize::from(!self.broken);
        }
    }

    /// Gives them back to their intervals. Returns false if they cannot be read any more.
    pub fn restore(mut self, intervals: &mut [Interval]) -> bool {
        let mut text = String::new();
        if let Some(file) = &mut self.file {
            let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut text));
            if read.is_err() {
                return false;
            }
        }
        let mut lines = text.lines();
        let taken = intervals.iter_mut().take(self.taken).flat_map(histograms_of);
        taken.into_iter().all(|histogram| lines.next().map(|line| *histogram = line.to_owned()).is_some())
    }
}

fn histograms(interval: &Interval) -> impl Iterator<Item = &String> {
    interval.stages.iter().chain(&interval.spans).chain([&interval.slip]).map(|slice| &slice.histogram)
}

fn histograms_of(interval: &mut Interval) -> impl Iterator<Item = &mut String> {
    interval.stages.iter_mut().chain(&mut interval.spans).chain([&mut interval.slip]).map(|slice| &mut slice.histogram)
}

#[cfg(test)]
mod tests {
    use eventproof_reports::model::StageSlice;

    use super::*;

    fn intervals() -> Vec<Interval> {
        let slice = |text: String| StageSlice { histogram: text, ..StageSlice::default() };
        let interval = |number: usize| Interval {
            stages: vec![slice(format!("one {number}")), slice(String::new())],
            spans: vec![slice(format!("span {number}"))],
            slip: slice(format!("slip {number}")),
            ..Interval::default()
        };
        (0..20).map(interval).collect()
    }

    #[test]
    fn histograms_come_back_to_their_intervals_and_are_not_in_memory_meanwhile() {
        let (mut spill, mut kept) = (Spill::new(), intervals());
        spill.take(&mut kept[..3]);
        spill.take(&mut kept[..12]);
        let bytes = |intervals: &[Interval]| intervals.iter().flat_map(histograms).map(String::len).sum::<usize>();
        assert_eq!(bytes(&kept[..12]), 0);
        assert!(bytes(&kept[12..]) > 0);
        assert!(spill.restore(&mut kept));
        assert_eq!(kept, intervals());
    }

    #[test]
    fn without_a_file_they_stay_in_memory() {
        let (mut spill, mut kept) = (Spill::default(), intervals());
        spill.take(&mut kept);
        assert_eq!(kept, intervals());
        assert!(spill.restore(&mut kept));
        assert_eq!(kept, intervals());
    }
}
