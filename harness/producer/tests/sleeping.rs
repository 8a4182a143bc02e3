#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]
//! That a producer with nothing to do sleeps. A process of its own: threads are known by their names here.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::time::{Duration, Instant};

use eventproof_embedded::{BrokerConfig, EmbeddedBroker};
use eventproof_producer::Awaited;
use rdkafka::ClientConfig;
use rdkafka::producer::FutureProducer;

/// As the kernel has them: after 15 bytes names are cut.
const OURS: &str = "eventproof-prod";
const THEIRS: &str = "producer pollin";

/// What a thread of ours has used of a processor, in nanoseconds; none before it has its name.
fn used(name: &str) -> Option<u64> {
    let mut threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let thread = threads.find(|thread| {
        std::fs::read_to_string(thread.path().join("comm")).is_ok_and(|found| found.trim_end() == name)
    })?;
    let told = std::fs::read_to_string(thread.path().join("schedstat")).unwrap();
    Some(told.split(' ').next().unwrap().parse().unwrap())
}

/// Side by side with rdkafka's own, so that it says nothing of the machine: what each has used meanwhile.
fn meanwhile() -> (u64, u64) {
    let both = || (used(OURS).unwrap(), used(THEIRS).unwrap());
    let before = both();
    std::thread::sleep(Duration::from_secs(3));
    let after = both();
    (after.0 - before.0, after.1 - before.1)
}

/// If it ever fails, rdkafka's own thread sleeps too, and this part has done its time.
#[test]
fn a_producer_with_nothing_to_do_uses_far_less_of_a_processor_than_rdkafkas_own() {
    let broker = EmbeddedBroker::start(BrokerConfig::default()).unwrap();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap_servers());
    let _ours: Awaited = config.create().unwrap();
    let _theirs: FutureProducer = config.create().unwrap();
    if !Path::new("/proc/self/schedstat").exists() {
        eprintln!("skipped: this kernel does not say what a thread has used");
        return;
    }
    let began = Instant::now();
    while used(OURS).is_none() || used(THEIRS).is_none() {
        assert!(began.elapsed() < Duration::from_secs(30), "no threads of these names");
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut all = Vec::new();
    // A machine that wakes nobody in time keeps theirs from wasting anything: then once more.
    while all.len() < 5 {
        let (ours, theirs) = meanwhile();
        if ours * 3 < theirs {
            return;
        }
        all.push((ours, theirs));
    }
    panic!("ours and theirs, in nanoseconds: {all:?}");
}
