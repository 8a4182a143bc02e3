//! What a fault of a store met: one that met nobody has shown nothing.

use super::StoreFault;

/// A fault that is over.
#[derive(Clone, Debug)]
pub struct Mended {
    pub fault: StoreFault,
    /// Connections that it closed, or parts of answers that it held up.
    pub met: usize,
    /// Why the store itself could not be reached when it was last asked for.
    pub unreached: Option<String>,
}

impl Mended {
    /// Whom it met, in words.
    ///
    /// # Errors
    /// Nobody: what that proves nothing of, in words too.
    pub fn told(&self, store: &str) -> Result<String, String> {
        if self.met == 0 { Err(self.void(store)) } else { Ok(self.whom()) }
    }

    fn void(&self, store: &str) -> String {
        let what = match self.fault {
            StoreFault::Down => "was down, and nobody was connected to it or came".to_owned(),
            StoreFault::Late(by) => format!("answered {} ms late, and said nothing", by.as_millis()),
            StoreFault::BreaksOff(_) => "was to break connections off, and nobody asked it anything".to_owned(),
        };
        let unreached = self.unreached.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        format!("store \"{store}\" {what}, so that proved nothing{unreached}")
    }

    fn whom(&self) -> String {
        match self.fault {
            StoreFault::Down => format!("{} connection(s) were closed", self.met),
            StoreFault::Late(by) => format!("{} part(s) of answers came {} ms late", self.met, by.as_millis()),
            StoreFault::BreaksOff(times) => format!("{} of {times} connection(s) were broken off", self.met),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn told(fault: StoreFault, met: usize, unreached: Option<&str>) -> Result<String, String> {
        Mended { fault, met, unreached: unreached.map(str::to_owned) }.told("db")
    }

    #[test]
    fn a_fault_that_met_nobody_proves_nothing_and_one_that_did_says_whom() {
        let late = StoreFault::Late(Duration::from_millis(300));
        assert_eq!(told(StoreFault::BreaksOff(2), 1, None).unwrap(), "1 of 2 connection(s) were broken off");
        assert_eq!(told(late, 7, None).unwrap(), "7 part(s) of answers came 300 ms late");
        assert_eq!(
            told(late, 0, Some("h:1 cannot be reached: refused")).unwrap_err(),
            "store \"db\" answered 300 ms late, and said nothing, so that proved nothing (h:1 cannot be reached: refused)"
        );
        let down = "store \"db\" was down, and nobody was connected to it or came, so that proved nothing";
        assert_eq!(told(StoreFault::Down, 0, None).unwrap_err(), down);
    }
}
