//! Whoever kills eventproof outright leaves no service behind.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The services that a process has started.
fn services_of(parent: u32) -> Vec<u32> {
    let pids =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| is_service(*pid) && parent_of(*pid) == Some(parent)).collect()
}

fn is_service(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|command| command.contains("\0serve\0"))
}

fn parent_of(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

#[test]
fn services_end_with_an_eventproof_that_is_killed() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let report = tempfile::tempdir().unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_eventproof"))
        .current_dir(project)
        .args(["run", "features/todo", "--report", report.path().to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let told = BufReader::new(run.stderr.take().unwrap()).lines();
    let ready = told.map(Result::unwrap).find(|line| line.contains("ready on"));
    assert!(ready.is_some(), "it never was ready");
    let services = services_of(run.id());
    assert!(!services.is_empty(), "it has no services");
    run.kill().unwrap();
    run.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while services.iter().any(|pid| is_service(*pid)) {
        assert!(Instant::now() < deadline, "services live on: {services:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
