//! What became of the services under test.

use eventproof_reports::model::{Finding, Outcome, ServiceInfo};
use eventproof_system::{LATER, ServiceState, System};

/// Every service as it is now, before it is stopped.
pub async fn at_end(system: &System) -> Vec<ServiceInfo> {
    let info = |state: ServiceState| ServiceInfo {
        name: state.name,
        state: state.state,
        starts: state.starts,
        faults: state.faults,
        last_lines: state.last_lines,
    };
    system.states().await.into_iter().map(info).collect()
}

/// Whether a service runs, or is one that nobody needs now.
pub fn is_well(service: &ServiceInfo) -> bool {
    ["running", LATER].contains(&service.state.as_str())
}

/// Whatever is not running when everything has ended died unasked: scenarios start again what they end.
pub fn unasked_deaths(services: &[ServiceInfo]) -> Vec<Finding> {
    let dead = services.iter().filter(|service| !is_well(service));
    dead.map(|service| Finding {
        outcome: Outcome::Broken,
        code: "service-dead".to_owned(),
        text: format!("service \"{}\" is dead: {}", service.name, service.state),
        took_ms: None,
    })
    .collect()
}
