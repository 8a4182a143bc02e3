//! Faults that more than one service carries, said once.

use std::io::Write;
use std::time::Duration;

use super::kafka::ConsumerFaults;
use crate::catalogue::FaultInfo;
use crate::serve::Context;

/// Every consumer can have it: [`consumer_faults`] turns it on.
pub(crate) const COMMIT_FIRST: FaultInfo = FaultInfo {
    name: "commit-before-process",
    summary: "commits a batch's offsets, then handles its records one by one, so a kill loses what is in hand",
};
/// Every consumer can have it: [`consumer_faults`] turns it on.
pub(crate) const STOP_LOSES: FaultInfo = FaultInfo {
    name: "stop-loses-batch",
    summary: "handles records one by one, and when it is asked to stop commits the whole batch in hand",
};
/// Whoever tells duplicates by their ids can have it: [`remembered_for`] turns it on.
pub(crate) const SHORT_MEMORY: FaultInfo =
    FaultInfo { name: "short-memory", summary: "remembers handled ids for an hour, whatever it was told" };
/// How long ids are remembered with the fault `short-memory`.
const SHORT: Duration = Duration::from_secs(3_600);
/// How long it takes for a record: long enough that the group falls behind, so that whoever kills it finds something in hand.
const SLOW_RECORD: Duration = Duration::from_millis(20);
/// The exit code of a process that panicked.
const CRASHED: i32 = 101;

/// The faults of the loop itself that are switched on.
pub(crate) fn consumer_faults(context: &Context) -> ConsumerFaults {
    ConsumerFaults {
        commit_first: context.has(COMMIT_FIRST).then_some(SLOW_RECORD),
        stop_loses: context.has(STOP_LOSES).then_some(SLOW_RECORD),
        ..ConsumerFaults::default()
    }
}

/// How long a handled id is remembered.
pub(crate) fn remembered_for(context: &Context) -> Duration {
    if context.has(SHORT_MEMORY) { SHORT } else { context.settings.processed_ttl }
}

/// Ends the process as a panic would look from outside: one line, and its exit code.
pub(crate) fn crash(line: &str) -> ! {
    let _ = std::io::stderr().lock().write_all(format!("fatal: {line}\n").as_bytes());
    std::process::exit(CRASHED)
}
