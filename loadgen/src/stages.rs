//! The stages of a load and their places: for each arm the first answer, the topic, then each group. A stage is the whole way from the
//! planned instant; its span is the last part of that way, from the station before it, and has the same place.

/// The first part of every way: by how much an event was sent later than planned.
pub(crate) const SLIP: &str = "planned_to_sent";

/// Names of all stages, as objectives write them: `acknowledgement`, `end_to_end`, `processed(GROUP)`, each with `[ARM]` behind
/// it where there are several.
pub(crate) fn names(first: &str, arms: &[String], groups: &[&str]) -> Vec<String> {
    of_arms([first, "end_to_end"], "processed", arms, groups)
}

/// Names of their spans, in the same order: `sent_to_acknowledged`, `acknowledged_to_visible`, `visible_to_processed(GROUP)`; of
/// requests `sent_to_answered`, `answered_to_visible`.
pub(crate) fn spans(first: &str, arms: &[String], groups: &[&str]) -> Vec<String> {
    let done = if first == "acknowledgement" { "acknowledged" } else { first };
    let (answer, visible) = (format!("sent_to_{done}"), format!("{done}_to_visible"));
    of_arms([&answer, &visible], "visible_to_processed", arms, groups)
}

fn of_arms(firsts: [&str; 2], processed: &str, arms: &[String], groups: &[&str]) -> Vec<String> {
    let of_groups = groups.iter().map(|group| format!("{processed}({group})"));
    let bare: Vec<String> = firsts.into_iter().map(str::to_owned).chain(of_groups).collect();
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
