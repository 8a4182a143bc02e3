//! Names of topics, from the document's variables: its own names, and the same under another prefix.

use crate::shared::settings::Settings;

/// Where posts are told.
pub(super) fn content(settings: &Settings) -> String {
    format!("{}.content.events", settings.topic_prefix)
}

/// Where uploads are told.
pub(super) fn media(settings: &Settings) -> String {
    settings.media_topic.clone().unwrap_or_else(|| format!("{}.media.events", settings.topic_prefix))
}

/// Where messages are told, for the search index.
pub(super) fn messages(settings: &Settings) -> String {
    settings.message_topic.clone().unwrap_or_else(|| format!("{}.message.events", settings.topic_prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(variables: &[(&str, &str)]) -> [String; 3] {
        let value = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
        let settings = Settings::from_lookup(value).unwrap();
        [content(&settings), media(&settings), messages(&settings)]
    }

    #[test]
    fn without_variables_the_names_are_the_documents() {
        assert_eq!(names(&[]), ["nova.content.events", "nova.media.events", "nova.message.events"]);
    }

    #[test]
    fn another_prefix_changes_all_and_a_variable_of_its_own_stands_above_it() {
        let prefix = ("KAFKA_TOPIC_PREFIX", "staging");
        assert_eq!(names(&[prefix]), ["staging.content.events", "staging.media.events", "staging.message.events"]);
        assert_eq!(names(&[prefix, ("KAFKA_EVENTS_TOPIC", "uploads")])[1], "uploads");
        let both = [("KAFKA_EVENTS_TOPIC", "uploads"), ("KAFKA_MEDIA_EVENTS_TOPIC", "media")];
        assert_eq!(names(&both)[1], "media");
        assert_eq!(names(&[("KAFKA_MESSAGE_EVENTS_TOPIC", "chat")])[2], "chat");
    }
}
