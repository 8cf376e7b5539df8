//! The measured side: one thread, figures on one line.

use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use linkwatch::traffic::ensemble::Ensemble;
use linkwatch::traffic::{Bin, Rules, evidence};
use procfs::process::Process;

use super::clicks::Clicks;
use crate::meter::{count, resident};

/// A Monday's midnight in UTC; seconds since 1970.
const BEGIN: i64 = 1_772_409_600;
const MINUTE: i64 = 60;
const DAY: i64 = 1_440;
/// Ticks that are measured, the later half of them after midnight.
const TICKS: i64 = 60;
/// Minutes of a slot of the season.
const SLOT: i64 = 15;

/// `traffic-worker replay | fleet SERIES SPARSE_DAYS DENSE_HOURS | reference SERIES`.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    match arguments {
        [task] if task == "replay" => replay(),
        [task, series, sparse, dense] if task == "fleet" => {
            fleet(series.parse()?, sparse.parse()?, dense.parse()?)
        }
        [task, series] if task == "reference" => reference(series.parse()?),
        _ => bail!("no such task of the traffic worker: {arguments:?}"),
    }
}

/// Seconds of CPU for 62 days of one series, and their bins.
fn replay() -> anyhow::Result<()> {
    let mut clicks = Clicks::new(1, 20.0);
    let bins: Vec<Bin> = (0..62 * DAY)
        .map(|minute| clicks.minute(BEGIN + minute * MINUTE))
        .collect();
    let mut ensemble = ensemble(1)?;
    let before = cpu()?;
    let mut events = 0;
    for (minute, bin) in (0..).zip(&bins) {
        events += ensemble.push(at(minute)?, std::slice::from_ref(bin), &[]).len();
    }
    let took = cpu()?.saturating_sub(before);
    black_box((events, ensemble.series(0)));
    say(&[took.as_secs_f64(), count(bins.len() as u64)]);
    Ok(())
}

/// Seconds for loading; of a tick on average, of the part of it that reads judgements, and of the worst; KiB of a series.
fn fleet(series: usize, sparse: i64, dense: i64) -> anyhow::Result<()> {
    // From a click in three minutes to a hundred a minute.
    let mut clicks: Vec<Clicks> = (0..series as u64)
        .map(|number| {
            let place = count(number) / count(series as u64);
            Clicks::new(number, 0.3 * 333.0_f64.powf(place))
        })
        .collect();
    let mut row = vec![Bin::Missing; series];
    let pid = std::process::id();
    let empty = resident(pid)?;
    let mut ensemble = ensemble(series)?;
    let begin = cpu()?;
    // The measured ticks begin half an hour before a midnight.
    let (full, first) = (
        sparse * DAY - TICKS / 2,
        sparse * DAY + dense / 24 * DAY - TICKS / 2,
    );
    for minute in 0..first {
        if minute >= full || minute % SLOT == 0 {
            fill(&mut row, &mut clicks, minute);
        } else if minute % SLOT == 1 {
            row.fill(Bin::Missing);
        }
        black_box(ensemble.push(at(minute)?, &row, &[]));
    }
    let loading = cpu()?.saturating_sub(begin);
    let (mut all, mut judging, mut worst) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for minute in first..first + TICKS {
        fill(&mut row, &mut clicks, minute);
        let before = cpu()?;
        black_box(ensemble.push(at(minute)?, &row, &[]));
        let pushed = cpu()?;
        for number in 0..series {
            black_box(ensemble.series(number));
        }
        let after = cpu()?;
        all += after.saturating_sub(before);
        judging += after.saturating_sub(pushed);
        worst = worst.max(after.saturating_sub(before));
    }
    let kept = count(resident(pid)?.saturating_sub(empty)) / count(series as u64);
    let each = |time: Duration| time.as_secs_f64() / f64::from(u32::try_from(TICKS).unwrap_or(1));
    say(&[
        loading.as_secs_f64(),
        each(all),
        each(judging),
        worst.as_secs_f64(),
        kept,
    ]);
    Ok(())
}

/// Nanoseconds of one log tail; KiB of the bare counts of 28 days, in slots.
fn reference(series: usize) -> anyhow::Result<()> {
    const ROUNDS: u32 = 20;
    let before = cpu()?;
    let mut sum = 0.0;
    for _ in 0..ROUNDS {
        for number in 0..series as u64 {
            let expected = count(number % 100) + 10.0;
            sum += evidence::of_so_few(black_box((expected / 3.0).floor()), expected, 20.0);
        }
    }
    black_box(sum);
    let took = cpu()?.saturating_sub(before).as_secs_f64() / (f64::from(ROUNDS) * count(series as u64));
    let pid = std::process::id();
    let empty = resident(pid)?;
    let slots = usize::try_from(28 * DAY / SLOT)?;
    let counts: Vec<Vec<f32>> = (0..series).map(|_| vec![1.0; slots]).collect();
    black_box(&counts);
    let kept = count(resident(pid)?.saturating_sub(empty)) / count(series as u64);
    say(&[took * 1e9, kept]);
    Ok(())
}

fn fill(row: &mut [Bin], clicks: &mut [Clicks], minute: i64) {
    for (bin, clicks) in row.iter_mut().zip(clicks) {
        *bin = clicks.minute(BEGIN + minute * MINUTE);
    }
}

/// So many series, not pooled, with the shipped budget.
fn ensemble(series: usize) -> anyhow::Result<Ensemble> {
    let mut ensemble = Ensemble::new(Rules {
        bin: SignedDuration::from_mins(1),
        time_zone: TimeZone::get("Europe/Berlin").context("time zones are built in")?,
        mean_between_false_alarms: SignedDuration::from_hours(30 * 24),
        sharers: series,
        accept_after: SignedDuration::from_hours(24),
    });
    for _ in 0..series {
        ensemble.add_series(None);
    }
    Ok(ensemble)
}

fn at(minute: i64) -> anyhow::Result<Timestamp> {
    Ok(Timestamp::from_second(BEGIN + minute * MINUTE)?)
}

/// CPU of this thread so far, as of the kernel's last tick (4 ms and less apart).
fn cpu() -> anyhow::Result<Duration> {
    Ok(Duration::from_nanos(
        Process::myself()?.schedstat()?.sum_exec_runtime,
    ))
}

fn say(figures: &[f64]) {
    let words: Vec<String> = figures.iter().map(f64::to_string).collect();
    println!("{}", words.join(" "));
}
