//! How long something was waited for: what was asked, and how long it was in fact.

use std::fmt;
use std::time::Duration;

use crate::cause::duration;

/// The limit of a promise, and how long it was watched. They differ: looks come in rounds, and an event may wait for another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waited {
    pub limit: Duration,
    pub watched: Duration,
}

impl fmt::Display for Waited {
    /// `5 s, watched for 6.2 s`; only `5 s` where nobody could tell them apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (limit, watched) = (duration(self.limit), duration(self.watched));
        f.write_str(&limit)?;
        if limit == watched { Ok(()) } else { write!(f, ", watched for {watched}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_comes_first_and_how_long_it_was_only_where_it_differs() {
        let told = |limit, watched| {
            let (limit, watched) = (Duration::from_millis(limit), Duration::from_millis(watched));
            Waited { limit, watched }.to_string()
        };
        assert_eq!(told(5_000, 6_200), "5 s, watched for 6.2 s");
        assert_eq!(told(5_000, 5_001), "5 s");
        assert_eq!(told(30_000, 1_500), "30 s, watched for 1.5 s", "what is too much is told at once");
    }
}
