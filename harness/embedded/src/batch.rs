//! Record batches as raw bytes (magic 2), read and patched at their fixed offsets.
//!
//! Batches are never re-encoded: what a producer sent is what a consumer gets, but for the base
//! offset and leader epoch (outside the checksum) and, with LogAppendTime, the timestamp.

use bytes::{Bytes, BytesMut};

use crate::codes;

/// Bytes before the records of a batch.
pub(crate) const HEADER: usize = 61;
const LENGTH: usize = 8;
const LEADER_EPOCH: usize = 12;
const MAGIC: usize = 16;
const CRC: usize = 17;
const ATTRIBUTES: usize = 21;
const LAST_OFFSET_DELTA: usize = 23;
const BASE_TIMESTAMP: usize = 27;
const MAX_TIMESTAMP: usize = 35;
const PRODUCER_ID: usize = 43;
const PRODUCER_EPOCH: usize = 51;
const BASE_SEQUENCE: usize = 53;
const COUNT: usize = 57;

const LOG_APPEND_TIME: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;

/// The fields of a batch's header that the broker acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub base_offset: i64,
    pub attributes: i16,
    pub last_offset_delta: i32,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub count: i32,
}

impl Header {
    pub(crate) fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    pub(crate) fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    pub(crate) fn is_log_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME != 0
    }

    /// 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
    pub(crate) fn compression(&self) -> i16 {
        self.attributes & 0x7
    }

    pub(crate) fn is_idempotent(&self) -> bool {
        self.producer_id >= 0
    }

    /// The sequence number of the last record; sequences wrap from `i32::MAX` to 0.
    pub(crate) fn last_sequence(&self) -> i32 {
        advance_sequence(self.base_sequence, self.last_offset_delta)
    }
}

/// A sequence number so many records on.
pub(crate) fn advance_sequence(sequence: i32, by: i32) -> i32 {
    let sum = i64::from(sequence) + i64::from(by);
    i32::try_from(sum).unwrap_or_else(|_| (sum - i64::from(i32::MAX) - 1) as i32)
}

fn bytes_at<const N: usize>(raw: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    if let Some(slice) = raw.get(at..at + N) {
        out.copy_from_slice(slice);
    }
    out
}

/// Reads the header of a batch that is at least [`HEADER`] bytes long.
pub(crate) fn header(raw: &[u8]) -> Header {
    Header {
        base_offset: i64::from_be_bytes(bytes_at(raw, 0)),
        attributes: i16::from_be_bytes(bytes_at(raw, ATTRIBUTES)),
        last_offset_delta: i32::from_be_bytes(bytes_at(raw, LAST_OFFSET_DELTA)),
        base_timestamp: i64::from_be_bytes(bytes_at(raw, BASE_TIMESTAMP)),
        max_timestamp: i64::from_be_bytes(bytes_at(raw, MAX_TIMESTAMP)),
        producer_id: i64::from_be_bytes(bytes_at(raw, PRODUCER_ID)),
        producer_epoch: i16::from_be_bytes(bytes_at(raw, PRODUCER_EPOCH)),
        base_sequence: i32::from_be_bytes(bytes_at(raw, BASE_SEQUENCE)),
        count: i32::from_be_bytes(bytes_at(raw, COUNT)),
    }
}

/// Why a produced batch is refused: the error code and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub code: i16,
    pub message: String,
}

fn refused(code: i16, message: impl Into<String>) -> Refused {
    Refused { code, message: message.into() }
}

/// Checks what a producer sent for one partition: exactly one well-formed batch.
pub(crate) fn validate(raw: &[u8], max_bytes: usize) -> Result<Header, Refused> {
    if raw.len() < HEADER {
        let message = format!("a batch has {HEADER} bytes at least, not {}", raw.len());
        return Err(refused(codes::CORRUPT_MESSAGE, message));
    }
    let magic = raw[MAGIC];
    if magic != 2 {
        let message = format!("message format {magic} is not supported, only 2");
        return Err(refused(codes::INVALID_RECORD, message));
    }
    let size = 12 + i64::from(i32::from_be_bytes(bytes_at(raw, LENGTH)));
    let present = i64::try_from(raw.len()).unwrap_or(i64::MAX);
    if size < HEADER as i64 || size > present {
        let message = format!("the batch says it has {size} bytes, but {present} came");
        return Err(refused(codes::CORRUPT_MESSAGE, message));
    }
    if size < present {
        let message = "a produce request has one batch for each partition, no more";
        return Err(refused(codes::INVALID_RECORD, message));
    }
    if raw.len() > max_bytes {
        let message = format!("the batch has {present} bytes, the limit is {max_bytes}");
        return Err(refused(codes::MESSAGE_TOO_LARGE, message));
    }
    let (said, is) = (u32::from_be_bytes(bytes_at(raw, CRC)), checksum(raw));
    if said != is {
        let message = format!("the checksum is {is:#010x}, the batch says {said:#010x}");
        return Err(refused(codes::CORRUPT_MESSAGE, message));
    }
    check_header(header(raw))
}

fn check_header(header: Header) -> Result<Header, Refused> {
    if header.count <= 0 || header.last_offset_delta != header.count - 1 {
        let message =
            format!("{} records and a last offset delta of {} do not agree", header.count, header.last_offset_delta);
        return Err(refused(codes::INVALID_RECORD, message));
    }
    if header.is_control() {
        let message = "clients may not write control batches";
        return Err(refused(codes::INVALID_RECORD, message));
    }
    if header.is_idempotent() && (header.base_sequence < 0 || header.producer_epoch < 0) {
        let message = "a producer id without a sequence number and an epoch";
        return Err(refused(codes::INVALID_RECORD, message));
    }
    if header.is_transactional() && !header.is_idempotent() {
        let message = "a transactional batch without a producer id";
        return Err(refused(codes::INVALID_RECORD, message));
    }
    if header.compression() > 4 {
        let message = format!("compression type {} is unknown", header.compression());
        return Err(refused(codes::UNSUPPORTED_COMPRESSION_TYPE, message));
    }
    Ok(header)
}

/// Whether the checksum is that of the bytes.
#[cfg(test)]
pub(crate) fn is_intact(raw: &[u8]) -> bool {
    u32::from_be_bytes(bytes_at(raw, CRC)) == checksum(raw)
}

fn checksum(raw: &[u8]) -> u32 {
    crc32c::crc32c(&raw[ATTRIBUTES..])
}

/// A copy of the batch as it is kept: with its offset, the leader's epoch and, if given, the time of
/// the append in place of the producer's.
pub(crate) fn stamped(raw: &[u8], base_offset: i64, epoch: i32, append_ms: Option<i64>) -> Bytes {
    let mut out = BytesMut::from(raw);
    out[..8].copy_from_slice(&base_offset.to_be_bytes());
    out[LEADER_EPOCH..LEADER_EPOCH + 4].copy_from_slice(&epoch.to_be_bytes());
    if let Some(time) = append_ms {
        let attributes = header(raw).attributes | LOG_APPEND_TIME;
        out[ATTRIBUTES..ATTRIBUTES + 2].copy_from_slice(&attributes.to_be_bytes());
        out[MAX_TIMESTAMP..MAX_TIMESTAMP + 8].copy_from_slice(&time.to_be_bytes());
        let crc = checksum(&out);
        out[CRC..CRC + 4].copy_from_slice(&crc.to_be_bytes());
    }
    out.freeze()
}

/// A copy with other records, so many of them; offsets and sequence stay what they were.
pub(crate) fn with_records(raw: &[u8], records: &[u8], count: usize) -> Bytes {
    let mut out = BytesMut::from(raw.get(..HEADER).unwrap_or_default());
    out.extend_from_slice(records);
    let length = (out.len() - 12) as i32;
    out[LENGTH..LENGTH + 4].copy_from_slice(&length.to_be_bytes());
    out[COUNT..COUNT + 4].copy_from_slice(&(count as i32).to_be_bytes());
    let crc = checksum(&out);
    out[CRC..CRC + 4].copy_from_slice(&crc.to_be_bytes());
    out.freeze()
}

/// A copy with one byte of the records changed and the checksum left as it was.
pub(crate) fn corrupted(raw: &[u8]) -> Bytes {
    let mut out = BytesMut::from(raw);
    if let Some(last) = out.last_mut() {
        *last ^= 0xff;
    }
    out.freeze()
}

/// What a transaction marker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marker {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub commit: bool,
}

/// The control batch that ends a transaction on a partition (offset still 0).
pub(crate) fn control(marker: Marker, now_ms: i64) -> Bytes {
    // One record: attributes, timestamp delta 0, offset delta 0, key (version 0, type), value
    // (version 0, coordinator epoch 0), no headers; lengths are zigzag varints.
    let kind = u8::from(marker.commit);
    let record = [0, 0, 0, 8, 0, 0, 0, kind, 12, 0, 0, 0, 0, 0, 0, 0];
    let mut out = Vec::with_capacity(HEADER + 1 + record.len());
    out.resize(HEADER, 0);
    out.push((record.len() * 2) as u8);
    out.extend_from_slice(&record);
    let length = (out.len() - 12) as i32;
    let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
    put(LENGTH, &length.to_be_bytes());
    put(MAGIC, &[2]);
    put(ATTRIBUTES, &(TRANSACTIONAL | CONTROL).to_be_bytes());
    put(BASE_TIMESTAMP, &now_ms.to_be_bytes());
    put(MAX_TIMESTAMP, &now_ms.to_be_bytes());
    put(PRODUCER_ID, &marker.producer_id.to_be_bytes());
    put(PRODUCER_EPOCH, &marker.producer_epoch.to_be_bytes());
    put(BASE_SEQUENCE, &(-1i32).to_be_bytes());
    put(COUNT, &1i32.to_be_bytes());
    let crc = checksum(&out);
    out[CRC..CRC + 4].copy_from_slice(&crc.to_be_bytes());
    Bytes::from(out)
}

/// Batches for tests.
#[cfg(test)]
pub(crate) mod testing {
    use bytes::{Bytes, BytesMut};
    use kafka_protocol::records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType};

    /// A producer's id, epoch and first sequence number.
    pub(crate) type Sequence = (i64, i16, i32);

    /// A batch of records with these timestamps, from a producer that may be idempotent.
    pub(crate) fn batch_of(timestamps: &[i64], sequence: Option<Sequence>, codec: Compression) -> Bytes {
        let content = |(n, timestamp): (usize, &i64)| Content {
            timestamp: *timestamp,
            key: (n % 2 == 0).then(|| Bytes::from_static(b"key")),
            value: Some(Bytes::from(vec![b'v'; 100])),
        };
        let contents: Vec<Content> = timestamps.iter().enumerate().map(content).collect();
        batch_with(&contents, sequence, codec)
    }

    /// What a record of a test holds.
    pub(crate) struct Content {
        pub timestamp: i64,
        pub key: Option<Bytes>,
        pub value: Option<Bytes>,
    }

    /// A batch of these records.
    pub(crate) fn batch_with(contents: &[Content], sequence: Option<Sequence>, codec: Compression) -> Bytes {
        let (producer_id, producer_epoch, first) = sequence.unwrap_or((-1, -1, -1));
        let records: Vec<Record> = contents
            .iter()
            .enumerate()
            .map(|(n, content)| Record {
                transactional: false,
                control: false,
                delete_horizon: false,
                partition_leader_epoch: -1,
                producer_id,
                producer_epoch,
                timestamp_type: TimestampType::Creation,
                offset: n as i64,
                // The encoder starts another batch where the sequence does not go on.
                sequence: first + n as i32,
                timestamp: content.timestamp,
                key: content.key.clone(),
                value: content.value.clone(),
                headers: kafka_protocol::indexmap::IndexMap::new(),
            })
            .collect();
        let options = RecordEncodeOptions { version: 2, compression: codec };
        let mut out = BytesMut::new();
        RecordBatchEncoder::encode(&mut out, &records, &options).unwrap();
        out.freeze()
    }

    pub(crate) fn plain(count: usize) -> Bytes {
        batch_of(&vec![1_000; count], None, Compression::None)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{batch_of, plain};
    use super::*;
    use kafka_protocol::records::{Compression, RecordBatchDecoder};
    use proptest::prelude::*;

    const LIMIT: usize = 1 << 20;

    fn code(raw: &[u8]) -> i16 {
        validate(raw, LIMIT).unwrap_err().code
    }

    #[test]
    fn what_the_codec_writes_is_accepted_and_read_alike() {
        let raw = batch_of(&[5, 9, 7], Some((42, 3, 17)), Compression::Zstd);
        let header = validate(&raw, LIMIT).unwrap();
        assert_eq!((header.count, header.last_offset_delta), (3, 2));
        assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (42, 3, 17));
        assert_eq!((header.base_timestamp, header.max_timestamp), (5, 9));
        assert_eq!((header.compression(), header.last_sequence()), (4, 19));
    }

    #[test]
    fn a_stamped_batch_keeps_its_checksum_right() {
        let raw = plain(2);
        for append in [None, Some(77)] {
            let stamped = stamped(&raw, 1234, 0, append);
            let header = validate(&stamped, LIMIT).unwrap();
            assert_eq!(header.base_offset, 1234);
            assert_eq!(header.max_timestamp, append.unwrap_or(1_000));
            assert_eq!(header.is_log_append_time(), append.is_some());
            let decoded = RecordBatchDecoder::decode(&mut stamped.clone()).unwrap();
            assert_eq!(decoded.records[1].offset, 1235);
        }
    }

    #[test]
    fn a_batch_that_is_not_one_is_refused_with_the_right_code() {
        let raw = plain(2);
        let patched = |at: usize, byte: u8| {
            let mut raw = raw.to_vec();
            raw[at] = byte;
            raw
        };
        assert_eq!(code(&raw[..40]), codes::CORRUPT_MESSAGE);
        assert_eq!(code(&raw[..raw.len() - 1]), codes::CORRUPT_MESSAGE);
        assert_eq!(code(&patched(MAGIC, 1)), codes::INVALID_RECORD);
        assert_eq!(code(&patched(raw.len() - 1, 9)), codes::CORRUPT_MESSAGE);
        assert_eq!(code(&[&raw[..], &raw[..]].concat()), codes::INVALID_RECORD);
        assert_eq!(
            code(&control(Marker { producer_id: 1, producer_epoch: 0, commit: true }, 0)),
            codes::INVALID_RECORD
        );
        assert_eq!(validate(&raw, raw.len() - 1).unwrap_err().code, codes::MESSAGE_TOO_LARGE);
        assert!(validate(&raw, raw.len()).is_ok());
    }

    #[test]
    fn a_transaction_marker_reads_as_kafkas() {
        for commit in [false, true] {
            let marker = Marker { producer_id: 9, producer_epoch: 2, commit };
            let mut raw = control(marker, 55);
            let header = header(&raw);
            assert!(header.is_control() && header.is_transactional());
            let decoded = RecordBatchDecoder::decode(&mut raw).unwrap();
            let record = &decoded.records[0];
            assert_eq!(record.key.as_deref(), Some(&[0, 0, 0, u8::from(commit)][..]));
            assert_eq!(record.value.as_deref(), Some(&[0; 6][..]));
            assert_eq!((record.producer_id, record.producer_epoch, record.timestamp), (9, 2, 55));
        }
    }

    #[test]
    fn sequences_wrap_to_zero() {
        assert_eq!(advance_sequence(i32::MAX - 1, 1), i32::MAX);
        assert_eq!(advance_sequence(i32::MAX, 1), 0);
        assert_eq!(advance_sequence(i32::MAX - 1, 4), 2);
    }

    proptest! {
        #[test]
        fn any_byte_changed_after_the_checksum_is_noticed(at in 0usize..1000, by in 1u8..) {
            let mut raw = plain(3).to_vec();
            let at = ATTRIBUTES + at % (raw.len() - ATTRIBUTES);
            raw[at] = raw[at].wrapping_add(by);
            prop_assert_eq!(code(&raw), codes::CORRUPT_MESSAGE);
        }

        #[test]
        fn no_bytes_make_the_check_panic(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = validate(&raw, LIMIT);
        }
    }
}
