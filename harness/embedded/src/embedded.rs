//! The handle of a running broker: its thread, its ports, and the way to tell it things.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::config::{BrokerConfig, Listener, MAX_NODES};
use crate::faults::{Fault, FaultId, FaultTable};
use crate::nodes::{Addresses, Nodes};
use crate::ports::lasting_listener;
use crate::server;

/// The broker could not be started, or started again.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration names no listener.
    #[error("a broker needs at least one listener")]
    NoListener,
    /// The number of nodes is out of range.
    #[error("a cluster has 1 to {MAX_NODES} nodes, not {0}")]
    Nodes(usize),
    /// There is no such node.
    #[error("there is no node {asked}: they are 1 to {count}")]
    NoSuchNode {
        /// The number asked for.
        asked: i32,
        /// How many there are.
        count: usize,
    },
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
    /// The same, of one node.
    CrashNode(i32, oneshot::Sender<()>),
    /// Nodes listen again on these sockets.
    Restart(Vec<(i32, Vec<TcpListener>)>, oneshot::Sender<()>),
    /// Leaders move to the next replica, or back to the first.
    MoveLeaders { topic: Option<String>, partition: Option<i32>, back: bool, done: oneshot::Sender<u64> },
    /// End the thread.
    Stop,
}

/// A Kafka broker in this process, on a thread of its own. Dropping it stops it.
#[derive(Debug)]
pub struct EmbeddedBroker {
    faults: FaultsHandle,
    advertised: Vec<Addresses>,
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
        if !(1..=MAX_NODES).contains(&config.nodes) {
            return Err(StartError::Nodes(config.nodes));
        }
        let sockets = (0..config.nodes)
            .map(|node| config.listeners.iter().map(|listener| bind_first(listener.bind, node)).collect())
            .collect::<Result<Vec<Vec<_>>, _>>()?;
        let local = |socket: &TcpListener| socket.local_addr().map_err(StartError::Thread);
        let bound = sockets
            .iter()
            .map(|sockets| sockets.iter().map(local).collect())
            .collect::<Result<Vec<Vec<SocketAddr>>, _>>()?;
        let advertised: Vec<Addresses> =
            (0..).zip(&bound).map(|(node, bound)| addresses(&config, node, bound)).collect();
        let table = Arc::new(FaultTable::default());
        (1..).zip(&bound).for_each(|(node, _)| table.set_up(node, true));
        let (control, receiver) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
        let (nodes, faults) = (Nodes::new(advertised.clone()), Arc::clone(&table));
        let thread = std::thread::Builder::new()
            .name("embedded-kafka".to_owned())
            .spawn(move || server::run(&runtime, config, nodes, sockets, faults, receiver))
            .map_err(StartError::Thread)?;
        Ok(EmbeddedBroker {
            faults: FaultsHandle { table, control, bound: Arc::new(bound) },
            advertised,
            thread: Some(thread),
        })
    }

    /// `host:port` of the first listener, of every node, for a client's `bootstrap.servers`.
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        self.listener_servers(0).unwrap_or_default()
    }

    /// `host:port` that the listener of that index advertises, of every node.
    #[must_use]
    pub fn listener_servers(&self, index: usize) -> Option<String> {
        let text = |(host, port): &(String, u16)| match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        };
        let listeners = self.advertised.iter().map(|node| node.get(index).map(text));
        Some(listeners.collect::<Option<Vec<_>>>()?.join(","))
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
    /// Addresses of every node.
    bound: Arc<Vec<Vec<SocketAddr>>>,
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

    /// One node dies; its partitions are led by their next replica, if there is one. Blocks until it is down.
    ///
    /// # Errors
    /// If there is no such node, or the broker was stopped.
    pub fn crash_node(&self, node: i32) -> Result<(), StartError> {
        self.known(node)?;
        self.ask(|done| Control::CrashNode(node, done))
    }

    /// Every node that is down comes back on the same ports, with the log it had. Blocks until they listen.
    ///
    /// # Errors
    /// If a port was taken meanwhile, or the broker was stopped.
    pub fn restart(&self) -> Result<(), StartError> {
        self.restart_all((1..=self.bound.len() as i32).collect())
    }

    /// One node comes back.
    ///
    /// # Errors
    /// If there is no such node, its port was taken meanwhile, or the broker was stopped.
    pub fn restart_node(&self, node: i32) -> Result<(), StartError> {
        self.known(node)?;
        self.restart_all(vec![node])
    }

    fn restart_all(&self, nodes: Vec<i32>) -> Result<(), StartError> {
        let down = nodes.into_iter().filter(|node| !self.table.is_up(*node));
        let sockets = down
            .map(|node| Ok((node, self.bound[node as usize - 1].iter().map(|at| bind(*at)).collect::<Result<_, _>>()?)))
            .collect::<Result<Vec<_>, StartError>>()?;
        if sockets.is_empty() {
            return Ok(());
        }
        self.ask(|done| Control::Restart(sockets, done))
    }

    /// The leaders of partitions move to their next replica that is up: of all topics, of one, or of one partition.
    /// Gives how many moved; a partition with a single replica stays where it is.
    ///
    /// # Errors
    /// If the broker was stopped.
    pub fn move_leaders(&self, topic: Option<&str>, partition: Option<i32>) -> Result<u64, StartError> {
        let topic = topic.map(str::to_owned);
        self.ask(|done| Control::MoveLeaders { topic, partition, back: false, done })
    }

    /// Every partition is led by the first of its replicas that is up, as after Kafka's election of preferred leaders.
    ///
    /// # Errors
    /// If the broker was stopped.
    pub fn restore_leaders(&self) -> Result<u64, StartError> {
        self.ask(|done| Control::MoveLeaders { topic: None, partition: None, back: true, done })
    }

    fn known(&self, node: i32) -> Result<(), StartError> {
        let count = self.bound.len();
        match (1..=count as i32).contains(&node) {
            true => Ok(()),
            false => Err(StartError::NoSuchNode { asked: node, count }),
        }
    }

    fn ask<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> Control) -> Result<T, StartError> {
        let (done, mut wait) = oneshot::channel();
        self.control.send(make(done)).map_err(|_| StartError::Stopped)?;
        // Not a blocking receive: that panics on a thread that runs a runtime.
        loop {
            match wait.try_recv() {
                Ok(answer) => return Ok(answer),
                Err(oneshot::error::TryRecvError::Closed) => return Err(StartError::Stopped),
                Err(oneshot::error::TryRecvError::Empty) => {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
    }
}

/// Binds a listener of a node for the first time; a port of our choice must be free again after a crash.
fn bind_first(address: SocketAddr, node: usize) -> Result<TcpListener, StartError> {
    if address.port() != 0 {
        return bind(SocketAddr::new(address.ip(), after(address.port(), node)));
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

/// The port of a node, where the first node's is given.
fn after(port: u16, node: usize) -> u16 {
    port.saturating_add(u16::try_from(node).unwrap_or(u16::MAX))
}

fn addresses(config: &BrokerConfig, node: usize, bound: &[SocketAddr]) -> Addresses {
    config.listeners.iter().zip(bound).map(|(listener, bound)| advertised(listener, node, *bound)).collect()
}

fn advertised(listener: &Listener, node: usize, bound: SocketAddr) -> (String, u16) {
    match &listener.advertised {
        Some((host, 0)) => (host.clone(), bound.port()),
        Some((host, port)) => (host.clone(), after(*port, node)),
        None if bound.ip().is_unspecified() => ("127.0.0.1".to_owned(), bound.port()),
        None => (bound.ip().to_string(), bound.port()),
    }
}
