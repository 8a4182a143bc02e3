//! When a stub of ours could not answer, because the machine did not let it: then a caller may have tried again for that.

use std::time::Duration;

use eventproof_evidence::{At, Blind, Clock, Journal, Observation, Subject};

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(100);
/// A look that is so late is a stall that callers may have noticed.
const STALL: Duration = Duration::from_millis(500);

/// Tells the journal of every stall of the thread that it runs on; never ends.
pub(super) async fn watch(stub: &str, journal: &Journal, clock: &dyn Clock) {
    let mut last = clock.now();
    loop {
        tokio::time::sleep(EVERY).await;
        let now = clock.now();
        if let Some(blind) = stall(stub, last, now) {
            journal.push(Observation::Blind(blind));
        }
        last = now;
    }
}

fn stall(stub: &str, last: At, now: At) -> Option<Blind> {
    let late = now.since(last).saturating_sub(EVERY);
    let why = || format!("the machine stalled stub \"{stub}\" for {} ms", late.as_millis());
    (late >= STALL).then(|| Blind { what: Subject::Stub(stub.into()), from: last, to: Some(now), why: why() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_is_late_is_a_stall() {
        let at = |ms: u64| At::START + Duration::from_millis(ms);
        assert_eq!(stall("mail", at(0), at(400)), None);
        let blind = stall("mail", at(1000), at(4100)).unwrap();
        assert_eq!(blind.why, "the machine stalled stub \"mail\" for 3000 ms");
        assert!(blind.covers("mail", at(2000), at(2000)) && !blind.covers("push", at(2000), at(2000)));
    }
}
