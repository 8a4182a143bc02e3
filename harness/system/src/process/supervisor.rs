//! The task that owns a child process: it alone waits for it and ends it, so every death is seen and told once.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use eventproof_evidence::{Clock, Journal, Name, Observation};
use regex::Regex;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};

use super::Lines;
use super::attempts::AttemptLines;
use crate::SystemError;

/// Lines told with a death.
const LAST_LINES: usize = 12;
/// How long a service may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// What a process needs to be started.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub service: Name,
    /// The service of which it is another instance.
    pub like: Option<Name>,
    pub command: Vec<String>,
    pub env: Vec<(String, String)>,
    /// The service for which attempts count, another instance's too, and what tells of one among the lines that it prints.
    pub attempts: Option<(Name, Regex)>,
}

/// A started process.
pub(crate) struct Process {
    pub lines: Lines,
    pid: Option<Pid>,
    orders: mpsc::Sender<Order>,
    ended: watch::Receiver<Option<String>>,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Kill,
    Terminate,
}

impl Process {
    /// Starts it; its death, whenever it comes, goes into the journal.
    pub fn start(
        launch: &Launch,
        lines: Lines,
        journal: Journal,
        clock: Arc<dyn Clock>,
    ) -> Result<Process, SystemError> {
        let mut child = spawn(launch)?;
        let (service, like) = (launch.service.clone(), launch.like.clone());
        journal.push(Observation::Started { service, like, at: clock.now() });
        let attempts = AttemptLines::new(launch, journal.clone(), clock.clone());
        let told = || {
            let attempts = attempts.clone();
            move |line: &str| attempts.line(line)
        };
        let readers = [
            child.stdout.take().map(|stream| tokio::spawn(lines.clone().read(stream, told()))),
            child.stderr.take().map(|stream| tokio::spawn(lines.clone().read(stream, told()))),
        ];
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let (orders, received) = mpsc::channel(4);
        let (tell, ended) = watch::channel(None);
        let (service, kept) = (launch.service.clone(), lines.clone());
        let mourner = pid.and_then(mourner);
        tokio::spawn(async move {
            let ending = || journal.push(Observation::Ending { service: service.clone(), at: clock.now() });
            let (status, by_us) = supervise(child, pid, received, ending).await;
            // Its number may be another's from now on.
            drop(mourner);
            for reader in readers.into_iter().flatten() {
                // A grandchild may hold the stream open: what came until now has to do.
                let _ = tokio::time::timeout(Duration::from_millis(500), reader).await;
            }
            let last_lines = kept.last(LAST_LINES);
            journal.push(Observation::Died { service, status: status.clone(), by_us, last_lines, at: clock.now() });
            tell.send_replace(Some(status));
        });
        Ok(Process { lines, pid, orders, ended })
    }

    /// How it ended, once it has.
    pub fn ended(&self) -> Option<String> {
        self.ended.borrow().clone()
    }

    /// SIGKILL, and wait for the end.
    pub async fn kill(&self) {
        self.order(Order::Kill).await;
    }

    /// SIGTERM, and wait for the end; SIGKILL where that takes too long.
    pub async fn terminate(&self) {
        self.order(Order::Terminate).await;
    }

    async fn order(&self, order: Order) {
        // A closed channel means that it has ended already.
        let _ = self.orders.send(order).await;
        let _ = self.ended.clone().wait_for(Option::is_some).await;
    }

    /// Stops it in its tracks (SIGSTOP), or lets it go on (SIGCONT). Whether it did: it may have ended a moment ago, and then there
    /// is nothing to pause.
    pub fn pause(&self, paused: bool) -> bool {
        let signal = if paused { Signal::STOP } else { Signal::CONT };
        match (self.pid, self.ended()) {
            (Some(pid), None) => kill_process(pid, signal).is_ok(),
            _ => false,
        }
    }
}

fn spawn(launch: &Launch) -> Result<Child, SystemError> {
    let failed = |detail: String| SystemError::NotStarted {
        service: launch.service.to_string(),
        command: launch.command.join(" "),
        detail,
    };
    let (program, arguments) = launch.command.split_first().ok_or_else(|| failed("the command is empty".into()))?;
    Command::new(program)
        .args(arguments)
        .envs(launch.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C is for eventproof: it ends the services itself, and then the reports are written.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(error.to_string()))
}

/// A process that ends the service if we end without a chance to (SIGKILL, power of the out-of-memory killer): its
/// standard input is ours, so it comes to its end with us. Without a shell there is none.
fn mourner(service: Pid) -> Option<Child> {
    let group = service.as_raw_nonzero().to_string();
    Command::new("sh")
        .args(["-c", "read -r _; kill -s KILL -- \"-$1\" 2>/dev/null", "sh", &group])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .ok()
}

/// Waits for the end, ordered or not: (how it ended, whether we ended it). An order is told before it is carried out.
async fn supervise(
    mut child: Child,
    pid: Option<Pid>,
    mut orders: mpsc::Receiver<Order>,
    ending: impl FnOnce(),
) -> (String, bool) {
    let order = tokio::select! {
        status = child.wait() => return (describe(status), false),
        order = orders.recv() => order,
    };
    ending();
    if let (Some(Order::Terminate), Some(pid)) = (order, pid) {
        // If it is gone already, waiting below finds that out.
        let _ = kill_process(pid, Signal::TERM);
        if let Ok(status) = tokio::time::timeout(GRACE, child.wait()).await {
            return (describe(status), true);
        }
    }
    // The same holds here.
    let _ = child.start_kill();
    (describe(child.wait().await), true)
}

fn describe(status: std::io::Result<std::process::ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => format!("its end could not be waited for: {error}"),
    }
}
