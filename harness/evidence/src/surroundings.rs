//! What is known of groups, services and our own blindness: the part of the evidence that explains an absence.

use std::collections::HashMap;
use std::time::Duration;

use crate::cause::{Death, Missing, Place, Refusal};
use crate::{At, Blind, GroupState, Name, Observation, Reason};

/// How long a service that we ended may take until its group is stable again.
const RECOVERY_ALLOWANCE: Duration = Duration::from_secs(60);

/// The latest known state of everything around an event.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    committed: HashMap<(Name, Name, i32), i64>,
    groups: HashMap<Name, GroupView>,
    services: HashMap<Name, ServiceView>,
    blind: Vec<Blind>,
    /// Spans whose contents have been read since: they hide nothing, but what came in them bears a later time.
    made_good: Vec<Blind>,
}

#[derive(Clone, Debug)]
struct GroupView {
    state: GroupState,
    members: Vec<Name>,
}

#[derive(Clone, Debug, Default)]
struct ServiceView {
    dead: Option<Death>,
    /// What the broker answered when it last did not let it in.
    refused: Option<String>,
    /// When we last ended it ourselves, and the members that each group had then.
    ended_by_us: Option<(At, HashMap<Name, Vec<Name>>)>,
    /// When a group first was stable with other members after that.
    stable_again: HashMap<Name, At>,
}

/// Where a service stands after we ended it ourselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// We did nothing to it.
    Undisturbed,
    /// We ended it, and its group is not stable again.
    Pending { since: At },
    /// Its group has been stable again since then.
    Since(At),
}

impl Surroundings {
    /// Whether an observation tells something of what is around an event: all that [`observe`](Self::observe) takes in.
    pub fn concerns(observation: &Observation) -> bool {
        matches!(
            observation,
            Observation::Committed { .. }
                | Observation::Group { .. }
                | Observation::Started { .. }
                | Observation::Died { .. }
                | Observation::Login { .. }
                | Observation::Blind(_)
                | Observation::CaughtUp { .. }
        )
    }

    /// Takes in one observation.
    pub fn observe(&mut self, observation: &Observation) {
        match observation {
            Observation::Committed { group, topic, partition, offset, .. } => {
                self.committed.insert((group.clone(), topic.clone(), *partition), *offset);
            }
            Observation::Group { group, state, members, owned, at } => {
                self.group_changed(group, *state, members, *owned, *at);
            }
            Observation::Started { service, .. } => self.service(service).dead = None,
            Observation::Died { service, status, by_us, last_lines, at } => {
                let death = Death {
                    service: service.to_string(),
                    status: status.clone(),
                    by_us: *by_us,
                    last_lines: last_lines.clone(),
                };
                self.service_died(service, death, by_us.then_some(*at));
            }
            Observation::Login { service, refused, .. } => self.service(service).refused = refused.clone(),
            Observation::Blind(blind) => blind.clone().join(&mut self.blind),
            Observation::CaughtUp { what, at } => self.made_good.extend(Blind::made_good(&mut self.blind, what, *at)),
            _ => {}
        }
    }

    fn service(&mut self, name: &Name) -> &mut ServiceView {
        self.services.entry(name.clone()).or_default()
    }

    fn service_died(&mut self, service: &Name, death: Death, by_us: Option<At>) {
        let members = self.groups.iter().map(|(group, view)| (group.clone(), view.members.clone())).collect();
        let view = self.service(service);
        view.dead = Some(death);
        if let Some(at) = by_us {
            view.ended_by_us = Some((at, members));
            view.stable_again.clear();
        }
    }

    fn group_changed(&mut self, group: &Name, state: GroupState, members: &[Name], owned: usize, at: At) {
        self.groups.insert(group.clone(), GroupView { state, members: members.to_vec() });
        if state != GroupState::Stable || owned == 0 {
            return;
        }
        for service in self.services.values_mut() {
            let renewed = service
                .ended_by_us
                .as_ref()
                .is_some_and(|(_, before)| before.get(group).is_none_or(|before| before.as_slice() != members));
            if renewed && service.dead.is_none() {
                service.stable_again.entry(group.clone()).or_insert(at);
            }
        }
    }

    /// The group's committed offset on a partition, as last seen.
    pub fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        self.committed.get(&(group.into(), topic.into(), partition)).copied()
    }

    /// Whether the group was ever seen to commit anything: some keep their offsets elsewhere.
    pub fn ever_committed(&self, group: &str) -> bool {
        self.committed.keys().any(|(of, ..)| &**of == group)
    }

    /// Whether the group has committed past this place.
    pub fn is_past(&self, group: &str, place: &Place) -> bool {
        self.committed(group, &place.topic, place.partition).is_some_and(|offset| offset > place.offset)
    }

    /// The group's state, as last seen.
    pub fn group_state(&self, group: &str) -> Option<GroupState> {
        self.groups.get(group).map(|view| view.state)
    }

    /// The service's death, if it is dead and died by itself.
    pub fn death(&self, service: &str) -> Option<&Death> {
        self.services.get(service)?.dead.as_ref().filter(|death| !death.by_us)
    }

    /// What the broker last told the service that it did not let in.
    pub fn refusal(&self, service: &str) -> Option<Refusal> {
        let why = self.services.get(service)?.refused.clone()?;
        Some(Refusal { service: service.to_owned(), why })
    }

    /// The reason for having no verdict about a service that we ended ourselves and did not start again: what the tool
    /// did is never blamed on the system.
    pub fn own_doing(&self, service: &str) -> Option<Reason> {
        let dead = self.services.get(service)?.dead.as_ref().filter(|death| death.by_us)?;
        let detail = format!("it ended service \"{}\" ({}) and did not start it again", dead.service, dead.status);
        Some(Reason::OwnDoing { detail })
    }

    /// Where the service and its group stand after we ended the service ourselves. Deadlines begin anew there.
    pub fn recovery(&self, service: &str, group: &str) -> Recovery {
        let Some(view) = self.services.get(service) else { return Recovery::Undisturbed };
        match (&view.ended_by_us, view.stable_again.get(group)) {
            (None, _) => Recovery::Undisturbed,
            (Some((since, _)), None) => Recovery::Pending { since: *since },
            (Some(_), Some(at)) => Recovery::Since(*at),
        }
    }

    /// When the time allowed for the effect of a record begins: when the record was `seen`, or, if we ended the
    /// service ourselves, when its group was stable again. A service that never comes back is waited for a minute.
    pub fn deadline_base(&self, service: &str, group: &str, seen: At) -> At {
        match self.recovery(service, group) {
            Recovery::Undisturbed => seen,
            Recovery::Since(again) => seen.max(again),
            Recovery::Pending { since } => seen.max(since + RECOVERY_ALLOWANCE),
        }
    }

    /// Whether a time within these instants may be later than the truth, because `what` could not be seen then.
    pub fn late_sight(&self, what: &str, from: At, to: At) -> Option<Reason> {
        let blind = self.blind.iter().chain(&self.made_good).find(|blind| blind.covers(what, from, to))?;
        Some(Reason::Blind { what: what.to_owned(), why: blind.why.clone(), lasted: blind.lasted(to) })
    }

    /// Whether we were blind to `what` between two instants and have not read since what we missed, as the reason for
    /// having no verdict about an absence.
    pub fn blindness(&self, what: &str, from: At, to: At) -> Option<Reason> {
        let blind = self.blind.iter().find(|blind| blind.covers(what, from, to))?;
        Some(Reason::Blind { what: what.to_owned(), why: blind.why.clone(), lasted: blind.lasted(to) })
    }

    /// Why the record at `place` may have had no effect.
    pub fn explain(&self, service: &str, group: &str, place: &Place) -> Missing {
        if let Some(death) = self.death(service) {
            return Missing::ServiceDead(death.clone());
        }
        if let Some(refusal) = self.refusal(service) {
            return Missing::Refused(refusal);
        }
        match (self.committed(group, &place.topic, place.partition), self.group_state(group)) {
            (Some(committed), _) if committed > place.offset => {
                Missing::HandledWithoutEffect { group: group.to_owned(), committed, record: place.clone() }
            }
            (_, Some(state)) if state != GroupState::Stable => {
                Missing::GroupNotStable { group: group.to_owned(), state: state.in_words().to_owned() }
            }
            // What was last seen of the group may be old: then it explains nothing.
            (Some(_), _) if self.blind.iter().any(|blind| blind.what.as_deref() == Some(group)) => {
                Missing::Unexplained { group: group.to_owned(), record: place.clone() }
            }
            (Some(committed), _) => Missing::GroupBehind {
                group: group.to_owned(),
                behind: place.offset + 1 - committed,
                committed,
                record: place.clone(),
            },
            (None, _) => Missing::Unexplained { group: group.to_owned(), record: place.clone() },
        }
    }
}

impl GroupState {
    /// The state in words that fit "the group is …".
    pub fn in_words(self) -> &'static str {
        match self {
            GroupState::Dead => "not there",
            GroupState::Empty => "empty",
            GroupState::Rebalancing => "rebalancing",
            GroupState::Stable => "stable",
        }
    }
}

/// The longest that an observer may have been silent before its silence could change a verdict about `limit`.
pub(crate) fn grace(limit: Duration) -> Duration {
    limit.clamp(Duration::from_secs(2), Duration::from_secs(10))
}

/// How much longer than that the one look is waited for that would decide: a busy service answers late, and a verdict
/// that is late is better than none.
pub(crate) const LOOK_PATIENCE: Duration = Duration::from_secs(10);
