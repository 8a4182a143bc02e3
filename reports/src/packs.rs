//! Several packs that were run beside each other, as one result: one report, one exit code.

use crate::merge::provenance;
use crate::model::RunResult;

/// The whole of several packs' results, in their order. What has a name of its own within a pack (features, services, what was
/// found of the run, channels) has the pack's before it. The exit code and the command are still to be set.
pub fn whole_of(results: Vec<RunResult>) -> RunResult {
    let mut whole = RunResult { provenance: provenance(results.iter()), ..RunResult::default() };
    whole.pack = results.iter().map(|result| result.pack.as_str()).collect::<Vec<_>>().join(", ");
    for result in results {
        whole.shard = result.shard;
        whole.allow_skipped.clone_from(&result.allow_skipped);
        take(&mut whole, result);
    }
    whole
}

fn take(whole: &mut RunResult, mut result: RunResult) {
    let pack = &result.pack;
    result.scenarios.iter_mut().for_each(|one| one.feature = format!("{pack}: {}", one.feature));
    result.services.iter_mut().for_each(|one| one.name = format!("{pack}/{}", one.name));
    result.coverage.rows.iter_mut().for_each(|one| one.channel = format!("{pack}/{}", one.channel));
    let found = result.findings.iter_mut().chain(&mut result.conformance.findings);
    found.for_each(|one| one.text = format!("{pack}: {}", one.text));
    whole.scenarios.extend(result.scenarios);
    whole.services.extend(result.services);
    whole.findings.extend(result.findings);
    whole.conformance.add(result.conformance);
    whole.coverage.rows.extend(result.coverage.rows);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::mixed;

    #[test]
    fn what_two_packs_call_alike_stays_apart() {
        let (one, other) = (mixed(), RunResult { pack: "todo".to_owned(), ..mixed() });
        let whole = whole_of(vec![one.clone(), other]);
        assert_eq!(whole.pack, format!("{}, todo", one.pack));
        assert_eq!(whole.scenarios.len(), 2 * one.scenarios.len());
        let names: Vec<&str> = whole.services.iter().map(|service| service.name.as_str()).collect();
        assert_eq!(names, [&format!("{}/feed-service", one.pack), "todo/feed-service"]);
        assert!(whole.scenarios.last().unwrap().feature.starts_with("todo: "));
        assert_eq!(whole.coverage.rows.len(), 2 * one.coverage.rows.len(), "a promise of one is none of the other");
        assert_eq!(whole.conformance.records, 2 * one.conformance.records);
        assert_eq!(whole.provenance.merged, 2);
    }
}
