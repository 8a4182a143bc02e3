//! The names of events: each is its own topic, in three parts; some are known by an older name of two parts as well.

pub(super) const UPLOADED: &str = "file.media.uploaded";
pub(super) const PROCESSED: &str = "file.media.processed";
pub(super) const DELETION_REQUESTED: &str = "file.media.deletion-requested";
pub(super) const DELETED: &str = "file.media.deleted";
pub(super) const LOGGED_IN: &str = "auth.user.logged-in";
pub(super) const LINK_CREATED: &str = "auth.magic-link.created";
pub(super) const GRANTED: &str = "auth.access.granted";
pub(super) const ACCESSED: &str = "auth.project.accessed";
pub(super) const PROJECT_CREATED: &str = "project.project.created";
pub(super) const INVITED: &str = "project.invite.sent";
pub(super) const VIEWED: &str = "analytics.page.viewed";
pub(super) const DOWNLOADED: &str = "analytics.download.completed";

/// Domains that analytics listens to as a whole.
pub(super) const DOMAINS: [&str; 4] = ["file", "auth", "project", "analytics"];

/// What ends the names of topics that hold events a second time: dead letters, and events that are replayed.
const SECOND_HAND: [&str; 2] = [".dlq", ".replay"];

/// Older names, and what they are called now.
const ALIASES: [(&str, &str); 7] = [
    ("file.uploaded", UPLOADED),
    ("file.processed", PROCESSED),
    ("file.deletion-requested", DELETION_REQUESTED),
    ("invite.created", INVITED),
    ("auth.access-granted", GRANTED),
    ("auth.project-accessed", ACCESSED),
    ("analytics.page-viewed", VIEWED),
];

/// The name of today.
pub(super) fn canonical(name: &str) -> &str {
    ALIASES.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| new)
}

/// Names with the older ones of the same events.
pub(super) fn with_aliases(kinds: &[&str]) -> Vec<String> {
    let old = ALIASES.iter().filter(|(_, new)| kinds.contains(new)).map(|(old, _)| *old);
    kinds.iter().copied().chain(old).map(str::to_owned).collect()
}

/// Where events of a topic go that a service cannot handle: one topic for each domain and consumer, so that nobody's letter stands for
/// another's. An old name's domain is its event's. Without a service: the topic that all of them would share.
pub(super) fn dead_letters(topic: &str, service: Option<&str>) -> String {
    let name = canonical(topic);
    let domain = name.split('.').next().unwrap_or(name);
    service.map_or_else(|| format!("{domain}.dlq"), |service| format!("{domain}.{service}.dlq"))
}

/// `domain.*`: everything under the domain and nothing else, as the Kafka client writes it.
pub(super) fn wildcard(domain: &str) -> String {
    format!("^{domain}\\..*")
}

/// What is of these domains by its name of today only: no wildcard finds it.
pub(super) fn old_names_elsewhere() -> Vec<String> {
    let elsewhere = ALIASES.iter().map(|(old, _)| *old).filter(|old| !is_under_a_domain(old));
    elsewhere.map(str::to_owned).collect()
}

/// Patterns of topics that no wildcard may bring in.
pub(super) fn never_by_wildcard() -> Vec<String> {
    SECOND_HAND.iter().map(|end| format!("^.*\\{end}$")).collect()
}

/// Whether a topic is of the business: by the wildcards of all domains, or by an old name.
pub(super) fn is_of_business(topic: &str) -> bool {
    let second_hand = SECOND_HAND.iter().any(|end| topic.ends_with(end));
    (is_under_a_domain(topic) && !second_hand) || canonical(topic) != topic
}

fn is_under_a_domain(topic: &str) -> bool {
    let under = |domain: &str| topic.strip_prefix(domain).is_some_and(|rest| rest.starts_with('.'));
    DOMAINS.iter().any(|domain| under(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_its_event() {
        assert_eq!(canonical("invite.created"), INVITED);
        assert_eq!(canonical(LINK_CREATED), LINK_CREATED);
        assert_eq!(with_aliases(&[PROCESSED]), [PROCESSED, "file.processed"]);
        assert_eq!(dead_letters("invite.created", Some("user-service")), "project.user-service.dlq");
        assert_eq!(dead_letters(PROCESSED, None), "file.dlq");
    }

    #[test]
    fn wildcards_are_anchored() {
        assert!(is_of_business("file.album.created") && is_of_business("file.uploaded"));
        for other in ["file", "files.media.uploaded", "profile.picture.changed", "file.x.dlq", "auth.magic-link.replay"]
        {
            assert!(!is_of_business(other), "{other}");
        }
        assert_eq!(old_names_elsewhere(), ["invite.created"]);
        assert_eq!(wildcard("file"), "^file\\..*");
        assert_eq!(never_by_wildcard(), ["^.*\\.dlq$", "^.*\\.replay$"]);
    }
}
