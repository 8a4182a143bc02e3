//! The stages of a load and their places: for each arm the first answer, the topic, then each group.

/// Names of all stages, as objectives write them: `acknowledgement`, `end_to_end`, `processed(GROUP)`, each with `[ARM]` behind
/// it where there are several.
pub(crate) fn names(first: &str, arms: &[String], groups: &[&str]) -> Vec<String> {
    let bare: Vec<String> = [first.to_owned(), "end_to_end".to_owned()]
        .into_iter()
        .chain(groups.iter().map(|group| format!("processed({group})")))
        .collect();
    arms.iter().flat_map(|arm| bare.iter().map(move |stage| with_arm(stage, arm))).collect()
}

/// A stage's name with its arm's.
pub(crate) fn with_arm(stage: &str, arm: &str) -> String {
    if arm.is_empty() { stage.to_owned() } else { format!("{stage}[{arm}]") }
}

/// Where an arm's stage stands, of so many that each has: 0 is the first answer, 1 + leg the others.
pub(crate) fn place(arm: usize, stage: usize, stages: usize) -> usize {
    arm * stages + stage
}
