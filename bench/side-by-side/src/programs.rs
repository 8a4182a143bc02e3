//! One round of the pair, and one of eventproof: each a process, whose processor time is taken as well.

use std::path::Path;
use std::process::Command;

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::Value;

use super::{Failed, SIZE};

/// What a round gave.
#[derive(Clone, Copy, Default)]
pub struct Figure {
    /// Records per second.
    pub rate: f64,
    /// Microseconds of processor time for a record, starting and ending included.
    pub cpu_us: f64,
}

/// What is asked of every round.
pub struct Asked {
    pub program: String,
    pub servers: String,
    pub records: usize,
    /// Milliseconds.
    pub linger: usize,
}

impl Asked {
    pub fn pair(&self, topic: &str) -> Result<Figure, Failed> {
        let mut command = Command::new(std::env::current_exe()?);
        let (told, cpu_us) = self.time(command.args([
            "pair",
            &self.servers,
            topic,
            &self.records.to_string(),
            &self.linger.to_string(),
        ]))?;
        Ok(Figure { rate: told.trim().parse()?, cpu_us })
    }

    /// Every record is made from its schema, validated, sent, read, validated, and its order and number judged.
    pub fn eventproof(&self) -> Result<Figure, Failed> {
        let folder = tempfile::tempdir()?;
        let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("pack");
        let profile = folder.path().join("max.yaml");
        let (records, linger) = (self.records, self.linger);
        let text = format!(
            "name: side by side\npack: {}\nmessage: event.told\nkeys: 1000\nrate: max\nevents: {records}\npayload_size: {SIZE} B\nsettle: 60s\nproducer: {{linger: {linger}ms}}\nobjectives:\n  - lost(topic) = 0\n  - duplicated(topic) = 0\n  - reordered(topic) = 0\n  - corrupted(topic) = 0\n  - throughput >= 1/s\n",
            pack.display()
        );
        std::fs::write(&profile, text)?;
        let report = folder.path().join("report");
        let mut command = Command::new(&self.program);
        command.arg("load").arg(&profile).args(["--brokers", &self.servers, "--report"]).arg(&report);
        let (_, cpu_us) = self.time(&mut command)?;
        let result: Value = serde_json::from_str(&std::fs::read_to_string(report.join("result.json"))?)?;
        Ok(Figure { rate: rate_of(&result, records)?, cpu_us })
    }

    fn time(&self, command: &mut Command) -> Result<(String, f64), Failed> {
        let before = children_us()?;
        let output = command.output()?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            return Err(format!("{command:?}: {told}{}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok((told, (children_us()? - before) / self.records as f64))
    }
}

/// From the first send until the last record was seen: at the latest as long after the last acknowledgement as the slowest record
/// took from its send.
fn rate_of(result: &Value, records: usize) -> Result<f64, Failed> {
    let objectives = result["objectives"].as_array().ok_or("no objectives in the result")?;
    let throughput = objectives.iter().find(|one| one["text"].as_str().is_some_and(|t| t.starts_with("throughput")));
    let actual = throughput.and_then(|one| one["actual"].as_str()).ok_or("no throughput in the result")?;
    let acknowledged: f64 = actual.trim_end_matches("/s").replace([',', ' '], "").parse()?;
    let stages = result["stages"].as_array().ok_or("no stages in the result")?;
    let stage = |name: &str| stages.iter().find(|stage| stage["name"] == name);
    let slowest =
        |name: &str| stage(name).and_then(|stage| stage["distribution"]["max_ms"].as_f64()).ok_or(format!("no {name}"));
    let behind = (slowest("end_to_end")? - slowest("acknowledgement")?).max(0.0) / 1e3;
    Ok(records as f64 / (records as f64 / acknowledged + behind))
}

fn children_us() -> Result<f64, Failed> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let us = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 * 1e6 + time.tv_usec() as f64;
    Ok(us(usage.user_time()) + us(usage.system_time()))
}
