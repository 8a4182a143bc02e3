//! From options to the scenarios that run, and the rules by which they do.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use eventproof_reports::model::Outcome;
use eventproof_reports::parse_run;
use eventproof_scenarios::{Choice, Plan, PlannedScenario, Rules};
use eventproof_source::nearest;

use super::files;
use crate::args::{ChoiceArguments, Order};

/// A pack, and the place within it that was asked for: `features/shop/orders.feature:12`.
pub struct Asked {
    pub folder: PathBuf,
    file: Option<PathBuf>,
    line: Option<usize>,
}

impl Asked {
    /// A folder is a pack; a feature file is of the nearest folder above it that has a contract.
    pub fn of(path: &Path) -> Asked {
        let text = path.display().to_string();
        let (file, line) = match text.rsplit_once(':') {
            Some((file, line)) if file.ends_with(".feature") && line.parse::<usize>().is_ok() => {
                (PathBuf::from(file), line.parse().ok())
            }
            _ => (path.to_owned(), None),
        };
        if file.extension().is_none_or(|end| end != "feature") {
            return Asked { folder: path.to_owned(), file: None, line: None };
        }
        let has_contract =
            |folder: &&Path| folder.join("asyncapi.yaml").exists() || folder.join("system.yaml").exists();
        let folder = file.ancestors().skip(1).find(has_contract).or(file.parent());
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Asked { folder: folder.to_owned(), file: Some(file), line }
    }

    /// The scenarios there: all of the file, or those that the line stands for.
    fn places(&self, plan: &Plan) -> Option<BTreeSet<(String, usize)>> {
        let file = self.file.as_ref()?;
        let of_file = plan.scenarios.iter().filter(|scenario| is_same(file, Path::new(&scenario.file)));
        let places: BTreeSet<(String, usize)> = of_file.map(PlannedScenario::place).collect();
        let Some(asked) = self.line else { return Some(places) };
        let known = places.first().map(|(file, _)| file.clone());
        Some(known.map(|file| plan.at(&file, asked)).unwrap_or_default())
    }
}

/// Whether two paths are the same but for `./`.
fn is_same(one: &Path, other: &Path) -> bool {
    let parts = |path: &Path| -> PathBuf { path.components().filter(|part| *part != Component::CurDir).collect() };
    parts(one) == parts(other)
}

/// Which scenarios are chosen.
///
/// # Errors
/// In words, if the last result cannot be read.
pub fn choice(arguments: &ChoiceArguments, asked: &Asked, plan: &Plan, report: &Path) -> Result<Choice, String> {
    let mut places = asked.places(plan);
    if arguments.failed {
        let failed = failed(report, plan)?;
        places = Some(match places {
            Some(places) => places.intersection(&failed).cloned().collect(),
            None => failed,
        });
    }
    Ok(Choice {
        names: arguments.names.clone(),
        exact: arguments.exact.clone(),
        tags: arguments.tags.iter().map(|tag| tag.trim_start_matches('@').to_owned()).collect(),
        services: arguments.services.clone(),
        places,
        shard: arguments.shard,
    })
}

/// `; did you mean "…"?`, or nothing.
pub fn perhaps<'k>(unknown: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    nearest(unknown, known).map_or(String::new(), |meant| format!("; did you mean \"{meant}\"?"))
}

/// What of the options chooses nothing, since none of the packs has such a name; each with the nearest that they have.
pub fn unknown(choice: &Choice, plans: &[&Plan]) -> Vec<String> {
    let scenarios = || plans.iter().flat_map(|plan| &plan.scenarios);
    let tags: BTreeSet<&str> = scenarios().flat_map(|one| &one.tags).map(|tag| tag.trim_start_matches('@')).collect();
    let services: BTreeSet<&str> = scenarios().flat_map(|one| &one.speaks_of).map(String::as_str).collect();
    let names: BTreeSet<&str> = scenarios().map(|one| one.name.as_str()).collect();
    let mut told = Vec::new();
    let mut check = |what: &str, asked: &[String], known: &BTreeSet<&str>, is_known: &dyn Fn(&str) -> bool| {
        for one in asked.iter().filter(|one| !is_known(one)) {
            let meant = perhaps(one, known.iter().copied());
            told.push(format!("no scenario has {what} \"{one}\"{meant}"));
        }
    };
    check("the tag", &choice.tags, &tags, &|one| tags.contains(one));
    check("to do with a service", &choice.services, &services, &|one| services.contains(one));
    check("the name", &choice.exact, &names, &|one| names.contains(one));
    check("in its name", &choice.names, &names, &|part| names.iter().any(|name| name.contains(part)));
    told
}

/// The scenarios of the last result that did not hold. Who mends one moves the lines of those below it, so they are known by
/// their names; only rows of one outline, which share a name, by their lines too.
fn failed(report: &Path, plan: &Plan) -> Result<BTreeSet<(String, usize)>, String> {
    // A run that came to no result left the one before it aside.
    let (last, before) = (report.join("result.json"), report.join(files::BEFORE));
    let path = if !last.exists() && before.exists() { before } else { last };
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("{}: {error}; --failed needs the report of an earlier run there", path.display()))?;
    let last = parse_run(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let open = last.scenarios.iter().filter(|one| matches!(one.outcome, Outcome::Broken | Outcome::NoVerdict));
    let found = open.flat_map(|one| {
        let named = |planned: &&PlannedScenario| {
            planned.name == one.name && is_same(Path::new(&planned.file), Path::new(&one.file))
        };
        let namesakes: Vec<&PlannedScenario> = plan.scenarios.iter().filter(named).collect();
        let exact = namesakes.iter().find(|planned| planned.line == one.line).copied();
        exact.map_or(namesakes, |planned| vec![planned])
    });
    Ok(found.map(PlannedScenario::place).collect())
}

/// How the chosen scenarios are run.
pub fn rules(arguments: &ChoiceArguments, seed: u64) -> Rules {
    Rules {
        retries: arguments.retries,
        repeat: arguments.repeat,
        fail_fast: arguments.fail_fast,
        shuffle: (arguments.order == Order::Random).then_some(seed),
        ..Rules::of(chrono::Utc::now().date_naive())
    }
}

/// The options as words, for the command that repeats a result.
pub fn words(arguments: &ChoiceArguments) -> Vec<String> {
    let mut words = Vec::new();
    let chosen = [
        ("--name", &arguments.names),
        ("--exact", &arguments.exact),
        ("--tag", &arguments.tags),
        ("--service", &arguments.services),
        ("--allow-skipped", &arguments.allow_skipped),
    ];
    for (option, values) in chosen {
        words.extend(values.iter().flat_map(|value| [option.to_owned(), value.clone()]));
    }
    let flags = [
        ("--failed", arguments.failed),
        ("--fail-fast", arguments.fail_fast),
        ("--fail-on-flaky", arguments.fail_on_flaky),
    ];
    words.extend(flags.into_iter().filter(|(_, on)| *on).map(|(flag, _)| flag.to_owned()));
    if let Some((shard, of)) = arguments.shard {
        words.extend(["--shard".to_owned(), format!("{shard}/{of}")]);
    }
    let numbers = [("--retries", arguments.retries, 0), ("--repeat", arguments.repeat, 1)];
    for (option, value, usual) in numbers {
        if value != usual {
            words.extend([option.to_owned(), value.to_string()]);
        }
    }
    if arguments.order == Order::Random {
        words.extend(["--order".to_owned(), "random".to_owned()]);
    }
    words
}

/// `2/5`: the second of five.
pub fn parse_shard(text: &str) -> Result<(u64, u64), String> {
    let numbers = text.split_once('/').and_then(|(shard, of)| Some((shard.parse().ok()?, of.parse().ok()?)));
    let found = numbers.filter(|(shard, of)| *shard >= 1u64 && shard <= of);
    found.ok_or_else(|| format!("`{text}` is no shard: write 2/5 for the second of five"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_one_of_so_many() {
        assert_eq!(parse_shard("2/5"), Ok((2, 5)));
        for wrong in ["0/5", "6/5", "2", "a/b", "1/0"] {
            assert!(parse_shard(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_feature_file_belongs_to_the_pack_around_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("asyncapi.yaml"), "").unwrap();
        let file = folder.path().join("deep/a.feature");
        let asked = Asked::of(Path::new(&format!("{}:12", file.display())));
        assert_eq!((asked.folder.as_path(), asked.file, asked.line), (folder.path(), Some(file), Some(12)));
        assert_eq!(Asked::of(Path::new("a.feature:3")).folder, Path::new("."), "in the pack's own folder");
        assert!(is_same(Path::new("./a.feature"), Path::new("a.feature")));
        let asked = Asked::of(folder.path());
        assert_eq!((asked.folder.as_path(), asked.file, asked.line), (folder.path(), None, None));
    }
}
