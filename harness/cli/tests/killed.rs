//! Whoever kills eventproof outright leaves no service behind.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use support::processes::{children_of, is_running};
use support::{project, until};

const SERVICE: &str = "\0serve\0";

#[test]
fn services_end_with_an_eventproof_that_is_killed() {
    let report = tempfile::tempdir().unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_eventproof"))
        .current_dir(project())
        .args(["run", "features/todo", "--report", report.path().to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let told = BufReader::new(run.stderr.take().unwrap()).lines();
    let ready = told.map(Result::unwrap).find(|line| line.contains("ready on"));
    assert!(ready.is_some(), "it never was ready");
    let services = children_of(run.id(), SERVICE);
    assert!(!services.is_empty(), "it has no services");
    run.kill().unwrap();
    run.wait().unwrap();
    until("end of the services", || (!services.iter().any(|pid| is_running(*pid, SERVICE))).then_some(()));
}
