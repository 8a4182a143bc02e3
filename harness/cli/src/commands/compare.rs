//! `compare`: later load results beside an earlier one; ends with 1 where something got worse by more than the tolerance.

use std::path::Path;

use eventproof_reports::model::{Comparison, LoadResult, Tolerance};
use eventproof_reports::{
    AnyResult, Style, compare as compared, html_compare, json_compare, markdown_compare, terminal_compare,
};

use super::{files, report};
use crate::args::CompareArguments;
use crate::{exit, output};

pub fn compare(arguments: &CompareArguments) -> u8 {
    let paths = std::iter::once(&arguments.before).chain(&arguments.after);
    let read: Vec<_> = paths.map(|path| load_result(path).map(|result| (path.display().to_string(), result))).collect();
    let faults: Vec<&String> = read.iter().filter_map(|read| read.as_ref().err()).collect();
    if !faults.is_empty() {
        faults.into_iter().for_each(|fault| output::error(fault));
        return exit::USAGE;
    }
    let results: Vec<(String, LoadResult)> = read.into_iter().flatten().collect();
    let Some(((file, before), later)) = results.split_first() else { return exit::USAGE };
    let tolerance = Tolerance {
        percent: arguments.tolerance,
        floor_ms: arguments.floor.map_or(0.0, |floor| floor.as_secs_f64() * 1e3),
    };
    let codes = later.iter().enumerate().map(|(index, (name, after))| {
        let comparison = compared((file, before), (name, after), tolerance);
        let code = exit::of_comparison(&comparison);
        tell(arguments, &comparison, (later.len() > 1).then_some(index + 1));
        code
    });
    exit::gravest(codes)
}

/// A load result, whole or as far as its intervals go.
fn load_result(path: &Path) -> Result<LoadResult, String> {
    match report::read(path)? {
        AnyResult::Load(result) => Ok(result),
        AnyResult::Intervals(found) => Ok(found.result),
        AnyResult::Run(_) | AnyResult::Prove(_) => {
            Err(format!("{} is not the result of a load: only loads are compared", path.display()))
        }
    }
}

/// In the terminal, and in files if a folder was named; one for each later result, where there are several.
fn tell(arguments: &CompareArguments, comparison: &Comparison, number: Option<usize>) {
    let style = Style { color: output::color(), width: output::width() };
    output::result(terminal_compare(comparison, style).trim_end());
    let Some(folder) = &arguments.out else { return };
    let name = number.map_or_else(|| "compare".to_owned(), |number| format!("compare-{number}"));
    let written = [
        (format!("{name}.html"), html_compare(comparison)),
        (format!("{name}.md"), markdown_compare(comparison)),
        (format!("{name}.json"), json_compare(comparison)),
    ];
    files::write_all(folder, written);
}

/// `5%`, `7.5 %` or `5`: a share in percent.
pub fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim_end();
    let found = number.parse().ok().filter(|percent: &f64| percent.is_finite() && *percent >= 0.0);
    found.ok_or_else(|| format!("`{text}` is no share: write 5%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tolerance_is_a_share() {
        assert_eq!([parse_percent("5%"), parse_percent("7.5 %"), parse_percent("0")], [Ok(5.0), Ok(7.5), Ok(0.0)]);
        for wrong in ["", "-5%", "much", "NaN", "5 ms"] {
            assert!(parse_percent(wrong).is_err(), "{wrong}");
        }
    }
}
