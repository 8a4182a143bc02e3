//! Sentences that ask of a consumer what one of its kind cannot show: how far it has read, or its attempts.

use eventproof_source::Diagnostic;
use eventproof_system::{GroupSpec, Offsets};

use crate::catalogue::{Kind, SentenceId};
use crate::pack::Pack;
use crate::plan::Sub;

/// What a step could never tell of the consumer that it names.
pub(super) fn cannot_show(pack: &Pack, sub: &Sub) -> Option<Diagnostic> {
    let arguments = sub.arguments();
    let named = |wanted: Kind| arguments.iter().find(|(_, kind, _)| *kind == wanted).map(|(_, _, name)| name.as_str());
    match sub.sentence.id {
        SentenceId::GroupHasProcessed | SentenceId::LagIsBelow | SentenceId::GroupIsRewound => {
            offsets(pack.system.group(named(Kind::Group)?)?)
        }
        SentenceId::HandledExactlyOnce => sentinel(pack, named(Kind::Service)?),
        SentenceId::TriedOverTopics => retries(pack, named(Kind::Service)?),
        SentenceId::TriedInLog => log(pack, named(Kind::Service)?),
        SentenceId::DeadLetteredAfter => letters(pack, named(Kind::Service)),
        _ => None,
    }
}

fn log(pack: &Pack, service: &str) -> Option<Diagnostic> {
    let says = pack.system.service(service)?.attempts.is_some();
    let retries =
        pack.contract.operations.iter().any(|one| one.service.as_deref() == Some(service) && one.retry.is_some());
    if !says {
        let message = format!(
            "system.yaml does not say which lines of \"{service}\" tell of an attempt, so none could be counted"
        );
        return Some(Diagnostic::error("feature/no-attempt-lines", message).help(
            "say so of the service: `attempts: {log: '^(?<time>\\S+) .* attempt \\d+ .* event_id=(?<event>\\S+)'}`",
        ));
    }
    (!retries).then(|| {
        let message = format!("the contract states no `retry` of \"{service}\", so there is no backoff to measure by");
        Diagnostic::error("feature/no-retry", message)
            .help("say `retry: {attempts: …, backoff: {initial: …}}` of the operation that receives the event")
    })
}

fn letters(pack: &Pack, service: Option<&str>) -> Option<Diagnostic> {
    let mut its = pack.contract.operations.iter().filter(|one| service.is_none() || one.service.as_deref() == service);
    let counts = its.any(|one| one.dead_letter.as_ref().is_some_and(|letter| letter.attempts.is_some()));
    (!counts).then(|| {
        let whose = service.map_or("any dead letter".to_owned(), |service| format!("a dead letter of \"{service}\""));
        let message = format!("the contract does not say where {whose} counts attempts, so this could never be told");
        Diagnostic::error("feature/no-attempts-count", message)
            .help("say it of the operation: `dead_letter: {channel: …, attempts: $message.header#/attempts}`")
    })
}

fn offsets(group: &GroupSpec) -> Option<Diagnostic> {
    (group.offsets == Offsets::Elsewhere).then(|| {
        let message =
            format!("group \"{}\" keeps its offsets elsewhere, so what it has read can never be told", group.name);
        Diagnostic::warning("feature/offsets-elsewhere", message)
            .help("ask for an effect: a view, a derived event, a call")
    })
}

fn sentinel(pack: &Pack, service: &str) -> Option<Diagnostic> {
    let mut groups = pack.system.groups.iter().filter(|group| group.service == service);
    let elsewhere = groups.find(|group| group.offsets == Offsets::Elsewhere)?;
    let reads = |name: &Option<String>| name.as_deref() == Some(elsewhere.name.as_str());
    let has_sentinel =
        pack.contract.operations.iter().any(|operation| reads(&operation.group) && operation.sentinel.is_some());
    (!has_sentinel).then(|| {
        let message = format!(
            "group \"{}\" keeps its offsets elsewhere and has no sentinel, so nothing can show that a duplicate was handled",
            elsewhere.name
        );
        Diagnostic::warning("feature/offsets-elsewhere", message)
            .help("name a `sentinel` in asyncapi.yaml: a message of the same key whose effect shows that those before it were handled")
    })
}

fn retries(pack: &Pack, service: &str) -> Option<Diagnostic> {
    let over_topics = pack.contract.retries().any(|(operation, _)| operation.service.as_deref() == Some(service));
    (!over_topics).then(|| {
        let message = format!("the contract does not say that \"{service}\" retries over topics, so this could never be told");
        Diagnostic::error("feature/no-retry-topics", message)
            .help("say `retry: {mode: topics, attempts: …, channels: […]}` of the operation; tries in place are counted at a stub")
    })
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{SYSTEM, told_of};

    #[test]
    fn what_a_consumer_of_its_kind_cannot_show_is_told() {
        let feature = "Feature: f\n\n  Scenario: s\n    When \"order.placed\" is published\n    Then group \"stock\" has processed it\n    And service \"stock\" handles it exactly once\n    And service \"stock\" tries it 3 times over its retry topics, with the backoff that the contract declares\n";
        let view = "views: {done: {service: stock, group: stock, journal: {http: '{stock.url}/{cursor}', items: /i, event: /e, next: /n, start: '0'}}}\n";
        let system = SYSTEM.replace("{service: stock}}", "{service: stock, offsets: elsewhere}}");
        assert_eq!(
            told_of(feature, &format!("{system}{view}")),
            [
                "5 [feature/offsets-elsewhere] group \"stock\" keeps its offsets elsewhere, so what it has read can never be told",
                "6 [feature/offsets-elsewhere] group \"stock\" keeps its offsets elsewhere and has no sentinel, so nothing can show that a duplicate was handled",
                "7 [feature/no-retry-topics] the contract does not say that \"stock\" retries over topics, so this could never be told",
            ]
        );
    }

    #[test]
    fn attempts_that_nothing_could_count_are_told() {
        let feature = "Feature: f\n\n  Scenario: s\n    When \"order.placed\" is published\n    Then service \"stock\" logs 3 attempts at it, with the backoff that the contract declares\n    And it is dead-lettered after 3 attempts within 5s\n    And it is dead-lettered by service \"stock\" after 3 attempts within 5s\n";
        assert_eq!(
            told_of(feature, SYSTEM),
            [
                "5 [feature/no-attempt-lines] system.yaml does not say which lines of \"stock\" tell of an attempt, so none could be counted",
                "6 [feature/no-attempts-count] the contract does not say where any dead letter counts attempts, so this could never be told",
                "7 [feature/no-attempts-count] the contract does not say where a dead letter of \"stock\" counts attempts, so this could never be told",
            ]
        );
        let system = SYSTEM.replace("{command: [stock]}", "{command: [stock], attempts: {log: 'try (?<event>.+)'}}");
        assert_eq!(
            told_of(feature, &system)[0],
            "5 [feature/no-retry] the contract states no `retry` of \"stock\", so there is no backoff to measure by"
        );
        let system = |pattern: &str| {
            SYSTEM.replace("{command: [stock]}", &format!("{{command: [stock], attempts: {{log: '{pattern}'}}}}"))
        };
        let told = told_of(feature, &system("try (.+)"));
        assert_eq!(
            told,
            [
                "2 [system/attempts-pattern] the pattern of `attempts` has no group `(?<event>…)`: nothing would tell whose attempt a line is"
            ]
        );
        let told = told_of(feature, &system("try (?<event>.+"));
        assert_eq!(
            told,
            ["2 [system/attempts-pattern] the pattern of `attempts` is no regular expression: unclosed group"]
        );
    }
}
