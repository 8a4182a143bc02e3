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
}

impl Partitioner {
    /// All, with the names that a contract uses.
    pub const NAMES: [(&'static str, Partitioner); 3] = [
        ("murmur2_random", Partitioner::Murmur2Random),
        ("consistent_random", Partitioner::ConsistentRandom),
        ("fnv1a", Partitioner::Fnv1a),
    ];

    /// The partitioner of that name.
    pub fn named(name: &str) -> Option<Partitioner> {
        Partitioner::NAMES.iter().find(|(known, _)| *known == name).map(|(_, partitioner)| *partitioner)
    }

    /// The partition of a key, out of `partitions`; `None` where any will do (no key, or no partitions).
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
        }
    }
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
                proptest::prop_assert!(partitioner.partition(Some(&key), partitions).unwrap() < partitions);
            }
        }
    }
}
