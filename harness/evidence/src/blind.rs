//! Spans in which an observer could not see: what is absent there proves nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{At, Name};

/// What an observer looks at. A topic, a view and a group may bear one name, and each is seen by somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    Everything,
    Topic(Name),
    View(Name),
    Group(Name),
    Stub(Name),
}

impl Subject {
    /// None for everything.
    pub fn name(&self) -> Option<&str> {
        match self {
            Subject::Everything => None,
            Subject::Topic(name) | Subject::View(name) | Subject::Group(name) | Subject::Stub(name) => Some(name),
        }
    }
}

/// A span in which an observer could not see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blind {
    pub what: Subject,
    pub from: At,
    /// `None`: it still cannot see.
    pub to: Option<At>,
    pub why: String,
}

impl Blind {
    /// Whether the span touches the time from `from` to `to` and concerns what bears this name, whatever it is: one that concerns
    /// only a namesake costs a verdict, and makes none.
    pub fn covers(&self, name: &str, from: At, to: At) -> bool {
        let concerned = self.what.name().is_none_or(|own| own == name);
        concerned && self.from <= to && self.to.is_none_or(|end| end >= from)
    }

    /// How long it lasted, up to `now` if it still lasts.
    pub fn lasted(&self, now: At) -> Duration {
        self.to.unwrap_or(now).since(self.from)
    }

    /// Takes its place among `spans`: told while it lasted, and again when it had ended, it is one.
    pub fn join(self, spans: &mut Vec<Blind>) {
        let is_same = |span: &&mut Blind| span.what == self.what && span.from == self.from && span.to.is_none();
        match spans.iter_mut().find(is_same) {
            Some(span) => span.to = self.to,
            None => spans.push(self),
        }
    }

    /// Takes those out of `spans` of which the observer of `what` has read everything by `at`: up to then it saw late, and not after.
    pub fn made_good(spans: &mut Vec<Blind>, what: &Subject, at: At) -> Vec<Blind> {
        let good = spans.extract_if(.., |span| span.what == *what);
        good.map(|span| Blind { to: Some(at), ..span }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namesake_that_was_read_makes_nothing_good() {
        let name: Name = "feed".into();
        let blind = |what| Blind { what, from: At::START, to: None, why: "it is down".to_owned() };
        let mut spans = vec![blind(Subject::View(name.clone())), blind(Subject::Group(name.clone()))];
        let good = Blind::made_good(&mut spans, &Subject::Group(name.clone()), At::START);
        assert_eq!((spans.len(), good.len()), (1, 1));
        assert_eq!((&spans[0].what, &good[0].what), (&Subject::View(name.clone()), &Subject::Group(name)));
        assert!(spans[0].covers("feed", At::START, At::START) && !spans[0].covers("other", At::START, At::START));
    }
}
