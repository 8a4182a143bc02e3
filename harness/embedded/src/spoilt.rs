//! What a fault lets be kept of a batch that is acknowledged: nothing, the batch twice, or one whose values are not those that were sent.

use bytes::{Bytes, BytesMut};

use crate::batch;
use crate::faults::Kept;
use crate::records::{self, Contents};

/// The batches to append in place of one; as it is without a fault.
pub(crate) fn kept(raw: Bytes, kept: Option<Kept>) -> Vec<Bytes> {
    match kept {
        None => vec![raw],
        Some(Kept::Nothing) => Vec::new(),
        Some(Kept::Twice) => vec![raw.clone(), raw],
        Some(Kept::Altered) => vec![altered(&raw).unwrap_or(raw)],
    }
}

/// The batch with a character of each value changed; none if it cannot be read.
fn altered(raw: &Bytes) -> Option<Bytes> {
    let contents = Contents::of(raw).ok()?;
    let (mut plain, mut count) = (BytesMut::new(), 0);
    for record in contents.iter() {
        let record = record.ok()?;
        let from = plain.len();
        plain.extend_from_slice(record.bytes);
        if let Some(value) = record.value {
            change(plain.get_mut(from..)?.get_mut(value.at..value.at + value.length)?);
        }
        count += 1;
    }
    let body = records::compress(&plain.freeze(), batch::header(raw).compression())?;
    Some(batch::with_records(raw, &body, count))
}

/// Changes the last character that ends a text, or the last byte: a document stays a document, so that nothing but its content is wrong.
fn change(value: &mut [u8]) {
    let ends_text = |pair: &[u8]| pair[0].is_ascii_alphanumeric() && pair[1] == b'"';
    let is_value = |at: &usize| value.get(at + 2) != Some(&b':');
    let at = (0..value.len().saturating_sub(1)).rev().filter(|at| ends_text(&value[*at..at + 2])).find(is_value);
    let Some(byte) = at.or(value.len().checked_sub(1)).and_then(|at| value.get_mut(at)) else { return };
    *byte = match *byte {
        b'0'..=b'8' | b'a'..=b'y' | b'A'..=b'Y' => *byte + 1,
        b'9' => b'0',
        b'z' => b'a',
        b'Z' => b'A',
        other => other ^ 1,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::testing::{Content, batch_with};
    use kafka_protocol::records::{Compression, RecordBatchDecoder};

    fn values(raw: &Bytes) -> Vec<String> {
        let set = RecordBatchDecoder::decode(&mut raw.clone()).unwrap();
        set.records.into_iter().map(|record| String::from_utf8(record.value.unwrap().to_vec()).unwrap()).collect()
    }

    #[test]
    fn an_altered_batch_is_whole_and_each_of_its_values_is_another() {
        for codec in [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
            let content = |text: &'static str| Content { timestamp: 5, key: None, value: Some(text.into()) };
            let sent = [content(r#"{"a":"x9"}"#), content(r#"{"a":"bz","n":5}"#), content("7"), content("")];
            let raw = batch_with(&sent, Some((4, 0, 0)), codec);
            let altered = kept(raw.clone(), Some(Kept::Altered)).remove(0);
            assert!(batch::is_intact(&altered));
            assert_eq!(batch::header(&altered), batch::header(&raw));
            assert_eq!(values(&altered), [r#"{"a":"x0"}"#, r#"{"a":"ba","n":5}"#, "8", ""]);
        }
    }
}
