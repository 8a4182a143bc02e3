//! Report files.

use std::path::{Path, PathBuf};

use crate::output;

/// Writes files into the report folder; returns those that were written. What cannot be written is said, and the rest
/// is written all the same.
pub fn write(folder: &Path, files: &[(&str, Result<String, String>)]) -> Vec<PathBuf> {
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
