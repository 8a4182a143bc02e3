//! AsyncAPI 2 to 3, by the specification's migration guide: `publish` is what the application receives, `subscribe` what it
//! sends.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::leaf::identifier;

/// A document of AsyncAPI 3.0 that says what one of AsyncAPI 2 says, with notes of what could not be carried over;
/// `None` where the document is not of version 2.
pub fn upgrade(old: &Value) -> Option<(Value, Vec<String>)> {
    if !old.get("asyncapi")?.as_str()?.starts_with("2.") {
        return None;
    }
    let mut upgrading =
        Upgrading { channels: Map::new(), operations: Map::new(), used: BTreeSet::new(), notes: Vec::new() };
    for (address, channel) in old.get("channels").and_then(Value::as_object).into_iter().flatten() {
        upgrading.channel(address, channel);
    }
    let mut new = json!({"asyncapi": "3.0.0", "info": info(old), "channels": upgrading.channels});
    if !upgrading.operations.is_empty() {
        new["operations"] = Value::Object(upgrading.operations);
    }
    for kept in ["id", "defaultContentType", "x-eventproof"] {
        if let Some(value) = old.get(kept) {
            new[kept] = value.clone();
        }
    }
    if let Some(servers) = old.get("servers").and_then(Value::as_object) {
        let servers: Map<String, Value> =
            servers.iter().map(|(name, server)| (name.clone(), self::server(server))).collect();
        new["servers"] = Value::Object(servers);
    }
    if let Some(components) = old.get("components") {
        new["components"] = self::components(components);
    }
    let mut notes = upgrading.notes;
    if old.pointer("/components/securitySchemes").is_some() {
        notes.push("securitySchemes were left out: eventproof connects by its own options".to_owned());
    }
    Some((new, notes))
}

struct Upgrading {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    /// Messages that a channel has already.
    used: BTreeSet<String>,
    notes: Vec<String>,
}

impl Upgrading {
    fn channel(&mut self, address: &str, old: &Value) {
        let name = identifier(address);
        let mut new = json!({"address": address, "messages": {}});
        for kept in ["description", "bindings", "x-eventproof"] {
            if let Some(value) = old.get(kept) {
                new[kept] = value.clone();
            }
        }
        // In version 3 the topic of the Kafka binding still counts before the address.
        if let Some(parameters) = old.get("parameters").and_then(Value::as_object) {
            let parameters: Map<String, Value> =
                parameters.iter().map(|(name, one)| (name.clone(), parameter(one))).collect();
            new["parameters"] = Value::Object(parameters);
        }
        for (said, action) in [("publish", "receive"), ("subscribe", "send")] {
            if let Some(operation) = old.get(said) {
                let messages = self.fresh(&name, messages(operation.get("message"), &name));
                self.operation(&name, action, operation, &messages);
                if let Some(known) = new["messages"].as_object_mut() {
                    known.extend(messages);
                }
            }
        }
        if old.get("$ref").is_some() {
            self.notes.push(format!("channel `{address}` is a reference, which was left out"));
        }
        self.channels.insert(name, new);
    }

    /// A message that two channels have is called by another key on the second.
    fn fresh(&mut self, channel: &str, messages: Map<String, Value>) -> Map<String, Value> {
        let named = |(key, message): (String, Value)| match self.used.insert(key.clone()) {
            true => (key, message),
            false => (format!("{channel}-{key}"), message),
        };
        messages.into_iter().map(named).collect()
    }

    fn operation(&mut self, channel: &str, action: &str, old: &Value, messages: &Map<String, Value>) {
        let id = old.get("operationId").and_then(Value::as_str);
        let id = id.map_or_else(|| format!("{action}-{channel}"), identifier);
        let references: Vec<Value> =
            messages.keys().map(|name| json!({"$ref": format!("#/channels/{channel}/messages/{name}")})).collect();
        let mut new =
            json!({"action": action, "channel": {"$ref": format!("#/channels/{channel}")}, "messages": references});
        for kept in ["summary", "description", "bindings", "tags", "traits", "x-eventproof"] {
            if let Some(value) = old.get(kept) {
                new[kept] = value.clone();
            }
        }
        self.operations.insert(id, new);
    }
}

fn info(old: &Value) -> Value {
    let mut info = old.get("info").cloned().unwrap_or_else(|| json!({"title": "untitled", "version": "0"}));
    for moved in ["tags", "externalDocs"] {
        if let Some(value) = old.get(moved) {
            info[moved] = value.clone();
        }
    }
    info
}

/// One message, or several by `oneOf`, each by its name.
fn messages(old: Option<&Value>, channel: &str) -> Map<String, Value> {
    let Some(old) = old else { return Map::new() };
    let several = old.get("oneOf").and_then(Value::as_array);
    let all = several.map_or_else(|| vec![old], |all| all.iter().collect());
    let named = |(at, one): (usize, &Value)| {
        let referred = one.get("$ref").and_then(Value::as_str).and_then(|text| text.rsplit('/').next());
        let own = ["messageId", "name"].iter().find_map(|key| one.get(key)?.as_str());
        let name = own.or(referred).map_or_else(|| format!("{channel}-{at}"), identifier);
        (name, message(one))
    };
    all.into_iter().enumerate().map(named).collect()
}

/// The schema moves beside its format.
fn message(old: &Value) -> Value {
    let Some(fields) = old.as_object().filter(|fields| !fields.contains_key("$ref")) else { return old.clone() };
    let mut new: Map<String, Value> = fields.clone();
    new.remove("messageId");
    if let (Some(format), Some(payload)) = (new.remove("schemaFormat"), fields.get("payload")) {
        new.insert("payload".to_owned(), json!({"schemaFormat": format, "schema": payload}));
    }
    Value::Object(new)
}

/// The address is split into host and path.
fn server(old: &Value) -> Value {
    let url = old.get("url").and_then(Value::as_str).unwrap_or_default();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let mut new = json!({"host": host});
    if let Some(path) = path.filter(|path| !path.is_empty()) {
        new["pathname"] = json!(format!("/{path}"));
    }
    for kept in ["protocol", "protocolVersion", "description", "variables", "bindings", "tags"] {
        if let Some(value) = old.get(kept) {
            new[kept] = value.clone();
        }
    }
    new
}

/// Of a parameter's schema its values stay.
fn parameter(old: &Value) -> Value {
    let schema = old.get("schema").unwrap_or(&Value::Null);
    let mut new = Map::new();
    for (name, from) in
        [("description", old), ("location", old), ("enum", schema), ("default", schema), ("examples", schema)]
    {
        if let Some(value) = from.get(name) {
            new.insert(name.to_owned(), value.clone());
        }
    }
    Value::Object(new)
}

fn components(old: &Value) -> Value {
    let mut new = old.as_object().cloned().unwrap_or_default();
    new.remove("securitySchemes");
    if let Some(messages) = new.get_mut("messages").and_then(Value::as_object_mut) {
        messages.values_mut().for_each(|one| *one = message(one));
    }
    if let Some(parameters) = new.get_mut("parameters").and_then(Value::as_object_mut) {
        parameters.values_mut().for_each(|one| *one = parameter(one));
    }
    if let Some(servers) = new.get_mut("servers").and_then(Value::as_object_mut) {
        servers.values_mut().for_each(|one| *one = server(one));
    }
    for gone in ["channels", "operations"] {
        new.remove(gone);
    }
    Value::Object(new)
}

/// Marks every operation with a consumer group, or with a service by its name, as one of a service that is not part of the system at hand yet; operations
/// that say something of that themselves are kept. Returns whether anything was marked.
pub fn mark_absent(document: &mut Value) -> bool {
    let places = [
        document.get("operations").is_some().then_some("/operations"),
        document.pointer("/components/operations").is_some().then_some("/components/operations"),
    ];
    let mut marked = false;
    for place in places.into_iter().flatten() {
        let operations = document.pointer_mut(place).and_then(Value::as_object_mut);
        for operation in operations.into_iter().flat_map(|operations| operations.values_mut()) {
            let is_of_service =
                ["/bindings/kafka", "/x-eventproof/service"].iter().any(|at| operation.pointer(at).is_some());
            if is_of_service && operation.pointer("/x-eventproof/present").is_none() {
                operation["x-eventproof"]["present"] = json!(false);
                marked = true;
            }
        }
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_of_services_that_nobody_runs_yet_are_marked() {
        let operations = json!({
            "read": {"bindings": {"kafka": {"groupId": "g"}}},
            "tell": {"x-eventproof": {"service": "shop"}},
            "known": {"x-eventproof": {"service": "shop", "present": true}},
            "plain": {},
        });
        let mut document = json!({"operations": operations});
        assert!(mark_absent(&mut document));
        let present = |name: &str| document.pointer(&format!("/operations/{name}/x-eventproof/present")).cloned();
        assert_eq!(["read", "tell", "known"].map(present), [json!(false), json!(false), json!(true)].map(Some));
        assert_eq!(present("plain"), None);
        assert!(!mark_absent(&mut document), "nothing is left to mark");
    }
}
