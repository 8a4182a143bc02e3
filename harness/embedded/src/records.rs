//! Looking inside a batch: record timestamps and whether keys are present.
//!
//! Only a search by time and a compacted topic need it. Records are walked over, not built, and no
//! count or length from the wire is trusted with an allocation.

use bytes::{Buf, Bytes};
use kafka_protocol::compression::{Decompressor, Gzip, Lz4, Snappy, Zstd};

use crate::batch::{self, HEADER};

/// What is known of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordInfo {
    pub offset: i64,
    pub timestamp: i64,
    pub has_key: bool,
}

/// The records of a batch could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordError {
    /// The records could not be decompressed.
    #[error("the records do not decompress: {0}")]
    Compression(String),
    /// A record ends after the batch, or has a length that cannot be.
    #[error("record {index} of {count} is malformed")]
    Malformed { index: i32, count: i32 },
}

/// Reads what is known of every record of a batch.
pub(crate) fn read(raw: &Bytes) -> Result<Vec<RecordInfo>, RecordError> {
    let header = batch::header(raw);
    let plain = decompress(raw.slice(HEADER..), header.compression())?;
    let mut rest: &[u8] = &plain;
    let mut records = Vec::new();
    for index in 0..header.count {
        let (offset_delta, timestamp_delta, has_key) =
            next_record(&mut rest).ok_or(RecordError::Malformed { index, count: header.count })?;
        let timestamp = if header.is_log_append_time() {
            header.max_timestamp
        } else {
            header.base_timestamp.wrapping_add(timestamp_delta)
        };
        records.push(RecordInfo { offset: header.base_offset + offset_delta, timestamp, has_key });
    }
    Ok(records)
}

fn decompress(mut body: Bytes, compression: i16) -> Result<Bytes, RecordError> {
    fn all<B: Buf>(buf: &mut B) -> Result<Bytes, std::convert::Infallible> {
        Ok(buf.copy_to_bytes(buf.remaining()))
    }
    let plain = match compression {
        1 => Gzip::decompress(&mut body, |b| Ok(all(b)?)),
        2 => Snappy::decompress(&mut body, |b| Ok(all(b)?)),
        3 => Lz4::decompress(&mut body, |b| Ok(all(b)?)),
        4 => Zstd::decompress(&mut body, |b| Ok(all(b)?)),
        _ => return Ok(body),
    };
    plain.map_err(|e| RecordError::Compression(e.to_string()))
}

/// Offset delta, timestamp delta and whether there is a key; moves on to the next record.
fn next_record(rest: &mut &[u8]) -> Option<(i64, i64, bool)> {
    let length = usize::try_from(varint(rest)?).ok()?;
    let (mut record, after) = rest.split_at_checked(length)?;
    *rest = after;
    record = record.get(1..)?;
    let timestamp_delta = varint(&mut record)?;
    let offset_delta = varint(&mut record)?;
    let key_length = varint(&mut record)?;
    Some((offset_delta, timestamp_delta, key_length >= 0))
}

/// A zigzag varint of up to 64 bits.
fn varint(buf: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let (byte, rest) = buf.split_first()?;
        *buf = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::testing::batch_of;
    use kafka_protocol::records::Compression;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn records_are_found_as_the_codec_wrote_them(
            timestamps in proptest::collection::vec(0i64..4_000_000_000_000, 1..50),
            codec in 0usize..5,
        ) {
            let codecs = [
                Compression::None,
                Compression::Gzip,
                Compression::Snappy,
                Compression::Lz4,
                Compression::Zstd,
            ];
            let raw = batch_of(&timestamps, None, codecs[codec]);
            let raw = batch::stamped(&raw, 500, 0, None);
            let expected: Vec<RecordInfo> = timestamps
                .iter()
                .enumerate()
                .map(|(n, timestamp)| RecordInfo {
                    offset: 500 + n as i64,
                    timestamp: *timestamp,
                    has_key: n % 2 == 0,
                })
                .collect();
            prop_assert_eq!(read(&raw).unwrap(), expected);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(raw in proptest::collection::vec(any::<u8>(), 61..300)) {
            let _ = read(&Bytes::from(raw));
        }
    }
}
