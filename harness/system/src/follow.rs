//! Following a journal view: every entry becomes an effect that counts.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use eventproof_evidence::{At, Blind, Clock, Name, Observation, Subject};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::rig::JOURNAL_IDLE;
use crate::template::fill;
use crate::view::text;
use crate::{JournalView, Params, System, SystemError, ViewKind, ViewSpec};

/// How long a look may take, beyond the pause before it.
const SILENCE: Duration = Duration::from_secs(1);

impl System {
    /// How long an entry of a journal view may be there before it is seen; a longer silence is told as blindness.
    pub fn longest_look(&self, view: &str) -> Duration {
        match self.view(view).map(|spec| &spec.kind) {
            Ok(ViewKind::Journal(journal)) => longest(journal, JOURNAL_IDLE),
            _ => SILENCE,
        }
    }

    /// Follows every journal view until the tasks are aborted. `report` gets an `Effect` for each entry. A view that has
    /// nothing new is asked less and less often, down to once in `idle` (never more often than the view says): many
    /// services with nothing to tell would cost what the others need.
    pub fn follow_journals(
        self: &Arc<Self>,
        idle: Duration,
        report: impl Fn(Observation) + Clone + Send + Sync + 'static,
    ) -> Vec<JoinHandle<()>> {
        let views = self.spec().views.iter().filter_map(|view| match &view.kind {
            ViewKind::Journal(journal) => Some((view.clone(), journal.clone())),
            ViewKind::List(_) => None,
        });
        views
            .map(|(view, journal)| {
                let sight = Sight::new(&view.name, longest(&journal, idle), self.clock.now());
                let look = Look { cursor: journal.start.clone(), system: self.clone(), view, journal };
                let follower = Follower { clock: self.clock.clone(), idle, look, sight };
                tokio::spawn(follower.run(report.clone()))
            })
            .collect()
    }
}

/// From the question of one look to the answer of the next.
fn longest(journal: &JournalView, idle: Duration) -> Duration {
    journal.every.max(idle) + SILENCE
}

struct Follower {
    clock: Arc<dyn Clock>,
    /// The longest pause between two questions.
    idle: Duration,
    look: Look,
    sight: Sight,
}

impl Follower {
    async fn run(mut self, report: impl Fn(Observation)) {
        let every = self.look.journal.every;
        let (mut wait, mut pause) = (Duration::ZERO, every);
        loop {
            let (asked, page) = self.look_after(wait, &report).await;
            let now = self.clock.now();
            match page {
                // It may have another behind it.
                Ok(page) if !page.effects.is_empty() => {
                    self.sight.answered(asked, now, false).into_iter().chain(page.effects).for_each(&report);
                    (wait, pause) = (Duration::ZERO, every);
                    continue;
                }
                Ok(page) => self.sight.answered(asked, now, page.is_last).into_iter().for_each(&report),
                Err(error) => self.sight.silent(now, Some(&error)).into_iter().for_each(&report),
            }
            (wait, pause) = (pause, (pause * 2).min(self.idle).max(every));
        }
    }

    /// The next look, with when it was asked. Where its answer takes too long, that is told while it is waited for: a verdict may fall
    /// due meanwhile.
    async fn look_after(&mut self, wait: Duration, report: &impl Fn(Observation)) -> (At, Result<Page, SystemError>) {
        let Follower { clock, look, sight, .. } = self;
        let looking = async {
            tokio::time::sleep(wait).await;
            let asked = clock.now();
            (asked, look.read().await)
        };
        let left = sight.left(clock.now());
        waited_for(looking, left, || sight.silent(clock.now(), None).into_iter().for_each(report)).await
    }
}

/// Waits for something, and calls `late` once it has taken longer than `limit`.
async fn waited_for<T>(what: impl Future<Output = T>, limit: Duration, late: impl FnOnce()) -> T {
    let mut what = pin!(what);
    match tokio::time::timeout(limit, &mut what).await {
        Ok(done) => done,
        Err(_) => {
            late();
            what.await
        }
    }
}

/// How a view is asked, and from where on.
struct Look {
    system: Arc<System>,
    view: ViewSpec,
    journal: JournalView,
    cursor: String,
}

/// What one look shows.
struct Page {
    effects: Vec<Observation>,
    /// Whether there was no entry at all, so that none is behind them.
    is_last: bool,
}

impl Look {
    async fn read(&mut self) -> Result<Page, SystemError> {
        let params = Params::from([("cursor".to_owned(), self.cursor.clone())]);
        let address = fill(&self.journal.http, &self.system.with_settings(&params))?;
        let answer = self.system.fetch(&address).await?;
        let at = self.system.clock.now();
        let items = answer.pointer(&self.journal.items).and_then(Value::as_array).ok_or_else(|| {
            let detail = format!("no list at {} in the answer", self.journal.items);
            SystemError::Request { request: format!("GET {address}"), detail }
        })?;
        let effects = items.iter().filter_map(|entry| self.effect(entry, at)).collect();
        if let Some(next) = answer.pointer(&self.journal.next) {
            self.cursor = text(next);
        }
        Ok(Page { effects, is_last: items.is_empty() })
    }

    fn effect(&self, entry: &Value, at: At) -> Option<Observation> {
        let event = text(entry.pointer(&self.journal.event)?);
        let subject = self.journal.subject.as_ref().and_then(|pointer| entry.pointer(pointer)).map(text);
        Some(Observation::Effect {
            view: self.view.name.as_str().into(),
            event: event.into(),
            subject: subject.map(Into::into),
            at,
        })
    }
}

/// Whether a view is seen often enough. What one look shows was there when it was asked, at the latest known by the answer: an entry
/// that came just after the question is seen with the answer of the next.
struct Sight {
    view: Name,
    /// How long it may be from a question to the next answer.
    longest: Duration,
    /// When the last look was asked that was answered: what was there then was seen.
    seen_to: At,
    /// When that look was answered.
    heard: At,
    /// Whether it was told that the view is not seen.
    is_blind: bool,
}

impl Sight {
    fn new(view: &str, longest: Duration, now: At) -> Sight {
        Sight { view: view.into(), longest, seen_to: now, heard: now, is_blind: false }
    }

    /// How much longer the next answer may take.
    fn left(&self, now: At) -> Duration {
        (self.seen_to + self.longest).since(now)
    }

    /// There is no answer yet. That is told once, if it takes too long.
    fn silent(&mut self, now: At, error: Option<&SystemError>) -> Option<Observation> {
        if self.is_blind || self.left(now) > Duration::ZERO {
            return None;
        }
        self.is_blind = true;
        let slow = || format!("view \"{}\" takes too long to answer", self.view);
        let why = error.map_or_else(slow, ToString::to_string);
        Some(Observation::Blind(Blind { what: Subject::View(self.view.clone()), from: self.heard, to: None, why }))
    }

    /// A look was answered; `is_last` if no entry is behind what it shows. An answer that took too long says only what was there when it
    /// was asked, so the view is seen again with the next one that comes in time.
    fn answered(&mut self, asked: At, now: At, is_last: bool) -> Option<Observation> {
        // Whoever should have told it may have been stalled.
        let silence = self.silent(now, None);
        (self.seen_to, self.heard) = (asked, now);
        if silence.is_some() || !is_last || now.since(asked) > self.longest {
            return silence;
        }
        std::mem::take(&mut self.is_blind)
            .then(|| Observation::CaughtUp { what: Subject::View(self.view.clone()), at: now })
    }
}

#[cfg(test)]
mod tests {
    use eventproof_evidence::{Journal, JournalReader, RunClock};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const LONGEST: Duration = Duration::from_secs(1);

    fn at(ms: u64) -> At {
        At::START + Duration::from_millis(ms)
    }

    fn sight() -> Sight {
        Sight::new("handled", LONGEST, at(0))
    }

    fn blind_since(observation: Option<Observation>) -> Option<At> {
        match observation? {
            Observation::Blind(Blind { from, to: None, .. }) => Some(from),
            other => panic!("no blindness: {other:?}"),
        }
    }

    fn is_caught_up(observation: Option<Observation>) -> bool {
        matches!(observation, Some(Observation::CaughtUp { .. }))
    }

    #[test]
    fn looks_that_are_answered_in_time_tell_nothing() {
        let mut sight = sight();
        for round in 0..10 {
            let asked = at(round * 500);
            assert_eq!(sight.silent(asked, None), None);
            assert_eq!(sight.answered(asked, asked + Duration::from_millis(450), round % 2 == 0), None);
        }
    }

    #[test]
    fn a_view_is_unseen_while_an_answer_is_waited_for_and_seen_with_the_next_quick_one() {
        let mut sight = sight();
        assert_eq!(sight.answered(at(100), at(110), true), None);
        assert_eq!(sight.left(at(300)), Duration::from_millis(800));
        assert_eq!(sight.silent(at(1099), None), None);
        assert_eq!(blind_since(sight.silent(at(1100), None)), Some(at(110)));
        assert_eq!(sight.silent(at(2000), None), None, "it is told once");
        assert_eq!(sight.answered(at(300), at(4000), true), None, "nobody knows what came since it was asked");
        assert_eq!(sight.answered(at(4000), at(4010), false), None, "there may be more behind it");
        assert!(is_caught_up(sight.answered(at(4010), at(4020), true)));
        assert_eq!(sight.answered(at(4200), at(4210), true), None);
    }

    #[test]
    fn errors_are_silence_and_so_are_a_slow_answer_and_the_slow_one_before_it() {
        let mut sight = sight();
        let refused = SystemError::Request { request: "GET /journal".to_owned(), detail: "refused".to_owned() };
        assert_eq!(sight.silent(at(20), Some(&refused)), None);
        let Some(Observation::Blind(blind)) = sight.silent(at(1000), Some(&refused)) else { panic!("it is not seen") };
        assert_eq!(blind.why, refused.to_string());
        assert!(is_caught_up(sight.answered(at(1200), at(1210), true)));
        // An entry that comes just after 1200 is seen at 2900 only.
        assert_eq!(sight.answered(at(1300), at(2190), true), None);
        assert_eq!(blind_since(sight.answered(at(2250), at(2900), true)), Some(at(2190)), "told by nobody before");
        assert!(is_caught_up(sight.answered(at(2950), at(2960), true)));
    }

    #[tokio::test]
    async fn what_takes_too_long_is_told_while_it_is_waited_for() {
        let (tell, told) = tokio::sync::oneshot::channel();
        // It comes only because it was told.
        let came = waited_for(told, Duration::ZERO, || _ = tell.send("at last")).await;
        assert_eq!(came, Ok("at last"));
        let quick = waited_for(std::future::ready(7), Duration::ZERO, || panic!("it was there")).await;
        assert_eq!(quick, 7);
    }

    fn log_at(address: std::net::SocketAddr) -> ViewSpec {
        let journal = JournalView {
            http: format!("http://{address}/log?after={{cursor}}"),
            items: "/items".into(),
            event: "/event".into(),
            subject: None,
            next: "/next".into(),
            start: "0".into(),
            every: Duration::from_millis(10),
        };
        let (service, group) = ("feed".into(), "g".into());
        ViewSpec { name: "handled".into(), service, group, kind: ViewKind::Journal(journal) }
    }

    fn system(view: ViewSpec) -> Arc<System> {
        let spec = crate::SystemSpec { views: vec![view], ..crate::SystemSpec::default() };
        Arc::new(
            System::prepare(spec, &crate::Environment::default(), Journal::default(), Arc::new(RunClock::start()))
                .unwrap(),
        )
    }

    /// Answers with one entry once something was told, and with none from then on.
    async fn answer_late(listener: TcpListener, mut told: JournalReader) {
        told.changed().await;
        for round in 0.. {
            let items = if round == 0 { r#"{"event": "e"}"# } else { "" };
            let body = format!(r#"{{"items": [{items}], "next": 1}}"#);
            let (mut caller, _) = listener.accept().await.unwrap();
            let _ = caller.read(&mut [0; 4096]).await.unwrap();
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            caller.write_all((head + &body).as_bytes()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_a_late_answer_shows_is_told_between_the_blindness_and_its_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let system = system(log_at(listener.local_addr().unwrap()));
        let journal = Journal::default();
        let answering = tokio::spawn(answer_late(listener, journal.reader(0)));
        let report = {
            let journal = journal.clone();
            move |observation| journal.push(observation)
        };
        let following = system.follow_journals(Duration::ZERO, report);
        while journal.len() < 3 {
            journal.reader(journal.len()).changed().await;
        }
        following.iter().chain([&answering]).for_each(JoinHandle::abort);
        let told: Vec<Observation> = journal.since(0).iter().map(|one| (**one).clone()).collect();
        let [
            Observation::Blind(blind),
            Observation::Effect { event, at, .. },
            Observation::CaughtUp { what, at: read },
        ] = &told[..]
        else {
            panic!("{told:?}")
        };
        assert_eq!((blind.to, &blind.why[..]), (None, "view \"handled\" takes too long to answer"));
        assert_eq!((&**event, what.name()), ("e", Some("handled")));
        assert!(blind.from < *at && at < read, "{told:?}");
    }
}
