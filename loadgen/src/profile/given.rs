//! Values that a profile gives to the placeholders of its actions, and those that nothing gives.

use std::collections::BTreeSet;

use eventproof_source::{Diagnostic, Diagnostics, Entry, Node, nearest};
use eventproof_system::{ActionSpec, SystemSpec, placeholders};

use super::{Arm, Profile};

impl Profile {
    /// A value for what an action does not have would be passed over, and one made in place of the one that was meant.
    pub(super) fn check_given(&self, arms: &[Arm], system: &SystemSpec, faults: &mut Diagnostics) {
        // An action that is unknown is told already, and what it has is anybody's guess.
        let actions: Vec<&ActionSpec> = arms.iter().filter_map(|arm| system.action(&arm.action)).collect();
        if actions.len() == arms.len() {
            self.each_is_taken(with(&self.root), &actions, faults);
        }
        for arm in arms {
            let Some(action) = system.action(&arm.action) else { continue };
            let node = self.root.get("arms").and_then(|node| node.get(&arm.name));
            self.each_is_taken(node.map_or(&[], with), &[action], faults);
            self.event_is_known(arm, action, faults);
        }
    }

    fn each_is_taken(&self, given: &[Entry], actions: &[&ActionSpec], faults: &mut Diagnostics) {
        let known: BTreeSet<String> =
            actions.iter().flat_map(|action| action.placeholders().into_iter().chain(known_by(action))).collect();
        for entry in given.iter().filter(|entry| !known.contains(&entry.key)) {
            let names: BTreeSet<&str> = actions.iter().map(|action| action.name.as_str()).collect();
            let whose: Vec<String> = names.into_iter().map(|name| format!("\"{name}\"")).collect();
            let message = format!("no placeholder {{{}}} is in: {}", entry.key, whose.join(", "));
            let help = match nearest(&entry.key, known.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if known.is_empty() => "it takes none".to_owned(),
                None => format!("there are: {}", known.iter().cloned().collect::<Vec<_>>().join(", ")),
            };
            let fault = Diagnostic::error("load/unknown-placeholder", message).help(help);
            faults.push(fault.at(&self.source, entry.key_span));
        }
    }

    /// An event that is known by what nobody says would never be found, and be called lost.
    fn event_is_known(&self, arm: &Arm, action: &ActionSpec, faults: &mut Diagnostics) {
        let made = action.placeholders();
        let is_said =
            |name: &String| made.contains(name) || action.captures.contains_key(name) || arm.with.contains_key(name);
        for name in known_by(action).into_iter().filter(|name| arm.follow && !is_said(name)) {
            let message = format!(
                "the event of action \"{}\" is known by {{{name}}}, which neither its request nor its `captures` say",
                action.name
            );
            let help = format!(
                "correct it in system.yaml, give it under `with: {{{name}: …}}`, or leave the event out with `follow: false`"
            );
            let at = self.place_of_action(arm);
            faults.push(Diagnostic::error("load/missing-value", message).at(&self.source, at).help(help));
        }
    }
}

fn with(node: &Node) -> &[Entry] {
    node.get("with").and_then(Node::entries).unwrap_or_default()
}

/// The placeholders of the fields by which an action's event is known.
fn known_by(action: &ActionSpec) -> BTreeSet<String> {
    let texts = action.publishes.iter().flat_map(|follows| follows.fields.values());
    texts.flat_map(|text| placeholders(text)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use eventproof_contract::Contract;
    use eventproof_source::Source;

    use super::*;

    const SYSTEM: &str = "\
system: todo
actions:
  quietly: {request: 'POST http://todo/{user}', json: {title: '{title}'}}
  loudly: {request: 'POST http://todo/{user}', captures: {task: /id}, publishes: {message: m, fields: {/id: '{task}'}}}
  vainly: {request: 'POST http://todo/{user}', publishes: {message: m, fields: {/id: '{tsk}'}}}
";

    fn told(traffic: &str) -> Vec<String> {
        let system = SystemSpec::parse(&Source::inline("system.yaml", SYSTEM)).map_err(|faults| faults.render(false));
        let text = format!("name: x\npack: ..\nrate: 5/s\nevents: 10\nobjectives: [throughput >= 1/s]\n{traffic}\n");
        let profile = Profile::parse(Source::inline("load.yaml", &text)).map_err(|faults| faults.render(false));
        let faults = profile.unwrap().check(&Contract::default(), &system.unwrap());
        let line = |one: &Diagnostic| {
            let (_, line, column) = one.place().unwrap_or_default();
            format!("{line}:{column} [{}] {}; {}", one.code, one.message, one.help.clone().unwrap_or_default())
        };
        faults.iter().map(line).collect()
    }

    #[test]
    fn a_value_for_what_no_action_has_is_told() {
        assert_eq!(told("action: quietly\nwith: {user: bob, title: milk}"), [""; 0]);
        assert_eq!(
            told("action: quietly\nwith: {titel: milk}"),
            ["7:8 [load/unknown-placeholder] no placeholder {titel} is in: \"quietly\"; did you mean `title`?"]
        );
        let arms = |with: &str, own: &str| {
            told(&format!(
                "with: {{{with}}}\narms: {{on: {{action: loudly, with: {{{own}}}}}, off: {{action: quietly}}}}"
            ))
        };
        assert_eq!(arms("title: a", "user: b"), [""; 0], "what all share need not be in each");
        assert_eq!(
            arms("titel: a", "usr: b"),
            [
                "6:8 [load/unknown-placeholder] no placeholder {titel} is in: \"loudly\", \"quietly\"; did you mean `title`?",
                "7:36 [load/unknown-placeholder] no placeholder {usr} is in: \"loudly\"; did you mean `user`?",
            ]
        );
    }

    #[test]
    fn an_event_that_is_known_by_what_nobody_says_is_told() {
        assert_eq!(told("action: vainly\nwith: {tsk: '7'}"), [""; 0]);
        assert_eq!(
            told("action: vainly"),
            [
                "6:9 [load/missing-value] the event of action \"vainly\" is known by {tsk}, which neither its request nor its `captures` say; correct it in system.yaml, give it under `with: {tsk: …}`, or leave the event out with `follow: false`"
            ]
        );
    }
}
