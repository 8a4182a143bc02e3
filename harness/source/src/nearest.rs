//! "Did you mean …?"

/// The candidate nearest to a mistyped name, if any is near enough to be meant.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = candidates.into_iter().map(|candidate| (likeness(name, candidate), candidate));
    let (score, best) = scored.max_by(|left, right| left.0.total_cmp(&right.0))?;
    (score >= 0.6).then_some(best)
}

fn likeness(name: &str, candidate: &str) -> f64 {
    let (name, candidate) = (name.to_lowercase(), candidate.to_lowercase());
    strsim::normalized_damerau_levenshtein(&name, &candidate).max(strsim::jaro_winkler(&name, &candidate) - 0.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_name_and_another_word_finds_none() {
        let names = ["partitions", "replicas", "retention"];
        assert_eq!(nearest("partions", names), Some("partitions"));
        assert_eq!(nearest("replica", names), Some("replicas"));
        assert_eq!(nearest("colour", names), None);
    }
}
