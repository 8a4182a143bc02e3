//! data-platform: raw data becomes alerts, stage by stage, in Avro with a schema registry.
//!
//! connector-service (HTTP) → `connector.data.raw` → bronze → silver → gold → rule-evaluator → `rules.alerts.triggered` →
//! notification-sender, with one correlation id; `audit.events` → audit-writer; metrics-exporter looks on. Every consumer is a [`processor`]: what it reads, what
//! it makes of it, and where that goes stands in [`stages`].

mod avro;
mod batch;
mod connector;
mod envelope;
mod exporter;
mod partition;
mod processor;
mod registry;
mod stages;

use crate::ServeError;
use crate::catalogue::{ServiceInfo, SystemInfo};
use crate::serve::{Context, Parts};

const fn processor(name: &'static str, summary: &'static str) -> ServiceInfo {
    ServiceInfo { name, summary, faults: processor::FAULTS }
}

/// What the catalogue says about this system.
pub(crate) const SYSTEM: SystemInfo = SystemInfo {
    name: "data-platform",
    summary: "raw data becomes alerts through four stages, in Avro with a schema registry",
    services: &[
        ServiceInfo {
            name: connector::NAME,
            summary: "takes raw data, configuration changes, pipeline runs and audit entries over HTTP, and publishes them",
            faults: connector::FAULTS,
        },
        processor("bronze-processor", "cleans raw data"),
        processor("silver-processor", "processes cleaned data"),
        processor("gold-processor", "makes processed data ready for analytics"),
        processor("rule-evaluator", "evaluates rules on data that is ready, and triggers alerts"),
        processor("notification-sender", "sends a notification for every alert"),
        processor("audit-writer", "writes audit entries to their store"),
        ServiceInfo {
            name: exporter::NAME,
            summary: "shows how far groups are behind, what flows over the topics, and how many schemas there are",
            faults: exporter::FAULTS,
        },
    ],
};

/// Makes the parts of one of the services named above.
pub(crate) async fn build(service: &'static str, context: &Context) -> Result<Parts, ServeError> {
    match service {
        connector::NAME => connector::build(context).await,
        exporter::NAME => exporter::build(context),
        _ => processor::build(service, context).await,
    }
}
