//! Ports of our choice that can be taken again after a crash, and that no other run on this machine takes meanwhile.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// The range that is tried: below the one from which systems take ports for outgoing connections.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// The ports that are this process's until it ends. A service listens only some time after its port was chosen, and not at all
/// while it is down; whoever tried the port then would find it free. So each has a file with a lock, which ends with the process.
static OURS: Mutex<Option<HashMap<u16, File>>> = Mutex::new(None);

/// Listens on a free port that is still free after whoever listened there was killed. A client that keeps asking a dead
/// port of the system's own range for outgoing connections can end up connected to itself, and then nobody can listen there.
///
/// # Errors
/// The system's, if it has no free port at all.
pub fn lasting_listener(ip: IpAddr) -> std::io::Result<TcpListener> {
    // Anywhere in the range: several runs on one machine must not reach for the same ports.
    let first = (RandomState::new().build_hasher().finish() % u64::from(COUNT)) as u16;
    let ports = || (0..COUNT).map(move |step| FIRST + (first + step) % COUNT);
    let listen = |port: u16| TcpListener::bind((ip, port)).ok();
    let new = ports().find_map(|port| listen(port).filter(|_| is_new(port)));
    // A process that has started very many systems has had all ports, and needs no more of most.
    let found = new.or_else(|| ports().find_map(listen));
    found.map_or_else(|| TcpListener::bind((ip, 0)), Ok)
}

/// Makes a port this process's own, unless it is already or is another's. Where no file can be locked, a port that is free now
/// has to do.
fn is_new(port: u16) -> bool {
    let mut ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
    let ours = ours.get_or_insert_default();
    if ours.contains_key(&port) {
        return false;
    }
    let Ok(file) = file_of(port) else { return true };
    match file.try_lock() {
        Ok(()) => ours.insert(port, file).is_none(),
        Err(std::fs::TryLockError::WouldBlock) => false,
        Err(std::fs::TryLockError::Error(_)) => true,
    }
}

fn file_of(port: u16) -> std::io::Result<File> {
    let folder: PathBuf = std::env::temp_dir().join("eventproof-ports");
    std::fs::create_dir_all(&folder)?;
    File::options().create(true).truncate(false).write(true).open(folder.join(port.to_string()))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn ports_differ_and_lie_below_the_range_of_outgoing_connections() {
        let held: Vec<_> = (0..50).map(|_| lasting_listener(Ipv4Addr::LOCALHOST.into()).unwrap()).collect();
        let mut ports: Vec<u16> = held.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 50);
        assert!(ports.iter().all(|port| (FIRST..FIRST + COUNT).contains(port)), "{ports:?}");
    }

    #[test]
    fn a_port_that_was_chosen_is_nobody_elses_though_nobody_listens_there_yet() {
        let port = lasting_listener(Ipv4Addr::LOCALHOST.into()).unwrap().local_addr().unwrap().port();
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok(), "nobody listens there");
        assert!(!is_new(port), "not for this process");
        // As another process would see it.
        assert!(matches!(file_of(port).unwrap().try_lock(), Err(std::fs::TryLockError::WouldBlock)));
    }
}
