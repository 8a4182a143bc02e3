//! A schema registry in memory, behind Confluent's HTTP API: for runs without anything installed.

mod http;
mod store;
mod verdict;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::RegistryError;
use store::Store;

/// A running registry, on a thread of its own: it answers also while its caller waits for it and does nothing else. It ends
/// when it is dropped.
#[derive(Debug)]
pub struct EmbeddedRegistry {
    address: SocketAddr,
    serving: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl EmbeddedRegistry {
    /// Starts one on this machine, on a free port. New subjects are compatible `BACKWARD`, as with Confluent's.
    ///
    /// # Errors
    /// If there is no port.
    pub fn start() -> Result<EmbeddedRegistry, RegistryError> {
        EmbeddedRegistry::at((Ipv4Addr::LOCALHOST, 0).into())
    }

    /// Starts one at this address.
    ///
    /// # Errors
    /// If the port is taken.
    pub fn at(address: SocketAddr) -> Result<EmbeddedRegistry, RegistryError> {
        let no_port = |error: std::io::Error| RegistryError::NoPort { detail: error.to_string() };
        let listener = TcpListener::bind(address).map_err(no_port)?;
        listener.set_nonblocking(true).map_err(no_port)?;
        let address = listener.local_addr().map_err(no_port)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(no_port)?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("schema-registry".to_owned());
        let thread = thread.spawn(move || serve(&runtime, listener, stopped)).map_err(no_port)?;
        Ok(EmbeddedRegistry { address, serving: Some((stop, thread)) })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn serve(runtime: &Runtime, listener: TcpListener, stopped: oneshot::Receiver<()>) {
    let routes = http::routes(Arc::new(Mutex::new(Store::default())));
    runtime.block_on(async move {
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
        tokio::select! {
            // An accept that fails is the client's to see.
            _ = async { axum::serve(listener, routes).await } => {}
            _ = stopped => {}
        }
    });
}

impl Drop for EmbeddedRegistry {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.serving.take() {
            drop(stop);
            // A panic of its own was printed when it happened.
            let _ = thread.join();
        }
    }
}
