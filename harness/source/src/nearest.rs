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

/// The candidate of which a name is a slip of the hand: a third of its letters at most, and never more than three, are others, missing
/// or too many. Stricter than [`nearest`]: for names that may also be their writer's own.
pub fn slip_of<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let distance = |candidate: &str| strsim::damerau_levenshtein(&name, &candidate.to_lowercase());
    let scored = candidates.into_iter().map(|candidate| (distance(candidate), candidate));
    let (score, best) = scored.min_by_key(|(score, _)| *score)?;
    (score <= (best.chars().count() / 3).min(3)).then_some(best)
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

    #[test]
    fn a_name_of_ones_own_is_no_slip() {
        let names = ["required", "properties", "enum", "uuid", "maxLength"];
        for (name, meant) in [
            ("requird", "required"),
            ("propertis", "properties"),
            ("enums", "enum"),
            ("uid", "uuid"),
            ("max_length", "maxLength"),
        ] {
            assert_eq!(slip_of(name, names), Some(meant), "{name}");
        }
        for own in ["enumNames", "propertyOrder", "unit", "uuidOfUser"] {
            assert_eq!(slip_of(own, names), None, "{own}");
        }
    }
}
