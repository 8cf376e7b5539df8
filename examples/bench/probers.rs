//! CPU per probe, for every prober, beside blackbox_exporter: of a linkwatch that watches by itself, and of one that is
//! asked by `/probe`.

use std::time::Duration;

use anyhow::ensure;

use crate::Options;
use crate::both::{Both, PROBES, Probe, Program, ask_well, asked_for, client};
use crate::meter::{count, cpu, median};
use crate::watch::Watch;

/// Probes before the first that count.
const WARM_UP: usize = 100;

/// Endpoints of the one that watches by itself, each probed once a second.
const ENDPOINTS: usize = 100;

/// How long it does before it is measured.
const SETTLE: Duration = Duration::from_secs(2);

/// Measures; `false` when a ceiling was passed.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    let rounds = options.number("rounds", 5);
    ensure!(rounds % 2 == 1, "a median wants an odd number of rounds");
    let probes = options.number("probes", 1000);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(measure(rounds, probes))
}

/// What probes cost, in µs, round by round.
#[derive(Debug, Default)]
struct Figures {
    watching: Vec<f64>,
    asked: Vec<f64>,
    blackbox: Vec<f64>,
}

async fn measure(rounds: usize, probes: usize) -> anyhow::Result<bool> {
    let both = Both::start().await?;
    println!(
        "CPU (user and system) of the whole program per probe in µs, median of {rounds} rounds of {probes} probes:"
    );
    println!(
        "linkwatch watching {ENDPOINTS} endpoints once a second, linkwatch and blackbox_exporter asked by /probe one at a time"
    );
    println!(
        "{:<14} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8}",
        "", "watching", "/probe", "blackbox", "ratio", "ratio", "ceiling"
    );
    let mut held = true;
    for probe in PROBES {
        let url = both.url(probe.url);
        let watching = both.watching(probe, ENDPOINTS).await?;
        tokio::time::sleep(SETTLE).await;
        let [ours, theirs] = both.programs();
        let mut figures = Figures::default();
        for round in 0..=rounds {
            // The first round warms up.
            let probes = if round == 0 { WARM_UP } else { probes };
            let by_itself = while_watching(&watching, probes).await?;
            let ours = per_probe(&ours, probe, &url, probes).await?;
            let theirs = per_probe(&theirs, probe, &url, probes).await?;
            if round > 0 {
                figures.watching.push(by_itself);
                figures.asked.push(ours);
                figures.blackbox.push(theirs);
            }
        }
        held &= judge(probe, &figures);
    }
    Ok(held)
}

/// Of one that goes on watching meanwhile, as those that are measured next do.
async fn while_watching(watch: &Watch, probes: usize) -> anyhow::Result<f64> {
    let made = || async { anyhow::Ok(watch.figures().await?.sum("linkwatch_probes_total")) };
    let (before, spent_before) = (made().await?, cpu(watch.pid())?);
    let length = count(u64::try_from(probes)?) / count(u64::try_from(ENDPOINTS)?);
    tokio::time::sleep(Duration::from_secs_f64(length)).await;
    let spent = cpu(watch.pid())?.saturating_sub(spent_before);
    let figures = watch.figures().await?;
    ensure!(
        figures.sum("linkwatch_endpoint_probe_failures_total") == 0.0,
        "a probe of the catalogue failed"
    );
    Ok(spent.as_secs_f64() * 1e6 / (figures.sum("linkwatch_probes_total") - before))
}

async fn per_probe(program: &Program, probe: Probe, url: &str, probes: usize) -> anyhow::Result<f64> {
    let client = client()?;
    let url = program.probe(probe.module, asked_for(url))?;
    let before = cpu(program.pid)?;
    ask_well(&client, &url, probes).await?;
    let spent = cpu(program.pid)?.saturating_sub(before);
    Ok(spent.as_secs_f64() * 1e6 / count(u64::try_from(probes)?))
}

fn judge(probe: Probe, figures: &Figures) -> bool {
    let ratio = |ours: &[f64]| {
        let ratios: Vec<_> = ours
            .iter()
            .zip(&figures.blackbox)
            .map(|(ours, theirs)| ours / theirs)
            .collect();
        median(&ratios)
    };
    let ratios = [ratio(&figures.watching), ratio(&figures.asked)];
    let held = ratios.map(|ratio| if ratio <= probe.most { "held" } else { "EXCEEDED" });
    println!(
        "{:<14} {:>9.0} {:>9.0} {:>9.0} {:>9.3} {:>9.3} {:>8} {}, {}",
        probe.name,
        median(&figures.watching),
        median(&figures.asked),
        median(&figures.blackbox),
        ratios[0],
        ratios[1],
        probe.most,
        held[0],
        held[1]
    );
    ratios.iter().all(|ratio| *ratio <= probe.most)
}
