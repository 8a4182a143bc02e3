//! What is known of groups, services and our own blindness: the part of the evidence that explains an absence.

use std::collections::HashMap;
use std::time::Duration;

use crate::cause::{Death, Missing, Place, Refusal};
use crate::services::{GroupView, Groups, Services};
use crate::{At, Blind, GroupState, Name, Observation, Reason, Subject};

/// The latest known state of everything around an event.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    committed: HashMap<(Name, Name, i32), i64>,
    groups: Groups,
    services: Services,
    blind: Vec<Blind>,
    /// Spans whose contents have been read since: they hide nothing, but what came in them bears a later time.
    made_good: Vec<Blind>,
}

impl Surroundings {
    /// Whether an observation tells something of what is around an event: all that [`observe`](Self::observe) takes in.
    pub fn concerns(observation: &Observation) -> bool {
        matches!(
            observation,
            Observation::Committed { .. }
                | Observation::Group { .. }
                | Observation::Started { .. }
                | Observation::Ending { .. }
                | Observation::Died { .. }
                | Observation::Paused { .. }
                | Observation::WentOn { .. }
                | Observation::Recovered { .. }
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
            Observation::Started { service, like, at } => {
                self.services.started(service, like.as_ref(), *at, &self.groups);
            }
            Observation::Ending { service, at } => self.services.ending(service, *at, &self.groups),
            Observation::Died { service, status, by_us, last_lines, at } => {
                let death = Death {
                    service: service.to_string(),
                    status: status.clone(),
                    by_us: *by_us,
                    last_lines: last_lines.clone(),
                };
                self.services.died(service, death, *at, &self.groups);
            }
            Observation::Paused { service, at } => self.services.paused(service, *at, &self.groups),
            Observation::WentOn { service, at } => self.services.went_on(service, *at, &self.groups),
            Observation::Recovered { group, at } => self.services.recovered(group, *at),
            Observation::Login { service, refused, .. } => self.services.login(service, refused.as_ref()),
            Observation::Blind(blind) => blind.clone().join(&mut self.blind),
            Observation::CaughtUp { what, at } => self.made_good.extend(Blind::made_good(&mut self.blind, what, *at)),
            _ => {}
        }
    }

    fn group_changed(&mut self, group: &Name, state: GroupState, members: &[Name], owned: usize, at: At) {
        let view = GroupView::new(state, members, owned, self.groups.get(group));
        self.services.group_changed(group, &view, at);
        self.groups.insert(group.clone(), view);
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

    /// The service's death, if none of its instances is left, and all died by themselves.
    pub fn death(&self, service: &str) -> Option<&Death> {
        self.services.death(service)
    }

    /// How this very instance ended, if it did by itself: others may do its work, but do not answer for it.
    pub fn end_of(&self, instance: &str) -> Option<&Death> {
        self.services.end_of(instance)
    }

    /// What the broker last told the service if it lets none of its instances in.
    pub fn refusal(&self, service: &str) -> Option<Refusal> {
        self.services.refusal(service)
    }

    /// The reason for having no verdict about a service of which nobody works, since we ended or paused an instance and left it
    /// so: what the tool did is never blamed on the system.
    pub fn away_by_us(&self, service: &str) -> Option<Reason> {
        self.services.away_by_us(service)
    }

    /// An instance of the service that we paused and that has not gone on, as the reason for having no verdict.
    pub fn paused_by_us(&self, service: &str) -> Option<Reason> {
        self.services.paused_by_us(service)
    }

    /// When an instance of the service last went on after a pause.
    pub fn went_on_at(&self, service: &str) -> Option<At> {
        self.services.went_on_at(service)
    }

    /// The same about what a service should do with what a group reads: nor while nobody has taken over the part of an instance
    /// that we ended or paused.
    pub fn own_doing(&self, service: &str, group: &str) -> Option<Reason> {
        let part = || self.services.part_away_by_us(service, group, &self.groups);
        self.away_by_us(service).or_else(part)
    }

    /// When the time allowed for the effect of a record begins: when the record was `seen`, or, if we ended or paused an
    /// instance of the service, when its group was stable again, with it or without it. One that never is is waited for a minute.
    /// `until`: when the effect came, or now. What we did afterwards excuses nothing.
    pub fn deadline_base(&self, service: &str, group: &str, seen: At, until: At) -> At {
        self.services.deadline_base(service, group, &self.groups, (seen, until))
    }

    /// Whether what happened between these instants may have been delayed by what we did to the service.
    pub fn is_disturbed(&self, service: &str, group: &str, from: At, to: At) -> bool {
        self.services.is_disturbed(service, group, &self.groups, (from, to))
    }

    /// Whether a time within these instants may be later than the truth, because `what` could not be seen then.
    pub fn late_sight(&self, what: &str, from: At, to: At) -> Option<Reason> {
        let blind = self.blind.iter().chain(&self.made_good).find(|blind| blind.covers(what, from, to))?;
        Some(Reason::Blind { what: what.to_owned(), why: blind.why.clone(), lasted: blind.lasted(to) })
    }

    /// Since when we were blind to `what` as something of it was seen `at`, or shortly before, and why: it may be as old as that.
    pub fn unseen_before(&self, what: &str, at: At, shortly: Duration) -> Option<(At, Reason)> {
        let is_last =
            |blind: &&Blind| blind.covers(what, blind.from, at) && blind.to.is_none_or(|to| to + shortly >= at);
        let blind = self.blind.iter().chain(&self.made_good).filter(is_last).min_by_key(|blind| blind.from)?;
        Some((blind.from, Reason::Blind { what: what.to_owned(), why: blind.why.clone(), lasted: blind.lasted(at) }))
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
        if let Some(death) = self.services.unreplaced(service, group, &self.groups) {
            return Missing::ServiceDead(death.clone());
        }
        match (self.committed(group, &place.topic, place.partition), self.group_state(group)) {
            (Some(committed), _) if committed > place.offset => {
                Missing::HandledWithoutEffect { group: group.to_owned(), committed, record: place.clone() }
            }
            (_, Some(state)) if state != GroupState::Stable => {
                Missing::GroupNotStable { group: group.to_owned(), state: state.in_words().to_owned() }
            }
            // What was last seen of the group may be old: then it explains nothing.
            (Some(_), _) if self.blind.iter().any(|blind| blind.what == Subject::Group(group.into())) => {
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
