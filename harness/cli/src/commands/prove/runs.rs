//! One run of a pack, as a process of its own.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use eventproof_reports::parse_run;
use tokio::process::Command;

use super::judge::Judged;
use crate::args::ProveArguments;
use crate::exit;

/// What is to be run.
pub struct Job {
    /// Which of the packs.
    pub pack: usize,
    pub folder: PathBuf,
    /// Which of its faults is switched on: its place in faults.yaml, and as `--fault` takes it.
    pub fault: Option<(usize, String)>,
    /// Names of scenarios; all if there are none.
    pub names: Vec<String>,
    /// Which repeat.
    pub nth: u32,
    /// Whether all processors are kept busy meanwhile.
    pub busy: bool,
}

/// How runs are made.
pub struct Runs {
    program: PathBuf,
    reports: PathBuf,
    limit: Duration,
    /// Each run's own seed is this one and what the run is.
    seed: u64,
}

impl Runs {
    /// The error says what the machine lacks.
    pub fn prepare(arguments: &ProveArguments, seed: u64) -> Result<Runs, String> {
        let program =
            std::env::current_exe().map_err(|error| format!("the program does not know its own path: {error}"))?;
        let reports = arguments.report.join("runs");
        std::fs::create_dir_all(&reports).map_err(|error| format!("{}: {error}", reports.display()))?;
        Ok(Runs { program, reports, limit: arguments.limit, seed })
    }

    /// Runs it to its end, or to the limit.
    pub async fn run(&self, job: &Job) -> Judged {
        let name = match &job.fault {
            Some((_, fault)) => format!("{}-{}", job.pack, fault.replace(':', "-")),
            None => format!("{}-healthy-{}", job.pack, job.nth),
        };
        let report = self.reports.join(name);
        let mut command = Command::new(&self.program);
        command.arg("run").arg(&job.folder).arg("--report").arg(&report);
        if let Some((_, fault)) = &job.fault {
            // Few scenarios, and other runs beside this one.
            command.args(["--fault", fault, "--copies", "1"]);
        }
        let fault = job.fault.as_ref().map_or(0, |(place, _)| *place as u64 + 1);
        let seed =
            self.seed.wrapping_add(1_000 * job.pack as u64 + 10 * fault).wrapping_add(100_000 * u64::from(job.nth));
        command.args(["--seed", &seed.to_string()]);
        command.args(job.names.iter().flat_map(|name| ["--exact", name]));
        command
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let output = match tokio::time::timeout(self.limit, command.output()).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => return Judged::Nothing(format!("the run could not be started: {error}")),
            Err(_) => return Judged::Nothing(format!("the run was ended after {} s", self.limit.as_secs())),
        };
        let told = String::from_utf8_lossy(&output.stderr).trim().lines().next_back().unwrap_or_default().to_owned();
        match output.status.code().and_then(|code| u8::try_from(code).ok()) {
            Some(exit::HELD | exit::BROKEN | exit::NO_VERDICT) => {}
            _ => return Judged::Nothing(format!("the run ended with {}: {told}", output.status)),
        }
        match std::fs::read_to_string(report.join("result.json")).map_err(|error| error.to_string()) {
            Ok(text) => match parse_run(&text) {
                // What it did not get to was neither caught nor missed.
                Ok(run) if run.provenance.interrupted => Judged::Nothing("the run was interrupted".to_owned()),
                Ok(run) => Judged::Run(Box::new(run)),
                Err(error) => Judged::Nothing(error.to_string()),
            },
            Err(_) => Judged::Nothing(told),
        }
    }
}
