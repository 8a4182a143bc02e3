//! A subscribing service: every event once, however often it comes; what it makes of it is its [`Role`].
//!
//! Record → [`envelope`](super::envelope) (checked, or refused with the reason) → one transaction (not handled before? then the role's
//! effect, the mark and a line of the [`journal`]) → messages to people ([`deliver`]) → dead letters → commit. What is dead-lettered can be
//! asked for once more ([`Replays`]): it was not handled, so its id is not known.

mod deliver;
mod handler;
mod http;
mod journal;
mod versions;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use super::faults::{
    BACKWARDS, DROPS_FAILED, GIVEN_UP_IS_HANDLED, IGNORES_EVENT, LATE, NO_DEAD_LETTER, NO_METRICS, SKIP_DEDUP,
};
use super::roles::{self, Role};
use crate::ServeError;
use crate::serve::{Context, Work};
use crate::shared::dead_letter::DeadLetters;
use crate::shared::faults::{consumer_faults, remembered_for};
use crate::shared::http::ReadyCheck;
use crate::shared::kafka::{
    Consumer, ConsumerFaults, ConsumerSettings, KafkaPublisher, Publish, on_a_thread, readiness,
};
use crate::shared::processed;
use crate::shared::replay::Replays;
use crate::shared::sql::Store;

/// How old a record is with the fault `late`: older than the document's 5 s.
const LATE_BY: Duration = Duration::from_secs(6);
/// How long the fault `backwards` waits for a batch to become one of several records.
const GATHERING: Duration = Duration::from_millis(300);

/// Everything that subscribing needs beside the role's own tables.
pub(super) fn schema() -> String {
    journal::schema()
}

/// Joins the service's group, and makes its routes.
pub(super) fn build(
    service: &'static str,
    role: Box<dyn Role>,
    db: Store,
    context: &Context,
) -> Result<(Router, ReadyCheck, Work), ServeError> {
    let settings = &context.settings;
    let role: Arc<dyn Role> = role.into();
    let remembered = processed::routes(db.clone(), journal::mark_prefix(service));
    let router = http::routes(service, db.clone()).merge(role.routes(db.clone())).merge(remembered);
    if !context.has(NO_METRICS) {
        handler::declare_metrics(&context.metrics);
    }
    let publisher =
        KafkaPublisher::placing(&settings.brokers, service, settings.delivery_timeout, "murmur2_random", context.log)?;
    let publisher: Arc<dyn Publish> = Arc::new(publisher);
    let (metrics, log) = (context.metrics.clone(), context.log);
    let group = roles::group(service, settings);
    let dead_letter_topic = format!("{}.dead-letter.{group}", settings.topic_prefix);
    let letters = Replays::new(context, dead_letter_topic.clone(), publisher.clone(), Arc::new(db.clone()));
    let router = router.merge(letters.routes());
    let handler = handler::Handler {
        service,
        dead_letter_topic,
        prefix: settings.topic_prefix.clone(),
        role,
        versions: versions::Versions::of(context),
        db,
        sender: deliver::Sender::new(context)?,
        dead_letters: DeadLetters::new(publisher, metrics.clone(), log, handler::DEAD_LETTERED),
        given_up: BTreeSet::new(),
        ttl: remembered_for(context),
        faults: faults(context),
        clock: context.clock.clone(),
        metrics: metrics.clone(),
        log,
        stop: context.stop.clone(),
    };
    let topic = |event: &&str| format!("{}.{event}", settings.topic_prefix);
    let faults = ConsumerFaults { late: context.has(LATE).then_some(LATE_BY), ..consumer_faults(context) };
    let consumer_settings = ConsumerSettings {
        group,
        topics: roles::subscriptions(service).iter().map(topic).collect(),
        ..ConsumerSettings::new(settings, service, faults)
    };
    let consumer = Consumer::new(consumer_settings, handler, metrics, log, context.stop.clone())?;
    let ready = readiness(consumer.assignment());
    let work = on_a_thread(move || consumer.run());
    Ok((router, ready, ("consumer", Box::pin(work))))
}

fn faults(context: &Context) -> handler::Faults {
    handler::Faults {
        skip_dedup: context.has(SKIP_DEDUP),
        no_dead_letter: context.has(NO_DEAD_LETTER),
        drops_failed: context.has(DROPS_FAILED),
        given_up_is_handled: context.has(GIVEN_UP_IS_HANDLED),
        gathers: context.has(BACKWARDS).then_some(GATHERING),
        backwards: context.has(BACKWARDS),
        ignores_event: context.has(IGNORES_EVENT),
    }
}
