//! Records that come back as they were made. What a form makes was checked when the form was laid; a record that is one of its
//! own, byte for byte but in the places where something else was meant to stand, needs no second walk through the schema.
//!
//! ```text
//! record --> Mark (the number of the event, by the id of this run) --> Form::made (is it the record of that number?)
//! ```
//!
//! Whatever is not recognised here is read and checked by the contract like any other record.

use chrono::DateTime;
use memchr::memmem::Finder;

use super::form::{Cut, Form, What};
use super::identity::{event_number, marks};

/// Identities of a record beside the event's own that are followed here; more of them have no form that recognises.
pub(super) const OTHERS: usize = 8;
/// Bytes of a UUID as text.
const UUID: usize = 36;

/// A record as it came, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Came<'a> {
    pub topic: &'a str,
    pub key: Option<&'a [u8]>,
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
    pub payload: Option<&'a [u8]>,
}

/// How every event id of a run begins.
#[derive(Clone, Debug)]
pub struct Mark {
    run: String,
    event: Finder<'static>,
    other: String,
}

impl Mark {
    /// The mark of the events of a run.
    pub fn of_run(run: &str) -> Mark {
        let [event, other] = marks(run);
        Mark { run: run.to_owned(), event: Finder::new(&event).into_owned(), other }
    }

    /// The number of the first event id of this run in a record, wherever it stands.
    pub fn number(&self, came: &Came<'_>) -> Option<u64> {
        let values = came.headers.iter().filter_map(|(_, value)| *value);
        came.payload.into_iter().chain(values).find_map(|bytes| self.number_in(bytes))
    }

    fn number_in(&self, bytes: &[u8]) -> Option<u64> {
        let at = self.event.find(bytes)?;
        event_number(std::str::from_utf8(bytes.get(at..at + UUID)?).ok()?, &self.run)
    }
}

/// What stood in the places of a record.
struct Stood<'a> {
    key: &'a [u8],
    event: Option<&'a [u8]>,
    now: Option<&'a [u8]>,
    millis: Option<&'a [u8]>,
    others: [Option<&'a [u8]>; OTHERS],
}

impl Form {
    /// Whether `came` is the record that this form makes of event `number` with this key, at whatever time and with whatever
    /// other identities of the run.
    pub fn made(&self, came: &Came<'_>, mark: &Mark, number: u64, key: &str) -> bool {
        let mut stood = Stood { key: key.as_bytes(), event: None, now: None, millis: None, others: [None; OTHERS] };
        let header = |(form, came): (&(String, Option<Cut>), &(&str, _))| form.0 == came.0;
        self.recognises
            && self.topic == came.topic
            && self.headers.len() == came.headers.len()
            && self.headers.iter().zip(came.headers).all(header)
            && matches(self.key.as_ref(), came.key, &mut stood)
            && self.headers.iter().zip(came.headers).all(|(form, came)| matches(form.1.as_ref(), came.1, &mut stood))
            && matches(Some(&self.payload), came.payload, &mut stood)
            && stood.are_right(mark, number)
    }
}

fn matches<'a>(cut: Option<&Cut>, bytes: Option<&'a [u8]>, stood: &mut Stood<'a>) -> bool {
    match (cut, bytes) {
        (Some(cut), Some(bytes)) => cut.matches(bytes, stood),
        (None, None) => true,
        _ => false,
    }
}

impl Cut {
    fn matches<'a>(&self, bytes: &'a [u8], stood: &mut Stood<'a>) -> bool {
        if bytes.len() != self.bytes.len() {
            return false;
        }
        let mut from = 0;
        for (at, length, what) in &self.places {
            let to = at + length;
            if bytes.get(from..*at) != self.bytes.get(from..*at)
                || !bytes.get(*at..to).is_some_and(|text| stood.agree(*what, text))
            {
                return false;
            }
            from = to;
        }
        bytes.get(from..) == self.bytes.get(from..)
    }

    /// Whether each place ends before the next one begins.
    pub(super) fn is_apart(&self) -> bool {
        self.places.windows(2).all(|two| two[0].0 + two[0].1 <= two[1].0)
    }
}

impl<'a> Stood<'a> {
    /// The same text stands in all places for the same thing.
    fn agree(&mut self, what: What, text: &'a [u8]) -> bool {
        let place = match what {
            What::Key => return text == self.key,
            What::Event => &mut self.event,
            What::Now => &mut self.now,
            What::Millis => &mut self.millis,
            What::Other(number) => match self.others.get_mut(number) {
                Some(place) => place,
                None => return false,
            },
        };
        *place.get_or_insert(text) == text
    }

    /// What stood in the places is what a maker of this run writes there.
    fn are_right(&self, mark: &Mark, number: u64) -> bool {
        let text = |bytes: &'a [u8]| std::str::from_utf8(bytes).unwrap_or_default();
        let lower = |text: &str| !text.bytes().any(|byte| byte.is_ascii_uppercase());
        let event = |id: &str| lower(id) && event_number(id, &mark.run) == Some(number);
        let other = |id: &str| lower(id) && id.starts_with(&mark.other) && uuid::Uuid::parse_str(id).is_ok();
        self.event.map(text).is_some_and(event)
            && self.now.map(text).is_none_or(|now| DateTime::parse_from_rfc3339(now).is_ok())
            && self.millis.is_none_or(|millis| millis.iter().all(u8::is_ascii_digit))
            && self.others.iter().flatten().all(|id| other(text(id)))
    }
}
