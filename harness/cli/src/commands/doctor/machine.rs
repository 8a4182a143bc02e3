//! What this machine can do.

use std::process::Command;
use std::time::{Duration, Instant};

use super::Finding;

/// Open files that services, clients and views of a middling pack take.
const FILES: u64 = 1024;
/// Memory for a broker, services and a report.
const MEMORY_MB: u64 = 512;
/// How far 99 % of the wake-ups may be late: the pace of a load stands on them.
const LATE: Duration = Duration::from_millis(1);
const WAKE_UPS: usize = 300;

/// Looks at everything.
pub(super) fn look() -> Vec<Finding> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    vec![
        of_processors(processors),
        of_memory(available_mb(&memory)),
        of_files(open_files(&limits)),
        of_wake_ups(wake_ups()),
        of_folder(tempfile::tempdir().map(|_| ())),
        of_docker(docker()),
    ]
}

fn of_processors(count: usize) -> Finding {
    match count {
        0 | 1 => Finding::no(
            "one processor",
            "broker, services and generator take turns: latencies of a load are theirs together; use two or more",
        ),
        count => Finding::yes(format!("{count} processors")),
    }
}

fn of_memory(available: Option<u64>) -> Finding {
    let remedy = "the embedded broker keeps its records in memory: close something, or use --brokers";
    match available {
        Some(mb) if mb < MEMORY_MB => Finding::no(format!("{mb} MB of memory available"), remedy),
        Some(mb) => Finding::yes(format!("{mb} MB of memory available")),
        None => Finding::yes("how much memory is available is not told here"),
    }
}

fn of_files(limit: Option<u64>) -> Finding {
    let remedy = format!("many services and partitions take more: `ulimit -n {}` before a run", FILES * 4);
    match limit {
        Some(limit) if limit < FILES => Finding::no(format!("{limit} files may be open"), remedy),
        Some(limit) => Finding::yes(format!("{limit} files may be open")),
        None => Finding::yes("no limit of open files is told here"),
    }
}

fn of_wake_ups(late: Duration) -> Finding {
    let what = format!("99 % of wake-ups are late by less than {:.2} ms", late.as_secs_f64() * 1e3);
    let remedy =
        "a load slips that far behind its plan; beyond a profile's slip_limit it has no verdict: stop what else runs";
    if late > LATE { Finding::no(what, remedy) } else { Finding::yes(what) }
}

fn of_folder(made: std::io::Result<()>) -> Finding {
    match made {
        Ok(()) => Finding::yes("folders for services' data can be made"),
        Err(error) => Finding::needed(
            format!("no folder for services' data can be made: {error}"),
            "set TMPDIR to a folder that can be written",
        ),
    }
}

fn of_docker(version: Option<String>) -> Finding {
    match version {
        Some(version) => Finding::yes(format!("Docker {version} answers")),
        None => Finding::no(
            "no Docker daemon answers",
            "`--broker container` and services from images need one; the embedded broker and `--brokers` do not",
        ),
    }
}

/// How late 99 % of short sleeps end.
fn wake_ups() -> Duration {
    let nap = Duration::from_millis(1);
    let late = |_| {
        let before = Instant::now();
        std::thread::sleep(nap);
        before.elapsed().saturating_sub(nap)
    };
    let mut all: Vec<Duration> = (0..WAKE_UPS).map(late).collect();
    all.sort();
    all[WAKE_UPS * 99 / 100]
}

fn available_mb(memory: &str) -> Option<u64> {
    let line = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}

/// The soft limit; none where there is no limit.
fn open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn docker() -> Option<String> {
    let output = Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]).output().ok()?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !version.is_empty()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_understood() {
        assert_eq!(available_mb("MemTotal: 8 kB\nMemAvailable:    2097152 kB\n"), Some(2048));
        assert_eq!(available_mb(""), None);
        let limits =
            "Limit  Soft Limit  Hard Limit  Units\nMax open files            256                  4096    files\n";
        assert_eq!(open_files(limits), Some(256));
        assert_eq!(open_files("Max open files  unlimited unlimited files"), None);
    }

    #[test]
    fn every_no_has_a_remedy() {
        let late = Duration::from_millis(9);
        let refused = std::io::Error::other("read-only");
        let no = [of_processors(1), of_memory(Some(100)), of_files(Some(256)), of_wake_ups(late), of_docker(None)];
        assert!(no.iter().all(|finding| finding.remedy.is_some() && !finding.needed));
        assert!(of_folder(Err(refused)).needed);
        let yes = [of_processors(2), of_memory(Some(4096)), of_files(Some(4096)), of_wake_ups(LATE), of_folder(Ok(()))];
        assert!(yes.iter().all(|finding| finding.remedy.is_none()));
    }
}
