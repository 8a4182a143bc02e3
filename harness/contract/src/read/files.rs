//! The files of a contract: the document itself and every file that a `$ref` leads to, each read once.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use eventproof_source::{Diagnostics, Node, Source, Span, Value, parse_yaml};

/// A file that was read.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    /// Where its spans begin.
    from: usize,
    pub root: Node,
}

impl File {
    /// The folder that it is in.
    pub fn folder(&self) -> PathBuf {
        folder_of(&self.path)
    }
}

/// All files, with one source for the diagnostics of any of them.
#[derive(Debug)]
pub(super) struct Files {
    pub source: Source,
    /// The document first.
    files: Vec<File>,
    /// Files that cannot be read, and why.
    unreadable: HashMap<PathBuf, String>,
}

impl Files {
    /// Reads the document and all that it refers to. What is no YAML is a fault; what is not there is one only where it
    /// is needed.
    pub fn load(document: &Source, faults: &mut Diagnostics) -> Option<Files> {
        let mut loading = Loading { next: 0, included: Vec::new(), files: Vec::new(), unreadable: HashMap::new() };
        loading.take(normal(document.path()), document, faults);
        let mut done = 0;
        while let Some(file) = loading.files.get(done) {
            let mut wanted = Vec::new();
            references(&file.root, &mut wanted);
            let folder = folder_of(&file.path);
            let paths: Vec<PathBuf> = wanted.into_iter().map(|path| normal(&folder.join(path))).collect();
            paths.into_iter().for_each(|path| loading.read(path, faults));
            done += 1;
        }
        let Loading { mut included, files, unreadable, .. } = loading;
        if files.is_empty() {
            return None;
        }
        included.remove(0);
        Some(Files { source: document.including(included), files, unreadable })
    }

    /// The document.
    pub fn document(&self) -> &File {
        &self.files[0]
    }

    /// The file in which a span stands.
    pub fn file_at(&self, span: Span) -> &File {
        self.files.iter().rev().find(|file| file.from <= span.start).unwrap_or(&self.files[0])
    }

    /// The file of a reference that stands at `span`; or why there is none.
    pub fn referred(&self, path: &str, span: Span) -> Result<&File, String> {
        if path.contains("://") {
            return Err("addresses on the net are not fetched".to_owned());
        }
        let path = normal(&folder_of(&self.file_at(span).path).join(path));
        let found = self.files.iter().find(|file| file.path == path);
        found.ok_or_else(|| match self.unreadable.get(&path) {
            Some(why) => why.clone(),
            None => format!("{} was not read", path.display()),
        })
    }

    /// The same files with other trees.
    pub fn map(self, change: impl Fn(&Files, &File) -> Node) -> Files {
        let roots: Vec<Node> = self.files.iter().map(|file| change(&self, file)).collect();
        let files = self.files.into_iter().zip(roots).map(|(file, root)| File { root, ..file }).collect();
        Files { files, ..self }
    }
}

struct Loading {
    next: usize,
    included: Vec<(usize, Source)>,
    files: Vec<File>,
    unreadable: HashMap<PathBuf, String>,
}

impl Loading {
    fn read(&mut self, path: PathBuf, faults: &mut Diagnostics) {
        if self.unreadable.contains_key(&path) || self.files.iter().any(|file| file.path == path) {
            return;
        }
        match Source::read(&path) {
            Ok(source) => self.take(path, &source, faults),
            Err(error) => drop(self.unreadable.insert(path, error.message)),
        }
    }

    fn take(&mut self, path: PathBuf, source: &Source, faults: &mut Diagnostics) {
        let parsed = match is_tree(&path) {
            true => parse_yaml(source),
            // A schema in a language of its own is one text.
            false => {
                let span = Span { start: 0, end: 0 };
                Ok(Node { value: Value::String(source.text().to_owned()), span })
            }
        };
        match parsed {
            Ok(root) => {
                let from = self.next;
                self.next += source.text().len() + 1;
                self.included.push((from, source.clone()));
                self.files.push(File { path, from, root: root.moved(from) });
            }
            Err(found) => {
                self.unreadable.insert(path, "it is no YAML".to_owned());
                faults.extend(found);
            }
        }
    }
}

/// Files in YAML or JSON; Avro schemas are JSON.
fn is_tree(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    !matches!(extension, "proto")
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_default()
}

/// The files that a tree refers to, as they are written.
fn references(node: &Node, found: &mut Vec<String>) {
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                match entry.value.as_str().filter(|_| entry.key == "$ref") {
                    Some(text) => found.extend(file_part(text)),
                    None => references(&entry.value, found),
                }
            }
        }
        Value::Seq(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

fn file_part(reference: &str) -> Option<String> {
    let path = reference.split('#').next().unwrap_or_default();
    (!path.is_empty() && !path.contains("://")).then(|| path.to_owned())
}

/// A path without `.` and `..`, so that two ways to one file are one.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if out.file_name().is_some() => drop(out.pop()),
            other => out.push(other),
        }
    }
    out
}
