use serde_json::json;

use super::*;
use crate::photo_portfolio::event::{self, tests::record};
use crate::shared::settings::StoreUrl;
use crate::shared::sqlite::Db;

fn event(kind: &'static str, id: &str, at: &str, data: Value) -> Event {
    let record = record(kind, data, |value| {
        value["id"] = json!(id);
        value["metadata"]["timestamp"] = json!(at);
    });
    event::read(&record).unwrap()
}

fn some_events() -> Vec<Event> {
    let link = json!({"projectId": "p1", "clientEmail": "a@b.c", "token": "secret", "expiresAt": "2026-01-01T00:00:00Z", "createdBy": "u"});
    let access = json!({"projectId": "p1", "clientEmail": "a@b.c", "accessMethod": "magic-link", "userAgent": "x", "ipAddress": "::1"});
    let upload =
        json!({"projectId": "p1", "mediaId": "m", "originalFileName": "f", "fileSizeBytes": 100, "uploadedBy": "u"});
    let deleted = json!({"projectId": "p1", "mediaId": "m", "freedBytes": 40});
    vec![
        // The second access comes first: the first counts.
        event(topics::ACCESSED, "e1", "2025-01-01T00:00:09Z", access.clone()),
        event(topics::ACCESSED, "e2", "2025-01-01T00:00:05Z", access),
        event(topics::LINK_CREATED, "e3", "2025-01-01T00:00:02Z", link),
        event(topics::UPLOADED, "e4", "2025-01-01T00:00:01Z", upload),
        event(topics::DELETED, "e5", "2025-01-01T00:00:20Z", deleted),
    ]
}

#[tokio::test]
async fn facts_follow_from_events_and_are_the_same_when_made_anew() {
    let db = Db::open(&StoreUrl::SqliteMemory, &schema()).unwrap();
    let now = DateTime::from_timestamp_millis(1_736_937_000_000).unwrap();
    let (at_first, history, anew, on_top) = db
        .transaction(move |tx| {
            for event in some_events() {
                Work.react(tx, &event, now)?;
            }
            let at_first = facts(tx, "p1")?;
            rebuild(tx, false)?;
            let anew = facts(tx, "p1")?;
            rebuild(tx, true)?;
            Ok((at_first, history(tx, "p1")?, anew, facts(tx, "p1")?))
        })
        .await
        .unwrap();
    let fact = |facts: &[(String, i64)], name: &str| facts.iter().find(|(known, _)| known == name).unwrap().1;
    assert_eq!((fact(&at_first, "photos"), fact(&at_first, "storage bytes")), (1, 60));
    assert_eq!(fact(&at_first, "ms from link to first access"), 3_000);
    assert_eq!(at_first, anew);
    assert_eq!(fact(&on_top, "photos"), 2);
    let order: Vec<&str> = history.iter().map(|kept| kept.event_id.as_str()).collect();
    assert_eq!(order, ["e4", "e3", "e2", "e1", "e5"]);
    let all = serde_json::to_string(&history).unwrap();
    assert!(!all.contains("secret") && !all.contains("a@b.c") && !all.contains("::1"), "{all}");
}
