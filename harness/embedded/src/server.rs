//! The broker's thread: accepting, the passing of time, crash and restart.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::connection;
use crate::embedded::Control;
use crate::faults::FaultTable;
use crate::nodes::Nodes;

/// How often time-outs are looked at.
const TICK: Duration = Duration::from_millis(20);

/// What every connection shares.
pub(crate) struct Shared {
    pub broker: RefCell<Broker>,
    pub faults: Arc<FaultTable>,
}

/// Runs the broker until it is told to stop. This is the body of its thread.
pub(crate) fn run(
    runtime: &tokio::runtime::Runtime,
    config: BrokerConfig,
    nodes: Nodes,
    sockets: Vec<Vec<TcpListener>>,
    faults: Arc<FaultTable>,
    control: mpsc::UnboundedReceiver<Control>,
) {
    let shift = Arc::clone(&faults.clock_shift_ms);
    let shared = Rc::new(Shared { broker: RefCell::new(Broker::new(config, nodes, shift)), faults });
    let local = tokio::task::LocalSet::new();
    local.block_on(runtime, supervise(shared, sockets, control));
}

async fn supervise(shared: Rc<Shared>, sockets: Vec<Vec<TcpListener>>, mut control: mpsc::UnboundedReceiver<Control>) {
    // The acceptors of every node that is up.
    let mut up: BTreeMap<i32, JoinSet<()>> =
        (1..).zip(sockets).map(|(node, sockets)| (node, listen(&shared, node, sockets))).collect();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => if !up.is_empty() {
                shared.broker.borrow_mut().tick();
            },
            command = control.recv() => match command {
                Some(Control::Crash(done)) => {
                    for (node, mut acceptors) in std::mem::take(&mut up) {
                        acceptors.shutdown().await;
                        shared.faults.set_up(node, false);
                    }
                    let _ = done.send(());
                }
                Some(Control::CrashNode(node, done)) => {
                    if let Some(mut acceptors) = up.remove(&node) {
                        acceptors.shutdown().await;
                        shared.faults.set_up(node, false);
                        shared.broker.borrow_mut().node_down(node);
                    }
                    let _ = done.send(());
                }
                Some(Control::Restart(sockets, done)) => {
                    if up.is_empty() {
                        shared.broker.borrow_mut().reload();
                    }
                    for (node, sockets) in sockets {
                        shared.broker.borrow_mut().node_up(node);
                        up.entry(node).or_insert_with(|| listen(&shared, node, sockets));
                    }
                    let _ = done.send(());
                }
                Some(Control::MoveLeaders { topic, partition, back, done }) => {
                    let moved = shared.broker.borrow_mut().move_leaders(topic.as_deref(), partition, back);
                    let _ = done.send(moved);
                }
                Some(Control::Stop) | None => break,
            },
        }
    }
}

/// Accepts on every socket of a node. Dropping the set closes the sockets and all of their connections.
fn listen(shared: &Rc<Shared>, node: i32, sockets: Vec<TcpListener>) -> JoinSet<()> {
    let mut acceptors = JoinSet::new();
    for (listener, socket) in sockets.into_iter().enumerate() {
        match tokio::net::TcpListener::from_std(socket) {
            Ok(socket) => {
                acceptors.spawn_local(accept(Rc::clone(shared), (node, listener), socket));
            }
            Err(error) => tracing::error!(listener, %error, "cannot listen"),
        }
    }
    shared.faults.set_up(node, true);
    acceptors
}

async fn accept(shared: Rc<Shared>, way: (i32, usize), socket: tokio::net::TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = socket.accept() => match accepted {
                Ok((stream, peer)) => {
                    let id = shared.faults.connections.fetch_add(1, Ordering::Relaxed);
                    let shared = Rc::clone(&shared);
                    connections.spawn_local(connection::serve(shared, way, id, stream, peer));
                }
                Err(error) => {
                    // Out of file descriptors, most likely: let some be closed first.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
