//! Processes of this machine, as /proc shows them.
#![allow(dead_code)] // not every test binary looks for processes

use std::process::Command;

/// The processes that a process has started and whose command line has this text in it.
pub fn children_of(parent: u32, text: &str) -> Vec<u32> {
    let pids =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| is_running(*pid, text) && parent_of(*pid) == Some(parent)).collect()
}

/// Whether a process runs whose command line has this text in it; one that has ended has no command line.
pub fn is_running(pid: u32, text: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|command| command.contains(text))
}

fn parent_of(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// Sends signals to a process, or to its group where there is a minus before it, all at once.
pub fn signal(signals: &[&str], to: &str) {
    // A process that is stopped gets them together once it goes on.
    for name in signals {
        assert!(Command::new("kill").args(["-s", name, "--", to]).status().unwrap().success(), "{name} to {to}");
    }
}
