#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Load runs of the whole program: known truths come back as measured, and each way of ending has its exit code.

mod support;

use support::loads::{load, load_of};

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
        "rate: 4/s\nevents: 25\nobjectives:\n  - p50(acknowledgement) < 150ms\n  - p50(sent_to_acknowledged) < 150ms\n  - p50(acknowledged_to_visible) < 150ms\n  - lost(topic) = 0\nproducer: {linger: 0ms}\ntimeline:\n  - {at: 0s, broker: delay, by: 200ms, api: Produce, client: eventproof-load}\n",
        &[],
    );
    assert_eq!(loaded.ran.code, 1, "{}", loaded.shown());
    let found = loaded.percentile("acknowledgement", 50.0);
    assert!((199.0..=250.0).contains(&found), "{found} ms");
    // From station to station: it was lost where it was injected, and nowhere else.
    let parts = ["planned_to_sent", "sent_to_acknowledged", "acknowledged_to_visible"];
    let [slip, acknowledged, visible] = parts.map(|part| loaded.value("spans", part, 50.0));
    assert!(
        (198.0..=250.0).contains(&acknowledged) && slip < 50.0 && visible < 50.0,
        "{slip} {acknowledged} {visible}"
    );
    assert!(loaded.ran.result.contains("BROKEN     p50(sent_to_acknowledged) < 150ms"), "{}", loaded.shown());
    assert!(loaded.ran.result.contains("held       p50(acknowledged_to_visible) < 150ms"), "{}", loaded.shown());
    let client = loaded.result["client"].as_array().unwrap();
    let figure = |name: &str, of: &str| client.iter().find(|span| span["name"] == name).unwrap()[of].as_f64().unwrap();
    // The first requests are none of records and are not delayed; a busy machine may add to one.
    assert!(figure("wire", "max_ms") >= 199.0, "{client:?}");
    assert!((150.0..=250.0).contains(&figure("wire", "mean_ms")), "{client:?}");
    assert!(figure("queue", "mean_ms") < 50.0, "it waited for the broker, not in the queue: {client:?}");
    assert!(loaded.ran.result.contains("BROKEN     p50(acknowledgement) < 150ms"), "{}", loaded.shown());
    assert!(loaded.ran.result.contains("it met 2"), "{}", loaded.shown());
}

#[test]
fn what_a_broken_broker_does_to_records_is_found_at_its_exact_count() {
    // One record a request: so slow, and nothing lingers.
    let loaded = load(
        "rate: 10/s\nevents: 60\nproducer: {linger: 0ms}\nobjectives:\n  - lost(topic) = 0\n  - duplicated(topic) <= 3\n  - corrupted(topic) < 4\n  - duplicated(feed-service-group) = 0\ntimeline:\n  - {at: 500ms, broker: lose-records, times: 2, client: eventproof-load}\n  - {at: 2s, broker: repeat-records, times: 3, client: eventproof-load}\n  - {at: 4s, broker: alter-records, times: 4, client: eventproof-load}\n",
        &[],
    );
    assert_eq!(loaded.ran.code, 1, "{}", loaded.shown());
    let topic =
        ["seen", "lost", "duplicated", "corrupted", "phantom", "reordered"].map(|figure| loaded.leg("topic", figure));
    assert_eq!(topic, [58, 2, 3, 4, 0, 0], "{}", loaded.shown());
    assert_eq!(loaded.leg("feed-service-group", "duplicated"), 0, "the service takes each once");
    let told = &loaded.ran.result;
    assert!(
        told.contains("BROKEN     lost(topic) = 0") && told.contains("held       duplicated(topic) <= 3"),
        "{}",
        loaded.shown()
    );
    assert!(told.contains("BROKEN     corrupted(topic) < 4"), "{}", loaded.shown());
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
    for told in ["this process used ", "all processes together ", "of what was sent "] {
        assert!(loaded.ran.result.contains(told), "{told}: {}", loaded.shown());
    }
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
    // Killed until the last event is sent, and its group without it: no event changes its order by that. Two thirds of the events wait for the service to come back.
    let loaded = load(
        "rate: 200/s\nevents: 300\nsettle: 15s\nobjectives:\n  - lost(topic) = 0\n  - lost(feed-service-group) = 0\n  - reordered(feed-service-group) = 0\ntimeline:\n  - {at: 500ms, service: feed-service, fault: killed}\n",
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
fn the_lag_of_a_group_without_a_view_is_watched() {
    let lines = "message: content.post.created\ngroups: [search-service-group]\nrate: 100/s\nevents: 300\nobjectives:\n  - lag(search-service-group) < 100000\n";
    let loaded = load_of("nova-bus", lines, &[]);
    assert_eq!(loaded.ran.code, 0, "{}", loaded.shown());
    let intervals = loaded.result["intervals"].as_array().unwrap();
    let has = |interval: &&serde_json::Value| interval["lag"][0]["group"] == "search-service-group";
    assert!(intervals.iter().filter(has).count() >= 3, "{intervals:?}");
    let wrong = load_of("nova-bus", &lines.replace("[search-service-group]", "[serch-service-group]"), &[]);
    assert_eq!(wrong.ran.code, 2, "{}", wrong.shown());
    let expected = "there is no group of the contract `serch-service-group`";
    assert!(wrong.ran.progress.contains(expected), "{}", wrong.shown());
}

#[test]
fn a_group_without_a_view_is_timed_by_its_commits_as_far_as_they_tell() {
    let lines = "message: content.post.created\ngroups: [search-service-group]\nrate: 50/s\nevents: 250\nsettle: 20s\nobjectives:\n  - p95(processed(search-service-group)) < 60s\n  - p50(processed(search-service-group)) < 100ms\n";
    let loaded = load_of("nova-bus", lines, &[]);
    assert_eq!(loaded.ran.code, 3, "{}", loaded.shown());
    let finding = |index: usize| loaded.result["objectives"][index]["finding"].clone();
    assert_eq!(finding(0)["outcome"], "held", "{}", loaded.shown());
    assert_eq!(finding(1)["code"], "offset-too-coarse", "{}", loaded.shown());
    let stage = &loaded.result["stages"].as_array().unwrap()[2];
    assert_eq!(
        (&stage["name"], &stage["distribution"]["count"]),
        (&"processed(search-service-group)".into(), &250.into())
    );
    // It is asked every 200 ms, so nothing is known better than that at least.
    assert!(stage["error_ms"].as_f64().unwrap() > 50.0, "{stage}");
}

#[test]
fn what_follows_from_each_event_is_accounted_for() {
    let lines = "message: file.media.uploaded\nfollows: [file.media.processed]\nrate: 20/s\nevents: 60\nsettle: 25s\nobjectives:\n  - p50(processed(file.media.processed)) < 7s\n  - lost(file.media.processed) = 0\n  - duplicated(file.media.processed) = 0\n";
    let load = |lines: &str, faults: &[&str]| {
        let faults: Vec<&str> = faults.iter().flat_map(|fault| ["--fault", fault]).collect();
        load_of("photo-portfolio", lines, &faults)
    };
    let healthy = load(lines, &[]);
    assert_eq!((healthy.ran.code, healthy.leg("file.media.processed", "seen")), (0, 60), "{}", healthy.shown());
    let late = load(lines, &["file-service:late"]);
    let took = late.percentile("processed(file.media.processed)", 50.0);
    assert!(late.ran.code == 1 && (8_000.0..25_000.0).contains(&took), "{took} ms: {}", late.shown());
    let nameless = load(lines, &["file-service:no-causation", "file-service:new-correlation"]);
    assert_eq!((nameless.ran.code, nameless.leg("file.media.processed", "lost")), (1, 60), "{}", nameless.shown());
    let told = |follows: &str| load(&lines.replace("[file.media.processed]", follows), &[]).ran.progress;
    assert!(told("[file.media.proccessed]").contains("there is no message `file.media.proccessed`"));
    let same = told("[file.media.uploaded]");
    assert!(same.contains("`file.media.uploaded` stands on a topic that this load sends to"), "{same}");
}

#[test]
fn commits_that_come_a_second_and_a_half_late_are_found_so() {
    let lines = "message: content.post.created\ngroups: [search-service-group]\nrate: 20/s\nevents: 60\nsettle: 30s\nobjectives:\n  - p50(processed(search-service-group)) < 1s\ntimeline:\n  - {at: 0s, broker: delay, by: 1500ms, api: OffsetCommit, client: search-service}\n";
    let loaded = load_of("nova-bus", lines, &[]);
    let took = loaded.percentile("processed(search-service-group)", 50.0);
    assert!((1500.0..15_000.0).contains(&took), "{took} ms: {}", loaded.shown());
    // They may have been processed before they were committed: that is no miss.
    assert_eq!(loaded.ran.code, 3, "{}", loaded.shown());
    assert_eq!(loaded.result["objectives"][0]["finding"]["code"], "offset-too-coarse", "{}", loaded.shown());
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

#[test]
fn a_group_is_judged_for_the_messages_that_it_consumes_only() {
    // The feed service reads posts, and never hears of users.
    let loaded = load_of(
        "nova-bus",
        "messages: {content.post.created: 6, content.post.deleted: 2, identity.user.created: 2}\nkeys: {count: 40, skew: zipf, exponent: 1.2}\neffects: [handled]\nrate: 200/s\nevents: 400\nobjectives:\n  - lost(topic) = 0\n  - lost(feed-service-group) = 0\n  - duplicated(feed-service-group) = 0\n  - phantom(feed-service-group) = 0\n  - reordered(topic) = 0\n",
        &[],
    );
    assert_eq!(loaded.ran.code, 0, "{}", loaded.shown());
    let (topic, group) = (loaded.leg("topic", "seen"), loaded.leg("feed-service-group", "seen"));
    assert_eq!(topic, 400);
    assert!((270..370).contains(&group), "80 % of 400: {group}");
}

#[test]
fn a_shape_is_sent_as_it_was_drawn_with_payloads_as_long_as_they_should_be() {
    let loaded = load(
        "payload_size: {from: 600 B, to: 4 KiB}\nkeys: {count: 20, hot: 30 %}\nshape:\n  - {rate: 100/s, for: 1s}\n  - {to: 400/s, for: 1s}\n  - {spike: 800/s, for: 250ms}\nobjectives:\n  - lost(topic) = 0\n  - failed(acknowledgement) = 0\n",
        &[],
    );
    assert_eq!(loaded.ran.code, 0, "{}", loaded.shown());
    assert_eq!(loaded.result["counts"]["planned"], 550, "100, the area below the ramp, and a quarter of 800");
    let spike = &loaded.result["disturbed"][0];
    assert_eq!((spike["text"].as_str(), spike["until_ms"].as_f64()), (Some("spike of 800/s for 250 ms"), Some(2250.0)));
    assert!(spike["level_after_ms"].as_f64().is_some_and(|after| after >= 0.0), "{spike}");
    let payloads = &loaded.result["payloads"];
    let size = |name: &str| payloads[name].as_u64().unwrap();
    assert!(size("min") >= 590 && size("min") < 700 && size("max") > 3900 && size("max") < 4200, "{payloads}");
    assert!((2100..2600).contains(&size("p50")), "{payloads}");
}

#[test]
fn as_fast_as_possible_has_a_throughput_and_counts_from_the_send() {
    let loaded = load(
        "rate: max\nevents: 5000\nproducer: {queue_records: 200}\nobjectives:\n  - throughput >= 100/s\n  - lost(topic) = 0\n",
        &[],
    );
    assert_eq!(loaded.ran.code, 0, "{}", loaded.shown());
    let meaning = loaded.result["stages"][0]["meaning"].as_str().unwrap();
    assert!(meaning.starts_with("sent (there is no plan"), "{meaning}");
    let slips = |interval: &serde_json::Value| interval["slip"]["count"].as_u64().unwrap();
    assert_eq!(
        loaded.result["intervals"].as_array().unwrap().iter().map(slips).sum::<u64>(),
        0,
        "nothing to slip behind"
    );
    assert_eq!(loaded.result["counts"]["acknowledged"], 5000);
    assert!(loaded.result["plan"].as_str().unwrap().contains("as fast as they are taken"), "{}", loaded.shown());
}

#[test]
fn requests_are_answered_and_their_events_followed() {
    let loaded = load_of(
        "todo",
        "action: create task\neffects: [handled]\nrate: 50/s\nwarm_up: 500ms\nevents: 150\nobjectives:\n  - failed(answered) = 0\n  - p50(answered) < 2s\n  - lost(topic) = 0\n  - lost(event-service) = 0\n  - duplicated(topic) = 0\n",
        &[],
    );
    assert_eq!(loaded.ran.code, 0, "{}", loaded.shown());
    assert_eq!((loaded.leg("topic", "seen"), loaded.leg("event-service", "seen")), (175, 175));
    assert!(loaded.percentile("answered", 50.0) < loaded.percentile("processed(event-service)", 50.0));
}

#[test]
fn requests_that_fail_are_counted_with_their_reason() {
    let loaded = load_of(
        "todo",
        "action: complete task\nwith: {task: \"987654321\"}\nrate: 50/s\nevents: 50\nobjectives:\n  - failed(answered) = 0\n",
        &[],
    );
    assert_eq!(loaded.ran.code, 1, "{}", loaded.shown());
    assert!(loaded.ran.result.contains("50 of 50: 50 refused, 0 of unknown outcome"), "{}", loaded.shown());
    assert!(loaded.ran.result.contains("status 404"), "{}", loaded.shown());
}

#[test]
fn an_event_that_comes_twice_is_found_behind_its_request() {
    let loaded = load_of(
        "todo",
        "action: create task\nrate: 50/s\nevents: 50\nobjectives:\n  - lost(topic) = 0\n  - duplicated(topic) = 0\n",
        &["--fault", "todo-api:published-twice"],
    );
    assert_eq!(loaded.ran.code, 1, "{}", loaded.shown());
    assert_eq!((loaded.leg("topic", "lost"), loaded.leg("topic", "duplicated")), (0, 50), "{}", loaded.shown());
}

#[test]
fn a_search_ends_at_its_ceiling_and_needs_a_rate_to_begin_with() {
    let lines = "rate: 20/s\nevents: 60\nobjectives:\n  - lost(topic) = 0\n";
    let found = load(lines, &["--find-max", "--ceiling", "50/s", "--step", "1s"]);
    assert_eq!(found.ran.code, 0, "{}", found.shown());
    assert_eq!(found.result["search"]["rate"], 50.0);
    assert_eq!(found.result["search"]["limit"], "the ceiling that was given");
    let without = load("rate: max\nevents: 60\n", &["--find-max"]);
    assert_eq!(without.ran.code, 2, "{}", without.shown());
    assert!(without.ran.progress.contains("begins at a profile's steady rate"), "{}", without.shown());
}

#[test]
fn what_could_not_fail_or_not_be_told_apart_is_refused_before_anything_starts() {
    let arms = "arms:\n  one: {action: ingest}\n  many: {action: ingest a batch}\n";
    let objectives = "objectives:\n  - reordered(topic) = 0\n";
    let loaded = load_of("data-platform", &format!("{arms}rate: 10/s\nevents: 10\n{objectives}"), &[]);
    assert_eq!(loaded.ran.code, 2, "{}", loaded.shown());
    let told = loaded.ran.progress;
    assert!(told.contains("load/links-differ") && told.contains("load/cannot-be-judged"), "{told}");
}
