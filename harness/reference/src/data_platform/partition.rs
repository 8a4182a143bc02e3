//! Where a key belongs: the document's formula, and what it forgets.

/// The partition of an organisation: `Math.abs(hash) % n` with Java's `Integer.hashCode`, which is the number itself; for the one
/// hash that has no absolute value, `(hash & 0x7fffffff) % n`.
pub(super) fn of_org(org: i32, partitions: i32) -> i32 {
    let hash = if org == i32::MIN { org & i32::MAX } else { org.abs() };
    hash % partitions.max(1)
}

/// Fault: the document's own line, as Java computes it: negative for `Integer.MIN_VALUE`.
pub(super) fn of_org_naively(org: i32, partitions: i32) -> i32 {
    org.wrapping_abs() % partitions.max(1)
}

/// The partition of a text: the same with `String.hashCode`.
pub(super) fn of_text(key: &str, partitions: i32) -> i32 {
    let hash = key.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    of_org(hash, partitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_without_partition() {
        assert_eq!([of_org(7, 12), of_org(-7, 12), of_org(i32::MIN, 12), of_org(i32::MAX, 12)], [7, 7, 0, 7]);
        assert_eq!(of_org_naively(i32::MIN, 12), -8, "this is the fault");
        assert_eq!(of_text("539019926", 12), 0, "its hash is the same");
    }
}
