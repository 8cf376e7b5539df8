//! The detector over a history: the alarms it would have raised, and when.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::ensemble::{Change, Ensemble, Event, Scope};
use super::{Bin, Rules, Tier};

pub mod simulation;
pub mod summary;

/// A history: counts in bins of one length, without holes in time (what is not known is a missing bin).
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The start of the first bin.
    pub start: Timestamp,
    /// The length of a bin, in whole seconds.
    pub bin: SignedDuration,
    /// What is judged. All columns are of one length.
    pub columns: Vec<Column>,
    /// What explains the columns and is not judged itself; as long as they are.
    pub reference: Option<Vec<Bin>>,
}

/// One series of a history.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// What the series is called.
    pub name: String,
    /// Its bins, from the start of the table on.
    pub bins: Vec<Bin>,
}

impl Table {
    /// How many bins every column has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, |column| column.bins.len())
    }

    /// Whether there is nothing to replay.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When the bin of this number begins.
    #[must_use]
    pub fn start_of(&self, index: usize) -> Timestamp {
        let seconds = i64::try_from(index)
            .unwrap_or(i64::MAX)
            .saturating_mul(self.bin.as_secs());
        self.start
            .checked_add(SignedDuration::from_secs(seconds))
            .unwrap_or(Timestamp::MAX)
    }

    /// Whether the columns are also judged together.
    #[must_use]
    pub fn pooled(&self) -> bool {
        self.columns.len() > 1
    }

    /// What is judged: every column, and the pool of them where there are several.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        (0..self.columns.len())
            .map(Scope::Series)
            .chain(self.pooled().then_some(Scope::Pool(0)))
    }

    /// What a scope is called; nothing for the pool.
    #[must_use]
    pub fn name(&self, scope: Scope) -> &str {
        match scope {
            Scope::Series(column) => self.columns.get(column).map_or("", |column| &column.name),
            Scope::Pool(_) => "",
        }
    }
}

/// What a history is judged by.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The wall clock that the seasonal shape follows.
    pub time_zone: TimeZone,
    /// The mean time between two false alarms that is accepted of the whole table.
    pub mean_between_false_alarms: SignedDuration,
    /// After so long at a new level the level is accepted.
    pub accept_after: SignedDuration,
}

impl Settings {
    /// The rules for a table, whose columns and pool share the budget.
    #[must_use]
    pub fn rules(&self, table: &Table) -> Rules {
        Rules {
            bin: table.bin,
            time_zone: self.time_zone.clone(),
            mean_between_false_alarms: self.mean_between_false_alarms,
            sharers: table.scopes().count().max(1),
            accept_after: self.accept_after,
        }
    }
}

/// How an alarm ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// An alarm of the other tier took its place.
    Changed,
    /// Traffic was back.
    Cleared,
    /// The new level was accepted.
    LevelAccepted,
}

impl Ended {
    /// The name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Cleared => "cleared",
            Self::LevelAccepted => "level_accepted",
        }
    }
}

/// An alarm that would have been raised.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// What raised it, and what was known then: `at` is when, the end of the last bin used.
    pub raised: Event,
    /// How much was missing.
    pub tier: Tier,
    /// When and how it ended; none while it stands at the end of the history.
    pub ended: Option<(Timestamp, Ended)>,
}

impl Alarm {
    /// Whether it stood at any time from `from` to `to`, either of them open.
    #[must_use]
    pub fn touches(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
        to.is_none_or(|to| self.raised.at <= to)
            && from.is_none_or(|from| self.ended.is_none_or(|(end, _)| end >= from))
    }
}

/// Alarms, put together from what changed.
#[derive(Debug, Default)]
pub struct Ledger {
    alarms: Vec<Alarm>,
    standing: Vec<(Scope, usize)>,
}

impl Ledger {
    /// Takes in a change; changes come in order of time.
    pub fn take(&mut self, event: &Event) {
        match event.change {
            Change::Raised(tier) => {
                self.end(event, Ended::Changed);
                self.standing.push((event.scope, self.alarms.len()));
                self.alarms.push(Alarm {
                    raised: *event,
                    tier,
                    ended: None,
                });
            }
            Change::Cleared => self.end(event, Ended::Cleared),
            Change::LevelAccepted => self.end(event, Ended::LevelAccepted),
        }
    }

    /// All alarms, in order of start.
    #[must_use]
    pub fn into_alarms(self) -> Vec<Alarm> {
        self.alarms
    }

    fn end(&mut self, event: &Event, how: Ended) {
        let Some(place) = self.standing.iter().position(|(scope, _)| *scope == event.scope) else {
            return;
        };
        let (_, alarm) = self.standing.swap_remove(place);
        if let Some(alarm) = self.alarms.get_mut(alarm) {
            alarm.ended = Some((event.at, how));
        }
    }
}

/// Replays a history and says what alarms it would have raised, in order of start.
///
/// After each bin `watch` is shown what is known then, with the number of the bin.
pub fn replay(table: &Table, settings: &Settings, mut watch: impl FnMut(usize, &Ensemble)) -> Vec<Alarm> {
    let mut ensemble = Ensemble::new(settings.rules(table));
    let pool = table.pooled().then(|| ensemble.add_pool());
    for _ in &table.columns {
        ensemble.add_series(pool);
    }
    let mut ledger = Ledger::default();
    let (mut row, mut references) = (Vec::new(), Vec::new());
    for index in 0..table.len() {
        row.clear();
        row.extend(
            table
                .columns
                .iter()
                .map(|column| column.bins.get(index).copied().unwrap_or(Bin::Missing)),
        );
        if let Some(reference) = &table.reference {
            references.clear();
            references.resize(row.len(), reference.get(index).copied().unwrap_or(Bin::Missing));
        }
        for event in ensemble.push(table.start_of(index), &row, &references) {
            // A history may begin off the full minute; what is told is when the bin ended there.
            ledger.take(&Event {
                at: table.start_of(index + 1),
                ..event
            });
        }
        watch(index, &ensemble);
    }
    ledger.into_alarms()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(scope: Scope, change: Change, minute: i64) -> Event {
        Event {
            scope,
            change,
            at: Timestamp::from_second(minute * 60).unwrap(),
            since: Timestamp::UNIX_EPOCH,
            expected: 12.0,
            observed: 0.0,
            evidence: 12.0,
            threshold: 11.0,
        }
    }

    /// From which minute on, till when and how, and the tier.
    type Told = (i64, Option<(i64, Ended)>, Tier);

    fn told(events: &[Event]) -> Vec<Told> {
        let mut ledger = Ledger::default();
        for event in events {
            ledger.take(event);
        }
        let minute = |at: Timestamp| at.as_second() / 60;
        ledger
            .into_alarms()
            .iter()
            .map(|alarm| {
                let ended = alarm.ended.map(|(end, how)| (minute(end), how));
                (minute(alarm.raised.at), ended, alarm.tier)
            })
            .collect()
    }

    #[test]
    fn an_escalation_ends_the_partial_alarm_and_begins_an_outage() {
        let one = Scope::Series(0);
        let alarms = told(&[
            event(one, Change::Raised(Tier::Partial), 5),
            event(one, Change::Raised(Tier::Outage), 9),
            event(one, Change::Cleared, 20),
        ]);
        assert_eq!(
            alarms,
            [
                (5, Some((9, Ended::Changed)), Tier::Partial),
                (9, Some((20, Ended::Cleared)), Tier::Outage)
            ]
        );
    }

    #[test]
    fn alarms_of_several_series_and_the_group_stand_in_order_of_start() {
        let alarms = told(&[
            event(Scope::Pool(0), Change::Raised(Tier::Outage), 3),
            event(Scope::Series(1), Change::Raised(Tier::Outage), 5),
            event(Scope::Series(0), Change::Raised(Tier::Outage), 7),
            event(Scope::Series(1), Change::LevelAccepted, 8),
        ]);
        assert_eq!(
            alarms,
            [
                (3, None, Tier::Outage),
                (5, Some((8, Ended::LevelAccepted)), Tier::Outage),
                (7, None, Tier::Outage)
            ]
        );
    }

    #[test]
    fn the_end_of_an_alarm_that_never_was_is_no_alarm() {
        assert_eq!(told(&[event(Scope::Series(0), Change::Cleared, 3)]), []);
    }
}
