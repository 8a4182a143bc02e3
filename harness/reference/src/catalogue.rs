//! What can be served: systems, their services, and the faults that each service carries.

use crate::ServeError;
use crate::{data_platform, nova_bus, nova_domain, photo_portfolio, todo, ugly};

/// A system of services, taken from one of the seed documents, or made for the tests of the gate itself.
#[derive(Debug, Clone, Copy)]
pub struct SystemInfo {
    /// The name on the command line, the same as the pack's folder.
    pub name: &'static str,
    /// One line on what the system does.
    pub summary: &'static str,
    /// Its services.
    pub services: &'static [ServiceInfo],
}

/// One service of a system: one process.
#[derive(Debug, Clone, Copy)]
pub struct ServiceInfo {
    /// The name on the command line.
    pub name: &'static str,
    /// One line on what the service does.
    pub summary: &'static str,
    /// The faults that can be switched on.
    pub faults: &'static [FaultInfo],
}

/// A named way of being wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultInfo {
    /// The name on the command line.
    pub name: &'static str,
    /// One line on what the service then does.
    pub summary: &'static str,
}

/// All systems that can be served.
pub fn systems() -> &'static [SystemInfo] {
    const SYSTEMS: &[SystemInfo] = &[
        nova_bus::SYSTEM,
        todo::SYSTEM,
        data_platform::SYSTEM,
        photo_portfolio::SYSTEM,
        nova_domain::SYSTEM,
        ugly::SYSTEM,
    ];
    SYSTEMS
}

/// Finds a service and checks the fault names against it.
pub(crate) fn find(system: &str, service: &str, faults: &[String]) -> Result<&'static ServiceInfo, ServeError> {
    let found = systems().iter().find(|s| s.name == system).ok_or_else(|| ServeError::UnknownSystem {
        name: system.into(),
        known: list(systems().iter().map(|s| s.name)),
    })?;
    let info = found.services.iter().find(|s| s.name == service).ok_or_else(|| ServeError::UnknownService {
        system: system.into(),
        name: service.into(),
        known: list(found.services.iter().map(|s| s.name)),
    })?;
    for fault in faults {
        if !info.faults.iter().any(|f| f.name == fault) {
            return Err(ServeError::UnknownFault {
                service: service.into(),
                name: fault.clone(),
                known: list(info.faults.iter().map(|f| f.name)),
            });
        }
    }
    Ok(info)
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_names_there_are() {
        let system = find("nova", "feed-service", &[]).unwrap_err().to_string();
        assert_eq!(
            system,
            "no system is called `nova`; known: nova-bus, todo, data-platform, photo-portfolio, nova-domain, ugly"
        );
        let service = find("nova-bus", "feed", &[]).unwrap_err().to_string();
        assert_eq!(
            service,
            "system `nova-bus` has no service `feed`; known: content-service, graph-service, feed-service, media-service, \
             message-service, search-service, identity-service, lag-exporter"
        );
        let fault = find("nova-bus", "graph-service", &["slow".into()]).unwrap_err().to_string();
        assert_eq!(
            fault,
            "service `graph-service` has no fault `slow`; known: keeps-deleted, skip-dedup, short-memory"
        );
        let fault = find("nova-bus", "content-service", &["skip-dedup".into()]).unwrap_err().to_string();
        assert!(
            fault.contains("known: wrong-key, wrong-partitioner, outbox-lost, wrong-payload, outbox-twice, reorder"),
            "{fault}"
        );
    }

    #[test]
    fn every_name_is_unique_and_every_summary_is_one_line() {
        for system in systems() {
            let services: BTreeSet<_> = system.services.iter().map(|s| s.name).collect();
            assert_eq!(services.len(), system.services.len(), "{}", system.name);
            for service in system.services {
                let faults: BTreeSet<_> = service.faults.iter().map(|f| f.name).collect();
                assert_eq!(faults.len(), service.faults.len(), "{}", service.name);
                let summaries = service.faults.iter().map(|f| f.summary).chain([service.summary]);
                for summary in summaries {
                    assert!(!summary.is_empty() && !summary.contains('\n'), "{summary:?}");
                }
            }
        }
    }
}
