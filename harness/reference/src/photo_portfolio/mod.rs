//! photo-portfolio: photographers' projects, their photos, and the clients who are invited to them.
//!
//! file-service, user-service and invite-service own the events of their domains, and tell with guaranteed delivery; page views
//! are fire and forget. notification-service sends e-mails about events, analytics-service keeps all of them.

mod analytics;
mod consumer;
mod event;
mod file;
mod http;
mod invite;
mod notification;
mod replay;
mod telling;
mod topics;
mod user;

use futures::future::BoxFuture;

use crate::ServeError;
use crate::catalogue::{ServiceInfo, SystemInfo};
use crate::serve::{Context, Parts};
use crate::shared::outbox::Relay;
use crate::shared::stop::Stop;

/// What the catalogue says about this system.
pub(crate) const SYSTEM: SystemInfo = SystemInfo {
    name: "photo-portfolio",
    summary: "photographers' projects: uploads, invitations, access, e-mails and the history of everything",
    services: &[
        ServiceInfo {
            name: file::NAME,
            summary: "photos over HTTP; processes what is uploaded, deletes what is to be deleted",
            faults: file::FAULTS,
        },
        ServiceInfo { name: user::NAME, summary: "magic links, logins, accesses and page views", faults: user::FAULTS },
        ServiceInfo { name: invite::NAME, summary: "projects and invitations to them", faults: invite::FAULTS },
        ServiceInfo {
            name: notification::NAME,
            summary: "sends e-mails about events, behind a circuit breaker",
            faults: notification::FAULTS,
        },
        ServiceInfo {
            name: analytics::NAME,
            summary: "takes every event of the business and keeps it: histories and facts of projects",
            faults: analytics::FAULTS,
        },
    ],
};

/// Makes the parts of one of the services named above.
pub(crate) async fn build(service: &str, context: &Context) -> Result<Parts, ServeError> {
    match service {
        file::NAME => file::build(context).await,
        user::NAME => user::build(context).await,
        invite::NAME => invite::build(context).await,
        notification::NAME => notification::build(context).await,
        _ => analytics::build(context).await,
    }
}

/// The work of a service that both publishes and consumes: it ends when both have ended.
fn relay_and_reader(
    relay: Relay,
    stop: Stop,
    reader: impl Future<Output = Result<(), ServeError>> + Send + 'static,
) -> BoxFuture<'static, Result<(), ServeError>> {
    Box::pin(async move {
        let relaying = async {
            relay.run(stop).await;
            Ok(())
        };
        tokio::try_join!(relaying, reader).map(drop)
    })
}
