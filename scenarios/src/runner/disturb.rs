//! Sentences that disturb services.

use std::collections::HashSet;
use std::time::Duration;

use eventproof_evidence::{Observation, Proof, Reason, Verdict};

use super::world::{Running, environment};
use crate::catalogue::Arguments;

/// How long the effects that a kill waits for may take.
const EFFECTS: Duration = Duration::from_secs(30);

impl Running {
    /// `service "…" is killed`.
    pub async fn kill(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let service = arguments.text("service").unwrap_or_default();
        self.context.rig.system.kill(service).await.map_err(environment)?;
        Ok(Verdict::Held(Proof::of(format!("\"{service}\" was killed"))))
    }

    /// `service "…" is stopped`.
    pub async fn stop(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let service = arguments.text("service").unwrap_or_default();
        self.context.rig.system.stop(service).await.map_err(environment)?;
        Ok(Verdict::Held(Proof::of(format!("\"{service}\" has ended"))))
    }

    /// `service "…" is started again`.
    pub async fn start(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let service = arguments.text("service").unwrap_or_default();
        if self.context.rig.system.is_running(service).await {
            return Err(environment(format!("service \"{service}\" runs already")));
        }
        self.context.rig.system.start(service).await.map_err(environment)?;
        Ok(Verdict::Held(Proof::of(format!("\"{service}\" is ready"))))
    }

    /// `service "…" is killed after it handled … of them`.
    pub async fn kill_after(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let service = arguments.text("service").unwrap_or_default();
        let wanted = arguments.count("times").unwrap_or_default();
        let handled = self.await_effects(service, wanted).await?;
        self.context.rig.system.kill(service).await.map_err(environment)?;
        Ok(Verdict::Held(Proof::of(format!("\"{service}\" was killed when {handled} had had their effect"))))
    }

    async fn await_effects(&self, service: &str, wanted: usize) -> Result<usize, Verdict> {
        let no_control = |detail: String| Verdict::CannotTell(Reason::NoPositiveControl { detail });
        let background =
            self.background.as_ref().ok_or_else(|| no_control("no events are published in the background".into()))?;
        let view = self.counting_view(service)?;
        let mut open: HashSet<&str> =
            background.events.iter().filter_map(|event| event.target.id().map(|id| &**id)).collect();
        let all = open.len();
        let mut reader = self.context.rig.journal.reader(self.standpoint.from());
        let deadline = self.now() + EFFECTS;
        while all - open.len() < wanted {
            if self.now() > deadline {
                let detail = format!("only {} of {wanted} had their effect before the kill", all - open.len());
                return Err(no_control(detail));
            }
            // Effects come, or the deadline is looked at again.
            let _ = tokio::time::timeout(Duration::from_millis(50), reader.changed()).await;
            for observation in reader.take() {
                if let Observation::Effect { view: of, event, .. } = &*observation
                    && **of == *view
                {
                    open.remove(&**event);
                }
            }
        }
        Ok(all - open.len())
    }
}
