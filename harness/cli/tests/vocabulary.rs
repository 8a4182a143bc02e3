#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Sentences that no pack of ours needs: each does what it says, and says what it found.

mod support;

use support::{Said, compare, eventproof, project, said};

/// Scenario, outcome, code, and what the text of its last step says.
const SAID: [Said; 19] = [
    ("a record that is delivered again has no second effect", "held", "", "one effect of 1 copies"),
    ("a paused service takes up its work when it goes on", "held", "", "called 1 times at stub"),
    ("a rebalance loses nothing", "held", "", "record(s) behind"),
    ("a further instance joins and loses nothing", "held", "", "all 100 events had their effect"),
    ("a slow mail service is waited for", "held", "", "called 1 times at stub"),
    ("a call that is broken off is made again", "held", "", "3 "),
    ("while the mail service is down nothing is lost", "held", "", "one effect"),
    ("an invitation leads to a link, and a photo to none", "held", "", "keeps to it"),
    ("a large event is taken", "held", "", "keeps to it"),
    ("an event that is too large is refused, and the next one is taken", "held", "", "keeps to it"),
    ("an alert is over once the mail service is back", "held", "", "is not above 0"),
    ("an event that is not too large is not refused", "broken", "not-refused", "it is not too large for the topic"),
    ("an alert is not over while nobody works", "broken", "alert-lasts", "alert \"consumer lag\" still fires after"),
    ("a small load passes", "held", "", "lost(topic) = 0: 0"),
    (
        "an event of which nothing must follow, and nothing shows that it would",
        "broken",
        "unwanted",
        "\"auth.magic-link.created\" with correlation id",
    ),
    ("an invalid event does not conform", "broken", "nonconforming", "departs from the contract"),
    ("a group that is stopped does not catch up", "broken", "lag-too-high", "expected fewer than 1"),
    (
        "a counter that nobody counts",
        "broken",
        "metric-differs",
        "metric \"outbox_published_total\" of service \"file-service\" grew by 0 within",
    ),
    ("a load that cannot pass", "broken", "objective-missed", "throughput >= 1000/s was missed"),
];

/// The photo portfolio with these scenarios only, an instance that starts later, and two small loads.
fn pack() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let from = project().join("features/photo-portfolio");
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let contract = std::fs::read_to_string(from.join("asyncapi.yaml")).unwrap();
    // A text that may be of any length: what is large is large there.
    let replay = "{id: *name, type: {const: file.replay}";
    assert!(contract.contains(replay));
    put("asyncapi.yaml", &contract.replace(replay, "{note: {type: string}, id: *name, type: {const: file.replay}"));
    let system = std::fs::read_to_string(from.join("system.yaml")).unwrap();
    let later = "  analytics-service-later: {like: analytics-service, starts: later}\n\nstubs:\n";
    put("system.yaml", &system.replacen("\nstubs:\n", later, 1).replace("copies: 4", "copies: 1"));
    let own = project().join("harness/cli/tests/packs/vocabulary/vocabulary.feature");
    put("vocabulary.feature", &std::fs::read_to_string(own).unwrap());
    std::fs::create_dir(folder.path().join("load")).unwrap();
    let load = |name: &str, more: &str| {
        format!(
            "name: {name}\npack: ..\nmessage: file.media.uploaded\nkeys: 5\nrate: 50/s\nevents: 50\neffects: [events kept]\nsettle: 10s\nslip_limit: 10s\nobjectives:\n  - lost(topic) = 0\n{more}"
        )
    };
    put("load/short.yaml", &load("short", ""));
    put("load/hopeless.yaml", &load("hopeless", "  - throughput >= 1000/s\n"));
    folder
}

#[test]
fn every_sentence_does_what_it_says() {
    let (folder, report) = (pack(), tempfile::tempdir().unwrap());
    let ran = eventproof(&["run", folder.path().to_str().unwrap(), "--report", report.path().to_str().unwrap()]);
    compare(&ran, &said(report.path()), &SAID);
    assert_eq!(ran.code, 1, "what was meant to be broken breaks the gate: {}", ran.result);
}
