//! What no proper client sends, byte by byte.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use common::*;
use eventproof_embedded::EmbeddedBroker;

fn connect(broker: &EmbeddedBroker) -> TcpStream {
    let stream = TcpStream::connect(broker.bootstrap_servers()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// A frame of a request without a client id, in the header of the first kind.
fn frame(key: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend_from_slice(&key.to_be_bytes());
    frame.extend_from_slice(&version.to_be_bytes());
    frame.extend_from_slice(&7i32.to_be_bytes());
    frame.extend_from_slice(&(-1i16).to_be_bytes());
    frame.extend_from_slice(body);
    let mut out = (frame.len() as i32).to_be_bytes().to_vec();
    out.extend_from_slice(&frame);
    out
}

/// The answer; `None` if the broker closed the connection.
fn answer(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut answer = vec![0; i32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).ok()?;
    Some(answer)
}

fn lives(broker: &EmbeddedBroker) -> bool {
    let mut stream = connect(broker);
    stream.write_all(&frame(18, 0, &[])).unwrap();
    answer(&mut stream).is_some()
}

#[test]
fn an_unknown_version_of_api_versions_is_answered_with_those_that_are_known() {
    let broker = broker();
    let mut stream = connect(&broker);
    stream.write_all(&frame(18, 99, &[0, 0])).unwrap();
    let answer = answer(&mut stream).unwrap();
    assert_eq!(&answer[..4], &7i32.to_be_bytes());
    assert_eq!(&answer[4..6], &35i16.to_be_bytes());
    let count = i32::from_be_bytes(answer[6..10].try_into().unwrap());
    assert!(count > 30);
    assert_eq!(answer.len(), 10 + 6 * count as usize);
}

#[test]
fn what_is_no_kafka_ends_its_connection_and_nothing_else() {
    let broker = broker();
    let huge = i32::MAX.to_be_bytes().to_vec();
    let many_topics = frame(3, 1, &i32::MAX.to_be_bytes());
    let many_fields = frame(3, 9, &[0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0]);
    let cases: Vec<Vec<u8>> = vec![
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        (-5i32).to_be_bytes().to_vec(),
        huge,
        frame(999, 0, &[]),
        frame(0, 2, &[0; 20]),
        frame(3, 99, &[]),
        frame(3, 1, &[0, 0]),
        many_topics,
        many_fields,
        vec![0, 0, 0, 0],
        vec![0, 0, 0, 3, 0, 18, 0],
    ];
    for case in cases {
        let mut stream = connect(&broker);
        stream.write_all(&case).unwrap();
        assert_eq!(answer(&mut stream), None, "{case:?}");
        assert!(lives(&broker));
    }
}

#[test]
fn a_request_in_pieces_and_many_in_one_piece_are_answered_in_order() {
    let broker = broker();
    let mut stream = connect(&broker);
    stream.set_nodelay(true).unwrap();
    let one = frame(18, 0, &[]);
    for byte in &one {
        stream.write_all(&[*byte]).unwrap();
        stream.flush().unwrap();
    }
    assert!(answer(&mut stream).is_some());
    let mut many = Vec::new();
    for n in 0..50u8 {
        let mut next = one.clone();
        next[11] = n;
        many.extend_from_slice(&next);
    }
    stream.write_all(&many).unwrap();
    for n in 0..50u8 {
        assert_eq!(answer(&mut stream).unwrap()[3], n);
    }
}

#[test]
fn a_broker_stops_while_clients_hold_connections_and_requests() {
    let broker = broker();
    let mut stream = connect(&broker);
    // A fetch that would wait for a minute.
    let mut body = Vec::new();
    body.extend_from_slice(&(-1i32).to_be_bytes());
    body.extend_from_slice(&60_000i32.to_be_bytes());
    body.extend_from_slice(&1i32.to_be_bytes());
    body.extend_from_slice(&1_000_000i32.to_be_bytes());
    body.push(0);
    body.extend_from_slice(&0i32.to_be_bytes());
    stream.write_all(&frame(1, 4, &body)).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    broker.stop();
    assert_eq!(answer(&mut stream), None);
}
