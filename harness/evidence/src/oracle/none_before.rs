//! Nothing of a kind came to its topic before another event, while it is known that it would have been seen.

use std::cmp::Ordering;
use std::time::Duration;

use super::{Oracle, Recognise, Target};
use crate::{At, Cause, Name, Observation, Proof, Reason, Seen, Surroundings, Verdict};

/// How long the recorder may take for a record of another partition that was there before: several times as long as it waits for an
/// answer. That it could not read is told as blindness.
const SETTLES: Duration = Duration::from_millis(500);

/// Which records stand before the last event: on its partition by offset, elsewhere by the time that their producers gave them.
pub struct NoneBefore {
    unwanted: Target,
    last: Target,
    since: At,
    /// Fields of the unwanted event that its schema does not declare: whether records have them, only records tell.
    undeclared: Vec<Name>,
    /// A record of which so many fields were kept may have more.
    kept_at_most: usize,
    control: Option<Seen>,
    found: Vec<Seen>,
    /// Records of the kind that are too large to be known by all their fields.
    unreadable: Vec<Seen>,
    surroundings: Surroundings,
}

impl NoneBefore {
    /// `unwanted` must not stand before `last`, which must have been seen already; both are looked for from `since` on.
    pub fn new(unwanted: Target, last: Target, since: At, kept_at_most: usize) -> NoneBefore {
        NoneBefore {
            unwanted,
            last,
            since,
            undeclared: Vec::new(),
            kept_at_most,
            control: None,
            found: Vec::new(),
            unreadable: Vec::new(),
            surroundings: Surroundings::default(),
        }
    }

    /// The same, where nothing but a record that has these fields tells that records have them.
    pub fn known_by_undeclared(self, undeclared: Vec<Name>) -> NoneBefore {
        NoneBefore { undeclared, ..self }
    }

    fn is_too_large(&self, seen: &Seen) -> bool {
        let Recognise::Fields { event_type, fields } = &self.unwanted.recognise else { return false };
        let is_open = |(pointer, text): &(Name, Name)| seen.field(pointer).is_none_or(|said| said == &**text);
        seen.topic == self.unwanted.topic
            && seen.event_type.as_ref() == Some(event_type)
            && seen.fields.len() >= self.kept_at_most
            && fields.iter().all(is_open)
    }

    fn before(&self, control: &Seen, order: fn(Option<Ordering>) -> bool) -> Option<&Seen> {
        self.found.iter().find(|one| !is_same_record(one, control) && order(in_order(one, control)))
    }

    fn judge(&self, control: &Seen, now: At) -> Verdict {
        if let Some(found) = self.before(control, |order| order == Some(Ordering::Less)) {
            return Verdict::Broken(Cause::Unwanted {
                what: format!("{} at {}", self.unwanted.what, found.place()),
                view: format!("topic {}", self.unwanted.topic),
                after: found.at.since(self.since),
            });
        }
        if now < control.at + SETTLES {
            return Verdict::NotYet;
        }
        match self.doubt(control, now) {
            Some(reason) => Verdict::CannotTell(reason),
            None => Verdict::Held(Proof::of(format!(
                "{} was seen at {}, and nothing of the kind before it",
                self.last.what,
                control.place()
            ))),
        }
    }

    /// Why silence proves nothing.
    fn doubt(&self, control: &Seen, now: At) -> Option<Reason> {
        if let Some(reason) = self.surroundings.blindness(&self.unwanted.topic, self.since, now) {
            return Some(reason);
        }
        if let Some(one) = self.before(control, |order| order.is_none()) {
            let detail = format!(
                "the one at {} and {} at {} are on different partitions, and their timestamps do not tell which came first",
                one.place(),
                self.last.what,
                control.place()
            );
            return Some(Reason::OrderUnknown { what: self.unwanted.what.clone(), detail });
        }
        if let Some(one) = self.unreadable.iter().find(|one| in_order(one, control) != Some(Ordering::Greater)) {
            let detail = format!(
                "the record at {} has more fields than are kept ({}), so it may be {}",
                one.place(),
                self.kept_at_most,
                self.unwanted.what
            );
            return Some(Reason::NoPositiveControl { detail });
        }
        let field = self.undeclared.first()?;
        let detail = format!(
            "the schema does not declare `{field}`, and no record was seen that has it, so nothing tells that {} would be known by it",
            self.unwanted.what
        );
        Some(Reason::NoPositiveControl { detail })
    }
}

/// Which of two records came first to its topic; `None` where nothing tells.
fn in_order(one: &Seen, other: &Seen) -> Option<Ordering> {
    if (&one.topic, one.partition) == (&other.topic, other.partition) {
        return Some(one.offset.cmp(&other.offset));
    }
    let order = one.timestamp_ms?.cmp(&other.timestamp_ms?);
    (order != Ordering::Equal).then_some(order)
}

fn is_same_record(one: &Seen, other: &Seen) -> bool {
    one.place() == other.place() || (one.id.is_some() && one.id == other.id)
}

impl Oracle for NoneBefore {
    fn observe(&mut self, observation: &Observation) {
        if Surroundings::concerns(observation) {
            self.surroundings.observe(observation);
        }
        let Observation::Seen(seen) = observation else { return };
        if self.last.matches(seen) {
            self.control.get_or_insert_with(|| seen.clone());
        }
        if self.unwanted.matches(seen) {
            self.found.push(seen.clone());
        } else if self.is_too_large(seen) {
            self.unreadable.push(seen.clone());
        }
        if seen.topic == self.unwanted.topic {
            self.undeclared.retain(|pointer| seen.field(pointer).is_none());
        }
    }

    fn verdict(&self, now: At) -> Verdict {
        match &self.control {
            Some(control) => self.judge(control, now),
            None => Verdict::CannotTell(Reason::NoPositiveControl {
                detail: format!(
                    "{} was not seen before this step, so nothing tells that a record would have been",
                    self.last.what
                ),
            }),
        }
    }
}
