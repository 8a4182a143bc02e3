use reqwest::{Client, Method, Response};
use serde_json::Value;

use super::super::events::Events;
use super::super::store;
use super::*;
use crate::shared::clock::HandClock;
use crate::shared::http::testing::spawn;
use crate::shared::outbox::outbox_routes;
use crate::shared::settings::StoreUrl;
use crate::shared::sqlite::Db;

struct Bench {
    base: String,
    db: Db,
    client: Client,
}

async fn bench() -> Bench {
    bench_with(Events { topic: "nova.content.events".into(), wrong_key: false, wrong_payload: false }).await
}

async fn bench_with(events: Events) -> Bench {
    let db = Db::open(&StoreUrl::SqliteMemory, &store::schema()).unwrap();
    let posts = Posts { db: db.clone().into(), events, loose: None, outside: false, clock: HandClock::new().clock() };
    let router = routes(posts, Log::silent()).merge(outbox_routes(db.clone()));
    Bench { base: spawn(router).await, db, client: Client::new() }
}

impl Bench {
    async fn send(&self, method: Method, path: &str, body: &str) -> Response {
        let request = self.client.request(method, format!("{}{path}", self.base)).header("x-correlation-id", "corr-1");
        request.body(body.to_owned()).send().await.unwrap()
    }

    async fn post(&self, path: &str, body: &str) -> (u16, Value) {
        let response = self.send(Method::POST, path, body).await;
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn create(&self) -> String {
        let (status, post) =
            self.post("/posts", r#"{"user_id": "alice", "caption": "hi", "media_type": "image"}"#).await;
        assert_eq!(status, 201);
        post["post_id"].as_str().unwrap().to_owned()
    }

    /// Type, key, correlation id and payload of every outbox row.
    async fn outbox(&self) -> Vec<(String, String, String, Value)> {
        let read = |c: &mut rusqlite::Connection| {
            let mut rows =
                c.prepare("SELECT event_type, record_key, correlation_id, payload FROM outbox ORDER BY id")?;
            let rows = rows.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get::<_, String>(3)?)))?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        };
        let rows = self.db.call(read).await.unwrap();
        rows.into_iter().map(|(a, b, c, payload)| (a, b, c, serde_json::from_str(&payload).unwrap())).collect()
    }
}

#[tokio::test]
async fn every_change_of_a_post_writes_its_event_keyed_by_the_post() {
    let bench = bench().await;
    let id = bench.create().await;
    let (status, post) = bench.post(&format!("/posts/{id}/status"), r#"{"new_status": "archived"}"#).await;
    assert_eq!((status, post["status"].as_str()), (200, Some("archived")));
    assert_eq!(bench.send(Method::DELETE, &format!("/posts/{id}"), "").await.status(), 200);

    let at = "2025-01-15T10:30:00.000Z";
    let rows = bench.outbox().await;
    assert!(rows.iter().all(|(_, key, correlation, _)| *key == id && correlation == "corr-1"), "{rows:?}");
    let told: Vec<_> = rows.into_iter().map(|(event_type, _, _, payload)| (event_type, payload)).collect();
    let created = json!({"post_id": id, "user_id": "alice", "caption": "hi", "media_type": "image", "status": "published", "created_at": at});
    let archived = json!({"post_id": id, "user_id": "alice", "new_status": "archived", "updated_at": at});
    let deleted = json!({"post_id": id, "user_id": "alice", "deleted_at": at});
    assert_eq!(
        told,
        [
            ("content.post.created".to_owned(), created),
            ("content.post.status_updated".to_owned(), archived),
            ("content.post.deleted".to_owned(), deleted)
        ]
    );
}

#[tokio::test]
async fn a_request_that_is_refused_says_why_and_publishes_nothing() {
    let bench = bench().await;
    let (status, answer) = bench.post("/posts", r#"{"caption": 1}"#).await;
    assert_eq!(status, 422);
    let faults =
        json!([{"field": "user_id", "reason": "is required"}, {"field": "caption", "reason": "must be a string"}]);
    assert_eq!(answer, json!({"error": "invalid", "faults": faults}));
    let (status, answer) = bench.post("/posts", "{").await;
    assert_eq!((status, &answer["error"]), (400, &json!("not_json")));
    let (status, answer) = bench.post("/posts/nope/status", r#"{"new_status": "archived"}"#).await;
    assert_eq!((status, answer), (404, json!({"error": "not_found", "reason": "there is no post nope"})));
    assert_eq!(bench.send(Method::DELETE, "/posts/nope", "").await.status(), 404);
    let id = bench.create().await;
    assert_eq!(bench.post(&format!("/posts/{id}/status"), r#"{"new_status": "x"}"#).await.0, 422);
    assert_eq!(bench.outbox().await.len(), 1, "only the creation");
}

#[tokio::test]
async fn a_deleted_post_is_gone_and_cannot_be_deleted_twice() {
    let bench = bench().await;
    let path = format!("/posts/{}", bench.create().await);
    let found = bench.send(Method::GET, &path, "").await;
    assert_eq!(found.status(), 200);
    assert_eq!(bench.send(Method::DELETE, &path, "").await.headers()["x-correlation-id"], "corr-1");
    assert_eq!(bench.send(Method::GET, &path, "").await.status(), 404);
    assert_eq!(bench.send(Method::DELETE, &path, "").await.status(), 404);
    assert_eq!(bench.outbox().await.len(), 2);
}

#[tokio::test]
async fn a_post_whose_event_cannot_be_written_is_not_stored() {
    let bench = bench().await;
    bench.db.call(|c| Ok(c.execute_batch("DROP TABLE outbox")?)).await.unwrap();
    let (status, answer) = bench.post("/posts", r#"{"user_id": "alice", "caption": "hi"}"#).await;
    assert_eq!((status, &answer["error"]), (503, &json!("unavailable")));
    let posts: i64 = bench.db.call(|c| Ok(c.query_row("SELECT count(*) FROM posts", [], |r| r.get(0))?)).await.unwrap();
    assert_eq!(posts, 0);
}

#[tokio::test]
async fn the_outbox_is_counted_and_a_failed_row_can_be_released() {
    let bench = bench().await;
    bench.create().await;
    let counts: Value = bench.send(Method::GET, "/outbox", "").await.json().await.unwrap();
    assert_eq!(counts, json!({"pending": 1, "published": 0, "failed": 0}));
    assert_eq!(bench.post("/outbox/1/release", "").await.0, 409);
    assert_eq!(bench.post("/outbox/2/release", "").await.0, 404);
    assert_eq!(bench.post("/outbox/x/release", "").await.0, 404);
    bench.db.call(|c| Ok(c.execute("UPDATE outbox SET state = 'failed'", [])?)).await.unwrap();
    let failed: Value = bench.send(Method::GET, "/outbox/failed", "").await.json().await.unwrap();
    assert_eq!(failed["items"][0]["id"], 1);
    assert_eq!(bench.post("/outbox/1/release", "").await, (200, json!({"id": 1, "state": "pending"})));
}

#[tokio::test]
async fn the_faults_change_the_key_and_break_the_payload() {
    let bench = bench_with(Events { topic: "t".into(), wrong_key: true, wrong_payload: true }).await;
    let id = bench.create().await;
    let (_, key, _, payload) = bench.outbox().await.remove(0);
    assert_eq!(key, "alice");
    assert_eq!(
        payload,
        json!({"post_id": id, "user_id": "alice", "media_type": "image", "status": "published", "created_at": "2025-01-15 10:30:00.000"})
    );
}

#[tokio::test]
async fn a_post_that_needs_an_upload_which_does_not_wait_is_undone_with_its_event() {
    let bench = bench().await;
    let body = r#"{"user_id": "alice", "caption": "hi", "media_id": "m-1"}"#;
    let (status, said) = bench.post("/posts", body).await;
    assert_eq!(status, 409, "{said}");
    assert_eq!(bench.outbox().await, []);
    let posts = bench.db.call(|c| Ok(c.query_row("SELECT count(*) FROM posts", [], |r| r.get::<_, i64>(0))?)).await;
    assert_eq!(posts.unwrap(), 0);
}
