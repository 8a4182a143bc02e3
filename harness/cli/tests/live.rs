#![allow(clippy::unwrap_used, clippy::expect_used)]
//! What a load tells while it runs: to a file that outlives a kill, to Prometheus, to a log.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use support::{Running, eventproof, project, until};

/// A profile of nova-bus in a folder; far longer than the test waits.
fn profile(folder: &Path, lines: &str) -> PathBuf {
    let pack = project().join("features/nova-bus");
    let text = format!(
        "name: long\npack: {}\nmessage: content.post.created\neffects: [handled]\nslip_limit: 5s\nkeys: 20\n{lines}",
        pack.display()
    );
    let path = folder.join("long.yaml");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_load_that_is_killed_leaves_its_intervals_and_they_are_reported_without_a_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let profile = profile(folder.path(), "rate: 50/s\nevents: 100000\nobjectives:\n  - p95(end_to_end) < 1h\n");
    let report = folder.path().join("report");
    let running = Running::start(&["load", profile.to_str().unwrap(), "--report", report.to_str().unwrap()]);
    let file = report.join("intervals.jsonl");
    let lines = || std::fs::read_to_string(&file).unwrap_or_default().lines().count();
    until("four intervals", || (lines() > 4).then_some(()));
    let before = lines() - 1;
    running.kill();

    let ran = eventproof(&["report", file.to_str().unwrap()]);
    assert_eq!(ran.code, 3, "{}{}", ran.progress, ran.result);
    for part in ["the run was ended from outside", "no verdict p95(end_to_end) < 1h", "end_to_end", "interrupted"] {
        assert!(ran.result.contains(part), "no `{part}` in {}", ran.result);
    }
    let text = std::fs::read_to_string(report.join("result.json")).unwrap();
    let result: serde_json::Value = serde_json::from_str(&text).unwrap();
    let intervals = result["intervals"].as_array().unwrap();
    assert!(intervals.len() >= before, "{} of {before}", intervals.len());
    let acknowledged: u64 = intervals.iter().map(|one| one["acknowledged"].as_u64().unwrap()).sum();
    assert_eq!(result["counts"]["acknowledged"], acknowledged);
    let measured = |stage: usize| result["stages"][stage]["distribution"]["count"].as_u64().unwrap();
    assert_eq!(measured(0), acknowledged, "every one of them is in the histograms");
    assert!(measured(2) > 0 && measured(2) <= acknowledged);
    assert!(report.join("report.html").exists());
}

#[test]
fn a_load_that_ended_is_not_replaced_by_its_intervals() {
    let folder = tempfile::tempdir().unwrap();
    let profile = profile(folder.path(), "rate: 50/s\nevents: 50\nobjectives:\n  - lost(topic) = 0\n");
    let report = folder.path().join("report");
    let ran = eventproof(&["load", profile.to_str().unwrap(), "--report", report.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    let intervals = report.join("intervals.jsonl");
    let refused = eventproof(&["report", intervals.to_str().unwrap()]);
    assert_eq!(refused.code, 2);
    assert!(refused.progress.contains("so its verdicts are in"), "{}", refused.progress);
    let again = eventproof(&["report", report.join("result.json").to_str().unwrap()]);
    assert_eq!((again.code, again.result), (0, ran.result));
    let nowhere = profile.join("report");
    let refused = eventproof(&["load", profile.to_str().unwrap(), "--report", nowhere.to_str().unwrap()]);
    assert_eq!(refused.code, 2, "{}", refused.progress);
    assert!(refused.progress.contains("intervals.jsonl cannot be written"), "{}", refused.progress);
}

#[test]
fn prometheus_reads_a_load_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let profile = profile(folder.path(), "rate: 50/s\nevents: 100000\nobjectives:\n  - lost(topic) = 0\n");
    let report = folder.path().join("report");
    let mut running = Running::start(&[
        "load",
        profile.to_str().unwrap(),
        "--report",
        report.to_str().unwrap(),
        "--metrics",
        "127.0.0.1:0",
    ]);
    let told = BufReader::new(running.0.stderr.take().unwrap());
    let address = told
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.split_once("http://").map(|(_, rest)| rest.trim_end_matches("/metrics").to_owned()));
    let address = address.expect("an address in the progress");
    let page = until("hundred events in the metrics", || {
        let page = get(&address)?;
        let acknowledged = value(&page, "eventproof_load_events_total{leg=\"producer\",outcome=\"acknowledged\"}");
        (acknowledged >= 100.0 && value(&page, "eventproof_load_latency_seconds_count{stage=\"end_to_end\"}") > 0.0)
            .then_some(page)
    });
    let head = page.split("\r\n\r\n").next().unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 200") && head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    let count = value(&page, "eventproof_load_latency_seconds_count{stage=\"end_to_end\"}");
    assert_eq!(value(&page, "eventproof_load_latency_seconds_bucket{stage=\"end_to_end\",le=\"+Inf\"}"), count);
    assert_eq!(value(&page, "eventproof_load_events_total{leg=\"topic\",outcome=\"seen\"}"), count, "no warm-up");
    assert!(value(&page, "eventproof_load_latency_seconds_sum{stage=\"end_to_end\"}") > 0.0);
    assert!(page.contains("eventproof_load_lag_records{group=\"feed-service-group\"}"), "{page}");
}

/// One request as any client makes it; none if it was not answered.
fn get(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// The value of a series; zero if there is none yet.
fn value(page: &str, series: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series));
    line.map_or(0.0, |rest| rest.trim().parse().unwrap())
}

#[test]
fn a_log_gets_a_line_for_each_interval() {
    let folder = tempfile::tempdir().unwrap();
    let profile = profile(folder.path(), "rate: 50/s\nevents: 150\nobjectives:\n  - lost(topic) = 0\n");
    let report = folder.path().join("report");
    let ran = eventproof(&["load", profile.to_str().unwrap(), "--report", report.to_str().unwrap(), "--tail"]);
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    let lines: Vec<&str> = ran.result.lines().filter(|line| line.starts_with("at=")).collect();
    assert!(lines.len() >= 3 && lines[0].starts_with("at=1.0s phase=load rate="), "{}", ran.result);
    for part in ["p50(end_to_end)=", "p99(processed(feed-service-group))=", "lag(feed-service-group)=", "owed(topic)="]
    {
        assert!(lines[1].contains(part), "no `{part}` in {}", lines[1]);
    }
    assert!(!ran.progress.contains('\r'), "no line is written over where there is no terminal");
}
