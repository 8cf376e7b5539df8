//! CPU per probe, for every prober, beside blackbox_exporter: of the probe alone, and of a whole linkwatch that is asked by
//! `/probe`.

use anyhow::ensure;

use crate::Options;
use crate::both::{Both, PROBES, Probe, Program, ask_well, asked_for, client};
use crate::child::Child;
use crate::meter::{count, cpu, median};

/// Probes before the first that count.
const WARM_UP: usize = 100;

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
    alone: Vec<f64>,
    asked: Vec<f64>,
    blackbox: Vec<f64>,
}

async fn measure(rounds: usize, probes: usize) -> anyhow::Result<bool> {
    let both = Both::start().await?;
    println!(
        "CPU (user and system) per probe in µs, one at a time, median of {rounds} rounds of {probes} probes:"
    );
    println!("linkwatch's probe alone; the whole program and blackbox_exporter, both asked by /probe");
    println!(
        "{:<14} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8}",
        "", "alone", "/probe", "blackbox", "ratio", "ratio", "ceiling"
    );
    let mut held = true;
    for probe in PROBES {
        let url = both.url(probe.url);
        let mut alone = both.alone(probe)?;
        let [ours, theirs] = both.programs();
        let mut figures = Figures::default();
        for round in 0..=rounds {
            // The first round warms up.
            let probes = if round == 0 { WARM_UP } else { probes };
            let by_itself = per_lone_probe(&mut alone, probes)?;
            let ours = per_probe(&ours, probe, &url, probes).await?;
            let theirs = per_probe(&theirs, probe, &url, probes).await?;
            if round > 0 {
                figures.alone.push(by_itself);
                figures.asked.push(ours);
                figures.blackbox.push(theirs);
            }
        }
        held &= judge(probe, &figures);
    }
    Ok(held)
}

fn per_lone_probe(worker: &mut Child, probes: usize) -> anyhow::Result<f64> {
    let before = cpu(worker.pid())?;
    let failed = worker.ask(&probes.to_string())?;
    let spent = cpu(worker.pid())?.saturating_sub(before);
    ensure!(failed == "0", "{failed} of {probes} probes failed");
    Ok(spent.as_secs_f64() * 1e6 / count(u64::try_from(probes)?))
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
    let ratios = [ratio(&figures.alone), ratio(&figures.asked)];
    let held = ratios.map(|ratio| if ratio <= probe.most { "held" } else { "EXCEEDED" });
    println!(
        "{:<14} {:>9.0} {:>9.0} {:>9.0} {:>9.3} {:>9.3} {:>8} {}, {}",
        probe.name,
        median(&figures.alone),
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
