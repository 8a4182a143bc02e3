//! The handle of a running broker: its thread, its ports, and the way to tell it things.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::config::{BrokerConfig, Listener};
use crate::faults::{Fault, FaultId, FaultTable};
use crate::ports::lasting_listener;
use crate::server;

/// The broker could not be started, or started again.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration names no listener.
    #[error("a broker needs at least one listener")]
    NoListener,
    /// A listener's address is taken or not this machine's.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The broker's thread or its runtime could not be made.
    #[error("cannot start the broker's thread: {0}")]
    Thread(#[source] std::io::Error),
    /// The broker was stopped before.
    #[error("the broker was stopped")]
    Stopped,
}

/// What the handle asks of the broker's thread.
#[derive(Debug)]
pub(crate) enum Control {
    /// Close every port and connection; forget what is not in the log.
    Crash(oneshot::Sender<()>),
    /// Listen again on these sockets.
    Restart(Vec<TcpListener>, oneshot::Sender<()>),
    /// End the thread.
    Stop,
}

/// A Kafka broker in this process, on a thread of its own. Dropping it stops it.
#[derive(Debug)]
pub struct EmbeddedBroker {
    faults: FaultsHandle,
    advertised: Vec<(String, u16)>,
    thread: Option<JoinHandle<()>>,
}

impl EmbeddedBroker {
    /// Starts a broker. Its ports are bound when this returns.
    ///
    /// # Errors
    /// If no listener is configured, an address cannot be bound, or no thread can be made.
    pub fn start(config: BrokerConfig) -> Result<EmbeddedBroker, StartError> {
        if config.listeners.is_empty() {
            return Err(StartError::NoListener);
        }
        let sockets =
            config.listeners.iter().map(|listener| bind_first(listener.bind)).collect::<Result<Vec<_>, _>>()?;
        let bound = sockets
            .iter()
            .map(|socket| socket.local_addr().map_err(StartError::Thread))
            .collect::<Result<Vec<_>, _>>()?;
        let advertised: Vec<(String, u16)> =
            config.listeners.iter().zip(&bound).map(|(listener, bound)| advertised(listener, *bound)).collect();
        let table = Arc::new(FaultTable::default());
        table.set_up(true);
        let (control, receiver) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
        let (names, faults) = (advertised.clone(), Arc::clone(&table));
        let thread = std::thread::Builder::new()
            .name("embedded-kafka".to_owned())
            .spawn(move || server::run(&runtime, config, names, sockets, faults, receiver))
            .map_err(StartError::Thread)?;
        Ok(EmbeddedBroker {
            faults: FaultsHandle { table, control, bound: Arc::new(bound) },
            advertised,
            thread: Some(thread),
        })
    }

    /// `host:port` of the first listener, for a client's `bootstrap.servers`.
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        self.listener_servers(0).unwrap_or_default()
    }

    /// `host:port` that the listener of that index advertises.
    #[must_use]
    pub fn listener_servers(&self, index: usize) -> Option<String> {
        let (host, port) = self.advertised.get(index)?;
        Some(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
    }

    /// The way to inject faults, from any thread.
    #[must_use]
    pub fn faults(&self) -> FaultsHandle {
        self.faults.clone()
    }

    /// Stops the broker and waits for its thread to end.
    pub fn stop(mut self) {
        self.join();
    }

    fn join(&mut self) {
        let _ = self.faults.control.send(Control::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        self.join();
    }
}

/// Injects faults into a running broker; cheap to clone, usable from any thread.
#[derive(Debug, Clone)]
pub struct FaultsHandle {
    table: Arc<FaultTable>,
    control: mpsc::UnboundedSender<Control>,
    bound: Arc<Vec<SocketAddr>>,
}

impl FaultsHandle {
    /// Puts a fault in force, from the next request on. Where several faults meet one request, all
    /// act on it.
    pub fn inject(&self, fault: Fault) -> FaultId {
        self.table.inject(fault)
    }

    /// Ends a fault. Gives how many requests it met: a test whose fault met none proved nothing.
    pub fn clear(&self, id: FaultId) -> u64 {
        self.table.clear(|other| other == id)
    }

    /// Ends every fault, and a shift of the clock.
    pub fn clear_all(&self) {
        self.table.clear(|_| true);
        self.table.clock_shift_ms.store(0, Ordering::Relaxed);
    }

    /// How many requests a fault has met so far; `None` once it is cleared.
    #[must_use]
    pub fn met(&self, id: FaultId) -> Option<u64> {
        self.table.met(id)
    }

    /// Shifts the broker's wall clock against the true one, forward or back: timestamps of
    /// LogAppendTime and the age of records change, sessions do not.
    pub fn shift_clock(&self, by: Duration, forward: bool) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let ms = if forward { ms } else { -ms };
        self.table.clock_shift_ms.store(ms, Ordering::Relaxed);
    }

    /// The broker dies: ports and connections close at once. Its log, topics and committed offsets
    /// are kept, as a disk would; who was joining a group must join again. Blocks until it is down;
    /// crashing a broker that is down does nothing.
    ///
    /// # Errors
    /// If the broker was stopped.
    pub fn crash(&self) -> Result<(), StartError> {
        self.ask(Control::Crash)
    }

    /// The broker comes back on the same ports, with the log it had. Blocks until it listens; on a
    /// broker that is up this does nothing.
    ///
    /// # Errors
    /// If a port was taken meanwhile, or the broker was stopped.
    pub fn restart(&self) -> Result<(), StartError> {
        if self.table.is_up() {
            return Ok(());
        }
        let sockets = self.bound.iter().map(|address| bind(*address));
        let sockets = sockets.collect::<Result<Vec<_>, _>>()?;
        self.ask(|done| Control::Restart(sockets, done))
    }

    fn ask(&self, make: impl FnOnce(oneshot::Sender<()>) -> Control) -> Result<(), StartError> {
        let (done, mut wait) = oneshot::channel();
        self.control.send(make(done)).map_err(|_| StartError::Stopped)?;
        // Not a blocking receive: that panics on a thread that runs a runtime.
        loop {
            match wait.try_recv() {
                Ok(()) => return Ok(()),
                Err(oneshot::error::TryRecvError::Closed) => return Err(StartError::Stopped),
                Err(oneshot::error::TryRecvError::Empty) => {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
    }
}

/// Binds a listener for the first time; a port of our choice must be free again after a crash.
fn bind_first(address: SocketAddr) -> Result<TcpListener, StartError> {
    if address.port() != 0 {
        return bind(address);
    }
    listening(address, lasting_listener(address.ip()))
}

fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    listening(address, TcpListener::bind(address))
}

fn listening(address: SocketAddr, socket: std::io::Result<TcpListener>) -> Result<TcpListener, StartError> {
    let failed = |source| StartError::Bind { address, source };
    let socket = socket.map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    Ok(socket)
}

fn advertised(listener: &Listener, bound: SocketAddr) -> (String, u16) {
    match &listener.advertised {
        Some((host, 0)) => (host.clone(), bound.port()),
        Some((host, port)) => (host.clone(), *port),
        None if bound.ip().is_unspecified() => ("127.0.0.1".to_owned(), bound.port()),
        None => (bound.ip().to_string(), bound.port()),
    }
}
