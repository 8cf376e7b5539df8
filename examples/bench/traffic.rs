//! What judging click traffic costs: a history replayed, ten thousand series judged each minute, and their memory.

use anyhow::bail;

use crate::Options;
use crate::child::Child;
use crate::meter::count;

mod clicks;
pub(crate) mod worker;

/// A figure, the same of the reference, and what the figure may be at most.
struct Figure {
    what: &'static str,
    unit: &'static str,
    ours: f64,
    reference: f64,
    most: f64,
}

/// Measures; `false` when a ceiling was passed.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    let series = options.number("series", 10_000);
    let sparse = options.number("sparse-days", 28);
    let dense = options.number("dense-hours", 24);
    let replay = ask(&["replay"])?;
    eprintln!("replayed; loading {series} series");
    let fleet = ask(&[
        "fleet",
        &series.to_string(),
        &sparse.to_string(),
        &dense.to_string(),
    ])?;
    let least = ask(&["reference", &series.to_string()])?;
    let ([replayed, bins], [loading, mean, judged, worst, resident], [tail, slots]) =
        (&replay[..], &fleet[..], &least[..])
    else {
        bail!("a worker answered with other figures: {replay:?}, {fleet:?}, {least:?}");
    };
    println!(
        "{series} series loaded with {sparse} days of one minute in fifteen (every slot of their season) and {dense} \
         hours of every minute, in {loading:.0} s; then 60 ticks over a midnight, of which reading the judgements took \
         {judged:.3} s each"
    );
    println!(
        "CPU; the reference is one log tail of a negative binomial per bin (statrs, {tail:.0} ns), of memory"
    );
    println!("the bare counts of 28 days in slots of a quarter of an hour");
    let a_tick = tail * 1e-9 * count(series as u64);
    Ok(judge(&[
        Figure {
            what: "62 days of minutes, one series, replayed",
            unit: "s",
            ours: *replayed,
            reference: tail * 1e-9 * bins,
            most: 0.3,
        },
        Figure {
            what: "a tick, mean of 60",
            unit: "s",
            ours: *mean,
            reference: a_tick,
            most: 0.5,
        },
        Figure {
            what: "a tick, worst of 60",
            unit: "s",
            ours: *worst,
            reference: a_tick,
            most: 0.5,
        },
        Figure {
            what: "resident memory of a series",
            unit: "KiB",
            ours: *resident,
            reference: *slots,
            most: 48.0,
        },
    ]))
}

/// The figures that a process of its own measures.
fn ask(task: &[&str]) -> anyhow::Result<Vec<f64>> {
    let arguments: Vec<&str> = std::iter::once("traffic-worker")
        .chain(task.iter().copied())
        .collect();
    let line = Child::start(&arguments)?.line()?;
    Ok(line.split(' ').map(str::parse).collect::<Result<Vec<f64>, _>>()?)
}

fn judge(figures: &[Figure]) -> bool {
    let mut held = true;
    println!("{:<42} {:>9} {:>11} {:>7}", "", "linkwatch", "reference", "ratio");
    for Figure {
        what,
        unit,
        ours,
        reference,
        most,
    } in figures
    {
        let verdict = if ours <= most { "held" } else { "EXCEEDED" };
        held &= ours <= most;
        let ratio = ours / reference;
        println!(
            "{what:<42} {ours:>9.3} {reference:>11.4} {ratio:>7.1}   ceiling {most} {unit:<4} {verdict}"
        );
    }
    held
}
