//! Looking inside a batch: record timestamps, keys, tombstones.
//!
//! Only a search by time and a compacted topic need it. Records are walked over, not built, and no
//! count or length from the wire is trusted with an allocation.

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::compression::{Compressor, Decompressor, Gzip, Lz4, Snappy, Zstd};

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
    let contents = Contents::of(raw)?;
    let info = |record: RawRecord<'_>| RecordInfo {
        offset: header.base_offset + record.offset_delta,
        timestamp: match header.is_log_append_time() {
            true => header.max_timestamp,
            false => header.base_timestamp.wrapping_add(record.timestamp_delta),
        },
        has_key: record.key.is_some(),
    };
    contents.iter().map(|record| record.map(info)).collect()
}

/// One record as it stands in its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawRecord<'a> {
    /// Its length and all that follows.
    pub bytes: &'a [u8],
    pub offset_delta: i64,
    pub timestamp_delta: i64,
    pub key: Option<&'a [u8]>,
    /// None of a tombstone.
    pub value: Option<Place>,
}

impl RawRecord<'_> {
    /// Whether it has no value.
    pub(crate) fn is_tombstone(&self) -> bool {
        self.value.is_none()
    }
}

/// Where something stands among the bytes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub at: usize,
    pub length: usize,
}

/// The records of a batch, decompressed.
pub(crate) struct Contents {
    plain: Bytes,
    count: i32,
}

impl Contents {
    /// Decompresses the records of a batch.
    pub(crate) fn of(raw: &Bytes) -> Result<Contents, RecordError> {
        let header = batch::header(raw);
        Ok(Contents { plain: decompress(raw.slice(HEADER..), header.compression())?, count: header.count })
    }

    /// Every record; nothing after one that is malformed.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Result<RawRecord<'_>, RecordError>> {
        let (mut rest, count, mut failed) = (&*self.plain, self.count, false);
        (0..count).map_while(move |index| {
            if failed {
                return None;
            }
            let record = next_record(&mut rest).ok_or(RecordError::Malformed { index, count });
            failed = record.is_err();
            Some(record)
        })
    }
}

/// Records as a batch of that compression has them; `None` if they do not compress.
pub(crate) fn compress(plain: &Bytes, compression: i16) -> Option<BytesMut> {
    let mut out = BytesMut::new();
    let all = |buf: &mut BytesMut| {
        buf.extend_from_slice(plain);
        Ok(())
    };
    match compression {
        1 => Gzip::compress(&mut out, all),
        2 => Snappy::compress(&mut out, all),
        3 => Lz4::compress(&mut out, all),
        4 => Zstd::compress(&mut out, all),
        _ => all(&mut out),
    }
    .ok()?;
    Some(out)
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

/// The record that stands first; moves on to the next.
fn next_record<'a>(rest: &mut &'a [u8]) -> Option<RawRecord<'a>> {
    let whole = *rest;
    let length = usize::try_from(varint(rest)?).ok()?;
    let (mut record, after) = rest.split_at_checked(length)?;
    *rest = after;
    record = record.get(1..)?;
    let timestamp_delta = varint(&mut record)?;
    let offset_delta = varint(&mut record)?;
    let key_length = varint(&mut record)?;
    let key = match usize::try_from(key_length) {
        Ok(length) => {
            let (key, after) = record.split_at_checked(length)?;
            record = after;
            Some(key)
        }
        Err(_) => None,
    };
    let value_length = varint(&mut record)?;
    let bytes = &whole[..whole.len() - after.len()];
    let value = match usize::try_from(value_length) {
        Ok(length) => {
            record.get(length..)?;
            Some(Place { at: bytes.len() - record.len(), length })
        }
        Err(_) => None,
    };
    Some(RawRecord { bytes, offset_delta, timestamp_delta, key, value })
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
