//! Names of identities. One that is said for the first time where something must be absent is a fresh identity, which nothing can have:
//! the sentence would hold whatever the system did.

use std::collections::BTreeSet;

use eventproof_source::nearest;
use eventproof_system::placeholders;

use super::story::{Story, Told, fault};
use crate::catalogue::{Kind, SentenceId};
use crate::plan::{Sub, sentence_arguments};

/// A name alone, without a field, and the word by which it is found in the step.
struct Name {
    name: String,
    word: String,
}

/// All names that a sentence says, in its text, in its table and as parameters that are identities.
pub(super) fn names(sub: &Sub) -> Vec<String> {
    let mut texts = vec![sub.text()];
    texts.extend(sub.values());
    let said = texts.iter().flat_map(|text| names_in(sub, text)).map(|one| one.name);
    let identities = sub.parameters.iter().filter(|(_, kind, _)| *kind == Kind::Identity);
    let arguments = sub.arguments().into_iter().filter(|(_, kind, _)| *kind == Kind::Identity);
    // A key that was made is called by its name alone.
    let made = sub.argument(Kind::New).filter(|_| sub.sentence.id == SentenceId::HostileKey);
    said.chain(identities.map(|(.., text)| text.clone())).chain(arguments.map(|(.., text)| text)).chain(made).collect()
}

/// The names in a text. A phrase's parameter that is an identity stands there by the parameter's own name.
fn names_in(sub: &Sub, text: &str) -> Vec<Name> {
    const GIVEN: char = '\u{1}';
    let identities = sub.parameters.iter().filter(|(_, kind, _)| *kind == Kind::Identity);
    let filled = identities.fold(text.to_owned(), |text, (name, _, value)| {
        text.replace(&format!("{{{name}}}"), &format!("{{{GIVEN}{value}}}"))
    });
    let alone = placeholders(&filled).into_iter().filter(|name| !name.contains('.'));
    let name = |found: &str| {
        let name = found.replace(GIVEN, "");
        Name { word: if found.starts_with(GIVEN) { name.clone() } else { format!("{{{name}}}") }, name }
    };
    alone.map(name).collect()
}

impl Story {
    /// Names that nothing before the sentence gave to anything, though it says that what has them is absent.
    pub(super) fn never_said(&self, sub: &Sub) -> Vec<Told> {
        let rows: Vec<Name> = sub.values().iter().flat_map(|value| names_in(sub, value)).collect();
        let of_text = |name: &str| self.of_argument(sub, name);
        let unsaid = |names: Vec<Name>| names.into_iter().filter(|one| !self.said.contains(&one.name)).collect();
        let told: Vec<Name> = match sub.sentence.id {
            SentenceId::NoneCameBefore => unsaid(rows),
            SentenceId::MetricGrows if grows_by_nothing(sub) => unsaid(rows),
            SentenceId::TextIsNowhere => unsaid(of_text("text")),
            SentenceId::ViewKeepsNotShowing => {
                let item = of_text("item");
                // What there is may be shown to a stranger, of whom nothing was said: that can fail.
                let is_there = item.iter().any(|one| self.said.contains(&one.name)) || has_field(sub);
                let unsaid_rows: Vec<Name> = unsaid(rows);
                let rows = unsaid_rows.into_iter().filter(|one| !is_there || self.meant(&one.name).is_some());
                unsaid(item).into_iter().chain(rows).collect()
            }
            _ => Vec::new(),
        };
        let mut once = BTreeSet::new();
        told.into_iter().filter(|one| once.insert(one.name.clone())).map(|one| self.never(one)).collect()
    }

    fn of_argument(&self, sub: &Sub, name: &str) -> Vec<Name> {
        let arguments = sentence_arguments(sub.sentence, &sub.text());
        arguments.and_then(|found| found.text(name).map(|text| names_in(sub, text))).unwrap_or_default()
    }

    fn never(&self, Name { name, word }: Name) -> Told {
        let message = format!("nothing before this step has {{{name}}}, so that it is absent could never fail");
        let help = self.meant(&name).unwrap_or_else(|| match self.said.is_empty() {
            true => "give it to an event or an action before this step".to_owned(),
            false => {
                let said: Vec<String> = self.said.iter().map(|one| format!("{{{one}}}")).collect();
                format!("give it to an event or an action before this step; there are: {}", said.join(", "))
            }
        });
        (fault("feature/never-said", message, help), word)
    }

    /// The name that is near, said before as an identity or given to what a step did.
    fn meant(&self, name: &str) -> Option<String> {
        let made = self.names.keys().filter(|made| !self.said.contains(*made));
        let known = self.said.iter().chain(made).map(String::as_str);
        let meant = nearest(name, known)?;
        let fields = self.names.get(meant).and_then(|made| made.fields.as_ref());
        let field = fields.and_then(|fields| fields.first());
        Some(match (self.said.contains(meant), field) {
            (true, _) => format!("did you mean {{{meant}}}?"),
            (false, Some(field)) => format!("did you mean a field of \"{meant}\", such as {{{meant}.{field}}}?"),
            (false, None) => format!("did you mean a field of \"{meant}\"? It is written {{{meant}.FIELD}}"),
        })
    }
}

/// Whether what a view must not show is known by a field of what a step did.
fn has_field(sub: &Sub) -> bool {
    let arguments = sentence_arguments(sub.sentence, &sub.text());
    arguments.is_some_and(|found| {
        found.text("item").is_some_and(|item| placeholders(item).iter().any(|one| one.contains('.')))
    })
}

fn grows_by_nothing(sub: &Sub) -> bool {
    sentence_arguments(sub.sentence, &sub.text()).and_then(|found| found.count("times")) == Some(0)
}

#[cfg(test)]
mod tests {
    use eventproof_source::Diagnostic;

    use crate::lint::tests::{SYSTEM, small};
    use crate::pack::Pack;

    const VIEWS: &str =
        "views: {state: {service: stock, group: stock, list: {http: '{stock.url}/{order}', items: /i, item: /id}}}\n";

    /// What is told of a scenario whose steps begin in line 4, each with its place and its help.
    fn told(steps: &str, phrases: &str) -> Vec<String> {
        let feature = format!("Feature: f\n\n  Scenario: s\n{steps}");
        let system = format!("{SYSTEM}{VIEWS}");
        let folder = small(&[("system.yaml", &system), ("a.feature", &feature), ("phrases.yaml", phrases)]);
        let found = match Pack::read(folder.path()).and_then(|pack| pack.plan()) {
            Ok(plan) => plan.warnings,
            Err(faults) => faults,
        };
        let line = |one: &Diagnostic| {
            let (_, line, column) = one.place().unwrap_or_default();
            format!("{line}:{column} [{}] {}; {}", one.code, one.message, one.help.clone().unwrap_or_default())
        };
        found.iter().filter(|one| !["pack/no-event-id", "phrases/unused"].contains(&one.code)).map(line).collect()
    }

    const NONE: &str = "phrases: []\n";

    fn never(place: &str, name: &str, help: &str) -> String {
        format!(
            "{place} [feature/never-said] nothing before this step has {{{name}}}, so that it is absent could never fail; {help}"
        )
    }

    #[test]
    fn a_name_that_nothing_has_is_told_where_its_absence_would_always_hold() {
        let steps = "    When \"order.placed\" is published as \"m\"\n      | order_id | {ann} of {secret} |\n    Then no \"order.placed\" came before it\n      | /order_id | {anm} |\n    And \"{secrt}\" is in no log and on no topic\n    And view \"state\" keeps not showing \"complete\" for 2s\n      | order | {mm} |\n    And metric \"m\" of service \"stock\" grows by 0 within 1s\n      | who | {an} |\n";
        let found = told(steps, NONE);
        let found: Vec<_> = found.iter().filter(|one| one.contains("never-said")).cloned().collect();
        assert_eq!(
            found,
            [
                never("7:21", "anm", "did you mean {ann}?"),
                never("8:10", "secrt", "did you mean {secret}?"),
                never("10:17", "mm", "did you mean a field of \"m\", such as {m.id}?"),
                never("12:15", "an", "did you mean {ann}?"),
            ]
        );
    }

    #[test]
    fn a_name_that_something_has_and_a_stranger_who_must_not_see_what_is_there_are_right() {
        let steps = "    When \"order.placed\" is published as \"m\"\n      | order_id | {ann} |\n    Then no \"order.placed\" came before it\n      | /order_id | {ann} |\n    And \"x {ann}\" is in no log and on no topic\n    And view \"state\" keeps not showing \"{m.order_id}\" for 2s\n      | order | {stranger} |\n    And view \"state\" keeps not showing \"{ann}\" for 2s\n      | order | {somebody else} |\n";
        assert_eq!(told(steps, NONE), [""; 0]);
        let literal = steps.replace("\"{ann}\" for", "\"open\" for");
        let there = "give it to an event or an action before this step; there are: {ann}, {stranger}";
        assert_eq!(told(&literal, NONE), [never("12:17", "somebody else", there)]);
    }

    #[test]
    fn what_an_event_is_called_is_no_value_of_it() {
        let steps = "    When \"order.placed\" is published as \"order\"\n    Then no \"order.placed\" came before it\n      | /order_id | {order} |\n";
        let help = "did you mean a field of \"order\", such as {order.id}?";
        assert_eq!(told(steps, NONE), [never("6:21", "order", help)]);
    }

    #[test]
    fn identities_of_phrases_are_names_too() {
        let phrases = "phrases:\n  - say: '{who} orders'\n    parameters: {who: identity}\n    does:\n      - {step: '\"order.placed\" is published', with: {order_id: '{who}'}}\n  - say: nothing came of {whom}\n    parameters: {whom: identity}\n    does:\n      - {step: 'no \"order.placed\" came before it', with: {/order_id: '{whom}'}}\n";
        let steps = "    When \"ann\" orders\n    Then nothing came of \"ann\"\n    And nothing came of \"anm\"\n";
        assert_eq!(told(steps, phrases), [never("6:26", "anm", "did you mean {ann}?")]);
    }
}
