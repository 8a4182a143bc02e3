//! Subjects, versions and ids.

use std::collections::BTreeMap;

use eventproof_contract::{SchemaImport, SchemaKind, SchemaText};
use serde_json::{Value, json};

use super::verdict::{Level, Refusal, incompatibilities};

/// One version of a subject.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub number: u32,
    pub id: u32,
    deleted: bool,
}

/// A schema with what it names, as it was registered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub text: SchemaText,
    pub references: Vec<Value>,
}

/// Everything that is registered.
#[derive(Debug, Default)]
pub(super) struct Store {
    subjects: BTreeMap<String, Vec<Version>>,
    /// Ids from 1, in the order of registration; a schema has one id wherever it is.
    entries: Vec<Entry>,
    global: Level,
    levels: BTreeMap<String, Level>,
}

impl Store {
    pub fn subjects(&self, with_deleted: bool) -> Vec<&str> {
        let shown = |versions: &[Version]| versions.iter().any(|version| with_deleted || !version.deleted);
        self.subjects.iter().filter(|(_, versions)| shown(versions)).map(|(name, _)| name.as_str()).collect()
    }

    /// The versions of a subject that are not deleted.
    pub fn versions(&self, subject: &str) -> Result<Vec<Version>, Refusal> {
        let versions = self.subjects.get(subject).into_iter().flatten();
        let live: Vec<Version> = versions.filter(|version| !version.deleted).cloned().collect();
        if live.is_empty() { Err(Refusal::subject(subject)) } else { Ok(live) }
    }

    /// `latest`, `-1`, or a number from 1.
    pub fn version(&self, subject: &str, number: &str) -> Result<Version, Refusal> {
        let wanted = match number {
            "latest" | "-1" => None,
            text => Some(text.parse::<u32>().ok().filter(|n| *n > 0).ok_or_else(|| Refusal::version_number(text))?),
        };
        let versions = self.versions(subject)?;
        let found = match wanted {
            None => versions.last(),
            Some(wanted) => versions.iter().find(|version| version.number == wanted),
        };
        found.cloned().ok_or_else(|| Refusal::version(number))
    }

    pub fn entry(&self, id: u32) -> Result<&Entry, Refusal> {
        let at = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
        at.and_then(|at| self.entries.get(at)).ok_or_else(|| Refusal::schema(&format!("Schema {id} not found")))
    }

    /// The subjects and versions that have this id.
    pub fn uses(&self, id: u32) -> Vec<Value> {
        let all = self.subjects.iter().flat_map(|(name, versions)| versions.iter().map(move |one| (name, one)));
        let of_id = all.filter(|(_, version)| version.id == id && !version.deleted);
        of_id.map(|(name, version)| json!({"subject": name, "version": version.number})).collect()
    }

    /// A schema as a request says it: its references are resolved, and it must be one.
    pub fn read(&self, body: &Value) -> Result<Entry, Refusal> {
        let text = body["schema"].as_str().unwrap_or_default();
        let named = body["schemaType"].as_str().unwrap_or(SchemaKind::Avro.name());
        let kind = SchemaKind::NAMES.iter().find(|(name, _)| *name == named).map(|(_, kind)| *kind);
        let kind = kind.ok_or_else(|| Refusal::invalid(&format!("Invalid schema type {named}")))?;
        let references = body["references"].as_array().cloned().unwrap_or_default();
        let mut imports = Vec::new();
        for reference in &references {
            self.import(reference, &mut imports)?;
        }
        let entry = Entry { text: SchemaText { kind, text: canonical(kind, text), imports }, references };
        if text.is_empty() {
            return Err(Refusal::invalid("Empty schema"));
        }
        entry.text.check().map_err(|error| Refusal::invalid(&error.to_string()))?;
        Ok(entry)
    }

    fn import(&self, reference: &Value, imports: &mut Vec<SchemaImport>) -> Result<(), Refusal> {
        let text = |field: &str| reference[field].as_str().unwrap_or_default();
        let missing = || Refusal::invalid(&format!("No schema reference found for {reference}"));
        let version = reference["version"].as_u64().unwrap_or_default().to_string();
        let version = self.version(text("subject"), &version).map_err(|_| missing())?;
        let found = self.entry(version.id)?;
        let more = found.text.imports.iter().cloned();
        let own = SchemaImport { name: text("name").to_owned(), text: found.text.text.clone() };
        for import in more.chain([own]) {
            if imports.iter().all(|known| known.name != import.name) {
                imports.push(import);
            }
        }
        Ok(())
    }

    /// The version of a subject that has this schema.
    pub fn find(&self, subject: &str, entry: &Entry) -> Result<Version, Refusal> {
        let versions = self.versions(subject)?;
        let same = |version: &&Version| self.entry(version.id).is_ok_and(|known| known == entry);
        versions.iter().find(same).cloned().ok_or_else(|| Refusal::schema("Schema not found"))
    }

    /// Registers a schema; returns its id.
    pub fn register(&mut self, subject: &str, entry: Entry) -> Result<u32, Refusal> {
        if let Ok(known) = self.find(subject, &entry) {
            return Ok(known.id);
        }
        let earlier = self.versions(subject).unwrap_or_default();
        let against = self.level(subject).counting(&earlier);
        let why = self.judge(subject, &entry, against)?;
        if !why.is_empty() {
            return Err(Refusal::incompatible(&why));
        }
        let known = self.entries.iter().position(|known| *known == entry);
        let at = known.unwrap_or_else(|| {
            self.entries.push(entry);
            self.entries.len() - 1
        });
        let id = at as u32 + 1;
        let versions = self.subjects.entry(subject.to_owned()).or_default();
        let number = versions.last().map_or(0, |last| last.number) + 1;
        versions.push(Version { number, id, deleted: false });
        Ok(id)
    }

    /// What keeps a schema from following these versions.
    pub fn judge(&self, subject: &str, entry: &Entry, earlier: &[Version]) -> Result<Vec<String>, Refusal> {
        let mut found = Vec::new();
        for version in earlier {
            let old = &self.entry(version.id)?.text;
            found.extend(incompatibilities(self.level(subject), old, &entry.text)?);
        }
        Ok(found)
    }

    pub fn level(&self, subject: &str) -> Level {
        self.own_level(subject).unwrap_or(self.global)
    }

    pub fn own_level(&self, subject: &str) -> Option<Level> {
        self.levels.get(subject).copied()
    }

    pub fn global(&self) -> Level {
        self.global
    }

    pub fn set_global(&mut self, level: Level) {
        self.global = level;
    }

    pub fn set_level(&mut self, subject: &str, level: Level) {
        self.levels.insert(subject.to_owned(), level);
    }

    pub fn forget_level(&mut self, subject: &str) -> Option<Level> {
        self.levels.remove(subject)
    }

    /// Deletes the versions of a subject; `only` one of them if it is said. Ids stay known, as in other registries.
    pub fn delete(&mut self, subject: &str, only: Option<u32>, permanent: bool) -> Result<Vec<u32>, Refusal> {
        let takes = |version: &Version| only.is_none_or(|only| version.number == only);
        let versions = self.subjects.get_mut(subject).ok_or_else(|| Refusal::subject(subject))?;
        let gone: Vec<u32> =
            versions.iter().filter(|one| takes(one) && one.deleted == permanent).map(|one| one.number).collect();
        if gone.is_empty() {
            return Err(if permanent { Refusal::not_deleted(subject) } else { Refusal::subject(subject) });
        }
        match permanent {
            true => versions.retain(|version| !gone.contains(&version.number)),
            false => versions.iter_mut().filter(|one| gone.contains(&one.number)).for_each(|one| one.deleted = true),
        }
        Ok(gone)
    }
}

/// Texts that differ in their spaces only are one schema.
fn canonical(kind: SchemaKind, text: &str) -> String {
    match (kind, serde_json::from_str::<Value>(text)) {
        (SchemaKind::Avro | SchemaKind::Json, Ok(value)) => value.to_string(),
        _ => text.to_owned(),
    }
}
