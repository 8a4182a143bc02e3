//! Services and their instances: who is there, what we did to whom, and since when a group does its work again.
//!
//! A service with several instances is one service: it is dead when nobody of it is left, and what we do to one of them moves
//! its deadlines until the others have taken over, or it is back.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use crate::cause::{Death, Refusal};
use crate::{At, GroupState, Name, Reason};

/// How long a service that we disturbed may take until its group is stable again.
const RECOVERY_ALLOWANCE: Duration = Duration::from_secs(60);
/// For how long after a pause whatever a group goes through is a consequence of it: a member learns late that it was given up.
const AFTER_PAUSE: Duration = Duration::from_secs(10);

/// All groups, as last seen.
pub(crate) type Groups = HashMap<Name, GroupView>;

/// A group, as last seen.
#[derive(Clone, Debug)]
pub(crate) struct GroupView {
    pub state: GroupState,
    members: Vec<Name>,
    owned: usize,
    /// The most partitions that its members ever owned together: all that there are.
    all: usize,
}

impl GroupView {
    /// The group as it is now, after what was known of it before.
    pub fn new(state: GroupState, members: &[Name], owned: usize, before: Option<&GroupView>) -> GroupView {
        let most = before.map_or(0, |before| before.all);
        let all = if state == GroupState::Stable { most.max(owned) } else { most };
        GroupView { state, members: members.to_vec(), owned, all }
    }

    /// Stable, with an owner for every partition: while partitions move one by one, it is stable in between too.
    fn is_whole(&self) -> bool {
        self.state == GroupState::Stable && self.owned > 0 && self.owned >= self.all
    }

    fn lacks_one_of(&self, members: &[Name]) -> bool {
        members.iter().any(|member| !self.members.contains(member))
    }
}

/// Every instance of every service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Services(BTreeMap<Name, Instance>);

/// One process.
#[derive(Clone, Debug, Default)]
struct Instance {
    /// The service of which it is another instance.
    like: Option<Name>,
    dead: Option<Death>,
    paused: bool,
    /// We have asked it to end, or are about to kill it.
    ending: bool,
    /// What the broker answered when it last did not let it in.
    refused: Option<String>,
    /// What we did to it, in order: each end, pause and return.
    disturbed: Vec<Away>,
    /// Its last end by itself.
    crashed: Option<Away>,
}

/// An instance went away, or came back, and its groups have to do without it, or with it again.
#[derive(Clone, Debug)]
struct Away {
    since: At,
    /// The members of each group then: where it was a member, one of them is it.
    before: HashMap<Name, Vec<Name>>,
    /// Since when a group was stable without it, or with it again.
    settled: HashMap<Name, At>,
    /// Groups that were not known to be settled then: that one looks as before tells nothing.
    restless: HashSet<Name>,
    /// When its pause was over.
    over: Option<At>,
    /// It did not go, but went on after a pause.
    is_after_pause: bool,
}

/// Where an instance stands when its group changes.
#[derive(Clone, Copy)]
enum Standing {
    /// It is there.
    Back,
    /// It is not, and others may take over.
    Replaceable,
    /// It is not, and neither is anybody else.
    Alone,
}

impl Away {
    fn new(at: At, groups: &Groups, last: Option<&Away>) -> Away {
        let before = groups.iter().map(|(group, view)| (group.clone(), view.members.clone())).collect();
        let is_open = |group: &&Name| last.is_some_and(|last| !last.settled.contains_key(*group));
        Away {
            since: at,
            before,
            settled: HashMap::new(),
            restless: groups.keys().filter(is_open).cloned().collect(),
            over: None,
            is_after_pause: false,
        }
    }

    /// It goes on after its pause: a group that has not noticed is as it was, all others move once more.
    fn goes_on(&mut self, at: At, groups: &Groups) -> Away {
        let is_as_before = |group: &Name, view: &GroupView| {
            let is_same = self.before.get(group) == Some(&view.members) && view.is_whole();
            is_same && !self.settled.contains_key(group) && !self.restless.contains(group)
        };
        let same = groups.iter().filter(|(group, view)| is_as_before(group, view));
        let settled: HashMap<Name, At> = same.map(|(group, _)| (group.clone(), at)).collect();
        self.settled.extend(settled.clone());
        self.over = Some(at);
        Away { settled, over: Some(at), is_after_pause: true, ..Away::new(at, groups, None) }
    }

    fn group_changed(&mut self, group: &Name, view: &GroupView, at: At, standing: Standing) {
        match standing {
            Standing::Back if self.is_after_pause => self.moves_after_pause(group, view, at),
            Standing::Back => {
                let is_renewed = || self.before.get(group).is_none_or(|before| *before != view.members);
                // A member that was paused may still be the same.
                if view.is_whole() && (self.over.is_some() || is_renewed()) {
                    self.settled.entry(group.clone()).or_insert(at);
                }
            }
            Standing::Replaceable => self.moves_without_it(group, view, at, true),
            Standing::Alone => self.moves_without_it(group, view, at, false),
        }
    }

    /// The first time that it is stable counts, and the last as long as the pause may be behind it.
    fn moves_after_pause(&mut self, group: &Name, view: &GroupView, at: At) {
        let is_of_pause = at <= self.since + AFTER_PAUSE;
        if view.is_whole() && (is_of_pause || !self.settled.contains_key(group)) {
            self.settled.insert(group.clone(), at);
        } else if is_of_pause {
            self.settled.remove(group);
        }
    }

    /// A group is stable without it once a member has gone; until then what is seen is what was there when it went.
    fn moves_without_it(&mut self, group: &Name, view: &GroupView, at: At, can_settle: bool) {
        if !view.is_whole() || self.settled.contains_key(group) {
            return;
        }
        let before = self.before.entry(group.clone()).or_default();
        if can_settle && (before.is_empty() || view.lacks_one_of(before)) {
            self.settled.insert(group.clone(), at);
        } else if *before != view.members {
            before.clone_from(&view.members);
            self.restless.insert(group.clone());
        }
    }

    /// Since when its group does its work again, if it does. One of which nothing at all is known had nothing to notice of a pause.
    fn recovered(&self, group: &str, groups: &Groups) -> Option<At> {
        let unnoticed = self.over.filter(|_| !groups.contains_key(group));
        self.settled.get(group).copied().or(unnoticed)
    }

    /// From when on its group has time.
    fn base(&self, group: &str, groups: &Groups) -> At {
        self.recovered(group, groups).unwrap_or(self.since + RECOVERY_ALLOWANCE)
    }
}

impl Instance {
    /// Whether it is there and works.
    fn acts(&self) -> bool {
        self.dead.is_none() && !self.paused
    }

    fn is_away_by_us(&self) -> bool {
        self.paused || self.dead.as_ref().is_some_and(|death| death.by_us)
    }

    /// The same, and no group has been stable without it since: it may be what is missing when the others are gone too.
    fn is_missed(&self) -> bool {
        self.is_away_by_us() && self.disturbed.last().is_none_or(|away| away.settled.is_empty())
    }

    /// What we did to it and did not undo.
    fn our_doing(&self, name: &str) -> Option<String> {
        let ended = self.dead.as_ref().filter(|death| death.by_us);
        let ended = ended.map(|death| format!("it ended service \"{name}\" ({})", death.status));
        ended.or_else(|| self.paused.then(|| format!("it paused service \"{name}\"")))
    }

    fn goes_away(&mut self, at: At, groups: &Groups) {
        self.disturbed.push(Away::new(at, groups, self.disturbed.last()));
    }
}

/// What is observed of services.
impl Services {
    fn instance(&mut self, name: &Name) -> &mut Instance {
        self.0.entry(name.clone()).or_default()
    }

    pub fn started(&mut self, name: &Name, like: Option<&Name>, at: At, groups: &Groups) {
        let one = self.instance(name);
        (one.like, one.dead, one.paused, one.ending, one.crashed) = (like.cloned(), None, false, false, None);
        // Groups that have settled without it move once more.
        if one.disturbed.last().is_some_and(|ours| !ours.settled.is_empty()) {
            one.goes_away(at, groups);
        }
    }

    pub fn ending(&mut self, name: &Name, at: At, groups: &Groups) {
        let one = self.instance(name);
        one.ending = true;
        one.goes_away(at, groups);
    }

    pub fn died(&mut self, name: &Name, death: Death, at: At, groups: &Groups) {
        let one = self.instance(name);
        match death.by_us {
            // It may have left its groups as soon as it was asked to end: then they have settled already.
            true if one.ending => {}
            true => one.goes_away(at, groups),
            false => one.crashed = Some(Away::new(at, groups, None)),
        }
        (one.dead, one.paused, one.ending) = (Some(death), false, false);
    }

    pub fn paused(&mut self, name: &Name, at: At, groups: &Groups) {
        let one = self.instance(name);
        one.paused = true;
        one.goes_away(at, groups);
    }

    pub fn went_on(&mut self, name: &Name, at: At, groups: &Groups) {
        let one = self.instance(name);
        if let Some(pause) = one.disturbed.last_mut().filter(|_| one.paused) {
            let after = pause.goes_on(at, groups);
            one.disturbed.push(after);
        }
        one.paused = false;
    }

    /// A group of which nobody sees the members handles what is new: whatever was done before is over for it.
    pub fn recovered(&mut self, group: &Name, at: At) {
        let all = self.0.values_mut().flat_map(|one| one.disturbed.iter_mut().chain(&mut one.crashed));
        all.for_each(|away| _ = away.settled.entry(group.clone()).or_insert(at));
    }

    pub fn login(&mut self, name: &Name, refused: Option<&String>) {
        self.instance(name).refused = refused.cloned();
    }

    pub fn group_changed(&mut self, group: &Name, view: &GroupView, at: At) {
        let names: Vec<(Name, Standing)> = self.0.keys().map(|name| (name.clone(), self.standing(name))).collect();
        for (name, standing) in names {
            let one = self.instance(&name);
            for away in one.disturbed.iter_mut().chain(&mut one.crashed) {
                away.group_changed(group, view, at, standing);
            }
        }
    }

    fn standing(&self, name: &Name) -> Standing {
        let stays = |one: &Instance| one.acts() && !one.ending;
        match self.0.get(name) {
            Some(one) if !stays(one) => {
                let service = one.like.as_ref().unwrap_or(name);
                let is_replaced = self.instances_of(service).any(|(_, other)| stays(other));
                if is_replaced { Standing::Replaceable } else { Standing::Alone }
            }
            _ => Standing::Back,
        }
    }
}

/// What can be said of them.
impl Services {
    /// A service and its other instances, as far as they were ever seen.
    fn instances_of(&self, service: &str) -> impl Iterator<Item = (&Name, &Instance)> {
        let others = self.0.iter().filter(move |(_, one)| one.like.as_deref() == Some(service));
        self.0.get_key_value(service).into_iter().chain(others)
    }

    fn acts(&self, service: &str) -> bool {
        self.instances_of(service).any(|(_, one)| one.acts())
    }

    /// The death of a service of which nobody is left, if we had no part in it: an instance without which the others got on
    /// is not to blame for their end.
    pub fn death(&self, service: &str) -> Option<&Death> {
        let is_ours = self.instances_of(service).any(|(_, one)| one.is_missed());
        let is_dead = !is_ours && !self.acts(service);
        self.instances_of(service)
            .filter(|_| is_dead)
            .find_map(|(_, one)| one.dead.as_ref().filter(|death| !death.by_us))
    }

    /// How this very instance ended, if it did by itself.
    pub fn end_of(&self, instance: &str) -> Option<&Death> {
        self.0.get(instance)?.dead.as_ref().filter(|death| !death.by_us)
    }

    /// The death of an instance that ended by itself and whose part of a group nobody has taken over since.
    pub fn unreplaced(&self, service: &str, group: &str, groups: &Groups) -> Option<&Death> {
        let is_open = |one: &Instance| one.crashed.as_ref().is_some_and(|away| away.recovered(group, groups).is_none());
        let mut all = self.instances_of(service).filter(|(_, one)| is_open(one));
        all.find_map(|(_, one)| one.dead.as_ref().filter(|death| !death.by_us))
    }

    /// What the broker last told a service of which it lets nobody in.
    pub fn refusal(&self, service: &str) -> Option<Refusal> {
        let somebody_acts = self.acts(service);
        let mut asking = self.instances_of(service).filter(|(_, one)| one.acts() || !somebody_acts).peekable();
        let (name, first) = *asking.peek()?;
        let why = first.refused.clone()?;
        asking.all(|(_, one)| one.refused.is_some()).then(|| Refusal { service: name.to_string(), why })
    }

    /// What we did to a service of which nobody is left to work.
    pub fn away_by_us(&self, service: &str) -> Option<Reason> {
        let is_away = !self.acts(service);
        let (name, one) = self.instances_of(service).filter(|_| is_away).find(|(_, one)| one.is_missed())?;
        let back = if one.paused { "let it go on" } else { "start it again" };
        Some(Reason::OwnDoing { detail: format!("{} and did not {back}", one.our_doing(name)?) })
    }

    /// An instance that we paused and that has not gone on.
    pub fn paused_by_us(&self, service: &str) -> Option<Reason> {
        let (name, _) = self.instances_of(service).find(|(_, one)| one.paused)?;
        let detail =
            format!("it paused service \"{name}\" and did not let it go on: what it had in hand has yet to come");
        Some(Reason::OwnDoing { detail })
    }

    /// When one last went on after a pause.
    pub fn went_on_at(&self, service: &str) -> Option<At> {
        self.disturbances(service).filter(|away| away.is_after_pause).map(|away| away.since).max()
    }

    /// What we did to one of a service's instances, while nobody has taken over its part of a group.
    pub fn part_away_by_us(&self, service: &str, group: &str, groups: &Groups) -> Option<Reason> {
        let is_open = |one: &Instance| one.disturbed.last().is_some_and(|away| away.recovered(group, groups).is_none());
        let mut away = self.instances_of(service).filter(|(_, one)| one.is_away_by_us() && is_open(one));
        let did = away.find_map(|(name, one)| one.our_doing(name))?;
        let detail = format!("{did}, and group \"{group}\" was not seen to be stable without it since");
        Some(Reason::OwnDoing { detail })
    }

    /// When the time allowed for what was `seen` then begins: after the last recovery from what we did until `until`.
    pub fn deadline_base(&self, service: &str, group: &str, groups: &Groups, (seen, until): (At, At)) -> At {
        let disturbed = self.disturbances(service).filter(|away| away.since <= until);
        disturbed.map(|away| away.base(group, groups)).fold(seen, At::max)
    }

    /// Whether we did anything to a service between these instants, or before and its group had not recovered by then.
    pub fn is_disturbed(&self, service: &str, group: &str, groups: &Groups, (from, to): (At, At)) -> bool {
        let is_over = |away: &Away| away.recovered(group, groups).is_some_and(|at| at <= from);
        self.disturbances(service).any(|away| away.since <= to && !is_over(away))
    }

    fn disturbances(&self, service: &str) -> impl Iterator<Item = &Away> {
        self.instances_of(service).flat_map(|(_, one)| &one.disturbed)
    }
}
