//! A contract as text: what was understood of a document, for people to compare with what they meant.

use std::fmt::Write;

use crate::{Action, Channel, Contract, Message, Operation};

impl Contract {
    /// Every channel with its topic, its messages and who sends and receives them.
    pub fn outline(&self) -> String {
        let mut text = format!("{} {}\n", self.title, self.version);
        for server in &self.servers {
            let registry = server.registry_url.as_ref().map(|url| format!(", schema registry {url}"));
            let _ = writeln!(
                text,
                "server {} {} ({}){}",
                server.name,
                server.host,
                server.protocol,
                registry.unwrap_or_default()
            );
        }
        for channel in &self.channels {
            self.channel_outline(channel, &mut text);
        }
        text
    }

    fn channel_outline(&self, channel: &Channel, text: &mut String) {
        let _ = writeln!(text, "\ntopic {}{}", channel.topic, settings(channel));
        for message in self.messages.iter().filter(|message| message.channel == channel.name) {
            let _ = writeln!(text, "  {}{}", message.name, facts(message));
        }
        for operation in self.operations.iter().filter(|operation| operation.channel == channel.name) {
            let _ = writeln!(text, "  {}", self.operation_outline(operation));
        }
    }

    fn operation_outline(&self, operation: &Operation) -> String {
        let verb = if operation.action == Action::Send { "sent by" } else { "received by" };
        let mut line = format!("{verb} {}", operation.service.as_deref().unwrap_or("nobody named"));
        if let Some(group) = &operation.group {
            let _ = write!(line, " in group {group}");
        }
        if !operation.present {
            line.push_str(", which is not part of this system");
        }
        let on_channel = self.messages.iter().filter(|message| message.channel == operation.channel).count();
        if operation.messages.len() < on_channel {
            let _ = write!(line, ": {}", operation.messages.join(", "));
        }
        line
    }
}

fn settings(channel: &Channel) -> String {
    let mut all = Vec::new();
    all.extend(channel.partitions.map(|count| format!("{count} partitions")));
    all.extend(channel.replicas.map(|count| format!("{count} replicas")));
    all.extend(channel.config.iter().map(|(name, value)| format!("{name}={value}")));
    if !channel.is_concrete() {
        all.push("many topics: not observed".to_owned());
    }
    if all.is_empty() { String::new() } else { format!(" ({})", all.join(", ")) }
}

fn facts(message: &Message) -> String {
    let envelope = &message.envelope;
    let parts = [
        ("id", &envelope.id),
        ("type", &envelope.event_type),
        ("key", &envelope.key),
        ("correlation", &envelope.correlation),
    ];
    let told: Vec<String> =
        parts.iter().filter_map(|(name, place)| Some(format!("{name} {}", place.as_ref()?))).collect();
    if told.is_empty() { String::new() } else { format!(": {}", told.join(", ")) }
}
