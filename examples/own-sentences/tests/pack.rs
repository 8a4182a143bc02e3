#![allow(clippy::unwrap_used, clippy::expect_used)]
//! The binary with its own sentences runs its pack, and lint, `steps` and phrases know them.

use std::path::Path;
use std::process::Command;

/// Exit code, standard output and standard error of a run.
fn program(arguments: &[&str]) -> (i32, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_own-sentences")).args(arguments).env("NO_COLOR", "1").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A copy of the pack, with something in a file replaced.
fn pack(file: &str, from: &str, to: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let origin = Path::new(env!("CARGO_MANIFEST_DIR")).join("pack");
    for name in ["asyncapi.yaml", "system.yaml", "phrases.yaml", "orders.feature"] {
        let text = std::fs::read_to_string(origin.join(name)).unwrap();
        let text = if name == file { text.replace(from, to) } else { text };
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn run(pack: &Path) -> (i32, String, String) {
    let report = pack.join("report");
    program(&["run", pack.to_str().unwrap(), "--report", report.to_str().unwrap()])
}

#[test]
fn own_sentences_run_hold_and_break() {
    let healthy = pack("", "", "");
    let (code, result, progress) = run(healthy.path());
    assert_eq!(code, 0, "{progress}{result}");
    assert!(result.contains("3 scenarios: 3 held; 10 records"), "{result}");
    let wrong = pack("orders.feature", "cost 60 within 5s", "cost 59 within 5s");
    let (code, result, progress) = run(wrong.path());
    assert_eq!(code, 1, "{progress}{result}");
    let text = std::fs::read_to_string(wrong.path().join("report/result.json")).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&text).unwrap();
    let first = &kept["scenarios"][0];
    assert_eq!((first["outcome"].as_str(), first["line"].as_u64()), (Some("broken"), Some(3)));
    let told = first["steps"][2]["finding"]["text"].as_str().unwrap();
    assert!(told.contains("cost 59") && told.ends_with("3 orders cost 60"), "{told}");
}

#[test]
fn a_sentence_that_panics_leaves_no_verdict_and_never_a_pass() {
    let wrong = pack("orders.feature", "placed at 7 each", "placed at 0 each");
    let (code, result, progress) = run(wrong.path());
    assert_eq!(code, 3, "{progress}{result}");
    assert!(result.contains("the step panicked") && result.contains("1 no verdict"), "{result}");
}

#[test]
fn the_catalogue_and_lint_know_own_sentences() {
    let (code, result, _) = program(&["steps", "orders", "cost"]);
    assert_eq!(code, 0);
    assert!(result.contains("### orders-cost") && result.contains("that no further order comes later"), "{result}");
    let wrong =
        pack("orders.feature", "the orders of \"ann\" cost 60 within 5s", "the order of \"ann\" costs 60 within 5s");
    let (code, result, _) = program(&["lint", wrong.path().to_str().unwrap()]);
    assert_eq!(code, 2, "{result}");
    assert!(result.contains("the orders of {who:identity} cost {sum:count} within {limit:duration}"), "{result}");
}
