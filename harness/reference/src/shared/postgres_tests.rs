//! On a PostgreSQL in a container; without Docker they say so and are skipped.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::*;
use crate::shared::log::Log;
use crate::shared::outbox::{self, NewEvent};
use crate::shared::processed;
use crate::shared::settings::StoreUrl;
use crate::shared::sql::{Sql, Store, vals};

const IMAGE: &str = "postgres:15";
const START: Duration = Duration::from_secs(120);

struct Container {
    name: String,
    url: String,
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = docker(&["rm", "--force", "--volumes", &self.name]);
    }
}

fn docker(arguments: &[&str]) -> Option<String> {
    let output = Command::new("docker").args(arguments).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

impl Container {
    async fn start() -> Option<Container> {
        if docker(&["version", "--format", "{{.Server.Version}}"]).is_none() {
            let required = std::env::var("EVENTPROOF_REQUIRE_DOCKER").is_ok_and(|value| value == "1");
            assert!(!required, "there is no Docker daemon");
            Log::new("test").warn("skipped: there is no Docker daemon to run PostgreSQL in");
            return None;
        }
        let run = ["run", "--detach", "--env", "POSTGRES_PASSWORD=secret", "--publish", "127.0.0.1::5432", IMAGE];
        let name = docker(&run).expect("no container");
        let address = docker(&["port", &name, "5432/tcp"]).expect("no port");
        let url = format!("postgres://postgres:secret@{}/postgres", address.lines().next().unwrap());
        let container = Container { name, url };
        let began = Instant::now();
        while container.open("ready", "").await.is_err() {
            assert!(began.elapsed() < START, "PostgreSQL does not answer");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Some(container)
    }

    async fn open(&self, service: &str, schema: &str) -> Result<Store, DbError> {
        Store::open(&StoreUrl::Postgres(self.url.clone()), service, schema).await
    }
}

fn event(number: usize) -> NewEvent {
    NewEvent {
        event_id: format!("e{number}"),
        event_type: "content.post.created",
        aggregate_id: "a".into(),
        topic: "t".into(),
        key: "a".into(),
        payload: "{}".into(),
        correlation_id: "c".into(),
    }
}

async fn due(store: &Store, now: i64) -> Vec<String> {
    let rows = store.read(move |sql| outbox::due(sql, 100, now)).await.unwrap();
    rows.into_iter().map(|row| row.event_id).collect()
}

#[tokio::test]
async fn outbox_and_processed_events_live_in_postgres_as_in_sqlite() {
    let Some(container) = Container::start().await else { return };
    let schema = format!("{}{}", outbox::SCHEMA, processed::SCHEMA);
    let store = container.open("one", &schema).await.unwrap();

    // An event is there with what it tells about, or neither is.
    let refused = store.write(|tx| outbox::insert(tx, &event(0), 0).and_then(|()| tx.run("no SQL", &[]))).await;
    assert!(refused.unwrap_err().to_string().starts_with("PostgreSQL: 42601"), "a syntax error, as the server says it");
    assert_eq!(due(&store, 0).await, Vec::<String>::new());
    store.write(|tx| (1..=3).try_for_each(|number| outbox::insert(tx, &event(number), 0))).await.unwrap();
    assert_eq!(due(&store, 0).await, ["e1", "e2", "e3"]);

    // A row that waits holds back the later rows of its aggregate; one that has failed until it is released.
    let first = store.read(|sql| outbox::due(sql, 1, 0)).await.unwrap()[0].id;
    store.write(move |tx| outbox::mark_waiting(tx, first, 1, 50, "away")).await.unwrap();
    assert_eq!((due(&store, 49).await.len(), due(&store, 50).await.len()), (0, 3));
    store.write(move |tx| outbox::mark_failed(tx, first, "gone")).await.unwrap();
    assert_eq!(due(&store, 99).await, Vec::<String>::new());
    let failed = store.read(|sql| outbox::failed_rows(sql, 10)).await.unwrap();
    assert_eq!((failed[0].retries, failed[0].last_error.as_deref()), (1, Some("gone")));
    assert_eq!(store.write(move |tx| outbox::release(tx, first)).await.unwrap(), outbox::Released::Yes);
    store.write(move |tx| outbox::mark_published(tx, first, 9)).await.unwrap();
    assert_eq!(due(&store, 99).await, ["e2", "e3"]);

    // An id is marked once until its time has run out.
    let mark = |now: i64| store.write(move |tx| processed::mark(tx, "x", now, now + 100));
    assert_eq!((mark(0).await.unwrap(), mark(99).await.unwrap(), mark(100).await.unwrap()), (true, false, true));
    store.write(|tx| processed::sweep(tx, 1_000)).await.unwrap();
    assert!(!store.read(|sql| processed::is_marked(sql, "x", 0)).await.unwrap());
}

#[tokio::test]
async fn services_share_a_database_and_a_lost_connection_is_made_again() {
    let Some(container) = Container::start().await else { return };
    let table = "CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;";
    let opened =
        futures::join!(container.open("one", table), container.open("one", table), container.open("two", table));
    let (first, again, other) = (opened.0.unwrap(), opened.1.unwrap(), opened.2.unwrap());
    first.write(|tx| tx.run("INSERT INTO seen (id, at) VALUES (?1, ?2)", vals!["a", 7_i64])).await.unwrap();
    let count = async |store: &Store| store.read(|sql| Ok(sql.rows("SELECT at FROM seen", &[])?.len())).await;
    assert_eq!((count(&again).await.unwrap(), count(&other).await.unwrap()), (1, 0));

    let all = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()";
    other.read(move |sql| sql.rows(all, &[])).await.unwrap();
    let began = Instant::now();
    while count(&first).await.is_err() {
        assert!(began.elapsed() < START, "the connection is not made again");
    }
    assert_eq!(count(&first).await.unwrap(), 1);
}

/// What a service does whose change depends on what is there.
fn count_one_more(tx: &dyn Sql) -> Result<(), DbError> {
    let known = tx.one("SELECT n FROM count", &[])?.int(0)?;
    std::thread::sleep(Duration::from_millis(5));
    tx.run("UPDATE count SET n = ?1", vals![known + 1]).map(drop)
}

#[tokio::test]
async fn two_instances_that_write_at_once_lose_nothing_and_keep_no_reader_waiting() {
    let Some(container) = Container::start().await else { return };
    let table = "CREATE TABLE IF NOT EXISTS count (n INTEGER NOT NULL);";
    // Whatever a database says of its transactions: behind the lock the newest state is read.
    let repeatable = "ALTER DATABASE postgres SET default_transaction_isolation TO 'repeatable read'";
    let before = container.open("one", table).await.unwrap();
    before.read(move |sql| sql.run(repeatable, &[])).await.unwrap();
    let (first, second) = (container.open("one", table).await.unwrap(), container.open("one", table).await.unwrap());
    first.write(|tx| tx.run("INSERT INTO count (n) VALUES (0)", &[])).await.unwrap();
    let all = (0..20).map(|nth| if nth % 2 == 0 { first.clone() } else { second.clone() });
    let all = all.map(|store| async move { store.write(|tx| count_one_more(tx)).await.unwrap() });
    futures::future::join_all(all).await;
    let count = async |store: &Store| store.read(|sql| sql.one("SELECT n FROM count", &[])?.int(0)).await.unwrap();
    assert_eq!(count(&first).await, 20);

    let (held, waiting) = std::sync::mpsc::channel::<()>();
    let (began, has_begun) = tokio::sync::oneshot::channel();
    let writer = tokio::spawn(async move {
        let work = move |tx: &dyn Sql| {
            count_one_more(tx)?;
            let _ = began.send(());
            // Until the reads have their answers.
            let _ = waiting.recv();
            Ok(())
        };
        second.write(work).await
    });
    has_begun.await.unwrap();
    let behind = tokio::spawn({
        let first = first.clone();
        async move { first.write(|tx| count_one_more(tx)).await }
    });
    let waiters = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    while before.read(move |sql| sql.one(waiters, &[])?.int(0)).await.unwrap() == 0 {}
    let read = tokio::time::timeout(Duration::from_secs(30), count(&first)).await;
    assert_eq!(read.unwrap(), 20, "what is not committed is not seen");
    drop(held);
    writer.await.unwrap().unwrap();
    behind.await.unwrap().unwrap();
    assert_eq!(count(&first).await, 22);
}

#[tokio::test]
async fn nulls_bytes_and_texts_are_as_in_sqlite() {
    let Some(container) = Container::start().await else { return };
    let table = "CREATE TABLE IF NOT EXISTS one (id TEXT PRIMARY KEY, n INTEGER, t TEXT, b BLOB);";
    // Where texts are in the order of a language.
    let english = "CREATE DATABASE english TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'";
    let default = container.open("one", table).await.unwrap();
    default.read(move |sql| sql.run(english, &[])).await.unwrap();
    let url = format!("{}/english", container.url.trim_end_matches("/postgres"));
    let postgres = Store::open(&StoreUrl::Postgres(url), "one", table).await.unwrap();
    let sqlite = Store::open(&StoreUrl::SqliteMemory, "one", table).await.unwrap();
    for store in [&postgres, &sqlite] {
        let written = store.write(|tx| {
            let sql = "INSERT INTO one (id, n, t, b) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
            let bytes: &[u8] = &[0, 255];
            tx.run(sql, vals!["a", None::<i64>, None::<&str>, None::<&[u8]>])?;
            tx.run(sql, vals!["B", 7_i64, "é", bytes])?;
            tx.run(sql, vals!["B", 8_i64, "no more", bytes])
        });
        assert_eq!(written.await.unwrap(), 0, "it is there already");
        let read = store.read(|sql| {
            // Byte by byte `B` comes before `a`.
            sql.rows("SELECT id, n, t, b FROM one WHERE id > ?1 OR ?1 IS NULL ORDER BY id", vals!["A"])
        });
        let text = |text: &str| Cell::Text(text.into());
        let expected = [
            Row(vec![text("B"), Cell::Int(7), text("é"), Cell::Bytes(vec![0, 255])]),
            Row(vec![text("a"), Cell::Null, Cell::Null, Cell::Null]),
        ];
        assert_eq!(read.await.unwrap(), expected);
        let again = store.write(|tx| tx.run("INSERT INTO one (id) VALUES (?1)", vals!["B"])).await.unwrap_err();
        assert!(again.is_conflict(), "{again}");
    }
    // PostgreSQL's texts have no NUL.
    let written = postgres.write(|tx| tx.run("INSERT INTO one (id) VALUES (?1)", vals!["n\0n"])).await.unwrap();
    let replaced = postgres.read(|sql| sql.row("SELECT 1 FROM one WHERE id = ?1", vals!["n\u{FFFD}n"])).await.unwrap();
    assert!(written == 1 && replaced.is_some());
}
