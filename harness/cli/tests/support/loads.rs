//! Runs of `eventproof load`, and what their results say.

use std::path::Path;

use super::{Ran, eventproof, project};

/// What a load printed, and its result.
pub struct Loaded {
    pub ran: Ran,
    pub result: serde_json::Value,
}

impl Loaded {
    /// Runs a profile.
    pub fn of(profile: &Path, more: &[&str]) -> Loaded {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("report");
        let mut arguments = vec!["load", profile.to_str().unwrap(), "--report", report.to_str().unwrap()];
        arguments.extend(more);
        let ran = eventproof(&arguments);
        let result = std::fs::read_to_string(report.join("result.json")).unwrap_or_else(|_| "{}".to_owned());
        for name in ["report.html", "junit.xml"].iter().filter(|_| ran.code != 2) {
            assert!(report.join(name).exists(), "{name}: {}", ran.progress);
        }
        Loaded { result: serde_json::from_str(&result).unwrap(), ran }
    }

    pub fn shown(&self) -> String {
        format!("{}{}", self.ran.progress, self.ran.result)
    }

    pub fn leg(&self, name: &str, figure: &str) -> u64 {
        let legs = self.result["legs"].as_array().unwrap();
        legs.iter().find(|leg| leg["name"] == name).unwrap()["counts"][figure].as_u64().unwrap()
    }

    pub fn percentile(&self, stage: &str, percentile: f64) -> f64 {
        self.value("stages", stage, percentile)
    }

    /// A percentile of one of the result's lists, in milliseconds.
    pub fn value(&self, what: &str, stage: &str, percentile: f64) -> f64 {
        let stages = self.result[what].as_array().unwrap();
        let stage = stages.iter().find(|known| known["name"] == stage).unwrap();
        let figures = stage["distribution"]["percentiles"].as_array().unwrap();
        figures.iter().find(|figure| figure["percentile"] == percentile).unwrap()["value_ms"].as_f64().unwrap()
    }
}

/// Runs a profile of nova-bus that sends posts; `lines` are its settings besides those that all have.
pub fn load(lines: &str, more: &[&str]) -> Loaded {
    load_of("nova-bus", &format!("message: content.post.created\neffects: [handled]\n{lines}"), more)
}

/// Runs a profile of a pack.
pub fn load_of(pack: &str, lines: &str, more: &[&str]) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let pack = project().join("features").join(pack);
    // A busy machine lets sends slip; whoever tests that says how far they may.
    let slip = if lines.contains("slip_limit") { "" } else { "slip_limit: 5s\n" };
    let profile = folder.path().join("profile.yaml");
    std::fs::write(&profile, format!("name: test\npack: {}\n{slip}{lines}", pack.display())).unwrap();
    Loaded::of(&profile, more)
}
