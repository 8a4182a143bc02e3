//! `doctor`: what this machine and this broker can do, with what to do about each "no". Changes nothing on a broker that
//! is not ours.

mod broker;
mod machine;

use eventproof_reports::Style;
use eventproof_reports::model::Outcome;

use super::rig::choice;
use crate::args::DoctorArguments;
use crate::{exit, output};

/// One thing that was looked at.
struct Finding {
    what: String,
    /// What to do about it, where the answer is no.
    remedy: Option<String>,
    /// Whether nothing goes without it.
    needed: bool,
}

impl Finding {
    fn yes(what: impl Into<String>) -> Finding {
        Finding { what: what.into(), remedy: None, needed: false }
    }

    /// Something goes without it, but not everything.
    fn no(what: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { what: what.into(), remedy: Some(remedy.into()), needed: false }
    }

    /// Nothing goes without it.
    fn needed(what: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { needed: true, ..Finding::no(what, remedy) }
    }

    fn told(&self, style: Style) -> String {
        match (&self.remedy, self.needed) {
            (None, _) => format!("  {} {}", style.paint(Outcome::Held, "yes"), self.what),
            (Some(remedy), needed) => {
                let outcome = if needed { Outcome::Broken } else { Outcome::NoVerdict };
                format!("  {}  {}\n      {remedy}", style.paint(outcome, "no"), self.what)
            }
        }
    }
}

pub async fn doctor(arguments: DoctorArguments) -> u8 {
    let choice = match choice(arguments.broker, 1, arguments.brokers.as_deref(), &arguments.broker_options) {
        Ok(choice) => choice,
        Err(error) => {
            output::error(&error);
            return exit::USAGE;
        }
    };
    let style = Style { color: output::color(), width: output::width() };
    let tell = |title: &str, findings: &[Finding]| {
        output::result(title);
        findings.iter().for_each(|finding| output::result(&finding.told(style)));
    };
    let machine = machine::look();
    tell("this machine", &machine);
    let (title, broker) = broker::look(&choice).await;
    tell(&title, &broker);
    let all = || machine.iter().chain(&broker).filter(|finding| finding.remedy.is_some());
    let (open, needed) = (all().count(), all().filter(|finding| finding.needed).count());
    output::result(match (open, needed) {
        (0, _) => "everything can be done here",
        (_, 0) => "what is needed is there; see what each \"no\" leaves out",
        _ => "nothing can be run like this: see the remedies above",
    });
    if needed > 0 { exit::NO_VERDICT } else { exit::HELD }
}
