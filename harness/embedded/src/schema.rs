//! The shape of every request served, to check lengths before the codec trusts them.
//!
//! The codec allocates as many elements as an array's length says before it reads them, so a length
//! out of a broken client would end the process. Here a request is walked over first: every length
//! must be backed by bytes that are there. Bytes after the last field are let be, as Kafka does:
//! librdkafka sends three of them after a request for the metadata of all topics.

use kafka_protocol::messages::ApiKey;

use crate::shapes::Kind::{self, Blob, Fixed, Items, List, Text};
use crate::shapes::{Field, shape};

/// More elements than any client sends in one request.
const MAX_ELEMENTS: usize = 1_000_000;

/// A request whose lengths do not agree with its bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SchemaError {
    /// The request ends within a field.
    #[error("the request ends {missing} bytes too early")]
    Short { missing: usize },
    /// A length is below -1, or a varint does not end.
    #[error("a length is negative or malformed")]
    Length,
    /// An array of more elements than bytes are left, or than any client sends.
    #[error("an array of {count} elements, {left} bytes before the end")]
    Array { count: usize, left: usize },
    /// No request of that kind is known here.
    #[error("no shape is known of this request")]
    Unknown,
}

/// Checks every length of a request's body.
pub(crate) fn check(key: ApiKey, version: i16, body: &[u8]) -> Result<(), SchemaError> {
    let (flexible, fields) = shape(key).ok_or(SchemaError::Unknown)?;
    let mut walk = Walk { rest: body, version, flexible: version >= flexible, elements: 0 };
    walk.fields(fields)
}

/// Where the check stands.
struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    flexible: bool,
    elements: usize,
}

impl Walk<'_> {
    fn fields(&mut self, fields: &[Field]) -> Result<(), SchemaError> {
        for Field(first, last, kind) in fields {
            if (*first..=*last).contains(&self.version) {
                self.value(kind)?;
            }
        }
        if self.flexible { self.tags() } else { Ok(()) }
    }

    fn value(&mut self, kind: &Kind) -> Result<(), SchemaError> {
        match kind {
            Fixed(size) => self.skip(*size),
            Text => {
                let length = if self.flexible { self.compact()? } else { self.short()? };
                self.skip(length)
            }
            Blob => {
                let length = self.length()?;
                self.skip(length)
            }
            Items(kind) => (0..self.count()?).try_for_each(|_| self.value(kind)),
            List(fields) => (0..self.count()?).try_for_each(|_| self.fields(fields)),
        }
    }

    /// Every element has one byte at least.
    fn count(&mut self) -> Result<usize, SchemaError> {
        let count = self.length()?;
        self.elements = self.elements.saturating_add(count);
        let left = self.rest.len();
        if count > left || self.elements > MAX_ELEMENTS {
            return Err(SchemaError::Array { count, left });
        }
        Ok(count)
    }

    fn tags(&mut self) -> Result<(), SchemaError> {
        for _ in 0..self.varint()? {
            self.varint()?;
            let size = self.varint()?;
            self.skip(size)?;
        }
        Ok(())
    }

    /// The length of bytes or an array; null counts as nothing.
    fn length(&mut self) -> Result<usize, SchemaError> {
        if self.flexible {
            return self.compact();
        }
        let bytes = self.take::<4>()?;
        plain(i64::from(i32::from_be_bytes(bytes)))
    }

    fn short(&mut self) -> Result<usize, SchemaError> {
        let bytes = self.take::<2>()?;
        plain(i64::from(i16::from_be_bytes(bytes)))
    }

    fn compact(&mut self) -> Result<usize, SchemaError> {
        Ok(self.varint()?.saturating_sub(1))
    }

    fn varint(&mut self) -> Result<usize, SchemaError> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let [byte] = self.take::<1>()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let value = u32::try_from(value).map_err(|_| SchemaError::Length)?;
                return usize::try_from(value).map_err(|_| SchemaError::Length);
            }
        }
        Err(SchemaError::Length)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], SchemaError> {
        let missing = N.saturating_sub(self.rest.len());
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(SchemaError::Short { missing })?;
        self.rest = rest;
        Ok(*head)
    }

    fn skip(&mut self, size: usize) -> Result<(), SchemaError> {
        let missing = size.saturating_sub(self.rest.len());
        self.rest = self.rest.get(size..).ok_or(SchemaError::Short { missing })?;
        Ok(())
    }
}

fn plain(length: i64) -> Result<usize, SchemaError> {
    match length {
        -1 => Ok(0),
        n => usize::try_from(n).map_err(|_| SchemaError::Length),
    }
}

/// Requests made up from their shapes, for tests.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use bytes::{BufMut, Bytes, BytesMut};

    /// Writes a request of the shape, its choices taken from `seed`.
    struct Writer<'a> {
        out: BytesMut,
        version: i16,
        flexible: bool,
        seed: std::slice::Iter<'a, u8>,
    }

    impl Writer<'_> {
        fn pick(&mut self, below: u8) -> u8 {
            self.seed.next().copied().unwrap_or(0) % below
        }

        fn fields(&mut self, fields: &[Field]) {
            for Field(first, last, kind) in fields {
                if (*first..=*last).contains(&self.version) {
                    self.value(kind);
                }
            }
            if self.flexible {
                self.out.put_u8(0);
            }
        }

        fn value(&mut self, kind: &Kind) {
            match kind {
                Fixed(size) => {
                    let byte = [0, 0xff][usize::from(self.pick(2))];
                    self.out.put_bytes(byte, *size);
                }
                Text => {
                    let length = self.pick(5);
                    if self.flexible {
                        self.out.put_u8(length + 1);
                    } else {
                        self.out.put_i16(i16::from(length));
                    }
                    self.out.put_bytes(b'x', usize::from(length));
                }
                Blob => {
                    let length = self.length();
                    self.out.put_bytes(b'y', length);
                }
                Items(kind) => (0..self.length()).for_each(|_| self.value(kind)),
                List(fields) => (0..self.length()).for_each(|_| self.fields(fields)),
            }
        }

        fn length(&mut self) -> usize {
            let length = self.pick(4);
            if self.flexible {
                self.out.put_u8(length + 1);
            } else {
                self.out.put_i32(i32::from(length));
            }
            usize::from(length)
        }
    }

    pub(crate) fn written(key: ApiKey, version: i16, seed: &[u8]) -> Bytes {
        let (flexible, fields) = shape(key).unwrap();
        let mut writer = Writer { out: BytesMut::new(), version, flexible: version >= flexible, seed: seed.iter() };
        writer.fields(fields);
        writer.out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::served;
    use bytes::Bytes;
    use kafka_protocol::messages::RequestKind;
    use proptest::prelude::*;

    use super::testing::written;

    proptest! {
        #[test]
        fn the_codec_reads_what_the_shape_says_to_the_last_byte(seed in proptest::collection::vec(any::<u8>(), 0..40)) {
            for (key, version) in served() {
                let mut body = written(key, version, &seed);
                prop_assert_eq!(check(key, version, &body), Ok(()));
                let decoded = RequestKind::decode(key, &mut body, version);
                prop_assert!(decoded.is_ok(), "{:?} {}: {:?}", key, version, decoded);
                prop_assert_eq!(body.len(), 0, "{:?} {}", key, version);
            }
        }

        #[test]
        fn bytes_cut_off_or_changed_never_get_an_array_past_the_check(
            seed in proptest::collection::vec(any::<u8>(), 0..40),
            cut in any::<proptest::sample::Index>(),
            value in any::<u8>(),
        ) {
            for (key, version) in served() {
                let body = written(key, version, &seed);
                if body.is_empty() {
                    continue;
                }
                let at = cut.index(body.len());
                prop_assert!(check(key, version, &body[..at]).is_err(), "{:?} {}", key, version);
                let mut changed = body.to_vec();
                changed[at] = value;
                // Whatever passes the check is safe to give to the codec.
                if check(key, version, &changed).is_ok() {
                    let _ = RequestKind::decode(key, &mut Bytes::from(changed), version);
                }
            }
        }
    }

    #[test]
    fn bytes_after_the_last_field_are_let_be() {
        assert_eq!(check(ApiKey::Metadata, 13, &[0; 7]), Ok(()));
    }

    #[test]
    fn an_array_longer_than_its_request_is_refused() {
        // Metadata, version 1: two thousand million topics, in four bytes.
        let body = i32::MAX.to_be_bytes();
        let count = usize::try_from(i32::MAX).unwrap();
        assert_eq!(check(ApiKey::Metadata, 1, &body), Err(SchemaError::Array { count, left: 0 }));
    }
}
