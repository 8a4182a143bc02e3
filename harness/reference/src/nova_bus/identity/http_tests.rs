use reqwest::Method;

use super::super::events::Events;
use super::super::store;
use super::*;
use crate::shared::clock::HandClock;
use crate::shared::http::testing::spawn;
use crate::shared::settings::StoreUrl;
use crate::shared::sqlite::Db;

struct Bench {
    base: String,
    db: Db,
}

async fn bench() -> Bench {
    let db = Db::open(&StoreUrl::SqliteMemory, &store::schema()).unwrap();
    let events = Events { topic: "nova.identity.events".into(), wrong_key: false, soft_is_hard: false };
    let clock = HandClock::new().clock();
    let users = Users { db: db.clone().into(), events, outside: false, old_profile: false, clock };
    Bench { base: spawn(routes(users, Log::silent())).await, db }
}

impl Bench {
    async fn send(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let request = reqwest::Client::new().request(method, format!("{}{path}", self.base));
        let response = request.body(body.to_string()).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn register(&self, username: &str) -> (u16, String) {
        let body = json!({"username": username, "email": format!("{username}@example.com")});
        let (status, user) = self.send(Method::POST, "/users", body).await;
        (status, user["user_id"].as_str().unwrap_or_default().to_owned())
    }

    /// Type, key and payload of every outbox row.
    async fn outbox(&self) -> Vec<(String, String, Value)> {
        let read = |c: &mut rusqlite::Connection| {
            let mut rows = c.prepare("SELECT event_type, record_key, payload FROM outbox ORDER BY id")?;
            let rows = rows.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get::<_, String>(2)?)))?;
            Ok(rows.collect::<Result<Vec<(String, String, String)>, _>>()?)
        };
        let rows = self.db.call(read).await.unwrap();
        rows.into_iter().map(|(kind, key, payload)| (kind, key, serde_json::from_str(&payload).unwrap())).collect()
    }
}

#[tokio::test]
async fn every_change_of_a_user_writes_its_event_keyed_by_the_user() {
    let bench = bench().await;
    let (status, id) = bench.register("ann").await;
    assert_eq!(status, 201);
    let profile = json!({"display_name": "Ann", "avatar_url": "https://example.com/a.png"});
    assert_eq!(bench.send(Method::PUT, &format!("/users/{id}/profile"), profile).await.0, 200);
    assert_eq!(bench.send(Method::DELETE, &format!("/users/{id}?soft=true"), json!({})).await.0, 200);
    assert_eq!(bench.send(Method::DELETE, &format!("/users/{id}"), json!({})).await.0, 200);

    let at = "2025-01-15T10:30:00.000Z";
    let rows = bench.outbox().await;
    assert!(rows.iter().all(|(_, key, _)| *key == id), "{rows:?}");
    let told: Vec<_> = rows.into_iter().map(|(kind, _, payload)| (kind, payload)).collect();
    let created = json!({"user_id": id, "username": "ann", "email": "ann@example.com", "created_at": at});
    let updated = json!({"user_id": id, "username": "ann", "display_name": "Ann", "avatar_url": "https://example.com/a.png",
        "is_verified": false, "follower_count": 0, "updated_at": at});
    let deleted = |soft: bool| json!({"user_id": id, "deleted_at": at, "soft_delete": soft});
    let expected = [
        ("identity.user.created", created),
        ("identity.user.profile_updated", updated),
        ("identity.user.deleted", deleted(true)),
        ("identity.user.deleted", deleted(false)),
    ];
    assert_eq!(told, expected.map(|(kind, payload)| (kind.to_owned(), payload)));
}

#[tokio::test]
async fn what_is_refused_is_told_by_nobody() {
    let bench = bench().await;
    let (_, ann) = bench.register("ann").await;
    let (_, bob) = bench.register("bob").await;
    assert_eq!(bench.register("ann").await.0, 409);
    let same_address = json!({"username": "carl", "email": "ann@example.com"});
    assert_eq!(bench.send(Method::POST, "/users", same_address).await.0, 409);
    let taken = json!({"username": "ann"});
    assert_eq!(bench.send(Method::PUT, &format!("/users/{bob}/profile"), taken).await.0, 409);
    assert_eq!(bench.send(Method::POST, "/users", json!({"email": 7})).await.0, 422);
    assert_eq!(bench.send(Method::DELETE, "/users/nobody", json!({})).await.0, 404);
    assert_eq!(bench.outbox().await.len(), 2);

    bench.send(Method::DELETE, &format!("/users/{ann}?soft=true"), json!({})).await;
    let name = json!({"display_name": "x"});
    assert_eq!(bench.send(Method::PUT, &format!("/users/{ann}/profile"), name).await.0, 404);
    assert_eq!(bench.send(Method::DELETE, &format!("/users/{ann}?soft=true"), json!({})).await.0, 404);
    assert_eq!(bench.register("ann").await.0, 409, "a soft deletion keeps the name");
    assert_eq!(bench.outbox().await.len(), 3);
}
