//! One suite for every store. Redis takes part where `EVENTPROOF_TEST_REDIS_URL` names one to be emptied.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};

use super::super::event::{Change, Status};
use super::super::redis::RedisFeed;
use super::super::sqlite::SqliteFeed;
use super::*;
use crate::nova_bus::event_type;
use crate::shared::settings::StoreUrl;

const NOW: i64 = 1_736_937_000_000;
const WEEK: Duration = Duration::from_secs(604_800);

pub(in super::super) fn sqlite() -> Arc<dyn FeedStore> {
    Arc::new(SqliteFeed::open(&StoreUrl::SqliteMemory, WEEK).unwrap())
}

/// A Redis store, emptied, and the turn on it: the tests share one database.
async fn redis() -> Option<(RedisFeed, MutexGuard<'static, ()>)> {
    static TURN: Mutex<()> = Mutex::const_new(());
    let Ok(url) = std::env::var("EVENTPROOF_TEST_REDIS_URL") else {
        let _ = writeln!(std::io::stderr(), "skipped for Redis: EVENTPROOF_TEST_REDIS_URL is not set");
        return None;
    };
    let turn = TURN.lock().await;
    tell(&url, &["FLUSHDB"]).await;
    Some((RedisFeed::new(&url, WEEK).unwrap(), turn))
}

async fn tell(url: &str, words: &[&str]) {
    let mut connection = ::redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    ::redis::cmd(words[0]).arg(&words[1..]).query_async::<::redis::Value>(&mut connection).await.unwrap();
}

/// Runs the test on every store there is.
async fn each<F, Fut>(test: F)
where
    F: Fn(Arc<dyn FeedStore>) -> Fut,
    Fut: Future<Output = ()>,
{
    test(sqlite()).await;
    if let Some((store, _turn)) = redis().await {
        test(Arc::new(store)).await;
    }
}

fn work(event_id: &str, event_type: &'static str, post_id: &str, change: Change, followers: &[&str]) -> Work {
    Work {
        event_id: event_id.into(),
        event_type,
        post_id: post_id.into(),
        user_id: "alice".into(),
        change: Some(change),
        followers: followers.iter().map(|f| (*f).to_owned()).collect(),
        care: Care::default(),
        journal: true,
    }
}

fn created_at(event_id: &str, post_id: &str, created_ms: i64, followers: &[&str]) -> Work {
    let change = Change::Created {
        caption: format!("caption of {post_id}"),
        media_type: "none".into(),
        status: Status::Published,
        created_at: crate::shared::clock::rfc3339_ms(created_ms),
        created_ms,
    };
    work(event_id, event_type::CREATED, post_id, change, followers)
}

fn created(event_id: &str, post_id: &str, followers: &[&str]) -> Work {
    created_at(event_id, post_id, NOW, followers)
}

fn status(event_id: &str, post_id: &str, status: Status, updated_ms: i64, followers: &[&str]) -> Work {
    work(event_id, event_type::STATUS_UPDATED, post_id, Change::StatusUpdated { status, updated_ms }, followers)
}

fn deleted(event_id: &str, post_id: &str) -> Work {
    work(event_id, event_type::DELETED, post_id, Change::Deleted, &[])
}

async fn apply(store: &Arc<dyn FeedStore>, batch: impl Into<Vec<Work>>) -> Vec<Outcome> {
    store.apply(batch.into(), NOW).await.unwrap()
}

async fn feed(store: &Arc<dyn FeedStore>, user: &str) -> Vec<String> {
    store.feed(user.into(), 100).await.unwrap().into_iter().map(|item| item.post_id).collect()
}

#[tokio::test]
async fn a_created_post_reaches_every_follower_newest_first() {
    each(|store| async move {
        let batch = [
            created_at("e1", "p1", NOW + 1, &["bob", "carol"]),
            created_at("e2", "p2", NOW + 2, &["bob"]),
            created_at("e3", "p0", NOW, &["bob"]),
        ];
        assert_eq!(apply(&store, batch).await, [Outcome::Handled; 3]);
        assert_eq!(feed(&store, "bob").await, ["p2", "p1", "p0"]);
        assert_eq!(feed(&store, "carol").await, ["p1"]);
        assert_eq!(feed(&store, "alice").await, Vec::<String>::new());
        let item = FeedItem {
            post_id: "p1".into(),
            user_id: "alice".into(),
            caption: "caption of p1".into(),
            created_at: "2025-01-15T10:30:00.001Z".into(),
            author: String::new(),
        };
        assert_eq!(store.feed("carol".into(), 10).await.unwrap(), [item]);
        assert_eq!(store.feed("bob".into(), 1).await.unwrap().len(), 1);
        assert_eq!(store.post("p1".into()).await.unwrap().unwrap().status, "published");
        assert_eq!(store.post("other".into()).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_feed_shows_its_authors_newest_names() {
    each(|store| async move {
        let named = |id: &str, name: &str, updated_ms| {
            let change = Change::Named { name: name.into(), updated_ms };
            work(id, event_type::PROFILE_UPDATED, "alice", change, &[])
        };
        let batch = [created("e1", "p1", &["bob"]), named("e2", "Alice A.", NOW + 1), named("e3", "Ally", NOW)];
        assert_eq!(apply(&store, batch).await, [Outcome::Handled; 3]);
        assert_eq!(store.feed("bob".into(), 10).await.unwrap()[0].author, "Alice A.", "an older name came late");
        apply(&store, [named("e4", "Alice B.", NOW + 2)]).await;
        assert_eq!(store.feed("bob".into(), 10).await.unwrap()[0].author, "Alice B.");
    })
    .await;
}

#[tokio::test]
async fn an_event_handled_before_is_skipped_in_the_same_batch_and_later() {
    each(|store| async move {
        let twice = [created("e1", "p1", &["bob"]), created("e1", "p1", &["bob"])];
        assert_eq!(apply(&store, twice).await, [Outcome::Handled, Outcome::Duplicate]);
        assert_eq!(apply(&store, [created("e1", "p1", &["carol"])]).await, [Outcome::Duplicate]);
        assert_eq!(feed(&store, "carol").await, Vec::<String>::new());
        let handled = store.handled_of("p1".into()).await.unwrap();
        assert_eq!(handled.len(), 1);
        assert_eq!((handled[0].event_id.as_str(), handled[0].handled_at.as_str()), ("e1", "2025-01-15T10:30:00.000Z"));
    })
    .await;
}

#[tokio::test]
async fn without_the_guard_an_event_is_handled_as_often_as_it_comes() {
    each(|store| async move {
        let mut careless = created("e1", "p1", &["bob"]);
        careless.care = Care { dedup: false, keep_removed: false, ..Care::default() };
        assert_eq!(apply(&store, [careless.clone(), careless.clone()]).await, [Outcome::Handled; 2]);
        assert_eq!(feed(&store, "bob").await, ["p1"], "the feed hides it");
        assert_eq!(store.handled_of("p1".into()).await.unwrap().len(), 2, "the journal does not");
        apply(&store, [deleted("e2", "p1"), careless]).await;
        assert_eq!(feed(&store, "bob").await, ["p1"], "and a late creation brings the post back");
    })
    .await;
}

#[tokio::test]
async fn a_post_deleted_before_it_was_created_never_appears() {
    each(|store| async move {
        assert_eq!(apply(&store, [deleted("e2", "p1")]).await, [Outcome::Handled]);
        assert_eq!(apply(&store, [created("e1", "p1", &["bob"])]).await, [Outcome::Handled]);
        let published = status("e3", "p1", Status::Published, NOW + 9, &["bob"]);
        assert_eq!(apply(&store, [published]).await, [Outcome::Handled]);
        assert_eq!(feed(&store, "bob").await, Vec::<String>::new());
        assert_eq!(store.post("p1".into()).await.unwrap(), None);
        assert_eq!(store.handled_of("p1".into()).await.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_post_leaves_also_the_feed_of_a_former_follower() {
    each(|store| async move {
        apply(&store, [created("e1", "p1", &["bob", "carol"]), created("e2", "p2", &["bob"])]).await;
        // Nobody follows any more: the deletion knows of no followers, and needs none.
        apply(&store, [deleted("e3", "p1")]).await;
        assert_eq!(feed(&store, "bob").await, ["p2"]);
        assert_eq!(feed(&store, "carol").await, Vec::<String>::new());
        apply(&store, [created("e4", "p1", &["bob"])]).await;
        assert_eq!(feed(&store, "bob").await, ["p2"], "an older creation with a new id does not bring it back");
    })
    .await;
}

#[tokio::test]
async fn an_archived_post_leaves_the_feeds_and_comes_back_when_published_again() {
    each(|store| async move {
        apply(&store, [created("e1", "p1", &["bob"]), status("e2", "p1", Status::Archived, NOW + 1, &[])]).await;
        assert_eq!(feed(&store, "bob").await, Vec::<String>::new());
        assert_eq!(store.post("p1".into()).await.unwrap().unwrap().status, "archived");
        apply(&store, [created("e1-again", "p1", &["bob"])]).await;
        assert_eq!(
            feed(&store, "bob").await,
            Vec::<String>::new(),
            "an older creation with a new id does not bring it back"
        );
        apply(&store, [status("e3", "p1", Status::Published, NOW + 2, &["bob", "dave"])]).await;
        assert_eq!(feed(&store, "bob").await, ["p1"]);
        assert_eq!(feed(&store, "dave").await, ["p1"]);
        assert_eq!(store.feed("bob".into(), 9).await.unwrap()[0].caption, "caption of p1");
        apply(&store, [status("e2-again", "p1", Status::Archived, NOW + 1, &[])]).await;
        assert_eq!(feed(&store, "bob").await, ["p1"], "an older update with a new id changes nothing");
        apply(&store, [status("e4", "p1", Status::Deleted, NOW + 3, &[])]).await;
        assert_eq!(feed(&store, "bob").await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_status_that_comes_before_the_creation_decides() {
    each(|store| async move {
        apply(&store, [status("e1", "p1", Status::Archived, NOW + 5, &[])]).await;
        assert_eq!(store.post("p1".into()).await.unwrap(), None, "nothing is known of it but its status");
        apply(&store, [created("e2", "p1", &["bob"])]).await;
        assert_eq!(feed(&store, "bob").await, Vec::<String>::new());
        assert_eq!(store.post("p1".into()).await.unwrap().unwrap().status, "archived");
        apply(&store, [status("e3", "p2", Status::Published, NOW + 5, &["bob"]), created("e4", "p2", &["bob"])]).await;
        assert_eq!(feed(&store, "bob").await, ["p2"]);
    })
    .await;
}

#[tokio::test]
async fn an_event_without_change_or_journal_is_only_remembered() {
    each(|store| async move {
        let silent = Work { change: None, journal: false, ..created("e1", "p1", &["bob"]) };
        assert_eq!(apply(&store, [silent]).await, [Outcome::Handled]);
        assert_eq!(apply(&store, [created("e1", "p1", &["bob"])]).await, [Outcome::Duplicate]);
        assert_eq!(store.handled_after(0, 10).await.unwrap(), []);
        assert_eq!(feed(&store, "bob").await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn without_remembering_an_event_is_handled_again_until_its_id_is_marked() {
    each(|store| async move {
        let forgetful = Care { remember: false, ..Care::default() };
        let unmarked = Work { care: forgetful, ..created("e1", "p1", &["bob"]) };
        assert_eq!(apply(&store, [unmarked.clone(), unmarked.clone()]).await, [Outcome::Handled; 2]);
        let mark = Work { change: None, journal: false, ..created("e1", "p1", &[]) };
        assert_eq!(apply(&store, [mark, unmarked]).await, [Outcome::Handled, Outcome::Duplicate]);
        assert_eq!(store.handled_of("p1".into()).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_deletion_by_the_followers_of_now_forgets_the_former_ones() {
    each(|store| async move {
        apply(&store, [created("e1", "p1", &["bob", "carol"])]).await;
        let care = Care { all_holders: false, ..Care::default() };
        let by_followers = Work { care, followers: vec!["bob".into()], ..deleted("e2", "p1") };
        apply(&store, [by_followers]).await;
        assert_eq!((feed(&store, "bob").await.len(), feed(&store, "carol").await.len()), (0, 1));
    })
    .await;
}

#[tokio::test]
async fn the_journal_is_read_page_by_page_without_gap_or_repeat() {
    each(|store| async move {
        let batch: Vec<Work> = (0..7).map(|n| created(&format!("e{n}"), &format!("p{n}"), &[])).collect();
        apply(&store, batch).await;
        let (mut after, mut seen) = (0, Vec::new());
        loop {
            let page = store.handled_after(after, 3).await.unwrap();
            let Some(last) = page.last() else { break };
            after = last.seq;
            seen.extend(page.into_iter().map(|handling| handling.event_id));
        }
        assert_eq!(seen, ["e0", "e1", "e2", "e3", "e4", "e5", "e6"]);
    })
    .await;
}

#[tokio::test]
async fn a_handled_id_is_remembered_for_its_lifetime_and_not_longer() {
    let store = sqlite();
    let week = WEEK.as_millis() as i64;
    let again = || vec![created("e1", "p1", &["bob"])];
    assert_eq!(store.apply(again(), NOW).await.unwrap(), [Outcome::Handled]);
    assert_eq!(store.apply(again(), NOW + week - 1).await.unwrap(), [Outcome::Duplicate]);
    assert_eq!(store.apply(again(), NOW + week).await.unwrap(), [Outcome::Handled]);
    assert_eq!(store.apply(again(), NOW + week + 1).await.unwrap(), [Outcome::Duplicate]);
}

#[tokio::test]
async fn a_file_that_another_instance_writes_to_is_shared_and_nothing_is_handled_twice() {
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::Sqlite(folder.path().join("feed.db"));
    let stores: Vec<Arc<dyn FeedStore>> =
        (0..2).map(|_| Arc::new(SqliteFeed::open(&url, WEEK).unwrap()) as _).collect();
    let apply_all = |store: Arc<dyn FeedStore>| async move {
        let mut handled = 0;
        for n in 0..50 {
            let outcomes = store.apply(vec![created(&format!("e{n}"), &format!("p{n}"), &["bob"])], NOW).await.unwrap();
            handled += outcomes.iter().filter(|outcome| **outcome == Outcome::Handled).count();
        }
        handled
    };
    let first = tokio::spawn(apply_all(stores[0].clone()));
    let second = tokio::spawn(apply_all(stores[1].clone()));
    assert_eq!(first.await.unwrap() + second.await.unwrap(), 50);
    assert_eq!(stores[0].handled_after(0, 100).await.unwrap().len(), 50);
}

#[tokio::test]
async fn a_redis_connection_that_was_cut_is_replaced() {
    let Some((store, _turn)) = redis().await else {
        return;
    };
    let store: Arc<dyn FeedStore> = Arc::new(store);
    apply(&store, [created("e1", "p1", &["bob"])]).await;
    let url = std::env::var("EVENTPROOF_TEST_REDIS_URL").unwrap();
    tell(&url, &["CLIENT", "KILL", "TYPE", "normal"]).await;
    let mut failures = 0;
    while store.apply(vec![created("e2", "p2", &["bob"])], NOW).await.is_err() {
        failures += 1;
        assert!(failures < 3, "the batch is given again, and finds a new connection");
    }
    assert_eq!(store.handled_after(0, 10).await.unwrap().len(), 2);
}

/// As it marks which letters were replayed.
#[tokio::test]
async fn an_id_that_is_forgotten_is_new_again() {
    use super::super::letters::LetterMarks;
    use crate::shared::replay::Marks;
    each(|store| async move {
        let marks = LetterMarks(store);
        let ids = || vec!["letter 1".to_owned(), "letter 2".to_owned()];
        assert_eq!(marks.mark(ids(), NOW).await, Ok(vec![true, true]));
        marks.unmark(vec!["letter 2".to_owned()]).await.unwrap();
        assert_eq!(marks.mark(ids(), NOW).await, Ok(vec![false, true]));
    })
    .await;
}
