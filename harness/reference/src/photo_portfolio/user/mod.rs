//! user-service: owns who may see what, and who looked.
//!
//! Invitations come in and become magic links; links, logins and accesses go out with guaranteed delivery, page views without.

mod http;
mod store;
mod views;

use std::sync::Arc;

use super::{consumer, telling, topics};
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::kafka::{on_a_thread, readiness};
use crate::shared::outbox::outbox_routes;
use crate::shared::store::open;

pub(super) const NAME: &str = "user-service";

const WAITS: FaultInfo = FaultInfo {
    name: "awaits-page-views",
    summary: "awaits the acknowledgement of page views without a catch, as the sample does: a broker that is down stops the caller",
};
const SILENT: FaultInfo = FaultInfo { name: "uncounted-loss", summary: "loses page views without counting them" };
const LEAKS: FaultInfo = FaultInfo { name: "token-in-log", summary: "writes a magic link's token into its log" };

const TELLS_ADDRESS: FaultInfo =
    FaultInfo { name: "address-in-log", summary: "writes the address that a link is for into its log" };

const TELLS_BROWSER: FaultInfo =
    FaultInfo { name: "browser-in-log", summary: "writes browser and address of who opens a link into its log" };
const NO_CAUSATION: FaultInfo =
    FaultInfo { name: "no-causation", summary: "does not say which invitation caused a link" };

/// The faults of this service; those of every consumer are behind them.
pub(super) const FAULTS: &[FaultInfo] =
    &consumer::with_own::<6, 16>([WAITS, SILENT, LEAKS, TELLS_ADDRESS, TELLS_BROWSER, NO_CAUSATION]);

/// Opens the store, joins the group, and makes the routes.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let db = open(context, NAME, &store::schema()).await?;
    let publisher = telling::publisher(NAME, context)?;
    let relay = telling::relay(&db, publisher.clone(), telling::Faults::default(), context);
    let leaks = context.has(LEAKS).then_some(context.log);
    let tells_address = context.has(TELLS_ADDRESS).then_some(context.log);
    let tells_browser = context.has(TELLS_BROWSER).then_some(context.log);
    let handler = consumer::reacting(
        NAME,
        &db,
        &publisher,
        Arc::new(store::Work { leaks, no_causation: context.has(NO_CAUSATION) }),
        context,
    );
    let topics = topics::with_aliases(&[topics::INVITED]);
    let reader = consumer::consumer(consumer::settings(NAME, topics, context), handler, context)?;
    let views = views::Views::new(context, context.has(WAITS), context.has(SILENT))?;
    let api = http::Api { db: db.clone(), clock: context.clock.clone(), views, leaks, tells_address, tells_browser };
    let router = http::routes(api).merge(consumer::routes(&db, &publisher)).merge(outbox_routes(db));
    let ready = readiness(reader.assignment());
    let work = super::relay_and_reader(relay, context.stop.clone(), on_a_thread(move || reader.run()));
    Ok(Parts { router, ready, work: Some(("relay and consumer", work)) })
}
