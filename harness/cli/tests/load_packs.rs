#![allow(clippy::unwrap_used, clippy::expect_used)]
//! The smoke profile of every pack: its system takes a load, and every event is accounted for on every leg that the profile names.

mod support;

use support::{eventproof, project};

/// Runs a pack's smoke profile as it is, but for how far a busy machine may let sends slip.
fn smoke(pack: &str) {
    let pack = project().join("features").join(pack);
    let profile = std::fs::read_to_string(pack.join("load/smoke.yaml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("smoke.yaml");
    let elsewhere = profile.replace("pack: ..", &format!("pack: {}\nslip_limit: 10s", pack.display()));
    assert_ne!(elsewhere, profile, "the profile says where its pack is");
    std::fs::write(&file, elsewhere).unwrap();
    let report = folder.path().join("report");
    let ran = eventproof(&["load", file.to_str().unwrap(), "--report", report.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    let result = std::fs::read_to_string(report.join("result.json")).unwrap();
    let result: serde_json::Value = serde_json::from_str(&result).unwrap();
    assert_eq!(result["counts"]["acknowledged"], 300, "{}", ran.result);
    let legs = result["legs"].as_array().unwrap();
    assert!(legs.len() > 1 && legs.iter().all(|leg| leg["counts"]["seen"] == 300), "{}", ran.result);
}

#[test]
fn data_platform_takes_its_load() {
    smoke("data-platform");
}

#[test]
fn nova_bus_takes_its_load() {
    smoke("nova-bus");
}

#[test]
fn nova_domain_takes_its_load() {
    smoke("nova-domain");
}

#[test]
fn photo_portfolio_takes_its_load() {
    smoke("photo-portfolio");
}

#[test]
fn todo_takes_its_load() {
    smoke("todo");
}
