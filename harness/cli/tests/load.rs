#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Load runs of the whole program: known truths come back as measured, and each way of ending has its exit code.

mod support;

use support::{Ran, eventproof, project};

struct Loaded {
    ran: Ran,
    result: serde_json::Value,
}

/// Runs a profile of nova-bus; `lines` are its settings besides those that all have.
fn load(lines: &str, more: &[&str]) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let pack = project().join("features/nova-bus");
    // A busy machine lets sends slip; whoever tests that says how far they may.
    let slip = if lines.contains("slip_limit") { "" } else { "slip_limit: 5s\n" };
    let head =
        format!("name: test\npack: {}\nmessage: content.post.created\neffects: [handled]\n{slip}", pack.display());
    let profile = folder.path().join("profile.yaml");
    std::fs::write(&profile, head + lines).unwrap();
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

impl Loaded {
    fn shown(&self) -> String {
        format!("{}{}", self.ran.progress, self.ran.result)
    }

    fn leg(&self, name: &str, figure: &str) -> u64 {
        let legs = self.result["legs"].as_array().unwrap();
        legs.iter().find(|leg| leg["name"] == name).unwrap()["counts"][figure].as_u64().unwrap()
    }

    fn percentile(&self, stage: &str, percentile: f64) -> f64 {
        let stages = self.result["stages"].as_array().unwrap();
        let stage = stages.iter().find(|known| known["name"] == stage).unwrap();
        let figures = stage["distribution"]["percentiles"].as_array().unwrap();
        figures.iter().find(|figure| figure["percentile"] == percentile).unwrap()["value_ms"].as_f64().unwrap()
    }
}

#[test]
fn a_healthy_system_meets_its_objectives_and_every_event_is_accounted_for() {
    let loaded = load(
        "payload_size: 1000 B\nrate: 200/s\nwarm_up: 500ms\nevents: 400\nkeys: 20\nobjectives:\n  - lost(topic) = 0\n  - lost(feed-service-group) = 0\n  - duplicated(feed-service-group) = 0\n  - reordered(topic) = 0\n  - reordered(feed-service-group) = 0\n",
        &[],
    );
    assert_eq!(loaded.ran.code, 0, "{}", loaded.shown());
    assert_eq!((loaded.leg("topic", "seen"), loaded.leg("feed-service-group", "seen")), (500, 500));
    assert_eq!(loaded.result["stages"][0]["distribution"]["count"], 400, "the warm-up is in no figure");
    let doubt = &loaded.result["stages"][0]["distribution"]["percentiles"][3];
    assert!(doubt["doubt"].as_str().unwrap().contains("p99.9 of 400 samples"), "{doubt}");
}

#[test]
fn a_delay_of_200_ms_in_the_broker_is_found_as_200_ms_and_misses_its_objective() {
    // So few that no event waits behind another's delay.
    let loaded = load(
        "rate: 4/s\nevents: 25\nobjectives:\n  - p50(acknowledgement) < 150ms\n  - lost(topic) = 0\nproducer: {linger: 0ms}\ntimeline:\n  - {at: 0s, broker: delay, by: 200ms, api: Produce, client: eventproof-load}\n",
        &[],
    );
    assert_eq!(loaded.ran.code, 1, "{}", loaded.shown());
    let found = loaded.percentile("acknowledgement", 50.0);
    assert!((199.0..=250.0).contains(&found), "{found} ms");
    assert!(loaded.ran.result.contains("BROKEN     p50(acknowledgement) < 150ms"), "{}", loaded.shown());
    assert!(loaded.ran.result.contains("it met 2"), "{}", loaded.shown());
}

#[test]
fn a_generator_that_cannot_keep_its_plan_gives_no_verdict() {
    let loaded = load(
        "slip_limit: 20ms\nrate: 2000000/s\nevents: 20000\nobjectives:\n  - throughput >= 100/s\n  - p50(acknowledgement) < 10s\n",
        &[],
    );
    assert_eq!(loaded.ran.code, 3, "{}", loaded.shown());
    assert!(loaded.ran.result.contains("the generator did not keep its plan"), "{}", loaded.shown());
    assert!(loaded.ran.result.contains("[generator-saturated]"), "{}", loaded.shown());
}

#[test]
fn nothing_is_lost_when_the_service_is_killed_and_the_broker_crashes() {
    let loaded = load(
        "rate: 100/s\nevents: 300\nsettle: 30s\nobjectives:\n  - lost(topic) = 0\n  - lost(feed-service-group) = 0\ntimeline:\n  - {at: 500ms, for: 500ms, service: feed-service, fault: killed}\n  - {at: 1500ms, for: 500ms, broker: crash}\n",
        &[],
    );
    assert_eq!(loaded.ran.code, 0, "{}", loaded.shown());
    assert_eq!(loaded.leg("feed-service-group", "seen"), 300);
    assert!(loaded.result["disturbed"].as_array().unwrap().iter().all(|one| one["done"] == true));
}

#[test]
fn what_our_own_timeline_holds_back_is_not_lost() {
    // Killed until the last event is sent: two thirds of the events wait for the service to come back.
    let loaded = load(
        "rate: 200/s\nevents: 300\nsettle: 15s\nobjectives:\n  - lost(topic) = 0\n  - lost(feed-service-group) = 0\ntimeline:\n  - {at: 500ms, service: feed-service, fault: killed}\n",
        &[],
    );
    assert_eq!(loaded.ran.code, 0, "{}", loaded.shown());
    assert_eq!((loaded.leg("feed-service-group", "lost"), loaded.leg("feed-service-group", "seen")), (0, 300));
}

#[test]
fn a_service_that_commits_first_loses_what_it_had_in_hand_and_is_caught() {
    let loaded = load(
        "rate: 400/s\nevents: 800\nsettle: 20s\nobjectives:\n  - lost(topic) = 0\n  - lost(feed-service-group) = 0\ntimeline:\n  - {at: 1s, for: 200ms, service: feed-service, fault: killed}\n",
        &["--fault", "feed-service:commit-before-process"],
    );
    assert_eq!(loaded.ran.code, 1, "{}", loaded.shown());
    assert!(loaded.leg("feed-service-group", "lost") > 0 && loaded.leg("topic", "lost") == 0, "{}", loaded.shown());
    assert!(loaded.ran.result.contains("BROKEN     lost(feed-service-group) = 0"), "{}", loaded.shown());
}

#[test]
fn a_fault_that_meets_nothing_leaves_no_verdict() {
    let loaded = load(
        "rate: 100/s\nevents: 50\nobjectives:\n  - lost(topic) = 0\ntimeline:\n  - {at: 0s, broker: delay, by: 1ms, client: nobody}\n",
        &[],
    );
    assert_eq!(loaded.ran.code, 3, "{}", loaded.shown());
    assert!(loaded.ran.result.contains("it met no request, so it proved nothing"), "{}", loaded.shown());
}

#[test]
fn names_that_the_pack_does_not_have_are_found_before_anything_starts() {
    let loaded = load(
        "rate: 100/s\nevents: 50\nobjectives:\n  - lost(feed-servce-group) = 0\n  - p95(end-to-end) < 1s\ntimeline:\n  - {at: 0s, service: fed-service, fault: killed}\n",
        &[],
    );
    assert_eq!(loaded.ran.code, 2, "{}", loaded.shown());
    for meant in ["did you mean `feed-service-group`?", "did you mean `end_to_end`?", "did you mean `feed-service`?"] {
        assert!(loaded.ran.progress.contains(meant), "{meant}: {}", loaded.shown());
    }
}
