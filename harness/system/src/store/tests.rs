//! The proxy before a server that says back what it is told.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Store, StoreFault};

/// Longer than anything here takes on a machine that is busy.
const LONG: Duration = Duration::from_secs(60);

/// A server that says everything back until its client has no more to say.
async fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (mut from, mut to) = stream.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from, &mut to).await });
        }
    });
    address
}

async fn store() -> Store {
    Store::start("db", &echo().await, Box::new(|_| ())).unwrap()
}

async fn connected(store: &Store) -> TcpStream {
    TcpStream::connect(store.address).await.unwrap()
}

/// Says something and hears it back, or how the connection ended.
async fn said(stream: &mut TcpStream, text: &str) -> Result<String, ErrorKind> {
    let talk = async {
        stream.write_all(text.as_bytes()).await?;
        let mut heard = vec![0; text.len()];
        stream.read_exact(&mut heard).await?;
        Ok::<_, std::io::Error>(String::from_utf8(heard).unwrap())
    };
    tokio::time::timeout(LONG, talk).await.expect("nothing came back").map_err(|error| error.kind())
}

/// How a connection ends on which nothing is said.
async fn ends(stream: &mut TcpStream) -> ErrorKind {
    let read = tokio::time::timeout(LONG, stream.read(&mut [0; 8])).await.expect("it did not end");
    read.expect_err("it ended, and not by force").kind()
}

/// How a new connection ends that is not carried: as it is made, or at once afterwards.
async fn refused(store: &Store) -> ErrorKind {
    match TcpStream::connect(store.address).await {
        Ok(mut stream) => ends(&mut stream).await,
        Err(error) => error.kind(),
    }
}

#[tokio::test]
async fn what_is_said_passes_both_ways() {
    let store = store().await;
    let (mut first, mut second) = (connected(&store).await, connected(&store).await);
    assert_eq!(said(&mut first, "one").await.unwrap(), "one");
    assert_eq!(said(&mut second, "two").await.unwrap(), "two");
    assert_eq!(said(&mut first, "three").await.unwrap(), "three");
}

#[tokio::test]
async fn a_side_that_has_no_more_to_say_still_hears_the_rest() {
    let store = store().await;
    let mut stream = connected(&store).await;
    let long = "x".repeat(1_000_000);
    let (mut from, mut to) = stream.split();
    let say = async {
        to.write_all(long.as_bytes()).await.unwrap();
        to.shutdown().await.unwrap();
    };
    let mut heard = String::new();
    let hear = async { from.read_to_string(&mut heard).await.unwrap() };
    tokio::time::timeout(LONG, async { tokio::join!(say, hear) }).await.unwrap();
    assert!(heard == long, "{} of {} bytes", heard.len(), long.len());
}

#[tokio::test]
async fn while_it_is_down_nobody_is_connected_and_when_it_is_up_again_everybody_is() {
    let store = store().await;
    let mut open = connected(&store).await;
    assert_eq!(said(&mut open, "before").await.unwrap(), "before");
    let down = store.fail(StoreFault::Down);
    assert_eq!(ends(&mut open).await, ErrorKind::ConnectionReset);
    assert_eq!(refused(&store).await, ErrorKind::ConnectionReset);
    assert_eq!(store.mend(down).unwrap().met, 2);
    assert_eq!(said(&mut connected(&store).await, "after").await.unwrap(), "after");
}

#[tokio::test]
async fn answers_come_late_in_their_order_and_not_one_after_the_other() {
    const PARTS: usize = 40;
    let late = Duration::from_millis(300);
    let store = store().await;
    let mut stream = connected(&store).await;
    assert_eq!(said(&mut stream, "before").await.unwrap(), "before");
    let number = store.fail(StoreFault::Late(late));
    let (mut from, mut to) = stream.split();
    let began = Instant::now();
    // More than is read at once, each of them.
    let expected: String = (0..PARTS * 2000).map(|number| format!("{number:09}\n")).collect();
    let say = async { to.write_all(expected.as_bytes()).await.unwrap() };
    let mut heard = vec![0; expected.len()];
    let hear = async {
        from.read_exact(&mut heard[..1]).await.unwrap();
        let first = began.elapsed();
        from.read_exact(&mut heard[1..]).await.unwrap();
        first
    };
    let ((), first) = tokio::time::timeout(LONG, async { tokio::join!(say, hear) }).await.unwrap();
    assert!(first >= late, "the first came after {first:?}");
    assert!(began.elapsed() < late * 20, "{:?}: each waited for the one before", began.elapsed());
    assert!(String::from_utf8(heard).unwrap() == expected, "not in their order");
    assert!(store.mend(number).unwrap().met >= PARTS);
    assert_eq!(said(&mut stream, "after").await.unwrap(), "after");
}

#[tokio::test]
async fn so_many_connections_are_broken_off_once_something_is_asked_on_them() {
    let store = store().await;
    let (mut pooled, mut idle) = (connected(&store).await, connected(&store).await);
    assert_eq!(said(&mut pooled, "before").await.unwrap(), "before");
    assert_eq!(said(&mut idle, "before").await.unwrap(), "before");
    let number = store.fail(StoreFault::BreaksOff(2));
    let mut new = connected(&store).await;
    assert_eq!(said(&mut pooled, "cut").await, Err(ErrorKind::ConnectionReset));
    assert_eq!(said(&mut new, "cut").await, Err(ErrorKind::ConnectionReset));
    assert_eq!(said(&mut idle, "left").await.unwrap(), "left", "nothing was asked on it before");
    assert_eq!(said(&mut connected(&store).await, "after").await.unwrap(), "after");
    assert_eq!(store.mend(number).unwrap().met, 2);
}

#[tokio::test]
async fn that_the_store_itself_cannot_be_reached_is_told_and_said() {
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let keeper = told.clone();
    let store =
        Store::start("db", &nobody, Box::new(move |text| keeper.lock().unwrap().push(text.to_owned()))).unwrap();
    for _ in 0..2 {
        assert_eq!(refused(&store).await, ErrorKind::ConnectionReset);
    }
    let number = store.fail(StoreFault::BreaksOff(1));
    let unreached = store.mend(number).unwrap().unreached.unwrap();
    assert!(unreached.starts_with(&format!("{nobody} cannot be reached: ")), "{unreached}");
    assert_eq!(*told.lock().unwrap(), [format!("store \"db\": {unreached}")]);
}

#[tokio::test]
async fn a_store_that_is_dropped_listens_no_more_and_ends_its_connections() {
    let store = store().await;
    let mut open = connected(&store).await;
    assert_eq!(said(&mut open, "before").await.unwrap(), "before");
    let address = store.address;
    drop(store);
    let read = tokio::time::timeout(LONG, open.read(&mut [0; 8])).await.expect("it did not end");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    let refused = async { while TcpStream::connect(address).await.is_ok() {} };
    tokio::time::timeout(LONG, refused).await.expect("somebody still listens");
}
