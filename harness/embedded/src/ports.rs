//! Ports of our choice that can be taken again after a crash.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, TcpListener};

/// The range that is tried: below the one from which systems take ports for outgoing connections.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// Listens on a free port that is still free after whoever listened there was killed. A client that keeps asking a dead
/// port of the system's own range for outgoing connections can end up connected to itself, and then nobody can listen there.
///
/// # Errors
/// The system's, if it has no free port at all.
pub fn lasting_listener(ip: IpAddr) -> std::io::Result<TcpListener> {
    // Anywhere in the range: several runs on one machine must not reach for the same ports.
    let first = (RandomState::new().build_hasher().finish() % u64::from(COUNT)) as u16;
    let mut ports = (0..COUNT).map(|step| FIRST + (first + step) % COUNT);
    let found = ports.find_map(|port| TcpListener::bind((ip, port)).ok());
    found.map_or_else(|| TcpListener::bind((ip, 0)), Ok)
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
}
