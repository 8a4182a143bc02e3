//! `intervals.jsonl` beside a load's report: written line by line as the load goes, so that whoever kills it loses at most
//! the interval that was open. `eventproof report intervals.jsonl` renders what is there.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use eventproof_reports::model::{Interval, LoadResult};
use eventproof_reports::{LoadHead, end_line, head_line, interval_line};

use crate::output;

/// The name of the file in the report folder.
const NAME: &str = "intervals.jsonl";

/// The file, and how many intervals it has.
pub struct IntervalFile {
    path: PathBuf,
    /// None once something could not be written: a file with a hole would tell of a pause that never was.
    file: Option<File>,
    head: String,
    written: usize,
}

impl IntervalFile {
    /// Makes the file anew, before anything is started.
    ///
    /// # Errors
    /// In words, if it cannot be made.
    pub fn create(folder: &Path) -> Result<IntervalFile, String> {
        let path = folder.join(NAME);
        let made = std::fs::create_dir_all(folder).and_then(|()| File::create(&path));
        let file = made.map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        Ok(IntervalFile { path, file: Some(file), head: String::new(), written: 0 })
    }

    /// The first line.
    pub fn begin(&mut self, head: &LoadHead) {
        self.head = head_line(head);
        self.append(&self.head.clone());
    }

    /// Empties it but for the first line: what comes is another load, such as the next step of a search.
    pub fn restart(&mut self) {
        let emptied = self.file.take().map(|_| File::create(&self.path)).transpose();
        match emptied {
            Ok(file) => self.file = file,
            Err(error) => output::error(&format!("{} ends here: {error}", self.path.display())),
        }
        self.written = 0;
        self.append(&self.head.clone());
    }

    /// Writes the intervals that it does not have yet, and returns them.
    pub fn take<'a>(&mut self, so_far: &'a [Interval]) -> &'a [Interval] {
        let new = so_far.get(self.written..).unwrap_or_default();
        new.iter().for_each(|interval| self.append(&interval_line(interval)));
        self.written += new.len();
        new
    }

    /// The run came to its own end.
    pub fn end(&mut self, result: &LoadResult, exit_code: u8) {
        if self.written > result.intervals.len() {
            self.restart();
        }
        self.take(&result.intervals);
        self.append(&end_line(i32::from(exit_code), result.generator.saturated.as_deref()));
    }

    /// One line in one write, straight to the operating system: it is there even if the process is killed next.
    fn append(&mut self, line: &str) {
        let Some(file) = &mut self.file else { return };
        if let Err(error) = file.write_all(line.as_bytes()) {
            output::error(&format!("{} ends here, the load goes on: {error}", self.path.display()));
            self.file = None;
        }
    }
}
