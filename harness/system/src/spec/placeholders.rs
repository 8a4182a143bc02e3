//! Placeholders of `system.yaml`: each stands for something that every run has a value for, or that a step's table may say.

use eventproof_source::{Diagnostic, Diagnostics, Entry, Node, Source, Span, nearest};

use super::model::SystemSpec;
use super::request::wrong_address;
use crate::template::placeholders;

/// What has placeholders of its own: {NAME.url}.
const NAMED: [&str; 3] = ["services", "stubs", "stores"];
/// What a service's command and variables may say of itself.
const OWN: [&str; 2] = ["port", "url"];
/// What a journal's address says where the last page ended.
const CURSOR: &str = "cursor";
const SASL: [&str; 4] = ["sasl.protocol", "sasl.mechanism", "sasl.user", "sasl.password"];

/// Tells every placeholder that would have no value, and every address of a view that says no host.
pub(super) fn check(spec: &SystemSpec, root: &Node, source: &Source, faults: &mut Diagnostics) {
    let mut check = Check { spec, root, source, settings: spec.settings(), unread: unread(spec, root), faults };
    part(root, "services").iter().for_each(|entry| check.service(entry));
    part(root, "views").iter().for_each(|entry| check.view(entry));
    part(root, "actions").iter().for_each(|entry| check.action(entry));
}

struct Check<'a> {
    spec: &'a SystemSpec,
    root: &'a Node,
    source: &'a Source,
    settings: Vec<String>,
    /// Names that are declared with faults of their own: what is said of them is not looked at.
    unread: Vec<&'a str>,
    faults: &'a mut Diagnostics,
}

impl<'a> Check<'a> {
    /// A service is given all of it by the run, and nothing by a step.
    fn service(&mut self, entry: &'a Entry) {
        let sasl = SASL.iter().filter(|_| self.root.get("broker").is_some());
        let known: Vec<String> = OWN.iter().chain(sasl).map(|name| (*name).to_owned()).collect();
        let known = [known, self.settings.clone()].concat();
        let parts = ["command", "env"].iter().filter_map(|key| entry.value.get(key));
        self.each(parts, |_| true, &known);
    }

    /// A list takes the rest from a step's table, a journal has only its cursor.
    fn view(&mut self, entry: &'a Entry) {
        let known = self.settings.clone();
        if let Some(http) = entry.value.get("list").and_then(|node| node.get("http")) {
            self.each([http], |name| name.contains('.'), &known);
            self.address(http);
        }
        if let Some(http) = entry.value.get("journal").and_then(|node| node.get("http")) {
            let known = [vec![CURSOR.to_owned()], known].concat();
            self.each([http], |_| true, &known);
            self.address(http);
            if self.spec.view(&entry.key).is_some() {
                self.cursor(http, &known);
            }
        }
    }

    /// An address that does not say where to go on. A placeholder that is not known, which is told where it stands, may be meant so.
    fn cursor(&mut self, node: &Node, known: &[String]) {
        let names = placeholders(node.as_str().unwrap_or_default());
        if !names.contains(&CURSOR) && names.iter().all(|name| self.is_filled(name, known)) {
            self.faults.push(no_cursor().at(self.source, node.span));
        }
    }

    /// Whether something fills a placeholder, or what it is of has a fault of its own.
    fn is_filled(&self, name: &str, known: &[String]) -> bool {
        let of_unread = name.rsplit_once('.').is_some_and(|(of, _)| self.unread.contains(&of));
        of_unread || known.iter().any(|one| one == name)
    }

    fn action(&mut self, entry: &'a Entry) {
        let parts = ["request", "headers", "json"].iter().filter_map(|key| entry.value.get(key));
        let known = self.settings.clone();
        self.each(parts, |name| name.contains('.'), &known);
        let front = entry.value.get("request").and_then(|node| Some((node, node.as_str()?.split_once(' ')?.1)));
        front.into_iter().for_each(|(node, http)| self.bare(node, http.trim()));
        // The event is known by what the step and the answer say: settings of the run are not filled in there.
        let captures = entry.value.get("captures").and_then(Node::entries).unwrap_or_default();
        let captured: Vec<String> = captures.iter().map(|one| one.key.clone()).collect();
        let fields = entry.value.get("publishes").and_then(|node| node.get("fields"));
        self.each(fields, |name| name.contains('.') || known.iter().any(|one| one == name), &captured);
    }

    fn address(&mut self, node: &Node) {
        let Some(http) = node.as_str() else { return };
        wrong_address(http).into_iter().for_each(|fault| self.faults.push(fault.at(self.source, node.span)));
        self.bare(node, http);
    }

    /// A service's name where its address should be.
    fn bare(&mut self, node: &Node, http: &str) {
        let front = placeholders(http).first().copied().filter(|name| http.starts_with(&format!("{{{name}}}")));
        let declared =
            |name: &&str| NAMED.iter().any(|key| self.root.get(key).is_some_and(|of| of.get(name).is_some()));
        let Some(name) = front.filter(declared) else { return };
        let message = format!("{{{name}}} is no address");
        let fault =
            Diagnostic::error("system/unknown-placeholder", message).help(format!("did you mean {{{name}.url}}?"));
        self.faults.push(fault.at(self.source, place(self.source, node, name)));
    }

    /// Tells those of the placeholders that must be known and are not.
    fn each(&mut self, parts: impl IntoIterator<Item = &'a Node>, must_be: impl Fn(&str) -> bool, known: &[String]) {
        for node in parts.into_iter().flat_map(texts) {
            let text = node.as_str().unwrap_or_default();
            let mut names = placeholders(text);
            names.dedup();
            names.retain(|name| must_be(name) && !self.is_filled(name, known));
            for name in names {
                self.faults.push(unknown(name, known).at(self.source, place(self.source, node, name)));
            }
        }
    }
}

fn part<'a>(root: &'a Node, key: &str) -> &'a [Entry] {
    root.get(key).and_then(Node::entries).unwrap_or_default()
}

/// What is declared, and could not be read.
fn unread<'a>(spec: &SystemSpec, root: &'a Node) -> Vec<&'a str> {
    let declared = NAMED.iter().flat_map(|key| part(root, key)).map(|entry| entry.key.as_str());
    let is_read = |name: &&str| spec.service(name).is_some() || spec.stub(name).is_some() || spec.store(name).is_some();
    declared.filter(|name| !is_read(name)).collect()
}

/// Every text within a value.
fn texts(node: &Node) -> Vec<&Node> {
    let items = node.items().unwrap_or_default().iter().flat_map(texts);
    let values = node.entries().unwrap_or_default().iter().flat_map(|entry| texts(&entry.value));
    node.as_str().map(|_| node).into_iter().chain(items).chain(values).collect()
}

/// Where a placeholder stands in a text; all of the text where it is written in another way.
fn place(source: &Source, node: &Node, name: &str) -> Span {
    let written = source.text().get(node.span.start..node.span.end).unwrap_or_default();
    let within = written.find(&format!("{{{name}}}"));
    within.map_or(node.span, |at| Span { start: node.span.start + at, end: node.span.start + at + name.len() + 2 })
}

/// Without it the first page would be read for ever.
fn no_cursor() -> Diagnostic {
    Diagnostic::error("system/journal-address", "the address of a journal has no `{cursor}`")
        .help("say where it is asked to go on, such as ?after={cursor}: without it each effect would be read, and counted, again and again")
}

fn unknown(name: &str, known: &[String]) -> Diagnostic {
    let help = match nearest(name, known.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean {{{meant}}}?"),
        None if name.starts_with("sasl.") => "say who may connect: `broker: {sasl: [SCRAM-SHA-512]}`".to_owned(),
        None if known.is_empty() => "name what the step's table says, or capture it from the answer".to_owned(),
        None => {
            let some: Vec<String> = known.iter().map(|one| format!("{{{one}}}")).collect();
            format!("there are: {}; a brace itself is written twice", some.join(", "))
        }
    };
    Diagnostic::error("system/unknown-placeholder", format!("nothing fills {{{name}}} in here")).help(help)
}

#[cfg(test)]
mod tests {
    use crate::SystemSpec;
    use eventproof_source::Source;

    fn read(text: &str) -> Result<SystemSpec, String> {
        SystemSpec::parse(&Source::inline("system.yaml", text)).map_err(|faults| faults.render(false))
    }

    const WRONG: &str = "\
system: s
services:
  api:
    command: ['{evntproof}', serve, '{port}']
    env: {BROKERS: '{brokrs}', PUSH: '{psh.url}', OTHER: '{push.uri}', SASL: '{sasl.user}', OWN: '{url}', MAIL: '{mail.url}'}
  idle: {command: []}
  half: {comand: [half]}
stubs:
  push: {}
  mail: {evnt: /id}
views:
  v: {service: api, group: g, list: {http: '{ap.url}/{user}', items: /i, item: /id}}
  w: {service: api, group: g, journal: {http: '/w?{curser}', items: /i, event: /e, next: /n}}
  x: {service: api, group: g, list: {http: '{api}/x', items: /i, item: /id}}
actions:
  a: {request: 'PSOT {ap.url}/x/{user}', status: 2010}
  b: {request: POST /tasks, json: {one: ['{half.url}', '{ap.port} {{api.prt}}']}}
  c: {request: 'POST {api}/tasks', status: 70000, publishes: {message: m, fields: {/a: '{data}', /b: '{task.id}'}}}
";

    #[test]
    fn what_nothing_fills_in_and_nobody_could_ask_is_told_where_it_stands() {
        insta::assert_snapshot!(read(WRONG).unwrap_err());
    }

    #[test]
    fn what_a_run_a_step_or_an_answer_fills_in_is_fine() {
        let text = "system: s\nbroker: {sasl: PLAIN}\nservices:\n  api: {command: ['{eventproof}', '{port}', '{url}', '{sasl.user}', '{data}'], env: {A: '{registry} {mail.url} {db.port} {brokers}'}}\n  far: {url: http://far}\nstubs: {mail: {}}\nstores: {db: {address: '127.0.0.1:1', services: api}}\nviews:\n  v: {service: api, group: g, list: {http: '{far.url}/{user}', items: /i, item: /id}}\nactions:\n  a: {request: 'POST {registry}/{user}', captures: {task.id: /id}, publishes: {message: m, fields: {/id: '{task.id}', /u: '{user}'}}}\n  b: {request: 'GET https://far/{user}', status: 404}\n";
        let spec = read(text).unwrap();
        let settings = spec.settings();
        assert!(settings.iter().all(|name| spec.is_setting(name)), "{settings:?}");
        assert!(settings.contains(&"db.address".to_owned()) && !settings.contains(&"far.port".to_owned()));
    }
}
