//! Whether two results may be compared at all, and what has to be said with it.

use std::collections::BTreeSet;

use crate::model::LoadResult;
use crate::text::{clean, millis};

/// Everything by which the loads differ: then a difference of figures says nothing about the system.
pub(super) fn differences(before: &LoadResult, after: &LoadResult) -> Vec<String> {
    if before.search.is_some() || after.search.is_some() {
        let why = "a search for the highest rate: its last run is at whatever rate it came to; compare loads at a rate of their own";
        return vec![why.to_owned()];
    }
    let mut found = Vec::new();
    let mut differ = |what: &str, was: &str, is: &str| {
        if was != is {
            let shown =
                |text: &str| if text.is_empty() { "not set".to_owned() } else { format!("\"{}\"", clean(text)) };
            found.push(format!("{what}: {} before, {} after", shown(was), shown(is)));
        }
    };
    differ("another profile", &before.title, &after.title);
    differ("another kind of broker", &before.provenance.broker.kind, &after.provenance.broker.kind);
    // As many producers, each with its own batches: another load, as another linger would be.
    let shards = |of: &LoadResult| of.shards.as_ref().map_or(1, |shards| shards.parts.len()).to_string();
    differ("another number of processes that sent it (`--shard`)", &shards(before), &shards(after));
    if before.workload.is_empty() || after.workload.is_empty() {
        differ("another plan", &before.plan, &after.plan);
        return found;
    }
    let names: BTreeSet<&String> = before.workload.keys().chain(after.workload.keys()).collect();
    for name in names {
        let value = |of: &LoadResult| of.workload.get(name).cloned().unwrap_or_default();
        differ(&format!("another {name}"), &value(before), &value(after));
    }
    found
}

/// What does not forbid the comparison, but may explain a difference.
pub(super) fn notes(before: &LoadResult, after: &LoadResult) -> Vec<String> {
    let mut found = Vec::new();
    for (what, was, is) in [
        ("machines", &before.provenance.machine, &after.provenance.machine),
        ("brokers", &before.provenance.broker.label, &after.provenance.broker.label),
        ("versions of eventproof", &before.provenance.version, &after.provenance.version),
    ] {
        if was != is {
            found.push(format!("the {what} differ: {} before, {} after", clean(was), clean(is)));
        }
    }
    for (which, result) in [("before", before), ("after", after)] {
        if result.provenance.interrupted {
            found.push(format!("the run {which} was interrupted: it is compared as far as it went"));
        }
        if let Some(aborted) = &result.aborted {
            let (objective, at) = (clean(&aborted.objective), millis(aborted.at_ms));
            found.push(format!(
                "the run {which} was ended after {at} by `{objective}`: it is compared as far as it went"
            ));
        }
        let faulty = result.services.iter().filter(|service| !service.faults.is_empty());
        found.extend(
            faulty.map(|one| format!("{which}, service \"{}\" had faults: {}", one.name, one.faults.join(", "))),
        );
    }
    found
}

/// Why figures of time and rate say nothing: a generator did not keep its plan.
pub(super) fn saturated(before: &LoadResult, after: &LoadResult) -> Option<String> {
    let of = |(which, result): (&str, &LoadResult)| {
        let why = result.generator.saturated.as_ref()?;
        Some(format!("the generator of the run {which} did not keep its plan: {why}"))
    };
    [("before", before), ("after", after)].into_iter().find_map(of)
}
