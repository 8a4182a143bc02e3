//! Keys whose hash is Java's `Integer.MIN_VALUE`: the one number whose absolute value is negative, so that
//! `Math.abs(key.hashCode()) % n` names no partition.

use crate::Partitioner;

/// The code of the letter that stands for zero, in base 31.
const ZERO: u32 = 'A' as u32;
const BASE: u32 = 31;
/// So many letters of base 31 reach every hash.
const LETTERS: u32 = 7;

/// A key whose hash is `Integer.MIN_VALUE` for a producer that places keys like this; `number` tells it from others as far
/// as there are any. `None` for partitioners that do not take an absolute value.
pub(super) fn hostile_key(partitioner: Partitioner, number: u64) -> Option<String> {
    match partitioner {
        // Integer.hashCode is the number itself: there is one only.
        Partitioner::JavaHashInteger => Some(i32::MIN.to_string()),
        // Long.hashCode is its upper half xor its lower half.
        Partitioner::JavaHashLong => {
            let upper = number & 0x7fff_ffff;
            Some(((upper << 32) | (upper ^ 0x8000_0000)).to_string())
        }
        Partitioner::JavaHashString => (0..).find_map(|trial: u64| text(&format!("key-{number}-{trial}-"))),
        Partitioner::Murmur2Random | Partitioner::ConsistentRandom | Partitioner::Fnv1a => None,
    }
}

/// The prefix with letters behind it that bring its `String.hashCode` to `Integer.MIN_VALUE`; `None` where they would be
/// other signs than letters.
fn text(prefix: &str) -> Option<String> {
    let step = |hash: u32, code: u32| hash.wrapping_mul(BASE).wrapping_add(code);
    let so_far = prefix.chars().map(u32::from).fold(0, step);
    let with_zeros = (0..LETTERS).fold(so_far, |hash, _| step(hash, ZERO));
    let mut missing = i32::MIN.cast_unsigned().wrapping_sub(with_zeros);
    let mut letters = Vec::new();
    for _ in 0..LETTERS {
        let code = ZERO + missing % BASE;
        letters.push(char::from_u32(code).filter(char::is_ascii_uppercase)?);
        missing /= BASE;
    }
    Some(prefix.chars().chain(letters.into_iter().rev()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string_hash(text: &str) -> i32 {
        text.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
    }

    #[test]
    fn their_hash_is_the_one_without_absolute_value() {
        assert_eq!(string_hash("539019926"), i32::MIN, "as the document has it");
        for number in 0..50 {
            let key = hostile_key(Partitioner::JavaHashString, number).unwrap();
            assert_eq!(string_hash(&key), i32::MIN, "{key}");
            let long: i64 = hostile_key(Partitioner::JavaHashLong, number).unwrap().parse().unwrap();
            assert_eq!((long ^ (long.cast_unsigned() >> 32).cast_signed()) as i32, i32::MIN);
        }
        assert_eq!(hostile_key(Partitioner::JavaHashInteger, 3).unwrap(), "-2147483648");
        assert_eq!(hostile_key(Partitioner::Murmur2Random, 3), None);
    }

    #[test]
    fn numbers_tell_them_apart() {
        let key = |number| hostile_key(Partitioner::JavaHashString, number);
        assert_ne!(key(1), key(2));
    }
}
