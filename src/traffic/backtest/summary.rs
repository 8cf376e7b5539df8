//! What a setting would have meant for each series: how often it errs, how soon it sees.

use jiff::SignedDuration;

use super::simulation::{self, Delays};
use super::{Alarm, Settings, Table};
use crate::traffic::Bin;
use crate::traffic::ensemble::Scope;

/// Alarms that follow each other sooner than this are one.
const ONE_EPISODE: SignedDuration = SignedDuration::from_hours(1);
const MONTH: SignedDuration = SignedDuration::from_hours(30 * 24);

/// One series, or the group.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// What it is about.
    pub scope: Scope,
    /// Alarms after the warm-up; those within an hour of each other are one.
    pub episodes: usize,
    /// Episodes per 30 days of known bins: the false alarms to expect, where nothing was wrong in the history.
    pub per_month: f64,
    /// How soon simulated outages were noticed, where they were simulated.
    pub simulated: Option<Delays>,
}

/// Sums up a replay's alarms for every series, and for the group where there are several series.
#[must_use]
pub fn summaries(table: &Table, settings: &Settings, alarms: &[Alarm], simulate: bool) -> Vec<Summary> {
    let mut delays = if simulate {
        simulation::delays(table, settings)
    } else {
        Vec::new()
    }
    .into_iter();
    table
        .scopes()
        .map(|scope| {
            let episodes = episodes(table, alarms, scope);
            Summary {
                scope,
                episodes,
                per_month: per_month(episodes, known(table, scope), table.bin),
                simulated: delays.next(),
            }
        })
        .collect()
}

fn episodes(table: &Table, alarms: &[Alarm], scope: Scope) -> usize {
    let warm = table.start_of(simulation::warm_up(table));
    let mut last = None;
    let mut episodes = 0;
    for alarm in alarms.iter().filter(|alarm| alarm.raised.scope == scope) {
        let at = alarm.raised.at;
        if at >= warm && last.is_none_or(|last| at.duration_since(last) > ONE_EPISODE) {
            episodes += 1;
        }
        last = Some(alarm.ended.map_or(at, |(end, _)| end));
    }
    episodes
}

/// Bins after the warm-up in which something is known of the scope.
fn known(table: &Table, scope: Scope) -> usize {
    let known = |column: usize, index: usize| {
        table
            .columns
            .get(column)
            .and_then(|column| column.bins.get(index))
            .is_some_and(|bin| *bin != Bin::Missing)
    };
    (simulation::warm_up(table)..table.len())
        .filter(|index| match scope {
            Scope::Series(column) => known(column, *index),
            Scope::Pool(_) => (0..table.columns.len()).any(|column| known(column, *index)),
        })
        .count()
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 bins fit a table")]
fn per_month(episodes: usize, bins: usize, bin: SignedDuration) -> f64 {
    let months = bins as f64 * bin.as_secs_f64() / MONTH.as_secs_f64();
    if months > 0.0 {
        episodes as f64 / months
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::traffic::Tier;
    use crate::traffic::backtest::{Column, Ended};
    use crate::traffic::ensemble::{Change, Event};

    fn alarm(from_hour: i64, to_hour: i64) -> Alarm {
        let at = |hour: i64| Timestamp::from_second(hour * 3_600).unwrap();
        Alarm {
            raised: Event {
                scope: Scope::Series(0),
                change: Change::Raised(Tier::Outage),
                at: at(from_hour),
                since: at(from_hour),
                expected: 12.0,
                observed: 0.0,
                evidence: 12.0,
                threshold: 11.0,
            },
            tier: Tier::Outage,
            ended: Some((at(to_hour), Ended::Cleared)),
        }
    }

    #[test]
    fn alarms_within_an_hour_are_one_and_the_warm_up_does_not_count() {
        let table = Table {
            start: Timestamp::UNIX_EPOCH,
            bin: SignedDuration::from_hours(1),
            columns: vec![Column {
                name: "a".into(),
                bins: vec![Bin::Count(5.0); 40 * 24],
            }],
            reference: None,
        };
        let alarms = [
            alarm(2, 3),
            alarm(300, 301),
            alarm(302, 400),
            alarm(400, 410),
            alarm(600, 601),
        ];
        assert_eq!(episodes(&table, &alarms, Scope::Series(0)), 2);
        assert!((per_month(2, known(&table, Scope::Series(0)), table.bin) - 2.0).abs() < 1e-9);
    }
}
