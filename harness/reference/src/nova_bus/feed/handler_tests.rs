use std::sync::Mutex;

use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::super::store::tests::sqlite;
use super::*;
use crate::shared::clock::HandClock;
use crate::shared::kafka::fake::FakePublisher;
use crate::shared::stop::{Stopper, stop_pair};

/// A graph-service that can be down, and remembers what it was asked.
#[derive(Default)]
struct FakeGraph {
    down: Mutex<bool>,
    /// Whose followers it fails to say, and how often.
    broken: Mutex<Option<(&'static str, u32)>>,
    asked: Mutex<Vec<String>>,
}

impl Followers for FakeGraph {
    fn of<'a>(&'a self, user: &'a str) -> BoxFuture<'a, Result<Vec<String>, NoAnswer>> {
        self.asked.lock().unwrap().push(user.to_owned());
        let down = *self.down.lock().unwrap();
        let mut broken = self.broken.lock().unwrap();
        let failing = broken.as_mut().filter(|(whose, left)| *whose == user && *left > 0);
        let failed = failing.map(|(_, left)| *left -= 1).is_some();
        Box::pin(async move {
            match (down, failed) {
                (true, _) => Err(NoAnswer::Away("connection refused".into())),
                (_, true) => Err(NoAnswer::Failed("500".into())),
                _ => Ok(vec!["bob".into()]),
            }
        })
    }
}

struct Bench {
    handler: Handler,
    graph: Arc<FakeGraph>,
    dead: Arc<FakePublisher>,
    metrics: Metrics,
    _stopper: Stopper,
}

fn bench(faults: Faults) -> Bench {
    let (stopper, stop) = stop_pair();
    let (graph, dead, metrics) =
        (Arc::new(FakeGraph::default()), Arc::new(FakePublisher::default()), Metrics::default());
    declare_metrics(&metrics);
    let handler = Handler {
        store: sqlite(),
        followers: graph.clone(),
        dead_letters: DeadLetters::new(dead.clone(), metrics.clone(), Log::silent(), DEAD_LETTERED),
        faults,
        clock: HandClock::new().clock(),
        metrics: metrics.clone(),
        log: Log::silent(),
        stop,
    };
    Bench { handler, graph, dead, metrics, _stopper: stopper }
}

fn record(offset: i64, headers: &[(&str, &str)], payload: Option<String>) -> Record {
    Record {
        topic: "nova.content.events".into(),
        partition: 3,
        offset,
        key: Some(format!("key-{offset}").into_bytes()),
        payload: payload.map(String::into_bytes),
        headers: headers.iter().map(|(k, v)| ((*k).into(), Some(v.as_bytes().to_vec()))).collect(),
        timestamp: None,
    }
}

fn event(offset: i64, event_type: &str, payload: Value) -> Record {
    let id = format!("e{offset}");
    record(offset, &[("event_type", event_type), ("event_id", &id)], Some(payload.to_string()))
}

fn created(offset: i64, post: &str) -> Record {
    let payload = json!({"post_id": post, "user_id": "alice", "caption": "c", "created_at": "2025-01-15T10:30:00Z"});
    event(offset, event_type::CREATED, payload)
}

fn deleted(offset: i64, post: &str) -> Record {
    event(
        offset,
        event_type::DELETED,
        json!({"post_id": post, "user_id": "alice", "deleted_at": "2025-01-15T10:31:00Z"}),
    )
}

impl Bench {
    async fn handle(&mut self, batch: &[Record]) -> Result<(), String> {
        self.handler.handle(batch).await.map_err(|e| e.to_string())
    }

    async fn feed(&self) -> Vec<String> {
        self.handler.store.feed("bob".into(), 100).await.unwrap().into_iter().map(|item| item.post_id).collect()
    }

    async fn handled(&self) -> Vec<String> {
        self.handler.store.handled_after(0, 100).await.unwrap().into_iter().map(|handling| handling.event_id).collect()
    }
}

#[tokio::test]
async fn a_batch_is_handled_in_order_and_asks_for_each_author_once() {
    let mut bench = bench(Faults::default());
    bench.handle(&[created(0, "p1"), created(1, "p2"), deleted(2, "p1")]).await.unwrap();
    assert_eq!(bench.feed().await, ["p2"]);
    assert_eq!(bench.handled().await, ["e0", "e1", "e2"]);
    assert_eq!(*bench.graph.asked.lock().unwrap(), ["alice"]);
    assert_eq!(bench.metrics.value(HANDLED, &[("event_type", event_type::CREATED)]), Some(2.0));
}

#[tokio::test]
async fn a_post_whose_followers_nobody_can_say_is_dead_lettered_after_three_questions_and_holds_up_nobody() {
    let mut bench = bench(Faults::default());
    let of_ann = json!({"post_id": "p1", "user_id": "ann", "created_at": "2025-01-15T10:30:00Z"});
    let batch = || [event(0, event_type::CREATED, of_ann.clone()), created(1, "p2"), deleted(2, "p1")];
    *bench.graph.broken.lock().unwrap() = Some(("ann", 2));
    bench.handle(&batch()).await.unwrap();
    assert_eq!((bench.dead.published().len(), bench.handled().await.len()), (0, 3), "the third question was answered");
    *bench.graph.broken.lock().unwrap() = Some(("ann", 3));
    let more = [event(3, event_type::CREATED, of_ann.clone()), created(4, "p3")];
    bench.handle(&more).await.unwrap();
    let letters: Vec<_> = bench.dead.published().into_iter().map(|letter| letter.key).collect();
    assert_eq!(letters, [Some(b"key-3".to_vec())]);
    assert_eq!(bench.handled().await, ["e0", "e1", "e2", "e4"], "what is dead-lettered was not handled");
}

#[tokio::test]
async fn a_batch_that_comes_again_has_no_second_effect() {
    let mut bench = bench(Faults::default());
    let batch = [created(0, "p1"), created(1, "p2")];
    bench.handle(&batch).await.unwrap();
    bench.handle(&batch).await.unwrap();
    assert_eq!(bench.handled().await, ["e0", "e1"]);
    assert_eq!(bench.metrics.value(DUPLICATE, &[]), Some(2.0));
}

#[tokio::test]
async fn an_unreadable_record_goes_to_the_dead_letters_as_it_came_and_blocks_nothing() {
    let mut bench = bench(Faults::default());
    let no_id = record(7, &[("event_type", event_type::CREATED), ("trace", "t")], Some("{}".into()));
    let null = record(8, &[("event_type", event_type::DELETED), ("event_id", "e")], None);
    bench.handle(&[no_id, null, created(9, "p1")]).await.unwrap();
    assert_eq!(bench.feed().await, ["p1"]);

    let letters = bench.dead.take();
    let shown: Vec<_> = letters[0]
        .headers
        .iter()
        .map(|(k, v)| format!("{k}={}", String::from_utf8_lossy(v.as_ref().unwrap())))
        .collect();
    assert_eq!(
        shown,
        [
            "event_type=content.post.created",
            "trace=t",
            "error=header event_id is missing",
            "original_topic=nova.content.events",
            "original_partition=3",
            "original_offset=7"
        ]
    );
    assert_eq!(letters[0].topic, "nova.content.events.dlq");
    assert_eq!((letters[0].key.as_deref(), letters[0].payload.as_deref()), (Some(&b"key-7"[..]), Some(&b"{}"[..])));
    assert_eq!((letters.len(), &letters[1].payload), (2, &None));
    assert_eq!(bench.metrics.value(DEAD_LETTERED, &[]), Some(2.0));
}

#[tokio::test]
async fn a_dead_letter_that_fails_is_tried_again_and_the_others_are_not_written_twice() {
    let mut bench = bench(Faults::default());
    let batch = [record(1, &[], None), record(2, &[], None), created(3, "p1")];
    bench.dead.fail("key-1", 1);
    let reason = bench.handle(&batch).await.unwrap_err();
    assert!(reason.starts_with("dead letter for nova.content.events[3]@1: "), "{reason}");
    bench.handle(&batch).await.unwrap();
    let keys: Vec<_> = bench.dead.take().into_iter().map(|letter| letter.key.unwrap()).collect();
    assert_eq!(keys, [b"key-2", b"key-1"]);
    assert_eq!(bench.handled().await, ["e3"]);
}

#[tokio::test]
async fn while_the_graph_service_is_down_nothing_is_handled_and_nothing_is_lost() {
    let mut bench = bench(Faults::default());
    let batch = [record(0, &[], None), deleted(1, "p0"), created(2, "p1")];
    *bench.graph.down.lock().unwrap() = true;
    assert_eq!(bench.handle(&batch).await.unwrap_err(), "connection refused");
    assert_eq!(bench.handled().await, Vec::<String>::new());
    assert_eq!(bench.dead.take(), []);
    *bench.graph.down.lock().unwrap() = false;
    bench.handle(&batch).await.unwrap();
    assert_eq!(bench.handled().await, ["e1", "e2"]);
    assert_eq!(bench.dead.take().len(), 1);
}

#[tokio::test]
async fn a_type_of_another_service_is_skipped_and_counted() {
    let mut bench = bench(Faults::default());
    bench.handle(&[event(0, "content.comment.created", json!({}))]).await.unwrap();
    assert_eq!(bench.metrics.value(UNKNOWN, &[]), Some(1.0));
    assert_eq!((bench.dead.take().len(), bench.handled().await.len()), (0, 0));
}

#[tokio::test]
async fn each_fault_breaks_what_it_says() {
    let batch = [created(0, "p1"), deleted(1, "p1")];
    let mut forgetful = bench(Faults { forget_delete: true, ..Faults::default() });
    forgetful.handle(&batch).await.unwrap();
    assert_eq!(forgetful.feed().await, ["p1"]);
    assert_eq!(forgetful.handled().await, ["e0", "e1"]);

    let mut ignorant = bench(Faults { ignore_events: true, ..Faults::default() });
    ignorant.handle(&batch).await.unwrap();
    assert_eq!((ignorant.feed().await.len(), ignorant.handled().await.len()), (0, 0));

    let mut careless = bench(Faults { skip_dedup: true, ..Faults::default() });
    careless.handle(&batch).await.unwrap();
    careless.handle(&batch[..1]).await.unwrap();
    assert_eq!(careless.handled().await, ["e0", "e1", "e0"]);
    assert_eq!(careless.feed().await, ["p1"]);
}

#[tokio::test]
async fn an_event_is_forgotten_if_the_service_ends_between_effect_and_mark() {
    let batch = [created(0, "p1")];
    let mut apart = bench(Faults { mark_late: Some(Duration::from_secs(60)), ..Faults::default() });
    let cut = tokio::time::timeout(Duration::from_millis(300), apart.handle(&batch)).await;
    assert!(cut.is_err(), "it is cut off before the mark");
    assert_eq!(apart.feed().await, ["p1"]);
    apart.handler.faults.mark_late = Some(Duration::ZERO);
    apart.handle(&batch).await.unwrap();
    apart.handle(&batch).await.unwrap();
    assert_eq!(apart.handled().await, ["e0", "e0"], "handled again, and marked then");
}

#[tokio::test]
async fn the_sample_codes_faults_leave_no_dead_letter() {
    let untyped = || record(1, &[("event_id", "e")], Some("{}".into()));
    let no_id = || record(2, &[("event_type", event_type::CREATED)], Some("{}".into()));
    for faults in [
        Faults { drops_untyped: true, drops_unreadable: true, ..Faults::default() },
        Faults {
            drops_untyped: true,
            leniency: Leniency { unknown_id: true, empty_ids: true, ..Leniency::default() },
            time_is_now: true,
            ..Faults::default()
        },
    ] {
        let mut careless = bench(faults);
        careless.handle(&[untyped(), no_id()]).await.unwrap();
        assert_eq!(careless.dead.take(), [], "{faults:?}");
    }
}

#[tokio::test]
async fn a_post_that_is_published_again_is_forgotten_by_that_fault_only() {
    let status = |offset, status: &str| {
        let at = format!("2025-01-15T10:3{offset}:00Z");
        event(
            offset,
            event_type::STATUS_UPDATED,
            json!({"post_id": "p1", "user_id": "alice", "new_status": status, "updated_at": at}),
        )
    };
    for (forgets_republish, feed) in [(false, vec!["p1"]), (true, vec![])] {
        let mut bench = bench(Faults { forgets_republish, ..Faults::default() });
        bench.handle(&[created(0, "p1"), status(1, "archived"), status(2, "published")]).await.unwrap();
        assert_eq!(bench.feed().await, feed);
    }
}
