//! Names of topics, from the document's variables: its own names, and the same under another prefix.

use crate::shared::settings::Settings;

/// Where posts are told.
pub(super) fn content(settings: &Settings) -> String {
    format!("{}.content.events", settings.topic_prefix)
}

/// Where uploads are told where nothing is set.
pub(super) const MEDIA: &str = "nova.media.events";

/// Where uploads are told.
pub(super) fn media(settings: &Settings) -> String {
    settings.media_topic.clone().unwrap_or_else(|| format!("{}.media.events", settings.topic_prefix))
}

/// Where users are told.
pub(super) fn identity(settings: &Settings) -> String {
    settings.identity_topic.clone().unwrap_or_else(|| format!("{}.identity.events", settings.topic_prefix))
}

/// Where messages are told, for the search index.
pub(super) fn messages(settings: &Settings) -> String {
    settings.message_topic.clone().unwrap_or_else(|| format!("{}.message.events", settings.topic_prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(variables: &[(&str, &str)]) -> [String; 4] {
        let value = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
        let settings = Settings::from_lookup(value).unwrap();
        [content(&settings), media(&settings), messages(&settings), identity(&settings)]
    }

    #[test]
    fn without_variables_the_names_are_the_documents() {
        let all = ["nova.content.events", "nova.media.events", "nova.message.events", "nova.identity.events"];
        assert_eq!(names(&[]), all);
    }

    #[test]
    fn another_prefix_changes_all_and_a_variable_of_its_own_stands_above_it() {
        let prefix = ("KAFKA_TOPIC_PREFIX", "staging");
        let all =
            ["staging.content.events", "staging.media.events", "staging.message.events", "staging.identity.events"];
        assert_eq!(names(&[prefix]), all);
        assert_eq!(names(&[prefix, ("KAFKA_EVENTS_TOPIC", "uploads")])[1], "uploads");
        let both = [("KAFKA_EVENTS_TOPIC", "uploads"), ("KAFKA_MEDIA_EVENTS_TOPIC", "media")];
        assert_eq!(names(&both)[1], "media");
        assert_eq!(names(&[("KAFKA_MESSAGE_EVENTS_TOPIC", "chat")])[2], "chat");
        assert_eq!(names(&[("KAFKA_IDENTITY_EVENTS_TOPIC", "users")])[3], "users");
    }
}
