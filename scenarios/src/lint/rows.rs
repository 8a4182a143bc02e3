//! Tables under steps: rows that their sentence has no meaning for, rows that it lacks, values that a schema refuses.

use std::collections::BTreeSet;

use eventproof_broker::FIELDS_DEEP;
use eventproof_contract::{Expression, GenerateError, Generator, Message, Part, PlaceInPayload};
use eventproof_source::{Diagnostic, nearest, units};
use eventproof_system::{ActionSpec, ListView, ViewKind, placeholders};
use serde_json::Value;

use super::invalid::{CHOOSING, no_such_neighbour};
use super::story::{Told, choices};
use crate::catalogue::{Kind, SentenceId};
use crate::pack::Pack;
use crate::plan::{Sub, sentence_arguments};

/// What is wrong with the table of a sentence.
pub(super) fn rows(pack: &Pack, sub: &Sub) -> Vec<Told> {
    use SentenceId as Id;
    if sub.sentence.table.is_empty() && !sub.table.is_empty() {
        let message = format!("`{}` takes no table, so this one would be passed over", sub.sentence.name);
        let fault = Diagnostic::error("feature/table-unused", message).help("leave it out");
        return vec![(fault, sub.table[0].0.clone())];
    }
    let mut faults = twice(sub);
    faults.extend(match sub.sentence.id {
        Id::ActionIsDone | Id::ActionsInARow => of_action(pack, sub),
        Id::ViewShows | Id::ViewNoLongerShows | Id::ViewKeepsNotShowing | Id::ViewNeverGoesBack => of_view(pack, sub),
        Id::EventIsPublished | Id::PublishedEverywhere | Id::PublishedInBackground => of_event(pack, sub, &[]),
        Id::SizedIsPublished | Id::TooLargeIsRefused => {
            let mut faults = of_event(pack, sub, &[]);
            faults.extend(no_room(pack, sub));
            if faults.is_empty() {
                faults.extend(too_short(pack, sub));
            }
            faults
        }
        Id::InvalidIsPublished => {
            let mut faults = of_event(pack, sub, &CHOOSING);
            if faults.is_empty() {
                faults.extend(no_such_neighbour(pack, sub));
            }
            faults
        }
        Id::NoneCameBefore => unwanted(pack, sub),
        Id::StubAnswers | Id::StubDelays | Id::StubBreaksOff => pointers(sub),
        Id::TextIsNowhere => excepted(pack, sub),
        _ => Vec::new(),
    });
    faults
}

fn error(code: &'static str, message: String, help: String) -> Diagnostic {
    Diagnostic::error(code, message).help(help)
}

/// A row that says again what one above it says: only one of them could count. Exceptions may be many.
fn twice(sub: &Sub) -> Vec<Told> {
    if sub.sentence.id == SentenceId::TextIsNowhere || matches!(sub.sentence.id, SentenceId::Own(_)) {
        return Vec::new();
    }
    let again =
        sub.table.iter().enumerate().filter(|(at, (name, _))| sub.table[..*at].iter().any(|(one, _)| one == name));
    let fault = |name: &String| {
        let message = format!("row `{name}` stands here twice");
        (error("feature/row-twice", message, "leave one of them out".to_owned()), name.clone())
    };
    again.map(|(_, (name, _))| fault(name)).collect()
}

fn of_action(pack: &Pack, sub: &Sub) -> Vec<Told> {
    let Some(action) = sub.argument(Kind::Action).and_then(|name| pack.system.action(&name)) else {
        return Vec::new();
    };
    let needed: BTreeSet<String> =
        action.placeholders().into_iter().filter(|name| !pack.system.is_setting(name)).collect();
    // What its event is known by may be said here too, and must be where nothing else says it.
    let followed = open(pack, action.publishes.iter().flat_map(|follows| follows.fields.values()));
    let is_said = |name: &String| action.captures.contains_key(name) || needed.contains(name);
    let also: BTreeSet<String> = followed.into_iter().filter(|name| !is_said(name)).collect();
    let known = needed.union(&also).cloned().collect();
    let mut faults = against(sub, &format!("action \"{}\"", action.name), &needed, &known);
    let missing = also.iter().filter(|name| !sub.table.iter().any(|(row, _)| row == *name));
    faults.extend(missing.map(|name| unsaid(action, &needed, name)));
    faults
}

/// An event that is known by what nobody says is never found.
fn unsaid(action: &ActionSpec, needed: &BTreeSet<String>, name: &str) -> Told {
    let message = format!(
        "the event of action \"{}\" is known by {{{name}}}, which neither its request nor its `captures` say",
        action.name
    );
    let row = format!("add under the step: | {name} | … |");
    let said = action.captures.keys().chain(needed).map(String::as_str);
    let help = match nearest(name, said) {
        Some(meant) => format!("did you mean {{{meant}}} under `publishes` in system.yaml? Otherwise {row}"),
        None => format!("{row}, or capture it from the answer"),
    };
    (error("feature/missing-row", message, help), String::new())
}

fn of_view(pack: &Pack, sub: &Sub) -> Vec<Told> {
    let Some(view) = sub.argument(Kind::List).and_then(|name| pack.system.view(&name)) else { return Vec::new() };
    let ViewKind::List(ListView { http, .. }) = &view.kind else { return Vec::new() };
    let needed = open(pack, [http]);
    against(sub, &format!("view \"{}\"", view.name), &needed, &needed)
}

/// Rows against the placeholders that they are to fill.
fn against(sub: &Sub, what: &str, needed: &BTreeSet<String>, known: &BTreeSet<String>) -> Vec<Told> {
    let list = |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let mut faults = Vec::new();
    for (name, _) in sub.table.iter().filter(|(name, _)| !known.contains(name)) {
        let help = match nearest(name, known.iter().map(String::as_str)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.is_empty() => "it takes no rows".to_owned(),
            None => format!("it takes: {}", list(known)),
        };
        faults
            .push((error("feature/unknown-row", format!("{what} has no placeholder {{{name}}}"), help), name.clone()));
    }
    let missing: BTreeSet<String> =
        needed.iter().filter(|name| !sub.table.iter().any(|(row, _)| row == *name)).cloned().collect();
    if !missing.is_empty() {
        let rows: Vec<String> = missing.iter().map(|name| format!("| {name} | … |")).collect();
        let message = format!("{what} needs a value for {}", list(&missing));
        let help = format!("add under the step: {}", rows.join(" "));
        faults.push((error("feature/missing-row", message, help), String::new()));
    }
    faults
}

/// Placeholders that the run itself has no value for.
fn open<'a>(pack: &Pack, texts: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
    let names = texts.into_iter().flat_map(|text| placeholders(text)).map(str::to_owned);
    names.filter(|name| !pack.system.is_setting(name)).collect()
}

/// The rows of a table, with what a phrase was given.
pub(super) fn cells(sub: &Sub) -> Vec<(String, String)> {
    sub.table.iter().map(|(name, _)| name.clone()).zip(sub.values()).collect()
}

/// Cells as the schema wants them.
pub(super) fn given(message: &Message, fields: &[(String, String)]) -> Vec<(String, Value)> {
    fields.iter().map(|(name, text)| (name.clone(), crate::runner::typed(message, name, text))).collect()
}

/// Fields that an event does not have, and values that its schema refuses.
fn of_event(pack: &Pack, sub: &Sub, choosing: &[&str]) -> Vec<Told> {
    let Some(message) = sub.argument(Kind::Event).and_then(|name| pack.contract.message(&name)) else {
        return Vec::new();
    };
    let mut fields = cells(sub);
    fields.retain(|(name, _)| !choosing.contains(&name.as_str()));
    let unknown = fields.iter().filter_map(|(name, _)| unknown_field(message, name, choosing));
    let stamped = fields.iter().filter_map(|(name, _)| stamped_field(message, name));
    let wrong: Vec<Told> = unknown.chain(stamped).collect();
    if !wrong.is_empty() {
        return wrong;
    }
    refused(pack, message, &fields)
}

/// An event that could not be made so large: nothing in it is free, or what is free has a value already.
fn no_room(pack: &Pack, sub: &Sub) -> Option<Told> {
    let message = pack.contract.message(&sub.argument(Kind::Event)?)?;
    let given: Vec<String> = sub.table.iter().map(|(name, _)| name.clone()).collect();
    let all = format!("nothing in \"{}\" may be so long", message.name);
    let (message, help) = match (message.can_be_padded(&given), message.can_be_padded(&[])) {
        (true, _) => return None,
        (false, true) => {
            (format!("{all} but what this table gives a value"), "leave one of its texts out of the table")
        }
        (false, false) => (
            all,
            "a record is made larger by a text that has no format, pattern, enum, const or maxLength and is no identity: the contract has none in it",
        ),
    };
    Some((error("feature/no-room", message, help.to_owned()), String::new()))
}

/// A field that the schema of an event has no place for.
fn unknown_field(message: &Message, name: &str, choosing: &[&str]) -> Option<Told> {
    let pointer = pointer(name);
    // What a placeholder stands for is only known in the run.
    let before = pointer.find('{').map_or(pointer.as_str(), |at| pointer[..at].trim_end_matches(|one| one != '/'));
    let told = |text: String, help: String| Some((error("feature/unknown-field", text, help), name.to_owned()));
    match message.place_in_payload(before.trim_end_matches('/')) {
        PlaceInPayload::Declared | PlaceInPayload::Open | PlaceInPayload::WithinList(_) => None,
        PlaceInPayload::WithinValue(parent) => told(
            format!("`{}` of \"{}\" is a value that has no fields", parent.trim_start_matches('/'), message.name),
            "write the pointer of the field itself".to_owned(),
        ),
        PlaceInPayload::Unknown { parent, name: missing, known } => {
            let choosing = choosing.iter().copied().filter(|_| parent.is_empty());
            let names: Vec<&str> = known.iter().map(String::as_str).chain(choosing).collect();
            let whose = match parent.is_empty() {
                true => format!("\"{}\"", message.name),
                false => format!("`{}` of \"{}\"", parent.trim_start_matches('/'), message.name),
            };
            told(format!("{whose} has no field `{missing}`"), choices(&missing, &names, "it has none"))
        }
    }
}

/// The JSON pointer that a row's name stands for.
fn pointer(name: &str) -> String {
    if name.starts_with('/') { name.to_owned() } else { format!("/{name}") }
}

/// A field that each event is stamped with: what a table gives it would be written over.
fn stamped_field(message: &Message, name: &str) -> Option<Told> {
    let pointer = pointer(name);
    let envelope = &message.envelope;
    let parts = [
        (&envelope.id, "id"),
        (&envelope.event_type, "type"),
        (&envelope.correlation, "correlation id"),
        (&envelope.time, "time"),
    ];
    let is_here = |one: &Expression| one.part == Part::Payload && one.pointer == pointer;
    let (_, what) = parts.into_iter().find(|(one, _)| one.as_ref().is_some_and(is_here))?;
    let text = format!(
        "`{name}` is the {what} of \"{}\", which every event that is published here has of its own",
        message.name
    );
    let help = "leave it out: with `as \"NAME\"` behind the step it is read as {NAME.FIELD}".to_owned();
    Some((error("feature/stamped-field", text, help), name.to_owned()))
}

/// Values without placeholders are known before the run.
fn refused(pack: &Pack, message: &Message, fields: &[(String, String)]) -> Vec<Told> {
    let literal: Vec<_> = fields.iter().filter(|(_, value)| !value.contains('{')).cloned().collect();
    let given = given(message, &literal);
    if given.is_empty() {
        return Vec::new();
    }
    let found = Generator::new(1, "lint").refused(&pack.contract, message, &given);
    let told = found.into_iter().map(|(name, text)| {
        let said = format!("the schema of \"{}\" refuses `{name}`: {text}", message.name);
        let help = "correct the value; a record that is to be refused is published by `an invalid \"…\" is published`";
        (error("feature/refused-value", said, help.to_owned()), name)
    });
    told.collect()
}

/// How often it is tried to make a record so short: its texts are drawn.
const DRAWN: u64 = 8;

/// A size that the record has already before anything is put into it. What placeholders stand for is only known in the run.
fn too_short(pack: &Pack, sub: &Sub) -> Option<Told> {
    let arguments = sentence_arguments(sub.sentence, &sub.text())?;
    let written = arguments.text("size")?.to_owned();
    let size = usize::try_from(units::parse_size(&written).ok()?).ok()?;
    let message = pack.contract.message(&sub.argument(Kind::Event)?)?;
    let fields = cells(sub);
    if fields.iter().any(|(_, text)| text.contains('{')) {
        return None;
    }
    let given = given(message, &fields);
    let made = (0..DRAWN).map(|seed| Generator::new(seed, "lint").record(&pack.contract, message, &given, Some(size)));
    let why: Option<Vec<String>> = made
        .map(|made| match made {
            Err(GenerateError::Size { detail, .. }) => Some(detail),
            _ => None,
        })
        .collect();
    let detail = why?.pop()?;
    let text = format!("\"{}\" cannot be made {written} long: {detail}", message.name);
    Some((error("feature/too-short", text, "name a greater size".to_owned()), written))
}

fn pointers(sub: &Sub) -> Vec<Told> {
    let wrong = sub.table.iter().filter(|(name, _)| !name.starts_with('/'));
    let told = wrong.map(|(name, _)| {
        let message = format!("`{name}` is no JSON pointer");
        (
            error("feature/no-pointer", message, format!("write `/{name}`, or `/outer/{name}` for what lies deeper")),
            name.clone(),
        )
    });
    told.collect()
}

/// Fields by which a record is looked for that must not be there: by one that records do not have, or that nobody keeps or may read of
/// them, none is ever found.
fn unwanted(pack: &Pack, sub: &Sub) -> Vec<Told> {
    let mut faults = pointers(sub);
    let Some(message) = sub.argument(Kind::Event).and_then(|name| pack.contract.message(&name)) else { return faults };
    let named = sub.table.iter().filter(|(name, _)| name.starts_with('/'));
    faults.extend(named.filter_map(|(name, _)| never_found(message, name)));
    faults
}

/// Why no record would ever be found by a field.
pub(super) fn never_found(message: &Message, name: &str) -> Option<Told> {
    sensitive(message, name).or_else(|| unknown_field(message, name, &[])).or_else(|| unkept(message, name))
}

fn sensitive(message: &Message, name: &str) -> Option<Told> {
    let text = format!("`{name}` of \"{}\" is sensitive, so no record is known by it", message.name);
    let help = "name another field, such as the correlation id: by this one nothing would ever be found";
    message.hides(name).then(|| (error("feature/sensitive-field", text, help.to_owned()), name.to_owned()))
}

/// A field that is not kept of records that were seen.
fn unkept(message: &Message, name: &str) -> Option<Told> {
    let why = match message.place_in_payload(name) {
        PlaceInPayload::WithinList(list) => format!("stands in the list `{list}`"),
        _ if name.matches('/').count() > FIELDS_DEEP => format!("stands more than {FIELDS_DEEP} names deep"),
        _ => return None,
    };
    let text = format!("`{name}` of \"{}\" {why}, where no record is known by it", message.name);
    let help = "name another field, such as the correlation id: by this one nothing would ever be found".to_owned();
    Some((error("feature/unkept-field", text, help), name.to_owned()))
}

fn excepted(pack: &Pack, sub: &Sub) -> Vec<Told> {
    let topics: Vec<&str> = pack.contract.channels.iter().map(|channel| channel.topic.as_str()).collect();
    let mut faults = Vec::new();
    for (name, topic) in &sub.table {
        if name != "except" {
            let message = format!("`{name}` means nothing here");
            let help = "write `| except | TOPIC |` for each topic where the text may be".to_owned();
            faults.push((error("feature/unknown-row", message, help), name.clone()));
        } else if !topic.contains('{') && !topics.contains(&topic.as_str()) {
            let help = choices(topic, &topics, "there is none");
            faults.push((
                error("feature/unknown-name", format!("\"{topic}\" is no topic of asyncapi.yaml"), help),
                topic.clone(),
            ));
        }
    }
    faults
}
