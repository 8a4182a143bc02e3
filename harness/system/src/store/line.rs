//! One connection of a service, carried to the store and back.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::orders::Orders;
use super::reach::Reach;

/// How long it may take until the store lets us in.
const CONNECT: Duration = Duration::from_secs(10);
/// What is read at once.
const CHUNK: usize = 16 * 1024;
/// Parts of answers that wait at most: with more a slow store would only fill the machine's memory.
const WAITING: usize = 1024;

/// A part of an answer and when it is to arrive; an empty one is the end.
type Part = (Instant, Vec<u8>);

/// Carries a connection until both sides have ended it. What one side ends by force is ended so on the other.
pub(super) async fn carry(mut service: TcpStream, orders: Arc<Orders>, reach: Arc<Reach>) {
    let carried = match orders.admit() {
        None => Err(io::ErrorKind::ConnectionReset.into()),
        Some(mut open) => tokio::select! {
            // First of all: what is asked once the store is down does not get through.
            biased;
            () = open.is_to_close() => Err(io::ErrorKind::ConnectionReset.into()),
            carried = to_store(&mut service, &orders, &reach) => carried,
        },
    };
    if carried.is_err() {
        // Closed by force, as by a process that dies. A connection that will not have that closes as it can.
        let _ = service.set_zero_linger();
    }
}

async fn to_store(service: &mut TcpStream, orders: &Orders, reach: &Reach) -> io::Result<()> {
    let connected = connect(reach.address()).await;
    reach.tried(connected.as_ref().map(|_| ()).map_err(ToString::to_string));
    let mut store = connected?;
    // Each part goes on as it comes: it is the two ends who know what belongs together.
    service.set_nodelay(true)?;
    store.set_nodelay(true)?;
    let (asks, answered) = service.split();
    let (answers, asked) = store.split();
    tokio::try_join!(ask(asks, asked, orders), answer(answers, answered, orders)).map(|_| ())
}

async fn connect(address: &str) -> io::Result<TcpStream> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", CONNECT.as_secs()));
    tokio::time::timeout(CONNECT, TcpStream::connect(address)).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
}

async fn ask(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, orders: &Orders) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        if orders.breaks_off() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        to.write_all(&chunk[..read]).await?;
    }
}

/// Reading goes on while parts wait: each is late by itself, and they are not late one after the other.
async fn answer(from: ReadHalf<'_>, to: WriteHalf<'_>, orders: &Orders) -> io::Result<()> {
    let (wait, waiting) = mpsc::channel(WAITING);
    tokio::try_join!(take(from, wait, orders), give(waiting, to)).map(|_| ())
}

async fn take(mut from: ReadHalf<'_>, wait: mpsc::Sender<Part>, orders: &Orders) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk).await?;
        let due = Instant::now() + orders.late();
        let gone = wait.send((due, chunk[..read].to_vec())).await.is_err();
        if read == 0 || gone {
            return Ok(());
        }
    }
}

async fn give(mut waiting: mpsc::Receiver<Part>, mut to: WriteHalf<'_>) -> io::Result<()> {
    while let Some((due, part)) = waiting.recv().await {
        if due > Instant::now() {
            tokio::time::sleep_until(due).await;
        }
        match part.is_empty() {
            true => to.shutdown().await?,
            false => to.write_all(&part).await?,
        }
    }
    Ok(())
}
