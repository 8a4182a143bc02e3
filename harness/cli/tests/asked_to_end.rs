//! A run, or a load, that is asked to end from outside, by Ctrl-C or by SIGTERM, as a CI system sends it: reports are written, and
//! neither services nor runs are left behind. Whoever asks again does not wait.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use support::processes::{children_of, is_running, signal};
use support::{SHOP, docker_answers, project, until};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A service of the reference systems, by its command line.
const SERVICE: &str = "\0serve\0";
/// A service that does not end when it is told to, by a part of its command line.
const STUBBORN: &str = "trap";

/// The program at work, in a process group of its own, as a terminal has it.
struct Work {
    child: Child,
    lines: Receiver<String>,
    told: String,
}

impl Work {
    fn begin(arguments: &[&str]) -> Work {
        let mut child = Command::new(env!("CARGO_BIN_EXE_eventproof"))
            .args(arguments)
            .current_dir(project())
            .env("NO_COLOR", "1")
            .env_remove("EVENTPROOF_BROKER")
            .env_remove("EVENTPROOF_BROKERS")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let (tell, lines) = channel();
        let errors = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || errors.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Work { child, lines, told: String::new() }
    }

    /// Reads on to the line that has this text in it.
    fn until(&mut self, text: &str) -> &mut Work {
        while !self.told.lines().last().unwrap_or_default().contains(text) {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no `{text}` after\n{}", self.told));
            self.told.push_str(&line);
            self.told.push('\n');
        }
        self
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Its exit code and all that it told. Who does not end in time is killed, and the test fails.
    fn ended(mut self) -> (i32, String) {
        let status = until("end", || self.child.try_wait().unwrap());
        self.told.extend(self.lines.iter().map(|line| line + "\n"));
        (status.code().unwrap_or_else(|| panic!("{status}: {}", self.told)), std::mem::take(&mut self.told))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // It has ended, unless a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn all_end(pids: &[u32], text: &str) {
    until("end of all that was started", || (!pids.iter().any(|pid| is_running(*pid, text))).then_some(()));
}

/// What the report of a run or load says of its end; every form of it must be there.
fn is_told_as_interrupted(report: &Path) {
    for name in ["report.html", "junit.xml"] {
        assert!(report.join(name).exists(), "no {name}");
    }
    let result: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(report.join("result.json")).unwrap()).unwrap();
    assert_eq!((&result["provenance"]["interrupted"], &result["provenance"]["exit_code"]), (&true.into(), &3.into()));
}

/// A pack of the shop with these files.
fn pack(folder: &Path, system: &str, feature: &str) -> String {
    std::fs::create_dir_all(folder).unwrap();
    for (name, text) in [("asyncapi.yaml", SHOP), ("system.yaml", system), ("shop.feature", feature)] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    folder.to_str().unwrap().to_owned()
}

/// A system whose service has to be killed in the end, some seconds after it was told to end.
const DEAF: &str =
    "system: shop\nservices:\n  deaf: {command: [sh, -c, 'trap \"\" TERM; while true; do sleep 1; done']}\n";
const SLOW: &str =
    "Feature: Orders\n\n  Scenario: an order at last\n    When 200s pass\n    And \"order.placed\" is published\n";
const QUICK: &str = "Feature: Orders\n\n  Scenario: an order\n    When \"order.placed\" is published\n";

#[test]
fn a_run_that_is_asked_to_end_writes_its_reports_and_leaves_no_service() {
    for (name, why) in [("TERM", "ended from outside (SIGTERM)"), ("INT", "interrupted")] {
        let report = tempfile::tempdir().unwrap();
        let mut run = Work::begin(&["run", "features/todo", "--report", report.path().to_str().unwrap()]);
        run.until("ready on");
        let services = children_of(run.child.id(), SERVICE);
        assert!(!services.is_empty(), "it has no services");
        signal(&[name], &run.pid());
        let (code, told) = run.ended();
        assert_eq!(code, 3, "{told}");
        assert!(told.contains(&format!("  {why}: ending services, writing what there is")), "{told}");
        is_told_as_interrupted(report.path());
        all_end(&services, SERVICE);
    }
}

#[test]
fn a_load_that_is_asked_to_end_judges_what_there_is_and_leaves_no_service() {
    let folder = tempfile::tempdir().unwrap();
    let (profile, report) = (folder.path().join("long.yaml"), folder.path().join("report"));
    let todo = project().join("features/todo").canonicalize().unwrap();
    let text = format!(
        "name: long\npack: {}\nmessage: task.created\nrate: 20/s\nevents: 6000\neffects: [handled]\nsettle: 30s\nobjectives:\n  - lost(topic) = 0\n",
        todo.display()
    );
    std::fs::write(&profile, text).unwrap();
    let mut load = Work::begin(&["load", profile.to_str().unwrap(), "--report", report.to_str().unwrap()]);
    // The first line of progress: it is under way.
    load.until("ready on").until("/s");
    let services = children_of(load.child.id(), SERVICE);
    assert!(!services.is_empty(), "it has no services");
    signal(&["TERM"], &load.pid());
    let (code, told) = load.ended();
    assert_eq!(code, 3, "{told}");
    let why = "  ended from outside (SIGTERM): waiting for what is under way, then writing what there is";
    assert!(told.contains(why), "{told}");
    is_told_as_interrupted(&report);
    all_end(&services, SERVICE);
}

#[test]
fn who_asks_before_the_system_is_ready_waits_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let never = "system: shop\nservices:\n  deaf: {command: [sh, -c, 'trap \"\" TERM; while true; do sleep 1; done'], ready: {http: /ready, within: 200s}}\n";
    let shop = pack(folder.path(), never, QUICK);
    let report = folder.path().join("report");
    let run = Work::begin(&["run", &shop, "--report", report.to_str().unwrap()]);
    let id = run.child.id();
    let services = until("service", || Some(children_of(id, STUBBORN)).filter(|found| !found.is_empty()));
    signal(&["TERM"], &run.pid());
    let (code, told) = run.ended();
    assert_eq!(code, 3, "{told}");
    let why = "error: ended from outside (SIGTERM): the system was not ready, so nothing was run";
    assert!(told.contains(why), "{told}");
    all_end(&services, STUBBORN);
}

#[test]
fn who_asks_a_second_time_does_not_wait_for_a_service_that_will_not_end() {
    let folder = tempfile::tempdir().unwrap();
    let shop = pack(folder.path(), DEAF, SLOW);
    let report = folder.path().join("report");
    let mut run = Work::begin(&["run", &shop, "--report", report.to_str().unwrap()]);
    run.until("ready on");
    let services = children_of(run.child.id(), STUBBORN);
    assert!(!services.is_empty(), "it has no services");
    // Both are there when it goes on, however fast it is.
    signal(&["STOP", "TERM", "INT", "CONT"], &run.pid());
    let (code, told) = run.ended();
    assert_eq!(code, 3, "{told}");
    assert!(told.contains("error: asked to end a second time: ending at once"), "{told}");
    all_end(&services, STUBBORN);
}

#[test]
fn several_packs_end_together_and_what_has_not_begun_does_not_begin() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let slow = pack(&at("one"), DEAF, SLOW);
    let quick = pack(&at("two"), "system: shop\n", QUICK);
    // A terminal sends Ctrl-C to the program and to the runs that it has begun; a CI system SIGTERM to the program alone.
    for (name, group) in [("TERM", ""), ("INT", "-")] {
        let report = at(name);
        let mut run = Work::begin(&["run", &slow, &quick, "--jobs", "1", "--report", report.to_str().unwrap()]);
        run.until("[one] ready on");
        let runs = children_of(run.child.id(), "\0run\0");
        assert_eq!(runs.len(), 1);
        signal(&[name], &format!("{group}{}", run.pid()));
        let (code, told) = run.ended();
        assert_eq!(code, 3, "{told}");
        is_told_as_interrupted(&report);
        is_told_as_interrupted(&report.join("one"));
        assert!(!told.contains("[two]"), "{told}");
        assert!(!told.contains("a second time"), "both asked, and it counts once: {told}");
        let whole = std::fs::read_to_string(report.join("result.json")).unwrap();
        assert!(whole.contains("the run of two left no result: the whole was ended before it began"), "{whole}");
        all_end(&runs, "\0run\0");
    }
}

#[test]
fn a_proof_that_is_asked_to_end_writes_what_it_did_and_leaves_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let shop = pack(&folder.path().join("shop"), "system: shop\n", QUICK);
    // To the process alone, and as a terminal does, to its runs as well.
    for (name, group) in [("TERM", ""), ("INT", "-")] {
        let report = folder.path().join(name);
        let mut proof =
            Work::begin(&["prove", &shop, "--no-faults", "--healthy", "5000", "--report", report.to_str().unwrap()]);
        proof.until("healthy: 1 scenarios, 0 accused");
        let id = proof.child.id();
        let runs = until("run", || Some(children_of(id, "\0run\0")).filter(|found| !found.is_empty()));
        signal(&[name], &format!("{group}{}", proof.pid()));
        let (code, told) = proof.ended();
        assert_eq!(code, 3, "{told}");
        assert!(told.contains("writing what there is"), "{told}");
        is_told_as_interrupted(&report);
        let result = std::fs::read_to_string(report.join("result.json")).unwrap();
        let result: serde_json::Value = serde_json::from_str(&result).unwrap();
        assert!(result["healthy"]["executions"].as_u64().unwrap() >= 1, "{result}");
        assert_eq!(result["healthy"]["accused"], serde_json::json!([]));
        all_end(&runs, "\0run\0");
    }
}

#[test]
fn a_run_on_a_container_that_is_asked_to_end_leaves_no_container() {
    if !docker_answers() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let shop = pack(&folder.path().join("shop"), "system: shop\n", SLOW);
    let report = folder.path().join("report");
    let mut run = Work::begin(&["run", &shop, "--broker", "container", "--report", report.to_str().unwrap()]);
    let label = format!("label=eventproof.process={}", run.child.id());
    let containers = || {
        let output = Command::new("docker").args(["ps", "-aq", "--filter", &label]).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().lines().count()
    };
    run.until("ready on");
    assert_eq!(containers(), 1);
    signal(&["TERM"], &run.pid());
    let (code, told) = run.ended();
    assert_eq!(code, 3, "{told}");
    is_told_as_interrupted(&report);
    until("end of the container", || (containers() == 0).then_some(()));
}

#[test]
fn a_watch_and_a_broker_end_when_they_are_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let shop = pack(&folder.path().join("shop"), "system: shop\n", QUICK);
    let report = folder.path().join("report");
    let mut watch = Work::begin(&["run", &shop, "--watch", "--report", report.to_str().unwrap()]);
    watch.until("round 1 ended with exit code 0").until("Ctrl-C ends");
    signal(&["TERM"], &watch.pid());
    let (code, told) = watch.ended();
    assert_eq!(code, 0, "the last round's: {told}");

    let mut command = Command::new(env!("CARGO_BIN_EXE_eventproof"));
    command.args(["broker", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
    let mut broker = support::Running(command.spawn().unwrap());
    let mut said = BufReader::new(broker.0.stdout.take().unwrap());
    said.read_line(&mut String::new()).unwrap();
    signal(&["TERM"], &broker.0.id().to_string());
    said.read_to_string(&mut String::new()).unwrap();
    assert_eq!(broker.0.wait().unwrap().code(), Some(0));
}
