//! Incidents: what was wrong in a group, from when to when.
//!
//! An incident is one root cause in one group, from the first endpoint that it takes to the last that it leaves. Ten
//! domains whose platform resets their targets are one incident; the certificates that fail as a consequence are part of
//! it, because the root says so. Pure: sightings in, what has changed out.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::diagnosis::Finding;
use crate::endpoint::{EndpointName, GroupName};

/// A cause that comes back within this time goes on with its last incident: a change that spreads, or a platform that
/// answers every other time, is one incident and not twenty.
const REOPENED_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// Endpoints that an incident names; further ones are counted.
const MOST_NAMED: usize = 200;

/// Incidents that are kept; of more, the one that ended first is forgotten.
const MOST_KEPT: usize = 500;

/// One root cause in one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Counted from 1 in the order in which they began.
    pub id: u64,
    /// Where; `None`: at this vantage point, which is no group's.
    pub group: Option<GroupName>,
    /// The root.
    pub cause: Cause,
    /// When it took the first endpoint; of one that is down, its first failed probe.
    pub began: Timestamp,
    /// When it left the last; `None` while it stands.
    pub ended: Option<Timestamp>,
    /// How many endpoints it took in all.
    pub affected: usize,
    /// How many of them were down at some time, confirmed.
    pub down: usize,
    /// What should have been, of the first endpoint when it was taken.
    pub expected: String,
    /// What was.
    pub actual: String,
    /// The first two hundred endpoints, in the order in which they were taken.
    pub members: Vec<Member>,
}

/// An endpoint's part in an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The endpoint.
    pub name: EndpointName,
    /// When it was taken, for the first time.
    pub began: Timestamp,
    /// When it was left; `None` while the cause stands.
    pub ended: Option<Timestamp>,
    /// Whether it was down at some time.
    pub down: bool,
}

/// What is shown of an endpoint after a probe.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'a> {
    /// The endpoint.
    pub name: &'a EndpointName,
    /// Its group.
    pub group: &'a GroupName,
    /// The root that stands, if any.
    pub root: Option<&'a Finding>,
    /// Whether it is down, confirmed.
    pub down: bool,
    /// Since when the root stands, if this is the first sighting of it.
    pub at: Timestamp,
}

/// What a sighting has changed, for the store.
#[derive(Debug, Default, PartialEq)]
pub struct Changed {
    /// Incidents that are new, or not what they were.
    pub written: Vec<Arc<Incident>>,
    /// Incidents that are too old to be kept.
    pub forgotten: Vec<u64>,
}

/// Where an endpoint stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    incident: u64,
    began: Timestamp,
    down: bool,
}

/// All incidents that are known, and which endpoint is in which.
#[derive(Debug, Default)]
pub struct Book {
    incidents: BTreeMap<u64, Arc<Incident>>,
    /// The endpoints of the incidents that stand.
    parts: HashMap<EndpointName, Part>,
    /// By incident.
    rolls: HashMap<u64, Roll>,
}

/// Who is and was in an incident, beyond those that it names.
#[derive(Debug, Default)]
struct Roll {
    taken: HashSet<EndpointName>,
    standing: usize,
}

impl Book {
    /// What was known before a restart. Which endpoints are still in an incident is seen when they are noted.
    #[must_use]
    pub fn remember(incidents: impl IntoIterator<Item = Incident>) -> Self {
        let mut book = Self::default();
        for incident in incidents {
            let names = incident.members.iter().map(|member| member.name.clone());
            let roll = Roll {
                taken: names.collect(),
                standing: 0,
            };
            book.rolls.insert(incident.id, roll);
            book.incidents.insert(incident.id, Arc::new(incident));
        }
        book
    }

    /// Every incident, the newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Arc<Incident>> {
        self.incidents.values().rev()
    }

    /// Since when the endpoint's root stands; `None` of one that has none.
    #[must_use]
    pub fn since(&self, name: &EndpointName) -> Option<Timestamp> {
        self.parts.get(name).map(|part| part.began)
    }

    /// How many endpoints are in an incident now.
    #[must_use]
    pub fn standing(&self, incident: u64) -> usize {
        self.rolls.get(&incident).map_or(0, |roll| roll.standing)
    }

    /// Takes in what is shown of an endpoint.
    pub fn note(&mut self, sighting: &Sighting<'_>) -> Changed {
        let mut changed = Changed::default();
        let before = self.parts.get(sighting.name).copied();
        let stays = before.and_then(|part| {
            let incident = self.incidents.get(&part.incident)?;
            let same = incident.group.as_ref() == Some(sighting.group)
                && sighting.root.is_some_and(|root| root.cause == incident.cause);
            same.then_some(part)
        });
        if let Some(part) = stays {
            if sighting.down && !part.down {
                self.enter(part.incident, sighting, part.began, &mut changed);
            }
            return changed;
        }
        if let Some(part) = before {
            self.leave(sighting.name, part.incident, sighting.at, &mut changed);
        }
        if let Some(root) = sighting.root {
            let id = self.incident(Some(sighting.group), root, sighting.at);
            self.enter(id, sighting, sighting.at, &mut changed);
        }
        self.prune(&mut changed);
        changed
    }

    /// Takes in whether a cause stands that is no group's.
    pub fn note_own(&mut self, finding: &Finding, stands: bool, at: Timestamp) -> Changed {
        let mut changed = Changed::default();
        let known = self.latest(None, finding.cause);
        if stands {
            let id = self.incident(None, finding, at);
            self.change(id, &mut changed, |incident| incident.ended = None);
        } else if let Some(id) = known {
            self.change(id, &mut changed, |incident| {
                incident.ended.get_or_insert(at);
            });
        }
        self.prune(&mut changed);
        changed
    }

    /// An endpoint is not watched any more.
    pub fn forget(&mut self, name: &EndpointName, at: Timestamp) -> Changed {
        let mut changed = Changed::default();
        if let Some(part) = self.parts.get(name).copied() {
            self.leave(name, part.incident, at, &mut changed);
        }
        changed
    }

    /// Ends the incidents of groups that no endpoint is in: after a restart that they did not outlive.
    pub fn settle(&mut self, at: Timestamp) -> Changed {
        let mut changed = Changed::default();
        let over = self.incidents.values().filter(|incident| {
            incident.ended.is_none() && incident.group.is_some() && self.standing(incident.id) == 0
        });
        for id in over.map(|incident| incident.id).collect::<Vec<_>>() {
            self.end(id, at, &mut changed);
        }
        changed
    }

    /// The newest incident of a cause in a group, whether it stands or not.
    fn latest(&self, group: Option<&GroupName>, cause: Cause) -> Option<u64> {
        let mut newest = self.newest();
        newest
            .find(|incident| incident.group.as_ref() == group && incident.cause == cause)
            .map(|incident| incident.id)
    }

    /// The incident that a finding belongs to: one that stands or ended just now, else a new one.
    fn incident(&mut self, group: Option<&GroupName>, finding: &Finding, at: Timestamp) -> u64 {
        let goes_on = |incident: &Arc<Incident>| {
            let ended = incident.ended;
            ended.is_none_or(|ended| at.duration_since(ended) <= REOPENED_WITHIN)
        };
        if let Some(id) = self.latest(group, finding.cause)
            && self.incidents.get(&id).is_some_and(goes_on)
        {
            return id;
        }
        let id = self.incidents.last_key_value().map_or(1, |(last, _)| last + 1);
        let incident = Incident {
            id,
            group: group.cloned(),
            cause: finding.cause,
            began: at,
            ended: None,
            affected: 0,
            down: 0,
            expected: finding.expected.clone(),
            actual: finding.actual.clone(),
            members: Vec::new(),
        };
        self.incidents.insert(id, Arc::new(incident));
        id
    }

    fn enter(&mut self, id: u64, sighting: &Sighting<'_>, began: Timestamp, changed: &mut Changed) {
        let Sighting { name, down, .. } = *sighting;
        let before = self.parts.insert(
            name.clone(),
            Part {
                incident: id,
                began,
                down,
            },
        );
        let goes_on = before.is_some_and(|part| part.incident == id);
        let roll = self.rolls.entry(id).or_default();
        let first = roll.taken.insert(name.clone());
        roll.standing += usize::from(!goes_on);
        self.change(id, changed, |incident| {
            incident.ended = None;
            incident.began = incident.began.min(began);
            incident.affected += usize::from(first);
            if first && incident.members.len() < MOST_NAMED {
                incident.members.push(Member {
                    name: name.clone(),
                    began,
                    ended: None,
                    down,
                });
                incident.down += usize::from(down);
                return;
            }
            match incident.members.iter_mut().find(|member| member.name == *name) {
                Some(member) => {
                    member.ended = None;
                    incident.down += usize::from(down && !member.down);
                    member.down |= down;
                }
                // Of one that is only counted, a second outage within the incident counts again.
                None => incident.down += usize::from(down && (first || goes_on)),
            }
        });
    }

    fn leave(&mut self, name: &EndpointName, id: u64, at: Timestamp, changed: &mut Changed) {
        self.parts.remove(name);
        let roll = self.rolls.entry(id).or_default();
        roll.standing = roll.standing.saturating_sub(1);
        let last = roll.standing == 0;
        self.change(id, changed, |incident| {
            let member = incident.members.iter_mut().find(|member| member.name == *name);
            if let Some(member) = member {
                member.ended = Some(at);
            }
            if last {
                incident.ended = Some(at);
            }
        });
    }

    fn end(&mut self, id: u64, at: Timestamp, changed: &mut Changed) {
        self.change(id, changed, |incident| {
            incident.ended = Some(at);
            for member in &mut incident.members {
                member.ended.get_or_insert(at);
            }
        });
    }

    fn change(&mut self, id: u64, changed: &mut Changed, change: impl FnOnce(&mut Incident)) {
        let Some(incident) = self.incidents.get_mut(&id) else {
            return;
        };
        let before = Arc::clone(incident);
        change(Arc::make_mut(incident));
        if before != *incident {
            changed.written.retain(|written| written.id != id);
            changed.written.push(Arc::clone(incident));
        }
    }

    fn prune(&mut self, changed: &mut Changed) {
        while self.incidents.len() > MOST_KEPT {
            let ended = self.incidents.values().filter_map(|incident| {
                let ended = incident.ended?;
                Some((ended, incident.id))
            });
            let Some((_, oldest)) = ended.min() else {
                return;
            };
            self.incidents.remove(&oldest);
            self.rolls.remove(&oldest);
            changed.forgotten.push(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn finding(cause: Cause) -> Finding {
        Finding::new(cause, "what should be", "what is")
    }

    struct Group {
        book: Book,
        name: GroupName,
    }

    impl Group {
        fn new() -> Self {
            Self {
                book: Book::default(),
                name: GroupName::from("tracking"),
            }
        }

        fn note(&mut self, name: &str, cause: Option<Cause>, down: bool, second: i64) -> Changed {
            let root = cause.map(finding);
            self.book.note(&Sighting {
                name: &EndpointName::from(name),
                group: &self.name,
                root: root.as_ref(),
                down,
                at: at(second),
            })
        }

        fn newest(&self) -> &Incident {
            self.book.newest().next().unwrap()
        }
    }

    const CHANGED: Option<Cause> = Some(Cause::PlatformTargetChanged);

    #[test]
    fn endpoints_with_one_root_are_one_incident_until_the_last_is_well() {
        let mut group = Group::new();
        group.note("a", CHANGED, false, 10);
        group.note("b", CHANGED, false, 12);
        group.note("a", CHANGED, true, 70);
        group.note("a", None, false, 100);
        assert_eq!(group.newest().ended, None);
        assert_eq!(group.book.standing(1), 1);
        group.note("b", None, false, 130);
        let incident = group.newest();
        assert_eq!((incident.id, incident.affected, incident.down), (1, 2, 1));
        assert_eq!((incident.began, incident.ended), (at(10), Some(at(130))));
        assert_eq!(incident.members[0].ended, Some(at(100)));
    }

    #[test]
    fn another_root_is_another_incident() {
        let mut group = Group::new();
        group.note("a", CHANGED, true, 10);
        group.note("a", Some(Cause::PlatformCertificateFailing), true, 60);
        let [second, first] = [0, 1].map(|nth| Incident::clone(group.book.newest().nth(nth).unwrap()));
        assert_eq!(
            (first.cause, first.ended),
            (Cause::PlatformTargetChanged, Some(at(60)))
        );
        assert_eq!((second.began, second.ended), (at(60), None));
        assert_eq!(group.book.since(&EndpointName::from("a")), Some(at(60)));
    }

    #[test]
    fn a_cause_that_comes_back_soon_goes_on_with_its_incident() {
        let mut group = Group::new();
        for (cause, second) in [
            (CHANGED, 0),
            (None, 100),
            (CHANGED, 400),
            (None, 500),
            (CHANGED, 801),
        ] {
            group.note("a", cause, false, second);
        }
        assert_eq!(group.book.newest().count(), 2);
        assert_eq!((group.newest().id, group.newest().began), (2, at(801)));
    }

    #[test]
    fn only_what_has_changed_is_written() {
        let mut group = Group::new();
        assert_eq!(group.note("a", CHANGED, false, 10).written.len(), 1);
        assert_eq!(group.note("a", CHANGED, false, 25), Changed::default());
        assert_eq!(group.note("b", None, false, 25), Changed::default());
    }

    #[test]
    fn endpoints_beyond_those_that_are_named_are_counted() {
        let mut group = Group::new();
        for n in 0..300 {
            group.note(&format!("host-{n}"), CHANGED, n % 2 == 0, n);
        }
        for n in 0..300 {
            group.note(&format!("host-{n}"), CHANGED, true, 300 + n);
        }
        let incident = group.newest();
        assert_eq!(
            (incident.affected, incident.down, incident.members.len()),
            (300, 300, 200)
        );
    }

    #[test]
    fn a_restart_goes_on_with_what_stands_and_ends_what_does_not() {
        let mut group = Group::new();
        group.note("a", CHANGED, true, 10);
        group.note("b", Some(Cause::DnsTimeout), true, 20);
        let stored: Vec<Incident> = group.book.newest().map(|one| Incident::clone(one)).collect();
        group.book = Book::remember(stored);
        group.note("a", CHANGED, true, 50);
        group.book.settle(at(60));
        let ended: Vec<_> = group
            .book
            .newest()
            .map(|one| (one.id, one.affected, one.ended))
            .collect();
        assert_eq!(ended, [(2, 1, Some(at(60))), (1, 1, None)]);
    }

    #[test]
    fn a_removed_endpoint_leaves_its_incident() {
        let mut group = Group::new();
        group.note("a", CHANGED, true, 10);
        group.book.forget(&EndpointName::from("a"), at(20));
        assert_eq!(group.newest().ended, Some(at(20)));
    }

    #[test]
    fn the_incidents_that_ended_first_are_forgotten() {
        let mut group = Group::new();
        let mut forgotten = Vec::new();
        for n in 0..502 {
            forgotten.extend(group.note("a", CHANGED, true, n * 1_000).forgotten);
            group.note("a", None, false, n * 1_000 + 1);
        }
        assert_eq!(group.book.newest().count(), MOST_KEPT);
        assert_eq!(forgotten, [1, 2]);
    }

    #[test]
    fn a_blind_vantage_point_is_an_incident_of_no_group() {
        let mut book = Book::default();
        let blind = finding(Cause::VantageOffline);
        assert_eq!(book.note_own(&blind, false, at(1)), Changed::default());
        book.note_own(&blind, true, at(10));
        book.note_own(&blind, false, at(70));
        let incident = book.newest().next().unwrap();
        assert_eq!((incident.group.as_ref(), incident.ended), (None, Some(at(70))));
    }
}
