//! CPU per scrape of `/probe`, for every prober, beside blackbox_exporter.

use anyhow::ensure;

use crate::Options;
use crate::both::{Both, PROBES, Probe, Program, ask_well, client};
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

async fn measure(rounds: usize, probes: usize) -> anyhow::Result<bool> {
    let both = Both::start().await?;
    println!("CPU (user and system) per scrape of /probe in µs, median of {rounds} rounds; one at a time");
    println!(
        "{:<16} {:>10} {:>18} {:>7} {:>8}",
        "", "linkwatch", "blackbox_exporter", "ratio", "ceiling"
    );
    let mut held = true;
    for probe in PROBES {
        let target = both.target(probe.target);
        let [ours, theirs] = both.programs();
        let mut figures = [Vec::new(), Vec::new()];
        for round in 0..=rounds {
            // The first round warms up.
            let probes = if round == 0 { WARM_UP } else { probes };
            let ours = per_probe(&ours, probe, &target, probes).await?;
            let theirs = per_probe(&theirs, probe, &target, probes).await?;
            if round > 0 {
                figures[0].push(ours);
                figures[1].push(theirs);
            }
        }
        held &= judge(probe, &figures);
    }
    Ok(held)
}

async fn per_probe(program: &Program, probe: Probe, target: &str, probes: usize) -> anyhow::Result<f64> {
    let client = client()?;
    let url = program.probe(probe.module, target)?;
    let before = cpu(program.pid)?;
    ask_well(&client, &url, probes).await?;
    let spent = cpu(program.pid)?.saturating_sub(before);
    Ok(spent.as_secs_f64() * 1e6 / count(u64::try_from(probes)?))
}

fn judge(probe: Probe, [ours, theirs]: &[Vec<f64>; 2]) -> bool {
    let ratios: Vec<_> = ours
        .iter()
        .zip(theirs)
        .map(|(ours, theirs)| ours / theirs)
        .collect();
    let ratio = median(&ratios);
    let held = ratio <= probe.most;
    println!(
        "{:<16} {:>10.0} {:>18.0} {ratio:>7.3} {:>8} {}",
        probe.name,
        median(ours),
        median(theirs),
        probe.most,
        if held { "held" } else { "EXCEEDED" }
    );
    held
}
