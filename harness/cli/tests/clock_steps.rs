#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![allow(clippy::unwrap_used, clippy::expect_used)]
//! A machine's wall clock that is set forward and back by half an hour, again and again, changes nothing that is measured or judged.

mod support;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use support::processes::signal;
use support::project;

/// Half an hour: a broker refuses records whose time is more than an hour ahead of its own (`message.timestamp.after.max.ms`).
const STEP_S: u64 = 1800;

/// Builds the clock that steps; building the program needs a C compiler anyhow.
fn stepping_clock(folder: &Path) -> PathBuf {
    let built = folder.join("stepping_clock.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stepping_clock.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&built).arg(source).arg("-ldl");
    assert!(compiler.status().unwrap().success());
    built
}

fn under(clock: &Path, program: &str, every_s: u64) -> Command {
    let mut command = Command::new(program);
    command.env("LD_PRELOAD", clock).env("STEP_EVERY_S", every_s.to_string()).env("STEP_S", STEP_S.to_string());
    command.env("NO_COLOR", "1").env_remove("EVENTPROOF_BROKER").env_remove("EVENTPROOF_BROKERS");
    command.current_dir(project());
    command
}

/// That a program is shown the steps: were there none, the test would show nothing.
fn steps_for_a_program(clock: &Path) {
    let shown = || {
        let output = under(clock, "date", 1).arg("+%s").output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse::<u64>().unwrap()
    };
    let first = shown();
    let stepped = || shown().abs_diff(first) > STEP_S / 2;
    let begun = Instant::now();
    while !stepped() {
        assert!(begun.elapsed().as_secs() < 60, "the clock never stepped");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Its exit code and all that it told; who does not end is killed, and its services with it.
fn ended(mut program: Command, told: &Path) -> (Option<i32>, String) {
    let file = std::fs::File::create(told).unwrap();
    let mut child = program.stdout(file.try_clone().unwrap()).stderr(file).process_group(0).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(240);
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if Instant::now() > deadline => {
                signal(&["KILL"], &format!("-{}", child.id()));
                break child.wait().unwrap();
            }
            None => std::thread::sleep(Duration::from_millis(100)),
        }
    };
    (status.code(), std::fs::read_to_string(told).unwrap())
}

#[test]
fn a_load_measures_the_same_and_ends_while_the_wall_clock_steps_by_half_an_hour() {
    let folder = tempfile::tempdir().unwrap();
    let clock = stepping_clock(folder.path());
    steps_for_a_program(&clock);
    let (profile, report) = (folder.path().join("profile.yaml"), folder.path().join("report"));
    // Ten seconds, so four steps at the least are within it.
    let text = format!(
        "name: steps\npack: {}\nmessage: content.post.created\neffects: [handled]\nslip_limit: 5s\nsettle: 60s\nrate: 200/s\nevents: 2000\nkeys: 20\n\
         objectives:\n  - lost(topic) = 0\n  - lost(feed-service-group) = 0\n  - duplicated(topic) = 0\n  - reordered(topic) = 0\n  \
         - reordered(feed-service-group) = 0\n  - max(acknowledgement) < 60s\n  - max(end_to_end) < 60s\n  - throughput >= 100/s\n",
        project().join("features/nova-bus").display()
    );
    std::fs::write(&profile, text).unwrap();
    let mut load = under(&clock, env!("CARGO_BIN_EXE_eventproof"), 2);
    load.arg("load").arg(&profile).arg("--report").arg(&report);
    let (code, told) = ended(load, &folder.path().join("told"));
    assert_eq!(code, Some(0), "{told}");
    let result: serde_json::Value =
        serde_json::from_slice(&std::fs::read(report.join("result.json")).unwrap()).unwrap();
    let took = result["provenance"]["duration_ms"].as_f64().unwrap();
    assert!((9_000.0..600_000.0).contains(&took), "{took} ms");
    for stage in result["stages"].as_array().unwrap() {
        let figures = stage["distribution"]["percentiles"].as_array().unwrap();
        for figure in figures {
            assert!((0.0..60_000.0).contains(&figure["value_ms"].as_f64().unwrap()), "{stage}");
        }
    }
}
