//! Stores that fail on demand: what the services under test keep their data in (a database, a cache), with a proxy of eventproof's
//! before it. Services are told the proxy's address. It carries bytes and knows no protocol, so it fails as a machine or a network
//! does: it is gone, it is slow, it breaks connections off.
//!
//! ```text
//! service --> proxy (orders) --> store
//! ```

mod line;
mod mended;
mod orders;
mod reach;
mod stores;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use eventproof_broker::lasting_listener;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use mended::Mended;
use orders::Orders;
pub use orders::StoreFault;
use reach::{Reach, Tell};
pub(crate) use stores::Stores;

use crate::SystemError;

/// After a connection that could not be taken, such as for want of file handles.
const PAUSE: Duration = Duration::from_millis(50);

/// A proxy before a store. It ends once it is dropped.
struct Store {
    /// Where services reach it.
    address: SocketAddr,
    orders: Arc<Orders>,
    reach: Arc<Reach>,
    /// It listens as long as this is there.
    _carrying: oneshot::Sender<()>,
}

impl Store {
    /// Listens on a free port of this machine, for the store at `to` (host and port). `tell` hears when that cannot be reached.
    ///
    /// # Errors
    /// If there is no port.
    fn start(name: &str, to: &str, tell: Tell) -> Result<Store, SystemError> {
        let no_port = |error: std::io::Error| SystemError::Machine {
            what: format!("a free port for store \"{name}\""),
            detail: error.to_string(),
        };
        let listener = lasting_listener(Ipv4Addr::LOCALHOST.into()).map_err(no_port)?;
        listener.set_nonblocking(true).map_err(no_port)?;
        let address = listener.local_addr().map_err(no_port)?;
        let (orders, reach) = (Orders::new(), Arc::new(Reach::new(name, to, tell)));
        let (carrying, ended) = oneshot::channel();
        let (ordered, reached) = (orders.clone(), reach.clone());
        let carry = async move {
            let listener = TcpListener::from_std(listener)?;
            tokio::select! {
                () = accept(listener, ordered, reached) => Ok(()),
                _ = ended => Ok::<_, std::io::Error>(()),
            }
        };
        // A thread of its own: whatever else eventproof is busy with, a store is not slow for it.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(no_port)?;
        let thread = std::thread::Builder::new().name("eventproof-store".to_owned());
        thread.spawn(move || drop(runtime.block_on(carry))).map_err(no_port)?;
        Ok(Store { address, orders, reach, _carrying: carrying })
    }

    /// It fails from now on; returns the number by which that is ended.
    fn fail(&self, fault: StoreFault) -> u64 {
        self.orders.fail(fault)
    }

    /// Ends a fault, and says whom it met; nothing if it is over already.
    fn mend(&self, number: u64) -> Option<Mended> {
        let (fault, met) = self.orders.mend(number)?;
        Some(Mended { fault, met, unreached: self.reach.unreached() })
    }
}

async fn accept(listener: TcpListener, orders: Arc<Orders>, reach: Arc<Reach>) {
    loop {
        match listener.accept().await {
            Ok((service, _)) => drop(tokio::spawn(line::carry(service, orders.clone(), reach.clone()))),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
