//! Whether a place in a payload can be there, as its schema says: for pointers that people write.

use std::collections::{BTreeSet, HashSet};

use eventproof_source::{escape_name, unescape_name};
use serde_json::Value;

use crate::Message;

/// What a schema says of a place in a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceInPayload {
    /// It is declared.
    Declared,
    /// The schema leaves open what stands there.
    Open,
    /// It may be there, within the items of the list at this pointer.
    WithinList(String),
    /// What is declared at `parent` (a pointer, empty for the payload) has fields, and none of this name.
    Unknown { parent: String, name: String, known: Vec<String> },
    /// What is declared at this pointer is a value that has no fields.
    WithinValue(String),
}

/// A schema, with the document that its references point into.
#[derive(Clone, Copy)]
struct Said<'v> {
    root: &'v Value,
    schema: &'v Value,
}

/// Whether a pointer says which item of a list it means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Items {
    Numbered,
    Any,
}

impl Message {
    /// What the payload's schema says of the place at `pointer`, a JSON pointer; earlier versions count, and further schemas of parts
    /// (`also`). A name behind fields that are declared must be one of them, whether or not the schema would take others: nobody
    /// writes down what nobody declared, but by mistake.
    pub fn place_in_payload(&self, pointer: &str) -> PlaceInPayload {
        self.place(pointer, Items::Numbered)
    }

    /// The same of a pointer of `sensitive`, in which the number of a list's item may be `*` or be left out.
    pub(crate) fn sensitive_place(&self, pointer: &str) -> PlaceInPayload {
        self.place(pointer, Items::Any)
    }

    /// What the schema of the headers says of the header of this name. What is required is declared by that.
    pub(crate) fn place_in_headers(&self, name: &str) -> PlaceInPayload {
        let Some(headers) = &self.headers else { return PlaceInPayload::Open };
        let here = meant(vec![Said { root: &headers.document, schema: &headers.document }]);
        let takes_any = |said: &Said<'_>| said.schema.get("additionalProperties") == Some(&Value::Bool(true));
        match here.iter().any(|said| declares(*said, name)) {
            true => PlaceInPayload::Declared,
            false if here.iter().any(|said| takes_any(said) || !within(*said, name).is_empty()) => PlaceInPayload::Open,
            false => refusal(&here, "", name).unwrap_or(PlaceInPayload::Open),
        }
    }

    fn place(&self, pointer: &str, items: Items) -> PlaceInPayload {
        let (mut parent, mut list, mut open) = (String::new(), None, false);
        let mut here = meant(self.roots().chain(self.further(&parent)).collect());
        for name in pointer.split('/').skip(1).map(unescape_name) {
            let name = if name == "*" && items == Items::Any { "0".to_owned() } else { name };
            let mut inner: Vec<Said<'_>> = here.iter().flat_map(|said| within(*said, &name)).collect();
            if inner.is_empty() && items == Items::Any {
                // Its number was left out: what stands there is an item's.
                let each: Vec<Said<'_>> = here.iter().flat_map(|said| within(*said, "0")).collect();
                if !each.is_empty() {
                    here = meant(each);
                    inner = here.iter().flat_map(|said| within(*said, &name)).collect();
                }
            }
            if inner.is_empty() {
                match refusal(&here, &parent, &name) {
                    Some(refusal) => return refusal,
                    None => return PlaceInPayload::Open,
                }
            }
            let is_item = is_number(&name) && here.iter().any(|said| allows(said.schema, "array"));
            if is_item && list.is_none() {
                list = Some(parent.clone());
            }
            open |= !is_item && !here.iter().any(|said| declares(*said, &name));
            parent = format!("{parent}/{}", escape_name(&name));
            here = meant(inner.into_iter().chain(self.further(&parent)).collect());
        }
        match list {
            Some(list) => PlaceInPayload::WithinList(list),
            None if open => PlaceInPayload::Open,
            None => PlaceInPayload::Declared,
        }
    }

    fn roots(&self) -> impl Iterator<Item = Said<'_>> {
        let all = std::iter::once(&self.payload).chain(&self.earlier);
        all.map(|schema| Said { root: &schema.document, schema: &schema.document })
    }

    /// What further schemas say of the part at `place`.
    fn further<'a>(&'a self, place: &str) -> impl Iterator<Item = Said<'a>> {
        let place = place.to_owned();
        let also = self.also.iter().filter(move |also| also.at == place);
        also.map(|also| Said { root: &also.schema.document, schema: &also.schema.document })
    }
}

/// The fields that a schema declares by name, in any of its alternatives, and what it says of all others.
pub(crate) fn fields(document: &Value) -> (Vec<(&str, &Value)>, Vec<&Value>) {
    let here = meant(vec![Said { root: document, schema: document }]);
    let named = here.iter().filter_map(|said| said.schema.get("properties")?.as_object()).flatten();
    let named = named.map(|(name, schema)| (name.as_str(), schema)).collect();
    // No name is empty: what is said of that one is said of any.
    let others = here.iter().flat_map(|said| within(*said, "")).map(|said| said.schema).collect();
    (named, others)
}

/// Why nothing of this name is within what these say; `None` where they leave it open.
fn refusal(here: &[Said<'_>], parent: &str, name: &str) -> Option<PlaceInPayload> {
    let holds = |said: &Said<'_>| allows(said.schema, "object") || allows(said.schema, "array");
    if !here.iter().any(holds) {
        return Some(PlaceInPayload::WithinValue(parent.to_owned()));
    }
    let declared = here.iter().filter_map(|said| said.schema.get("properties")?.as_object());
    let declared: BTreeSet<&str> = declared.flat_map(|fields| fields.keys().map(String::as_str)).collect();
    let required: BTreeSet<&str> = here.iter().flat_map(|said| required(*said)).collect();
    if declared.is_empty() || required.contains(name) {
        return None;
    }
    let known = declared.union(&required).map(|name| (*name).to_owned()).collect();
    Some(PlaceInPayload::Unknown { parent: parent.to_owned(), name: name.to_owned(), known })
}

fn required<'v>(said: Said<'v>) -> impl Iterator<Item = &'v str> {
    said.schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn declares(said: Said<'_>, name: &str) -> bool {
    said.schema.get("properties").is_some_and(|fields| fields.get(name).is_some())
}

/// What a schema says of a field, or of an item, within what it describes.
fn within<'v>(said: Said<'v>, name: &str) -> Vec<Said<'v>> {
    let schema = said.schema;
    let field = schema.get("properties").and_then(|fields| fields.get(name));
    // Which pattern a name meets is not looked at: any may be meant.
    let patterned = schema.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
    let other = schema.get("additionalProperties").filter(|other| other.is_object());
    let items = schema.get("items").filter(|_| is_number(name));
    let inner = field.into_iter().chain(patterned.map(|(_, inner)| inner)).chain(other).chain(items);
    inner.map(|schema| Said { root: said.root, schema }).collect()
}

/// All schemas that may say something of one place: through references and alternatives.
fn meant(mut open: Vec<Said<'_>>) -> Vec<Said<'_>> {
    let (mut found, mut visited) = (Vec::new(), HashSet::new());
    while let Some(Said { root, schema }) = open.pop() {
        if !visited.insert(std::ptr::from_ref(schema)) {
            continue;
        }
        let reference = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
        let several = ["allOf", "anyOf", "oneOf"].iter().filter_map(|name| schema.get(*name)?.as_array()).flatten();
        let conditional = ["then", "else"].iter().filter_map(|name| schema.get(*name));
        let referred = reference.and_then(|pointer| root.pointer(pointer));
        open.extend(referred.into_iter().chain(several).chain(conditional).map(|schema| Said { root, schema }));
        if reference.is_none() {
            found.push(Said { root, schema });
        }
    }
    found
}

/// Whether a schema leaves it open that a value is of this type. What only names alternatives does so through them.
fn allows(schema: &Value, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(one)) => one == kind,
        Some(Value::Array(several)) => several.iter().any(|one| one == kind),
        _ => !["allOf", "anyOf", "oneOf"].iter().any(|name| schema.get(*name).is_some()),
    }
}

fn is_number(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}
