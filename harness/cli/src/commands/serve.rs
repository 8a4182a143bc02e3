//! `serve`: a reference service, for trying things out and for packs.

use eventproof_reference::systems;

use crate::{exit, output};

pub async fn serve(system: Option<String>, service: Option<String>, faults: &[String]) -> u8 {
    let (Some(system), Some(service)) = (&system, &service) else {
        list(system.as_deref());
        return exit::HELD;
    };
    match eventproof_reference::serve(system, service, faults).await {
        Ok(()) => exit::HELD,
        Err(error) => {
            output::error(&error.to_string());
            exit::USAGE
        }
    }
}

fn list(only: Option<&str>) {
    for system in systems().iter().filter(|system| only.is_none_or(|only| only == system.name)) {
        output::result(system.name);
        for service in system.services {
            output::result(&format!("  {:<18} {}", service.name, service.summary));
            for fault in service.faults {
                output::result(&format!("    --fault {:<22} {}", fault.name, fault.summary));
            }
        }
    }
}
