//! Report files.

use std::path::{Path, PathBuf};

use crate::output;

/// A result in the forms that people and programs read.
pub struct Rendered {
    pub terminal: String,
    pub html: String,
    pub junit: Result<String, String>,
    pub json: String,
}

/// Shows a result in the terminal, writes the others into the report folder and says where they are.
pub fn report(folder: &Path, rendered: Rendered) {
    output::result(rendered.terminal.trim_end());
    let files = [("report.html", Ok(rendered.html)), ("junit.xml", rendered.junit), ("result.json", Ok(rendered.json))];
    for path in write(folder, &files) {
        output::result(&format!("wrote {}", path.display()));
    }
}

/// Where the result of the run before is kept while another one is under way.
pub const BEFORE: &str = "result.before.json";

/// Puts the last result aside before a run begins: whoever looks for a result finds none, rather than an old one, if this run
/// comes to none.
pub fn put_aside(folder: &Path) {
    // There may be none.
    let _ = std::fs::rename(folder.join("result.json"), folder.join(BEFORE));
    for old in ["junit.xml", "report.html"] {
        let _ = std::fs::remove_file(folder.join(old));
    }
}

/// The name itself; with a number where it is taken already.
pub fn free_name(name: &str, is_free: impl FnMut(&String) -> bool) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

/// Writes files into a folder and says where they are.
pub fn write_all(folder: &Path, files: impl IntoIterator<Item = (String, String)>) {
    for (name, content) in files {
        for path in write(folder, &[(name.as_str(), Ok(content))]) {
            output::result(&format!("wrote {}", path.display()));
        }
    }
}

/// Writes files into the report folder; returns those that were written. What cannot be written is said, and the rest
/// is written all the same.
fn write(folder: &Path, files: &[(&str, Result<String, String>)]) -> Vec<PathBuf> {
    if let Err(error) = std::fs::create_dir_all(folder) {
        output::error(&format!("the report folder {} cannot be made: {error}", folder.display()));
        return Vec::new();
    }
    files.iter().filter_map(|(name, content)| write_one(&folder.join(name), content)).collect()
}

fn write_one(path: &Path, content: &Result<String, String>) -> Option<PathBuf> {
    let written = content.as_ref().map_err(Clone::clone).and_then(|content| {
        // Written beside and renamed: a reader never sees half a report.
        let beside = path.with_extension("part");
        std::fs::write(&beside, content)
            .and_then(|()| std::fs::rename(&beside, path))
            .map_err(|error| error.to_string())
    });
    match written {
        Ok(()) => Some(path.to_owned()),
        Err(error) => {
            output::error(&format!("{} was not written: {error}", path.display()));
            None
        }
    }
}
