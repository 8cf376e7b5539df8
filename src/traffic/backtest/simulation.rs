//! Outages that never were, put into a history to see how soon they would have been noticed.

use jiff::{SignedDuration, Timestamp};

use super::{Alarm, Settings, Table, replay};
use crate::traffic::ensemble::Scope;
use crate::traffic::{BLIND_AFTER, Bin};

/// How long a simulated outage lasts.
pub const OUTAGE: SignedDuration = BLIND_AFTER;
/// From one outage to the next of the same series; no divisor of a day or a week, so that all hours have their turn.
const SPACING: SignedDuration = SignedDuration::from_hours(41);
/// Outages are kept so far from what is not known.
const MARGIN: SignedDuration = SignedDuration::from_hours(1);
/// So much history is learned from before the first outage, if that is less than a quarter.
const WARM_UP: SignedDuration = SignedDuration::from_hours(21 * 24);
/// So many outages of each series are wanted.
const WANTED: usize = 20;
/// Where the history is too short for them, it is replayed so often.
const MAX_REPLAYS: usize = 4;

/// How soon simulated total outages were noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delays {
    /// How many outages there were.
    pub outages: usize,
    /// How many of them raised an alarm before they ended.
    pub noticed: usize,
    /// The median of the time until then; none where fewer than half were noticed.
    pub median: Option<SignedDuration>,
    /// How many the best possible test would have noticed: Poisson counts, the rate known in hindsight, the same budget.
    pub limit_noticed: usize,
    /// The median that no test could beat; none where fewer than half could be noticed at all.
    pub limit: Option<SignedDuration>,
}

/// The number of bins that are only learned from.
#[must_use]
pub fn warm_up(table: &Table) -> usize {
    (table.len() / 4).min(bins(table, WARM_UP))
}

/// Puts outages into a history and says how soon they are noticed: each series for itself, at different times, and
/// then all at once for the group. In the order of the table's scopes.
#[must_use]
pub fn delays(table: &Table, settings: &Settings) -> Vec<Delays> {
    let spacing = bins(table, SPACING);
    let fit = ((table.len() - warm_up(table)) / spacing).max(1);
    let replays = WANTED.div_ceil(fit).clamp(1, MAX_REPLAYS);
    let width = table.columns.len();
    let mut outcomes: Vec<Vec<Outcome>> = table.scopes().map(|_| Vec::new()).collect();
    for turn in 0..replays {
        let apart: Vec<Vec<usize>> = (0..width)
            .map(|column| {
                let offset = spacing * (turn * width + column) / (replays * width);
                starts(table, offset, &[column])
            })
            .collect();
        let alarms = replay(&struck(table, &apart), settings, |_, _| ());
        for (column, (outcomes, starts)) in outcomes.iter_mut().zip(&apart).enumerate() {
            collect(
                outcomes,
                table,
                settings,
                (Scope::Series(column), starts),
                &alarms,
            );
        }
        if let Some(outcomes) = outcomes.get_mut(width) {
            let all: Vec<usize> = (0..width).collect();
            let together = starts(table, spacing * turn / replays, &all);
            let alarms = replay(
                &struck(table, &vec![together.clone(); width]),
                settings,
                |_, _| (),
            );
            collect(outcomes, table, settings, (Scope::Pool(0), &together), &alarms);
        }
    }
    outcomes.into_iter().map(summary).collect()
}

/// One outage: the time until it was noticed, and the time that the best possible test needs.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    delay: Option<SignedDuration>,
    limit: Option<SignedDuration>,
}

fn collect(
    outcomes: &mut Vec<Outcome>,
    table: &Table,
    settings: &Settings,
    (scope, starts): (Scope, &[usize]),
    alarms: &[Alarm],
) {
    let own: Vec<&Alarm> = alarms
        .iter()
        .filter(|alarm| alarm.raised.scope == scope)
        .collect();
    outcomes.extend(starts.iter().map(|start| Outcome {
        delay: delay(&own, table.start_of(*start), length(table), table.bin),
        limit: limit(table, settings, scope, *start),
    }));
}

/// How many bins are so long, at least one.
fn bins(table: &Table, time: SignedDuration) -> usize {
    let bin = table.bin.as_secs().max(1);
    usize::try_from((time.as_secs() + bin / 2) / bin)
        .unwrap_or(1)
        .max(1)
}

fn length(table: &Table) -> SignedDuration {
    let bins = i32::try_from(bins(table, OUTAGE)).unwrap_or(i32::MAX);
    table.bin.saturating_mul(bins)
}

/// Where outages begin: evenly spread, where at least one of the columns is known throughout.
fn starts(table: &Table, offset: usize, columns: &[usize]) -> Vec<usize> {
    let (long, margin) = (bins(table, OUTAGE), bins(table, MARGIN));
    let whole = |start: usize, column: usize| {
        table
            .columns
            .get(column)
            .and_then(|column| {
                column
                    .bins
                    .get(start.saturating_sub(margin)..start + long + margin)
            })
            .is_some_and(|stretch| stretch.iter().all(|bin| *bin != Bin::Missing))
    };
    (warm_up(table) + offset..table.len())
        .step_by(bins(table, SPACING))
        .filter(|start| columns.iter().any(|column| whole(*start, *column)))
        .collect()
}

/// The history with outages in each column; what is missing stays missing.
fn struck(table: &Table, starts: &[Vec<usize>]) -> Table {
    let long = bins(table, OUTAGE);
    let mut struck = table.clone();
    for (column, starts) in struck.columns.iter_mut().zip(starts) {
        for start in starts {
            for bin in column.bins.iter_mut().skip(*start).take(long) {
                *bin = bin.count().map_or(Bin::Missing, |_| Bin::Count(0.0));
            }
        }
    }
    struck
}

/// From the outage's beginning to the first alarm in it; an alarm that stands already is no notice.
fn delay(
    alarms: &[&Alarm],
    began: Timestamp,
    length: SignedDuration,
    bin: SignedDuration,
) -> Option<SignedDuration> {
    let stands = |alarm: &&Alarm| alarm.raised.at <= began && alarm.ended.is_none_or(|(end, _)| end > began);
    if alarms.iter().any(stands) {
        return None;
    }
    alarms
        .iter()
        .map(|alarm| alarm.raised.at.duration_since(began))
        .find(|delay| delay.is_positive() && *delay <= length + bin)
}

/// The exact delay of the optimal test for a total outage of Poisson counts whose rate is known in hindsight: the least
/// k with (e^kλ − 1) / (1 − e^−λ) at least the mean number of bins between two false alarms (Moustakides 1986).
fn limit(table: &Table, settings: &Settings, scope: Scope, start: usize) -> Option<SignedDuration> {
    let long = bins(table, OUTAGE);
    let rate: f64 = table
        .columns
        .iter()
        .enumerate()
        .filter(|(column, _)| scope == Scope::Series(*column) || matches!(scope, Scope::Pool(_)))
        .map(|(_, column)| mean(column.bins.iter().skip(start).take(long)))
        .sum();
    let rules = settings.rules(table);
    let sharers = f64::from(u32::try_from(rules.sharers).unwrap_or(u32::MAX));
    let between = rules.mean_between_false_alarms.as_secs_f64() * sharers / table.bin.as_secs_f64();
    let needed = ((between * (1.0 - (-rate).exp())).ln_1p() / rate).ceil().max(1.0);
    let delay = SignedDuration::try_from_secs_f64(needed * table.bin.as_secs_f64()).ok()?;
    (delay <= length(table)).then_some(delay)
}

/// The mean of the counts that are known.
fn mean<'a>(bins: impl Iterator<Item = &'a Bin>) -> f64 {
    let (sum, known) = bins
        .filter_map(|bin| bin.count())
        .fold((0.0, 0.0), |(sum, known), count| (sum + count, known + 1.0));
    if known > 0.0 { sum / known } else { 0.0 }
}

fn summary(outcomes: Vec<Outcome>) -> Delays {
    let (delays, limits): (Vec<_>, Vec<_>) = outcomes
        .into_iter()
        .map(|outcome| (outcome.delay, outcome.limit))
        .unzip();
    Delays {
        outages: delays.len(),
        noticed: delays.iter().flatten().count(),
        limit_noticed: limits.iter().flatten().count(),
        median: median(delays),
        limit: median(limits),
    }
}

/// The median, where what never came is longer than anything.
fn median(mut times: Vec<Option<SignedDuration>>) -> Option<SignedDuration> {
    times.sort_by_key(|time| time.unwrap_or(SignedDuration::MAX));
    times.get(times.len().saturating_sub(1) / 2).copied().flatten()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::traffic::backtest::Column;

    fn table(days: usize, count: f64) -> Table {
        Table {
            start: Timestamp::UNIX_EPOCH,
            bin: SignedDuration::from_mins(1),
            columns: vec![Column {
                name: "a".into(),
                bins: vec![Bin::Count(count); days * 1_440],
            }],
            reference: None,
        }
    }

    #[test]
    fn outages_lie_after_the_warm_up_and_at_least_36_hours_apart() {
        let table = table(60, 5.0);
        let starts = starts(&table, 0, &[0]);
        assert_eq!(starts[0], 15 * 1_440);
        assert!(starts.len() > 20, "{}", starts.len());
        assert!(starts.windows(2).all(|two| two[1] - two[0] >= 36 * 60));
        let struck = struck(&table, &[starts]);
        let zeros = struck.columns[0]
            .bins
            .iter()
            .filter(|bin| **bin == Bin::Count(0.0));
        assert_eq!(zeros.count() % 72, 0);
    }

    #[test]
    fn an_outage_is_not_put_beside_what_is_missing() {
        let mut table = table(60, 5.0);
        table.columns[0].bins[15 * 1_440 + 100] = Bin::Missing;
        assert_ne!(starts(&table, 0, &[0])[0], 15 * 1_440);
    }

    #[test]
    fn the_limit_is_that_of_the_theory() {
        let settings = Settings {
            time_zone: TimeZone::UTC,
            mean_between_false_alarms: SignedDuration::from_hours(720),
            accept_after: SignedDuration::from_hours(24),
        };
        // The exact delays of the optimal CUSUM at one false alarm in 30 days, total outage, Poisson.
        for (rate, minutes) in [
            (0.2, Some(45)),
            (1.0, Some(11)),
            (5.0, Some(3)),
            (50.0, Some(1)),
            (0.01, None),
        ] {
            let limit = limit(&table(40, rate), &settings, Scope::Series(0), 20_000);
            assert_eq!(limit.map(|limit| limit.as_mins()), minutes, "at {rate} a minute");
        }
    }

    #[test]
    fn what_was_never_noticed_counts_as_longer_than_anything() {
        let minutes = |minutes| Some(SignedDuration::from_mins(minutes));
        assert_eq!(median(vec![None, minutes(9), minutes(3)]), minutes(9));
        assert_eq!(median(vec![None, None, minutes(3)]), None);
        assert_eq!(median(vec![]), None);
    }
}
