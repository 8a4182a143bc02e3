//! Where a key belongs. Keys must go where the services' own producers put them, or the tester breaks their order.

/// How a producer places a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Partitioner {
    /// Java's default, and librdkafka's `murmur2_random`: MurmurHash2 of the key, its sign bit cleared.
    #[default]
    Murmur2Random,
    /// librdkafka's own default `consistent_random`: CRC-32 of the key.
    ConsistentRandom,
    /// Sarama's default (Go, and so Dapr): FNV-1a as a signed number, its remainder made positive.
    Fnv1a,
    /// The absolute value of Java's `Integer.hashCode` of the key, which is a number in decimal digits.
    JavaHashInteger,
    /// The same by `Long.hashCode`.
    JavaHashLong,
    /// The same by `String.hashCode`.
    JavaHashString,
}

impl Partitioner {
    /// All, with the names that a contract uses.
    pub const NAMES: [(&'static str, Partitioner); 6] = [
        ("murmur2_random", Partitioner::Murmur2Random),
        ("consistent_random", Partitioner::ConsistentRandom),
        ("fnv1a", Partitioner::Fnv1a),
        ("java_hash_integer", Partitioner::JavaHashInteger),
        ("java_hash_long", Partitioner::JavaHashLong),
        ("java_hash_string", Partitioner::JavaHashString),
    ];

    /// The name that a contract uses.
    pub fn name(self) -> &'static str {
        Partitioner::NAMES.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    /// The partitioner of that name.
    pub fn named(name: &str) -> Option<Partitioner> {
        Partitioner::NAMES.iter().find(|(known, _)| *known == name).map(|(_, partitioner)| *partitioner)
    }

    /// The partition of a key, out of `partitions`; `None` where any will do (no key, or no partitions), and for a key
    /// that such a producer could not have.
    pub fn partition(self, key: Option<&[u8]>, partitions: u32) -> Option<u32> {
        let key = key?;
        if partitions == 0 {
            return None;
        }
        match self {
            Partitioner::Murmur2Random => Some((murmur2(key) & 0x7fff_ffff) % partitions),
            // librdkafka places an empty key at random, as it does a missing one.
            Partitioner::ConsistentRandom if key.is_empty() => None,
            Partitioner::ConsistentRandom => Some(crc32fast::hash(key) % partitions),
            Partitioner::Fnv1a => Some((fnv1a(key).cast_signed() % partitions.cast_signed()).unsigned_abs()),
            Partitioner::JavaHashInteger => number::<i32>(key).map(|hash| java(hash, partitions)),
            Partitioner::JavaHashLong => {
                let hash =
                    number::<i64>(key).map(|number| (number ^ (number.cast_unsigned() >> 32).cast_signed()) as i32);
                hash.map(|hash| java(hash, partitions))
            }
            Partitioner::JavaHashString => {
                let text = std::str::from_utf8(key).ok()?;
                let step = |hash: i32, unit: u16| hash.wrapping_mul(31).wrapping_add(i32::from(unit));
                Some(java(text.encode_utf16().fold(0, step), partitions))
            }
        }
    }
}

/// `Math.abs(hash) % partitions`, but for the one hash that has no absolute value: there it is `(hash & 0x7fffffff)`.
fn java(hash: i32, partitions: u32) -> u32 {
    match hash {
        i32::MIN => 0,
        hash => hash.unsigned_abs() % partitions,
    }
}

fn number<T: std::str::FromStr>(key: &[u8]) -> Option<T> {
    std::str::from_utf8(key).ok()?.parse().ok()
}

/// MurmurHash2, 32 bit, little endian, with the seed of `org.apache.kafka.common.utils.Utils.murmur2`.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    const SEED: u32 = 0x9747_b28c;
    let mut hash = SEED ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        for (index, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * index);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

fn fnv1a(data: &[u8]) -> u32 {
    data.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of Kafka's own UtilsTest.testMurmur2.
    #[test]
    fn murmur2_agrees_with_kafka() {
        let vectors: [(&str, i32); 5] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("abc", 479_470_107),
        ];
        for (key, expected) in vectors {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), expected, "{key}");
        }
    }

    /// The published check values of the two hashes.
    #[test]
    fn crc32_and_fnv1a_agree_with_their_check_values() {
        assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926);
        assert_eq!(fnv1a(b"foobar"), 0xbf9c_f968);
    }

    /// Java's own values: "hello".hashCode() is 99162322, "539019926".hashCode() is Integer.MIN_VALUE.
    #[test]
    fn java_hash_codes_place_as_java_would_and_never_below_zero() {
        let place = |partitioner: Partitioner, key: &str| partitioner.partition(Some(key.as_bytes()), 7);
        assert_eq!(place(Partitioner::JavaHashString, "hello"), Some(99_162_322 % 7));
        assert_eq!(place(Partitioner::JavaHashInteger, "-15"), Some(1));
        assert_eq!(place(Partitioner::JavaHashLong, "4294967298"), Some(3), "1 ^ 2");
        for (partitioner, key) in [
            (Partitioner::JavaHashString, "539019926"),
            (Partitioner::JavaHashInteger, "-2147483648"),
            (Partitioner::JavaHashLong, "2147483648"),
        ] {
            assert_eq!(place(partitioner, key), Some(0), "{key}");
        }
        assert_eq!(place(Partitioner::JavaHashInteger, "u1"), None);
    }

    #[test]
    fn no_key_may_go_anywhere() {
        for (_, partitioner) in Partitioner::NAMES {
            assert_eq!(partitioner.partition(None, 6), None);
        }
        assert_eq!(Partitioner::ConsistentRandom.partition(Some(b""), 6), None);
        assert!(Partitioner::Murmur2Random.partition(Some(b""), 6).is_some());
    }

    proptest::proptest! {
        #[test]
        fn a_partition_is_always_in_range(key in proptest::collection::vec(proptest::num::u8::ANY, 1..40), partitions in 1u32..100) {
            for (_, partitioner) in Partitioner::NAMES {
                let placed = partitioner.partition(Some(&key), partitions);
                proptest::prop_assert!(placed.is_none_or(|placed| placed < partitions));
                let number = i32::from_be_bytes([key[0], key[key.len() - 1], key[0], 7]).to_string();
                proptest::prop_assert!(partitioner.partition(Some(number.as_bytes()), partitions).unwrap() < partitions);
            }
        }
    }
}
