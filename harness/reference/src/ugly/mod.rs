//! Ugly: consumers that do what one takes for granted nobody does. Each does the same work, jobs that take a while or fail a few
//! times, and keeps a journal of it; what is ugly is how it reads.
//!
//! Record → [`job`] → [`ledger`] (one transaction: not done before? then the journal, and where that is kept the position) → HTTP.
//! `commits-first`, `parallel` and `retries` read as all reference services do ([`gentle`], [`retries`]); `by-hand`,
//! `elsewhere` and `latest` have a loop of their own ([`raw`]).

mod gentle;
mod job;
mod ledger;
mod raw;
mod retries;

use std::sync::Arc;

use crate::ServeError;
use crate::catalogue::{ServiceInfo, SystemInfo};
use crate::serve::{Context, Parts};
use crate::shared::sqlite::Db;

const COMMITS_FIRST: &str = "commits-first";
const PARALLEL: &str = "parallel";
const BY_HAND: &str = "by-hand";
const ELSEWHERE: &str = "elsewhere";
const LATEST: &str = "latest";
const RETRIES: &str = "retries";

/// What the catalogue says about this system.
pub(crate) const SYSTEM: SystemInfo = SystemInfo {
    name: "ugly",
    summary: "consumers that read in ugly ways, all doing the same work",
    services: &[
        ServiceInfo {
            name: COMMITS_FIRST,
            summary: "commits first, then works: a kill loses what is in hand",
            faults: &[gentle::SKIP_DEDUP],
        },
        ServiceInfo {
            name: PARALLEL,
            summary: "hands every record to a task of its own and commits at once: later ones pass earlier ones",
            faults: &[gentle::SKIP_DEDUP],
        },
        ServiceInfo {
            name: BY_HAND,
            summary: "assigns itself all partitions, without being in a group, and commits to Kafka",
            faults: &[gentle::SKIP_DEDUP],
        },
        ServiceInfo {
            name: ELSEWHERE,
            summary: "assigns itself all partitions and keeps its positions with its data, never in Kafka",
            faults: &[gentle::SKIP_DEDUP],
        },
        ServiceInfo {
            name: LATEST,
            summary: "begins at the end whenever it joins, and never commits: what comes meanwhile is skipped",
            faults: &[gentle::SKIP_DEDUP],
        },
        ServiceInfo {
            name: RETRIES,
            summary: "puts what fails into retry topics, and after three attempts into a dead-letter topic",
            faults: retries::FAULTS,
        },
    ],
};

/// Makes the parts of one of the services named above.
pub(crate) async fn build(service: &'static str, context: &Context) -> Result<Parts, ServeError> {
    let url = context.settings.store_for(service);
    let db = Db::open(&url, &ledger::schema()).map_err(|e| url.error(e))?;
    let ledger = ledger::Ledger { db, skip_dedup: context.has(gentle::SKIP_DEDUP) };
    let (ready, work) = match service {
        COMMITS_FIRST => gentle::commits_first(context, ledger.clone())?,
        PARALLEL => gentle::parallel(context, ledger.clone())?,
        RETRIES => retries::read(context, ledger.clone())?,
        BY_HAND => raw::read(raw::Way::ByHand, service, context, ledger.clone())?,
        ELSEWHERE => raw::read(raw::Way::Elsewhere, service, context, ledger.clone())?,
        _ => raw::read(raw::Way::Latest, service, context, ledger.clone())?,
    };
    Ok(Parts { router: ledger::routes(Arc::new(ledger)), ready, work: Some(("consumer", work)) })
}
