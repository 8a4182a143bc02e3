//! One connection: frames in, answers out, in order.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::api::{self, Outcome};
use crate::sasl::Login;
use crate::server::Shared;

/// Kafka's `socket.request.max.bytes`.
const MAX_REQUEST: usize = 100 * 1024 * 1024;
const READ_BUFFER: usize = 64 * 1024;

/// What requests of one connection have in common.
pub(crate) struct Conn {
    pub shared: Rc<Shared>,
    pub id: u64,
    /// The node it came to.
    pub node: i32,
    /// Index of the listener it came by.
    pub listener: usize,
    /// The client's address, as DescribeGroups shows it.
    pub host: String,
    /// Wakes a fetch of this connection that waits.
    pub waiter: Rc<Notify>,
    /// Who the client has shown to be.
    pub login: RefCell<Login>,
}

/// Serves a connection until the client closes it, says what is no Kafka, or a fault ends it.
pub(crate) async fn serve(
    shared: Rc<Shared>,
    (node, listener): (i32, usize),
    id: u64,
    mut stream: TcpStream,
    peer: SocketAddr,
) {
    let _ = stream.set_nodelay(true);
    let login = RefCell::new(Login::new(&shared.broker.borrow().config.users));
    let conn =
        Conn { shared, id, node, listener, host: format!("/{}", peer.ip()), waiter: Rc::new(Notify::new()), login };
    let mut buffer = BytesMut::with_capacity(READ_BUFFER);
    while let Some(frame) = read_frame(&mut stream, &mut buffer).await {
        match api::handle(&conn, frame).await {
            Outcome::Answer(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    break;
                }
            }
            Outcome::NoAnswer => {}
            Outcome::Silence => return swallow(stream).await,
            Outcome::Close(reason) => {
                tracing::debug!(%peer, reason, "connection closed");
                break;
            }
        }
    }
}

/// The next request without its length; `None` if there will be none.
async fn read_frame(stream: &mut TcpStream, buffer: &mut BytesMut) -> Option<Bytes> {
    fill(stream, buffer, 4).await?;
    let length = usize::try_from(buffer.get_i32()).ok();
    let length = length.filter(|n| *n <= MAX_REQUEST)?;
    fill(stream, buffer, length).await?;
    Some(buffer.split_to(length).freeze())
}

async fn fill(stream: &mut TcpStream, buffer: &mut BytesMut, length: usize) -> Option<()> {
    while buffer.len() < length {
        let missing = length - buffer.len();
        buffer.reserve(missing.max(READ_BUFFER / 2));
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    Some(())
}

/// Reads and forgets until the client gives up.
async fn swallow(mut stream: TcpStream) {
    let mut sink = vec![0; READ_BUFFER];
    while matches!(stream.read(&mut sink).await, Ok(n) if n > 0) {}
}
