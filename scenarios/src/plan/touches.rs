//! Which services a scenario needs, and which it disturbs: the runner keeps apart what would get in each other's way.

use std::collections::BTreeSet;

use eventproof_system::SystemSpec;

use super::resolve::{PlannedStep, Sub};
use crate::catalogue::{Kind, SentenceId, disturbs_broker};
use crate::own::{self, Disturbs};
use crate::pack::Pack;

/// The services that a scenario has to do with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touches {
    /// Used, together with others.
    pub shared: BTreeSet<String>,
    /// Disturbed: nobody else may use them meanwhile.
    pub exclusive: BTreeSet<String>,
}

impl Touches {
    /// What the sentences of some steps touch. A scenario that disturbs nothing shares everything: events wander.
    pub fn of(pack: &Pack, steps: &[PlannedStep]) -> Touches {
        let mut touches = Touches::default();
        for sub in steps.iter().flat_map(|step| &step.subs) {
            let disturbs = matches!(
                sub.sentence.id,
                SentenceId::ServiceIsKilled
                    | SentenceId::ServiceIsKilledAfter
                    | SentenceId::ServiceIsStopped
                    | SentenceId::ServiceIsStarted
                    | SentenceId::ServiceIsPaused
                    | SentenceId::ServiceGoesOn
                    // Others' events would be counted.
                    | SentenceId::MetricGrows
            );
            let disturbs_group = matches!(sub.sentence.id, SentenceId::GroupRebalances | SentenceId::GroupIsRewound);
            let disturbs_all = disturbs_broker(sub.sentence.id) || sub.sentence.id == SentenceId::ProfilePasses;
            let own = match sub.sentence.id {
                SentenceId::Own(name) => own::find(name).map(|own| own.disturbs).unwrap_or_default(),
                _ => Disturbs::Nothing,
            };
            if disturbs_all || own == Disturbs::Everything {
                // Whoever disturbs the broker disturbs everyone.
                touches.exclusive.extend(pack.system.services.iter().map(|service| service.name.clone()));
            }
            for (_, kind, text) in sub.arguments() {
                match kind {
                    _ if own == Disturbs::Named => touches.exclusive.extend(services_behind(pack, kind, text)),
                    Kind::Service if sub.sentence.id == SentenceId::ServiceJoins => {
                        touches.exclusive.extend(instances(pack, text));
                    }
                    Kind::Service if disturbs => touches.exclusive.extend([text]),
                    Kind::Group if disturbs_group => {
                        touches.exclusive.extend(pack.system.group(&text).map(|group| group.service.clone()));
                    }
                    // What a rule reads is everybody's doing: nobody else may do anything meanwhile.
                    Kind::Alert => {
                        let alert = pack.system.alerts.iter().find(|alert| alert.name == text);
                        touches.exclusive.extend(alert.map(|alert| alert.service.clone()));
                    }
                    // Whoever uses it is met, whatever it was doing there.
                    Kind::Store => touches.exclusive.extend(services_behind(pack, kind, text)),
                    // Calls of any scenario would be answered so.
                    Kind::Stub if fails_all(sub) => {
                        let calls = pack.system.stub(&text).and_then(|stub| stub.service.clone());
                        let all = pack.system.services.iter().map(|service| service.name.clone());
                        match calls {
                            Some(service) => touches.exclusive.extend([service]),
                            None => touches.exclusive.extend(all),
                        }
                    }
                    _ => {}
                }
            }
        }
        let all = pack.system.services.iter().map(|service| service.name.clone());
        touches.shared = all.filter(|service| !touches.exclusive.contains(service)).collect();
        touches
    }
}

/// Whether calls of any scenario would be answered otherwise, or not at all.
fn fails_all(sub: &Sub) -> bool {
    match sub.sentence.id {
        SentenceId::StubIsDown | SentenceId::StubIsUp => true,
        SentenceId::StubAnswers | SentenceId::StubDelays | SentenceId::StubBreaksOff => sub.table.is_empty(),
        _ => false,
    }
}

/// A service, and the one of which it is another instance: they share the group's partitions.
fn instances(pack: &Pack, service: String) -> Vec<String> {
    let like = pack.system.service(&service).and_then(|spec| spec.like.clone());
    like.into_iter().chain([service]).collect()
}

/// The services that some steps speak of.
pub(super) fn spoken_of(pack: &Pack, steps: &[PlannedStep]) -> BTreeSet<String> {
    let arguments = steps.iter().flat_map(|step| &step.subs).flat_map(|sub| sub.arguments());
    arguments.flat_map(|(_, kind, name)| services_behind(pack, kind, name)).collect()
}

/// The services that a name of this kind stands for: several where they use a store together.
fn services_behind(pack: &Pack, kind: Kind, name: String) -> Vec<String> {
    let system = &pack.system;
    if kind == Kind::Store {
        let users = system.store(&name).into_iter().flat_map(|store| system.users_of(store));
        return users.map(|service| service.name.clone()).collect();
    }
    one_behind(system, kind, name).into_iter().collect()
}

fn one_behind(system: &SystemSpec, kind: Kind, name: String) -> Option<String> {
    match kind {
        Kind::Service => Some(name),
        Kind::Action => system.action(&name)?.service.clone(),
        Kind::List => Some(system.view(&name)?.service.clone()),
        Kind::Group => Some(system.group(&name)?.service.clone()),
        Kind::Stub => system.stub(&name)?.service.clone(),
        Kind::Alert => Some(system.alerts.iter().find(|alert| alert.name == name)?.service.clone()),
        _ => None,
    }
}
