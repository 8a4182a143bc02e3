//! Values from a JSON Schema.

use fake::Fake;
use fake::faker::{company, internet, lorem, name};
use fake::locales::{EN, ZH_CN};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use super::identity::Identities;
use super::pattern;

/// Levels of nesting before optional parts are left out.
const DEEP: usize = 6;
/// Levels of nesting before a schema is taken to ask for something without end.
const ENDLESS: usize = 64;

/// Makes values; the error is the place and why not.
pub(super) struct Values<'a> {
    pub rng: &'a mut ChaCha8Rng,
    pub identities: &'a Identities,
    pub now: &'a str,
    pub locale: &'a str,
    /// The schema as a whole, whose `definitions` its parts may refer to.
    pub root: &'a Value,
}

type Made = Result<Value, (String, String)>;

impl Values<'_> {
    /// A value that keeps to `schema`; `place` is its JSON pointer.
    pub fn of(&mut self, schema: &Value, place: &str) -> Made {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.referred(reference, place);
        }
        if let Some(constant) = schema.get("const") {
            return Ok(constant.clone());
        }
        if let Some(choices) = ["enum", "examples"].iter().find_map(|name| schema.get(name)?.as_array()) {
            return self.one_of(choices).cloned().ok_or_else(|| (place.to_owned(), "no value is allowed".to_owned()));
        }
        if let Some(choices) = ["oneOf", "anyOf"].iter().find_map(|name| schema.get(name)?.as_array()) {
            let chosen = self.one_of(choices).cloned().unwrap_or(Value::Bool(true));
            return self.of(&merged(schema, &[chosen]), place);
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            return self.of(&merged(schema, parts), place);
        }
        self.of_type(schema, place)
    }

    fn referred(&mut self, reference: &str, place: &str) -> Made {
        let fault = |detail: String| Err((place.to_owned(), detail));
        if place.matches('/').count() > ENDLESS {
            return fault(format!("`{reference}` asks for itself without end"));
        }
        let root = self.root;
        match reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) {
            Some(target) => self.of(target, place),
            None => fault(format!("`{reference}` leads nowhere")),
        }
    }

    fn of_type(&mut self, schema: &Value, place: &str) -> Made {
        match type_of(schema) {
            Some("object") => self.object(schema, place),
            Some("array") => self.array(schema, place),
            Some("string") => self.string(schema, place),
            Some("integer") => Ok(self.integer(schema).into()),
            Some("number") => Ok(self.number(schema).into()),
            Some("boolean") => Ok(self.rng.random_bool(0.5).into()),
            Some("null") => Ok(Value::Null),
            Some(other) => Err((place.to_owned(), format!("`{other}` is no type of JSON Schema"))),
            None => Ok(Value::Object(Map::new())),
        }
    }

    fn one_of<'v>(&mut self, choices: &'v [Value]) -> Option<&'v Value> {
        let at = if choices.is_empty() { return None } else { self.rng.random_range(0..choices.len()) };
        choices.get(at)
    }

    fn object(&mut self, schema: &Value, place: &str) -> Made {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut object = Map::new();
        for (name, rule) in schema["properties"].as_object().into_iter().flatten() {
            let optional = !required.contains(&name.as_str());
            let deep = place.matches('/').count() >= DEEP;
            if optional && (deep || self.rng.random_bool(0.3)) {
                continue;
            }
            object.insert(name.clone(), self.of(rule, &format!("{place}/{name}"))?);
        }
        self.keep_one_of_each(schema, &mut object);
        Ok(Value::Object(object))
    }

    /// Of fields that exclude each other, as Protobuf's `oneof`, one stays.
    fn keep_one_of_each(&mut self, schema: &Value, object: &mut Map<String, Value>) {
        for choice in schema["x-oneof"].as_array().into_iter().flatten() {
            let names = choice.as_array().into_iter().flatten().filter_map(Value::as_str);
            let there: Vec<&str> = names.filter(|name| object.contains_key(*name)).collect();
            if !there.is_empty() {
                let stays = self.rng.random_range(0..there.len());
                there
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| *at != stays)
                    .for_each(|(_, name)| drop(object.remove(*name)));
            }
        }
    }

    fn array(&mut self, schema: &Value, place: &str) -> Made {
        let least = schema["minItems"].as_u64().unwrap_or(0);
        let most = schema["maxItems"].as_u64().unwrap_or(least + 3).max(least);
        let count = self.rng.random_range(least..=most);
        let any = Value::Bool(true);
        let rule = schema.get("items").unwrap_or(&any);
        (0..count).map(|index| self.of(rule, &format!("{place}/{index}"))).collect()
    }

    fn integer(&mut self, schema: &Value) -> i64 {
        if schema["x-logical"].as_str().is_some_and(|logical| logical.ends_with("timestamp-millis")) {
            return self.now_millis();
        }
        // The range of a whole machine type is no choice of the contract's.
        let chosen = |bound: i64| (bound.unsigned_abs() < i32::MAX.unsigned_abs().into()).then_some(bound);
        let least = schema["minimum"].as_i64().or(schema["exclusiveMinimum"].as_i64().map(|n| n + 1));
        let least = least.and_then(chosen).unwrap_or(0);
        let most = schema["maximum"].as_i64().or(schema["exclusiveMaximum"].as_i64().map(|n| n - 1));
        let most = most.and_then(chosen).unwrap_or(least.saturating_add(10_000)).max(least);
        let step = schema["multipleOf"].as_i64().filter(|step| *step > 0).unwrap_or(1);
        let drawn = self.rng.random_range(least..=most);
        let down = drawn - drawn.rem_euclid(step);
        if down < least { down + step } else { down }
    }

    fn now_millis(&self) -> i64 {
        chrono::DateTime::parse_from_rfc3339(self.now).map_or(0, |now| now.timestamp_millis())
    }

    fn number(&mut self, schema: &Value) -> f64 {
        let least = schema["minimum"].as_f64().unwrap_or(0.0);
        let most = schema["maximum"].as_f64().unwrap_or(least + 1000.0).max(least);
        least + (most - least) * self.rng.random_range(0.0..1.0)
    }

    fn string(&mut self, schema: &Value, place: &str) -> Made {
        if let Some(pattern) = schema["pattern"].as_str() {
            let least = schema["minLength"].as_u64().unwrap_or(0);
            let most = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
            let made = pattern::matching(pattern, least, most, self.rng);
            return made.map(Value::from).map_err(|detail| (place.to_owned(), detail));
        }
        let text = match schema["format"].as_str() {
            // A character a byte.
            _ if schema["x-logical"] == "bytes" => self.identities.other(),
            // Whole groups of four characters are base64 of something.
            _ if schema["x-logical"] == "base64" => self.identities.other().replace('-', "")[..16].to_owned(),
            Some("uuid") => self.identities.other(),
            Some("date-time") => self.now.to_owned(),
            Some("date") => self.now.chars().take(10).collect(),
            Some("email") => internet::raw::SafeEmail(EN).fake_with_rng(self.rng),
            Some("uri" | "url") => format!("https://example.org/{}", self.identities.other()),
            _ => self.free_text(place.rsplit('/').next().unwrap_or_default()),
        };
        Ok(Value::from(fitted(text, schema)))
    }

    /// A text that suits the field's name.
    fn free_text(&mut self, field: &str) -> String {
        let chinese = self.locale.starts_with("zh");
        match field {
            "username" | "user_name" => internet::raw::Username(EN).fake_with_rng(self.rng),
            name if name.ends_with("display_name") || name == "name" => match chinese {
                true => name::raw::Name(ZH_CN).fake_with_rng(self.rng),
                false => name::raw::Name(EN).fake_with_rng(self.rng),
            },
            "company" => company::raw::CompanyName(EN).fake_with_rng(self.rng),
            "file_name" => format!("{}.jpg", lorem::raw::Word(EN).fake_with_rng::<String, _>(self.rng)),
            _ => match chinese {
                true => lorem::raw::Sentence(ZH_CN, 3..8).fake_with_rng(self.rng),
                false => lorem::raw::Sentence(EN, 3..8).fake_with_rng(self.rng),
            },
        }
    }
}

fn fitted(mut text: String, schema: &Value) -> String {
    let least = schema["minLength"].as_u64().unwrap_or(0) as usize;
    let most = schema["maxLength"].as_u64().unwrap_or(u64::MAX) as usize;
    while text.chars().count() < least {
        text.push('x');
    }
    text.chars().take(most).collect()
}

fn type_of(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::String(name) => Some(name),
        // Of several, the first that is more than nothing.
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        _ if schema.get("properties").is_some() => Some("object"),
        _ => None,
    }
}

/// A schema with the rules of others laid over it: properties and required are united.
fn merged(base: &Value, parts: &[Value]) -> Value {
    let mut all = base.as_object().cloned().unwrap_or_default();
    for name in ["oneOf", "anyOf", "allOf"] {
        all.remove(name);
    }
    for (name, rule) in parts.iter().filter_map(Value::as_object).flatten() {
        match (all.get_mut(name), rule) {
            (Some(Value::Object(there)), Value::Object(more)) => there.extend(more.clone()),
            (Some(Value::Array(there)), Value::Array(more)) => there.extend(more.iter().cloned()),
            _ => {
                all.insert(name.clone(), rule.clone());
            }
        }
    }
    Value::Object(all)
}
