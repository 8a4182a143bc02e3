//! Every request served, in every version, is answered, and the answer can be read.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader, ResponseKind};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::served;
use crate::schema::testing::written;
use crate::{BrokerConfig, EmbeddedBroker};

/// Sends a request; `None` if the connection was closed.
fn ask(stream: &mut TcpStream, key: ApiKey, version: i16, body: &[u8]) -> Option<Bytes> {
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_correlation_id(1)
        .with_client_id(Some(StrBytes::from_static_str("test")));
    let mut frame = BytesMut::new();
    frame.put_i32(0);
    header.encode(&mut frame, key.request_header_version(version)).unwrap();
    frame.put_slice(body);
    let length = (frame.len() - 4) as i32;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    stream.write_all(&frame).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut answer = vec![0; i32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).ok()?;
    Some(Bytes::from(answer))
}

fn connect(broker: &EmbeddedBroker) -> TcpStream {
    let stream = TcpStream::connect(broker.bootstrap_servers()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

#[test]
fn every_request_in_every_version_is_answered_readably() {
    let broker = EmbeddedBroker::start(BrokerConfig::default()).unwrap();
    let mut stream = connect(&broker);
    let mut runner = TestRunner::deterministic();
    let seeds = proptest::collection::vec(any::<u8>(), 0..60);
    for _ in 0..60 {
        let seed = seeds.new_tree(&mut runner).unwrap().current();
        for (key, version) in served() {
            // A produce request with acks=0 has no answer.
            if key == ApiKey::Produce {
                continue;
            }
            let body = written(key, version, &seed);
            let Some(mut answer) = ask(&mut stream, key, version, &body) else {
                panic!("{key:?} {version} was not answered: {body:?}");
            };
            let header = key.response_header_version(version);
            ResponseHeader::decode(&mut answer, header).unwrap();
            let decoded = ResponseKind::decode(key, &mut answer, version);
            assert!(decoded.is_ok(), "{key:?} {version}: {decoded:?}");
            assert!(answer.is_empty(), "{key:?} {version}: {} bytes more", answer.len());
        }
    }
}
