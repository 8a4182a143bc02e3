//! A load of the pack beside us, from its profile to what its report says.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::Failed;

/// Runs a profile with these lines on a broker; returns where its result is.
pub fn load(program: &str, servers: &str, lines: &str, folder: &Path, name: &str) -> Result<PathBuf, Failed> {
    let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("pack");
    // One name: results of other profiles are not compared.
    let profile = folder.join("load.yaml");
    std::fs::write(&profile, format!("name: side by side\npack: {}\nmessage: event.told\n{lines}", pack.display()))?;
    let report = folder.join(name);
    let mut command = Command::new(program);
    command.arg("load").arg(&profile).args(["--brokers", servers, "--report"]).arg(&report);
    let output = command.output()?;
    if !output.status.success() {
        let (told, progress) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        return Err(format!("{command:?}: {told}{progress}").into());
    }
    Ok(report.join("result.json"))
}

/// Reads a result.
pub fn read(path: &Path) -> Result<Value, Failed> {
    Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
}
