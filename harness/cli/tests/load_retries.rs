#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Load on a consumer that retries over topics and gives up at last: what was given up, and what still waits, is told apart from what is lost.

mod support;

use std::path::Path;

use support::{Ran, eventproof, project};

struct Loaded {
    ran: Ran,
    result: serde_json::Value,
}

impl Loaded {
    fn figure(&self, name: &str) -> u64 {
        let leg = &self.result["legs"][1];
        assert_eq!(leg["name"], "retries");
        leg["counts"][name].as_u64().unwrap_or(0)
    }

    fn shown(&self) -> String {
        format!("{}{}", self.ran.progress, self.ran.result)
    }
}

/// Runs a load on the pack, with jobs that fail so many times; `lines` are the profile's other settings.
fn load(fails: &str, lines: &str, more: &[&str]) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let pack = project().join("harness/cli/tests/packs/retries");
    let file = |name: &str| std::fs::read_to_string(pack.join(name)).unwrap();
    let given = "fails: {type: integer, minimum: 0, maximum: 9, examples: [0]}";
    let contract = file("asyncapi.yaml");
    assert!(contract.contains(given));
    write(
        folder.path(),
        "asyncapi.yaml",
        &contract.replace(given, &format!("fails: {{type: integer, enum: {fails}}}")),
    );
    write(folder.path(), "system.yaml", &file("system.yaml"));
    let profile =
        format!("name: retries\npack: .\nslip_limit: 5s\nmessage: job.given\neffects: [done]\nkeys: 20\n{lines}");
    write(folder.path(), "load.yaml", &profile);
    let (profile, report) = (folder.path().join("load.yaml"), folder.path().join("report"));
    let mut arguments = vec!["load", profile.to_str().unwrap(), "--report", report.to_str().unwrap(), "--seed", "5"];
    arguments.extend(more);
    let ran = eventproof(&arguments);
    let result = std::fs::read_to_string(report.join("result.json")).unwrap_or_else(|_| "{}".to_owned());
    Loaded { result: serde_json::from_str(&result).unwrap(), ran }
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

#[test]
fn what_is_given_up_at_last_is_dead_lettered_and_nothing_is_lost() {
    let objectives = "objectives:\n  - lost(retries) = 0\n  - undecided(retries) = 0\n  - reordered(retries) = 0\n  - dead_lettered(retries) = 0\n";
    let loaded = load("[0, 1, 9]", &format!("rate: 50/s\nevents: 120\nsettle: 60s\n{objectives}"), &[]);
    assert_eq!(loaded.ran.code, 1, "{}", loaded.shown());
    let dead = loaded.figure("dead_lettered");
    assert!((20..60).contains(&dead), "a third, by chance: {dead}");
    assert_eq!((loaded.figure("lost"), loaded.figure("undecided"), loaded.figure("reordered")), (0, 0, 0));
    assert_eq!(loaded.figure("seen") + dead, 120, "{}", loaded.shown());
    let missed = format!("BROKEN     dead_lettered(retries) = 0: {dead} of 120");
    assert!(loaded.ran.result.contains("dead_lettered(retries) = 0"), "{missed}: {}", loaded.shown());
    assert_eq!(loaded.result["objectives"][0]["actual"], format!("0 of 120; {dead} dead-lettered"));
    for held in 0..3 {
        assert_eq!(loaded.result["objectives"][held]["finding"]["outcome"], "held", "{}", loaded.shown());
    }
}

#[test]
fn what_still_waits_at_the_end_is_neither_done_nor_lost() {
    // Each job is done at the third try, 1.8 s after the first.
    let lines = "rate: 20/s\nevents: 20\nsettle: 1500ms\nobjectives:\n  - lost(retries) = 0\n";
    let loaded = load("[2]", lines, &[]);
    assert_eq!(loaded.ran.code, 3, "{}", loaded.shown());
    assert!(loaded.figure("undecided") > 0 && loaded.figure("lost") == 0, "{}", loaded.shown());
    assert!(loaded.ran.result.contains("still waited in a retry topic when the run ended"), "{}", loaded.shown());
    assert!(loaded.ran.result.contains("a longer `settle` may tell"), "{}", loaded.shown());
}

#[test]
fn jobs_that_lose_their_ids_on_the_way_are_lost_at_their_exact_count() {
    let lines = "rate: 50/s\nevents: 100\nsettle: 8s\nobjectives:\n  - lost(retries) = 0\n";
    let loaded = load("[0, 1]", lines, &["--fault", "retries:loses-id"]);
    assert_eq!(loaded.ran.code, 1, "{}", loaded.shown());
    let lost = loaded.figure("lost");
    assert!((25..75).contains(&lost), "half of them, by chance: {lost}");
    assert_eq!((loaded.figure("seen"), loaded.figure("undecided")), (100 - lost, 0));
    assert!(loaded.ran.result.contains(&format!("{lost} of 100")), "{}", loaded.shown());
}
