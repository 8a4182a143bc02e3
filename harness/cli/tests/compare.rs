#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Load results compared by the whole program: a short real load is the ground, its intervals are repeated and changed to
//! known truths.

mod support;

use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Ran, eventproof, project};

/// The result of a real load of some seconds.
fn loaded(folder: &Path) -> Value {
    let pack = project().join("features/nova-bus");
    let text = format!(
        "name: ground\npack: {}\nmessage: content.post.created\nslip_limit: 5s\nrate: 100/s\nevents: 400\nkeys: 20\nobjectives:\n  - p50(end_to_end) < 1h\n  - lost(topic) = 0\n",
        pack.display()
    );
    let profile = folder.join("ground.yaml");
    std::fs::write(&profile, text).unwrap();
    let report = folder.join("report");
    let ran = eventproof(&["load", profile.to_str().unwrap(), "--report", report.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    serde_json::from_str(&std::fs::read_to_string(report.join("result.json")).unwrap()).unwrap()
}

/// The result with one of its intervals so often: the same process, for longer. What was acknowledged in it is set, as a
/// real second at 100/s holds 99 to 101 of them and half of an odd number is no half.
fn longer(result: &Value, interval: usize, times: usize) -> Value {
    let mut longer = result.clone();
    let mut one = result["intervals"][interval].clone();
    one["acknowledged"] = Value::from(100);
    longer["intervals"] = Value::Array(vec![one; times]);
    longer
}

fn compare(folder: &Path, before: &Value, after: &[&Value], options: &[&str]) -> Ran {
    let mut paths: Vec<PathBuf> = vec![folder.join("before.json")];
    paths.extend((0..after.len()).map(|index| folder.join(format!("after-{index}.json"))));
    for (path, result) in paths.iter().zip(std::iter::once(before).chain(after.iter().copied())) {
        std::fs::write(path, result.to_string()).unwrap();
    }
    let mut arguments = vec!["compare"];
    arguments.extend(paths.iter().map(|path| path.to_str().unwrap()));
    arguments.extend(options);
    eventproof(&arguments)
}

#[test]
fn a_comparison_ends_with_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let result = loaded(folder.path());
    let long = longer(&result, 1, 60);
    let out = folder.path().join("out");

    let same = compare(folder.path(), &long, &[&long], &["--out", out.to_str().unwrap()]);
    assert_eq!(same.code, 0, "{}{}", same.progress, same.result);
    for part in
        ["p50(end_to_end)", "no difference beyond tolerance", "throughput", "lost(topic)", "not worse (tolerance 5 %"]
    {
        assert!(same.result.contains(part), "no `{part}` in {}", same.result);
    }
    for name in ["compare.html", "compare.md", "compare.json"] {
        assert!(out.join(name).exists(), "{name}");
    }

    let mut fewer = long.clone();
    for interval in fewer["intervals"].as_array_mut().unwrap() {
        let acknowledged = interval["acknowledged"].as_u64().unwrap();
        interval["acknowledged"] = Value::from(acknowledged / 2);
    }
    let worse = compare(folder.path(), &long, &[&fewer, &long], &[]);
    assert_eq!(worse.code, 1, "one of two is worse: {}", worse.result);
    let line = worse.result.lines().find(|line| line.contains("-50.0 to -50.0 %")).unwrap_or(&worse.result);
    assert!(line.starts_with("throughput") && line.ends_with("WORSE"), "{line}");
    let tolerated = compare(folder.path(), &long, &[&fewer], &["--tolerance", "120%"]);
    assert_eq!(tolerated.code, 0, "{}", tolerated.result);

    let short = longer(&result, 1, 5);
    let unknown = compare(folder.path(), &long, &[&short], &[]);
    assert_eq!(unknown.code, 3, "{}", unknown.result);
    assert!(unknown.result.contains("at least 10 are needed"), "{}", unknown.result);
}

#[test]
fn what_is_no_result_of_the_same_load_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let result = loaded(folder.path());
    assert_eq!(result["workload"]["rate"], "100/s");
    let mut other = result.clone();
    other["workload"]["rate"] = Value::from("200/s");
    other["provenance"]["broker"]["kind"] = Value::from("container");
    let refused = compare(folder.path(), &result, &[&other], &[]);
    assert_eq!(refused.code, 2, "{}", refused.result);
    for part in [
        "another rate: \"100/s\" before, \"200/s\" after",
        "another kind of broker: \"embedded\" before, \"container\"",
    ] {
        assert!(refused.result.contains(part), "no `{part}` in {}", refused.result);
    }
    other["kind"] = Value::from("run");
    let refused = compare(folder.path(), &result, &[&other], &[]);
    assert_eq!(refused.code, 2, "{}", refused.result);
    assert!(refused.progress.contains("after-0.json: "), "{}", refused.progress);
    let wrong = compare(folder.path(), &result, &[&result], &["--tolerance", "much"]);
    assert!(wrong.code == 2 && wrong.progress.contains("write 5%"), "{}", wrong.progress);
}
