#![allow(clippy::unwrap_used, clippy::expect_used)]
//! A view that goes back to an older version, one that does not, and one that says none.

mod support;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use support::{Said, compare, eventproof, project, said};

/// What the view shows at the first look, the second, and so on; then always the last.
fn versions(which: &str) -> &'static [u32] {
    match which {
        "/grows" => &[1, 2, 3],
        "/goes-back" => &[3, 5, 5, 4, 5],
        _ => &[],
    }
}

/// Answers looks at views; returns its port.
fn serve() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut looks: HashMap<String, usize> = HashMap::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().and_then(Result::ok).unwrap_or_default();
            // The head ends with an empty line.
            lines.find(|line| line.as_ref().is_ok_and(String::is_empty));
            let which = first.split(' ').nth(1).unwrap_or_default().to_owned();
            let look = looks.entry(which.clone()).and_modify(|look| *look += 1).or_default();
            let shown = versions(&which);
            let version =
                shown.get(*look).or(shown.last()).map_or(String::new(), |version| format!(", \"version\": {version}"));
            let body = format!("{{\"items\": [{{\"id\": \"x\"{version}}}]}}");
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    port
}

const SAID: [Said; 4] = [
    ("it grows", "held", "", "version 3 of \"x\" at the last of "),
    ("它不倒退", "held", "", "version 3 of \"x\" at the last of "),
    ("it goes back", "broken", "stale-version", "\"x\" in view \"versions\" went back to version 4, "),
    ("it says no version", "no_verdict", "view-silent", "it is shown without a version"),
];

#[test]
fn a_view_that_goes_back_to_an_older_version_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let from = project().join("harness/cli/tests/packs/retries");
    std::fs::copy(from.join("asyncapi.yaml"), folder.path().join("asyncapi.yaml")).unwrap();
    let system = std::fs::read_to_string(from.join("system.yaml")).unwrap();
    let view = format!(
        "  versions:\n    service: retries\n    group: retries\n    list: {{http: \"http://127.0.0.1:{}/{{which}}\", items: /items, item: /id, version: /version}}\n",
        serve()
    );
    std::fs::write(folder.path().join("system.yaml"), format!("{system}{view}")).unwrap();
    let english = "view \"versions\" never goes back to an older version of \"x\", watched for 300ms";
    let scenario = |name: &str, sentence: &str, which: &str| {
        format!(
            "  Scenario: {name}\n    When \"job.given\" is published\n    Then {sentence}\n      | which | {which} |\n\n"
        )
    };
    let all = [
        scenario("it grows", english, "grows"),
        scenario("它不倒退", "观察300毫秒，视图“versions”从不退回到“x”的旧版本", "grows"),
        scenario("it goes back", english, "goes-back"),
        scenario("it says no version", english, "none"),
    ];
    std::fs::write(folder.path().join("own.feature"), format!("Feature: versions\n\n{}", all.concat())).unwrap();
    let report = folder.path().join("report");
    let ran = eventproof(&["run", folder.path().to_str().unwrap(), "--report", report.to_str().unwrap()]);
    assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    compare(&ran, &said(&report), &SAID);
}
