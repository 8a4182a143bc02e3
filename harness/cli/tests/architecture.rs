#![allow(clippy::unwrap_used, clippy::expect_used)]
//! The rules that keep the parts apart, checked against the manifests and sources.

use std::path::{Path, PathBuf};

/// The folder of the project.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Each part and the parts that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("harness/source", &[]),
    ("harness/evidence", &[]),
    ("harness/embedded", &[]),
    ("harness/producer", &[]),
    ("harness/reference", &["producer"]),
    ("harness/contract", &["source"]),
    ("reports", &["evidence"]),
    ("harness/broker", &["source", "contract", "evidence", "embedded", "producer"]),
    ("harness/registry", &["contract"]),
    ("harness/system", &["source", "contract", "evidence", "broker", "registry"]),
    ("loadgen", &["source", "contract", "evidence", "broker", "system", "reports"]),
    ("scenarios", &["source", "contract", "evidence", "broker", "system", "reports", "loadgen"]),
];

/// The lines of a manifest that are dependencies of the product, not of its tests.
fn dependencies(part: &str) -> Vec<String> {
    let manifest = std::fs::read_to_string(project().join(part).join("Cargo.toml")).unwrap();
    let product = manifest.split("[dev-dependencies]").next().unwrap().to_owned();
    product.lines().filter_map(|line| line.split(['.', ' ', '=']).next()).map(str::to_owned).collect()
}

#[test]
fn dependencies_point_one_way() {
    for (part, allowed) in ALLOWED {
        for dependency in dependencies(part) {
            let Some(other) = dependency.strip_prefix("eventproof-") else { continue };
            let own = part.rsplit('/').next().unwrap();
            assert!(other == own || allowed.contains(&other), "{part} must not depend on {dependency}");
        }
    }
}

#[test]
fn only_the_parts_that_may_name_rdkafka_and_cucumber() {
    let all = ALLOWED.iter().map(|(part, _)| *part).chain(["harness/cli"]);
    for part in all {
        let found = dependencies(part);
        let has = |name: &str| found.iter().any(|dependency| dependency == name);
        let may = ["harness/producer", "harness/broker", "harness/reference"].contains(&part);
        assert!(!has("rdkafka") || may, "{part} names rdkafka");
        assert!(!has("cucumber") || part == "scenarios", "{part} names cucumber");
    }
}

/// A clock of the wall can be set in the middle of a run: what measures and judges has only the monotonic one.
#[test]
fn what_measures_never_asks_the_clock_on_the_wall() {
    // Only to give a process a name that no other has.
    let allowed = "loadgen/src/shards/meeting.rs";
    for part in ["harness/evidence", "harness/broker", "harness/system", "loadgen"] {
        for file in sources(&project().join(part).join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            let asks =
                ["SystemTime::now", "Utc::now", "Local::now"].iter().map(|word| text.matches(word).count()).sum();
            let most: usize = usize::from(file.ends_with(allowed));
            assert!(most >= asks, "{} asks the clock on the wall", file.display());
        }
    }
}

#[test]
fn renderers_do_no_input_and_output() {
    for file in sources(&project().join("reports/src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        for word in ["std::fs", "std::net", "std::env", "println!", "SystemTime::now", "Instant::now"] {
            assert!(!text.contains(word), "{} uses {word}", file.display());
        }
    }
}

#[test]
fn no_file_is_longer_than_800_lines() {
    for part in ALLOWED.iter().map(|(part, _)| *part).chain(["harness/cli"]) {
        for file in sources(&project().join(part).join("src")) {
            let lines = std::fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= 800, "{} has {lines} lines", file.display());
        }
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(sources(&path)),
            path if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
            _ => {}
        }
    }
    found
}
