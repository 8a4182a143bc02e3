//! Reading `system.yaml`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use eventproof_source::{Diagnostic, Diagnostics, Entry, Fields, Node, Source, nearest, parse_pointer, parse_yaml};
use regex::Regex;

use super::model::{
    ActionSpec, AlertSpec, AlertValue, Assignment, FaultSwitch, GroupSpec, JournalView, ListView, Offsets, ReadySpec,
    SHORTEST_SESSION, ServiceSpec, StubSpec, SystemSpec, ViewKind, ViewSpec,
};
use super::{follows, placeholders, request, sasl, store};

/// How long a service and a group may take to be ready where nothing is said.
const READY: Duration = Duration::from_secs(15);
const GROUP_READY: Duration = Duration::from_secs(60);
/// More whole systems than this beside each other are a slip of the hand.
const MOST_COPIES: u8 = 8;
const JOURNAL_EVERY: Duration = Duration::from_millis(20);

impl SystemSpec {
    /// Reads a system: or every fault.
    pub fn read(path: &Path) -> Result<SystemSpec, Diagnostics> {
        SystemSpec::parse(&Source::read(path)?)
    }

    /// Reads a system from a text.
    pub fn parse(source: &Source) -> Result<SystemSpec, Diagnostics> {
        let root = parse_yaml(source)?;
        let mut reader = Reader { source, faults: Diagnostics::default() };
        let spec = reader.system(&root);
        match spec {
            Some(spec) if !reader.faults.has_errors() => Ok(spec),
            _ => Err(reader.faults),
        }
    }
}

struct Reader<'a> {
    source: &'a Source,
    faults: Diagnostics,
}

impl<'a> Reader<'a> {
    fn system(&mut self, root: &'a Node) -> Option<SystemSpec> {
        let mut fields = Fields::of(root, self.source, "system.yaml", &mut self.faults)?;
        let name = fields.required_string("system", &mut self.faults);
        let copies = self.copies(&mut fields);
        let [broker, services, groups, views, actions, stubs, stores, alerts] =
            ["broker", "services", "groups", "views", "actions", "stubs", "stores", "alerts"]
                .map(|key| fields.node(key));
        fields.finish(&mut self.faults);
        let services = self.each(services, Self::service);
        let services = self.instances(services, root);
        store::names_taken(&services, [("stub", stubs), ("store", stores)], self.source, &mut self.faults);
        let known: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
        let sasl = broker.and_then(|node| sasl::read(node, self.source, &known, &mut self.faults));
        let groups = self.each(groups, |reader, entry| reader.group(entry, &known));
        let views = self.each(views, |reader, entry| reader.view(entry, &known));
        let actions = self.each(actions, |reader, entry| reader.action(entry, &known));
        let stubs = self.each(stubs, |reader, entry| reader.stub(entry, &known));
        let stores =
            self.each(stores, |reader, entry| store::read(entry, reader.source, &services, &mut reader.faults));
        let alerts = self.each(alerts, |reader, entry| reader.alert(entry, &known));
        let name = name.unwrap_or_default();
        let spec = SystemSpec { name, copies, services, groups, views, actions, stubs, stores, alerts, sasl };
        placeholders::check(&spec, root, self.source, &mut self.faults);
        Some(spec)
    }

    fn copies(&mut self, fields: &mut Fields<'a>) -> u8 {
        let at = fields.node("copies").map_or(fields.span(), |node| node.span);
        let Some(copies) = fields.u64("copies", &mut self.faults) else { return 1 };
        match u8::try_from(copies) {
            Ok(copies @ 1..=MOST_COPIES) => copies,
            _ => {
                let message = format!("`copies: {copies}` is not from 1 to {MOST_COPIES}");
                let help = "so many whole systems may stand side by side, each with a broker of its own; 1 is without a second";
                self.faults.push(Diagnostic::error("system/copies", message).at(self.source, at).help(help));
                1
            }
        }
    }

    /// Fills further instances in from the services that they are like.
    fn instances(&mut self, services: Vec<ServiceSpec>, root: &Node) -> Vec<ServiceSpec> {
        let originals: Vec<ServiceSpec> = services.iter().filter(|service| service.like.is_none()).cloned().collect();
        let filled = services.into_iter().filter_map(|service| {
            let Some(like) = &service.like else { return Some(service) };
            if let Some(original) = originals.iter().find(|original| original.name == *like) {
                let ServiceSpec { name, like, later, .. } = service;
                return Some(ServiceSpec { name, like, later, ..original.clone() });
            }
            let known = originals.iter().map(|original| original.name.as_str());
            let help = nearest(like, known.clone()).map_or_else(
                || format!("there are: {}", known.collect::<Vec<_>>().join(", ")),
                |meant| format!("did you mean `{meant}`?"),
            );
            let at = root.get("services").and_then(|node| node.get(&service.name)).map_or(root.span, |node| node.span);
            let message = format!("service `{}` is like `{like}`, which is no service", service.name);
            self.faults.push(Diagnostic::error("system/unknown-service", message).at(self.source, at).help(help));
            None
        });
        filled.collect()
    }

    fn each<T>(&mut self, node: Option<&'a Node>, mut read: impl FnMut(&mut Self, &'a Entry) -> Option<T>) -> Vec<T> {
        let entries = node.and_then(Node::entries).unwrap_or_default();
        entries.iter().filter_map(|entry| read(self, entry)).collect()
    }

    fn fields(&mut self, entry: &'a Entry, kind: &str) -> Option<Fields<'a>> {
        Fields::of(&entry.value, self.source, &format!("{kind} `{}`", entry.key), &mut self.faults)
    }

    fn service(&mut self, entry: &'a Entry) -> Option<ServiceSpec> {
        let mut fields = self.fields(entry, "service")?;
        let faults = &mut self.faults;
        if let Some(like) = fields.string("like", faults) {
            let starts = fields.choice("starts", &["at-once", "later"], faults);
            fields.finish(faults);
            let later = starts.as_deref() == Some("later");
            return Some(ServiceSpec { name: entry.key.clone(), like: Some(like), later, ..ServiceSpec::default() });
        }
        if let Some(url) = fields.string("url", faults) {
            let ready = fields.node("ready").and_then(|node| ready(node, self.source, faults));
            fields.finish(faults);
            let url = Some(url.trim_end_matches('/').to_owned());
            return Some(ServiceSpec { name: entry.key.clone(), url, ready, ..ServiceSpec::default() });
        }
        let at = fields.required("command", faults)?;
        let command = fields.strings("command", faults);
        no_program(&entry.key, at, self.source, faults);
        let env = fields.texts("env", faults).into_iter().collect();
        let fault_switch = fault_switch(&mut fields, self.source, faults);
        let ready = fields.node("ready").and_then(|node| ready(node, self.source, faults));
        let attempts = fields.node("attempts");
        fields.finish(faults);
        let attempts = attempts.and_then(|node| self.attempts(node));
        let name = entry.key.clone();
        Some(ServiceSpec { name, command, env, ready, fault_switch, attempts, ..ServiceSpec::default() })
    }

    /// `{log: pattern}`: a regular expression with a group `event`.
    fn attempts(&mut self, node: &'a Node) -> Option<Regex> {
        let mut fields = Fields::of(node, self.source, "`attempts`", &mut self.faults)?;
        let log = fields.required_string("log", &mut self.faults);
        let at = fields.node("log").map_or(node.span, |node| node.span);
        fields.finish(&mut self.faults);
        let wrong = match Regex::new(&log?) {
            Ok(pattern) if pattern.capture_names().flatten().any(|name| name == "event") => return Some(pattern),
            Ok(_) => "the pattern of `attempts` has no group `(?<event>…)`: nothing would tell whose attempt a line is"
                .to_owned(),
            Err(error) => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
                format!("the pattern of `attempts` is no regular expression: {last}")
            }
        };
        let help = "such as: '^(?<time>\\S+) .* attempt \\d+ .* event_id=(?<event>\\S+)'; one line for each attempt";
        self.faults.push(Diagnostic::error("system/attempts-pattern", wrong).at(self.source, at).help(help));
        None
    }

    fn group(&mut self, entry: &'a Entry, services: &[&str]) -> Option<GroupSpec> {
        let mut fields = self.fields(entry, "group")?;
        let service = self.service_name(&mut fields, services);
        let canary = fields.string("canary", &mut self.faults);
        let within = fields.duration("within", &mut self.faults).unwrap_or(GROUP_READY);
        let offsets = match fields.choice("offsets", &["kafka", "elsewhere"], &mut self.faults).as_deref() {
            Some("elsewhere") => Offsets::Elsewhere,
            _ => Offsets::Kafka,
        };
        let assignment = match fields.choice("assignment", &["group", "manual"], &mut self.faults).as_deref() {
            Some("manual") => Assignment::Manual,
            _ => Assignment::Group,
        };
        let session = fields.duration("session", &mut self.faults).unwrap_or(SHORTEST_SESSION);
        fields.finish(&mut self.faults);
        Some(GroupSpec { name: entry.key.clone(), service: service?, canary, within, session, offsets, assignment })
    }

    fn view(&mut self, entry: &'a Entry, services: &[&str]) -> Option<ViewSpec> {
        let mut fields = self.fields(entry, "view")?;
        let service = self.service_name(&mut fields, services);
        let group = fields.required_string("group", &mut self.faults);
        let (list, journal) = (fields.node("list"), fields.node("journal"));
        fields.finish(&mut self.faults);
        let kind = match (list, journal) {
            (Some(list), None) => ViewKind::List(self.list(list)?),
            (None, Some(journal)) => ViewKind::Journal(self.journal(journal)?),
            _ => {
                let message = format!("view `{}` must be either a `list` or a `journal`", entry.key);
                self.faults.push(Diagnostic::error("system/view-kind", message).at(self.source, entry.key_span));
                return None;
            }
        };
        Some(ViewSpec { name: entry.key.clone(), service: service?, group: group?, kind })
    }

    fn list(&mut self, node: &'a Node) -> Option<ListView> {
        let faults = &mut self.faults;
        let mut fields = Fields::of(node, self.source, "`list`", faults)?;
        let http = fields.required_string("http", faults);
        let items = pointer(&mut fields, "items", faults);
        let item = pointer(&mut fields, "item", faults);
        let version = fields.parsed("version", faults, parse_pointer);
        fields.finish(faults);
        Some(ListView { http: http?, items: items?, item: item?, version })
    }

    fn journal(&mut self, node: &'a Node) -> Option<JournalView> {
        let faults = &mut self.faults;
        let mut fields = Fields::of(node, self.source, "`journal`", faults)?;
        let http = fields.required_string("http", faults);
        let items = pointer(&mut fields, "items", faults);
        let event = pointer(&mut fields, "event", faults);
        let subject = fields.parsed("subject", faults, parse_pointer);
        let next = pointer(&mut fields, "next", faults);
        let start = fields.string("start", faults).unwrap_or_else(|| "0".to_owned());
        let every = fields.duration("every", faults).unwrap_or(JOURNAL_EVERY);
        fields.finish(faults);
        Some(JournalView { http: http?, items: items?, event: event?, subject, next: next?, start, every })
    }

    fn action(&mut self, entry: &'a Entry, services: &[&str]) -> Option<ActionSpec> {
        let mut fields = self.fields(entry, "action")?;
        let faults = &mut self.faults;
        let request = fields.required("request", faults);
        let json = fields.node("json").map(Node::to_json);
        let headers = fields.texts("headers", faults).into_iter().collect();
        let status = fields.parsed("status", faults, request::status);
        let within = fields.duration("within", faults);
        let captures: BTreeMap<String, String> =
            fields.parsed_texts("captures", faults, parse_pointer).into_iter().collect();
        let publishes = fields.node("publishes");
        let service = fields.string("service", faults);
        fields.finish(faults);
        let publishes = publishes.and_then(|node| follows::read(node, self.source, &mut self.faults));
        if let Some(service) = &service {
            self.known_service(service, &entry.value, services);
        }
        let (method, http) = request::read(request?, self.source, &mut self.faults)?;
        Some(ActionSpec {
            name: entry.key.clone(),
            method,
            http,
            json,
            headers,
            status,
            within,
            captures,
            publishes,
            service,
        })
    }

    fn stub(&mut self, entry: &'a Entry, services: &[&str]) -> Option<StubSpec> {
        let mut fields = self.fields(entry, "stub")?;
        let event = fields.parsed("event", &mut self.faults, parse_pointer);
        let service = fields.string("service", &mut self.faults);
        fields.finish(&mut self.faults);
        if let Some(service) = &service {
            self.known_service(service, &entry.value, services);
        }
        Some(StubSpec { name: entry.key.clone(), event, service })
    }

    fn alert(&mut self, entry: &'a Entry, services: &[&str]) -> Option<AlertSpec> {
        let mut fields = self.fields(entry, "alert")?;
        let service = self.service_name(&mut fields, services);
        let faults = &mut self.faults;
        let value = fields.required("value", faults);
        let labels = fields.texts("labels", faults).into_iter().collect();
        let above = fields.parsed("above", faults, |text| number(text, 0.0));
        let lasting = fields.duration("for", faults).unwrap_or_default();
        let scaled = fields.parsed("scaled", faults, |text| number(text, 1.0)).unwrap_or(1.0);
        fields.finish(faults);
        let value = self.alert_value(value?)?;
        let limit = entry.value.get("above").zip(above);
        limit.into_iter().for_each(|(node, above)| self.never_above(&value, above, node));
        if above.is_none() && entry.value.get("above").is_none() {
            let message = format!("alert `{}` has no `above`", entry.key);
            self.faults.push(Diagnostic::error("yaml/missing-key", message).at(self.source, entry.key_span));
        }
        Some(AlertSpec { name: entry.key.clone(), service: service?, value, labels, above: above?, lasting, scaled })
    }

    /// A part of a whole is never more than all of it: such a rule would be silent whatever happens.
    fn never_above(&mut self, value: &AlertValue, above: f64, node: &Node) {
        let AlertValue::Share { part, of } = value else { return };
        if of.contains(part) && above >= 1.0 {
            let message =
                format!("a share of what `{part}` is itself a part of is at most 1, so it is never above {above}");
            let help = format!("{above} % are {}", above / 100.0);
            self.faults.push(Diagnostic::error("system/never-above", message).at(self.source, node.span).help(help));
        }
    }

    fn alert_value(&mut self, node: &'a Node) -> Option<AlertValue> {
        let faults = &mut self.faults;
        let mut fields = Fields::of(node, self.source, "`value`", faults)?;
        let (gauge, share, of) = (fields.string("gauge", faults), fields.string("share", faults), fields.node("of"));
        let lag = fields.string("lag", faults);
        let quantile = fields.parsed("quantile", faults, quantile);
        fields.finish(faults);
        // What is no quantile is told already.
        if quantile.is_none() && node.get("quantile").is_some() {
            return None;
        }
        match (gauge.map(AlertValue::Gauge).or(lag.map(AlertValue::Lag)), share, quantile, of) {
            (Some(value), None, None, None) => Some(value),
            (None, Some(part), None, Some(of)) => Some(AlertValue::Share { part, of: one_or_more(of) }),
            (None, None, Some(quantile), Some(of)) => {
                Some(AlertValue::Quantile { quantile, of: of.scalar_text().unwrap_or_default() })
            }
            _ => {
                let message = "a value is {gauge: name}, {lag: group}, {share: name, of: [names]} or {quantile: 0.95, of: histogram}";
                faults.push(Diagnostic::error("system/alert-value", message).at(self.source, node.span));
                None
            }
        }
    }

    fn service_name(&mut self, fields: &mut Fields<'a>, services: &[&str]) -> Option<String> {
        let node = fields.required("service", &mut self.faults)?;
        let name = node.scalar_text()?;
        self.known_service(&name, node, services);
        Some(name)
    }

    fn known_service(&mut self, name: &str, node: &Node, services: &[&str]) {
        if !services.contains(&name) {
            self.faults.push(unknown_service(name, services).at(self.source, node.span));
        }
    }
}

/// A name that is no service's, with the nearest that is.
pub(super) fn unknown_service(name: &str, services: &[&str]) -> Diagnostic {
    let help = match nearest(name, services.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the services are: {}", services.join(", ")),
    };
    Diagnostic::error("system/unknown-service", format!("there is no service `{name}`")).help(help)
}

/// A JSON pointer that must be there.
fn pointer(fields: &mut Fields<'_>, key: &'static str, faults: &mut Diagnostics) -> Option<String> {
    fields.required(key, faults)?;
    fields.parsed(key, faults, parse_pointer)
}

fn one_or_more(node: &Node) -> Vec<String> {
    match node.items() {
        Some(items) => items.iter().filter_map(Node::scalar_text).collect(),
        None => node.scalar_text().into_iter().collect(),
    }
}

fn quantile(text: &str) -> Result<f64, String> {
    let quantile = number(text, 0.0).ok().filter(|quantile| *quantile <= 1.0);
    quantile.ok_or_else(|| format!("`{text}` is no quantile from 0 to 1: of 95 % it is 0.95"))
}

fn number(text: &str, least: f64) -> Result<f64, String> {
    let found = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= least);
    found.ok_or_else(|| format!("`{text}` is no number from {least}"))
}

/// A command that starts nothing.
fn no_program(service: &str, node: &Node, source: &Source, faults: &mut Diagnostics) {
    // What is no text is told already.
    let program = node
        .items()
        .map_or_else(|| node.scalar_text(), |items| items.first().map_or(Some(String::new()), Node::scalar_text));
    if program.is_some_and(|program| program.trim().is_empty()) {
        let message = format!("the `command` of service `{service}` names no program");
        let help = "write a program and its arguments, such as [./orders, --port, \"{port}\"]";
        faults.push(Diagnostic::error("system/no-program", message).at(source, node.span).help(help));
    }
}

/// `fault_flag: --fault` or `fault_env: SHOP_FAULTS`.
fn fault_switch(fields: &mut Fields<'_>, source: &Source, faults: &mut Diagnostics) -> Option<FaultSwitch> {
    let flag = fields.string("fault_flag", faults).map(FaultSwitch::Flag);
    let variable = fields.parsed("fault_env", faults, |text| match text.is_empty() || text.contains('=') {
        true => Err(format!("`{text}` is no name of a variable")),
        false => Ok(FaultSwitch::Variable(text.to_owned())),
    });
    if let (Some(_), Some(_), Some(node)) = (&flag, &variable, fields.node("fault_env")) {
        let message = "a service takes its faults by `fault_flag` or by `fault_env`, and this one has both";
        let fault = Diagnostic::error("system/two-switches", message).help("leave one of them out");
        faults.push(fault.at(source, node.span));
    }
    flag.or(variable)
}

/// When a service is ready.
fn ready(node: &Node, source: &Source, faults: &mut Diagnostics) -> Option<ReadySpec> {
    let mut fields = Fields::of(node, source, "`ready`", faults)?;
    let http = fields.required_string("http", faults);
    let within = fields.duration("within", faults).unwrap_or(READY);
    fields.finish(faults);
    Some(ReadySpec { http: http?, within })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_runs_already_has_an_address_and_no_command() {
        let read = |text: &str| SystemSpec::parse(&Source::inline("system.yaml", text));
        let text = "system: s\nservices:\n  feed:\n    url: http://feed:8080/\n    ready: {http: /ready}\n";
        let spec = read(text).unwrap();
        let feed = spec.service("feed").unwrap();
        assert_eq!(feed.url.as_deref(), Some("http://feed:8080"));
        assert!(feed.command.is_empty() && feed.ready.is_some());
        let both = read(&format!("{text}    command: [feed]\n")).unwrap_err().render(false);
        assert!(both.contains("command"), "{both}");
    }

    #[test]
    fn an_alert_that_could_never_fire_is_told() {
        let told = |value: &str, above: &str| {
            let alert = format!("{{service: api, value: {value}, above: {above}}}");
            let text = format!("system: s\nservices: {{api: {{command: [api]}}}}\nalerts:\n  a: {alert}\n");
            let faults = SystemSpec::parse(&Source::inline("system.yaml", &text)).err().unwrap_or_default();
            let line = |one: &Diagnostic| {
                let (_, line, column) = one.place().unwrap();
                format!("{line}:{column} [{}] {} ({})", one.code, one.message, one.help.clone().unwrap_or_default())
            };
            faults.iter().map(line).collect::<Vec<_>>()
        };
        let part = "{share: f, of: [p, f]}";
        let never = "[system/never-above] a share of what `f` is itself a part of is at most 1, so it is never above";
        assert_eq!(told(part, "5"), [format!("4:59 {never} 5 (5 % are 0.05)")]);
        assert_eq!(told(part, "1"), [format!("4:59 {never} 1 (1 % are 0.01)")]);
        assert_eq!(told(part, "0.05"), [""; 0]);
        assert_eq!(told("{share: f, of: [p]}", "5"), [""; 0], "of what is counted beside it there may be more");
        assert_eq!(told("{quantile: 0.95, of: h}", "5"), [""; 0]);
        let wrong = "[yaml/wrong-value] `95` is no quantile from 0 to 1: of 95 % it is 0.95 ()";
        assert_eq!(told("{quantile: 95, of: h}", "5"), [format!("4:39 {wrong}")]);
    }

    #[test]
    fn every_fault_of_a_system_is_reported_with_its_remedy() {
        let source = Source::inline(
            "system.yaml",
            "system: shop\nservices:\n  orders:\n    comand: [orders]\n  stock:\n    command: [stock]\ngroups:\n  g: {service: stok, offsets: sqlite}\nviews:\n  v: {service: stock, group: g}\nactions:\n  buy: {request: nowhere}\nstubs:\n  mail: {evnt: /id, service: stok}\nalerts:\n  late: {service: stock, value: {gauge: a, of: b}, above: much}\n",
        );
        insta::assert_snapshot!(SystemSpec::parse(&source).unwrap_err().render(false));
    }

    #[test]
    fn what_is_no_pointer_and_a_journal_without_its_cursor_are_told_where_they_stand() {
        let source = Source::inline(
            "system.yaml",
            "system: shop\nservices:\n  orders: {command: [orders]}\ngroups:\n  g: {service: orders}\nviews:\n  states: {service: orders, group: g, list: {http: '{orders.url}/states', items: items, item: state, version: $.version}}\n  handled: {service: orders, group: g, journal: {http: '{orders.url}/handled?limit=5000', items: items, event: event_id, subject: subject, next: next}}\n  again: {service: orders, group: g, journal: {http: '{order.url}/handled?after={cursr}', items: /items, event: /event_id, next: /next}}\nactions:\n  buy: {request: 'POST {orders.url}/', captures: {task: id, user: $.user.id, all: ''}}\nstubs:\n  mail: {event: event_id}\n",
        );
        insta::assert_snapshot!(SystemSpec::parse(&source).unwrap_err().render(false));
    }

    #[test]
    fn a_journal_may_be_asked_at_any_address_of_the_run() {
        let read = |http: &str| {
            let text = format!(
                "system: shop\nservices:\n  orders: {{command: [orders]}}\nstubs:\n  mail: {{event: ''}}\nviews:\n  handled: {{service: orders, group: g, journal: {{http: '{http}', items: /items, event: /id, next: /next}}}}\n"
            );
            SystemSpec::parse(&Source::inline("system.yaml", &text)).map_err(|faults| faults.render(false))
        };
        for right in
            ["{orders.url}/{cursor}", "{mail.url}/_calls?after={cursor}", "http://h:{orders.port}/?a={{x}}&b={cursor}"]
        {
            assert!(read(right).is_ok(), "{right}");
        }
        assert!(read("{orders.url}/{{cursor}}").unwrap_err().contains("has no `{cursor}`"));
    }
}
