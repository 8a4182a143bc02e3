//! Being asked to end: by Ctrl-C, or by SIGTERM, as a CI system sends it that cancels a job. Asked once, a command ends what is under
//! way and writes what there is; asked again, it ends at once.

use std::sync::OnceLock;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::{exit, output};

/// Set for a run of one pack that another eventproof has begun: a terminal sends Ctrl-C to both, and the other passes it on.
pub const PASSED_ON: &str = "EVENTPROOF_SIGNALS_PASSED_ON";

/// Whether this is the run of one pack of several.
pub fn is_one_of_several() -> bool {
    std::env::var_os(PASSED_ON).is_some()
}

/// How often this process was asked, and why it ends.
#[derive(Clone, Copy, Default)]
struct Asked {
    times: u32,
    why: &'static str,
}

/// Waits until this process is asked to end, or was; says why in words. From the first call on no signal ends it by itself.
pub async fn asked() -> &'static str {
    times(1).await.why
}

/// Whether this process was asked to end.
pub fn is_asked() -> bool {
    told().borrow().times > 0
}

/// Lets a command work until it is done, or is asked to end a second time: then services and broker go with this process.
/// From its beginning on: whoever reads the first line that the work prints may ask at once.
pub async fn unless_asked_twice(work: impl Future<Output = u8>) -> u8 {
    drop(told());
    tokio::select! {
        code = work => code,
        _ = times(2) => {
            output::error("asked to end a second time: ending at once");
            exit::NO_VERDICT
        }
    }
}

async fn times(least: u32) -> Asked {
    let mut told = told();
    let heard = told.wait_for(|asked| asked.times >= least).await.map(|asked| *asked);
    match heard {
        Ok(asked) => asked,
        // Nobody listens where signals cannot be had.
        Err(_) => std::future::pending().await,
    }
}

fn told() -> watch::Receiver<Asked> {
    static TOLD: OnceLock<watch::Receiver<Asked>> = OnceLock::new();
    let begin = || {
        let (tell, told) = watch::channel(Asked::default());
        // Heard from here on, not only once the task has its turn.
        if let (Ok(interrupt), Ok(terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
            tokio::spawn(listen(interrupt, terminate, tell));
        }
        told
    };
    TOLD.get_or_init(begin).clone()
}

async fn listen(mut interrupt: Signal, mut terminate: Signal, tell: watch::Sender<Asked>) {
    let passed_on = is_one_of_several();
    loop {
        let why = tokio::select! {
            _ = interrupt.recv() => {
                if passed_on {
                    continue;
                }
                "interrupted"
            }
            _ = terminate.recv() => "ended from outside (SIGTERM)",
        };
        tell.send_modify(|asked| *asked = Asked { times: asked.times + 1, why });
    }
}
